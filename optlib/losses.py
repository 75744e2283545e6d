r"""Losses: how wrong a prediction is, as one number to make small.

Each is the mean over the batch of a loss of the prediction z (a tensor, what the model says) and
the target y (an array). Those that take a probability take it as a **logit**, before the sigmoid or
softmax: only then can they be computed without overflow, and without log(0).

With K networks side by side, z has a leading axis of length K and the loss has the shape (K,).

``weights``, of shape (n,), makes the mean a weighted one, :math:`\sum w_i \ell_i / \sum w_i`.

How a loss bends with the prediction is in ``CURVATURE``: the least and the largest second
derivative with respect to z (for the cross-entropy: eigenvalue). A loss is convex in z if the least
is not negative, and L-smooth with L the largest in size. In the parameters of a *linear* model,
convexity stays, and L is multiplied by the largest eigenvalue of :math:`X^\top X / N`: hence the
curvature bounds :math:`X^\top X / 4N` of logistic and :math:`X^\top X / 2N` of softmax regression
(Böhning, "Multinomial logistic regression algorithm", Annals of the Institute of Statistical
Mathematics 44, 1992, doi:10.1007/BF00048682).
"""

import numpy as np

from optlib import autodiff
from optlib.autodiff import lift, op
from optlib.ops import logistic

# loss: the least and the largest second derivative, inf for a slope that jumps.
CURVATURE = dict(
    mse=(2, 2),
    mae=(0, np.inf),
    huber=(0, 1),
    quantile=(0, np.inf),
    bce=(0, 1 / 4),
    cross_entropy=(0, 1 / 2),
    hinge=(0, np.inf),
    focal=(-0.0472, 0.4962),
)


def _softplus(u):
    """log(1 + exp(u)), in a form that does not overflow."""
    return np.where(u > 0, u, 0) + np.log1p(np.exp(np.where(u > 0, -u, u)))


def _weights(name, weights, n):
    """The share of each of n examples in the mean; 1 / n where no weights are given."""
    if weights is None:
        return np.full(n, 1 / n)
    weights = np.asarray(weights, float)
    if weights.shape != (n,) or not (weights >= 0).all() or not weights.sum() > 0:
        raise ValueError(
            f"{name}: weights of shape {weights.shape} must be one number for each of the {n} "
            "examples, at least 0 and not all 0"
        )
    return weights / weights.sum()


def _pointwise(name, z, y, weights, value, slope, allowed=None, wanted=""):
    """The mean over the batch of value(z, y), number by number; slope is its derivative by z.

    Without a z, the two formulas: for the widgets, which show them in JavaScript.
    """
    if z is None:
        return value, slope
    z = lift(z)
    if z.data.ndim < 2:
        raise ValueError(f"{name}: predictions have shape (n, outputs), and not {z.shape}")
    y = np.asarray(y)
    if y.ndim == 1 and z.shape[-1] == 1:
        y = y[:, None]
    if y.shape not in (z.shape, z.shape[-2:]):
        raise ValueError(
            f"{name}: the predictions have shape {z.shape}, the targets {y.shape}; needed is one "
            "target for each prediction"
        )
    if not y.size:
        raise ValueError(f"{name}: the batch is empty, its shape is {z.shape}")
    if allowed is not None and not allowed(y).all():
        raise ValueError(f"{name}: the targets must be {wanted}; there are {np.unique(y)[:5]}, ...")
    y = y.astype(z.data.dtype)
    n, outputs = z.shape[-2:]
    share = (_weights(name, weights, n)[:, None] / outputs).astype(z.data.real.dtype)

    def push(g):
        z.receive(g[..., None, None] * (share * slope(z.data, y)))

    return op(name, (share * value(z.data, y)).sum((-2, -1)), (z,), push)


def mse(z, y, weights=None):
    r"""Mean squared error.

    .. math:: \ell = (z - y)^2

    The mean over examples and outputs, as in ``torch.nn.functional.mse_loss``; many texts have a
    factor 1/2. Least for the mean of y; the negative log-likelihood of normal noise.

    Curvature: 2 everywhere; convex, 2-smooth.

    Parameters
    ----------
    z : tensor of shape (..., n, outputs).
    y : array of the same shape, or (n, outputs), or (n,) for one output.
    weights : see above.

    Raises ValueError for shapes that do not fit, an empty batch and weights that are none; so do
    the others. A y of shape (n,) beside a z of shape (n, 1) would silently become a matrix of all
    differences in numpy; here it does not.

    Legendre, "Nouvelles méthodes pour la détermination des orbites des comètes", 1805.

    >>> mse(np.array([[1.0], [3.0]]), np.array([1.0, 1.0])).item()
    2.0
    """
    return _pointwise("mse", z, y, weights, lambda z, y: (z - y) ** 2, lambda z, y: 2 * (z - y))


