"""Rules that look at a whole layer: at the matrix that it is, or at its length.

Other rules treat each number alone, and do not care how the numbers are arranged. These do: ``x``
is one matrix of shape (p, q), and there is one optimizer for each matrix. Several matrices may be
named views of one flat vector, which is contiguous in each of them:

>>> flat = np.ones(14)
>>> layers = dict(hidden=flat[:6].reshape(2, 3), output=flat[6:].reshape(4, 2))
>>> rules = {name: Shampoo(W, lr=0.5) for name, W in layers.items()}
>>> for name, W in layers.items():
...     _ = rules[name].step(g=np.outer(np.arange(len(W)), [1.0, 0, 0][: W.shape[1]]))
>>> flat.round(3)
array([1.   , 1.   , 1.   , 0.5  , 1.   , 1.   , 1.   , 1.   , 0.866,
       1.   , 0.733, 1.   , 0.599, 1.   ])
"""

import math

import numpy as np

from optlib.optimizer import Optimizer

QUINTIC = (3.4445, -4.7750, 2.0315)
CUBIC = (1.5, -0.5, 0.0)


def newton_schulz(g, steps=5, coefficients=QUINTIC, eps=1e-7):
    r"""Push all singular values of a matrix towards 1 by matrix products alone.

    .. math::
        :label: eq-newton-schulz

        X_0 = \frac{G}{\max(\|G\|_F, \epsilon)}, \qquad
        X_{k+1} = a X_k + b\,(X_k X_k^\top) X_k + c\,(X_k X_k^\top)^2 X_k

    Singular vectors stay as they are; each singular value goes through the polynomial
    :math:`a s + b s^3 + c s^5`. The cubic (3/2, -1/2, 0) converges to 1, and takes 14 steps from
    0.01 to 0.99. The quintic of Muon does not converge: it trades p(1) = 1 for a steep slope at 0,
    3.4445 in each step, and five steps take [0.01, 1] into [0.68, 1.14].

    Parameters
    ----------
    g : matrix of shape (p, q); it is not changed.
    steps : number of iterations, default 5.
    coefficients : a, b, c; default ``QUINTIC`` (Jordan et al.); ``CUBIC`` is the classical one.
    eps : :math:`\epsilon`, the smallest norm to divide by, default 1e-7: a zero matrix stays zero.

    Returns
    -------
    A matrix of the shape and type of g.

    Raises
    ------
    ValueError
        For an array that is no matrix, and for steps that are no whole number from 0 on.

    References
    ----------
    Jordan et al., "Muon: an optimizer for hidden layers in neural networks", 2024,
    https://kellerjordan.github.io/posts/muon/; Björck & Bowie, "An iterative algorithm for
    computing the best estimate of an orthogonal matrix", SIAM Journal on Numerical Analysis 8,
    1971, doi:10.1137/0708036 (the cubic).

    >>> newton_schulz(np.diag([3.0, 4.0]), steps=30, coefficients=CUBIC).round(6)
    array([[1., 0.],
           [0., 1.]])
    """
    g = np.asarray(g)
    if g.ndim != 2:
        raise ValueError(f"newton_schulz needs a matrix, not an array of shape {g.shape}")
    if isinstance(steps, bool) or not isinstance(steps, (int, np.integer)) or steps < 0:
        raise ValueError(f"steps={steps!r} must be a whole number, at least 0")
    a, b, c = coefficients
    tall = g.shape[0] > g.shape[1]
    x = g.T if tall else g  # the smaller of the two Gram matrices
    x = x / max(np.linalg.norm(x), eps)
    for _ in range(steps):
        x = odd_polynomial(x, a, b, c)
    return x.T if tall else x


def odd_polynomial(x, a, b, c):
    r"""One step of :func:`newton_schulz`: :math:`a X + b\,(X X^\top) X + c\,(X X^\top)^2 X`.

    Singular vectors stay; each singular value s becomes :math:`a s + b s^3 + c s^5`.

    >>> odd_polynomial(np.diag([0.5, -0.1]), 1.5, -0.5, 0)
    array([[ 0.6875,  0.    ],
           [ 0.    , -0.1495]])
    """
    gram = x @ x.T
    return a * x + (b * gram + c * gram @ gram) @ x


