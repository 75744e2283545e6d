"""Gradient descent and its kin against closed forms, written without the library."""

import numpy as np
import pytest

from optlib import GD, SGD, ClassicalMomentum, EMAMomentum, Momentum, Nesterov, Step

H = np.array([1.0, 10.0])  # the curvatures of a quadratic without a problem class
MOMENTA = [Momentum, ClassicalMomentum, EMAMomentum, Nesterov]


def closed_loop(cls, steps, x0=(10.0, 1.0), **hyper):
    opt = cls(np.array(x0), **hyper)
    out = [opt.x.copy()]
    for _ in range(steps):
        out.append(opt.advance(H * opt.x).copy())
    return np.array(out)


def open_loop(cls, gs, **hyper):
    opt = cls(np.zeros(gs.shape[1]), **hyper)
    return np.array([opt.step(g).copy() for g in gs])


@pytest.fixture
def gs():
    rng = np.random.default_rng(5)
    return rng.standard_normal((300, 10)) * 10 ** rng.uniform(-3, 0.5, 10)


# ----------------------------------------------------------------------------------- closed forms


@pytest.mark.parametrize("lr", [0.01, 0.1, 2 / 11, 0.199, 0.2, 0.201])
def test_gd_on_a_quadratic_is_a_power(lr):
    t = np.arange(101)[:, None]
    wanted = np.array([10.0, 1.0]) * (1 - lr * H) ** t
    np.testing.assert_allclose(closed_loop(GD, 100, lr=lr), wanted, rtol=1e-12, atol=1e-15)


def jury(lr, beta, kind):
    """The step (x, m) -> (x, m) on f = h x^2 / 2 as a 2 x 2 matrix for each curvature h."""
    for h in H:
        if kind is Momentum:
            yield [[1 - lr * h, -lr * beta], [h, beta]]
        if kind is ClassicalMomentum:
            yield [[1 - lr * h, -beta], [lr * h, beta]]
        if kind is EMAMomentum:
            yield [[1 - lr * (1 - beta) * h, -lr * beta], [(1 - beta) * h, beta]]
        if kind is Nesterov:
            yield [[1 - lr * h * (1 + beta), -lr * beta * beta], [h, beta]]


@pytest.mark.parametrize("cls", MOMENTA)
@pytest.mark.parametrize(("lr", "beta"), [(0.1, 0.9), (0.2, 0.5), (4 / 11, (9 / 11) ** 2)])
def test_momentum_on_a_quadratic_is_a_matrix_power(cls, lr, beta):
    if cls is Nesterov:
        lr = min(lr, 0.12)
    steps = closed_loop(cls, 300, lr=lr, beta=beta)
    for i, matrix in enumerate(jury(lr, beta, cls)):
        for t in (1, 2, 7, 50, 300):
            wanted = np.linalg.matrix_power(np.array(matrix), t)[0, 0] * steps[0, i]
            size = np.abs(steps[: t + 1, i]).max()
            np.testing.assert_allclose(steps[t, i], wanted, rtol=1e-9, atol=1e-13 * size)


def test_momentum_is_the_heavy_ball_of_two_points(gs):
    lr, beta = 0.1, 0.9
    x = [np.zeros(10), -lr * gs[0]]
    for g in gs[1:]:
        x.append(x[-1] - lr * g + beta * (x[-1] - x[-2]))
    for cls in (Momentum, ClassicalMomentum):
        np.testing.assert_allclose(open_loop(cls, gs, lr=lr, beta=beta), x[1:], atol=1e-12, rtol=0)


def weights(beta, steps=300):
    """W[t, s] = beta^(t - s) for s <= t."""
    t = np.arange(steps)
    return np.where(t[:, None] >= t, beta ** np.abs(t[:, None] - t), 0.0)


def test_each_momentum_is_a_weighted_sum_of_gradients(gs):
    lr, beta = 0.1, 0.9
    ball = weights(beta) @ gs
    for cls, moves in {
        Momentum: lr * ball,
        ClassicalMomentum: lr * ball,
        EMAMomentum: lr * (1 - beta) * ball,
        Nesterov: lr * (gs + beta * ball),
    }.items():
        wanted = -np.cumsum(moves, axis=0)
        np.testing.assert_allclose(open_loop(cls, gs, lr=lr, beta=beta), wanted, atol=1e-12, rtol=0)


