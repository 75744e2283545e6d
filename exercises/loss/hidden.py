"""Hidden tests of the exercises on losses. optlib is the oracle; rng draws the numbers.

Nothing about the right answer is typed here but the words of the feedback: losses and gradients
come from ``optlib.losses``, Huber's answer from the slope of ``optlib.losses.huber``.
"""

import numpy as np

from exercises.cases import Case, Wrong, array, describe, number
from optlib import losses
from optlib.derivatives import value_and_gradient
from optlib.widgets.outlier import best_constants


def cases(rng):
    return [*cross_entropy_cases(rng), *huber_cases(rng)]


# E1


def cross_entropy_cases(rng):
    same = dict(question="test_softmax_ce", function="softmax_ce")

    def batch(n=None, scale=2.0):
        n, classes = n or int(rng.integers(4, 8)), int(rng.integers(3, 6))
        return rng.standard_normal((n, classes)) * scale, rng.integers(0, classes, n)

    def case(title, logits, labels, rows=None, reduction="mean", points=1.0, part="both", **more):
        args = dict(logits=logits, y=labels if rows is None else rows, reduction=reduction)
        wanted = oracle(logits, labels, reduction, more.pop("smoothing", 0.0))
        check = both_checker(*wanted, part)
        return Case(**same, title=title, args=args, points=points, check=check, **more)

    yield case("the loss of a batch", *batch(), part="loss", points=1)
    yield case("the gradient of a batch", *batch(), part="gradient", points=1.5)
    yield case("a single example", *batch(1), points=0.5)
    for sign, words in ((1, "huge positive"), (-1, "huge negative")):
        logits, labels = batch()
        spot = np.arange(len(labels)), labels
        logits[spot] = -sign * rng.uniform(1e3, 1e6, len(labels))
        logits += sign * 1e5
        yield case(f"{words} logits", logits, labels, points=1.25)
    logits, labels = batch()
    yield case("rows of zeros and ones", logits, labels, np.eye(logits.shape[1])[labels])
    logits, labels = batch()
    soft = rng.uniform(0.1, 0.4)
    rows = (1 - soft) * np.eye(logits.shape[1])[labels] + soft / logits.shape[1]
    yield case("soft targets", logits, labels, rows, smoothing=soft, points=0.5)
    yield case("the sum over the examples", *batch(), reduction="sum", points=1)
    logits, labels = batch()
    yield case("logits that are whole numbers", np.round(logits).astype(int), labels, points=0.5)
    yield case("leaves its arguments as they were", *batch(), points=0.5, unchanged=("logits", "y"))
    logits, labels = batch()
    args = dict(logits=logits, y=labels, reduction="median")
    same |= dict(raises="ValueError", points=0.5)
    why = 'reduction is "median", which is none of the two'
    yield Case(**same, title="no such reduction", args=args, why=why)
    classes = logits.shape[1]
    same |= dict(points=0.25)
    for title, number_of_none in (("no such class: -1", -1), ("no such class: K", classes)):
        wrong = labels.copy()
        wrong[rng.integers(len(wrong))] = number_of_none
        args = dict(logits=logits, y=wrong, reduction="mean")
        why = f"one label is {number_of_none}, and the {classes} classes are 0 to {classes - 1}"
        yield Case(**same, title=title, args=args, why=why)


def oracle(logits, labels, reduction, smoothing):
    def loss(z):
        return losses.cross_entropy(z, labels, smoothing)

    value, gradient = value_and_gradient(loss, np.asarray(logits, dtype=float))
    factor = len(labels) if reduction == "sum" else 1
    return factor * value, factor * gradient


def both_checker(value, gradient, part):
    n = len(gradient)

    def check(result):
        if not isinstance(result, list) or len(result) != 2:
            got = describe(result)
            raise Wrong(f"softmax_ce should return the loss and its gradient; it returned {got}")
        loss, slope = number(result[0], "the loss of softmax_ce"), array(result[1], 2, "gradient")
        if slope.shape != gradient.shape:
            raise Wrong(f"the gradient has the shape {gradient.shape}, yours {slope.shape}")
        if part != "gradient":
            if not np.isfinite(loss):
                raise Wrong(f"the loss is {loss}: shift the logits before you take exponentials")
            if not np.isclose(loss, value, rtol=1e-9, atol=1e-9):
                raise Wrong(f"for {n} examples the loss is {value:.6g}, and yours is {loss:.6g}")
        if part != "loss":
            if not np.isfinite(slope).all():
                raise Wrong("the gradient holds numbers that are not finite")
            worst = np.abs(slope.sum(axis=1)).max()
            if worst > 1e-9:
                raise Wrong(
                    f"each row of the gradient sums to 0, because p and q both sum to 1; one of "
                    f"yours sums to {worst:.3g}"
                )
            if not np.allclose(slope, gradient, rtol=1e-9, atol=1e-9):
                raise Wrong(f"the rows sum to 0, but they are not p - q, with the factor for {n}")

    return check


# E2


def huber_cases(rng):
    same = dict(question="test_huber", function="huber_location")

    def case(title, x, delta, points=1.0, **more):
        args = dict(x=x, delta=float(delta))
        check = huber_checker(np.asarray(x, dtype=float), float(delta))
        return Case(**same, title=title, args=args, points=points, check=check, **more)

    def crowd(n=9):
        return rng.uniform(-5, 5) + rng.uniform(-1, 1, n)

    def with_outlier(far):
        x = crowd(8)
        return np.append(x, x.mean() + far)

    yield case("one outlier", with_outlier(rng.uniform(50, 100)), rng.uniform(3, 5), points=1.5)
    yield case("an outlier far away", with_outlier(rng.uniform(1e5, 2e5)), rng.uniform(3, 5))
    yield case("an outlier below", with_outlier(-rng.uniform(50, 100)), rng.uniform(3, 5))
    yield case("outliers on both sides", rng.standard_cauchy(11) * 10, rng.uniform(5, 9))
    yield case("a small delta: nearly the median", crowd(), 1e-3)
    yield case("a large delta: the mean", with_outlier(40.0), 1e4, points=0.5)
    yield case("a list of whole numbers", [int(v) for v in rng.integers(-9, 9, 7)], 20, points=0.5)
    yield case("leaves x as it was", crowd(), 0.7, points=0.5, unchanged=("x",))
    for title, x, delta, why in (
        ("no points", [], float(rng.uniform(1, 2)), "x is empty"),
        ("delta = 0", crowd(), 0.0, "delta is 0"),
    ):
        args = dict(x=x, delta=delta)
        yield Case(**same, title=title, args=args, raises="ValueError", why=why, points=0.5)


def huber_checker(x, delta):
    wanted = float(np.mean(best_constants(losses.huber, x, delta=delta)))

    def pull(z):
        return np.clip(x - z, -delta, delta).sum()

    def check(result):
        found = number(result, "huber_location")
        if not abs(found - wanted) <= 2e-6 + 1e-9 * np.abs(x).max():
            raise Wrong(
                f"for {len(x)} points and delta = {delta:.4g} the answer is {wanted:.6f}, and "
                f"yours is {found:.6f}. The pulls of the points, none above delta in size, should "
                f"add up to 0; at yours they add up to {pull(found):.3g}"
            )

    return check
