"""Test problems: functions to minimise about which everything is known.

Formulas are written on ``x[0], x[1], ...``, so the same line serves one point ``(d,)``, a sweep of
K runs ``(d, K)`` and a grid for a contour plot ``(d, H, W)``. Angles are in radians; there are no
other units.
"""

from numbers import Real

import numpy as np


class Problem:
    """A function f of ``dim`` variables with its gradient, its Hessian and what is known of them.

    A subclass writes three formulas: ``f(x)``, ``grad(x)`` and ``hess(x)``, on x of shape ``(dim,
    ...)``, with results of shape ``(...)``, ``(dim, ...)`` and ``(dim, dim, ...)``. :meth:`value`,
    :meth:`gradient` and :meth:`hessian` check their argument and then apply them.

    Attributes
    ----------
    parameters : dict of the numbers that shape the function, with their defaults; each is an
        attribute.
    minima : list of all global minimisers, each of shape (dim,).
    L, mu : largest and smallest curvature; None where the curvature has no such bound.
    kappa : L / mu, the condition number; None where it is not defined.
    start : the customary starting point, shape (dim,).
    window : ((low, high), ...) for each axis of a plot.
    """

    dim = 2
    parameters = {}
    minima = []
    L = mu = None
    start = (1.0, 1.0)
    window = ((-2.0, 2.0), (-2.0, 2.0))

    def __init__(self, **parameters):
        if unknown := sorted(set(parameters) - set(self.parameters)):
            raise TypeError(
                f"{type(self).__name__} has no parameter {', '.join(map(repr, unknown))}; "
                f"it has: {', '.join(self.parameters) or 'none'}"
            )
        for key, default in self.parameters.items():
            value = parameters.get(key, default)
            if not (isinstance(value, Real) and np.isfinite(value)):
                raise ValueError(f"{type(self).__name__}: {key}={value!r} must be a finite number")
            setattr(self, key, value)

    def value(self, x):
        """f(x); x of shape (dim,) or (dim, ...), the result of shape () or (...)."""
        return self.f(self.check(x))

    def gradient(self, x):
        """The gradient, of the shape of x."""
        return self.grad(self.check(x))

    def hessian(self, x):
        """The matrix of second derivatives, of shape (dim, dim) or (dim, dim, ...)."""
        return self.hess(self.check(x))

    @property
    def kappa(self):
        return self.L / self.mu if self.L and self.mu else None

    def check(self, x):
        """x as a float array; ValueError if it is not a finite point of this problem."""
        x = np.asarray(x)
        if not np.issubdtype(x.dtype, np.floating):
            if x.dtype.kind not in "iu":
                raise TypeError(
                    f"{type(self).__name__} is a function of real numbers, not {x.dtype}"
                )
            x = x.astype(float)
        if x.ndim == 0 or x.shape[0] != self.dim:
            raise ValueError(
                f"{type(self).__name__} is a function of {self.dim} variable"
                f"{'s' * (self.dim != 1)}, and x has shape {x.shape}; its first axis must have "
                f"length {self.dim}"
            )
        if not np.isfinite(x).all():
            raise ValueError(
                f"{type(self).__name__} is defined for finite numbers, and x holds "
                f"{int(x.size - np.isfinite(x).sum())} that are not; did a run diverge?"
            )
        return x

    def __repr__(self):
        numbers = ", ".join(f"{key}={getattr(self, key)!r}" for key in self.parameters)
        return f"{type(self).__name__}({numbers})"


def _matrix(rows, x):
    """Stack entries (numbers or arrays) into (n, n, ...) with the trailing shape of x."""
    trailing = np.shape(x)[1:]
    return np.array([[np.broadcast_to(entry, trailing) for entry in row] for row in rows])


