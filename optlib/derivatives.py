"""Derivatives of a function of an array, from one or a few backward passes, and their check."""

from typing import NamedTuple

import numpy as np

import optlib.ops  # noqa: F401, it completes the methods of tensors
from optlib.autodiff import Tensor


def value_and_gradient(f, x):
    """The value f(x), one number, and the gradient of f at the array x; f takes a tensor.

    >>> value_and_gradient(lambda x: (x * x).sum(), np.array([1.0, 2.0]))
    (5.0, array([2., 4.]))
    """
    x = Tensor(x, requires_grad=True)
    y = f(x)
    y.backward()
    return y.data.item(), x.grad


def hessian_product(f, x, v):
    r"""The Hessian H of f at the array x times v, without the Hessian.

    .. math:: H v = \operatorname{Im} \nabla f(x + i h v) \,/\, h, \qquad h = 10^{-20}

    The gradient is computed once, in complex numbers. The error of the formula is of the order of
    h squared, and nothing is subtracted in it: it holds to the last digits (the complex step of
    Squire & Trapp, "Using complex variables to estimate derivatives of real functions", SIAM Review
    40, 1998, doi:10.1137/S003614459631241X, applied to the gradient).

    >>> hessian_product(lambda x: (x * x * x).sum(), np.array([1.0, 2.0]), np.array([1.0, 1.0]))
    array([ 6., 12.])
    """
    h = 1e-20
    x = np.asarray(x)
    if np.shape(v) != x.shape:
        raise ValueError(f"hessian_product: x has shape {x.shape}, v has {np.shape(v)}")
    return value_and_gradient(f, x + 1j * h * np.asarray(v, x.dtype))[1].imag / h


def hessian(f, x):
    """The Hessian of f at the array x, of shape ``x.shape + x.shape``.

    One :func:`hessian_product` for each number in x: for small x.

    >>> hessian(lambda x: x[0] ** 2 * x[1], np.array([1.0, 2.0]))
    array([[4., 2.],
           [2., 0.]])
    """
    x = np.asarray(x)
    units = np.eye(x.size, dtype=x.dtype).reshape(x.size, *x.shape)
    rows = [hessian_product(f, x, unit) for unit in units]
    return np.array(rows, x.dtype).reshape(x.shape + x.shape)


class GradientCheck(NamedTuple):
    """What :func:`check_gradient` found.

    Attributes
    ----------
    error : the largest difference between the gradient and a difference quotient, relative to the
        largest entry of the gradient (or to a hundredth of f(x), if that is larger).
    where : its place, an index of x.
    kink : whether a kink explains it: x is where two smooth pieces of f meet, and the gradient lies
        between the slopes to the left and to the right.
    worst : the largest difference that no kink explains; the gradient is wrong if that is not tiny.
    kinks : how many entries of x are at a kink.
    step : the largest relative difference to the complex step, where no kink explains it; None if
        f does not take complex numbers.
    gradient, slopes : the gradient, and the central differences (NaN at entries not looked at).
    """

    error: float
    where: tuple
    kink: bool
    worst: float
    kinks: int
    step: float | None
    gradient: np.ndarray
    slopes: np.ndarray

    def __str__(self):
        why = "which a kink explains" if self.kink else "and there is no kink"
        step = "not possible" if self.step is None else f"{self.step:.1e}"
        return (
            f"gradient against central differences: {self.error:.1e} at {self.where}, {why}; "
            f"entries at kinks: {self.kinks}; what no kink explains: {self.worst:.1e}, against the "
            f"complex step {step}"
        )


