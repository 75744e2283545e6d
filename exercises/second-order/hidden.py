"""Hidden tests of the exercises on second-order methods. optlib is the oracle; rng draws numbers.

Expected paths come from ``optlib.Newton``, directions from ``optlib.LBFGS``, solutions and numbers
of steps from ``optlib.LinearCG``.
"""

from types import SimpleNamespace

import numpy as np

import optlib
from exercises.cases import Case, Wrong, array, describe, number
from exercises.wire import Formula


def cases(rng):
    return [*newton_cases(rng), *lbfgs_cases(rng), *cg_cases(rng)]


# E1


def newton_cases(rng):
    same = dict(question="test_newton", function="newton")

    def case(title, name, start, points, steps=40, floor=None, unchanged=(), **parameters):
        floor = float(rng.uniform(0.5, 1.5)) if floor is None else floor
        parts = {
            key: Formula(formula, name, parameters)
            for key, formula in (("f", "value"), ("grad", "gradient"), ("hess", "hessian"))
        }
        args = dict(**parts, x0=start, floor=floor, tol=1e-5, steps=steps)
        problem = parts["f"].build_problem()
        check = path_checker(problem, start, floor, steps)
        return Case(**same, title=title, args=args, check=check, points=points, unchanged=unchanged)

    def near(*point):
        return np.array(point) + rng.uniform(-0.15, 0.15, 2)

    angle = float(rng.uniform(0.2, 1.3))
    yield case("the banana, with backtracking", "Rosenbrock", near(-1.2, 1.0), 2, steps=5)
    yield case("leaves a maximum", "Himmelblau", near(0.3, 0.2), 2, steps=6)
    yield case("flees a saddle", "Saddle", near(1.0, 0.4), 1.5, steps=5)
    yield case("a floor above the flat curvature", "Quadratic", near(6.0, 2.0), 1, steps=6,
               floor=float(rng.uniform(3, 5)), kappa=50.0, angle=angle)  # fmt: skip
    yield case("works in one dimension", "TenWell", rng.uniform(0.3, 0.7, 1), 1)
    yield case("leaves x0 as it was", "Himmelblau", near(2.0, 1.0), 0.5, unchanged=("x0",))
    yield case(
        "takes whole numbers for a start", "Himmelblau", rng.integers(-1, 2, 2) + [4, 4], 0.5
    )
    yield case("ends where the gradient is small", "Himmelblau", np.array([3.0, 2.0]), 0.5)
    for title, floor in (("no floor", 0.0), ("a negative floor", -1.0)):
        yield Case(
            **same, title=title, raises="ValueError", why=f"floor = {floor}", points=0.5,
            args={**{key: Formula(formula, "Himmelblau") for key, formula in (
                ("f", "value"), ("grad", "gradient"), ("hess", "hessian"))},
                "x0": near(1.0, 1.0), "floor": floor, "tol": 1e-5, "steps": 5},
        )  # fmt: skip


def path_checker(problem, start, floor, steps):
    path = optlib.minimize(
        optlib.Newton, problem, steps, np.asarray(start, dtype=float), tol=1e-5,
        floor=floor, search=optlib.Armijo(),
    ).x  # fmt: skip

    def check(result):
        found = array(result, 2, "the path")
        if found.shape[1:] != path.shape[1:] or not len(found):
            raise Wrong(f"a path here has shape {path.shape}, and yours has {found.shape}")
        rows = min(len(found), len(path))
        close = np.isclose(found[:rows], path[:rows], rtol=1e-6, atol=1e-6).all(axis=1)
        if not close.all():
            t = int(close.argmin())
            if t == 0:
                raise Wrong("row 0 of the path should be the start x0")
            raise Wrong(
                f"row {t} of the path is the first that is wrong: from {path[t - 1].round(4)} it "
                f"should go to {path[t].round(4)}, and yours goes to {found[t].round(4)}"
            )
        if len(found) != len(path):
            raise Wrong(
                f"it should end after {len(path) - 1} steps, as soon as the gradient is at most "
                f"tol or the steps are used up; yours took {len(found) - 1}"
            )

    return check


# E2


def curved(rng, n, k):
    """A gradient, and k honest pairs of a bowl with curvatures from 1 to 30."""
    Q = np.linalg.qr(rng.standard_normal((n, n)))[0]
    S = rng.standard_normal((k, n))
    return rng.standard_normal(n), S, S @ (Q * np.geomspace(1, 30, n)) @ Q.T