class Quadratic(Problem):
    r"""The ellipse: :math:`f = \tfrac12 (u^2 + \kappa w^2)`, with u, w the axes turned by an angle.

    Curvature 1 along u and :math:`\kappa` along w, so mu = 1 and L = kappa.

    Parameters
    ----------
    kappa : condition number, at least 1; default 10.
    angle : of the flat axis u above the first coordinate axis, in radians; default 0.
    """

    parameters = dict(kappa=10.0, angle=0.0)
    minima = [(0.0, 0.0)]
    start = (10.0, 1.0)
    window = ((-12.0, 12.0), (-5.0, 5.0))
    mu = 1.0

    def __init__(self, kappa=10.0, angle=0.0, **unknown):
        super().__init__(kappa=kappa, angle=angle, **unknown)
        if kappa < 1:
            raise ValueError(
                f"kappa={kappa!r} must be at least 1: it is the larger curvature over the smaller"
            )

    @property
    def L(self):
        return self.kappa

    kappa = None  # a parameter here; set by __init__

    def f(self, x):
        c, s = np.cos(self.angle), np.sin(self.angle)
        u, w = c * x[0] + s * x[1], c * x[1] - s * x[0]
        return 0.5 * (u * u + self.kappa * w * w)

    def grad(self, x):
        c, s = np.cos(self.angle), np.sin(self.angle)
        u, w = c * x[0] + s * x[1], c * x[1] - s * x[0]
        return np.stack([c * u - s * self.kappa * w, s * u + c * self.kappa * w])

    def hess(self, x):
        c, s = np.cos(self.angle), np.sin(self.angle)
        off = c * s * (1 - self.kappa)
        return _matrix([[c * c + self.kappa * s * s, off], [off, s * s + self.kappa * c * c]], x)


class Rosenbrock(Problem):
    r"""The banana: :math:`f = (1 - x_0)^2 + 100 (x_1 - x_0^2)^2`; condition number 2508 at the
    minimum.

    Rosenbrock, "An automatic method for finding the greatest or least value of a function", 1960.
    """

    minima = [(1.0, 1.0)]
    start = (-1.2, 1.0)
    window = ((-2.0, 2.0), (-1.0, 3.0))

    def f(self, x):
        a, b = 1 - x[0], x[1] - x[0] * x[0]
        return a * a + 100 * b * b

    def grad(self, x):
        a, b = 1 - x[0], x[1] - x[0] * x[0]
        return np.stack([-2 * a - 400 * x[0] * b, 200 * b])

    def hess(self, x):
        off = -400 * x[0]
        return _matrix([[2 - 400 * x[1] + 1200 * x[0] * x[0], off], [off, 200.0]], x)


class Beale(Problem):
    r""":math:`f = \sum_{i=1}^3 (c_i - x_0 (1 - x_1^i))^2` with c = 1.5, 2.25, 2.625; flat but for
    walls.

    Beale, "On an iterative method for finding a local minimum of a function", 1958.
    """

    minima = [(3.0, 0.5)]
    start = (1.0, 1.5)
    window = ((-4.5, 4.5), (-4.5, 4.5))

    def _residuals(self, x):
        y, y2, y3 = x[1], x[1] * x[1], x[1] * x[1] * x[1]
        return 1.5 - x[0] * (1 - y), 2.25 - x[0] * (1 - y2), 2.625 - x[0] * (1 - y3)

    def f(self, x):
        a, b, c = self._residuals(x)
        return a * a + b * b + c * c

    def grad(self, x):
        a, b, c = self._residuals(x)
        y, y2 = x[1], x[1] * x[1]
        return np.stack(
            [
                2 * (a * (y - 1) + b * (y2 - 1) + c * (y2 * y - 1)),
                2 * x[0] * (a + 2 * b * y + 3 * c * y2),
            ]
        )

    def hess(self, x):
        a, b, c = self._residuals(x)
        y, y2 = x[1], x[1] * x[1]
        p, q, r = y - 1, y2 - 1, y2 * y - 1
        off = 2 * (a + 2 * b * y + 3 * c * y2) + 2 * x[0] * (p + 2 * y * q + 3 * y2 * r)
        last = 2 * x[0] * (2 * b + 6 * c * y) + 2 * x[0] * x[0] * (1 + 4 * y2 + 9 * y2 * y2)
        return _matrix([[2 * (p * p + q * q + r * r), off], [off, last]], x)


