"""Test problems: derivatives against the complex step, and everything that is claimed of them."""

import numpy as np
import pytest

from optlib import (
    PROBLEMS,
    Beale,
    Himmelblau,
    LeastSquares,
    MonkeySaddle,
    NesterovWorst,
    ProductModel,
    Quadratic,
    Rosenbrock,
    Saddle,
    TenWell,
)

rng = np.random.default_rng(1)
X = rng.standard_normal((30, 4)) * [1.0, 2.0, 0.5, 5.0]
Y = rng.standard_normal(30)
EXAMPLES = {  # how to make one where the defaults do not do, or do not say enough
    "Quadratic": [Quadratic(), Quadratic(kappa=1), Quadratic(kappa=40.0, angle=0.7)],
    "NesterovWorst": [NesterovWorst(2), NesterovWorst(7), NesterovWorst(101)],
    "LeastSquares": [LeastSquares(X, Y), LeastSquares(X[:, :1], Y)],
}
ALL = [p for name, cls in PROBLEMS.items() for p in EXAMPLES.get(name) or [cls()]]
every_problem = pytest.mark.parametrize("p", ALL, ids=repr)


def points(p, *trailing):
    """Random points of the plot window, as (dim, ...)."""
    low, high = np.array(p.window).T.reshape(2, p.dim, *(1,) * len(trailing))
    return np.random.default_rng(3).uniform(low, high, (p.dim, *trailing))


def complex_step(function, x):
    """The derivatives of a function of x in each coordinate, exact to rounding."""
    h = 1e-30
    shifts = 1j * h * np.eye(len(x))
    return np.stack([np.imag(function(x + shift)) / h for shift in shifts])


# ------------------------------------------------------------------------------------ derivatives


@every_problem
def test_gradient_and_hessian_against_the_complex_step(p):
    for x in [*points(p, 10).T, np.array(p.start, float)]:
        scale = 1 + np.abs(p.gradient(x)).max()
        np.testing.assert_allclose(
            p.gradient(x), complex_step(p.f, x), rtol=1e-12, atol=1e-13 * scale
        )
        scale = 1 + np.abs(p.hessian(x)).max()
        np.testing.assert_allclose(
            p.hessian(x), complex_step(p.grad, x), rtol=1e-12, atol=1e-13 * scale
        )


@every_problem
def test_gradient_against_central_differences(p):
    # Coarser, but it cannot share a mistake of complex arithmetic (abs, max, conjugates).
    x, h = np.array(p.start, float) + 0.1, 1e-5
    shifts = h * np.eye(p.dim)
    slopes = [(p.value(x + s) - p.value(x - s)) / (2 * h) for s in shifts]
    np.testing.assert_allclose(p.gradient(x), slopes, rtol=1e-6, atol=1e-6)


@every_problem
def test_trailing_axes_are_many_points_at_once(p):
    for trailing in [(5,), (3, 4), (1, 1, 2)]:
        x = points(p, *trailing)
        f, g, H = p.value(x), p.gradient(x), p.hessian(x)
        assert f.shape == trailing
        assert g.shape == x.shape
        assert H.shape == (p.dim, *x.shape)
        for index in np.ndindex(*trailing):
            at = (..., *index)
            # Sums and matrix products may add in another order; all else is the same to the bit.
            np.testing.assert_allclose(f[at], p.value(x[at]), rtol=1e-12)
            np.testing.assert_allclose(g[at], p.gradient(x[at]), rtol=1e-12, atol=1e-13)
            np.testing.assert_allclose(H[at], p.hessian(x[at]), rtol=1e-12)


@every_problem
def test_a_point_gives_a_number_and_keeps_float32(p):
    x = np.array(p.start)
    before = x.copy()
    assert np.ndim(p.value(x)) == 0
    assert p.gradient(x).shape == x.shape == (p.dim,)
    np.testing.assert_array_equal(x, before)
    assert not np.shares_memory(p.gradient(x), x)
    assert p.check(x.astype(np.float32)).dtype == np.float32
    assert p.value([0] * p.dim) == p.value(np.zeros(p.dim))  # a list of integers


