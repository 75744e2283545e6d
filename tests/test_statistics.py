"""Statistics of comparisons against scipy (stored), closed forms, definitions and properties."""

import itertools
import math
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from optlib import statistics
from optlib.statistics import (
    area,
    binomial_error,
    bootstrap,
    expected_best,
    holm,
    iqm,
    middle,
    profile,
    profile_bands,
    ratios,
    seeds_needed,
    sign_flips,
)

INF = np.inf
TOY = [[10, 30, 40, INF], [20, 15, 40, 100]]
ORACLE = dict(np.load(Path(__file__).parent / "oracles/statistics.npz"))

# Times with many ties and failures: from few values.
TIMES = arrays(float, (3, 5), elements=st.sampled_from([1.0, 2.0, 3.0, 5.0, 8.0, INF]))


# ------------------------------------------------------------------------------------ profiles


def test_the_toy_of_the_chapter():
    found = profile(TOY, [1, 2])
    assert found.tolist() == [[0.5, 0.75], [0.75, 1.0]]
    assert profile(TOY, 2).tolist() == [0.75, 1.0]


def by_counting(times, method, tau):
    """The definition, in words: on how many problems is it within tau of the fastest?"""
    solved = 0
    for problem in range(len(times[0])):
        column = [row[problem] for row in times]
        mine = column[method]
        solved += mine < INF and Fraction(mine) <= Fraction(tau) * Fraction(min(column))
    return Fraction(solved, len(times[0]))


@given(TIMES, st.sampled_from([1.0, 1.5, 2.0, 3.0, 4.0, 8.0]))
@settings(deadline=None)
def test_a_profile_is_what_one_counts(times, tau):
    for method, value in enumerate(profile(times, tau)):
        assert value == pytest.approx(float(by_counting(times.tolist(), method, tau)))


@given(TIMES)
@settings(deadline=None)
def test_properties_of_profiles(times):
    taus = np.linspace(1, 10, 37)
    found = profile(times, taus)
    assert (np.diff(found, axis=1) >= 0).all() and (found >= 0).all() and (found <= 1).all()
    assert np.allclose(profile(times, INF), np.isfinite(times).mean(axis=1))
    assert np.allclose(profile(7 * times, taus), found)  # the unit of time does not matter
    order = [2, 0, 1]
    assert np.allclose(profile(times[order], taus), found[order])
    solvable = np.isfinite(times).any(axis=0).mean()
    assert found[:, 0].sum() >= solvable - 1e-12  # somebody is fastest; ties count for all
    alone = profile(times[:1], taus)
    assert (alone >= found[:1] - 1e-12).all()  # who runs alone is never slower than the fastest


def test_the_failure_of_all_is_nobodys_win():
    assert profile([[INF, 1], [INF, 2]], [1, 5]).tolist() == [[0.5, 0.5], [0, 0.5]]
    assert (ratios([[INF], [INF]]) == INF).all()


@given(TIMES, st.floats(1.5, 9))
@settings(deadline=None, max_examples=50)
def test_the_area_is_the_integral(times, tau):
    """Between two neighbouring ratios the profile is level: sum of rectangles, exactly."""
    edges = np.unique(np.r_[1.0, np.clip(ratios(times), 1, tau).ravel(), tau])
    middles = (edges[1:] + edges[:-1]) / 2
    by_parts = (profile(times, middles) * np.diff(edges)).sum(axis=1) / (tau - 1)
    assert np.allclose(area(times, tau), by_parts)


@pytest.mark.parametrize("bad", [[[1.0, 0.0]], [[1.0, -1.0]], [[np.nan, 1.0]], [1.0, 2.0], [[]]])
def test_times_that_are_none(bad):
    with pytest.raises(ValueError, match="time"):
        profile(bad, 1)
    with pytest.raises(ValueError, match="time"):
        area(bad)


def test_where_an_area_ends():
    for tau in (1, 0.5, INF, np.nan):
        with pytest.raises(ValueError, match="tau"):
            area(TOY, tau)


# ----------------------------------------------------------------------------- middle and bands


def test_the_middle_is_the_upper_median():
    assert middle([3.0, 1.0, 2.0]) == 2 and middle([1.0, 2.0]) == 2
    assert middle([1.0, INF, INF]) == INF and middle([1.0, 2.0, INF]) == 2


@pytest.mark.parametrize("name", ["ten", "skewed", "ties"])
def test_iqm_is_scipys_trimmed_mean(name):
    assert iqm(ORACLE[f"data_{name}"]) == pytest.approx(float(ORACLE[f"iqm_{name}"]))


def test_iqm_ignores_a_quarter_on_either_side():
    assert iqm([0, 1, 2, INF]) == 1.5 and iqm([0, 1, 2]) == 1  # floor(3 / 4) = 0: all of them
    assert iqm(np.arange(24.0).reshape(3, 8), axis=0).tolist() == list(range(8, 16))


