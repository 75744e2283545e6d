"""Data that travel inside the package, data that are generated, and how they are dealt out.

Nothing is downloaded; a file is read when its function is called. What draws at random takes
``rng``, a ``numpy.random.Generator`` or a seed for one, as its first argument. A network sees some
of the data at a time::

    digits = data.digits()
    train, test = data.split(0, digits.X / 16, digits.y, parts=(0.7, 0.3), classes=digits.y)
    for X, y in data.minibatches(1, *train, size=32, epochs=10):
        ...
"""

import pathlib
from typing import NamedTuple

import numpy as np

HERE = pathlib.Path(__file__).parent / "datasets"


class Dataset(NamedTuple):
    """A table: one row for each example.

    Attributes
    ----------
    X : array of floats of shape (N, d).
    y : the target, of shape (N,): floats, or whole numbers from 0 on that count the classes.
    features : the names of the d columns.
    source : who published the data, and where this copy is from.
    classes : the names of the classes; () if y is no class.
    licence : the terms of this copy.
    """

    X: np.ndarray
    y: np.ndarray
    features: tuple
    source: str
    classes: tuple = ()
    licence: str = ""


def _table(name):
    with np.load(HERE / f"{name}.npz") as file:
        return Dataset(
            X=file["X"].astype(float),
            y=file["y"].astype(np.int64 if len(file["classes"]) else float),
            features=tuple(map(str, file["features"])),
            source=str(file["source"]),
            classes=tuple(map(str, file["classes"])),
            licence=str(file["licence"]),
        )


def diabetes():
    """442 patients, 10 measurements, and the progress of their diabetes one year later.

    Raw units: age in years, sex coded 1 or 2, body mass index in kg/m^2, mean blood pressure in
    mm Hg, and six blood serum measurements; the target is a score from 25 to 346.

    Efron, Hastie, Johnstone & Tibshirani, "Least angle regression", Annals of Statistics 32, 2004.
    """
    return _table("diabetes")


def digits():
    """1797 handwritten digits of 13 people, 8 by 8 pixels with grey values 0 to 16; ten classes.

    ``X / 16`` is the usual scale, ``X.reshape(-1, 8, 8, 1)`` the images. Some pixels of the border
    are 0 in all of them, so :func:`standardize` refuses these columns.

    Alpaydin 1998, "Optical recognition of handwritten digits" (UCI Machine Learning Repository),
    its test set.

    >>> d = digits()
    >>> d.X.shape, int(d.y[0]), int(d.X[0].reshape(8, 8)[0, 3])
    ((1797, 64), 0, 13)
    """
    return _table("digits")


def breast_cancer():
    """569 tumours, 30 measurements of their cell nuclei; 0 is malignant (212), 1 benign (357).

    Wolberg, Street & Mangasarian 1995, "Breast cancer Wisconsin (diagnostic)" (UCI Machine Learning
    Repository).
    """
    return _table("breast_cancer")


def wine():
    """178 wines of one region in Italy, 13 chemical measurements; three growers.

    Forina et al., PARVUS; "Wine" in the UCI Machine Learning Repository.
    """
    return _table("wine")


def iris():
    """150 irises, length and width of sepals and petals in cm; three species, 50 of each.

    Fisher, "The use of multiple measurements in taxonomic problems", Annals of Eugenics 7, 1936,
    doi:10.1111/j.1469-1809.1936.tb02137.x. As in R; the copy in the UCI repository has two wrong
    rows.
    """
    return _table("iris")


class Text(NamedTuple):
    """A text for models of its letters.

    Attributes
    ----------
    text : the text.
    symbols : the different characters in it, sorted.
    codes : the place of each character in ``symbols``, an array of whole numbers.
    source, licence : as in :class:`Dataset`.
    """

    text: str
    symbols: str
    codes: np.ndarray
    source: str
    licence: str


def text():
    """14,983 characters, 85 different ones: descriptions of six data sets, joined into one text.

    A natural heavy tail: of the 1,037 different words (what stands between blanks), 73 % occur
    once. A model that knows nothing but how often each character occurs has a cross-entropy of
    3.375 nats.

    >>> t = text()
    >>> t.text[19:38], "".join(t.symbols[code] for code in t.codes[19:38])
    ('Iris plants dataset', 'Iris plants dataset')
    """
    with np.load(HERE / "text.npz") as file:
        whole = str(file["text"])
        symbols, codes = np.unique(list(whole), return_inverse=True)
        return Text(whole, "".join(symbols), codes, str(file["source"]), str(file["licence"]))


def _count(name, value, least=1):
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < least:
        raise ValueError(f"{name}={value!r} must be a whole number, at least {least}")


def _share(name, value):
    if not 0 <= value < 1:
        raise ValueError(f"{name}={value!r} must be at least 0 and less than 1")


