"""Adagrad, RMSprop and Adam: first steps, steady states and scale, by hand."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optlib import Adagrad, Adam, RMSprop

ADAPTIVE = [Adagrad, RMSprop, Adam]


def path(cls, gs, **hyper):
    opt = cls(np.zeros(np.shape(gs)[1:]), **hyper)
    return np.array([opt.step(g).copy() for g in gs])


@pytest.mark.parametrize("g", [1e-3, -0.2, 7.0])
@pytest.mark.parametrize("lr", [0.01, 0.5])
def test_first_step(g, lr):
    for cls, factor in {Adagrad: 1, RMSprop: np.sqrt(1 - 0.99), Adam: 1}.items():
        moved = -path(cls, [[g]], lr=lr, eps=0.0)[0, 0]
        np.testing.assert_allclose(moved, lr * np.sign(g) / factor, rtol=1e-13)
        size = abs(g) * factor
        moved = -path(cls, [[g]], lr=lr, eps=0.5)[0, 0]
        np.testing.assert_allclose(moved, lr * g / (size + 0.5), rtol=1e-13)


def test_adagrad_under_a_constant_gradient_slows_like_one_over_root_t():
    x = path(Adagrad, np.full((100, 1), 3.0), lr=1.0, eps=0.0)
    wanted = -np.cumsum(1 / np.sqrt(np.arange(1, 101)))
    np.testing.assert_allclose(x[:, 0], wanted, rtol=1e-13)
    np.testing.assert_allclose(x[-1, 0], -18.589604, atol=1e-6)


def test_rmsprop_under_a_constant_gradient():
    # v = (1 - beta2^t) g^2: the first step is 1/sqrt(1 - beta2) too long, then it settles at lr.
    x = path(RMSprop, np.full((3000, 1), 3.0), lr=0.01, beta2=0.9, eps=0.0)[:, 0]
    t = np.arange(1, 3001)
    np.testing.assert_allclose(-np.diff(x, prepend=0), 0.01 / np.sqrt(1 - 0.9**t), rtol=1e-9)
    np.testing.assert_allclose(-x[0], 0.01 * 3.16228, rtol=1e-5)


def test_adam_under_a_constant_gradient_moves_by_lr_from_the_first_step_on():
    for g in (1e-3, 5.0):
        x = path(Adam, np.full((3000, 1), g), lr=0.01, eps=0.0)[:, 0]
        np.testing.assert_allclose(-np.diff(x, prepend=0), 0.01, rtol=1e-9)


def test_adam_after_a_long_silence():
    # One unit gradient after 30 000 zeros: (1 - beta1) / sqrt(1 - beta2) = 3.162 times lr.
    opt = Adam(np.zeros(1), lr=1.0)
    for _ in range(30_000):
        opt.advance(np.zeros(1))
    assert opt.x == 0
    np.testing.assert_allclose(-opt.step([1.0]), 3.16228, atol=1e-4)


def test_eps_stands_outside_the_root_and_after_the_correction():
    np.testing.assert_allclose(-path(Adam, [[2.0]], lr=1.0, eps=3.0), 2 / (2 + 3), rtol=1e-14)
    np.testing.assert_allclose(-path(Adagrad, [[2.0]], lr=1.0, eps=3.0), 2 / (2 + 3), rtol=1e-14)


def test_reductions():
    rng = np.random.default_rng(0)
    gs = rng.standard_normal((200, 5))
    # Adam without momentum is RMSprop with a correction of its start.
    t = np.arange(1, 201)[:, None]
    corrected = path(Adam, gs, lr=0.01, beta1=0.0, beta2=0.9, eps=0.0)
    plain = path(RMSprop, gs, lr=0.01, beta2=0.9, eps=0.0)
    steps = np.diff(plain, axis=0, prepend=0) * np.sqrt(1 - 0.9**t)
    np.testing.assert_allclose(np.diff(corrected, axis=0, prepend=0), steps, atol=1e-14)
    # With no memory at all only the sign of the gradient is left.
    signs = path(RMSprop, gs, lr=0.25, beta2=0.0, eps=0.0)
    wanted = -0.25 * np.cumsum(np.sign(gs), axis=0)
    np.testing.assert_allclose(signs, wanted, rtol=0, atol=1e-10)
    same = path(Adam, gs, lr=0.25, beta1=0.0, beta2=0.0, eps=0.0)
    np.testing.assert_allclose(same, wanted, rtol=0, atol=1e-10)


@pytest.mark.parametrize("cls", ADAPTIVE)
@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), power=st.integers(-200, 200))
def test_a_power_of_two_in_the_gradient_changes_nothing(cls, seed, power):
    # Scaling by a power of two is exact, so without eps even the last bit stays.
    gs = np.random.default_rng(seed).standard_normal((20, 7))
    np.testing.assert_array_equal(path(cls, 2.0**power * gs, eps=0.0), path(cls, gs, eps=0.0))


@pytest.mark.parametrize("cls", ADAPTIVE)
def test_zero_gradients_are_harmless(cls):
    assert (path(cls, np.zeros((5, 2))) == 0).all()
