"""The benchmark of the book: many optimizers on many small problems, by a protocol fixed before.

``python -m optlib.benchmark`` runs it (``--help`` says more), and a run may be killed and goes on.
Its parts: ``protocol.toml``, the pre-registration; :mod:`~optlib.benchmark.workloads`, the
problems; :mod:`~optlib.benchmark.trials`, one block of work; ``records``, the
files; ``plan``, what is to be done and what comes out;
``work``, on cores or on a cluster.
"""

import json
import pathlib
from typing import NamedTuple

import numpy as np

from optlib.benchmark.records import protocol
from optlib.benchmark.trials import settings

RESULTS = pathlib.Path(__file__).parents[1] / "results" / "benchmark.npz"


class Results(NamedTuple):
    """What a run found; m methods, p problems, b budgets, s seeds, c checkpoints, k trials.

    Attributes
    ----------
    names, problems, steps, budgets, seeds, checkpoints : the axes; ``steps`` of one run, of each
        problem; a budget of 1 is the default setting.
    times : (m, p, b, s), steps to the target, inf where it was missed. The setting is that with
        the least mean time on the tuning seeds.
    losses : (m, p, b, s, c), validation losses at these shares of the steps, inf where a run was
        lost. The setting is that with the least mean final loss on the tuning seeds.
    tests : (m, p, b, s), test losses of the same runs at the end.
    targets : (p,), the validation losses to reach.
    entered : (m, p), False where a rule has nothing to work on.
    chosen : (m, p, b, 2), the number of the trial with the least time and the least loss; -1 is
        the default.
    tuning_losses : (m, p, k), final validation losses, means over the tuning seeds.
    tuning_times : (m, p, k, tuning seeds), steps to the target.
    shifts : (m, p), decades by which the range of the learning rate had to be moved.
    bytes : (m, p), what an optimizer keeps for one network. Each step of each method takes one
        gradient.
    variants : from a held-out problem to the one of which it is a harder form.
    about : the protocol, its hash, and the versions.
    """

    names: list
    problems: list
    steps: np.ndarray
    budgets: list
    seeds: list
    checkpoints: list
    times: np.ndarray
    losses: np.ndarray
    tests: np.ndarray
    targets: np.ndarray
    entered: np.ndarray
    chosen: np.ndarray
    tuning_losses: np.ndarray
    tuning_times: np.ndarray
    shifts: np.ndarray
    bytes: np.ndarray
    variants: dict
    about: dict


def results(file=None):
    """The stored :class:`Results`; ``file`` for others than the book's."""
    with np.load(file or RESULTS, allow_pickle=False) as stored:
        arrays = {name: stored[name] for name in stored.files}
    about = json.loads(str(arrays.pop("about")))
    axes = {key: about.pop(key) for key in ("names", "problems", "budgets", "seeds", "checkpoints")}
    steps = np.array(about.pop("steps"))
    looks = about["protocol"]["budget"]["evaluations"]
    for name in ("times", "tuning_times"):
        a = arrays[name]
        each = steps.reshape(1, -1, *(1,) * (a.ndim - 2)) / looks
        arrays[name] = np.where(a == 0, np.inf, np.round(a * each))
    for name in ("losses", "tests", "tuning_losses"):
        arrays[name] = arrays[name].astype(float)
    problems = about["protocol"]["problems"]
    variants = {p: problems[p]["variant"] for p in axes["problems"] if "variant" in problems[p]}
    return Results(**axes, steps=steps, **arrays, variants=variants, about=about)


def costs(file=None):
    """The stored seconds per step of one network: dict of names, problems and seconds [m][p].

    Measured on one machine, at one time: only their ratios mean something elsewhere.
    """
    file = file or RESULTS.with_name("benchmark-cost.json")
    return json.loads(pathlib.Path(file).read_text(encoding="utf-8"))
