"""Hidden tests of the exercises on adaptive methods. optlib is the oracle; rng draws the numbers.

Each expected path is a run of the class of optlib on the same gradients; the length of the last
step is that of optlib's Adam.
"""

import numpy as np

import optlib
from exercises.cases import Case, Wrong, array


def cases(rng):
    return [*adam_cases(rng), *relative_cases(rng), *worst_cases(rng)]


def wild(rng, steps, n):
    """Gradients whose sizes differ by coordinate, and whose signs change."""
    return rng.standard_normal((steps, n)) * 10 ** rng.uniform(-2, 2, n)


def somewhere(rng, n):
    return rng.choice([-1.0, 1.0], n) * rng.uniform(0.5, 2.0, n)


def walk(cls, start, gradients, believes=0, **settings):
    """All points of a run; ``believes``: how many steps the rule thinks it has taken."""
    opt = cls(np.array(start, dtype=float), **settings)
    opt.t = believes
    return np.array([opt.x.copy(), *(opt.step(g).copy() for g in gradients)])


def checker(path, name, advice):
    def check(result):
        found = array(result, 2, "the path")
        if found.shape != path.shape:
            raise Wrong(
                f"{len(path) - 1} gradients make a path of shape {path.shape}, and yours has the "
                f"shape {found.shape}"
            )
        size = np.abs(path - path[0]).max(initial=1e-300)
        close = np.isclose(found, path, rtol=1e-9, atol=1e-9 * size).all(axis=1)
        if close.all():
            return
        t = int(close.argmin())
        if t == 0:
            raise Wrong("row 0 of the path should be the start x0")
        raise Wrong(f"{name}: row {t} of the path is wrong, the first such row: {advice}")

    return check


# E1


def adam_cases(rng):
    def case(title, points, gradients, *, start=None, correct=True, amsgrad=False, advice, **more):
        unchanged = more.pop("unchanged", ())
        start = somewhere(rng, gradients.shape[1]) if start is None else start
        settings = dict(
            lr=float(rng.uniform(0.01, 0.2)), beta1=float(rng.uniform(0.8, 0.95)),
            beta2=float(rng.uniform(0.97, 0.995)), eps=1e-8,
        ) | more  # fmt: skip
        path = walk(
            optlib.AMSGrad if amsgrad else optlib.Adam, start, gradients,
            believes=0 if correct else 10**9, **settings,
        )  # fmt: skip
        args = dict(x0=start, gradients=gradients, **settings, correct=correct, amsgrad=amsgrad)
        return Case(
            question="test_adam", function="adam", title=title, points=points, args=args,
            check=checker(path, title, advice), unchanged=unchanged,
        )  # fmt: skip

    look = "compare memory, correction and step with the formulas, one by one"
    yield case("Adam", 2, wild(rng, 40, 3), advice=look)
    yield case("the first step", 1, wild(rng, 1, 4), advice="at t = 1 both hats undo the averages")
    yield case(
        "without correction", 2, wild(rng, 40, 3), correct=False,
        advice="without correction m and v are used as they are",
    )  # fmt: skip
    fading = wild(rng, 60, 2) * np.geomspace(30, 0.1, 60)[:, None]
    yield case("AMSGrad", 1.5, fading, amsgrad=True, advice="the divisor must never shrink")
    bumps = np.concatenate([fading[:20], fading[:20], fading[30:]])
    yield case(
        "AMSGrad without correction", 0.5, bumps, amsgrad=True, correct=False,
        advice="the maximum is kept beside v and does not replace it",
    )  # fmt: skip
    yield case("a large eps", 0.5, wild(rng, 30, 3), eps=1.5, advice="where does eps stand?")
    silent = wild(rng, 20, 3)
    silent[:, 1] = 0
    yield case("a gradient of zero", 1, silent, advice="a parameter without gradient stays put")
    yield case("leaves x0 as it was", 0.5, wild(rng, 5, 2), unchanged=("x0",), advice=look)
    yield case(
        "takes whole numbers for a start", 0.5, wild(rng, 9, 2), start=rng.integers(2, 9, 2),
        advice="is the start still made of whole numbers?",
    )  # fmt: skip
    yield case("no gradients, no steps", 0.5, np.zeros((0, 3)), advice=look)


