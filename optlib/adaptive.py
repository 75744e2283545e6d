"""Adaptive rules: each coordinate's step is divided by a memory of its own gradients."""

import numpy as np

from optlib.optimizer import Optimizer


class Adagrad(Optimizer):
    r"""Adagrad: divide by the root of the sum of all squared gradients so far.

    .. math::
        :label: eq-adagrad

        s_t = s_{t-1} + g_t^2, \qquad
        \theta_t = \theta_{t-1} - \eta\, \frac{g_t}{\sqrt{s_t} + \epsilon}

    Parameters
    ----------
    lr : learning rate :math:`\eta`, default 1e-2 (torch).
    eps : :math:`\epsilon`, outside the root, default 1e-10 (torch). Keras and optax put 1e-7 inside
        it and start the sum at 0.1.
    s0 : where the sum starts, default 0. torch: ``initial_accumulator_value``.

    torch's ``lr_decay`` is the schedule :math:`\eta / (1 + (t - 1)\,\mathrm{decay})` for lr.

    References
    ----------
    Duchi, Hazan & Singer, "Adaptive subgradient methods for online learning and stochastic
    optimization", JMLR 12, 2011, https://jmlr.org/papers/v12/duchi11a.html.

    >>> opt = Adagrad(np.zeros(2), lr=1.0)
    >>> for _ in range(4):  # however large they are, equal gradients give steps of 1/sqrt(t)
    ...     _ = opt.step([-100.0, -0.01])
    >>> opt.x.round(6)
    array([2.784457, 2.784457])
    """

    memory = ("s",)
    defaults = dict(lr=1e-2, eps=1e-10, s0=0.0)
    initial = {"s": "s0"}

    def update(self, t, x, g, s, lr, eps):
        s += g * g
        x -= lr * g / (np.sqrt(s) + eps)


class RMSprop(Optimizer):
    r"""RMSprop: divide by the root of a moving average of squared gradients.

    .. math::
        :label: eq-rmsprop

        v_t = \beta_2\, v_{t-1} + (1 - \beta_2)\, g_t^2, \qquad
        \theta_t = \theta_{t-1} - \eta\, \frac{g_t}{\sqrt{v_t} + \epsilon}

    Parameters
    ----------
    lr : learning rate :math:`\eta`, default 1e-2 (torch).
    beta2 : decay of the average, default 0.99. torch calls it ``alpha``; Keras: ``rho``, default
        0.9.
    eps : :math:`\epsilon`, outside the root, default 1e-8. Keras and optax put it inside.

    References
    ----------
    Tieleman & Hinton, "Lecture 6.5: RMSprop", COURSERA: Neural Networks for Machine Learning, 2012.

    >>> RMSprop(np.zeros(2), lr=0.1).step([-100.0, -0.01]).round(4)  # the first step: 10 lr
    array([1., 1.])
    """

    memory = ("v",)
    defaults = dict(lr=1e-2, beta2=0.99, eps=1e-8)

    def update(self, t, x, g, v, lr, beta2, eps):
        v += (1 - beta2) * (g * g - v)
        x -= lr * g / (np.sqrt(v) + eps)


class Adam(Optimizer):
    r"""Adam: moving averages of the gradient and of its square, both freed of their zero start.

    .. math::
        :label: eq-adam

        m_t &= \beta_1\, m_{t-1} + (1 - \beta_1)\, g_t \\
        v_t &= \beta_2\, v_{t-1} + (1 - \beta_2)\, g_t^2 \\
        \theta_t &= \theta_{t-1}
            - \eta\, \frac{m_t / (1 - \beta_1^t)}{\sqrt{v_t / (1 - \beta_2^t)} + \epsilon}

    v estimates the uncentred second moment of the gradient, not its variance.

    Parameters
    ----------
    lr : learning rate :math:`\eta`, default 1e-3.
    beta1, beta2 : decays of the two averages, defaults 0.9 and 0.999.
    eps : :math:`\epsilon`, outside the root and after the bias correction, default 1e-8 (paper,
        algorithm 1; torch). Keras: 1e-7, and not bias-corrected.

    References
    ----------
    Kingma & Ba, "Adam: a method for stochastic optimization", ICLR 2015, arXiv:1412.6980,
    algorithm 1.

    >>> Adam(np.zeros(3), lr=0.1).step([-100.0, -0.01, 0.0]).round(6)  # the first step: lr
    array([0.1, 0.1, 0. ])
    """

    memory = ("m", "v")
    defaults = dict(lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8)

    def update(self, t, x, g, m, v, lr, beta1, beta2, eps):
        m += (1 - beta1) * (g - m)  # m = beta1 m + (1 - beta1) g, with one temporary fewer
        v += (1 - beta2) * (g * g - v)
        x -= lr / (1 - beta1**t) * m / (np.sqrt(v / (1 - beta2**t)) + eps)


