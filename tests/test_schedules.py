"""Schedules: their values by hand, arrays of steps, and bad input."""

import math

import numpy as np
import pytest

from optlib import SCHEDULES, Constant, Cosine, Step

EXAMPLES = {
    "Constant": Constant(0.3),
    "Step": Step(0.1, every=30, factor=0.5),
    "Cosine": Cosine(0.1, steps=100, end=0.01),
}


@pytest.fixture(params=SCHEDULES)
def schedule(request):
    assert request.param in EXAMPLES, "give the new schedule an example in EXAMPLES"
    return EXAMPLES[request.param]


def test_constant():
    assert [Constant(0.3)(t) for t in (1, 2, 1000)] == [0.3] * 3


def test_step_drops_after_every_so_many_steps():
    lr = Step(0.1, every=30)
    np.testing.assert_allclose(
        [lr(t) for t in (1, 30, 31, 60, 61, 91)], [0.1, 0.1, 0.01, 0.01, 1e-3, 1e-4], rtol=1e-14
    )
    assert [Step(1.0, 2, 0.5)(t) for t in range(1, 8)] == [1, 1, 0.5, 0.5, 0.25, 0.25, 0.125]
    assert [Step(1.0, 1, 0.5)(t) for t in range(1, 4)] == [1, 0.5, 0.25]
    assert [Step(1.0, 2, 0)(t) for t in (2, 3)] == [1, 0]


def test_cosine_is_half_a_wave_and_then_stays():
    lr = Cosine(0.1, steps=100, end=0.02)
    assert lr(1) == 0.1
    np.testing.assert_allclose(lr(51), 0.06, rtol=1e-14)
    np.testing.assert_allclose(lr(26), 0.06 + 0.04 * math.sqrt(0.5), rtol=1e-14)
    assert lr(101) == lr(102) == lr(10_000) == 0.02
    assert Cosine(0.1, 100)(101) == 0.0
    assert all(lr(t) > lr(t + 1) for t in range(1, 101))


def test_an_array_of_steps_gives_an_array_of_the_single_values(schedule):
    t = np.arange(1, 241)
    single = np.array([schedule(int(s)) for s in t])
    np.testing.assert_allclose(schedule(t), single, rtol=1e-15, atol=1e-17)
    np.testing.assert_array_equal(schedule(t.reshape(20, 12)), schedule(t).reshape(20, 12))
    np.testing.assert_array_equal(schedule([1, 2, 3]), schedule(t[:3]))


def test_a_single_value_is_a_python_float(schedule):
    # A numpy float64 would make a float32 step compute in float64.
    assert type(schedule(1)) is float
    assert type(schedule(np.int64(7))) is float


@pytest.mark.parametrize("t", [0, -3, 0.5, math.nan, [1, 2, 0], np.arange(5)], ids=repr)
def test_steps_are_counted_from_one(schedule, t):
    with pytest.raises(ValueError, match="counted from t = 1"):
        schedule(t)


def test_positions_and_names(schedule):
    cls = type(schedule)
    assert cls(*schedule.numbers.values()).numbers == schedule.numbers
    assert repr(schedule) == repr(cls(**schedule.numbers))
    with pytest.raises(TypeError, match=f"{cls.__name__} takes {', '.join(cls.defaults)}; got 9"):
        cls(*range(9))
    with pytest.raises(TypeError, match=f"has no 'speed'; it has {', '.join(cls.defaults)}"):
        cls(speed=1)
    with pytest.raises(TypeError, match="got 'value' twice"):
        cls(1.0, value=2.0)
    with pytest.raises(TypeError, match=f"{cls.__name__} needs value"):
        cls()


def test_repr():
    assert repr(Step(0.1, 30)) == "Step(value=0.1, every=30, factor=0.1)"


@pytest.mark.parametrize("value", ["0.1", math.nan, math.inf, 1j, True], ids=repr)
def test_numbers_that_are_none(schedule, value):
    for key in schedule.numbers:
        with pytest.raises(ValueError, match=f"{key}={value!r} must be a finite number"):
            type(schedule)(**{**schedule.numbers, key: value})


@pytest.mark.parametrize("length", [0, -1, 0.5])
def test_a_length_below_one_step(length):
    with pytest.raises(ValueError, match=f"steps={length} must be at least 1"):
        Cosine(0.1, steps=length)
    with pytest.raises(ValueError, match=f"every={length} must be at least 1"):
        Step(0.1, every=length)
