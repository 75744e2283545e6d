"""The problems of the benchmark: a model, a loss and three parts of data for each.

>>> task = workload("iris")
>>> task.model(rng=0, copies=3)
MLP(15 parameters in each of 3 copies, float64)
>>> [len(y) for X, y in (task.train, task.validation, task.test)]
[75, 37, 38]
"""

import functools
from typing import NamedTuple

import numpy as np

from optlib import data, losses, nn, noisy_bowl

SPLIT = 0  # the seed of all that is drawn for a problem: the seed of a run has no part in it
PARTS = (0.5, 0.25, 0.25)


class Workload(NamedTuple):
    """What a run needs, but for the optimizer.

    Attributes
    ----------
    model : called with ``rng`` and ``copies``, gives the networks at their start.
    loss : a function of the model's output and y.
    train : (X, y), or a function of a generator that makes the next minibatch.
    validation, test : (X, y), to choose by, and to report.
    batch : size of a minibatch.
    """

    model: callable
    loss: callable
    train: tuple
    validation: tuple
    test: tuple
    batch: int = 32


class Point(nn.Model):
    """50 numbers, whatever comes in: the parameters are the output. They start at 1."""

    def __init__(self, rng=0, copies=None):
        n = len(noisy_bowl.CURVATURES)
        super().__init__(lambda rng: {"x": np.ones(n)}, rng, copies, float)

    def __call__(self, X):
        return self.params["x"]


def bowl(noise):
    """:mod:`optlib.noisy_bowl`: each minibatch moves the minimum. Its noise is that of the mean."""
    h = noisy_bowl.CURVATURES

    def loss(x, y):
        return (0.5 * h * (x - y) * (x - y)).sum((-2, -1) if x.data.ndim > 2 else -1)

    def batch(rng):
        return None, np.sqrt(noise / h) * rng.standard_normal(h.size)

    still = None, np.zeros(h.size)
    return Workload(Point, loss, batch, still, still)


def _table(X, y, model, loss, batch=32, classes=True, scale=True):
    """A table, dealt out; the columns on the scale of the training rows."""
    parts = data.split(SPLIT, X, y, parts=PARTS, classes=y if classes else None)
    if scale:
        Xs = data.standardize(*(part[0] for part in parts))
        parts = [(X, part[1]) for X, part in zip(Xs, parts)]
    return Workload(model, loss, *parts, batch)


def _mlp(*sizes, activation="relu", dtype="float32"):
    return functools.partial(nn.MLP, sizes, activation, dtype=dtype)


def _linear(*sizes):
    return _mlp(*sizes, dtype="float64")


def diabetes():
    d = data.diabetes()
    y = (d.y - d.y.mean()) / d.y.std()
    return _table(d.X, y, _linear(10, 1), losses.mse, classes=False)


def breast_cancer():
    d = data.breast_cancer()
    return _table(d.X, d.y, _linear(30, 1), losses.bce)


def softmax(d):
    return _table(d.X, d.y, _linear(d.X.shape[1], len(d.classes)), losses.cross_entropy)


def sparse():
    """Logistic regression on words: word k is in a text with probability 1 / k."""
    rng = np.random.default_rng(SPLIT)
    X = (rng.random((1600, 200)) < 1 / np.arange(1, 201)).astype(float)
    z = X @ (2 * rng.standard_normal(200))
    y = (rng.random(len(z)) < 1 / (1 + np.exp(-z + z.mean()))).astype(int)
    return _table(X, y, _linear(200, 1), losses.bce, scale=False)


def characters():
    """The next character from the last two, by a network with 32 hidden units."""
    text = data.text()
    one_hot = np.eye(len(text.symbols), dtype="float32")
    X = np.hstack([one_hot[text.codes[:-2]], one_hot[text.codes[1:-1]]])
    train, validation, test = data.split(SPLIT, X, text.codes[2:], parts=(0.9, 0.05, 0.05))
    n = len(text.symbols)
    parts = train, [a[:400] for a in validation], test
    return Workload(_mlp(2 * n, 32, n), losses.cross_entropy, *parts, batch=64)