# ------------------------------------------------------------------------- minima, curvature, plots


@every_problem
def test_minima_are_minima(p):
    for minimum in p.minima:
        x = np.array(minimum, float)
        assert x.shape == (p.dim,)
        scale = np.abs(p.hessian(x)).max()
        np.testing.assert_allclose(p.gradient(x), 0, atol=1e-13 * (1 + scale))
        assert np.linalg.eigvalsh(p.hessian(x)).min() > -1e-12 * scale
        # They are global: no point of the window is lower, and all are equally deep.
        assert p.value(points(p, 5000)).min() >= p.value(x)
        np.testing.assert_allclose(p.value(x), p.value(p.minima[0]), atol=1e-12)


@every_problem
def test_L_and_mu_bound_the_curvature(p):
    lows, highs = [], []
    for x in points(p, 200 if p.dim < 10 else 3).T:
        values = np.linalg.eigvalsh(p.hessian(x))
        lows.append(values[0])
        highs.append(np.abs(values).max())
    if p.L is not None:
        assert max(highs) <= p.L * (1 + 1e-12)
    if p.mu is not None:
        np.testing.assert_allclose(lows, p.mu, rtol=1e-9)
        np.testing.assert_allclose(p.kappa, p.L / p.mu)
    else:
        assert p.kappa is None


def test_L_is_attained():
    for p in (Quadratic(kappa=7, angle=0.4), LeastSquares(X, Y), Saddle()):
        np.testing.assert_allclose(np.abs(np.linalg.eigvalsh(p.hessian(p.start))).max(), p.L)
    x = np.linspace(-10, 10, 100_001)[None]
    np.testing.assert_allclose(np.abs(TenWell().hessian(x)).max(), TenWell().L, rtol=1e-6)
    for n in (2, 50):  # here L = 1 is the limit of long chains
        p = NesterovWorst(n)
        highest = np.linalg.eigvalsh(p.hessian(p.start)).max()
        np.testing.assert_allclose(highest, np.cos(np.pi / (2 * (n + 1))) ** 2)


@every_problem
def test_start_and_window(p):
    assert np.shape(p.start) == (p.dim,)
    assert np.shape(p.window) == (p.dim, 2)
    for low, high in p.window:
        assert low < high
    for point in [p.start, *p.minima]:
        inside = [low <= v <= high for v, (low, high) in zip(point, p.window, strict=True)]
        assert all(inside) or p.dim > 2 or isinstance(p, LeastSquares)


# ------------------------------------------------------------------------------------ known values


def test_quadratic():
    p = Quadratic()
    assert (p.value([10, 1]), p.L, p.mu, p.kappa) == (55.0, 10.0, 1.0, 10.0)
    np.testing.assert_array_equal(p.gradient([10, 1]), [10, 10])
    np.testing.assert_array_equal(p.hessian([3, 4]), [[1, 0], [0, 10]])
    turned = Quadratic(kappa=10, angle=np.pi / 2)  # the flat axis is now the second
    np.testing.assert_allclose(turned.hessian([3, 4]), [[10, 0], [0, 1]], atol=1e-14)
    np.testing.assert_allclose(turned.value([1, 10]), 55.0)
    # The flat axis lies at the angle: along it the curvature is 1.
    angle = 0.3
    along = 2 * np.array([np.cos(angle), np.sin(angle)])
    np.testing.assert_allclose(Quadratic(kappa=50, angle=angle).value(along), 2.0)


def test_rosenbrock():
    p = Rosenbrock()
    assert (p.value([-1.2, 1]), p.value([1, 1])) == (24.199999999999996, 0.0)
    values = np.linalg.eigvalsh(p.hessian([1, 1]))
    np.testing.assert_allclose(values, [0.399360767, 1001.60064], rtol=1e-6)
    np.testing.assert_allclose(values[1] / values[0], 2508.0096, rtol=1e-6)