def _root(A, power, eps):
    """A to a negative power, A symmetric and not negative, after adding eps to its eigenvalues.

    An eigenvalue below the rounding of the largest counts as that rounding: no more is known of it.
    """
    w, Q = np.linalg.eigh(A)
    rounding = (w.max(initial=0) or 1) * len(w) * np.finfo(w.dtype).eps
    return Q * np.maximum(w + eps, rounding) ** power @ Q.T


def _rms(a):
    return np.linalg.norm(a) / math.sqrt(max(a.size, 1))


class MatrixOptimizer(Optimizer):
    """Minimise over one matrix ``x`` of shape (p, q), in place; a subclass supplies the formula.

    As :class:`optlib.optimizer.Optimizer`, with these differences: ``update`` always gets the whole
    matrix; a hyperparameter is one number or a schedule; and the memory may have other shapes than
    ``x``, namely those that ``start`` gives it.

    Raises
    ------
    ValueError
        For parameters that are no matrix, and for an array as hyperparameter: the numbers of a
        matrix depend on each other, so that they cannot have different hyperparameters, and several
        runs cannot stand side by side in one array.
    """

    elementwise = False
    block = math.inf
    ndim = 2  # None: any shape
    remedy = "reshape them, or use an elementwise rule such as Adam"

    def __init__(self, x, **hyper):
        super().__init__(x, **hyper)
        if self.ndim not in (None, x.ndim):
            raise ValueError(
                f"{type(self).__name__} needs a matrix, not parameters of shape {x.shape}; "
                f"{self.remedy}"
            )
        self.state = self.start(x)

    def start(self, x):
        """The memory before the first step: one array for each name in ``memory``."""
        return {key: np.zeros_like(x) for key in self.memory}

    def step(self, g):
        """As :meth:`optlib.Optimizer.step`, and a gradient whose squares overflow is refused too.

        Every rule here sums squares. FloatingPointError is raised, and nothing has changed.
        """
        g = np.asarray(g)
        if g.dtype.kind == "f" and g.size:
            with np.errstate(over="ignore", invalid="ignore"):
                largest = np.abs(g).max()
                square = np.square(largest, dtype=self.x.dtype) * g.size
            if np.isinf(square) and np.isfinite(largest):
                raise FloatingPointError(
                    f"step {self.t + 1}: a gradient entry of size {largest:.3g} is too large for "
                    f"sums of squares in {self.x.dtype}; nothing was changed. Scale the loss down, "
                    "or clip the gradient"
                )
        return super().step(g)

    def _check_hyper(self, key, value):
        if np.ndim(value):
            raise ValueError(
                f"{type(self).__name__}: {key}={value!r} must be one number or a schedule, because "
                "the rule looks at all of x at once; use one optimizer for each value"
            )
        return super()._check_hyper(key, value)