def factors():
    """A matrix of rank 4 with noise, as the product of two: a network of two linear maps."""
    rng = np.random.default_rng(SPLIT)
    true = rng.standard_normal((40, 4)) @ rng.standard_normal((4, 20))
    seen = [true + 0.3 * rng.standard_normal(true.shape) for _ in range(4)]
    rows = np.eye(40)
    train = np.vstack([rows, rows]), np.vstack(seen[:2])
    return Workload(
        _mlp(40, 4, 20, activation="linear", dtype="float64"),
        losses.mse, train, (rows, seen[2]), (rows, seen[3]), batch=16,
    )  # fmt: skip


def digits(model, shape=(64,), target=None, scale=1.0):
    d = data.digits()
    X = (d.X / 16 * scale).astype("float32").reshape(-1, *shape)
    train, *rest = data.split(SPLIT, X, d.y, parts=(0.7, 0.1, 0.2), classes=d.y)
    parts = [(X, X if target == "itself" else y) for X, y in (train, *rest)]
    loss = losses.mse if target == "itself" else losses.cross_entropy
    return Workload(model, loss, *parts)


def scales():
    """A factor for each pixel, from 1/10 to 10."""
    return 10 ** np.random.default_rng(SPLIT).uniform(-1, 1, 64)


def plane(make, model, flip=0.0, **how):
    """Points in the plane; a share of the labels is wrong, but not in validation and test."""
    rng = np.random.default_rng(SPLIT)
    parts = [make(rng, n=n, flip=share, **how) for n, share in ((400, flip), (200, 0), (400, 0))]
    parts = [(X.astype("float32"), y) for X, y in parts]
    return Workload(model, losses.cross_entropy, *parts)


def recall(delay=20, hidden=16, wrong=0.1):
    """Remember one bit over noise; some answers are wrong, so that no loss can come near 0."""
    model = functools.partial(nn.RNN, 1, hidden, 2, last=True, dtype="float32")

    def sequences(rng, n):
        rng = np.random.default_rng(rng)
        X, y = data.recall(rng, n, steps=delay)
        return X.astype("float32"), y ^ (rng.random(n) < wrong)

    def loss(output, y):
        return losses.cross_entropy(output[0], y)

    parts = [sequences((SPLIT, part), 200) for part in (1, 2)]
    return Workload(model, loss, lambda rng: sequences(rng, 32), *parts)


WORKLOADS = {
    "noisy bowl": lambda: bowl(noisy_bowl.NOISE),
    "noisier bowl": lambda: bowl(10 * noisy_bowl.NOISE),
    "diabetes": diabetes,
    "breast cancer": breast_cancer,
    "iris": lambda: softmax(data.iris()),
    "wine": lambda: softmax(data.wine()),
    "softmax digits": lambda: digits(_linear(64, 10)),
    "sparse Zipf": sparse,
    "characters": characters,
    "matrix factors": factors,
    "autoencoder": lambda: digits(_mlp(64, 32, 8, 32, 64), target="itself"),
    "digits MLP": lambda: digits(_mlp(64, 32, 32, 10)),
    "deep digits": lambda: digits(_mlp(64, *[24] * 6, 10)),
    "badly scaled digits": lambda: digits(_mlp(64, 32, 32, 10), scale=scales()),
    "digits CNN": lambda: digits(
        functools.partial(nn.ConvNet, (8, 8, 1), (4, 8), (10,), dtype="float32"), (8, 8, 1)
    ),
    "spirals": lambda: plane(data.spirals, _mlp(2, 32, 32, 3), classes=3, noise=0.03),
    "noisy moons": lambda: plane(data.moons, _mlp(2, 16, 16, 2), flip=0.2),
    "recall": recall,
}


@functools.lru_cache(maxsize=2)
def workload(name):
    """The :class:`Workload` of that name; KeyError with the valid ones for any other."""
    if name not in WORKLOADS:
        raise KeyError(f"there is no problem {name!r}; there are {', '.join(WORKLOADS)}")
    return WORKLOADS[name]()