# E2


def relative_cases(rng):
    relatives = {
        "adagrad": (optlib.Adagrad, ("lr", "eps")),
        "rmsprop": (optlib.RMSprop, ("lr", "beta2", "eps")),
        "adadelta": (optlib.Adadelta, ("lr", "rho", "eps")),
    }
    for name, (cls, keys) in relatives.items():

        def case(title, points, gradients, eps, advice, start=None, name=name, cls=cls, keys=keys):
            start = somewhere(rng, gradients.shape[1]) if start is None else start
            drawn = dict(lr=rng.uniform(0.1, 1), beta2=rng.uniform(0.8, 0.98), eps=eps)
            drawn["rho"] = drawn["beta2"]
            settings = {key: float(drawn[key]) for key in keys}
            path = walk(cls, start, gradients, **settings)
            return Case(
                question=f"test_{name}", function=name, title=f"{name}: {title}", points=points,
                args=dict(x0=start, gradients=gradients, **settings),
                check=checker(path, name, advice),
            )  # fmt: skip

        look = "compare the memory and the step with the formulas"
        small = 1e-6 if name == "adadelta" else 1e-10
        yield case("the formula", 1.5, wild(rng, 40, 3), small, look)
        yield case("a large eps", 1, wild(rng, 20, 3), rng.uniform(0.5, 2), "where does eps stand?")
        yield case(
            "whole numbers for a start", 0.5, wild(rng, 8, 2), small,
            "is the start still made of whole numbers?", start=rng.integers(2, 9, 2),
        )  # fmt: skip


# E3


def worst_cases(rng):
    settings = (
        ("the usual betas", 2, 0.9, 0.999, int(rng.integers(4500, 6000))),
        ("a shorter memory", 1, 0.9, 0.95, int(rng.integers(300, 500))),
        ("few gradients", 1, float(rng.uniform(0.7, 0.9)), 0.99, int(rng.integers(6, 12))),
        ("other betas", 1, float(rng.uniform(0.4, 0.8)), float(rng.uniform(0.9, 0.99)),
         int(rng.integers(900, 1200))),
        ("no momentum", 1, 0.0, float(rng.uniform(0.9, 0.99)), int(rng.integers(500, 900))),
    )  # fmt: skip
    for title, points, beta1, beta2, n in settings:
        yield Case(
            question="test_worst", function="worst_gradient", title=f"the worst: {title}",
            args=dict(beta1=beta1, beta2=beta2, n=n), points=points,
            check=worst_checker(beta1, beta2, n),
        )  # fmt: skip


def worst_checker(beta1, beta2, n):
    def last(gradients):
        *_, before, after = walk(
            optlib.Adam, [0.0], gradients[:, None], lr=1.0, beta1=beta1, beta2=beta2, eps=1e-100
        )
        return abs(after[0] - before[0])

    # The step is a linear form over a norm: the longest is the length of the form in that norm.
    ages = np.arange(n - 1, -1.0, -1)
    form = (1 - beta1) * np.power(beta1, ages) / (1 - beta1**n)
    weights = (1 - beta2) * np.power(beta2, ages) / (1 - beta2**n)
    possible = float(np.sqrt((form**2 / weights).sum()))

    def check(result):
        found = array(result, 1, "the gradients")
        if found.shape != (n,):
            raise Wrong(f"there should be {n} gradients, and there are {len(found)}")
        if not np.isfinite(found).all() or not 1e-100 < np.abs(found).max() < 1e100:
            raise Wrong("the gradients should be finite numbers, not all zero, none beyond 1e100")
        step = last(found)
        if not step >= 0.999 * possible:
            raise Wrong(
                f"with beta1 = {beta1:.4g}, beta2 = {beta2:.4g}, n = {n} the last step can be "
                f"{possible:.4g} times the learning rate, and yours is {step:.4g}"
            )

    return check
