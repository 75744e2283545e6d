"""The verdict of the benchmark: its stored runs, and their analysis.

``make benchmark-optimizers`` stores the runs, :func:`optlib.benchmark.results` reads them. Here
they are reduced to what a verdict needs; :func:`verdict` says who is ahead and who cannot be told
apart.

The analysis was written before the runs were in, and changed once when they were: it drew only the
seeds anew, and the negative control failed. ``redraw_problems=False`` is the analysis as planned.
"""

from typing import NamedTuple

import numpy as np

from optlib import benchmark
from optlib.statistics import area, middle, resamples

TWINS = ("Adam", "Adam again")  # the negative control: one optimizer under two names
DRAWS = 1000


class Runs(NamedTuple):
    """The reported runs; m methods, p problems, b budgets, s seeds, c stops, k trials."""

    names: list  # of the methods
    rules: list  # the classes of optlib that they are
    problems: list  # short names
    labels: list  # of the problems, for people
    steps: np.ndarray  # (p,) of a run
    every: np.ndarray  # (p,) steps between two looks at the loss
    budgets: list  # trials of tuning; 1 is the default
    seeds: list
    stops: list  # as shares of the steps
    times: np.ndarray  # (m, p, b, s) steps to the target; inf: not reached, nan: no runs
    losses: np.ndarray  # (m, p, b, s, c) on the validation data, inf where a run was lost
    trials: np.ndarray  # (m, p, k) validation loss of each trial of tuning, in the order drawn
    rates: np.ndarray  # (m, p, k) its learning rate


class Verdict(NamedTuple):
    """What :func:`compare` finds: arrays in the order of ``names``; ``order``, the best first."""

    names: list
    scores: np.ndarray
    low: np.ndarray
    high: np.ndarray
    behind: np.ndarray  # by how much the best is ahead, with the interval of that
    order: list
    says: list
    sentence: str


def scores_of(times, problems, seeds):
    """Area under the profile of each method, for each draw of both: shape (draws, methods)."""
    drawn = zip(problems, seeds)
    return np.array([area(middle(times[:, some][..., pick])) for some, pick in drawn])


def compare(times, names, draws=DRAWS, level=0.95, rng=0, redraw_problems=True):
    """Who is ahead, and who is not behind by more than the luck of seeds.

    The score of a method is the area under its performance profile from 1 to 4, of the upper
    medians over seeds. Problems and seeds are drawn anew, the same for all methods: the problems,
    because the luck of tuning is one draw on each, which other seeds do not change. Whoever's
    distance from the best has an interval that reaches 0 ties with it.

    Parameters
    ----------
    times : array of shape (methods, problems, seeds), inf for a failure.
    names : of the methods.
    redraw_problems : False draws only the seeds.
    """
    times = np.asarray(times, dtype=float)
    scores = area(middle(times))
    rng = np.random.default_rng(rng)
    problems, seeds = (resamples(rng, n, draws) for n in times.shape[1:])
    if not redraw_problems:
        problems[:] = range(times.shape[1])
    drawn = scores_of(times, problems, seeds)
    tail = 100 * (1 - level) / 2
    low, high = np.percentile(drawn, [tail, 100 - tail], axis=0)
    order = np.argsort(-scores, kind="stable")
    best = order[0]
    apart = np.percentile(drawn[:, [best]] - drawn, [tail, 100 - tail], axis=0)
    behind = np.stack([scores[best] - scores, *apart], axis=1)
    tied = apart[0] <= 0
    words = np.where(tied, "ties with the best", "behind").tolist()
    says = words[:best] + ["best"] + words[best + 1 :]
    with_best = [names[m] for m in order if tied[m] and m != best]
    ties = f" {listed(with_best)} cannot be told apart from it." if with_best else ""
    sentence = f"{names[best]} is ahead with {scores[best]:.2f}.{ties}"
    best_first = [names[m] for m in order]
    return Verdict(list(names), scores, low, high, behind, best_first, says, sentence)


def listed(names):
    """"a", "a and b", "a, b and c"."""
    return " and ".join(filter(None, [", ".join(names[:-1]), *names[-1:]]))


def load(file=None):
    """The stored benchmark as :class:`Runs`; ``file`` for another than the book's."""
    found = benchmark.results(file)
    plan = found.about["protocol"]
    every = found.steps / plan["budget"]["evaluations"]  # perhaps no whole number
    absent = ~found.entered
    times = np.round(found.times / every[:, None, None]) * every[:, None, None]
    losses = found.losses.copy()
    trials = found.tuning_losses.copy()
    rates = np.full(trials.shape, np.nan)
    for a in (times, losses, trials):
        a[absent] = np.nan
    for m, p in zip(*np.nonzero(found.entered)):
        where = (found.problems[p], found.names[m], found.shifts[m, p])
        rates[m, p] = [one["lr"] for one in benchmark.settings(plan, *where)]
    return Runs(
        found.names,
        [plan["optimizers"][name]["rule"] for name in found.names],
        [name.replace(" ", "-") for name in found.problems],
        found.problems,
        found.steps,
        every,
        found.budgets,
        found.seeds,
        found.checkpoints,
        times, losses, trials, rates,
    )  # fmt: skip


def verdict(runs, budget=-1, problems=None):
    """:func:`compare` on the steps to the target, of all methods with runs on all these problems.

    ``budget`` is a place in ``runs.budgets``, the largest by default; ``problems`` are names, all
    by default.
    """
    places = [runs.problems.index(name) for name in problems or runs.problems]
    times = runs.times[:, places, budget]
    part = ~np.isnan(times).any(axis=(1, 2))
    return compare(times[part], [name for name, one in zip(runs.names, part) if one])


def duel(a, b, reach=4.0, axis=1):
    r"""How many times longer method a takes than b, as a logarithm, on each problem.

    The mean over seeds (with ``axis=0`` over problems, for each seed) of
    :math:`\log (t_a / t_b)`, each held between :math:`\pm\log` of ``reach``, so that a failure is
    a loss by that factor and the failure of both a draw.

    Parameters
    ----------
    a, b : arrays of shape (problems, seeds), inf for a failure.
    """
    with np.errstate(invalid="ignore"):
        log = np.log(a) - np.log(b)
    return np.clip(np.where(np.isnan(log), 0, log), -np.log(reach), np.log(reach)).mean(axis=axis)


def without_each(times, names):
    """Who is ahead when each problem in turn is left out: a list of names."""
    problems = range(times.shape[1])
    kept = [[q for q in problems if q != p] for p in problems]
    return [names[area(middle(times[:, some])).argmax()] for some in kept]


def width(losses, rates, within=1.1):
    """How many decades of the learning rate are within 10 percent of the best loss of a search.

    From the smallest to the largest such rate, with the distance of neighbours as the least.
    """
    rates = np.asarray(rates, dtype=float)
    good = np.log10(rates[np.asarray(losses) <= within * np.min(losses)])
    spacing = np.ptp(np.log10(rates)) / (len(rates) - 1)
    return max(np.ptp(good), spacing)
