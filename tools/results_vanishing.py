"""Does the optimizer cure it? Deep networks on the digits, three optimizers, nine rates for each.

Run once, and again when a rule changes; about half an hour: python tools/results_vanishing.py

It writes optlib/results/vanishing.json, from which the chapter on vanishing gradients draws. Every
hidden layer has 32 units, batches are of 128, the learning rate is constant. A seed draws the
weights; the minibatches are the same for all. The rate is chosen by the mean loss on the training
data over the seeds 0 to 2, and reported on the seeds 10 to 14. All runs of a cell are copies of one
network, side by side. ``tests/test_results_vanishing.py`` runs a cheap part again.
"""

import functools
import json
import math
import sys
import time
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from optlib import SGD, Adam, Momentum, data, initialisers, losses, nn, training  # noqa: E402

OUT = ROOT / "optlib" / "results" / "vanishing.json"
WIDTH, BATCH, STEPS, LONG = 32, 128, 600, 6000
TUNE, REPORT = range(3), range(10, 15)
RULES = {  # the rule, and the lowest of its nine rates: four decades
    "SGD": (SGD, 1e-2),
    "Momentum": (Momentum, 1e-3),
    "Adam": (Adam, 1e-4),
    "Adam, eps 1e-16": (lambda x, lr: Adam(x, lr=lr, eps=1e-16), 1e-4),
}
xavier_11 = functools.partial(initialisers.xavier, gain=11.0)
NETS = {
    **{f"sigmoid {d}": dict(depth=d, activation="sigmoid") for d in (2, 3, 5, 7, 10, 20)},
    "tanh 20": dict(depth=20, activation="tanh"),
    "ReLU 20": dict(depth=20, activation="relu"),
    "sigmoid 20, skip": dict(depth=20, activation="sigmoid", residual=1.0),
    "sigmoid 20, batch norm": dict(depth=20, activation="sigmoid", norm="batch"),
    "sigmoid 20, layer norm": dict(depth=20, activation="sigmoid", norm="layer"),
    "sigmoid 20, gain 11": dict(depth=20, activation="sigmoid", init=xavier_11),
}
CELLS = [(net, rule, STEPS) for net in NETS for rule in ("SGD", "Momentum", "Adam")]
CELLS += [(f"sigmoid {d}", "Adam, eps 1e-16", STEPS) for d in (10, 20)]
CELLS += [(f"sigmoid {d}", rule, LONG) for d in (5, 7) for rule in ("SGD", "Momentum")]
CELLS += [(f"sigmoid {d}", rule, LONG) for d in (10, 20) for rule in ("SGD", "Adam")]
CELLS += [("sigmoid 20", "Adam, eps 1e-16", LONG)]


def rates(rule):
    return [RULES[rule][1] * 10 ** (k / 2) for k in range(9)]


def digits():
    """The digits, grey values from -0.5 to 0.5: 1257 to train on, 540 to test."""
    table = data.digits()
    return data.split(0, table.X / 16 - 0.5, table.y, parts=(0.7, 0.3), classes=table.y)


def train(net, rule, lrs, seeds, steps=STEPS):
    """Final training losses and test accuracies, a row for each rate; infinite for lost runs."""
    to_train, to_test = digits()
    settings = dict(NETS[net])
    sizes = [64] + settings.pop("depth") * [WIDTH] + [10]
    copies = len(lrs) * len(seeds)
    model = nn.MLP(sizes, rng=list(seeds) * len(lrs), copies=copies, **settings)
    optimizer = RULES[rule][0](model.params.x, lr=np.repeat(lrs, len(seeds))[:, None])
    history = training.fit(
        model, losses.cross_entropy, to_train, optimizer,
        steps=steps, batch=BATCH, every=steps, validation=to_test,
        metrics=dict(accuracy=training.accuracy), progress=False,
    )  # fmt: skip
    loss, accuracy = history.train["loss"][-1], history.validation["accuracy"][-1]
    loss = np.where(np.isinf(history.diverged) & np.isfinite(loss), loss, math.inf)
    return loss.reshape(len(lrs), -1), accuracy.reshape(len(lrs), -1)


def cell(net, rule, steps=STEPS):
    """Nine rates on the seeds for tuning, then the best on fresh seeds; numbers for the file."""
    lrs = rates(rule)
    tried = train(net, rule, lrs, TUNE, steps)[0].mean(axis=1)
    best = int(tried.argmin())
    loss, accuracy = train(net, rule, lrs[best : best + 1], REPORT, steps)
    short = [[float(f"{v:.5g}") if np.isfinite(v) else None for v in a] for a in (tried, *loss)]
    return dict(
        net=net, rule=rule, steps=steps, lr=lrs[best], tried=short[0], loss=short[1],
        accuracy=[round(float(v), 4) for v in accuracy[0]],
    )  # fmt: skip


def main():
    began, found = time.process_time(), []
    for net, rule, steps in CELLS:
        found.append(cell(net, rule, steps))
        print(f"{time.process_time() - began:6.0f} s  {json.dumps(found[-1])}", flush=True)
    OUT.parent.mkdir(exist_ok=True)
    OUT.write_text("[\n" + ",\n".join(map(json.dumps, found)) + "\n]\n", encoding="utf-8")


if __name__ == "__main__":
    main()
