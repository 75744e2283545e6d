"""Schedule-free rules: what the averages are, and what they are for."""

import numpy as np

from optlib import GD, ScheduleFreeAdamW, ScheduleFreeSGD


def test_the_average_is_the_mean_of_the_fast_points():
    opt, fast = ScheduleFreeSGD(np.ones(3), lr=0.2), []
    for g in np.random.default_rng(0).standard_normal((50, 3)):
        opt.step(g)
        fast.append(opt.state["z"].copy())
        np.testing.assert_allclose(opt.state["average"], np.mean(fast, axis=0), atol=1e-14)
        np.testing.assert_allclose(opt.x, 0.1 * fast[-1] + 0.9 * opt.state["average"], atol=1e-14)


def test_with_beta_0_the_parameters_are_those_of_gd_and_the_average_comes_beside_them():
    gs = np.random.default_rng(1).standard_normal((40, 3))
    free, gd = ScheduleFreeSGD(np.ones(3), lr=0.1, beta=0.0), GD(np.ones(3), lr=0.1)
    for g in gs:
        np.testing.assert_allclose(free.step(g), gd.step(g), atol=1e-14)


def test_the_average_gets_below_the_noise_floor_that_a_constant_rate_leaves():
    rng = np.random.default_rng(2)
    gd, free = GD(np.full(500, 3.0), lr=0.1), ScheduleFreeSGD(np.full(500, 3.0), lr=0.1)
    for _ in range(3000):
        noise = rng.standard_normal(500)
        gd.step(gd.x + noise)
        free.step(free.x + noise)
    floor, averaged = np.mean(gd.x**2), np.mean(free.state["average"] ** 2)
    assert np.isclose(floor, 0.1 / 1.9, rtol=0.25)  # lr / (2 - lr)
    assert averaged < floor / 20


def test_the_weights_of_the_adam_form_follow_its_rate():
    def warmup(t):
        return 0.1 * min(1, t / 10)

    opt, fast, weights = ScheduleFreeAdamW(np.zeros(2), lr=warmup), [], []
    for t, g in enumerate(np.random.default_rng(3).standard_normal((30, 2)), 1):
        opt.step(g)
        fast.append(opt.state["z"].copy())
        weights.append(warmup(t) ** 2)
        np.testing.assert_allclose(
            opt.state["average"], np.average(fast, axis=0, weights=weights), atol=1e-13
        )