class CenteredRMSprop(Optimizer):
    r"""RMSprop that divides by the standard deviation: the average's own square is taken off.

    .. math::
        :label: eq-centered-rmsprop

        m_t &= \beta_2\, m_{t-1} + (1 - \beta_2)\, g_t \\
        v_t &= \beta_2\, v_{t-1} + (1 - \beta_2)\, g_t^2 \\
        \theta_t &= \theta_{t-1} - \eta\, \frac{g_t}{\sqrt{v_t - m_t^2} + \epsilon}

    Parameters
    ----------
    lr : learning rate :math:`\eta`, default 1e-2 (torch).
    beta2 : decay of both averages, default 0.99. torch: ``alpha``, with ``centered=True``.
    eps : :math:`\epsilon`, outside the root, default 1e-8.

    References
    ----------
    Graves, "Generating sequences with recurrent neural networks", 2013, arXiv:1308.0850.

    >>> opt = CenteredRMSprop(np.zeros(1), lr=0.01, beta2=0.5)
    >>> [float(opt.step([-1.0])[0].round(3)) for _ in range(4)]  # no variance: longer and longer
    [0.02, 0.043, 0.073, 0.115]
    """

    memory = ("m", "v")
    defaults = dict(lr=1e-2, beta2=0.99, eps=1e-8)

    def update(self, t, x, g, m, v, lr, beta2, eps):
        m += (1 - beta2) * (g - m)
        v += (1 - beta2) * (g * g - v)
        x -= lr * g / (np.sqrt(np.maximum(v - m * m, 0)) + eps)  # rounding may leave -1e-20


class MomentumRMSprop(Optimizer):
    r"""RMSprop with momentum on the rescaled gradient.

    .. math::
        :label: eq-momentum-rmsprop

        v_t &= \beta_2\, v_{t-1} + (1 - \beta_2)\, g_t^2 \\
        m_t &= \beta\, m_{t-1} + \frac{g_t}{\sqrt{v_t} + \epsilon} \\
        \theta_t &= \theta_{t-1} - \eta\, m_t

    Parameters
    ----------
    lr : learning rate :math:`\eta`, default 1e-2 (torch).
    beta : momentum decay :math:`\beta`, default 0.9. torch: ``momentum`` of RMSprop, default 0.
    beta2 : decay of the average, default 0.99. torch: ``alpha``.
    eps : :math:`\epsilon`, outside the root, default 1e-8.

    References
    ----------
    Form as in ``torch.optim.RMSprop``; Graves 2013, arXiv:1308.0850, has it with the centred root.

    >>> opt = MomentumRMSprop(np.zeros(1), lr=0.01, beta=0.5)
    >>> [float(opt.step([-1.0])[0].round(3)) for _ in range(3)]
    [0.1, 0.221, 0.339]
    """

    memory = ("v", "m")
    defaults = dict(lr=1e-2, beta=0.9, beta2=0.99, eps=1e-8)

    def update(self, t, x, g, v, m, lr, beta, beta2, eps):
        v += (1 - beta2) * (g * g - v)
        m[...] = beta * m + g / (np.sqrt(v) + eps)
        x -= lr * m


