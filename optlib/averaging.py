"""Rules that average their iterates: what a falling learning rate is for, without the schedule."""

import numpy as np

from optlib.optimizer import Optimizer


class ScheduleFreeSGD(Optimizer):
    r"""Schedule-free SGD: gradients are taken between a fast point and the average of its path.

    .. math::
        :label: eq-schedule-free-sgd

        z_t &= z_{t-1} - \eta\, g_t \\
        a_t &= (1 - \tfrac1t)\, a_{t-1} + \tfrac1t\, z_t \\
        \theta_t &= (1 - \beta)\, z_t + \beta\, a_t

    with :math:`z_0 = a_0 = \theta_0`. The parameters x are where the gradient is taken; **the
    result is the average**, ``state["average"]``: evaluate and keep that.

    Parameters
    ----------
    lr : learning rate :math:`\eta`, default 1 (reference implementation), constant.
    beta : place between the fast point and the average, default 0.9.

    The reference implementation weights the average by the square of the learning rate, which is
    the same as long as that is constant.

    References
    ----------
    Defazio, Yang, Mehta, Mishchenko, Khaled & Cutkosky, "The road less scheduled", NeurIPS 2024,
    arXiv:2405.15682.
    """

    memory = ("z", "average")
    defaults = dict(lr=1.0, beta=0.9)
    initial = {"z": "x", "average": "x"}

    def update(self, t, x, g, z, average, lr, beta):
        z -= lr * g
        average += (z - average) / t
        x[...] = (1 - beta) * z + beta * average


class ScheduleFreeAdamW(Optimizer):
    r"""Schedule-free AdamW: the fast point moves as in Adam, its average replaces the schedule.

    .. math::
        :label: eq-schedule-free-adamw

        v_t &= \beta_2\, v_{t-1} + (1 - \beta_2)\, g_t^2, \qquad
        w_t = w_{t-1} + \eta^2 \\
        z_t &= z_{t-1} - \eta \Big( \frac{g_t}{\sqrt{v_t / (1 - \beta_2^t)} + \epsilon}
            + \lambda\, \theta_{t-1} \Big) \\
        a_t &= (1 - \eta^2 / w_t)\, a_{t-1} + (\eta^2 / w_t)\, z_t \\
        \theta_t &= (1 - \beta_1)\, z_t + \beta_1\, a_t

    with :math:`z_0 = a_0 = \theta_0`. As in :class:`ScheduleFreeSGD` the result is
    ``state["average"]``. Steps with a small learning rate, as in a warm-up, weigh little in it.

    Parameters
    ----------
    lr : learning rate :math:`\eta`, default 2.5e-3 (reference implementation). A warm-up is a
        schedule for it.
    beta1 : place between the fast point and the average, default 0.9.
    beta2, eps : as in :class:`Adam`.
    wd : weight decay :math:`\lambda`, taken at :math:`\theta`, default 0.

    References
    ----------
    Defazio et al., NeurIPS 2024, arXiv:2405.15682; form as in the authors' package schedulefree
    1.4.1, where the learning rate does not fall.
    """

    memory = ("z", "average", "v", "w")
    defaults = dict(lr=2.5e-3, beta1=0.9, beta2=0.999, eps=1e-8, wd=0.0)
    initial = {"z": "x", "average": "x"}

    def update(self, t, x, g, z, average, v, w, lr, beta1, beta2, eps, wd):
        v += (1 - beta2) * (g * g - v)
        w += lr * lr
        z -= lr * (g / (np.sqrt(v / (1 - beta2**t)) + eps) + wd * x)
        average += lr * lr / w * (z - average)
        x[...] = (1 - beta1) * z + beta1 * average