def test_beale():
    p = Beale()
    assert (p.value([1, 1.5]), p.value([3, 0.5]), p.value([0, 1])) == (41.25, 0.0, 14.203125)
    values = np.linalg.eigvalsh(p.hessian([3, 0.5]))
    np.testing.assert_allclose(values, [0.30146, 48.980], rtol=2e-5)
    np.testing.assert_allclose(values[1] / values[0], 162.47, rtol=1e-4)
    np.testing.assert_allclose(p.gradient([0, 1]), 0, atol=1e-14)
    np.testing.assert_allclose(np.linalg.eigvalsh(p.hessian([0, 1])), [-27.75, 27.75])


def newton(p, x):
    for _ in range(20):
        x = x - np.linalg.solve(p.hessian(x), p.gradient(x))
    return x


def test_himmelblau():
    p = Himmelblau()
    assert len({tuple(np.round(m, 3)) for m in p.minima}) == 4
    np.testing.assert_allclose(p.value(np.array(p.minima).T), 0, atol=1e-24)
    for near, f, signs in [
        ((0.086678, 2.884255), 67.719, [-1, 1]),
        ((3.385154, 0.073852), 13.312, [-1, 1]),
        ((-0.270845, -0.923039), 181.617, [-1, -1]),
    ]:
        x = newton(p, np.array(near))
        np.testing.assert_allclose(x, near, atol=1e-6)
        np.testing.assert_allclose(p.value(x), f, atol=5e-4)
        np.testing.assert_array_equal(np.sign(np.linalg.eigvalsh(p.hessian(x))), signs)


def test_saddles():
    for p in (Saddle(), MonkeySaddle()):
        np.testing.assert_array_equal(p.gradient([0, 0]), [0, 0])
        assert list(p.minima) == []
    np.testing.assert_array_equal(Saddle().hessian([5, 6]), [[2, 0], [0, -2]])
    np.testing.assert_array_equal(MonkeySaddle().hessian([0, 0]), np.zeros((2, 2)))
    ways = np.pi * np.array([1, 3, 5]) / 3  # three ways down, three ways up
    np.testing.assert_allclose(MonkeySaddle().value([np.cos(ways), np.sin(ways)]), -1)
    np.testing.assert_allclose(MonkeySaddle().value([-np.cos(ways), -np.sin(ways)]), 1)


def test_ten_well():
    p, x = TenWell(), np.linspace(-10, 10, 20_001)
    slope = p.gradient(x[None])[0]
    assert ((slope[:-1] < 0) & (slope[1:] >= 0)).sum() == 10
    (minimum,) = p.minima
    np.testing.assert_allclose(minimum, -0.51785, atol=1e-5)
    np.testing.assert_allclose(p.value(minimum), -0.98644, atol=1e-5)


def test_product_model():
    p = ProductModel()
    np.testing.assert_allclose(np.linalg.eigvalsh(p.hessian([4, 0.25]))[1], 16.0625)
    u = np.linspace(0.3, 4, 50)
    np.testing.assert_allclose(p.value([u, 1 / u]), 0, atol=1e-30)
    sharpness = [np.linalg.eigvalsh(p.hessian([v, 1 / v])) for v in u]
    np.testing.assert_allclose(sharpness, np.stack([0 * u, u**2 + u**-2.0], axis=1), atol=1e-12)
    flattest = min(s[1] for s in sharpness)
    assert np.linalg.eigvalsh(p.hessian(p.minima[0]))[1] <= flattest


def test_nesterovs_worst_function():
    p = NesterovWorst()
    assert p.dim == 101
    (minimum,) = p.minima
    np.testing.assert_allclose(minimum @ minimum, 33.501634, atol=1e-6)
    np.testing.assert_allclose(p.value(minimum), -0.1237745, atol=1e-7)
    np.testing.assert_allclose(
        p.mu, np.linalg.eigvalsh(p.hessian(minimum)).min(), rtol=1e-9, atol=1e-15
    )
    x = np.zeros(101)  # one coordinate wakes per step
    for awake in range(6):
        assert np.count_nonzero(x) == awake
        x = x - p.gradient(x)