class Adadelta(Optimizer):
    r"""Adadelta: the step has the size of recent steps, so that units come out right.

    .. math::
        :label: eq-adadelta

        v_t &= \rho\, v_{t-1} + (1 - \rho)\, g_t^2 \\
        d_t &= \frac{\sqrt{s_{t-1} + \epsilon}}{\sqrt{v_t + \epsilon}}\, g_t \\
        s_t &= \rho\, s_{t-1} + (1 - \rho)\, d_t^2 \\
        \theta_t &= \theta_{t-1} - \eta\, d_t

    Parameters
    ----------
    lr : learning rate :math:`\eta`, default 1, which is the rule of the paper. Keras: 1e-3.
    rho : decay of both averages, default 0.9 (torch). Paper and Keras: 0.95.
    eps : :math:`\epsilon`, inside the roots, default 1e-6. It sets the size of the first steps.

    References
    ----------
    Zeiler, "ADADELTA: an adaptive learning rate method", 2012, arXiv:1212.5701.

    >>> opt = Adadelta(np.zeros(2))
    >>> for _ in range(1000):  # no learning rate: it begins with tiny steps
    ...     _ = opt.step([-100.0, -0.01])
    >>> opt.x.round(2)
    array([7.61, 6.44])
    """

    memory = ("v", "s")
    defaults = dict(lr=1.0, rho=0.9, eps=1e-6)

    def update(self, t, x, g, v, s, lr, rho, eps):
        v += (1 - rho) * (g * g - v)
        d = np.sqrt(s + eps) / np.sqrt(v + eps) * g
        s += (1 - rho) * (d * d - s)
        x -= lr * d


class AdamL2(Optimizer):
    r"""Adam on the loss plus an L2 penalty: the penalty's gradient is rescaled like all the rest.

    .. math::
        :label: eq-adam-l2

        \tilde g_t &= g_t + \lambda\, \theta_{t-1} \\
        m_t &= \beta_1\, m_{t-1} + (1 - \beta_1)\, \tilde g_t \\
        v_t &= \beta_2\, v_{t-1} + (1 - \beta_2)\, \tilde g_t^2 \\
        \theta_t &= \theta_{t-1}
            - \eta\, \frac{m_t / (1 - \beta_1^t)}{\sqrt{v_t / (1 - \beta_2^t)} + \epsilon}

    Parameters
    ----------
    lr, beta1, beta2, eps : as in :class:`Adam`.
    l2 : :math:`\lambda`, default 1e-2. torch calls it ``weight_decay`` of Adam, with default 0; in
        Keras the same name means what :class:`AdamW` does.

    References
    ----------
    Loshchilov & Hutter, "Decoupled weight decay regularization", ICLR 2019, arXiv:1711.05101,
    algorithm 2.

    >>> g = np.array([-1e3, 0.0])  # beside it the pull to zero vanishes, alone it is a full step
    >>> AdamL2(np.ones(2), lr=0.1, l2=0.1).step(g).round(4)
    array([1.1, 0.9])
    """

    memory = ("m", "v")
    defaults = dict(lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8, l2=1e-2)

    def update(self, t, x, g, m, v, lr, beta1, beta2, eps, l2):
        g = g + l2 * x
        m += (1 - beta1) * (g - m)
        v += (1 - beta2) * (g * g - v)
        x -= lr / (1 - beta1**t) * m / (np.sqrt(v / (1 - beta2**t)) + eps)


class AdamW(Optimizer):
    r"""Adam with decoupled weight decay: the weights shrink by a factor, whatever the gradients.

    .. math::
        :label: eq-adamw

        m_t &= \beta_1\, m_{t-1} + (1 - \beta_1)\, g_t \\
        v_t &= \beta_2\, v_{t-1} + (1 - \beta_2)\, g_t^2 \\
        \theta_t &= (1 - \eta \lambda)\, \theta_{t-1}
            - \eta\, \frac{m_t / (1 - \beta_1^t)}{\sqrt{v_t / (1 - \beta_2^t)} + \epsilon}

    Parameters
    ----------
    lr, beta1, beta2, eps : as in :class:`Adam`.
    wd : weight decay :math:`\lambda`, default 1e-2 (torch). Keras 4e-3, optax 1e-4. Here, as in all
        three, it is multiplied by the learning rate; in the paper by the schedule alone.

    References
    ----------
    Loshchilov & Hutter, ICLR 2019, arXiv:1711.05101, algorithm 2.

    >>> g = np.array([-1e3, 0.0])  # the same pull for both, whatever the gradient
    >>> AdamW(np.ones(2), lr=0.1, wd=0.1).step(g).round(4)
    array([1.09, 0.99])
    """

    memory = ("m", "v")
    defaults = dict(lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8, wd=1e-2)

    def update(self, t, x, g, m, v, lr, beta1, beta2, eps, wd):
        m += (1 - beta1) * (g - m)
        v += (1 - beta2) * (g * g - v)
        x *= 1 - lr * wd
        x -= lr / (1 - beta1**t) * m / (np.sqrt(v / (1 - beta2**t)) + eps)