def lbfgs_cases(rng):
    def case(title, points, g, S, Y, unchanged=()):
        return Case(
            question="test_lbfgs", function="lbfgs_direction", title=title, points=points,
            args=dict(g=g, S=S, Y=Y), check=direction_checker(g, S, Y), unchanged=unchanged,
        )  # fmt: skip

    yield case("one pair", 1.5, *curved(rng, 3, 1))
    yield case("five pairs", 2, *curved(rng, 8, 5))
    yield case("no pair", 1, *curved(rng, 4, 0))
    g, S, Y = curved(rng, 6, 4)
    Y[1] *= -1
    yield case("a pair with negative curvature", 1, g, S, Y)
    g, S, Y = curved(rng, 6, 4)
    S[1], Y[1] = np.eye(6)[:2]  # s'y is exactly 0
    yield case("a pair without curvature", 0.5, g, S, Y)
    g, S, Y = curved(rng, 5, 3)
    Y[-1] *= -1
    yield case("the newest pair has negative curvature", 1, g, S, Y)
    yield case("leaves the arrays as they were", 1, *curved(rng, 5, 3), unchanged=("g", "S", "Y"))


def direction_checker(g, S, Y):
    oracle = optlib.LBFGS.__new__(optlib.LBFGS)
    oracle.pairs = tuple((s, y) for s, y in zip(S, Y, strict=True) if s @ y > 0)
    wanted = oracle.direction(SimpleNamespace(g=g))

    def check(result):
        found = array(result, 1, "the direction")
        if found.shape != wanted.shape:
            raise Wrong(f"the direction has shape {wanted.shape}, and yours {found.shape}")
        if not np.allclose(found, wanted, rtol=1e-8, atol=1e-8 * np.abs(wanted).max()):
            raise Wrong(
                f"with {len(S)} pairs, of which {len(oracle.pairs)} count, optlib.LBFGS goes along "
                f"{wanted.round(4)}, and yours along {found.round(4)}"
            )

    return check


# E3


class Bowl(optlib.Problem):
    """x'Hx / 2 - b'x, from 0."""

    def __init__(self, H, b):
        super().__init__()
        self.H, self.b, self.dim, self.start = H, b, len(b), np.zeros(len(b))

    def f(self, x):
        return 0.5 * (x * np.tensordot(self.H, x, axes=1)).sum(axis=0) - self.b @ x

    def grad(self, x):
        return self.H @ x - self.b

    def hess(self, x):
        return self.H


def turned(rng, curvatures):
    Q = np.linalg.qr(rng.standard_normal((len(curvatures),) * 2))[0]
    H = (Q * curvatures) @ Q.T
    return (H + H.T) / 2, Q


def cg_cases(rng):
    same = dict(question="test_cg", function="conjugate_gradients")

    def case(title, points, curvatures, b=None, tol=1e-8, unchanged=()):
        H, _ = turned(rng, np.asarray(curvatures, dtype=float))
        b = rng.standard_normal(len(H)) if b is None else b
        return Case(**same, title=title, points=points, args=dict(H=H, b=b, tol=tol),
                    check=solution_checker(H, b, tol), unchanged=unchanged)  # fmt: skip

    yield case("six dimensions", 2, rng.uniform(1, 20, 6))
    yield case("twelve dimensions, three curvatures", 2, np.repeat([1.0, 5.0, 30.0], 4))
    yield case("ends early", 1.5, np.geomspace(1, 200, 30), tol=0.2)
    yield case("one dimension", 1, rng.uniform(2, 9, 1))
    yield case("b = 0", 1, rng.uniform(1, 9, 4), b=np.zeros(4))
    yield case("leaves H and b as they were", 1, rng.uniform(1, 9, 5), unchanged=("H", "b"))
    H, Q = turned(rng, np.array([-3.0, 1.0, 2.0]))
    b = Q[:, 0] + 0.1 * Q[:, 1]
    refused = dict(**same, raises="ValueError", why="H is not positive definite")
    args = dict(H=H, b=b, tol=1e-8)
    yield Case(**refused, title="a negative curvature", args=args, points=1)
    args = dict(H=float(rng.integers(1, 9)) * np.diag([1.0, -1.0]), b=np.ones(2), tol=1e-8)
    yield Case(**refused, title="a curvature of 0", args=args, points=0.5)  # p'Hp, exactly


def solution_checker(H, b, tol):
    def steps_to(tol):
        end = tol * np.linalg.norm(b)
        return optlib.minimize(optlib.LinearCG, Bowl(H, b), 50, tol=end)

    run = steps_to(tol)
    allowed = {len(steps_to(tol * part).f) - 1 for part in (0.999, 1.001)}

    def check(result):
        if not isinstance(result, list) or len(result) != 2:
            got = describe(result)
            raise Wrong(f"conjugate_gradients should return x, steps; it returned {got}")
        x, steps = array(result[0], 1, "x"), number(result[1], "steps")
        if x.shape != b.shape:
            raise Wrong(f"x has shape {b.shape}, and yours {x.shape}")
        if steps not in allowed:
            raise Wrong(
                f"in {len(b)} dimensions with tol = {tol:g} optlib.LinearCG takes "
                f"{len(run.f) - 1} steps, and yours {steps:g}"
            )
        left = np.linalg.norm(b - H @ x)
        if not left <= 1.01 * tol * np.linalg.norm(b) + 1e-300:
            raise Wrong(f"b - H x should have a length of at most tol |b|; yours has {left:.3g}")

    return check
