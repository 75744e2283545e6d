"""One block of trials: K settings of one rule on one problem from one start, trained side by side.

All settings see the same start and the same minibatches, and so do all rules: the seed is what
they share. That is the pairing of the comparison.
"""

import functools
import hashlib
import itertools
import math

import numpy as np

import optlib
from optlib import data, schedules
from optlib.benchmark.workloads import workload

SCHEDULES = {"constant": schedules.Constant, "linear": schedules.Linear, "cosine": schedules.Cosine}


class ScaledMuon(optlib.Muon):
    """Muon whose steps have the size of Adam's, so that one learning rate serves both."""

    def scale(self, p, q):
        return 0.2 * math.sqrt(max(p, q))


class MuonAndAdam:
    """Muon for the hidden matrices of K networks, Adam for the output layer and the biases."""

    def __init__(self, params, lr, beta):
        self.x, self.rest = params.x, np.ones(params.x.shape[1], bool)
        self.muons = []
        for name in hidden(params):
            part, shape = params.slices[name], params.shapes[name]
            self.rest[part] = False
            self.muons += [
                (k, part, ScaledMuon(row[part].reshape(-1, shape[-1]), lr=0.0, beta=b, wd=0.0))
                for (k, row), b in zip(enumerate(self.x), np.broadcast_to(beta, len(self.x)))
            ]
        self.lr = lr
        self.adam = optlib.Adam(np.ascontiguousarray(self.x[:, self.rest]), lr=lr)

    def advance(self, g):
        now = self.lr(self.adam.t + 1)[:, 0]
        for k, part, muon in self.muons:
            muon.hyper["lr"] = float(now[k])
            muon.advance(g[k, part].reshape(muon.x.shape))
        self.x[:, self.rest] = self.adam.advance(g[:, self.rest])

    def state_bytes(self):
        return self.adam.state_bytes() + sum(muon.state_bytes() for _, _, muon in self.muons)


def hidden(params):
    """The names of the weights before the output layer; those with a single row are no matrix."""
    return [name for name, shape in params.shapes.items() if min(shape[-2:]) > 1][:-1]


def enters(spec, problem):
    """Whether a rule takes part in a problem: Muon needs a hidden matrix."""
    return spec["rule"] != "Muon" or bool(hidden(workload(problem).model(rng=0, copies=1).params))


def default(spec):
    """The setting that a rule has if nobody chooses one."""
    rule = getattr(optlib, spec["rule"])
    tuned = {key: rule.defaults[key] for key in spec if key != "rule"}
    return {**tuned, "schedule": "constant", "warmup": 0.0}


def settings(protocol, problem, optimizer, shift=0):
    """All settings that are tried, in their order: the first k are the budget k.

    Points of a Kronecker sequence, evenly spread for every k (Roberts, "The unreasonable
    effectiveness of quasirandom sequences", 2018), moved by an amount that depends on the names.
    ``shift`` moves the range of the learning rate by so many decades.
    """
    spec, search = protocol["optimizers"][optimizer], protocol["search"]
    ranges = {key: spec[key] for key in spec if key != "rule"}
    d = len(ranges) + 2
    ratio = 1.5
    for _ in range(60):
        ratio = (1 + ratio) ** (1 / (d + 1))  # of each axis to the next; d = 1: the golden one
    name = hashlib.sha256(f"{problem}/{optimizer}/{shift}".encode()).digest()
    start = np.random.default_rng(list(name[:8])).random(d)
    k = np.arange(1, max(protocol["budget"]["trials"]) + 1)[:, None]
    points = (start + k * ratio ** -np.arange(1.0, d + 1)) % 1
    columns = {}
    for (key, (low, high)), u in zip(ranges.items(), points.T):
        decay = key.startswith("beta")
        a, b = np.log10([1 - low, 1 - high] if decay else [low, high])
        value = 10 ** (a + (b - a) * u + shift * (key == "lr"))
        columns[key] = [float(f"{v:.4g}") for v in (1 - value if decay else value)]
    for key, u in zip(("schedule", "warmup"), points.T[-2:]):
        columns[key] = [search[key][int(v * len(search[key]))] for v in u]
    return [dict(zip(columns, row)) for row in zip(*columns.values())]


def rates(setting, steps):
    """The learning rate of each step."""
    warm = round(setting["warmup"] * steps)
    length = {} if setting["schedule"] == "constant" else {"steps": steps - warm}
    schedule = SCHEDULES[setting["schedule"]](setting["lr"], **length)
    schedule = schedules.Warmup(schedule, warm) if warm else schedule
    return np.broadcast_to(schedule(np.arange(1, steps + 1)), steps)


def optimizer_of(rule, params, several, steps):
    """The rule with a row of hyperparameters for each network."""
    table = np.stack([rates(setting, steps) for setting in several], axis=1)
    table = table.astype(params.x.dtype)[..., None]
    hyper = {
        key: np.array([[setting[key]] for setting in several], params.x.dtype)
        for key in several[0].keys() - {"lr", "schedule", "warmup"}
    }
    if rule == "Muon":
        return MuonAndAdam(params, lambda t: table[t - 1], hyper["beta"][:, 0])
    return getattr(optlib, rule)(params.x, lr=lambda t: table[t - 1], **hyper)


def minibatches(task, seed):
    """Without an end; all of the same size."""
    rng = np.random.default_rng(seed)
    if callable(task.train):
        return (task.train(rng) for _ in itertools.count())
    deal = functools.partial(data.minibatches, rng, *task.train, size=task.batch, partial=False)
    return itertools.chain.from_iterable(deal() for _ in itertools.count())


def run(problem, rule, several, seed, steps, evaluations):
    """Train K settings and return two arrays: validation losses (evaluations, K), test losses (K,).

    A loss that is no number, or that is infinite, is inf: such a run has failed.
    """
    task = workload(problem)
    model = task.model(rng=seed, copies=len(several))
    opt = optimizer_of(rule, model.params, several, steps)
    looks = set(look_steps(steps, evaluations))
    curve = []
    with np.errstate(all="ignore"):  # rates that are too large run away
        for step, (X, y) in enumerate(itertools.islice(minibatches(task, seed), steps), 1):
            model.zero_grad()
            task.loss(model(X), y).sum().backward()
            opt.advance(model.params.g)
            if step in looks:
                curve.append(_finite(task, model, task.validation))
        return np.array(curve), _finite(task, model, task.test)


def look_steps(steps, evaluations):
    """The steps after which the validation loss is looked at."""
    return [round(steps * (i + 1) / evaluations) for i in range(evaluations)]


def _finite(task, model, pair):
    value = task.loss(model(pair[0]), pair[1]).data
    return np.where(np.isfinite(value), value, np.inf)