class Muon(MatrixOptimizer):
    r"""Muon: momentum, with all its singular values brought near 1.

    .. math::
        :label: eq-muon

        m_t &= \beta\, m_{t-1} + (1 - \beta)\, g_t \\
        u_t &= \beta\, m_t + (1 - \beta)\, g_t \\
        \theta_t &= (1 - \eta \lambda)\, \theta_{t-1}
            - \eta \sqrt{\max(1, p/q)}\; \mathrm{NS}(u_t)

    NS is :func:`newton_schulz` (:eq:`eq-newton-schulz`) with 5 steps: roughly
    :math:`U V^\top` for :math:`u_t = U \Sigma V^\top`, the step that lowers a linear function most
    among all whose largest singular value is 1. The size of the gradient does not matter.

    For the hidden matrices of a network only: biases, gains, embeddings and the output layer go to
    AdamW (Jordan et al.).

    Parameters
    ----------
    lr : learning rate :math:`\eta`, default 1e-3 (torch). Jordan's code: 0.02.
    beta : decay of the average :math:`\beta`, default 0.95. torch calls it ``momentum``.
    wd : :math:`\lambda`, decoupled, default 0.1 (torch). Jordan's code: 0.
    eps : the smallest norm that NS divides by, default 1e-7.

    Attributes
    ----------
    nesterov : True; without it, :math:`u_t = m_t`.
    steps, coefficients : of the iteration, 5 and ``QUINTIC``.
    scale : a method, (p, q) -> :math:`\sqrt{\max(1, p/q)}`. This is for x as (outputs, inputs), as
        torch keeps it. ``lambda self, p, q: 0.2 * math.sqrt(max(p, q))`` in its place is torch's
        ``match_rms_adamw`` (Liu et al.), for learning rates that were tuned for AdamW.

    Each can be exchanged in a subclass.

    Differs from ``torch.optim.Muon``, which rounds to bfloat16 inside NS, and whose documentation
    prints the average as :math:`\beta m_{t-1} + g_t`; its code computes the one above. optax
    corrects the bias of the average.

    References
    ----------
    Jordan et al., "Muon: an optimizer for hidden layers in neural networks", 2024,
    https://kellerjordan.github.io/posts/muon/; Liu et al., "Muon is scalable for LLM training",
    2025, arXiv:2502.16982.

    >>> x = np.zeros((2, 2))
    >>> Muon(x, lr=1.0).step(g=np.diag([300.0, 0.004])).round(3)
    array([[-0.696,  0.   ],
           [ 0.   , -0.006]])
    """

    memory = ("m",)
    defaults = dict(lr=1e-3, beta=0.95, wd=0.1, eps=1e-7)
    nesterov, steps, coefficients = True, 5, QUINTIC
    remedy = (
        "it is for hidden 2-D matrices only (a kernel can be reshaped to one); use AdamW for the "
        "rest: biases, gains, embeddings, the output layer"
    )

    def scale(self, p, q):
        return math.sqrt(max(1, p / q))

    def update(self, t, x, g, m, lr, beta, wd, eps):
        m += (1 - beta) * (g - m)
        u = beta * m + (1 - beta) * g if self.nesterov else m
        x *= 1 - lr * wd
        x -= lr * self.scale(*x.shape) * newton_schulz(u, self.steps, self.coefficients, eps)


class Adafactor(MatrixOptimizer):
    r"""Adafactor: the second moment of a matrix from the averages of its rows and its columns.

    .. math::
        :label: eq-adafactor

        r_t &= r_{t-1} + t^{-\tau} (\mathrm{rowmeans}(g_t^2) - r_{t-1}), \qquad
        c_t = c_{t-1} + t^{-\tau} (\mathrm{colmeans}(g_t^2) - c_{t-1}) \\
        v_t &= \frac{r_t c_t^\top}{\max(\mathrm{mean}(r_t), \epsilon_1)}, \qquad
        u_t = \frac{g_t}{\max(\sqrt{v_t}, \epsilon_1)} \\
        \theta_t &= (1 - \eta \lambda)\, \theta_{t-1}
            - \max(\epsilon_2, \mathrm{rms}(\theta_{t-1}))\, \min(\eta, 1/\sqrt t)\,
            \frac{u_t}{\max(1, \mathrm{rms}(u_t) / d)}

    The memory is p + q numbers instead of pq. :math:`v_t` is the average of :math:`g_t^2` itself
    whenever that has rank 1. The newest gradient has the weight :math:`t^{-\tau}`, which is 1 at
    the first step: there is no bias to correct. The step is relative to the size of the parameters.

    Parameters
    ----------
    lr : :math:`\eta`, the largest relative step, default 1e-2.
    power : :math:`\tau`, default 0.8. torch: ``beta2_decay=-0.8``.
    eps1 : :math:`\epsilon_1`, default 2**-52 (torch in float64: the machine precision of the
        parameters' type).
    eps2 : :math:`\epsilon_2`, the smallest size of the parameters to reckon with, default 1e-3.
    clip : d, the largest root mean square of :math:`u_t`, default 1.
    wd : :math:`\lambda`, decoupled, default 0.

    Differs from the paper, as torch does: there, :math:`\epsilon_1` (1e-30) is added to
    :math:`g_t^2` and nothing else is bounded, the largest relative step is always 1e-2, and rows
    and columns are summed, which makes no difference. Here a matrix of gradients far below
    :math:`\sqrt{\epsilon_1}` makes :math:`u_t` large, and d bounds it. torch takes vectors too, not
    factored, and calls ``wd`` ``weight_decay``, ``clip`` ``d``.

    References
    ----------
    Shazeer & Stern, "Adafactor: adaptive learning rates with sublinear memory cost", ICML 2018,
    arXiv:1804.04235, algorithm 4.

    >>> x = np.ones((2, 3))
    >>> opt = Adafactor(x)
    >>> opt.step(g=np.outer([1.0, -2], [0.1, 10, 300]))
    array([[0.99, 0.99, 0.99],
           [1.01, 1.01, 1.01]])
    >>> {name: value.shape for name, value in opt.state.items()}
    {'row': (2,), 'col': (3,)}
    """

    memory = ("row", "col")
    defaults = dict(lr=1e-2, power=0.8, eps1=2.0**-52, eps2=1e-3, clip=1.0, wd=0.0)
    remedy = "a vector has nothing to factor: use RMSprop or Adam"

    def start(self, x):
        p, q = x.shape
        return dict(row=np.zeros(p, x.dtype), col=np.zeros(q, x.dtype))

    def update(self, t, x, g, row, col, lr, power, eps1, eps2, clip, wd):
        squares = g * g
        row += t**-power * (squares.mean(axis=1) - row)
        col += t**-power * (squares.mean(axis=0) - col)
        v = np.outer(row / max(row.mean(), eps1), col)  # in this order, g may be large
        u = g / np.maximum(np.sqrt(v), eps1)
        size = max(eps2, _rms(x)) * min(lr, t**-0.5)
        x *= 1 - lr * wd
        x -= size / max(1, _rms(u) / clip) * u


