"""Every example in a docstring runs and prints what it says; every optimizer explains itself."""

import doctest
import importlib
import inspect
import pkgutil

import pytest

import optlib

MODULES = [
    name
    for _, name, _ in pkgutil.walk_packages(optlib.__path__, "optlib.")
]  # fmt: skip


@pytest.mark.parametrize("name", ["optlib", *MODULES])
def test_examples_run(name):
    module = importlib.import_module(name)
    assert module.__doc__, f"{name} says nothing of itself"
    assert doctest.testmod(module).failed == 0


@pytest.mark.parametrize("cls", optlib.OPTIMIZERS.values(), ids=lambda cls: cls.__name__)
def test_an_optimizer_names_its_hyperparameters_and_its_source(cls):
    text = inspect.getdoc(cls)
    assert "References\n----------" in text
    parameters = text if cls.__doc__.count("Parameters") else inspect.getdoc(cls.__mro__[1])
    for name in cls.defaults:
        assert name in parameters, f"{cls.__name__} does not explain {name}"
