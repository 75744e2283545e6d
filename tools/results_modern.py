"""Nine rules on one small network, each with a learning rate of its own.

Run once, and again when a rule changes; a few minutes: python tools/results_modern.py

It writes optlib/results/modern.json, from which the chapter on modern optimizers draws, and
modern_polynomials.json: Muon once more, with other coefficients in its polynomial.

A network 64-64-64-64-10 on the digits (880 images to learn from, 377 to choose the learning rate
by, 540 to test), minibatches of 64, 300 steps, no weight decay, so that AdamW is Adam. The learning
rate falls on a straight line to 0, but for the schedule-free rule, where it stays. Each rule gets
the same number of learning rates, a factor of 2 apart; three seeds choose by the validation loss
at the end; twenty other seeds (other weights, other split, other order) are then run with that one.
Rules for matrices get the two hidden matrices, and Adam with its own best learning rate the rest;
LAMB gets every tensor by itself.
``tests/test_results_modern.py`` runs a cheap part again.
"""

import json
import math
import sys
import time
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import optlib  # noqa: E402
from optlib import data, losses, nn, schedules, training  # noqa: E402
from optlib.matrix import CUBIC, QUINTIC  # noqa: E402

OUT = ROOT / "optlib" / "results" / "modern.json"
OUT_POLYNOMIALS = OUT.with_name("modern_polynomials.json")
SIZES, HIDDEN = (64, 64, 64, 64, 10), ("1.W", "2.W")
STEPS, BATCH = 300, 64
CHOOSE, TEST = range(100, 103), range(20)
# Learning rates from the largest down, a factor of 2 apart.
TRIED = 9
LARGEST = dict(
    Adam=0.064, Lion=0.016, ScheduleFreeAdamW=0.064, Prodigy=4.0, LAMB=0.064,
    Muon=0.064, Shampoo=0.512, SOAP=0.064, Adafactor=0.512,
)  # fmt: skip
POLYNOMIALS = dict(cubic=CUBIC, rival=(2.673, -3.234, 1.561), Muon=QUINTIC)  # the chapter's three
MATRIX = ("Muon", "Shampoo", "SOAP", "Adafactor")


class ForAdamsRates(optlib.Muon):
    """Steps of the root mean square of Adam's, for learning rates of its size."""

    def scale(self, p, q):
        return 0.2 * math.sqrt(max(p, q))


class Parts:
    """One optimizer for the tensors of ``names``, each by itself, and one for each of the rest."""

    def __init__(self, params, names, rule, rest):
        self.x, self.views = params.x, params.views
        self.rules = {
            name: (rule if name in names else rest)(W) for name, W in params.views(params.x).items()
        }
        self.hyper_now = {}

    def step(self, g):
        for name, slope in self.views(g).items():
            self.rules[name].step(slope)
        return self.x


def task(seed):
    """A network at its start, and (X, y) to learn from, to choose by and to test."""
    table = data.digits()
    parts = np.array([880, 377, 540]) / 1797
    sets = data.split(seed, table.X / 16, table.y, parts=parts, classes=table.y)
    return nn.MLP(SIZES, rng=seed), sets


def muon(name):
    """The class of Muon with one of the three polynomials."""
    return type(name, (ForAdamsRates,), dict(coefficients=POLYNOMIALS[name]))


def optimizer(rule, params, lr, rest_lr):
    cls = muon(rule) if rule in POLYNOMIALS else getattr(optlib, rule)
    more = {"wd": 0.0} if "wd" in cls.defaults else {}
    falling = lr if rule.startswith("ScheduleFree") else schedules.Linear(lr, STEPS)
    if rule in (*MATRIX, *POLYNOMIALS, "LAMB"):
        names = tuple(params.shapes) if rule == "LAMB" else HIDDEN
        return Parts(
            params, names,
            lambda W: cls(W, lr=falling, **more),
            lambda W: optlib.Adam(W, lr=schedules.Linear(rest_lr, STEPS)),
        )  # fmt: skip
    return cls(params.x, lr=falling, **more)


def train(rule, lr, seed, rest_lr=None):
    """Losses on the validation and the test images after training, infinite if it diverged."""
    model, (learn, choose, test) = task(seed)
    opt = optimizer(rule, model.params, lr, rest_lr)
    try:
        training.fit(
            model, losses.cross_entropy, learn, opt,
            steps=STEPS, batch=BATCH, rng=seed, progress=False,
        )  # fmt: skip
    except FloatingPointError:
        return math.inf, math.inf
    if "average" in getattr(opt, "state", {}):  # where a schedule-free rule is to be evaluated
        model.params.x[...] = opt.state["average"]
    return tuple(float(losses.cross_entropy(model(X), y).data) for X, y in (choose, test))


def compare(rule, rest_lr):
    """The learning rates tried, the validation loss of each, and the test losses of the best."""
    rates = [LARGEST.get(rule, LARGEST["Muon"]) / 2**k for k in range(TRIED)]
    scores = [np.mean([train(rule, lr, seed, rest_lr)[0] for seed in CHOOSE]) for lr in rates]
    best = rates[int(np.argmin(scores))]
    test = [train(rule, best, seed, rest_lr)[1] for seed in TEST]
    return dict(rates=rates, scores=scores, best=best, test=test)


def table(rules, rest_lr, out):
    """Every rule compared, Adam first unless ``rest_lr`` is known, and written to a file."""
    began, found = time.process_time(), {}
    for rule in rules:
        one = compare(rule, found["Adam"]["best"] if "Adam" in found else rest_lr)
        print(
            f"{time.process_time() - began:6.0f} s  {rule}: lr {one['best']:g}, place "
            f"{int(np.argmin(one['scores']))}, {np.mean(one['test']):.4f}",
            np.round(one["scores"], 3), flush=True,
        )  # fmt: skip
        one["scores"] = [round(v, 5) if math.isfinite(v) else None for v in one["scores"]]
        one["test"] = [round(v, 5) for v in one["test"]]
        found[rule] = one
    out.parent.mkdir(exist_ok=True)
    rows = [f'"{key}": {json.dumps(value, separators=(",", ":"))}' for key, value in found.items()]
    out.write_text("{\n" + ",\n".join(rows) + "\n}\n", encoding="utf-8")
    return found


def main():
    found = table(LARGEST, None, OUT)
    table(POLYNOMIALS, found["Adam"]["best"], OUT_POLYNOMIALS)


if __name__ == "__main__":
    main()