def test_classical_momentum_under_a_schedule_is_a_weighted_sum_of_scaled_gradients(gs):
    # Keras' form has no counterpart in torch: this is its oracle.
    lr, beta = Step(0.1, every=100), 0.9
    rates = np.array([0.1 * 0.1 ** ((t - 1) // 100) for t in range(1, 301)])
    wanted = -np.cumsum(weights(beta) @ (rates[:, None] * gs), axis=0)
    np.testing.assert_allclose(
        open_loop(ClassicalMomentum, gs, lr=lr, beta=beta), wanted, atol=1e-12, rtol=0
    )
    # The same as two points: x(t+1) = x(t) - lr(t) g + beta (x(t) - x(t-1)).
    x = [np.zeros(10), np.zeros(10)]
    for rate, g in zip(rates, gs, strict=True):
        x.append(x[-1] - rate * g + beta * (x[-1] - x[-2]))
    np.testing.assert_allclose(wanted, x[2:], atol=1e-12, rtol=0)


def test_the_two_momenta_part_when_the_learning_rate_drops():
    # Constant gradient 1, beta = 0.9, lr from 0.1 to 0.01 after 50 steps: the very next step.
    lr, ones = Step(0.1, every=50), np.ones((51, 1))
    step = {cls: -np.diff(open_loop(cls, ones, lr=lr, beta=0.9)[:, 0]) for cls in MOMENTA}
    np.testing.assert_allclose(step[Momentum][:49], step[ClassicalMomentum][:49], rtol=1e-12)
    np.testing.assert_allclose(step[Momentum][49], 0.0995362, atol=1e-7)
    np.testing.assert_allclose(step[ClassicalMomentum][49], 0.9053616, atol=1e-7)


@pytest.mark.parametrize("beta", [0.0, 0.5, 0.9, 0.99])
def test_steady_state_under_a_constant_gradient(beta):
    # A step of lr g for the average, lr g / (1 - beta) for the sums.
    g = np.full((4000, 1), 3.0)
    for cls in MOMENTA:
        last = -np.diff(open_loop(cls, g, lr=0.1, beta=beta)[-2:, 0])
        wanted = 0.3 if cls is EMAMomentum else 0.3 / (1 - beta)
        np.testing.assert_allclose(last, wanted, rtol=1e-9)


# --------------------------------------------------------------------------------------- stability


def grows(cls, **hyper):
    steps = np.abs(closed_loop(cls, 4000, x0=(1.0, 1.0), **hyper))[:, 1]
    return steps[-400:].max() > steps[1000:1400].max()


def test_gd_is_stable_up_to_2_over_L():
    assert not grows(GD, lr=0.999 * 2 / 10)
    assert grows(GD, lr=1.001 * 2 / 10)
    values = 0.5 * (H * closed_loop(GD, 200, lr=0.2) ** 2).sum(axis=1)
    np.testing.assert_allclose(values[-1], 5.0, atol=1e-9)  # at 2/L it bounces for ever


@pytest.mark.parametrize("beta", [0.3, 0.5, 0.9])
def test_momentum_is_stable_up_to_its_limit(beta):
    limits = {
        Momentum: 2 * (1 + beta) / 10,
        ClassicalMomentum: 2 * (1 + beta) / 10,
        EMAMomentum: 2 * (1 + beta) / (1 - beta) / 10,
        Nesterov: 2 * (1 + beta) / (1 + 2 * beta) / 10,
    }
    for cls, limit in limits.items():
        assert not grows(cls, lr=0.999 * limit, beta=beta), cls
        assert grows(cls, lr=1.001 * limit, beta=beta), cls


@pytest.mark.parametrize(("kappa", "steps"), [(10, 69), (100, 691), (1000, 6908)])
def test_steps_that_gd_needs_at_its_best_rate(kappa, steps):
    opt = GD(np.ones(2), lr=2 / (kappa + 1))
    h, limit = np.array([1.0, kappa]), 1e-6 * np.sqrt(2)
    while np.hypot(*opt.x) > limit:
        opt.advance(h * opt.x)
    assert opt.t == steps


# -------------------------------------------------------------------------------------- reductions


def test_sgd_is_gd(gs):
    np.testing.assert_array_equal(open_loop(SGD, gs, lr=0.1), open_loop(GD, gs, lr=0.1))


@pytest.mark.parametrize("cls", MOMENTA)
def test_momentum_without_memory_is_gd(cls, gs):
    np.testing.assert_array_equal(open_loop(cls, gs, lr=0.1, beta=0.0), open_loop(GD, gs, lr=0.1))


def test_the_average_is_the_sum_with_a_smaller_rate(gs):
    lr, beta = 0.1, 0.875  # exact in binary, as is 1 - beta
    average = open_loop(EMAMomentum, gs, lr=lr, beta=beta)
    np.testing.assert_allclose(
        average, open_loop(Momentum, gs, lr=lr * (1 - beta), beta=beta), rtol=0, atol=1e-13
    )


def test_the_torch_and_the_keras_form_agree_at_a_constant_rate(gs):
    np.testing.assert_allclose(
        open_loop(Momentum, gs, lr=0.1),
        open_loop(ClassicalMomentum, gs, lr=0.1),
        rtol=0,
        atol=1e-12,
    )


def test_nesterov_is_sutskevers_form_seen_at_the_look_ahead_point():
    # Sutskever et al. 2013, equations 3 and 4: v = beta v - lr grad(theta + beta v), theta += v.
    lr, beta = 0.05, 0.9
    theta, v, ahead = np.array([10.0, 1.0]), np.zeros(2), []
    for _ in range(100):
        ahead.append(theta + beta * v)
        v = beta * v - lr * H * ahead[-1]
        theta = theta + v
    np.testing.assert_allclose(
        closed_loop(Nesterov, 99, lr=lr, beta=beta), ahead, rtol=0, atol=1e-12
    )