def _noisy(rng, X, y, classes, noise, flip):
    """Rows in random order, moved by normal noise; a share of them gets the label of another."""
    order = rng.permutation(len(X))
    X = X[order] + noise * rng.standard_normal(X.shape)
    wrong = rng.random(len(y)) < flip
    return X, (y[order] + wrong * rng.integers(1, classes, len(y))) % classes


def moons(rng, n=200, noise=0.1, flip=0.0):
    """Two half circles that reach into each other.

    Parameters
    ----------
    rng : a generator of random numbers, or a seed.
    n : the number of points, default 200; the classes 0 and 1 have half of them each.
    noise : the standard deviation of the normal noise on each coordinate, default 0.1.
    flip : the probability of a wrong label, default 0.

    Returns
    -------
    X of shape (n, 2), y of shape (n,). Without noise these are the points of scikit-learn's
    ``make_moons``, in another order.

    >>> X, y = moons(0, n=4, noise=0)
    >>> X[y == 0].round(12).tolist() in ([[1, 0], [-1, 0]], [[-1, 0], [1, 0]])
    True
    """
    _count("n", n, 2)
    _share("flip", flip)
    rng = np.random.default_rng(rng)
    outer, inner = np.linspace(0, np.pi, n // 2), np.linspace(0, np.pi, n - n // 2)
    X = np.concatenate(
        [
            np.stack([np.cos(outer), np.sin(outer)], axis=1),
            np.stack([1 - np.cos(inner), 0.5 - np.sin(inner)], axis=1),
        ]
    )
    y = np.repeat([0, 1], [len(outer), len(inner)])
    return _noisy(rng, X, y, 2, noise, flip)


def spirals(rng, n=200, classes=2, turns=1.0, noise=0.02, flip=0.0):
    """Arms that wind around the origin, one for each class, of length 1 from the middle.

    Parameters
    ----------
    rng : a generator of random numbers, or a seed.
    n : the number of points, default 200, dealt to the classes in turn.
    classes : the number of arms, default 2.
    turns : how often each arm goes around, default 1.
    noise : the standard deviation of the normal noise on each coordinate, default 0.02.
    flip : the probability of a wrong label, default 0.

    Returns
    -------
    X of shape (n, 2), y of shape (n,).
    """
    _count("classes", classes, 2)
    _count("n", n, classes)
    _share("flip", flip)
    rng = np.random.default_rng(rng)
    y = np.arange(n) % classes
    radius = (np.arange(n) // classes + 1) / -(-n // classes)
    angle = 2 * np.pi * (turns * radius + y / classes)
    X = radius[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    return _noisy(rng, X, y, classes, noise, flip)


def recall(rng, n, steps=40, noise=0.1):
    """Sequences to be remembered: the first input is the answer, all others are noise.

    Parameters
    ----------
    rng : a generator of random numbers, or a seed.
    n : the number of sequences.
    steps : their length, default 40.
    noise : the standard deviation of the later inputs, default 0.1.

    Returns
    -------
    X of shape (steps, n, 1), y of shape (n,): ``X[0]`` is 1 where y is 1, and -1 where y is 0.
    """
    _count("n", n)
    _count("steps", steps)
    rng = np.random.default_rng(rng)
    y = rng.integers(0, 2, n)
    X = noise * rng.standard_normal((steps, n, 1))
    X[0, :, 0] = 2 * y - 1
    return X, y


def adding(rng, n, steps=40):
    """Sequences of numbers, two of which are marked: what is the sum of these two?

    Parameters
    ----------
    rng : a generator of random numbers, or a seed.
    n : the number of sequences.
    steps : their length, at least 2, default 40.

    Returns
    -------
    X of shape (steps, n, 2), the numbers, uniform in [0, 1), and the marks, one in each half of the
    sequence; y of shape (n, 1). Who always answers 1 has a mean squared error of 1/6.

    References
    ----------
    Hochreiter & Schmidhuber, "Long short-term memory", Neural Computation 9, 1997,
    doi:10.1162/neco.1997.9.8.1735; with numbers from 0 to 1 as in Le, Jaitly & Hinton, "A simple
    way to initialize recurrent networks of rectified linear units", 2015, arXiv:1504.00941.
    """
    _count("n", n)
    _count("steps", steps, 2)
    rng = np.random.default_rng(rng)
    X = np.zeros((steps, n, 2))
    X[..., 0] = rng.random((steps, n))
    X[rng.integers(0, steps // 2, n), np.arange(n), 1] = 1
    X[rng.integers(steps // 2, steps, n), np.arange(n), 1] = 1
    return X, (X[..., 0] * X[..., 1]).sum(axis=0)[:, None]


def _rows(arrays, task):
    """The common number of rows of some arrays."""
    if not arrays:
        raise ValueError(f"{task}: no data were given")
    counts = [len(a) for a in arrays]
    if len(set(counts)) > 1 or not counts[0]:
        raise ValueError(
            f"{task}: the arrays must have the same number of rows, at least one; "
            f"they have {', '.join(map(str, counts))}"
        )
    return counts[0]


def split(rng, *arrays, parts=(0.75, 0.25), classes=None):
    """Deal the rows out at random, each to one part.

    Parameters
    ----------
    rng : a generator of random numbers, or a seed: the same seed gives the same parts.
    *arrays : X, y, ..., all with N rows.
    parts : the share of each part, together 1. Default 3/4 and 1/4. A last row that would be in two
        parts goes to the later one: 0.7 and 0.3 of 1797 are 1257 and 540.
    classes : labels of shape (N,) that each part shall have in the proportion of the whole, to
        about one row. Default None: left to chance. The rows then come in turns of the classes:
        a slice of them is fair, every tenth row is not.

    Returns
    -------
    A list with, for each part, a tuple of its rows of the arrays (or one array, if one was given).

    Raises
    ------
    ValueError
        For arrays of different lengths, shares that are not greater than 0 or not 1 together, and
        a part that would be empty.

    >>> train, test = split(0, np.arange(8), parts=(0.75, 0.25), classes=[0, 0, 0, 0, 1, 1, 1, 1])
    >>> len(train), sorted(test // 4)
    (6, [np.int64(0), np.int64(1)])
    """
    arrays = [np.asarray(a) for a in arrays]
    n = _rows(arrays, "split")
    parts = np.asarray(parts, float)
    if parts.ndim != 1 or not (parts > 0).all() or not np.isclose(parts.sum(), 1):
        raise ValueError(f"parts={parts.tolist()} must be greater than 0 and 1 together")
    ends = np.floor(np.cumsum(parts)[:-1] * n + 1e-9).astype(int)
    if min(np.diff([0, *ends, n])) < 1:
        raise ValueError(f"{n} rows are too few for parts={parts.tolist()}: one would be empty")
    order = np.random.default_rng(rng).permutation(n)
    if classes is not None:
        _rows([order, classes], "split")
        labels = np.asarray(classes)[order]
        place = np.empty(n)  # from 0 to 1 within each class: a cut at 0.7 cuts each of them there
        for label in np.unique(labels):
            mine = labels == label
            place[mine] = (np.arange(mine.sum()) + 0.5) / mine.sum()
        order = order[np.argsort(place, kind="stable")]
    chosen = [tuple(a[rows] for a in arrays) for rows in np.split(order, ends)]
    return chosen if len(arrays) > 1 else [part[0] for part in chosen]


def minibatches(rng, *arrays, size, epochs=1, partial=True):
    """The rows in random order, some at a time; in each epoch every row once.

    Parameters
    ----------
    rng : a generator of random numbers, or a seed. Each epoch takes one ``rng.permutation(N)`` from
        it when it begins, and nothing else.
    *arrays : X, y, ..., all with N rows.
    size : the number of rows in a batch.
    epochs : how often to go through all of them, default 1. A loop over epochs outside needs a
        generator: a seed would give every epoch the same order.
    partial : whether the last batch of an epoch may be smaller, default True. False leaves these
        rows out, other ones in each epoch.

    Returns
    -------
    An iterator over tuples of arrays (or over arrays, if one was given).

    Raises
    ------
    ValueError
        For arrays of different lengths or without rows, a size or a number of epochs that is no
        whole number from 1 on, and a size without a single full batch if ``partial`` is False.

    >>> [batch.tolist() for batch in minibatches(0, np.arange(5), size=2)]
    [[2, 4], [3, 0], [1]]
    """
    arrays = [np.asarray(a) for a in arrays]
    n = _rows(arrays, "minibatches")
    _count("size", size)
    _count("epochs", epochs)
    if size > n and not partial:
        raise ValueError(f"size={size}: {n} rows do not fill a batch; use partial=True")
    rng = np.random.default_rng(rng)

    def batches():  # so that the errors above come at once, and not with the first batch
        for _ in range(epochs):
            order = rng.permutation(n)
            shuffled = [a[order] for a in arrays]
            for start in range(0, n if partial else n - n % size, size):
                batch = tuple(a[start : start + size] for a in shuffled)
                yield batch if len(arrays) > 1 else batch[0]

    return batches()


def standardize(X, *others):
    """Each column shifted to mean 0 and scaled to standard deviation 1 over the N rows.

    ``others`` are moved and scaled as X is: a test set with the mean and the scale of the training
    set, the only ones that may be known. They are returned after X; without them, X alone is.

    Raises ValueError for a column that does not vary: it has no scale.

    >>> train, test = standardize([[1.0], [3.0]], [[2.0], [5.0]])
    >>> train.tolist(), test.tolist()
    ([[-1.0], [1.0]], [[0.0], [3.0]])
    """
    X = np.asarray(X, dtype=float)
    spread = X.std(axis=0)
    if (still := np.flatnonzero(spread == 0)).size:
        raise ValueError(f"column {still.tolist()} does not vary and has no scale; drop it")
    center = X.mean(axis=0)
    scaled = [(np.asarray(a, dtype=float) - center) / spread for a in (X, *others)]
    return scaled if others else scaled[0]
