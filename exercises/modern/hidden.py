"""Hidden tests of the exercises on modern optimizers. optlib is the oracle; rng draws numbers.

Expected matrices come from ``optlib.newton_schulz``, paths from ``optlib.Lion``, factored moments
from ``optlib.Adafactor``.
"""

import numpy as np

import optlib
from exercises.cases import Case, Wrong, array
from optlib.matrix import CUBIC, QUINTIC


def cases(rng):
    return [*schulz_cases(rng), *lion_cases(rng), *factored_cases(rng)]


# E1


def schulz_cases(rng):
    same = dict(question="test_newton_schulz", function="newton_schulz")

    def case(title, points, G, steps=5, coeffs=QUINTIC, unchanged=()):
        return Case(
            **same, title=title, points=points, args=dict(G=G, steps=steps, coeffs=coeffs),
            check=matrix_checker(G, steps, coeffs), unchanged=unchanged,
        )  # fmt: skip

    def drawn(*shape):
        return rng.standard_normal(shape)

    yield case("a wide matrix", 1.5, drawn(3, 7))
    yield case("a tall matrix", 1.5, drawn(8, 2))
    yield case("the cubic", 1, drawn(4, 4), 12, CUBIC)
    yield case("a tiny matrix", 1, 1e-5 * drawn(3, 4))
    yield case("a huge matrix", 0.5, 1e6 * drawn(4, 3))
    yield case("the zero matrix", 1, np.zeros((2, 5)), 5, (float(rng.uniform(1, 3)), -1.0, 0.2))
    yield case("no step at all", 0.5, drawn(3, 3), 0)
    yield case("a column", 0.5, drawn(5, 1))
    yield case("leaves G as it was", 0.5, drawn(3, 5), unchanged=("G",))
    yield Case(**same, title="a vector", raises="ValueError", why="G is no matrix", points=1,
               args=dict(G=drawn(4), steps=5, coeffs=QUINTIC))  # fmt: skip
    yield Case(
        **same, title="a stack of matrices", raises="ValueError", why="G is no matrix", points=1,
        args=dict(G=drawn(3, 3, 3), steps=5, coeffs=QUINTIC),
    )  # fmt: skip


def matrix_checker(G, steps, coeffs):
    wanted = optlib.newton_schulz(np.array(G, dtype=float), steps, coeffs)

    def check(result):
        found = array(result, 2, "the result")
        if found.shape != wanted.shape:
            raise Wrong(f"the result has the shape {wanted.shape} of G, and yours {found.shape}")
        if not np.allclose(found, wanted, rtol=1e-7, atol=1e-7):
            values = np.linalg.svd(found, compute_uv=False) if np.isfinite(found).all() else found
            right = np.linalg.svd(wanted, compute_uv=False)
            raise Wrong(
                f"after {steps} steps with {tuple(coeffs)} the singular values are "
                f"{right.round(4)}, and those of your result {np.ravel(values)[:9].round(4)}; if "
                "these agree, the singular vectors do not"
            )

    return check


# E2


def lion_cases(rng):
    same = dict(question="test_lion", function="lion")

    def case(title, points, x0, grads, wd=0.0, betas=(0.9, 0.99), unchanged=()):
        lr = float(rng.uniform(0.01, 0.1))
        args = dict(x0=x0, grads=grads, lr=lr, beta1=betas[0], beta2=betas[1], wd=wd)
        return Case(
            **same, title=title, points=points, args=args, check=path_checker(**args),
            unchanged=unchanged,
        )  # fmt: skip

    def drawn(steps, n):
        return rng.standard_normal((steps, n)) * np.geomspace(1e-3, 1e3, n)

    yield case("one step", 1, rng.standard_normal(4), drawn(1, 4))
    yield case("many steps", 2, rng.standard_normal(3), drawn(60, 3))
    silent = drawn(5, 4)
    silent[:2, 1] = 0
    yield case("a coordinate that is silent at first", 1, rng.standard_normal(4), silent)
    yield case("with decay", 1.5, rng.uniform(1, 2, 3), drawn(20, 3), wd=float(rng.uniform(1, 3)))
    yield case(
        "other decays of the memory", 1, rng.standard_normal(3), drawn(60, 3),
        betas=(float(rng.uniform(0.2, 0.4)), float(rng.uniform(0.6, 0.7))),
    )  # fmt: skip
    yield case("starts from whole numbers", 0.5, rng.integers(-3, 4, 3), drawn(4, 3))
    yield case("no gradient yet", 0.5, rng.standard_normal(2), np.zeros((0, 2)))
    yield case(
        "leaves its arguments as they were", 0.5, rng.standard_normal(3), drawn(6, 3),
        unchanged=("x0", "grads"),
    )  # fmt: skip


