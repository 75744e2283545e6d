"""The registries: complete, and a wrong name lists the right ones."""

import numpy as np
import pytest

import optlib
from optlib import MATRIX_OPTIMIZERS, OPTIMIZERS, PROBLEMS, SCHEDULES, Optimizer, Problem, lookup
from optlib.matrix import MatrixOptimizer
from optlib.schedules import Schedule

TABLES = [
    (OPTIMIZERS, Optimizer),
    (MATRIX_OPTIMIZERS, MatrixOptimizer),
    (PROBLEMS, Problem),
    (SCHEDULES, Schedule),
]


def descendants(cls):
    for sub in cls.__subclasses__():
        yield sub
        yield from descendants(sub)


ELSEWHERE = (
    "optlib.benchmark",  # one rule with steps of another size
    "optlib.compat",  # what others mean by a name, not rules of the book
    "optlib.expression",  # losses that somebody types: they have a text, and no name
    "optlib.widgets",  # how a picture of two axes shows a problem of one variable
)


@pytest.mark.parametrize(("table", "base"), TABLES)
def test_every_class_of_the_library_is_there_under_its_name(table, base):
    public = {
        cls.__name__: cls
        for cls in descendants(base)
        if cls.__module__.startswith("optlib.")
        and not cls.__module__.startswith(ELSEWHERE)
        and (base is not Optimizer or not issubclass(cls, MatrixOptimizer))
    }
    assert table == public
    assert base not in table.values()
    for name, cls in table.items():
        assert getattr(optlib, name) is cls, f"optlib does not export {name}"


def test_the_known_names():
    assert {"GD", "SGD", "Momentum", "Nesterov", "Adagrad", "RMSprop", "Adam"} <= set(OPTIMIZERS)
    assert {"Quadratic", "Rosenbrock", "LeastSquares"} <= set(PROBLEMS)
    assert {"Constant", "Step", "Cosine"} <= set(SCHEDULES)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_an_optimizer_declares_what_its_formula_takes(name):
    cls = OPTIMIZERS[name]
    code = cls.update.__code__
    hyper = [key for key in cls.defaults if key not in cls.initial.values()]
    wanted = ["self", "t", "x", "g", *cls.memory, *hyper]
    assert list(code.co_varnames[: code.co_argcount]) == wanted
    assert all(isinstance(value, (int, float)) for value in cls.defaults.values())
    taken = {"optimizer", "problem", "steps", "start"}  # by optlib.run and optlib.sweep
    assert not taken & set(cls.defaults)
    opt = cls(np.zeros(3))
    assert {key: value.shape for key, value in opt.state.items()} == {
        key: (3,) for key in cls.memory
    }


@pytest.mark.parametrize(("table", "base"), TABLES)
def test_lookup(table, base):
    name = next(iter(table))
    assert lookup(table, name) is table[name]
    with pytest.raises(KeyError, match="there is no 'Adamm'; there are ") as error:
        lookup(table, "Adamm")
    assert all(name in str(error.value) for name in table)
