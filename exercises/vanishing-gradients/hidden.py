"""Hidden tests of the exercises on vanishing gradients. optlib is the oracle, rng draws numbers.

Nothing about the right answer is typed here but the words of the feedback: variances are those of
``optlib.initialisers``, lengths those of ``optlib.estimate``, ratios those of ``optlib.nn``.
"""

import numpy as np

from exercises.cases import Case, Wrong, array, describe, number
from optlib import estimate, initialisers, nn

KINDS = ("lecun", "xavier", "he")


def cases(rng):
    return [*init_cases(rng), *clip_cases(rng), *report_cases(rng)]


# E1


def init_cases(rng):
    same = dict(question="test_init", function="init")

    def seed():
        return int(rng.integers(10**6))

    for kind in KINDS:
        n, m = (int(v) for v in rng.integers((250, 500), (350, 700)))
        for shape in ((n, m), (m, n)) if kind == "xavier" else ((n, m),):
            way = "narrow to wide" if shape[0] < shape[1] else "wide to narrow"
            yield Case(
                **same, title=f"{kind} for a dense layer, {way}", points=0.75,
                args=dict(kind=kind, shape=list(shape), seed=seed()), check=variance(kind, shape),
            )  # fmt: skip
    for kind in KINDS:
        shape = (3, 5, *(int(v) for v in rng.integers((30, 130), (50, 160))))
        yield Case(
            **same, title=f"{kind} for a convolution", points=1,
            args=dict(kind=kind, shape=list(shape), seed=seed()), check=variance(kind, shape),
        )  # fmt: skip
    short, tall = (int(v) for v in rng.integers((5, 30), (20, 50)))
    shapes = {"tall": (tall, short), "wide": (short, tall)}
    shapes["of a convolution"] = (3, 3, short, short)
    for name, shape in shapes.items():
        yield Case(
            **same, title=f"orthogonal, {name}", points=0.75 if len(shape) == 2 else 0.5,
            args=dict(kind="orthogonal", shape=list(shape), seed=seed()), check=turned(shape),
        )  # fmt: skip
    wrong = (
        ("no such kind", dict(kind="small", shape=[4, 4]), 'kind is "small", none of the four'),
        ("a shape with one axis", dict(kind="he", shape=[4]), "the shape has only one axis"),
    )
    for title, args, why in wrong:
        args = dict(args, seed=seed())
        yield Case(**same, title=title, args=args, raises="ValueError", why=why, points=0.5)


def shaped(result, shape):
    W = array(result, len(shape), "the weights")
    if W.shape != tuple(shape):
        raise Wrong(f"weights of shape {tuple(shape)} were asked for, and yours have {W.shape}")
    if not np.isfinite(W).all():
        raise Wrong("the weights have numbers that are not finite")
    return W


def variance(kind, shape):
    large = initialisers.INITIALISERS[kind](shape, np.random.default_rng(0))
    fans = initialisers.fans(shape)

    def check(result):
        W = shaped(result, shape)
        share = W.var() / large.var()
        if not 0.95 < share < 1.05:
            raise Wrong(
                f"{kind} with {fans[0]} inputs and {fans[1]} outputs: the variance of your weights "
                f"is {share:.3g} times what it should be"
            )
        if abs(W.mean()) > 5 * large.std() / np.sqrt(W.size):
            raise Wrong(f"{kind}: the mean of your weights is {W.mean():.3g}, too far from 0")
        if len(np.unique(W)) < W.size / 10:
            raise Wrong(f"{kind}: your weights are not independent random numbers")

    return check


def turned(shape):
    def check(result):
        W = shaped(result, shape).reshape(-1, shape[-1])
        product = W.T @ W if W.shape[0] >= W.shape[1] else W @ W.T
        error = np.abs(product - np.eye(len(product))).max()
        if not error < 1e-8:
            raise Wrong(
                f"as a matrix of shape {W.shape}, the product of your weights with themselves is "
                f"off the identity by {error:.2g}"
            )
        if np.abs(np.abs(W) - np.eye(*W.shape)).max() < 1e-8:
            raise Wrong("the weights are orthogonal, but not random")

    return check


# E2


def clip_cases(rng):
    same = dict(question="test_clip", function="clip_by_global_norm")

    def gradients(scale=1.0):
        shapes = {"0.W": (4, 3), "0.b": (3,), "1.W": (3, 2)}
        return {name: scale * rng.normal(size=shape) for name, shape in shapes.items()}

    def case(title, grads, limit, points, unchanged=()):
        return Case(
            **same, title=title, args=dict(grads=grads, limit=float(limit)), points=points,
            check=clip_checker(grads, float(limit)), unchanged=unchanged,
        )  # fmt: skip

    long = gradients(10.0)
    yield case("one factor for all arrays", long, 0.1 * estimate.norm(long), 2)
    yield case("leaves short gradients alone", gradients(0.01), rng.uniform(5, 9), 1)
    uneven = gradients() | {"0.b": 100 * rng.normal(size=3)}
    yield case("one array longer than the others", uneven, rng.uniform(1, 3), 1)
    yield case("leaves its arguments alone", gradients(5.0), 1.0, 0.5, unchanged=("grads",))
    whole = {"W": rng.integers(3, 9, (2, 2)), "b": rng.integers(3, 9, 3)}
    yield case("takes whole numbers", whole, 2.0, 0.5)
    yield case("gradients of zero", {"W": np.zeros((2, 3))}, rng.uniform(1, 2), 0.5)
    yield case("numbers whose squares overflow", gradients(1e200), rng.uniform(2, 4), 1)
    bad = (
        ("NaN in a gradient", gradients() | {"0.b": np.array([1.0, np.nan, 0.0])}, 1.0,
         "a gradient has a NaN"),
        ("infinity in a gradient", gradients() | {"0.b": np.array([1.0, np.inf, 0.0])}, 1.0,
         "a gradient has an infinity"),
        ("a limit of 0", gradients(), 0.0, "limit is 0"),
    )  # fmt: skip
    for title, grads, limit, why in bad:
        args = dict(grads=grads, limit=limit)
        yield Case(**same, title=title, args=args, raises="ValueError", why=why, points=0.5)