class AMSGrad(Optimizer):
    r"""Adam that divides by the largest average of squares so far: no forgetting.

    .. math::
        :label: eq-amsgrad

        m_t &= \beta_1\, m_{t-1} + (1 - \beta_1)\, g_t \\
        v_t &= \beta_2\, v_{t-1} + (1 - \beta_2)\, g_t^2 \\
        w_t &= \max(w_{t-1}, v_t) \\
        \theta_t &= \theta_{t-1}
            - \eta\, \frac{m_t / (1 - \beta_1^t)}{\sqrt{w_t / (1 - \beta_2^t)} + \epsilon}

    Parameters
    ----------
    lr, beta1, beta2, eps : as in :class:`Adam`.

    The maximum is taken before the bias correction, as in torch and Keras, and the correction still
    shrinks the denominator at first, by :math:`1 / \sqrt{1 - \beta_2}` at most. The paper
    corrects nothing; optax takes the maximum of the corrected averages. Neither of these shrinks.

    References
    ----------
    Reddi, Kale & Kumar, "On the convergence of Adam and beyond", ICLR 2018, arXiv:1904.09237.

    >>> opt = AMSGrad(np.zeros(1), lr=1.0)
    >>> for g in [-10.0] + 3000 * [-0.1]:  # one large gradient is never forgotten
    ...     _ = opt.step([g])
    >>> opt.state["v"].round(3), opt.state["w"].round(3)
    (array([0.014]), array([0.1]))
    """

    memory = ("m", "v", "w")
    defaults = dict(lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8)

    def update(self, t, x, g, m, v, w, lr, beta1, beta2, eps):
        m += (1 - beta1) * (g - m)
        v += (1 - beta2) * (g * g - v)
        w[...] = np.maximum(w, v)
        x -= lr / (1 - beta1**t) * m / (np.sqrt(w / (1 - beta2**t)) + eps)


class Adamax(Optimizer):
    r"""Adam in the limit of the infinity norm: a decaying maximum in place of the root.

    .. math::
        :label: eq-adamax

        m_t &= \beta_1\, m_{t-1} + (1 - \beta_1)\, g_t \\
        w_t &= \max(\beta_2\, w_{t-1}, |g_t| + \epsilon) \\
        \theta_t &= \theta_{t-1} - \frac{\eta}{1 - \beta_1^t}\, \frac{m_t}{w_t}

    Parameters
    ----------
    lr : learning rate :math:`\eta`, default 2e-3 (paper and torch). Keras: 1e-3.
    beta1, beta2 : decays, defaults 0.9 and 0.999.
    eps : :math:`\epsilon`, inside the maximum as in torch, default 1e-8. The paper has none.

    References
    ----------
    Kingma & Ba, "Adam: a method for stochastic optimization", ICLR 2015, arXiv:1412.6980,
    algorithm 2.

    >>> opt = Adamax(np.zeros(1), lr=1.0)
    >>> [float(opt.step([g])[0].round(3)) for g in (-1.0, -1.0, -10.0)]
    [1.0, 2.0, 2.432]
    """

    memory = ("m", "w")
    defaults = dict(lr=2e-3, beta1=0.9, beta2=0.999, eps=1e-8)

    def update(self, t, x, g, m, w, lr, beta1, beta2, eps):
        m += (1 - beta1) * (g - m)
        w[...] = np.maximum(beta2 * w, np.abs(g) + eps)
        x -= lr / (1 - beta1**t) * m / w


