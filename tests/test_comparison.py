"""The verdict of the benchmark: on invented times with a known verdict, and on the stored runs."""

import itertools

import numpy as np
import pytest

import optlib
from optlib import benchmark, comparison
from optlib.statistics import area, bootstrap, middle

INF, NAN = np.inf, np.nan


def noisy(rng, *factors, problems=6, seeds=10, noise=0.1):
    """Times of methods that differ by these factors, with noise of their own."""
    shape = (len(factors), problems, seeds)
    return 100 * np.array(factors)[:, None, None] * rng.lognormal(0, noise, shape)


def test_what_is_far_apart_separates_and_what_is_the_same_ties():
    v = comparison.compare(noisy(np.random.default_rng(0), 1, 1, 3), ["a", "b", "c"])
    assert v.order[2] == "c" and v.says[2] == "behind"
    assert sorted(v.says[:2]) == ["best", "ties with the best"]
    assert "cannot be told apart" in v.sentence and " c " not in v.sentence
    assert (v.low <= v.scores + 0.1).all() and (v.scores <= v.high + 0.1).all()
    best = v.says.index("best")
    assert np.allclose(v.behind[best], 0) and v.behind[2, 1] > 0.3


def test_the_scores_are_areas_of_medians():
    times = noisy(np.random.default_rng(1), 1, 1.5, noise=0.3)
    times[0, 0, :6] = INF
    v = comparison.compare(times, ["a", "b"])
    assert np.allclose(v.scores, area(middle(times)))
    assert v.order == [["a", "b"], ["b", "a"]][int(v.scores[1] > v.scores[0])]


def test_seeds_alone_do_not_see_a_luck_that_falls_on_problems():
    rng = np.random.default_rng(4)
    luck = rng.lognormal(0, 0.5, (2, 6, 1))  # of tuning: once for each method and problem
    times = noisy(rng, 1, 1, noise=0.02) * luck
    seeds = comparison.compare(times, ["a", "b"], redraw_problems=False)
    both = comparison.compare(times, ["a", "b"])
    assert np.array_equal(seeds.scores, both.scores)
    assert (seeds.high - seeds.low < 0.5 * (both.high - both.low)).all()


def test_twins_tie_about_as_often_as_an_interval_promises():
    rng, tied = np.random.default_rng(2), 0
    for _ in range(60):
        says = comparison.compare(noisy(rng, 1, 1), ["a", "b"], draws=200).says
        tied += "ties with the best" in says
    assert tied >= 50


def runs(times, names, losses=None):
    m, p, b, s = times.shape
    problems = [f"p{i}" for i in range(p)]
    return comparison.Runs(
        names, names, problems, problems, np.full(p, 400), np.full(p, 10), list(range(b)),
        list(range(s)), [1.0], times, np.ones((m, p, b, s, 1)), None, None,
    )  # fmt: skip


def test_who_has_no_runs_on_a_problem_is_left_out_there_only():
    times = noisy(np.random.default_rng(3), 1, 2, 0.5)[:, :, None]
    times[2, 0] = NAN
    some = runs(times, ["a", "b", "c"])
    assert comparison.verdict(some).names == ["a", "b"]
    assert comparison.verdict(some, problems=["p1", "p2"]).order[0] == "c"


def test_a_duel_counts_ratios_and_bounds_failures():
    a = np.array([[100.0, INF, INF], [100.0, 100.0, INF]])
    b = np.array([[200.0, 100.0, INF], [100.0, INF, 50.0]])
    wanted = [np.log([0.5, 1]).mean(), 0, np.log([1, 4]).mean()]
    assert np.allclose(comparison.duel(a, b, axis=0), wanted)
    assert np.allclose(comparison.duel(b, a, axis=0), -np.array(wanted))
    rows = [np.log([0.5, 4, 1]).mean(), np.log([1, 0.25, 4]).mean()]
    assert np.allclose(comparison.duel(a, b), rows)
    near = [np.log([0.5, 1]).mean(), 0, np.log(2) / 2]
    assert np.allclose(comparison.duel(a, b, reach=2, axis=0), near)


def test_leaving_out_each_problem():
    times = np.ones((2, 3, 4))
    times[0, 0], times[1, 1:] = 5.0, 1.2  # a loses one problem by far, b two of them by little
    assert comparison.without_each(times, ["a", "b"]) == ["a", "b", "b"]


@pytest.mark.parametrize("good, decades", [([2], 0.5), ([1, 2], 0.5), ([1, 2, 3], 1), ([0, 4], 2)])
def test_the_width_of_a_search(good, decades):
    losses = np.full(5, 2.0)
    losses[good] = 1.0
    found = comparison.width(losses, 10 ** np.array([-3, -2.5, -2, -1.5, -1]))
    assert found == pytest.approx(decades)
    assert comparison.width([1.0, INF], [1e-3, 1e-1]) == pytest.approx(2)


def test_names_in_a_sentence():
    found = [comparison.listed(list("abc")[:n]) for n in range(4)]
    assert found == ["", "a", "a and b", "a, b and c"]


# ------------------------------------------------------------------------------ the stored runs


def test_the_stored_runs_are_those_of_the_benchmark():
    stored, found = comparison.load(), benchmark.results()
    assert stored.names == found.names and stored.labels == found.problems
    assert set(stored.rules) <= set(optlib.OPTIMIZERS | optlib.MATRIX_OPTIMIZERS)
    assert len(set(stored.problems)) == len(stored.problems)
    assert not any(mark in name for name in stored.problems for mark in ", &=#")  # they go in links
    part = found.entered
    assert np.isnan(stored.times[~part]).all() and np.isnan(stored.losses[~part]).all()
    assert np.array_equal(np.isinf(stored.times[part]), np.isinf(found.times[part]))
    reached = np.isfinite(stored.times)
    assert abs(stored.times[reached] - found.times[reached]).max() <= 0.5
    looks = stored.times / stored.every[:, None, None]
    assert np.allclose(looks[reached], looks[reached].round())
    assert np.array_equal(stored.losses[part], found.losses[part])
    m, p = found.names.index("Adam"), 0
    trials = benchmark.settings(
        found.about["protocol"], found.problems[p], "Adam", found.shifts[m, p]
    )
    assert stored.rates[m, p].tolist() == [one["lr"] for one in trials]


def test_the_controls_hold():
    """One optimizer under two names ties; defaults against tuned separate."""
    stored = comparison.load()
    v = comparison.verdict(stored)
    tuned, default = stored.times[:, :, -1], stored.times[:, :, 0]
    one, two = map(stored.names.index, comparison.TWINS)
    gap = bootstrap(comparison.duel(tuned[one], tuned[two]))
    assert gap.low <= 0 <= gap.high
    sgd = stored.names.index("SGD")
    assert bootstrap(comparison.duel(default[sgd], tuned[sgd])).low > np.log(1.2)
    assert set(comparison.TWINS) <= set(v.names)


def test_a_verdict_does_not_depend_on_the_order_of_the_methods():
    times = noisy(np.random.default_rng(5), 1, 1.3, 1.6, noise=0.2)
    for order in itertools.permutations(range(3)):
        v = comparison.compare(times[list(order)], [list("abc")[i] for i in order])
        first = comparison.compare(times, list("abc"))
        assert v.order == first.order and v.sentence == first.sentence