def mae(z, y, weights=None):
    r"""Mean absolute error.

    .. math:: \ell = |z - y|

    Least for the median of y; the negative log-likelihood of Laplace noise. The slope is the sign
    of z - y however near they are, and 0 where they are equal.

    Curvature: 0 but for the kink; convex, not smooth. Boscovich 1757; Laplace 1774.

    >>> mae(np.array([[1.0], [4.0]]), np.array([1.0, 1.0])).item()
    1.5
    """

    def sign(z, y):
        return ((z > y) * 1.0 - (z < y)).astype(z.dtype)

    return _pointwise("mae", z, y, weights, lambda z, y: sign(z, y) * (z - y), sign)


def huber(z, y, delta=1.0, weights=None):
    r"""Huber's loss: a parabola near the target, a straight line further away.

    .. math::
        \ell = \begin{cases} \frac12 (z - y)^2 & |z - y| \le \delta \\
            \delta\, (|z - y| - \frac12 \delta) & \text{otherwise} \end{cases}

    Between mean and median: one wild example has no more pull than :math:`\delta`. Default
    ``delta`` 1, as in ``torch.nn.functional.huber_loss``.

    Curvature: 0 to 1; convex, 1-smooth. Huber, "Robust estimation of a location parameter", Annals
    of Mathematical Statistics 35, 1964, doi:10.1214/aoms/1177703732.

    >>> huber(np.array([[1.0], [5.0]]), np.array([0.0, 0.0])).item()  # (0.5 + 4.5) / 2
    2.5
    """
    if not delta > 0:
        raise ValueError(f"huber: delta={delta!r} must be greater than 0")

    def slope(z, y):  # the comparisons look at the real part
        r = z - y
        cut = np.where(r > delta, delta, np.where(r < -delta, -delta, r))
        return cut.astype(r.dtype)

    def value(z, y):
        return slope(z, y) * (z - y - 0.5 * slope(z, y))

    return _pointwise("huber", z, y, weights, value, slope)


def quantile(z, y, tau=0.5, weights=None):
    r"""The quantile loss, also called pinball loss: too low costs tau, too high 1 - tau.

    .. math:: \ell = \begin{cases} \tau\, (y - z) & z < y \\ (1 - \tau)\, (z - y) & z \ge y
        \end{cases}

    Least for the tau-quantile of y; tau = 1/2 (default) is half the absolute error. The slope at
    z = y is taken as 0.

    Curvature: 0 but for the kink; convex, not smooth. Koenker & Bassett, "Regression quantiles",
    Econometrica 46, 1978, doi:10.2307/1913643.

    >>> quantile(np.array([[0.0], [3.0]]), np.array([1.0, 1.0]), tau=0.75).item()
    0.625
    """
    if not 0 < tau < 1:
        raise ValueError(f"quantile: tau={tau!r} must be between 0 and 1")

    def slope(z, y):
        return ((1 - tau) * (z > y) - tau * (z < y)).astype(z.dtype)

    return _pointwise("quantile", z, y, weights, lambda z, y: slope(z, y) * (z - y), slope)


def bce(z, y, weights=None):
    r"""Binary cross-entropy from logits.

    .. math:: \ell = -y \log \sigma(z) - (1 - y) \log(1 - \sigma(z)) = \log(1 + e^z) - y z

    y is 0 or 1, or a probability between. The slope is :math:`\sigma(z) - y`: a mistake keeps its
    full slope however sure it is.

    Curvature: 0 to 1/4; convex, 1/4-smooth. Good, "Rational decisions", Journal of the Royal
    Statistical Society B 14, 1952 (as a score of forecasts).

    >>> bce(np.array([[0.0], [-1000.0]]), np.array([1, 1])).item().__round__(6)
    500.346574
    """
    return _pointwise(
        "bce",
        z,
        y,
        weights,
        lambda z, y: _softplus(z) - y * z,
        lambda z, y: logistic(z) - y,
        lambda y: (y >= 0) & (y <= 1),
        "probabilities, 0 to 1",
    )


