"""Early stopping and ensembles: what takes longer than a page may.

Run once, and again when a rule changes; a few minutes: python tools/results_regularization.py

It writes optlib/results/regularization.json, from which the chapter on regularization draws.

stopping: three spiral arms, 225 points to train on, of which one label in four is drawn anew; the
labels of 112 validation and 1013 test points are right. Ten networks 2-64-64-3 that differ in their
start, Adam, full batch.
judged: the same with twenty other draws of the points; the lowest validation loss, and the test
loss there, each a mean over three networks.
ensembles: ten networks 64-32-10 on the digits, Adam, full batch: all on the same data from
different starts, each on its own bootstrap sample, and each on its own tenth, dealt at random. All
of that ten times: another cut into training and test images, other starts, other samples.
``tests/test_results_regularization.py`` runs a cheap part again.
"""

import json
import sys
import time
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from optlib import Adam, data, losses, nn, training  # noqa: E402

OUT = ROOT / "optlib" / "results" / "regularization.json"
SEEDS, STEPS, EVERY = range(10), 2000, 20
DRAWS = range(101, 121)
MEMBERS, REPEATS, WAYS = 10, range(10), ("same", "bootstrap", "tenths")


def spirals(seed=1):
    """Train, validation and test, each (X, y); a quarter of the training labels is drawn anew."""
    rng = np.random.default_rng(seed)
    X, y = data.spirals(rng, n=1350, classes=3, noise=0.05)
    parts = np.array([225, 112.5, 1012.5]) / 1350
    train, validation, test = data.split(rng, X, y, parts=parts, classes=y)
    again = rng.random(len(train[1])) < 0.25
    labels = np.where(again, rng.integers(0, 3, len(again)), train[1])
    return (train[0], labels), validation, test


def stopping(seeds=SEEDS, steps=STEPS, every=EVERY, draw=1):
    """Losses on the three parts and the accuracy on the test, (evaluations, networks)."""
    train, validation, test = spirals(draw)
    model = nn.MLP([2, 64, 64, 3], rng=list(seeds), copies=len(seeds))
    opt, curves = Adam(model.params.x, lr=3e-3), dict(train=[], validation=[], test=[], right=[])

    def look(step, model, value):
        if step % every == 0:
            for name, (X, y) in zip(curves, (train, validation, test)):
                curves[name].append(losses.cross_entropy(model(X), y).data)
            curves["right"].append(training.accuracy(model(test[0]), test[1]))

    training.fit(
        model, losses.cross_entropy, train, opt,
        steps=steps, batch=len(train[1]), callback=look, progress=False,
    )  # fmt: skip
    return {name: np.array(values) for name, values in curves.items()}


def judged(seed, networks=3, steps=600, every=20):
    """The lowest validation loss of some runs, and the test loss there: means over the runs."""
    curves = stopping(range(networks), steps, every, seed)
    best = curves["validation"].argmin(axis=0), np.arange(networks)
    return curves["validation"][best].mean(), curves["test"][best].mean()


def digits(seed):
    table = data.digits()
    return data.split(seed, table.X / 16 - 0.5, table.y, parts=(0.7, 0.3), classes=table.y)


def samples(way, n, seed):
    """Which of the n rows each member of an ensemble is trained on."""
    rng = np.random.default_rng(100 + seed)
    if way == "tenths":  # dealt, for the rows come in a cycle of digits: every tenth row is biased
        return np.array_split(rng.permutation(n), MEMBERS)
    if way == "bootstrap":
        return rng.integers(0, n, (MEMBERS, n))
    return np.tile(np.arange(n), (MEMBERS, 1))


def member(part, start, steps=400):
    """One network of an ensemble, trained."""
    model = nn.MLP([64, 32, 10], rng=start)
    training.fit(
        model, losses.cross_entropy, part, Adam(model.params.x, lr=0.01),
        steps=steps, batch=len(part[1]), progress=False,
    )  # fmt: skip
    return model


def probabilities(model, X):
    z = model(X).data
    p = np.exp(z - z.max(axis=-1, keepdims=True))
    return p / p.sum(axis=-1, keepdims=True)


def scores(p, y):
    """Accuracy, cross-entropy and squared error of probabilities, means over the examples."""
    truth = np.eye(p.shape[-1])[y]
    right = (p.argmax(axis=-1) == y).mean(axis=-1)
    log = -np.log(np.take_along_axis(p, np.broadcast_to(y[:, None], (*p.shape[:-1], 1)), -1))
    return right, log.mean(axis=(-1, -2)), ((p - truth) ** 2).sum(axis=-1).mean(axis=-1)


def ensemble(way, seed):
    """Mean score of the members, the score of their average, and their ambiguity."""
    train, (X, y) = digits(seed)
    rows = samples(way, len(train[1]), seed)
    parts = [tuple(a[mine] for a in train) for mine in rows]
    p = np.array(
        [probabilities(member(part, MEMBERS * seed + k), X) for k, part in enumerate(parts)]
    )
    mean = p.mean(axis=0)
    names = ("accuracy", "loss", "square")
    found = {f"single {name}": v.mean() for name, v in zip(names, scores(p, y))}
    found |= {f"mean {name}": v for name, v in zip(names, scores(mean, y))}
    found["ambiguity"] = ((p - mean) ** 2).sum(axis=-1).mean()
    return {name: round(float(v), 5) for name, v in found.items()}


def main():
    began = time.process_time()
    curves = {name: np.round(a, 4).T.tolist() for name, a in stopping().items()}
    print(f"{time.process_time() - began:6.0f} s  stopping", flush=True)
    found = dict(stopping=curves, judged=np.round([judged(draw) for draw in DRAWS], 4).tolist())
    print(f"{time.process_time() - began:6.0f} s  judged", flush=True)
    for way in WAYS:  # the same ten cuts and starts in each
        several = [ensemble(way, seed) for seed in REPEATS]
        found[way] = {name: [one[name] for one in several] for name in several[0]}
        print(f"{time.process_time() - began:6.0f} s  {way}", flush=True)
    OUT.parent.mkdir(exist_ok=True)
    rows = [f'"{key}": {json.dumps(value, separators=(",", ":"))}' for key, value in found.items()]
    OUT.write_text("{\n" + ",\n".join(rows) + "\n}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
