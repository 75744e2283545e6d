"""Typed losses: what the language means, its gradients, and its answers to nonsense."""

import numpy as np
import pytest
from hypothesis import given, settings

import optlib
from optlib import expression
from optlib.expression import OPERATIONS, ExpressionError, parse, problem_of
from tests.losses_to_type import LOSSES, NONSENSE

SAME = {  # a text: the same with every parenthesis written
    "-x^2": "-(x^2)",
    "x^2^3": "x^(2^3)",
    "2^-x^2": "2^(-(x^2))",
    "-x*y": "(-x)*y",
    "2^-x*y": "(2^(-x))*y",
    "x - y - 1": "(x - y) - 1",
    "x / y / 2": "(x / y) / 2",
    "x + y*x^2": "x + (y*(x^2))",
    "+x - -y": "x - (-y)",
    "x**2": "x^2",
    "x·y − 2×x": "x*y - 2*x",
}


@pytest.mark.parametrize("text", SAME)
def test_precedence(text):
    x = np.array([1.3, 0.7])
    assert problem_of(text).value(x) == problem_of(SAME[text]).value(x)


VALUES = {
    "exp(x) + log(y)": np.exp(1.3) + np.log(0.7),
    "sqrt(x)*sin(y)/cos(x)": np.sqrt(1.3) * np.sin(0.7) / np.cos(1.3),
    "tan(x) + tanh(y)": np.tan(1.3) + np.tanh(0.7),
    "sigmoid(x)": 1 / (1 + np.exp(-1.3)),
    "abs(-x) + abs(y)": 2.0,
    "min(x, y) - 2*max(x, y)": 0.7 - 2.6,
    "pi*x - e*y": np.pi * 1.3 - np.e * 0.7,
    "1.5e1*x + .5": 20.0,
}


@pytest.mark.parametrize("text", VALUES)
def test_values(text):
    assert problem_of(text).value([1.3, 0.7]) == pytest.approx(VALUES[text], rel=1e-14)


@pytest.mark.parametrize(
    "text, cls",
    [
        ("(1 - x)^2 + 100*(y - x^2)^2", optlib.Rosenbrock),
        ("(x^2 + y - 11)^2 + (x + y^2 - 7)^2", optlib.Himmelblau),
        ("x^2 - y^2", optlib.Saddle),
        ("x^3 - 3*x*y^2", optlib.MonkeySaddle),
        ("(x*y - 1)^2/2", optlib.ProductModel),
    ],
)
def test_a_typed_problem_equals_the_library_s(text, cls):
    typed, known = problem_of(text), cls()
    x = np.random.default_rng(0).uniform(-2, 2, (2, 50))
    for what in ("value", "gradient", "hessian"):
        ours, theirs = getattr(typed, what)(x), getattr(known, what)(x)
        np.testing.assert_allclose(ours, theirs, rtol=1e-11, atol=1e-11)
    run = optlib.run(optlib.Adam, typed, 50, [0.5, 0.4], lr=0.05)
    np.testing.assert_allclose(
        run.x, optlib.run(optlib.Adam, known, 50, [0.5, 0.4], lr=0.05).x, rtol=1e-8
    )


def complex_step(problem, x):
    """The gradient without any slope: Im f(x + i h) / h."""
    h = 1e-30
    moved = [problem.f(x + 1j * h * unit) for unit in np.eye(2)]
    return np.array([np.imag(v) for v in moved]) / h


@pytest.mark.parametrize("name", expression.FUNCTIONS)
def test_the_slopes_of_every_function(name):
    inside = ["1.2 + x^2*y", "x - 2*y"][: expression.ARGUMENTS[name]]
    p = problem_of(f"{name}({', '.join(inside)})")
    for x in np.random.default_rng(1).uniform(-0.9, 0.9, (20, 2)):
        np.testing.assert_allclose(p.grad(x), complex_step(p, x), rtol=1e-12, atol=1e-12)


def rough(problem, x, rng):
    """The value and gradient with an error of 1e-13 in each operation: how well conditioned."""
    noisy = {
        name: op._replace(value=lambda *a, f=op.value: f(*a) * (1 + 1e-13 * rng.choice([-1, 1])))
        for name, op in OPERATIONS.items()
    }
    before = dict(OPERATIONS)
    OPERATIONS.update(noisy)
    try:
        return problem.f(x), problem.grad(x)
    finally:
        OPERATIONS.update(before)