def test_least_squares():
    p = LeastSquares(X, Y)
    w, residual, _, _ = np.linalg.lstsq(X, Y, rcond=None)
    np.testing.assert_allclose(p.minima[0], w, rtol=1e-12)
    np.testing.assert_allclose(p.value(w), residual[0] / 60, rtol=1e-12)
    np.testing.assert_allclose(p.value(np.ones(4)), ((X.sum(axis=1) - Y) ** 2).mean() / 2)
    values = np.linalg.eigvalsh(X.T @ X / 30)
    np.testing.assert_allclose(
        [p.mu, p.L, p.kappa], [values[0], values[-1], values[-1] / values[0]]
    )
    wide = LeastSquares(X[:3], Y[:3])  # more features than examples: flat directions
    assert abs(wide.mu) < 1e-12
    np.testing.assert_allclose(wide.value(wide.minima[0]), 0, atol=1e-24)


# --------------------------------------------------------------------------------------- bad input


@every_problem
def test_points_outside_the_domain(p):
    for method in (p.value, p.gradient, p.hessian):
        for shape in [(), (p.dim + 1,), (p.dim + 1, p.dim), (0,)]:
            with pytest.raises(ValueError, match=rf"{p.dim} variables?, and x has shape"):
                method(np.zeros(shape))
        for bad in (np.nan, np.inf):
            x = points(p, 3)
            x[0, 1] = bad
            with pytest.raises(ValueError, match="holds 1 that are not; did a run diverge"):
                method(x)
        for bad in ([1j] * p.dim, ["a"] * p.dim, [None] * p.dim, [True] * p.dim):
            with pytest.raises(TypeError, match="function of real numbers"):
                method(bad)


@pytest.mark.parametrize("name", sorted(set(PROBLEMS) - {"NesterovWorst", "LeastSquares"}))
def test_an_unknown_parameter_lists_the_valid_ones(name):
    cls = PROBLEMS[name]
    has = ", ".join(cls.parameters) or "none"
    with pytest.raises(TypeError, match=f"{name} has no parameter 'kapa'; it has: {has}"):
        cls(kapa=3)


@pytest.mark.parametrize("value", [np.nan, np.inf, "10", None, 1j, [1.0, 2.0]], ids=repr)
def test_parameters_that_are_no_numbers(value):
    for key in Quadratic.parameters:
        with pytest.raises(ValueError, match=f"Quadratic: {key}=.* must be a finite number"):
            Quadratic(**{key: value})


@pytest.mark.parametrize("kappa", [0.99, 0, -10])
def test_a_condition_number_below_one(kappa):
    with pytest.raises(ValueError, match=f"kappa={kappa} must be at least 1"):
        Quadratic(kappa=kappa)


@pytest.mark.parametrize("n", [1, 0, -3, 2.5, np.nan, np.inf, "7", None], ids=repr)
def test_a_chain_of_no_length(n):
    with pytest.raises(ValueError, match=f"n={n!r} must be a whole number, at least 2"):
        NesterovWorst(n)


def test_data_that_do_not_fit():
    for features, targets in [
        (X, Y[:-1]),
        (X[:, 0], Y),
        (X, Y[:, None]),
        (X[:0], Y[:0]),
        (X[:, :0], Y),
    ]:
        with pytest.raises(ValueError, match=r"X must have shape \(N, d\) and y shape \(N,\)"):
            LeastSquares(features, targets)
    holes = X.copy()
    holes[3, 1] = np.nan
    for features, targets in [(holes, Y), (X, np.where(Y > 0, np.inf, Y))]:
        with pytest.raises(ValueError, match="must be finite; drop or fill"):
            LeastSquares(features, targets)