class NAdam(Optimizer):
    r"""Adam with Nesterov's look-ahead, its momentum warmed up.

    .. math::
        :label: eq-nadam

        \beta_{1,t} &= \beta_1 (1 - \tfrac12\, 0.96^{t \psi}), \qquad p_t = \beta_{1,t}\, p_{t-1} \\
        m_t &= \beta_1\, m_{t-1} + (1 - \beta_1)\, g_t \\
        v_t &= \beta_2\, v_{t-1} + (1 - \beta_2)\, g_t^2 \\
        \theta_t &= \theta_{t-1} - \eta\,
            \frac{(1 - \beta_{1,t})\, g_t / (1 - p_t)
            + \beta_{1,t+1}\, m_t / (1 - \beta_{1,t+1}\, p_t)}
            {\sqrt{v_t / (1 - \beta_2^t)} + \epsilon}

    with :math:`p_0 = 1`.

    Parameters
    ----------
    lr : learning rate :math:`\eta`, default 2e-3 (torch). Keras: 1e-3.
    beta1, beta2, eps : as in :class:`Adam`.
    psi : speed of the warm-up, default 4e-3. torch: ``momentum_decay``. Keras has 1, and optax no
        warm-up at all: three algorithms with one name.

    References
    ----------
    Dozat, "Incorporating Nesterov momentum into Adam", ICLR workshop 2016.

    >>> opt = NAdam(np.zeros(1), lr=1.0)
    >>> [float(opt.step([-1.0])[0].round(3)) for _ in range(3)]
    [1.056, 1.84, 2.572]
    """

    memory = ("m", "v", "p")
    defaults = dict(lr=2e-3, beta1=0.9, beta2=0.999, eps=1e-8, psi=4e-3)
    initial = {"p": 1.0}

    def update(self, t, x, g, m, v, p, lr, beta1, beta2, eps, psi):
        mu = beta1 * (1 - 0.5 * 0.96 ** (t * psi))
        mu_next = beta1 * (1 - 0.5 * 0.96 ** ((t + 1) * psi))
        p *= mu
        m += (1 - beta1) * (g - m)
        v += (1 - beta2) * (g * g - v)
        look = (1 - mu) * g / (1 - p) + mu_next * m / (1 - mu_next * p)
        x -= lr * look / (np.sqrt(v / (1 - beta2**t)) + eps)


class RAdam(Optimizer):
    r"""Adam that does not divide by the average of squares until that can be trusted.

    .. math::
        :label: eq-radam

        m_t &= \beta_1\, m_{t-1} + (1 - \beta_1)\, g_t, \qquad
        v_t = \beta_2\, v_{t-1} + (1 - \beta_2)\, g_t^2 \\
        \rho_\infty &= \frac{2}{1 - \beta_2} - 1, \qquad
        \rho_t = \rho_\infty - \frac{2 t \beta_2^t}{1 - \beta_2^t} \\
        r_t &= \sqrt{\frac{(\rho_t - 4)(\rho_t - 2)\, \rho_\infty}
            {(\rho_\infty - 4)(\rho_\infty - 2)\, \rho_t}} \\
        \theta_t &= \theta_{t-1} - \frac{\eta\, m_t}{1 - \beta_1^t} \cdot
            \begin{cases} r_t \sqrt{1 - \beta_2^t} / (\sqrt{v_t} + \epsilon) & \rho_t > 5 \\
            1 & \text{otherwise} \end{cases}

    Parameters
    ----------
    lr, beta1, beta2, eps : as in :class:`Adam`; beta2 must be above 0.6, or the root has no sense.

    The threshold 5 is torch's; the paper has 4. torch adds eps before the bias correction.

    References
    ----------
    Liu et al., "On the variance of the adaptive learning rate and beyond", ICLR 2020,
    arXiv:1908.03265.

    >>> opt = RAdam(np.zeros(1), lr=1.0)
    >>> [float(opt.step([-1e-3])[0].round(4)) for _ in range(7)]  # five steps without a divisor
    [0.001, 0.002, 0.003, 0.004, 0.005, 0.0308, 0.0636]
    """

    memory = ("m", "v")
    defaults = dict(lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8)

    def update(self, t, x, g, m, v, lr, beta1, beta2, eps):
        m += (1 - beta1) * (g - m)
        v += (1 - beta2) * (g * g - v)
        rho_inf = 2 / (1 - beta2) - 1
        rho = rho_inf - 2 * t * beta2**t / (1 - beta2**t)
        safe = np.maximum(rho, 5)  # below 5 the root is not used, and need not be real
        r = np.sqrt((safe - 4) * (safe - 2) * rho_inf / ((rho_inf - 4) * (rho_inf - 2) * safe))
        scale = np.where(rho > 5, r * np.sqrt(1 - beta2**t) / (np.sqrt(v) + eps), 1.0)
        x -= lr / (1 - beta1**t) * m * scale