class Himmelblau(Problem):
    r""":math:`f = (x_0^2 + x_1 - 11)^2 + (x_0 + x_1^2 - 7)^2`: four minima, all equally deep.

    Himmelblau, "Applied Nonlinear Programming", 1972.
    """

    minima = [
        (3.0, 2.0),
        (-2.805118086952745, 3.131312518250573),
        (-3.779310253377747, -3.283185991286170),
        (3.584428340330492, -1.848126526964404),
    ]
    start = (0.0, 0.0)
    window = ((-5.0, 5.0), (-5.0, 5.0))

    def f(self, x):
        a, b = x[0] * x[0] + x[1] - 11, x[0] + x[1] * x[1] - 7
        return a * a + b * b

    def grad(self, x):
        a, b = x[0] * x[0] + x[1] - 11, x[0] + x[1] * x[1] - 7
        return np.stack([4 * x[0] * a + 2 * b, 2 * a + 4 * x[1] * b])

    def hess(self, x):
        off = 4 * (x[0] + x[1])
        first = 12 * x[0] * x[0] + 4 * x[1] - 42
        return _matrix([[first, off], [off, 4 * x[0] + 12 * x[1] * x[1] - 26]], x)


class Saddle(Problem):
    r""":math:`f = x_0^2 - x_1^2`: a saddle and no minimum; L bounds both curvatures."""

    L = 2.0
    start = (1.0, 1e-3)

    def f(self, x):
        return x[0] * x[0] - x[1] * x[1]

    def grad(self, x):
        return np.stack([2 * x[0], -2 * x[1]])

    def hess(self, x):
        return _matrix([[2.0, 0.0], [0.0, -2.0]], x)


class MonkeySaddle(Problem):
    r""":math:`f = x_0^3 - 3 x_0 x_1^2`: three ways down from a point where the Hessian is zero."""

    start = (-0.1, 0.0)

    def f(self, x):
        return x[0] * x[0] * x[0] - 3 * x[0] * x[1] * x[1]

    def grad(self, x):
        return np.stack([3 * (x[0] * x[0] - x[1] * x[1]), -6 * x[0] * x[1]])

    def hess(self, x):
        return _matrix([[6 * x[0], -6 * x[1]], [-6 * x[1], -6 * x[0]]], x)


class TenWell(Problem):
    r"""One dimension, ten wells in [-10, 10]: :math:`f = x^2 / 20 + \sin 3x`; L = 9.1."""

    dim = 1
    minima = [(-0.5178446602672468,)]
    L = 9.1
    start = (5.0,)
    window = ((-10.0, 10.0),)

    def f(self, x):
        return x[0] * x[0] / 20 + np.sin(3 * x[0])

    def grad(self, x):
        return np.stack([x[0] / 10 + 3 * np.cos(3 * x[0])])

    def hess(self, x):
        return _matrix([[0.1 - 9 * np.sin(3 * x[0])]], x)


class ProductModel(Problem):
    r"""A deep linear network with one weight per layer: :math:`f = \tfrac12 (x_0 x_1 - 1)^2`.

    Every point of the hyperbola x0 x1 = 1 is a minimum, of curvature x0^2 + x1^2: some flat, some
    sharp. ``minima`` names its two flattest points.
    """

    minima = [(1.0, 1.0), (-1.0, -1.0)]
    start = (4.0, 0.2)
    window = ((-1.0, 5.0), (-2.0, 3.0))

    def f(self, x):
        r = x[0] * x[1] - 1
        return 0.5 * r * r

    def grad(self, x):
        r = x[0] * x[1] - 1
        return np.stack([r * x[1], r * x[0]])

    def hess(self, x):
        off = 2 * x[0] * x[1] - 1
        return _matrix([[x[1] * x[1], off], [off, x[0] * x[0]]], x)


