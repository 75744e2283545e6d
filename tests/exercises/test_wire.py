"""What crosses the wall, and what does not."""

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import optlib
from exercises.cases import Case, Wrong, array, same, verdict
from exercises.inside import answer, load
from exercises.wire import DTYPES, Formula, WireError, from_json, to_json

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
ARRAYS = hnp.arrays(
    st.sampled_from(DTYPES).map(np.dtype), hnp.array_shapes(min_dims=1, min_side=0, max_side=4)
)


@given(PLAIN)
def test_data_returns_as_it_went(value):
    assert repr(from_json(to_json(value))) == repr(value)


@given(ARRAYS)
def test_arrays_return_to_the_last_bit(value):
    back = from_json(to_json([value]))[0]
    assert back.dtype == value.dtype and back.shape == value.shape
    assert back.tobytes() == value.tobytes()
    assert back.flags.writeable and type(back) is np.ndarray


def test_numbers_of_numpy_become_numbers():
    values = [np.float64(0.1), np.float32(0.5), np.int16(3), np.uint8(200), np.bool_(True)]
    back = from_json(to_json([*values, np.array(2.0)]))
    assert back == [0.1, 0.5, 3, 200, True, 2.0]
    assert [type(x) for x in back] == [float, float, int, int, bool, float]
    assert from_json(to_json((1, (2.0,)))) == [1, [2.0]]
    assert math.isnan(from_json(to_json(math.nan)))


class Loud(np.ndarray):
    def __eq__(self, other):
        raise AssertionError("the grader called a method of a student's object")


def test_subclasses_lose_their_class():
    assert type(from_json(to_json(np.ones(3).view(Loud)))) is np.ndarray
    masked = np.ma.masked_array([1.0, 2.0], mask=[True, False])
    assert type(from_json(to_json(masked))) is np.ndarray


@pytest.mark.parametrize(
    ("value", "says"),
    [
        (object(), "a value of type object cannot be handed in"),
        (lambda x: x, "a value of type function cannot be handed in"),
        (1j, "a value of type complex"),
        (np.ones(2) * 1j, "an array of complex128 cannot be handed in"),
        (np.array([object()]), "an array of object cannot be handed in"),
        (np.array(["a"]), "an array of <U1 cannot be handed in"),
        (2**63, "beyond 64 bits"),
        (np.array([2**63], dtype=np.uint64), "beyond 64 bits"),
        ({1: 2}, "keys are strings, not 1"),
        ({1, 2}, "a value of type set"),
        (b"bytes", "a value of type bytes"),
    ],
)
def test_what_is_not_data_stays_inside(value, says):
    with pytest.raises(WireError, match=says):
        to_json([value])


def test_nesting_has_an_end():
    deep = []
    deep.append(deep)
    with pytest.raises(WireError, match="nested more than"):
        to_json(deep)
    with pytest.raises(WireError):
        from_json("[" * 50 + "]" * 50)
    with pytest.raises(WireError):
        from_json("[" * 200_000)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "NaN",
        "[Infinity]",
        "1e999",
        "{}",
        '{"a": 1, "b": 2}',
        '{"pickle": "gASVAAAA"}',
        '{"float": "1"}',
        '{"float": ["nan"]}',
        '{"dict": 3}',
        '{"array": 3}',
        '{"array": ["<f8", [2], ""]}',
        '{"array": ["<f8", [-1], ""]}',
        '{"array": ["<f8", [true], "AAAAAAAAAAA="]}',
        '{"array": ["<f8", [1], "***"]}',
        '{"array": ["<f8", [1], 5]}',
        '{"array": ["|O", [1], "AAAAAAAAAAA="]}',
        '{"array": [">f8", [1], "AAAAAAAAAAA="]}',
        '{"array": ["<c8", [1], "AAAAAAAAAAA="]}',
        '{"array": ["<f8", [2], "AAAAAAAAAAA="]}',
        '{"array": ["<f8", [1], "AAAAAAAAAA=="]}',
        '{"array": [["<f8"], [1], "AAAAAAAAAAA="]}',
        '{"array": ["<f8", [4294967296, 4294967296], ""]}',
        '{"formula": ["gradient", "Quadratic", []]}',
        '{"formula": [1, "Quadratic", {"dict": {}}]}',
        "1" * 5000,
    ],
)
def test_a_text_that_is_no_message(text):
    with pytest.raises(WireError):
        from_json(text)


@given(st.text() | PLAIN.map(json.dumps))
def test_any_text_is_a_value_or_an_error_that_says_so(text):
    try:
        from_json(text)
    except WireError:
        pass


