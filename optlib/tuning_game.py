"""The game of the lab "Tuning budget game": three problems, four rules, and what a trial is worth.

Nothing here reads a stored result: tools/results_tuning.py computes them from this module.
"""

import numpy as np

from optlib import schedules
from optlib.adaptive import Adam, RMSprop
from optlib.data import diabetes
from optlib.first_order import GD, Momentum
from optlib.problems import LeastSquares, Rosenbrock

STEPS, BUDGET = 200, 20
RULES = {"GD": GD, "Momentum": Momentum, "RMSprop": RMSprop, "Adam": Adam}
MEMORY = {"Momentum": "beta", "Adam": "beta1"}  # what the rule calls its beta
SCHEDULES = {"constant": schedules.Constant(1.0), "linear": schedules.Linear(1.0, STEPS)}
SCALES = ("evenly", "by decade")
OFFERED, WIDER = (1e-5, 10.0), (1e-7, 1e3)  # the range of rates, and what there is beyond it
BETAS = (0.0, 0.99)
LOST = 1e6  # a loss above this is a run that was lost


def patients():
    """The regression on the diabetes data, reduced to ten equations with the same minimum.

    Measurements are centred and scaled to length 1, as a popular library hands them out, the target
    to variance 1. The loss is f - f*, exactly: 1 / 884 of the squared length of what is left of
    Q'(Xw - y), where X = QR.
    """
    table = diabetes()
    X = table.X - table.X.mean(axis=0)
    X = X / np.sqrt((X * X).sum(axis=0))
    y = (table.y - table.y.mean()) / table.y.std()
    Q, R = np.linalg.qr(X)
    scale = np.sqrt(len(R) / len(y))
    return LeastSquares(R * scale, Q.T @ y * scale)


NOISE = {"banana": 0.0, "diabetes": 0.0, "noisy": 1.0}  # in each part of a gradient
STARTS = {"banana": (-1.2, 1.0), "diabetes": (0.0,) * 10, "noisy": (3.0, 3.0)}
PROBLEMS = {
    "banana": Rosenbrock(),
    "diabetes": patients(),
    "noisy": LeastSquares(np.diag(np.sqrt([2.0, 0.2])), np.zeros(2)),  # curvatures 1 and 0.1
}


def uniforms(seed, n):
    """n random numbers from 0 to 1: mulberry32, the generator of the lab's front end."""
    a, found = seed & 0xFFFFFFFF, []
    for _ in range(n):
        a = (a + 0x6D2B79F5) & 0xFFFFFFFF
        t = ((a ^ (a >> 15)) * (a | 1)) & 0xFFFFFFFF
        t = (t ^ (t + (((t ^ (t >> 7)) * (t | 61)) & 0xFFFFFFFF))) & 0xFFFFFFFF
        found.append(((t ^ (t >> 14)) & 0xFFFFFFFF) / 2**32)
    return np.array(found)


def normals(seed, n):
    """n normal random numbers, from pairs of those."""
    u, v = uniforms(seed, 2 * n).reshape(-1, 2).T
    return np.sqrt(-2 * np.log(1 - u)) * np.cos(2 * np.pi * v)


def kicks(problem, seed):
    """The noise in the gradients of one trial, (STEPS, dim)."""
    dim = PROBLEMS[problem].dim
    return NOISE[problem] * normals(seed, STEPS * dim).reshape(STEPS, dim)


def losses(problem, rule, lr, beta, schedule, noise):
    """The loss before and after each step, (STEPS + 1, K), for K rates, betas and noises.

    ``noise`` has the shape (STEPS, dim, K), or is 0. What is lost is infinite from there on.
    """
    task, lr, beta = PROBLEMS[problem], np.atleast_1d(lr), np.atleast_1d(beta)
    x = np.repeat(np.array(STARTS[problem])[:, None], len(lr), axis=1)
    hyper = {MEMORY[rule]: beta[None]} if rule in MEMORY else {}
    shape = SCHEDULES[schedule]
    opt = RULES[rule](x, lr=lambda t: lr[None] * shape(t), **hyper)
    noise = np.broadcast_to(noise, (STEPS, *x.shape))
    with np.errstate(all="ignore"):
        found = [task.f(opt.x)]
        for kick in noise:
            opt.advance(task.grad(opt.x) + kick)
            found.append(task.f(opt.x))
        found = np.array(found)
        lost = np.logical_or.accumulate(~(found < LOST), axis=0)
    return np.where(lost, np.inf, found)


def random_ends(problem, scale, rng, n):
    """The last losses of n trials of a random search that knows nothing.

    Rule and schedule are drawn from all, the rate from OFFERED, and 1 - beta by decade.
    """
    low, high = OFFERED
    even = scale == "evenly"
    lr = rng.uniform(low, high, n) if even else np.exp(rng.uniform(np.log(low), np.log(high), n))
    beta = 1 - np.exp(rng.uniform(np.log(1 - BETAS[1]), 0, n))
    rule, schedule = rng.integers(len(RULES), size=n), rng.integers(len(SCHEDULES), size=n)
    dim = PROBLEMS[problem].dim
    noise = NOISE[problem] and NOISE[problem] * rng.standard_normal((STEPS, dim, n))
    found = np.empty(n)
    for i, name in enumerate(RULES):
        for j, kind in enumerate(SCHEDULES):
            at = (rule == i) & (schedule == j)
            own = noise[:, :, at] if NOISE[problem] else 0.0
            found[at] = losses(problem, name, lr[at], beta[at], kind, own)[-1]
    return found