class LARS(MatrixOptimizer):
    r"""LARS: momentum, each layer's step in proportion to the layer's own length.

    .. math::
        :label: eq-lars

        \rho_t = \frac{c\, \|\theta_{t-1}\|}{\|g_t\| + \lambda \|\theta_{t-1}\|}, \qquad
        u_t = \beta\, u_{t-1} + \eta\, \rho_t\, (g_t + \lambda\, \theta_{t-1}), \qquad
        \theta_t = \theta_{t-1} - u_t

    x is one layer, of any shape, and the norms are over all of it. Where the fraction's numerator
    or denominator is 0, :math:`\rho_t = 1`: a layer that starts at zero could never leave it.

    Parameters
    ----------
    lr : learning rate :math:`\eta`, default 1: then a step adds to u at most ``trust`` times the
        length of the layer.
    beta : momentum decay :math:`\beta`, default 0.9.
    trust : trust coefficient c, default 1e-3 (paper, optax).
    wd : :math:`\lambda`, inside the gradient, default 0 (optax).

    Differs from ``optax.lars`` if there is weight decay: there the denominator is
    :math:`\|g_t + \lambda \theta_{t-1}\|`.

    References
    ----------
    You, Gitman & Ginsburg, "Large batch training of convolutional networks", 2017,
    arXiv:1708.03888, algorithm 1.

    >>> LARS(np.array([3.0, 4.0]), trust=0.1).step(g=[1e9, 0])
    array([2.5, 4. ])
    """

    memory = ("u",)
    defaults = dict(lr=1.0, beta=0.9, trust=1e-3, wd=0.0)
    ndim = None

    def update(self, t, x, g, u, lr, beta, trust, wd):
        length = np.linalg.norm(x)
        rho = _ratio(trust * length, np.linalg.norm(g) + wd * length)
        u[...] = beta * u + lr * rho * (g + wd * x)
        x -= u