class AdaBelief(Optimizer):
    r"""Adam that divides by how far gradients stray from their average, not by how large they are.

    .. math::
        :label: eq-adabelief

        m_t &= \beta_1\, m_{t-1} + (1 - \beta_1)\, g_t \\
        s_t &= \beta_2\, s_{t-1} + (1 - \beta_2)\, (g_t - m_t)^2 + \epsilon \\
        \theta_t &= \theta_{t-1}
            - \eta\, \frac{m_t / (1 - \beta_1^t)}{\sqrt{s_t / (1 - \beta_2^t)} + \epsilon}

    Parameters
    ----------
    lr, beta1, beta2 : as in :class:`Adam`.
    eps : :math:`\epsilon`, in both places, default 1e-16 (optax; the paper's experiments differ).

    References
    ----------
    Zhuang et al., "AdaBelief optimizer: adapting stepsizes by the belief in observed gradients",
    NeurIPS 2020, arXiv:2010.07468.

    >>> opt = AdaBelief(np.zeros(2), lr=0.1)
    >>> for t in range(100):  # one gradient that never changes, one that jumps
    ...     _ = opt.step([-1.0, (-1.0) ** t - 1])
    >>> opt.x.round(0)
    array([33., 10.])
    """

    memory = ("m", "s")
    defaults = dict(lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-16)

    def update(self, t, x, g, m, s, lr, beta1, beta2, eps):
        m += (1 - beta1) * (g - m)
        s += (1 - beta2) * ((g - m) * (g - m) - s) + eps
        x -= lr / (1 - beta1**t) * m / (np.sqrt(s / (1 - beta2**t)) + eps)


class Yogi(Optimizer):
    r"""Adam whose average of squares moves by steps that do not depend on its own size.

    .. math::
        :label: eq-yogi

        m_t &= \beta_1\, m_{t-1} + (1 - \beta_1)\, g_t \\
        v_t &= v_{t-1} - (1 - \beta_2)\, \mathrm{sign}(v_{t-1} - g_t^2)\, g_t^2 \\
        \theta_t &= \theta_{t-1}
            - \eta\, \frac{m_t / (1 - \beta_1^t)}{\sqrt{v_t / (1 - \beta_2^t)} + \epsilon}

    Parameters
    ----------
    lr : learning rate :math:`\eta`, default 1e-2 (paper).
    beta1, beta2 : decays, defaults 0.9 and 0.999.
    eps : :math:`\epsilon`, default 1e-3 (paper).
    v0 : where both averages start, default 1e-6 (optax).

    References
    ----------
    Zaheer, Reddi, Sachan, Kale & Kumar, "Adaptive methods for nonconvex optimization",
    NeurIPS 2018.

    >>> opt = Yogi(np.zeros(1))
    >>> _ = opt.step([-1.0])
    >>> opt.state["v"].round(6)
    array([0.001001])
    """

    memory = ("m", "v")
    defaults = dict(lr=1e-2, beta1=0.9, beta2=0.999, eps=1e-3, v0=1e-6)
    initial = {"m": "v0", "v": "v0"}

    def update(self, t, x, g, m, v, lr, beta1, beta2, eps):
        m += (1 - beta1) * (g - m)
        v -= (1 - beta2) * np.sign(v - g * g) * (g * g)
        x -= lr / (1 - beta1**t) * m / (np.sqrt(v / (1 - beta2**t)) + eps)


