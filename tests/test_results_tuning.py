"""What the chapter on tuning reads: complete, and a cheap part of it once more."""

import json

import numpy as np
import pytest
import results_tuning as script

from optlib import tuning_game
from optlib.problems import LeastSquares

STORED = json.loads(script.FILE.read_text("utf-8"))
numbers = np.vectorize(lambda v: np.inf if v is None else v, otypes=[float])


def test_the_file_has_every_run():
    assert STORED.keys() == {"rates", "pools", "game"}
    assert tuple(STORED["rates"]) == script.RULES
    for runs in STORED["rates"].values():
        for rows in runs.values():
            assert np.shape(rows) == (len(script.SEEDS), len(script.RATES))
    assert STORED["pools"].keys() == script.POOLS.keys()
    for rows in STORED["pools"].values():
        assert np.shape(rows) == (len(script.POOL_SEEDS), script.DRAWS)
    assert STORED["game"].keys() == tuning_game.PROBLEMS.keys()
    assert [len(part[1]) for part in script.digits()] == [1005, 252, 540]


@pytest.mark.parametrize("name, rate", [("SGD", 0.1), ("Adam", 0.01), ("Lion", 0.001)])
def test_some_of_the_runs_come_out_again(name, rate):
    at = script.RATES.index(rate)
    lrs, parts = [1e-6, rate], script.digits()
    loss, right = script.ends(name, script.SEEDS[1], parts, lr=lrs)
    stored = STORED["rates"][name]
    assert loss[0] == pytest.approx(stored["loss"][1][0], rel=0.02)
    assert loss[1] == pytest.approx(stored["loss"][1][at], rel=0.25)  # chaotic, by its end
    assert right[1] == pytest.approx(stored["right"][1][at], abs=8)


def test_draws_of_a_pool_come_out_again(monkeypatch):
    (row,) = script.pool("Adam, all four", seeds=[2], draws=6)
    wanted = numbers(STORED["pools"]["Adam, all four"][2][:6])
    assert np.allclose(numbers(row), wanted, rtol=0.3)


def test_settings_of_a_pool_lie_in_its_space_and_are_even_in_the_logarithm():
    for rule, space in script.POOLS.values():
        found = script.drawn(space, np.random.default_rng(0), 400)
        for key, (low, high, kind) in space.items():
            value = np.array(found[key])
            value = 1 - value if kind == "1 -" else value
            assert (value >= 0.999 * low).all() and (value <= 1.001 * high).all(), (rule, key)
            assert 0.4 < (value < np.sqrt(low * high)).mean() < 0.6


def test_the_rates_that_the_chapter_draws_again_are_those_of_the_pool():
    space = script.POOLS["Adam, rate"][1]
    pool = script.drawn(space, np.random.default_rng(0), script.DRAWS)["lr"]
    assert np.allclose(pool, 1e-6 * 1e5 ** np.random.default_rng(0).random(script.DRAWS), rtol=1e-5)


@pytest.mark.parametrize("problem", tuning_game.PROBLEMS)
def test_a_band_holds_what_random_searches_find(problem):
    band = np.array(STORED["game"][problem]["by decade"], dtype=float)
    f = tuning_game.random_ends(problem, "by decade", np.random.default_rng(5), 4000)
    best = f.reshape(200, 20).min(axis=1)
    low, middle, high = ((best <= edge).mean() for edge in band[-1])
    assert 0.03 < low < 0.19 and 0.36 < middle < 0.64 and 0.8 < high < 0.98
    again = np.array(script.band(problem, "by decade", draws=4000), dtype=float)[-1]
    assert np.allclose(np.log10(again), np.log10(band[-1]), atol=0.25)


# the game


def test_the_patients_are_the_regression_on_all_of_them():
    table = tuning_game.diabetes()
    X = table.X - table.X.mean(axis=0)
    X /= np.sqrt((X * X).sum(axis=0))
    whole = LeastSquares(X, (table.y - table.y.mean()) / table.y.std())
    small = tuning_game.PROBLEMS["diabetes"]
    least = whole.value(whole.minima[0])
    for seed in range(3):
        w = np.random.default_rng(seed).standard_normal(10)
        assert np.allclose(small.gradient(w), whole.gradient(w))
        assert small.value(w) == pytest.approx(whole.value(w) - least)
    assert small.value(small.minima[0]) < 1e-20


def test_random_numbers_are_random():
    u, z = tuning_game.uniforms(3, 4000), tuning_game.normals(7, 4000)
    assert 0 <= u.min() < 0.001 and 0.999 < u.max() < 1 and abs(u.mean() - 0.5) < 0.02
    assert abs(z.mean()) < 0.05 and abs(z.std() - 1) < 0.05
    assert not np.array_equal(u, tuning_game.uniforms(4, 4000))


def test_a_run_equals_the_optimizer_step_by_step_and_what_is_lost_stays_lost():
    rule, lr, beta = tuning_game.RULES["Momentum"], 0.02, 0.8
    noise = tuning_game.kicks("noisy", 9)
    f = tuning_game.losses("noisy", "Momentum", lr, beta, "linear", noise[:, :, None])[:, 0]
    problem = tuning_game.PROBLEMS["noisy"]
    opt = rule(np.array(tuning_game.STARTS["noisy"]), lr=lr, beta=beta)
    for t in range(tuning_game.STEPS):
        opt.hyper["lr"] = lr * (1 - t / tuning_game.STEPS)
        opt.step(problem.gradient(opt.x) + noise[t])
    assert f[-1] == pytest.approx(problem.value(opt.x), rel=1e-9)
    lost = tuning_game.losses("banana", "GD", [1e-3, 1.0], [0, 0], "constant", 0)
    assert np.isfinite(lost[:, 0]).all()
    gone = ~np.isfinite(lost[:, 1])
    assert not gone[0] and gone[10:].all()