class LAMB(MatrixOptimizer):
    r"""LAMB: Adam, each layer's step in proportion to the layer's own length.

    .. math::
        :label: eq-lamb

        m_t &= \beta_1\, m_{t-1} + (1 - \beta_1)\, g_t \\
        v_t &= \beta_2\, v_{t-1} + (1 - \beta_2)\, g_t^2 \\
        u_t &= \frac{m_t / (1 - \beta_1^t)}{\sqrt{v_t / (1 - \beta_2^t)} + \epsilon}
            + \lambda\, \theta_{t-1} \\
        \theta_t &= \theta_{t-1} - \eta\, \frac{\|\theta_{t-1}\|}{\|u_t\|}\, u_t

    x is one layer, of any shape, and the norms are over all of it. Where one of them is 0, their
    quotient counts as 1. Every step has the length :math:`\eta \|\theta_{t-1}\|`.

    Parameters
    ----------
    lr : learning rate :math:`\eta`, default 1e-3 (Keras).
    beta1, beta2 : decays of the two averages, defaults 0.9 and 0.999.
    eps : :math:`\epsilon`, default 1e-6 (optax). Keras: 1e-7.
    wd : :math:`\lambda`, inside the step that is rescaled, default 0 (optax).

    Differs from the paper in that :math:`\|\theta\|` is not bounded by a function :math:`\phi`.

    References
    ----------
    You et al., "Large batch optimization for deep learning: training BERT in 76 minutes", ICLR
    2020, arXiv:1904.00962, algorithm 2.

    >>> LAMB(np.array([3.0, 4.0]), lr=0.2).step(g=[1e9, 0])
    array([2., 4.])
    """

    memory = ("m", "v")
    defaults = dict(lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-6, wd=0.0)
    ndim = None

    def update(self, t, x, g, m, v, lr, beta1, beta2, eps, wd):
        m += (1 - beta1) * (g - m)
        v += (1 - beta2) * (g * g - v)
        u = m / (1 - beta1**t) / (np.sqrt(v / (1 - beta2**t)) + eps) + wd * x
        x -= lr * _ratio(np.linalg.norm(x), np.linalg.norm(u)) * u


def _ratio(a, b):
    return a / b if a > 0 and b > 0 else 1.0


class Shampoo(MatrixOptimizer):
    r"""Shampoo: divide from the left and from the right by roots of summed outer products.

    .. math::
        :label: eq-shampoo

        L_t = L_{t-1} + g_t g_t^\top, \qquad R_t = R_{t-1} + g_t^\top g_t, \qquad
        \theta_t = \theta_{t-1}
            - \eta\, (L_t + \epsilon I)^{-1/4}\, g_t\, (R_t + \epsilon I)^{-1/4}

    What :class:`optlib.Adagrad` does for each number, for rows and for columns: its diagonal matrix
    becomes a full one. The first step with :math:`\epsilon = 0` is :math:`-\eta\, U V^\top` for
    :math:`g_1 = U \Sigma V^\top`. The memory is :math:`p^2 + q^2` numbers.

    Parameters
    ----------
    lr : learning rate :math:`\eta`, default 1e-3 (the paper tunes it).
    eps : :math:`\epsilon`, default 1e-4.

    Differs from the versions used at scale (Anil et al., Shi et al.): these average instead of
    summing, renew the roots only now and then, cut large matrices into blocks, and take the length
    of the step from another rule.

    References
    ----------
    Gupta, Koren & Singer, "Shampoo: preconditioned stochastic tensor optimization", ICML 2018,
    arXiv:1802.09568, algorithm 1; Anil et al., arXiv:2002.09018; Shi et al., arXiv:2309.06497.

    >>> x = np.zeros((2, 3))
    >>> Shampoo(x, lr=1.0, eps=0).step(g=np.array([[0, 5.0, 0], [0, 0, -0.01]])).round(6) + 0.0
    array([[ 0., -1.,  0.],
           [ 0.,  0.,  1.]])
    """

    memory = ("L", "R")
    defaults = dict(lr=1e-3, eps=1e-4)

    def start(self, x):
        p, q = x.shape
        return dict(L=np.zeros((p, p), x.dtype), R=np.zeros((q, q), x.dtype))

    def update(self, t, x, g, L, R, lr, eps):
        L += g @ g.T
        R += g.T @ g
        x -= lr * _root(L, -1 / 4, eps) @ g @ _root(R, -1 / 4, eps)