def test_bands_are_percentiles_of_profiles_of_resampled_seeds():
    times = np.random.default_rng(3).uniform(1, 3, (2, 4, 5))
    times[0, 1, :2] = INF
    taus = [1.0, 1.5, 2.0]
    value, low, high = profile_bands(times, taus, draws=400, rng=9)
    picks = np.random.default_rng(9).integers(5, size=(400, 5))
    all_of_them = []
    for pick in picks:  # loops, and the sorted list's middle
        t = [[sorted(times[m, p, pick])[2] for p in range(4)] for m in range(2)]
        all_of_them.append([[float(by_counting(t, m, tau)) for tau in taus] for m in range(2)])
    assert np.allclose(low, np.percentile(all_of_them, 2.5, axis=0))
    assert np.allclose(high, np.percentile(all_of_them, 97.5, axis=0))
    assert (low <= value).all() and (value <= high).all()


def test_one_method_twice_has_one_profile_and_one_band():
    times = np.random.default_rng(4).uniform(1, 3, (1, 6, 5)).repeat(2, axis=0)
    for part in profile_bands(times, [1, 2], draws=100):
        assert (part[0] == part[1]).all() and (part == 1).all()


# ------------------------------------------------------------------------------------ bootstrap


@pytest.mark.parametrize("method", ["percentile", "BCa"])
@pytest.mark.parametrize("name", ["ten", "skewed", "ties"])
@pytest.mark.parametrize("statistic", [np.mean, np.median, np.std], ids=lambda f: f.__name__)
def test_intervals_are_those_of_scipy(name, statistic, method):
    x = ORACLE[f"data_{name}"]
    found = bootstrap(x, statistic, draws=999, level=0.9, method=method, rng=5)
    assert found.value == pytest.approx(statistic(x))
    if (name, statistic, method) == ("ties", np.median, "BCa"):  # scipy gives up; here it is plain
        assert found == bootstrap(x, statistic, draws=999, level=0.9, method="percentile", rng=5)
        return
    wanted = ORACLE[f"interval_{name}_{statistic.__name__}_{method}"]
    assert np.allclose(found[1:], wanted, rtol=1e-12)


def test_rows_are_drawn_together():
    a = np.random.default_rng(1).normal(size=12) * 100
    both = np.stack([a, a + 1])  # apart by exactly one, on every seed

    def gap(x, axis):
        return (x[1] - x[0]).mean(axis=axis)

    assert bootstrap(both, gap, draws=200) == pytest.approx((1, 1, 1))


def test_the_symmetric_case_has_symmetric_ends():
    """BCa of a symmetric sample is the percentile interval but for the luck of the draws."""
    x = np.r_[-np.arange(1.0, 11), np.arange(1.0, 11)]
    plain, bca = (bootstrap(x, draws=20_000, method=m) for m in ("percentile", "BCa"))
    assert np.allclose(plain[1:], bca[1:], atol=0.15)
    spread = x.std() / math.sqrt(len(x))
    assert np.allclose(bca[1:], [-1.96 * spread, 1.96 * spread], rtol=0.06)


def test_bca_follows_the_skew():
    x = ORACLE["data_skewed"]
    plain, bca = (bootstrap(x, draws=4000, method=m) for m in ("percentile", "BCa"))
    assert bca.low > plain.low and bca.high > plain.high  # the long tail is on the right


@pytest.mark.parametrize("x", [[2.0, 2.0, 2.0], [INF, 1.0, 1.0]])
def test_where_bca_has_no_answer_it_is_the_percentile_interval(x):
    def lowest(x, axis):
        return x.min(axis=axis)

    pair = [bootstrap(x, lowest, method=m) for m in ("BCa", "percentile")]
    assert pair[0] == pair[1] and pair[0].value == min(x)


def test_what_no_bootstrap_can_use():
    for bad in ([1.0], [], 3.0, [1.0, np.nan]):
        with pytest.raises(ValueError, match="two or more"):
            bootstrap(bad)
    with pytest.raises(ValueError, match="method"):
        bootstrap([1.0, 2.0], method="bca")


def test_a_generator_goes_on_and_a_seed_repeats():
    rng, x = np.random.default_rng(0), [1.0, 5.0, 2.0, 9.0]
    assert bootstrap(x, rng=0) == bootstrap(x, rng=0) == bootstrap(x, rng=rng)
    assert bootstrap(x, rng=rng) != bootstrap(x, rng=0)


# ------------------------------------------------------------------------------- expected best


@pytest.mark.parametrize("replace", [True, False])
def test_the_expected_best_is_the_mean_over_all_draws(replace):
    v = [3.0, 1.0, 4.0, 1.0, 5.0]
    for k in (1, 2, 3):
        draws = itertools.product(v, repeat=k) if replace else itertools.combinations(v, k)
        assert expected_best(v, k, replace) == pytest.approx(np.mean([min(d) for d in draws]))


