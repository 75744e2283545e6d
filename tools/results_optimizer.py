"""Measure the table of the chapter "What an optimizer is": eight rules, default and tuned rates.

Run once, and again when a rule changes; some minutes: python tools/results_optimizer.py

One network, one split of the digits, batches of 32, 500 steps, a constant learning rate. A seed
draws the starting weights and the order of the examples; nothing else varies. For each rule the
rate is chosen from nine by the mean loss on the training data over the seeds 0 to 2, and reported
on the seeds 10 to 19. The test data take no part in the choice. The tuned runs are repeated, at the
same rates, with forty other seeds and on four other splits: what changes there is luck. Muon alone
has weight decay by default, so it runs without it as well. And Adam trains eight times as long.
"""

import json
import sys
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import optlib  # noqa: E402
from optlib import data, losses, nn, training  # noqa: E402

OUT = ROOT / "optlib" / "results" / "optimizer.json"
SIZES, STEPS, BATCH = (64, 32, 32, 10), 500, 32
TUNE, REPORT = range(3), range(10, 20)
DECADES = (1, 3)  # the grid is 1, 3, 10, 30, ...
MORE = (*range(10), *range(20, 50))
SPLITS = range(1, 5)  # the reported split is 0
LONG, LONG_SEEDS = (500, 1500, 4000), range(10)
# The first of the nine rates of each rule: four decades around what is usual for it.
GRIDS = {
    "SGD": 1e-3,
    "Momentum": 1e-4,
    "Nesterov": 1e-4,
    "RMSprop": 1e-5,
    "Adagrad": 1e-3,
    "Adam": 1e-5,
    "Lion": 1e-6,
    "Muon": 1e-4,
}
# Muon is for the hidden matrices; the output layer and the biases go to Adam, at its own rate.
HIDDEN, ADAM_TUNED = ("0.W", "1.W"), 1e-2


def rates(first):
    return [float(f"{first * 10**k * m:.0e}") for k in range(5) for m in DECADES][:9]


def digits(split=0):
    """(X, y) to train on and (X, y) to test on: 1257 and 540 images."""
    d = data.digits()
    return data.split(split, d.X / 16, d.y, parts=(0.7, 0.3), classes=d.y)


class MuonAndAdam:
    """Muon for the hidden matrices, Adam for the rest, as one optimizer."""

    def __init__(self, model, lr, adam_lr, **hyper):
        self.x, slices = model.params.x, model.params.slices
        self.at = [slices[name] for name in HIDDEN]
        rest = np.ones(self.x.size, bool)
        for part in self.at:
            rest[part] = False
        self.rest = rest
        shapes = [model.params.shapes[name] for name in HIDDEN]
        # Muon wants (outputs, inputs), and here a weight is (inputs, outputs)
        self.muons = [
            optlib.Muon(np.ascontiguousarray(self.x[part].reshape(shape).T), lr=lr, **hyper)
            for part, shape in zip(self.at, shapes, strict=True)
        ]
        self.adam = optlib.Adam(self.x[rest], lr=adam_lr)
        self.hyper = self.hyper_now = {"lr": lr}

    def step(self, g):
        for part, muon in zip(self.at, self.muons, strict=True):
            p, q = muon.x.shape
            self.x[part] = muon.step(np.ascontiguousarray(g[part].reshape(q, p).T)).T.ravel()
        self.x[self.rest] = self.adam.step(g[self.rest])
        return self.x


def run(name, lr, seed, parts, adam_lr=ADAM_TUNED, **hyper):
    """Loss on the training data and share of right answers on the test data after training."""
    train, test = parts
    model = nn.MLP(SIZES, rng=seed)
    if name == "Muon":
        optimizer = MuonAndAdam(model, lr, adam_lr, **hyper)
    else:
        optimizer = getattr(optlib, name)(model.params.x, lr=lr, **hyper)
    try:
        training.fit(
            model, losses.cross_entropy, train, optimizer, steps=STEPS, batch=BATCH, rng=seed
        )
    except training.Diverged:
        return np.inf, 0.1
    with np.errstate(over="ignore", invalid="ignore"):
        loss = losses.cross_entropy(model(train[0]), train[1]).item()
        accuracy = float(training.accuracy(model(test[0]), test[1]))
    return (loss if np.isfinite(loss) else np.inf), accuracy


def report(name, lr, parts, seeds=REPORT, **more):
    loss, accuracy = zip(*(run(name, lr, s, parts, **more) for s in seeds), strict=True)
    return {
        "lr": lr,
        "loss": [round(min(v, 1e9), 6) for v in loss],
        "accuracy": [round(v, 6) for v in accuracy],
    }


def long_run(lr, seed, parts, steps=LONG):
    """Loss on the training data and accuracy on the test of one run of Adam, after these steps."""
    train, test = parts
    model = nn.MLP(SIZES, rng=seed)
    history = training.fit(
        model, losses.cross_entropy, train, optlib.Adam(model.params.x, lr=lr), steps=steps[-1],
        batch=BATCH, rng=seed, every=500, validation=test, metrics={"right": training.accuracy},
    )  # fmt: skip
    at = [list(history.evaluated).index(t) for t in steps]
    return [
        [float(f"{history.train['loss'][i]:.4g}") for i in at],
        [round(float(history.validation["right"][i]), 6) for i in at],
    ]


def table():
    """For each rule the nine rates, ten runs with the default and ten with the best of the nine."""
    parts, found = digits(), {}
    for name, first in GRIDS.items():
        tried = {lr: np.mean([run(name, lr, s, parts)[0] for s in TUNE]) for lr in rates(first)}
        best = min(tried, key=tried.get)
        usual = getattr(optlib, name).defaults["lr"]
        found[name] = {
            "tried": {f"{lr:g}": round(float(min(v, 1e9)), 6) for lr, v in tried.items()},
            "default": report(name, usual, parts, adam_lr=optlib.Adam.defaults["lr"]),
            "tuned": report(name, best, parts),
            "more": report(name, best, parts, seeds=MORE),
            "splits": [report(name, best, digits(split))["accuracy"] for split in SPLITS],
        }
    muon, adam = found["Muon"], found["Adam"]
    muon["no_decay"] = [
        report("Muon", muon["tuned"]["lr"], digits(split), wd=0)["accuracy"]
        for split in (0, *SPLITS)
    ]
    adam["long"] = [long_run(adam["tuned"]["lr"], seed, parts) for seed in LONG_SEEDS]
    return found


if __name__ == "__main__":
    OUT.parent.mkdir(exist_ok=True)
    OUT.write_text(json.dumps(table(), indent=1) + "\n", "utf-8")