def path_checker(x0, grads, lr, beta1, beta2, wd):
    opt = optlib.Lion(np.array(x0, dtype=float), lr=lr, beta1=beta1, beta2=beta2, wd=wd)
    path = np.array([opt.x.copy(), *(opt.step(g).copy() for g in grads)])

    def check(result):
        found = array(result, 2, "the path")
        if found.shape != path.shape:
            raise Wrong(f"a path here has shape {path.shape}, and yours has {found.shape}")
        close = np.isclose(found, path, rtol=1e-9, atol=1e-9).all(axis=1)
        if not close.all():
            t = int(close.argmin())
            if t == 0:
                raise Wrong("row 0 of the path should be the start x0")
            raise Wrong(
                f"row {t} of the path is the first that is wrong: with beta1 = {beta1:.3g}, beta2 "
                f"= {beta2:.3g}, wd = {wd:.3g} and lr = {lr:.4g} it should be {path[t].round(5)}, "
                f"and yours is {found[t].round(5)}"
            )

    return check


# E3


def factored_cases(rng):
    same = dict(question="test_factored", function="factored_second_moment")

    def case(title, points, grads, power=0.8, unchanged=()):
        return Case(
            **same, title=title, points=points, args=dict(grads=grads, power=power),
            check=moment_checker(grads, power), unchanged=unchanged,
        )  # fmt: skip

    def drawn(*shape):
        return rng.standard_normal(shape) * np.geomspace(0.1, 10, shape[-1])

    rank_one = np.outer(rng.uniform(0.5, 2, 4), rng.uniform(0.5, 2, 3))
    yield case("squares of rank 1", 1.5, np.array([rank_one]))
    yield case("one gradient of full rank", 1.5, drawn(1, 4, 6))
    yield case("many gradients", 2, drawn(12, 5, 3))
    yield case("another power", 1, drawn(6, 3, 4), float(rng.uniform(0.3, 0.5)))
    yield case("a row that never gets a gradient", 0.5, drawn(5, 3, 4) * [[0], [1], [1]])
    yield case("gradients that are all zero", 1, np.zeros((3, 2, 4)), float(rng.uniform(0.5, 1)))
    yield case("leaves the gradients as they were", 0.5, drawn(4, 3, 2), unchanged=("grads",))


def moment_checker(grads, power):
    opt = optlib.Adafactor(np.zeros(grads.shape[1:]), power=power)
    for g in grads:
        opt.step(g)
    row, col = opt.state["row"], opt.state["col"]
    v = np.outer(row, col) / (row.mean() or 1.0)

    def check(result):
        if not isinstance(result, (list, tuple)) or len(result) != 3:
            raise Wrong("it should return three things, row, col, v")
        for name, value, wanted in zip(("row", "col", "v"), result, (row, col, v), strict=True):
            found = array(value, wanted.ndim, name)
            if found.shape != wanted.shape:
                raise Wrong(f"{name} has shape {wanted.shape} here, and yours {found.shape}")
            if not np.allclose(found, wanted, rtol=1e-9, atol=1e-12):
                raise Wrong(
                    f"after {len(grads)} gradients with power = {power:.3g}, {name} should begin "
                    f"with {wanted.ravel()[:4].round(5)}, and yours with "
                    f"{found.ravel()[:4].round(5)}"
                )

    return check