@given(st.lists(st.sampled_from([0.1, 0.5, 1.0, 3.0, INF]), min_size=2, max_size=8))
@settings(deadline=None)
def test_more_trials_never_hurt_and_lost_runs_count(v):
    k = np.arange(1, len(v) + 1)
    curve = expected_best(v, k, replace=False)
    assert (curve[1:] <= curve[:-1] * (1 + 1e-12)).all()
    lost = int(np.isinf(v).sum())
    assert (np.isinf(curve) == (k <= lost)).all()
    assert curve[-1] == pytest.approx(min(v))
    assert np.isinf(expected_best(v, 3)) == (lost > 0)


def test_budgets_that_are_none():
    for k, replace in ((0, True), (4, False)):
        with pytest.raises(ValueError, match="at least 1"):
            expected_best([1.0, 2.0, 3.0], k, replace)


def test_the_best_of_uniform_losses_is_known():
    """The minimum of k uniform numbers has the mean 1 / (k + 1)."""
    v = (np.arange(4000) + 0.5) / 4000
    k = np.array([1, 4, 9, 49])
    assert np.allclose(expected_best(v, k), 1 / (k + 1), rtol=0.01)


# ------------------------------------------------------------------------------ tests and power


@pytest.mark.parametrize("name", ["ten", "ties"])
def test_sign_flips_are_scipys_permutations(name):
    d = ORACLE[f"data_{name}"]
    assert sign_flips(d) == pytest.approx(float(ORACLE[f"flips_{name}"]), abs=1e-12)


@given(st.lists(st.integers(-6, 6), min_size=1, max_size=8))
@settings(deadline=None)
def test_sign_flips_are_all_of_them(d):
    flips = [abs(sum(map(int.__mul__, d, s))) for s in itertools.product((1, -1), repeat=len(d))]
    wanted = Fraction(sum(f >= abs(sum(d)) for f in flips), len(flips))
    assert sign_flips(d) == pytest.approx(float(wanted))
    assert sign_flips(0.1 * np.array(d)) == pytest.approx(float(wanted))  # rounding changes nothing


def test_ten_seeds_can_say_two_in_a_thousand_at_best():
    assert sign_flips(np.arange(1, 11)) == 2 / 2**10 and sign_flips(np.zeros(4)) == 1
    for bad in ([], [np.inf, 1], np.ones(21), np.ones((2, 2))):
        with pytest.raises(ValueError, match="20"):
            sign_flips(bad)


@given(st.lists(st.sampled_from([0.0, 0.01, 0.02, 0.2, 0.5, 1.0]), min_size=1, max_size=6))
@settings(deadline=None)
def test_holm_is_the_closed_test_of_bonferroni(p):
    """A hypothesis falls if every set of hypotheses that holds it falls by Bonferroni."""
    sets = [s for n in range(1, len(p) + 1) for s in itertools.combinations(range(len(p)), n)]
    for i, adjusted in enumerate(holm(p)):
        wanted = max(min(1, len(s) * min(p[j] for j in s)) for s in sets if i in s)
        assert adjusted == pytest.approx(wanted)


def test_p_values_that_are_none():
    for bad in ([1.5], [-0.1], [np.nan], 0.5):
        with pytest.raises(ValueError, match="0 to 1"):
            holm(bad)
    assert holm([]).shape == (0,)


@pytest.mark.parametrize("paired", [False, True])
def test_that_many_seeds_have_that_power(paired):
    rng, sd, effect = np.random.default_rng(0), 0.0063, 0.003
    n = seeds_needed(effect, sd, paired=paired)
    per_mean = sd / math.sqrt(n) * (1 if paired else math.sqrt(2))
    gaps = effect + per_mean * rng.standard_normal(200_000)
    assert (abs(gaps) > 1.959964 * per_mean).mean() == pytest.approx(0.8, abs=0.015)
    assert n == (35 if paired else 70)


def test_four_times_the_seeds_for_half_the_effect():
    assert seeds_needed(0.5, 10) == pytest.approx(4 * seeds_needed(1, 10), rel=0.01)
    for bad in ((0, 1), (1, 0), (-1, 1)):
        with pytest.raises(ValueError, match="greater than 0"):
            seeds_needed(*bad)
    with pytest.raises(ValueError, match="between 0 and 1"):
        seeds_needed(1, 1, power=1)


def test_the_error_of_a_share():
    hits = np.random.default_rng(0).random((4000, 540)) < 0.97
    assert hits.mean(axis=1).std() == pytest.approx(binomial_error(0.97, 540), rel=0.03)


def test_every_function_says_where_it_is_from():
    silent = {"middle", "resamples", "binomial_error", "bca_shares"}  # plain words, or part of one
    for name, thing in vars(statistics).items():
        if getattr(thing, "__module__", "") == "optlib.statistics" and callable(thing):
            if not name.startswith("_") and name != "Interval" and name not in silent:
                assert "References" in thing.__doc__, name
