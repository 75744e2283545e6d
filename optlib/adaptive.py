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

    References
    ----------
    Duchi, Hazan & Singer, "Adaptive subgradient methods for online learning and stochastic
    optimization", JMLR 12, 2011.
    """

    memory = ("s",)
    defaults = dict(lr=1e-2, eps=1e-10)

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
    Kingma & Ba, "Adam: a method for stochastic optimization", ICLR 2015.
    """

    memory = ("m", "v")
    defaults = dict(lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8)

    def update(self, t, x, g, m, v, lr, beta1, beta2, eps):
        m += (1 - beta1) * (g - m)  # m = beta1 m + (1 - beta1) g, with one temporary fewer
        v += (1 - beta2) * (g * g - v)
        x -= lr / (1 - beta1**t) * m / (np.sqrt(v / (1 - beta2**t)) + eps)