class SOAP(MatrixOptimizer):
    r"""SOAP: Adam in the coordinates in which Shampoo's matrices are diagonal.

    .. math::
        :label: eq-soap

        m_t &= \beta_1\, m_{t-1} + (1 - \beta_1)\, g_t \\
        v_t &= \beta_2\, v_{t-1} + (1 - \beta_2)\, (P_t^\top g_t Q_t)^2 \\
        \theta_t &= (1 - \eta \lambda)\, \theta_{t-1} - \eta\, P_t\,
            \frac{P_t^\top m_t Q_t / (1 - \beta_1^{t-1})}
            {\sqrt{v_t / (1 - \beta_2^{t-1})} + \epsilon} \, Q_t^\top \\
        L_t &= \beta_2\, L_{t-1} + (1 - \beta_2)\, g_t g_t^\top, \qquad
        R_t = \beta_2\, R_{t-1} + (1 - \beta_2)\, g_t^\top g_t

    The first gradient gives L and R and the coordinates, and nothing else: the columns of P and Q
    are the eigenvectors of :math:`g_1 g_1^\top` and :math:`g_1^\top g_1`, largest eigenvalue first,
    in which :math:`g_1` itself is diagonal, the rest rounding. After every 10th update one power
    iteration renews them, P = orth(L P) and Q = orth(R Q), where orth is the orthogonal factor of
    the QR decomposition. The memory is :math:`2pq + 2(p^2 + q^2)` numbers.

    Parameters
    ----------
    lr : learning rate :math:`\eta`, default 3e-3 (the authors' code).
    beta1, beta2 : decays of the averages, defaults 0.95 and 0.95.
    eps : :math:`\epsilon`, default 1e-8.
    wd : :math:`\lambda`, decoupled, default 0.01.

    Attributes
    ----------
    every : 10, the updates between two renewals; another number in a subclass.

    Differs from the authors' code, which puts the coordinates, v included, in order whenever it
    renews them, decays the weights after the step, and adds :math:`\epsilon` to
    :math:`\sqrt{v_t}` before the bias is corrected. Algorithm 3 of the paper does not show that the
    first step is left out.

    References
    ----------
    Vyas et al., "SOAP: improving and stabilizing Shampoo using Adam", ICLR 2025, arXiv:2409.11321,
    algorithm 3.

    >>> x = np.zeros((2, 2))
    >>> opt = SOAP(x, lr=1.0)
    >>> opt.step(g=np.array([[0, 5.0], [-0.1, 0]])) + 0.0
    array([[0., 0.],
           [0., 0.]])
    >>> opt.step(g=np.array([[0, 7.0], [-0.2, 0]])).round(6) + 0.0
    array([[ 0., -1.],
           [ 1.,  0.]])
    """

    memory = ("m", "v", "L", "R", "P", "Q")
    defaults = dict(lr=3e-3, beta1=0.95, beta2=0.95, eps=1e-8, wd=0.01)
    every = 10

    def start(self, x):
        left, right = ((n, n) for n in x.shape)
        shapes = dict(m=x.shape, v=x.shape, L=left, R=right, P=left, Q=right)
        return {key: np.zeros(shape, x.dtype) for key, shape in shapes.items()}

    def update(self, t, x, g, m, v, L, R, P, Q, lr, beta1, beta2, eps, wd):
        L += (1 - beta2) * (g @ g.T - L)
        R += (1 - beta2) * (g.T @ g - R)
        updates = t - 1  # the first gradient only gives the coordinates
        if updates == 0:
            P[...], Q[...] = np.linalg.eigh(L)[1][:, ::-1], np.linalg.eigh(R)[1][:, ::-1]
        else:
            m += (1 - beta1) * (g - m)
            v += (1 - beta2) * ((P.T @ g @ Q) ** 2 - v)
            u = P.T @ m @ Q / (1 - beta1**updates) / (np.sqrt(v / (1 - beta2**updates)) + eps)
            x *= 1 - lr * wd
            x -= lr * P @ u @ Q.T
            if updates % self.every == 0:
                P[...], Q[...] = np.linalg.qr(L @ P)[0], np.linalg.qr(R @ Q)[0]