class SignSGD(Optimizer):
    r"""The sign of the gradient, and nothing else: every coordinate moves by the learning rate.

    .. math::
        :label: eq-signsgd

        \theta_t = \theta_{t-1} - \eta\, \mathrm{sign}(g_t)

    Parameters
    ----------
    lr : learning rate :math:`\eta`, default 1e-3: the length of each step in each coordinate.

    References
    ----------
    Bernstein, Wang, Azizzadenesheli & Anandkumar, "signSGD: compressed optimisation for non-convex
    problems", ICML 2018, arXiv:1802.04434.

    >>> SignSGD(np.zeros(3), lr=0.1).step([-100.0, 0.01, 0.0])
    array([ 0.1, -0.1,  0. ])
    """

    defaults = dict(lr=1e-3)

    def update(self, t, x, g, lr):
        x -= lr * np.sign(g)


class Lion(Optimizer):
    r"""Lion: the sign of an average, with one decay for the step and another for the memory.

    .. math::
        :label: eq-lion

        \theta_t &= (1 - \eta \lambda)\, \theta_{t-1}
            - \eta\, \mathrm{sign}(\beta_1\, m_{t-1} + (1 - \beta_1)\, g_t) \\
        m_t &= \beta_2\, m_{t-1} + (1 - \beta_2)\, g_t

    Parameters
    ----------
    lr : learning rate :math:`\eta`, default 1e-4 (paper). Keras: 1e-3.
    beta1, beta2 : decays, defaults 0.9 and 0.99.
    wd : weight decay :math:`\lambda`, default 0. optax: 1e-3.

    References
    ----------
    Chen et al., "Symbolic discovery of optimization algorithms", NeurIPS 2023, arXiv:2302.06675.

    >>> Lion(np.zeros(3), lr=0.1).step([-100.0, 0.01, 0.0])
    array([ 0.1, -0.1,  0. ])
    """

    memory = ("m",)
    defaults = dict(lr=1e-4, beta1=0.9, beta2=0.99, wd=0.0)

    def update(self, t, x, g, m, lr, beta1, beta2, wd):
        x *= 1 - lr * wd
        x -= lr * np.sign(beta1 * m + (1 - beta1) * g)
        m += (1 - beta2) * (g - m)


class Rprop(Optimizer):
    r"""Rprop: each coordinate's step grows while its gradient keeps the sign, and shrinks when not.

    .. math::
        :label: eq-rprop

        \delta_t &= \mathrm{clip}(\delta_{t-1} \cdot
            \begin{cases} \eta_+ & g_t\, h_{t-1} > 0 \\ \eta_- & g_t\, h_{t-1} < 0 \\
            1 & \text{otherwise} \end{cases},\; \delta_{\min}, \delta_{\max}) \\
        h_t &= \begin{cases} 0 & g_t\, h_{t-1} < 0 \\ g_t & \text{otherwise} \end{cases} \\
        \theta_t &= \theta_{t-1} - \delta_t\, \mathrm{sign}(h_t)

    with :math:`h_0 = 0` and :math:`\delta_0 = \eta`. For full gradients: the noise of a minibatch
    flips signs.

    Parameters
    ----------
    lr : first step size :math:`\eta`, default 1e-2.
    shrink, grow : :math:`\eta_-, \eta_+`, defaults 0.5 and 1.2. torch: ``etas``.
    smallest, largest : bounds of the step size, defaults 1e-6 and 50. torch: ``step_sizes``.

    References
    ----------
    Riedmiller & Braun, "A direct adaptive method for faster backpropagation learning: the RPROP
    algorithm", ICNN 1993, doi:10.1109/ICNN.1993.298623.

    >>> opt = Rprop(np.zeros(1), lr=0.1)
    >>> [float(opt.step([g])[0].round(3)) for g in (-1.0, -1.0, -1.0, 1.0, 1.0)]
    [0.1, 0.22, 0.364, 0.364, 0.292]
    """

    memory = ("h", "delta")
    defaults = dict(lr=1e-2, shrink=0.5, grow=1.2, smallest=1e-6, largest=50.0)
    initial = {"delta": "lr"}

    def update(self, t, x, g, h, delta, shrink, grow, smallest, largest):
        same = g * h
        factor = np.where(same > 0, grow, np.where(same < 0, shrink, 1.0))
        delta[...] = np.minimum(np.maximum(delta * factor, smallest), largest)
        h[...] = np.where(same < 0, 0.0, g)
        x -= delta * np.sign(h)