class NesterovWorst(Problem):
    r"""The worst case for first-order methods: a chain that lets one coordinate wake per step.

    .. math::

        f = \tfrac{L}{4} \Big( \tfrac12 \big( x_1^2 + \sum_{i<n} (x_i - x_{i+1})^2 + x_n^2 \big)
            - x_1 \Big)

    with L = 1, convex, curvatures in (0, 1).

    Parameters
    ----------
    n : number of variables, at least 2; default 101.

    Nesterov, "Introductory Lectures on Convex Optimization", 2004, section 2.1.2.
    """

    L = 1.0

    def __init__(self, n=101):
        if not isinstance(n, Real) or n % 1 or n < 2:
            raise ValueError(f"n={n!r} must be a whole number, at least 2")
        super().__init__()
        self.dim = int(n)
        self.start = np.zeros(self.dim)
        self.window = ((-1.0, 1.0),) * self.dim
        self.minima = [1 - np.arange(1, self.dim + 1) / (self.dim + 1)]
        self.mu = np.sin(np.pi / (2 * (self.dim + 1))) ** 2  # (1/4) of the smallest eigenvalue

    def f(self, x):
        d = x[:-1] - x[1:]
        return 0.25 * (0.5 * (x[0] * x[0] + (d * d).sum(axis=0) + x[-1] * x[-1]) - x[0])

    def grad(self, x):
        g = 0.5 * x
        g[:-1] -= 0.25 * x[1:]
        g[1:] -= 0.25 * x[:-1]
        g[0] -= 0.25
        return g

    def hess(self, x):
        n = self.dim
        rows = 0.25 * (2 * np.eye(n) - np.eye(n, k=1) - np.eye(n, k=-1))
        return np.broadcast_to(
            rows.reshape((n, n) + (1,) * (np.ndim(x) - 1)), (n, n) + np.shape(x)[1:]
        )

    def __repr__(self):
        return f"NesterovWorst(n={self.dim})"


class LeastSquares(Problem):
    r"""Linear regression: :math:`f(w) = \tfrac{1}{2N} \lVert X w - y \rVert^2`, a mean over N
    examples.

    Parameters
    ----------
    X : features, shape (N, d).
    y : targets, shape (N,).

    L and mu are the largest and the smallest eigenvalue of :math:`X^\top X / N`.
    """

    def __init__(self, X, y):
        X, y = np.asarray(X, dtype=float), np.asarray(y, dtype=float)
        if X.ndim != 2 or y.shape != X.shape[:1] or not X.size:
            raise ValueError(
                "X must have shape (N, d) and y shape (N,), neither empty; "
                f"got {X.shape} and {y.shape}"
            )
        if not (np.isfinite(X).all() and np.isfinite(y).all()):
            raise ValueError(
                "X and y must be finite; drop or fill the rows with missing values first"
            )
        super().__init__()
        self.X, self.y, self.dim = X, y, X.shape[1]
        self.start = np.zeros(self.dim)
        self.window = ((-1.0, 1.0),) * self.dim
        eigenvalues = np.linalg.eigvalsh(X.T @ X / len(y))
        self.L, self.mu = eigenvalues[-1], max(eigenvalues[0], 0.0)
        self.minima = [np.linalg.lstsq(X, y, rcond=None)[0]]

    def _residual(self, w):
        return np.tensordot(self.X, w, axes=1) - self.y.reshape((-1,) + (1,) * (np.ndim(w) - 1))

    def f(self, w):
        r = self._residual(w)
        return 0.5 * (r * r).sum(axis=0) / len(self.y)

    def grad(self, w):
        return np.tensordot(self.X.T, self._residual(w), axes=1) / len(self.y)

    def hess(self, w):
        H = self.X.T @ self.X / len(self.y)
        return np.broadcast_to(
            H.reshape(H.shape + (1,) * (np.ndim(w) - 1)), H.shape + np.shape(w)[1:]
        )

    def __repr__(self):
        return f"LeastSquares({len(self.y)} examples, {self.dim} features)"