def clip_checker(grads, limit):
    floats = {name: np.asarray(g, dtype=float) for name, g in grads.items()}
    length, right = estimate.norm(floats), estimate.clip_norm(floats, limit)

    def check(result):
        if not isinstance(result, list) or len(result) != 2 or not isinstance(result[0], dict):
            raise Wrong(f"a pair of a dict and a number should come back, not {describe(result)}")
        found, before = result[0], number(result[1], "the norm")
        if not abs(before - length) <= 1e-9 * length:
            raise Wrong(f"the global norm before is {length:.6g}, and yours is {before:.6g}")
        if found.keys() != floats.keys():
            raise Wrong(f"the names should be {', '.join(floats)}")
        for name, wanted in right.items():
            g = array(found[name], wanted.ndim, name)
            if g.shape != wanted.shape:
                raise Wrong(f"{name} should keep its shape {wanted.shape}, and has {g.shape}")
            if not np.allclose(g, wanted, rtol=1e-9, atol=0):
                raise Wrong(
                    f"{name} is wrong: with a global norm of {length:.4g} and a limit of "
                    f"{limit:.4g} all arrays get the same factor"
                )

    return check


# E3

ROWS = {  # the seven nets of the chapter, narrower: activation, and the gain over 1/sqrt(n)
    "sigmoid, Xavier": ("sigmoid", 1.0),
    "sigmoid, small weights": ("sigmoid", 0.16),
    "tanh, Xavier": ("tanh", 1.0),
    "tanh, large weights": ("tanh", 2.2),
    "ReLU, He": ("relu", 2**0.5),
    "ReLU, Xavier": ("relu", 1.0),
    "ReLU, large weights": ("relu", 2.4),
}


def report_cases(rng):
    same = dict(question="test_report", function="depth_report")

    def network(gain, widths):
        pairs = zip(widths, widths[1:], strict=False)
        return [rng.normal(0, gain / np.sqrt(p), (p, q)) for p, q in pairs]

    def case(title, activation, weights, points, X=None):
        X = rng.normal(size=(6, len(weights[0]))) if X is None else X
        G = rng.normal(size=(6, weights[-1].shape[1]))
        args = dict(weights=weights, activation=activation, X=X, G=G)
        return Case(**same, title=title, args=args, check=report_checker(args), points=points)

    for name, (activation, gain) in ROWS.items():
        weights = network(gain, [24] * (int(rng.integers(12, 16)) + 1))
        yield case(name, activation, weights, 1)
    widths = [7, *(int(v) for v in rng.integers(12, 40, 4)), 8]
    for activation in ("sigmoid", "tanh", "relu"):
        yield case(f"widths that differ, {activation}", activation, network(1.3, widths), 1)
    two = network(1.5, [5, 8, 4])
    yield case("two layers", "tanh", two, 0.5)
    off = network(2**0.5, [6, 6, 6])
    off[0][:, :3] = 0  # z is exactly 0 there
    yield case("the slope of ReLU at 0", "relu", off, 0.5)


def ratios(weights, activation, X, G):
    """What goes through, from optlib.nn: the net with an output layer that changes nothing."""
    widths = [len(weights[0]), *(W.shape[1] for W in weights)]
    given = iter([*weights, np.eye(widths[-1])])
    model = nn.MLP([*widths, widths[-1]], activation, init=lambda shape, rng: next(given))
    s = nn.statistics(model, lambda z, G: (z * G).sum(), X, G)
    size = np.hypot(s.mean, s.std)
    return size[-2] / size[1], s.gradient[1] / s.gradient[-2]


def report_checker(args):
    signal, gradient = ratios(**args)
    words = [
        f"{what} {verb}"
        for what, ratio in (("signal", signal), ("gradient", gradient))
        for verb, holds in (("vanishes", ratio < 0.1), ("explodes", ratio > 10))
        if holds
    ]

    def check(result):
        if not isinstance(result, list) or len(result) != 3 or not isinstance(result[2], list):
            raise Wrong(
                f"two numbers and a list of troubles should come back, not {describe(result)}"
            )
        for name, wanted, value in (("signal", signal, 0), ("gradient", gradient, 1)):
            found = number(result[value], name)
            if not abs(found - wanted) <= 1e-6 * wanted:
                raise Wrong(
                    f"{args['activation']}, {len(args['weights'])} layers: the {name} is "
                    f"{wanted:.6g}, and yours is {found:.6g}"
                )
        if sorted(map(str, result[2])) != sorted(words):
            raise Wrong(
                f"signal {signal:.3g}, gradient {gradient:.3g}: the troubles are "
                f"{words or 'none'}, and yours are {describe(result[2])}"
            )

    return check
