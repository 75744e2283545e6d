"""Hidden tests of the exercises on architectures. optlib is the oracle, rng draws numbers.

What is right comes from optlib.layers and optlib.autodiff alone: its convolution and its recurrent
cell, with their own gradients.
"""

import numpy as np

from exercises.cases import Case, Wrong, array, describe
from optlib import layers
from optlib.autodiff import Tensor


def cases(rng):
    return [*convolution_cases(rng), *time_cases(rng)]


# E1

ANSWERS = ("Y", "the gradient of X", "the gradient of W", "the gradient of b")


def convolution_cases(rng):
    same = dict(question="test_conv", function="conv2d")

    def args(images, kernel, padding, whole=False):
        n, tall, wide, p = images
        kh, kw, q = kernel
        shapes = (images, (kh, kw, p, q), (q,))
        out = (n, max(1, tall + 2 * padding - kh + 1), max(1, wide + 2 * padding - kw + 1), q)
        if whole:
            X, W, b, G = (rng.integers(-4, 5, shape) for shape in (*shapes, out))
        else:
            X, W, b, G = (rng.normal(size=shape) for shape in (*shapes, out))
        return dict(X=X, W=W, b=b, padding=padding, G=G)

    n, p, q = (int(v) for v in rng.integers((2, 2, 3), (5, 4, 6)))
    cases = (
        ("one channel in and out", (1, 6, 6, 1), (3, 3, 1), 0, 1.5),
        ("several images and channels", (n, 7, 7, p), (3, 3, q), 0, 2),
        ("with a frame", (n, 6, 6, p), (3, 3, q), 1, 2),
        ("images and kernels that are not square", (n, 5, 8, p), (2, 3, q), 0, 1.5),
        ("a kernel of one pixel", (n, 4, 5, p), (1, 1, q), 0, 0.5),
        ("a kernel that just fits into the frame", (2, 2, 3, p), (4, 5, q), 1, 0.5),
    )
    for title, images, kernel, padding, points in cases:
        given = args(images, kernel, padding)
        yield Case(**same, title=title, args=given, points=points, check=convolved(given))
    given = args((n, 5, 5, p), (3, 3, q), 1, whole=True)
    yield Case(
        **same, title="whole numbers, and arguments left alone", args=given, points=1,
        check=convolved(given), unchanged=("X", "W", "b", "G"),
    )  # fmt: skip
    yield Case(
        **same, title="a negative frame", args=args((1, 6, 6, 1), (2, 2, 1), -1), points=0.5,
        raises="ValueError", why="padding is -1",
    )  # fmt: skip
    yield Case(
        **same, title="a kernel that does not fit", args=args((1, 4, 6, 1), (5, 2, 1), 0),
        points=0.5, raises="ValueError", why="the kernel is higher than the images",
    )  # fmt: skip


def convolved(given):
    tensors = [Tensor(given[k].astype(float), requires_grad=True) for k in ("X", "W", "b")]
    out = layers.conv2d(*tensors, padding=given["padding"])
    out.backward(given["G"].astype(float))
    wanted = [out.data, *(tensor.grad for tensor in tensors)]
    setting = f"images {given['X'].shape}, kernel {given['W'].shape}, padding {given['padding']}"

    def check(result):
        if not isinstance(result, list) or len(result) != 4:
            raise Wrong(f"four arrays should come back, and not {describe(result)}")
        for name, value, right in zip(ANSWERS, result, wanted, strict=True):
            found = array(value, right.ndim, name)
            if found.shape != right.shape:
                raise Wrong(f"{setting}: {name} should have the shape {right.shape}, and not "
                            f"{found.shape}")  # fmt: skip
            if not np.allclose(found, right, rtol=1e-9, atol=1e-9 * np.abs(right).max()):
                raise Wrong(f"{setting}: {name} is wrong")

    return check


# E2


def time_cases(rng):
    same = dict(question="test_bptt", function="bptt")

    def args(steps, cut, gain=1.0, n=4, p=2, q=6):
        return dict(
            X=rng.normal(size=(steps, n, p)),
            W=rng.normal(size=(p, q)),
            U=gain * rng.normal(size=(q, q)) / np.sqrt(q),
            b=rng.normal(size=q),
            G=rng.normal(size=(n, q)),
            truncate=cut,
        )

    long = int(rng.integers(9, 13))
    short = int(rng.integers(3, 6))
    cases = (
        ("all the way back", args(long, long), 2),
        ("a matrix that forgets", args(long, long, gain=0.4), 1),
        ("a matrix that explodes", args(long, long, gain=3.0), 1),
        ("cut off in the middle", args(long, short), 1.5),
        ("cut off after one step", args(long, 1), 1),
        ("a sequence of one step", args(1, 1), 0.5),
    )
    for title, given, points in cases:
        yield Case(**same, title=title, args=given, points=points, check=went_back(given))
    given = args(long, 2, n=3, p=3, q=5)
    yield Case(
        **same, title="arguments left alone", args=given, points=1, check=went_back(given),
        unchanged=("X", "W", "U", "b", "G"),
    )  # fmt: skip
    for cut, words in ((0, "is 0"), (5, "is longer than the sequence")):
        yield Case(
            **same, title=f"truncate {words}", args=args(4, cut), points=0.5, raises="ValueError",
            why=f"truncate {words}",
        )  # fmt: skip


def went_back(given):
    X, cut = given["X"], given["truncate"]
    W, U, b = (Tensor(given[k], requires_grad=True) for k in ("W", "U", "b"))
    h, states = Tensor(np.zeros((X.shape[1], len(given["U"])))), []
    for t, x in enumerate(X):
        if t == len(X) - cut:  # what lies before is given
            h = Tensor(h.data)
        h = layers.rnn_cell(x, h, W, U, b)
        states.append(h)
    h.backward(given["G"], keep=True)
    arrives = [0.0] * (len(X) - cut) + [np.linalg.norm(s.grad) for s in states[len(X) - cut :]]
    setting = f"{len(X)} steps, truncate = {cut}"

    def check(result):
        if not isinstance(result, list) or len(result) != 2:
            raise Wrong(f"two arrays should come back, and not {describe(result)}")
        wanted = {"the gradient of U": U.grad, "the lengths": np.array(arrives)}
        for value, (name, right) in zip(result, wanted.items(), strict=True):
            found = array(value, right.ndim, name)
            if found.shape != right.shape:
                raise Wrong(f"{name} should have the shape {right.shape}, and not {found.shape}")
            if not np.allclose(found, right, rtol=1e-8, atol=1e-10 * np.abs(right).max()):
                raise Wrong(f"{setting}: {name} is wrong")

    return check