@pytest.mark.parametrize("name", optlib.PROBLEMS)
def test_a_formula_arrives_as_the_function_of_optlib(name):
    parameters = {"LeastSquares": {"X": np.eye(3) + 1, "y": np.arange(3.0)}}.get(name, {})
    problem = optlib.PROBLEMS[name](**parameters)
    point = np.array(problem.start, dtype=float) + 0.1
    for function in ("value", "gradient", "hessian"):
        formula = from_json(to_json(Formula(function, name, parameters)))
        np.testing.assert_array_equal(formula.build()(point), getattr(problem, function)(point))
    gradient = formula = Formula("gradient", name, parameters).build()
    assert gradient(list(point)).shape == point.shape
    gradient(np.full_like(point, np.inf))  # a run that diverged may go on
    with pytest.raises(ValueError, match=f"a point of {problem.dim} number"):
        gradient(np.ones((problem.dim, 2)))


def test_an_unknown_formula():
    with pytest.raises(WireError, match="no function 'slope'; there are value, gradient, hessian"):
        Formula("slope", "Quadratic").build()
    with pytest.raises(KeyError, match="Quadratc"):
        Formula("gradient", "Quadratc").build()


def case(**changes):
    given = dict(question="q", title="t", function="f", args={"x": 1.0}, points=1, check=len)
    return Case(**{**given, **changes})


def call(source, **changes):
    """The feedback on f of this source; the check accepts everything but says so."""
    namespace, _ = load([source])
    asked = case(**{"check": lambda result: None, **changes})
    return verdict(asked, from_json(answer(namespace, asked.request)))


def test_every_outcome_has_words():
    assert call("def f(x): return x") is None
    assert "there is no function f" in call("g = 1")
    assert "there is no function f" in call("f = 3")
    assert "f raised ZeroDivisionError: " in call("def f(x): return x / 0")
    assert "f is not written yet" in call("def f(x): raise NotImplementedError()")
    assert "f raised SystemExit" in call("import sys\ndef f(x): sys.exit()")
    assert "what f returns cannot be checked: a value of type set" in call("def f(x): return {x}")
    assert "f raised TypeError" in call("def f(): return 1")
    changes = "def f(x):\n    x[0] = 7\n    return 1"
    assert "f changed its argument x" in call(changes, args={"x": np.ones(2)}, unchanged=("x",))
    assert call(changes, args={"x": np.ones(2)}) is None


def test_an_expected_exception():
    asked = dict(check=None, raises="ValueError", why="x is negative")
    assert call("def f(x): raise ValueError('no')", **asked) is None
    assert call("class Mine(ValueError): pass\ndef f(x): raise Mine", **asked) is None
    said = call("def f(x): return 2", **asked)
    assert said == "f returned 2 although x is negative; it should raise ValueError"
    assert "raised KeyError instead of ValueError" in call("def f(x): raise KeyError(x)", **asked)
    assert "not written yet" in call("def f(x): raise NotImplementedError", **asked)


def test_a_cell_that_fails_costs_only_itself():
    namespace, errors = load(["a = 1", "b = a / 0", "import sys; sys.exit()", "def", "c = a + 1"])
    assert namespace["c"] == 2 and "b" not in namespace
    assert [error.split(":")[0] for error in errors] == ["cell 2", "cell 3", "cell 4"]


@pytest.mark.parametrize(
    "changes", [{"check": None}, {"raises": "ValueError"}, {"points": 0}, {"unchanged": ("y",)}]
)
def test_a_case_that_makes_no_sense(changes):
    with pytest.raises(ValueError, match="case 't'"):
        case(**changes)


def test_what_an_argument_may_hold_can_be_watched():
    value = {"kind": "he", "rows": [1, "two", None], "W": np.ones(3), "deep": [[1, 2], [3, 4]]}
    assert same(from_json(to_json(value)), value)
    for name, other in (("kind", "lecun"), ("rows", [1, "two", 3]), ("W", "1"), ("deep", [1, 2])):
        assert not same(value | {name: other}, value)
    assert same("a", "a") and same(None, None) and not same("a", 1.0) and not same(1.0, None)


def test_texts_among_numbers_take_no_memory():
    for value in (["x" * 1_000_000] + [""] * 100_000, [[1.0], ["x"]], "1", None, [{}]):
        with pytest.raises(Wrong):
            array(value, 1, "it")
    assert not same(["x" * 1_000_000] + [""] * 100_000, np.ones(3))


def test_no_whole_number_beyond_64_bits_comes_out():
    for text in (
        "9" * 400,
        '{"dict": {"returned": -9223372036854775809}}',
        "[18446744073709551616]",
    ):
        with pytest.raises(WireError):
            from_json(text)