@settings(max_examples=300)
@given(LOSSES)
def test_gradients_agree_with_the_complex_step(text):
    try:
        p = problem_of(text)
    except ExpressionError as error:  # random losses may contain neither x nor y, or be too long
        assert str(error) in (
            expression.MESSAGES["constant"], expression.MESSAGES["long"]
        )  # fmt: skip
        return
    rng = np.random.default_rng(0)
    for x in ([0.83, 1.21], [1.7, -0.6]):
        x = np.array(x)
        with np.errstate(all="ignore"):
            steps = p._evaluate(x)
            if not all(np.isfinite(steps)) or max(map(abs, steps)) > 1e100:
                continue
            g, exact = p.grad(x), complex_step(p, x)
            spread = np.max([abs(rough(p, x, rng)[1] - g) for _ in range(4)], axis=0)
        if not (np.isfinite(g).all() and np.isfinite(exact).all() and np.isfinite(spread).all()):
            continue
        kinks = [
            abs(steps[i[1]] - (steps[i[2]] if len(i) > 2 else 0)) < 1e-9
            for i in p.operations if i[0] in ("abs", "min", "max")
        ]  # fmt: skip
        if not any(kinks):
            assert (abs(g - exact) <= 1e-10 * abs(exact) + 100 * spread + 1e-250).all(), (text, x)


@settings(max_examples=300)
@given(NONSENSE)
def test_nonsense_is_refused_with_a_place_and_nothing_else_happens(text):
    try:
        operations = parse(text)
    except ExpressionError as error:
        assert error.at is None or 1 <= error.at <= len(text) + 1
        assert f"at character {error.at}: " in str(error) or error.at is None
        return
    for i, (name, *arguments) in enumerate(operations):  # what came out is only what may
        assert name in OPERATIONS or name in ("x", "y") or isinstance(name, float)
        assert all(0 <= j < i for j in arguments)


WRONG = {  # a text: where and what
    "": (None, "there is no loss"),
    "  \t": (None, "there is no loss"),
    "1 + 2": (None, "neither x nor y"),
    "x" * 301: (None, "at most 300"),
    "2x": (2, "2*x"),
    "x y": (3, "missing before “y”"),
    "x^2 + log(z)": (11, "“z” is not known"),
    "X + y": (1, "“X” is not known"),
    "x +": (4, "there is the end"),
    "x * / y": (5, "“/”"),
    "(x + y": (1, "never closed"),
    "x + (y*(2 - x)": (5, "never closed"),
    "x + y)": (6, "never opened"),
    "sin x": (1, "sin(x)"),
    "max(x)": (1, "max takes 2 values, and here it gets 1 value"),
    "exp(x, y)": (1, "exp takes 1 value, and here it gets 2 values"),
    "x, y": (2, "comma"),
    "(x, y)": (3, "comma"),
    "x = 2": (3, "“=” does not belong"),
    "x; y": (2, "“;” does not belong"),
    "1e400*x": (1, "too large"),
    "(" * 41 + "x" + ")" * 41: (42, "nested deeper"),
    "x" + "^x" * 60: (None, "nested deeper"),
    "__import__('os').system('true')": (12, "“'” does not belong"),
    "x.__class__": (2, "does not belong"),
    "exec(x)": (1, "“exec” is not known"),
}


@pytest.mark.parametrize("text", WRONG)
def test_answers(text):
    at, words = WRONG[text]
    with pytest.raises(ExpressionError) as error:
        problem_of(text)
    assert words in str(error.value)
    if at is not None:
        assert error.value.at == at


def test_points_without_a_value_have_no_gradient_either():
    for text, x in {"log(x)": [-1.0, 0.0], "sqrt(x)": [-1.0, 0.0], "x^0.5": [-2.0, 0.0]}.items():
        p = problem_of(text + " + y")
        assert np.isnan(p.value(x)) and np.isnan(p.gradient(x)[0])
        assert np.isnan(p.hessian(x)).any()


@pytest.mark.parametrize("text", ["10^1000", "1/0", "0^-1", "(-8)^(1/3)", "log(-1)", "exp(999)"])
def test_constants_without_a_value_are_no_exceptions(text):
    p = problem_of(f"x + {text}")
    assert not np.isfinite(p.value([1.0, 2.0])) and p.gradient(np.ones((2, 3))).shape == (2, 3)


def test_slopes_at_kinks_and_at_zero():
    assert problem_of("abs(x) + y").gradient([0.0, 0.0])[0] == 0
    assert problem_of("max(x, y)").gradient([1.0, 1.0]).tolist() == [0.5, 0.5]
    assert problem_of("min(x, y)").gradient([1.0, 2.0]).tolist() == [1, 0]
    assert problem_of("x^2 + y^1").gradient([0.0, 3.0]).tolist() == [0, 1]
    assert problem_of("x^0 + y").gradient([0.0, 3.0]).tolist() == [0, 1]
    assert problem_of("x^y").gradient([0.0, 2.0]).tolist() == [0, 0]


def test_it_takes_sweeps_grids_and_losses_of_one_variable():
    p = problem_of("x^2")
    assert p.value(np.ones((2, 3, 4))).shape == (3, 4)
    assert p.gradient(np.ones((2, 3, 4))).shape == (2, 3, 4)
    assert p.hessian(np.ones((2, 3))).shape == (2, 2, 3)
    assert optlib.sweep(optlib.GD, p, 5, lr=[0.1, 0.2]).f.shape == (6, 2)
    with pytest.raises(TypeError, match="a loss is a text"):
        problem_of(3)
    assert repr(p) == "Expression('x^2')"
    assert problem_of("x", start=(0, 5)).start == (0.0, 5.0)