def check_gradient(f, x, entries=None, rng=0):
    r"""Compare the gradient of f at x with differences of f, entry by entry.

    .. math::

        \frac{f(x + h e_j) - f(x - h e_j)}{2 h}, \qquad
        \frac{\operatorname{Im} f(x + i \eta e_j)}{\eta}, \quad \eta = 10^{-20}

    The first, central differences, knows nothing of how the gradient is computed, and is good to
    some 1e-10: h is about the cube root of the rounding of x, for which the errors of formula and
    of rounding are equal. Three steps are taken, from 6e-6 to 4e-7, and the closest counts. The
    second, the complex step, has no rounding, but needs an f that is made of analytic pieces.

    At a kink, as of relu at 0, the slopes to the left and to the right differ however small h is,
    and a gradient between them is as right as another: check at a point without kinks. A bias of
    exactly 0 below a relu is the usual way to hit one. Where kinks cancel, as in relu(x) - relu(-x)
    at 0, f has a slope, and a backward pass through its parts may miss it (it says 0, and the slope
    is 1): no kink is found then, and the remedy is the same.

    Parameters
    ----------
    f : function of a tensor that returns a tensor of one number.
    x : array of float64.
    entries : how many entries of x to look at, at random; default None, all.
    rng : seed or ``numpy.random.Generator`` for them, default 0.

    Returns
    -------
    A :class:`GradientCheck`.

    References
    ----------
    Squire & Trapp, "Using complex variables to estimate derivatives of real functions", SIAM Review
    40, 1998, doi:10.1137/S003614459631241X.

    >>> from optlib.autodiff import relu
    >>> check = check_gradient(lambda x: relu(x * x * x).sum(), np.array([1.0, 2.0, -1.0]))
    >>> check.error < 1e-9, check.step < 1e-15
    (True, True)
    >>> check = check_gradient(lambda x: relu(x).sum(), np.array([1.0, 0.0]))
    >>> round(check.error, 6), check.where, check.kink, check.worst < 1e-9
    (0.5, (1,), True, True)
    """
    x = np.asarray(x)
    if x.dtype != np.float64:
        raise TypeError(
            f"check_gradient: x is {x.dtype}; differences need float64, use x.astype(float)"
        )
    middle, gradient = value_and_gradient(f, x)
    if not (np.isfinite(middle) and np.isfinite(gradient).all()):
        raise FloatingPointError(f"check_gradient: f(x) = {middle}, or its gradient is not finite")
    places = list(np.ndindex(x.shape))
    if entries is not None and entries < len(places):
        chosen = np.random.default_rng(rng).choice(len(places), entries, replace=False)
        places = [places[i] for i in sorted(chosen)]

    def value(place, move):
        moved = x.astype(type(move))
        moved[place] += move
        return f(Tensor(moved)).data.item()

    slopes = np.full(x.shape, np.nan)
    found = []  # (error, place, is there a kink, does it explain the error)
    for place in places:
        g, tries = gradient[place], []
        for h in (6e-6, 1.5e-6, 4e-7):
            h *= max(1.0, abs(x[place]))
            right = (value(place, h) - middle) / h
            left = (middle - value(place, -h)) / h
            tries.append((abs((right + left) / 2 - g), left, right))
        # Of a smooth f the jump from left to right shrinks with h; at a kink it stays.
        jumps = [abs(right - left) for _, left, right in tries]
        rounding = 1e-14 * max(1.0, abs(middle)) / h
        kink = jumps[-1] > max(jumps[0] / 2, 10 * rounding)
        error, left, right = min(tries)
        slopes[place] = (left + right) / 2
        # A one-sided slope is off by the order of h: about as much as it differs between the steps.
        change = max(abs(a - b) for a, b in zip(tries[0][1:], tries[-1][1:], strict=True))
        slack = rounding + 2 * change
        between = min(left, right) - slack <= g <= max(left, right) + slack
        found.append((error, place, kink, kink and between))
    scale = max(np.abs(gradient).max(), np.nanmax(np.abs(slopes)), abs(middle) / 100) or 1.0
    error, where, _, explained = max(found)
    smooth = [(error, place) for error, place, _, explained in found if not explained]
    try:
        steps = [abs(value(place, 1e-20j).imag / 1e-20 - gradient[place]) for _, place in smooth]
    except TypeError:  # numpy has no complex form of some function in f
        steps = None
    return GradientCheck(
        error=float(error / scale),
        where=where,
        kink=bool(explained),
        worst=float(max((error for error, _ in smooth), default=0.0) / scale),
        kinks=sum(bool(kink) for _, _, kink, _ in found),
        step=None if steps is None else float(max(steps, default=0.0) / scale),
        gradient=gradient,
        slopes=slopes,
    )
