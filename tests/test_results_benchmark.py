"""The stored benchmark: of the protocol as it stands, whole, reproduced in a cheap part, and with
both controls as they must be."""

import math

import numpy as np
import pytest

from optlib import benchmark
from optlib.benchmark import records, trials


@pytest.fixture(scope="module")
def found():
    return benchmark.results()


def setting_of(found, problem, name, budget, by):
    """The setting that stands behind a stored run; ``by`` is 0 for the time, 1 for the loss."""
    m, p = found.names.index(name), found.problems.index(problem)
    protocol = found.about["protocol"]
    k = found.chosen[m, p, found.budgets.index(budget), by]
    if k < 0:
        return trials.default(protocol["optimizers"][name])
    return benchmark.settings(protocol, problem, name, int(found.shifts[m, p]))[k]


def again(found, problem, name, budget, by, seed):
    rule = found.about["protocol"]["optimizers"][name]["rule"]
    setting = setting_of(found, problem, name, budget, by)
    steps = int(found.steps[found.problems.index(problem)])
    looks = found.about["protocol"]["budget"]["evaluations"]
    curve, test = trials.run(problem, rule, [setting], seed, steps, looks)
    return curve[:, 0], test[0], np.array(trials.look_steps(steps, looks))


def test_the_results_are_of_this_protocol_and_whole(found):
    assert found.about["protocol_sha"] == records.sha(benchmark.protocol()), (
        "the protocol is another than that of the results: run make benchmark-optimizers"
    )
    shape = len(found.names), len(found.problems), len(found.budgets), len(found.seeds)
    assert shape == (11, 18, 4, 10)
    assert found.times.shape == found.tests.shape == shape == found.losses.shape[:-1]
    for a in (found.times, found.losses, found.tests, found.tuning_losses, found.targets):
        assert not np.isnan(a).any() and (a > 0).all()
    muon = found.names.index("Muon")
    assert found.entered[:muon].all() and found.entered[muon].sum() == 10
    assert benchmark.RESULTS.stat().st_size < 150_000


@pytest.mark.parametrize("problem", ["noisy bowl", "breast cancer", "diabetes"])
@pytest.mark.parametrize("name, budget", [("SGD", 1), ("Nesterov", 50), ("Adam", 20)])
def test_a_cheap_trial_comes_out_as_stored(found, problem, name, budget):
    at = found.names.index(name), found.problems.index(problem), found.budgets.index(budget)
    curve, test, steps = again(found, problem, name, budget, 1, seed=12)
    looks = [round(c * len(curve)) - 1 for c in found.checkpoints]
    stored = found.losses[at][found.seeds.index(12)]
    np.testing.assert_allclose(curve[looks].astype("float32"), stored, rtol=1e-3)
    np.testing.assert_allclose(test.astype("float32"), found.tests[at][2], rtol=1e-3)
    curve, _, _ = again(found, problem, name, budget, 0, seed=12)
    reached = curve <= found.targets[at[1]]
    time = steps[reached.argmax()] if reached.any() else math.inf
    assert found.times[at][2] == time


def test_the_target_of_a_cheap_problem_comes_out_as_stored(found):
    protocol = found.about["protocol"]
    p, m = found.problems.index("breast cancer"), found.names.index("Nesterov")
    several = benchmark.settings(protocol, "breast cancer", "Nesterov", int(found.shifts[m, p]))
    tuned = [
        trials.run("breast cancer", "Nesterov", several, seed, int(found.steps[p]), 40)[0]
        for seed in protocol["seeds"]["tuning"]
    ]
    mean = np.mean(tuned, axis=0)
    assert mean[-1].argmin() == found.chosen[m, p, -1, 1]
    np.testing.assert_allclose(mean[-1].astype("float32"), found.tuning_losses[m, p], rtol=1e-3)
    assert found.targets[p] == pytest.approx(mean[29, mean[-1].argmin()], rel=1e-5)


def test_a_network_ends_about_where_it_did(found):
    m, p = found.names.index("Adam"), found.problems.index("digits MLP")
    curve, _, _ = again(found, "digits MLP", "Adam", 50, 1, seed=10)
    stored = found.losses[m, p, -1, :, -1]  # chaotic: another processor gives another run
    assert 0.5 * stored.min() < curve[-1] < 2 * stored.max()


def sign_test(a, b):
    """Wins of a over b, wins of b, and the two-sided probability of that by luck; ties left out."""
    wins, losses = int((a < b).sum()), int((b < a).sum())
    n, k = wins + losses, min(wins, losses)
    return wins, losses, min(1, 2 * sum(math.comb(n, i) for i in range(k + 1)) / 2**n)


def test_the_negative_control_is_a_tie(found):
    """Adam under two names: the same default, other trials; problems are won about equally."""
    adam, twin = (found.names.index(name) for name in ("Adam", "Adam again"))
    np.testing.assert_array_equal(found.times[adam, :, 0], found.times[twin, :, 0])
    np.testing.assert_array_equal(found.losses[adam, :, 0], found.losses[twin, :, 0])
    for b in (1, 2, 3):
        middle = np.median(found.times[..., b, :], axis=-1)
        ends = np.median(found.losses[..., b, :, -1], axis=-1)
        for values in (middle, ends):
            wins, losses, p = sign_test(values[adam], values[twin])
            assert p > 0.05, (found.budgets[b], wins, losses, p)


def test_the_positive_control_separates(found):
    """SGD as it comes against SGD tuned."""
    sgd = found.names.index("SGD")
    middle = np.median(found.times[sgd], axis=-1)
    ends = np.median(found.losses[sgd, ..., -1], axis=-1)
    for values in (middle, ends):
        wins, losses, p = sign_test(values[:, -1], values[:, 0])
        assert losses == 0 and p < 0.01, (wins, losses, p)


def test_the_costs_are_of_the_same_table(found):
    costs = benchmark.costs()
    assert costs["names"] == found.names and costs["problems"] == found.problems
    seconds = np.array(costs["seconds"], float)
    assert (np.isnan(seconds) == ~found.entered).all()
    assert (seconds[found.entered] > 0).all()
    spent = dict(zip(found.names, found.bytes[:, found.problems.index("digits MLP")]))
    assert spent["SGD"] == 0 and spent["Adam"] == 2 * spent["Nesterov"] == 2 * spent["Lion"]