def hinge(z, y, weights=None):
    r"""The hinge loss of support vector machines; y is 1 or -1.

    .. math:: \ell = \max(0,\, 1 - y z)

    What is right by a margin of 1 costs nothing and has no gradient; at the kink it is 0.

    Curvature: 0 but for the kink; convex, not smooth. Cortes & Vapnik, "Support-vector networks",
    Machine Learning 20, 1995, doi:10.1007/BF00994018.

    >>> hinge(np.array([[0.5], [-1.0], [2.0]]), np.array([1, 1, 1])).item().__round__(6)
    0.833333
    """
    return _pointwise(
        "hinge",
        z,
        y,
        weights,
        lambda z, y: np.where(y * z < 1, 1 - y * z, 0),
        lambda z, y: np.where(y * z < 1, -y, 0),
        lambda y: abs(y) == 1,
        "1 or -1 (from classes 0 and 1: 2 * y - 1)",
    )


def focal(z, y, gamma=2.0, weights=None):
    r"""The focal loss: cross-entropy that turns away from what is already right.

    .. math:: \ell = -(1 - p)^\gamma \log p, \qquad p = \sigma(u), \quad u = (2y - 1)\, z

    p is the probability of the right class, y is 0 or 1. Default ``gamma`` 2 (paper); 0 is
    :func:`bce`. The paper's balance of the classes by :math:`\alpha` is a matter of ``weights``,
    which divide by their sum here.

    Curvature for gamma = 2: -0.0472 (at u = -3.85) to 0.4962 (at u = -0.60); not convex. Lin,
    Goyal, Girshick, He & Dollár, "Focal loss for dense object detection", ICCV 2017,
    arXiv:1708.02002.

    >>> focal(np.array([[0.0]]), np.array([1])).item().__round__(6)  # log(2) / 4
    0.173287
    """
    if not gamma >= 0:
        raise ValueError(f"focal: gamma={gamma!r} must be at least 0")

    def value(z, y):
        u = (2 * y - 1) * z
        return logistic(-u) ** gamma * _softplus(-u)

    def slope(z, y):
        u = (2 * y - 1) * z
        q = logistic(-u)
        return (1 - 2 * y) * q**gamma * (gamma * (1 - q) * _softplus(-u) + q)

    return _pointwise("focal", z, y, weights, value, slope, lambda y: (y == 0) | (y == 1), "0 or 1")


def cross_entropy(z, y, smoothing=0.0, weights=None):
    r"""Cross-entropy from logits, for several classes.

    .. math:: \ell = -\sum_c q_c \log \mathrm{softmax}(z)_c, \qquad
        q = (1 - \varepsilon)\, e_y + \varepsilon / C

    :math:`e_y` is 1 for the right class and 0 for the C - 1 others. The slope is softmax(z) - q.
    With smoothing the loss cannot reach 0: its floor is the entropy of q, 0.50029 for C = 10 and
    :math:`\varepsilon` = 0.1. A network that knows nothing has log C.

    Parameters
    ----------
    z : tensor of shape (..., n, C).
    y : array of n whole numbers, 0 to C - 1.
    smoothing : :math:`\varepsilon`, from 0 (default) to 1, the share that is spread over all
        classes, the right one included (as in torch).
    weights : of the examples; torch's class weights c are ``weights=c[y]``.

    Curvature: eigenvalues 0 to 1/2; convex, 1/2-smooth. Label smoothing: Szegedy, Vanhoucke, Ioffe,
    Shlens & Wojna, "Rethinking the inception architecture for computer vision", CVPR 2016,
    arXiv:1512.00567.

    >>> cross_entropy(np.zeros((3, 10)), np.array([0, 5, 9])).item().__round__(6)
    2.302585
    """
    z = lift(z)
    y = np.asarray(y)
    if z.data.ndim < 2 or y.shape != z.shape[-2:-1] or y.dtype.kind not in "iu":
        raise ValueError(
            f"cross_entropy: logits of shape {z.shape} need {z.shape[-2:-1]} labels, whole "
            f"numbers, and not {y.dtype} of shape {y.shape}"
        )
    if not 0 <= smoothing <= 1:
        raise ValueError(f"cross_entropy: smoothing={smoothing!r} must be from 0 to 1")
    if not smoothing and weights is None:
        return autodiff.cross_entropy(z, y)
    n, classes = z.shape[-2:]
    if not n or y.min() < 0 or y.max() >= classes:
        raise ValueError(f"cross_entropy: labels must be 0 to {classes - 1}, at least one: {y}")
    share = _weights("cross_entropy", weights, n)[:, None].astype(z.data.real.dtype)
    q = np.full((n, classes), smoothing / classes, share.dtype)
    q[np.arange(n), y] += 1 - smoothing
    shifted = z.data - z.data.max(-1, keepdims=True)
    e = np.exp(shifted)
    total = e.sum(-1, keepdims=True)

    def push(g):
        z.receive(g[..., None, None] * (share * (e / total - q)))

    return op("cross-entropy", (share * q * (np.log(total) - shifted)).sum((-2, -1)), (z,), push)
