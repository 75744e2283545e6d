r"""Same name, different algorithm: the rules of other libraries.

What this book calls Adam, RMSprop or AMSGrad is not what every library calls so. Here are the
others, each with its own formula, proven against the library it comes from:

>>> import numpy as np
>>> ours, theirs = Adam(np.zeros(1), eps=1e-3), KerasAdam(np.zeros(1), eps=1e-3)
>>> g = np.array([1e-2])
>>> float(ours.step(g)[0]), float(theirs.step(g)[0])  # doctest: +ELLIPSIS
(-0.00090909..., -0.00024025...)

``VARIANTS`` lists them. A library that has the formula of the book and only other numbers needs no
class: :func:`optlib.porting.port` has the numbers.

These classes are not among ``optlib.OPTIMIZERS``: they are not rules of the book.
"""

from typing import NamedTuple

import numpy as np

from optlib.adaptive import (
    Adagrad,
    Adam,
    Adamax,
    AdamW,
    AMSGrad,
    CenteredRMSprop,
    NAdam,
    RAdam,
    RMSprop,
    Rprop,
)
from optlib.first_order import ClassicalMomentum, EMAMomentum, Nesterov
from optlib.optimizer import Optimizer

# ------------------------------------------------------------------------------------ momentum


class DampenedMomentum(Optimizer):
    r"""Momentum with torch's ``dampening``, which the first step does not feel.

    .. math::
        :label: eq-dampened-momentum

        m_1 = g_1, \qquad m_t = \beta\, m_{t-1} + (1 - \tau)\, g_t, \qquad
        \theta_t = \theta_{t-1} - \eta\, m_t

    Parameters
    ----------
    lr : learning rate :math:`\eta`, default 1e-3 (torch).
    beta : momentum decay :math:`\beta`, default 0.9. torch: ``momentum``, default 0.
    dampening : :math:`\tau`, default 0.9. torch: 0.

    Differs from :class:`optlib.EMAMomentum`, which it seems to be when dampening = beta: there the
    first gradient, too, is multiplied by 1 - beta.

    References
    ----------
    ``torch.optim.SGD``, torch 2.13.
    """

    memory = ("m",)
    defaults = dict(lr=1e-3, beta=0.9, dampening=0.9)

    def update(self, t, x, g, m, lr, beta, dampening):
        m[...] = g if t == 1 else beta * m + (1 - dampening) * g
        x -= lr * m


class KerasNesterov(ClassicalMomentum):
    r"""Nesterov's momentum with the learning rate inside the velocity (Keras, scikit-learn).

    .. math::
        :label: eq-keras-nesterov

        u_t = \beta\, u_{t-1} + \eta\, g_t, \qquad
        \theta_t = \theta_{t-1} - (\beta\, u_t + \eta\, g_t)

    Parameters
    ----------
    lr : learning rate :math:`\eta`, default 1e-2 (Keras). scikit-learn: 1e-3.
    beta : momentum decay :math:`\beta`, default 0.9 (scikit-learn). Keras: ``momentum``, default 0.

    Differs from :class:`optlib.Nesterov` as soon as the learning rate changes.

    References
    ----------
    ``keras.optimizers.SGD(nesterov=True)``, Keras 3.15; ``MLPClassifier(solver="sgd")``,
    scikit-learn 1.9.
    """

    defaults = dict(lr=1e-2, beta=0.9)

    def update(self, t, x, g, u, lr, beta):
        u[...] = beta * u + lr * g
        x -= beta * u + lr * g


# ---------------------------------------------------------------------------- Adagrad, RMSprop


class KerasAdagrad(Adagrad):
    r"""Adagrad with eps inside the root, and a sum that does not start at zero (Keras, optax).

    .. math::
        :label: eq-keras-adagrad

        s_t = s_{t-1} + g_t^2, \qquad
        \theta_t = \theta_{t-1} - \eta\, \frac{g_t}{\sqrt{s_t + \epsilon}}

    Parameters
    ----------
    lr : learning rate :math:`\eta`, default 1e-3 (Keras). optax has no default.
    eps : :math:`\epsilon`, inside the root, default 1e-7 (both).
    s0 : where the sum starts, default 0.1 (both): ``initial_accumulator_value``.

    Differs from :class:`optlib.Adagrad` in the place of eps; and with s0 = 0.1 a coordinate with
    gradients much smaller than 0.3 moves as if under gradient descent at first.

    References
    ----------
    ``keras.optimizers.Adagrad``, Keras 3.15; ``optax.adagrad``, optax 0.2.8.
    """

    defaults = dict(lr=1e-3, eps=1e-7, s0=0.1)

    def update(self, t, x, g, s, lr, eps):
        s += g * g
        x -= lr * g / np.sqrt(s + eps)


class KerasRMSprop(Optimizer):
    r"""RMSprop with eps inside the root, and the learning rate inside the velocity (Keras, optax).

    .. math::
        :label: eq-keras-rmsprop

        v_t &= \beta_2\, v_{t-1} + (1 - \beta_2)\, g_t^2 \\
        u_t &= \beta\, u_{t-1} + \eta\, \frac{g_t}{\sqrt{v_t + \epsilon}} \\
        \theta_t &= \theta_{t-1} - u_t

    Parameters
    ----------
    lr : learning rate :math:`\eta`, default 1e-3 (Keras). optax has no default.
    beta : momentum decay :math:`\beta`, default 0: ``momentum``.
    beta2 : decay of the average, default 0.9. Keras: ``rho``, optax: ``decay``.
    eps : :math:`\epsilon`, inside the root, default 1e-7 (Keras). optax: 1e-8.
    v0 : where the average starts, default 0. optax: ``initial_scale``.

    Differs from :class:`optlib.RMSprop` for gradients up to the size of sqrt(eps), and with
    momentum from :class:`optlib.MomentumRMSprop` also after a change of the learning rate.

    References
    ----------
    ``keras.optimizers.RMSprop``, Keras 3.15; ``optax.rmsprop``, optax 0.2.8.
    """

    memory = ("v", "u")
    defaults = dict(lr=1e-3, beta=0.0, beta2=0.9, eps=1e-7, v0=0.0)
    initial = {"v": "v0"}

    def update(self, t, x, g, v, u, lr, beta, beta2, eps):
        v += (1 - beta2) * (g * g - v)
        u[...] = beta * u + lr * g / np.sqrt(v + eps)
        x -= u


class KerasCenteredRMSprop(Optimizer):
    r"""Centred RMSprop, eps and learning rate placed as in :class:`KerasRMSprop` (Keras, optax).

    .. math::
        :label: eq-keras-centered-rmsprop

        m_t &= \beta_2\, m_{t-1} + (1 - \beta_2)\, g_t, \qquad
        v_t = \beta_2\, v_{t-1} + (1 - \beta_2)\, g_t^2 \\
        u_t &= \beta\, u_{t-1} + \eta\, \frac{g_t}{\sqrt{v_t - m_t^2 + \epsilon}}, \qquad
        \theta_t = \theta_{t-1} - u_t

    Parameters
    ----------
    lr, beta, beta2, eps : as in :class:`KerasRMSprop`.

    Differs from :class:`optlib.CenteredRMSprop` where gradients hardly vary: there the root is near
    zero, and the step as long as 1/eps allows; here as long as 1/sqrt(eps) allows.

    References
    ----------
    ``keras.optimizers.RMSprop(centered=True)``, Keras 3.15; ``optax.rmsprop(centered=True)``,
    optax 0.2.8.
    """

    memory = ("m", "v", "u")
    defaults = dict(lr=1e-3, beta=0.0, beta2=0.9, eps=1e-7)

    def update(self, t, x, g, m, v, u, lr, beta, beta2, eps):
        m += (1 - beta2) * (g - m)
        v += (1 - beta2) * (g * g - v)
        u[...] = beta * u + lr * g / np.sqrt(v - m * m + eps)
        x -= u


# --------------------------------------------------------------------------- Adam and its family


class KerasAdam(Adam):
    r"""Adam with eps added before the bias correction: "epsilon hat" (Keras, scikit-learn).

    .. math::
        :label: eq-keras-adam

        m_t &= \beta_1\, m_{t-1} + (1 - \beta_1)\, g_t \\
        v_t &= \beta_2\, v_{t-1} + (1 - \beta_2)\, g_t^2 \\
        \theta_t &= \theta_{t-1} - \eta\, \frac{\sqrt{1 - \beta_2^t}}{1 - \beta_1^t}
            \cdot \frac{m_t}{\sqrt{v_t} + \hat\epsilon}

    Parameters
    ----------
    lr, beta1, beta2 : as in :class:`optlib.Adam`, with the same defaults.
    eps : :math:`\hat\epsilon`, default 1e-7 (Keras). scikit-learn: 1e-8.

    Differs from :class:`optlib.Adam` as if eps there were divided by sqrt(1 - beta2^t): 31.6 times
    larger at the first step, and the same in the long run.

    References
    ----------
    Kingma & Ba, arXiv:1412.6980, end of section 2, before 2.1: the more efficient order;
    ``keras.optimizers.Adam``, Keras 3.15; ``MLPClassifier(solver="adam")``, scikit-learn 1.9.
    """

    defaults = dict(lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-7)

    def update(self, t, x, g, m, v, lr, beta1, beta2, eps):
        m += (1 - beta1) * (g - m)
        v += (1 - beta2) * (g * g - v)
        x -= lr * np.sqrt(1 - beta2**t) / (1 - beta1**t) * m / (np.sqrt(v) + eps)


class KerasAdamW(AdamW):
    r"""AdamW with eps added before the bias correction (Keras).

    .. math::
        :label: eq-keras-adamw

        m_t &= \beta_1\, m_{t-1} + (1 - \beta_1)\, g_t \\
        v_t &= \beta_2\, v_{t-1} + (1 - \beta_2)\, g_t^2 \\
        \theta_t &= (1 - \eta \lambda)\, \theta_{t-1}
            - \eta\, \frac{\sqrt{1 - \beta_2^t}}{1 - \beta_1^t}
            \cdot \frac{m_t}{\sqrt{v_t} + \hat\epsilon}

    Parameters
    ----------
    lr, beta1, beta2, eps : as in :class:`KerasAdam`.
    wd : weight decay :math:`\lambda`, default 4e-3 (``keras.optimizers.AdamW``).

    Differs from :class:`optlib.AdamW` in eps alone. In Keras ``Adam(weight_decay=...)`` is this
    rule too; in torch the same words mean :class:`optlib.AdamL2`.

    References
    ----------
    ``keras.optimizers.AdamW``, Keras 3.15.
    """

    defaults = dict(lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-7, wd=4e-3)

    def update(self, t, x, g, m, v, lr, beta1, beta2, eps, wd):
        m += (1 - beta1) * (g - m)
        v += (1 - beta2) * (g * g - v)
        x *= 1 - lr * wd
        x -= lr * np.sqrt(1 - beta2**t) / (1 - beta1**t) * m / (np.sqrt(v) + eps)


class PaperAdamW(AdamW):
    r"""AdamW as its paper prints it: the learning rate does not multiply the decay.

    .. math::
        :label: eq-paper-adamw

        m_t &= \beta_1\, m_{t-1} + (1 - \beta_1)\, g_t \\
        v_t &= \beta_2\, v_{t-1} + (1 - \beta_2)\, g_t^2 \\
        \theta_t &= \theta_{t-1} - \gamma_t \Big( \eta\,
            \frac{m_t / (1 - \beta_1^t)}{\sqrt{v_t / (1 - \beta_2^t)} + \epsilon}
            + \lambda\, \theta_{t-1} \Big)

    Parameters
    ----------
    lr : learning rate :math:`\eta` (the paper's alpha), default 1e-3.
    beta1, beta2, eps : as in :class:`optlib.Adam`.
    wd : weight decay :math:`\lambda`, default 1e-5: what 1e-2 is in :class:`optlib.AdamW`
        at the default learning rate. The paper has no default.
    schedule : multiplier :math:`\gamma_t` (the paper's eta), default 1. A schedule belongs here:
        in lr it would leave the decay as it is.

    Differs from :class:`optlib.AdamW`, where the decay in one step is lr times wd: to change the
    learning rate there is to change the decay.

    References
    ----------
    Loshchilov & Hutter, "Decoupled weight decay regularization", ICLR 2019, arXiv:1711.05101,
    algorithm 2.
    """

    defaults = dict(lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8, wd=1e-5, schedule=1.0)

    def update(self, t, x, g, m, v, lr, beta1, beta2, eps, wd, schedule):
        m += (1 - beta1) * (g - m)
        v += (1 - beta2) * (g * g - v)
        x *= 1 - schedule * wd
        x -= schedule * lr / (1 - beta1**t) * m / (np.sqrt(v / (1 - beta2**t)) + eps)


class PaperAMSGrad(AMSGrad):
    r"""AMSGrad as its paper prints it: no bias correction.

    .. math::
        :label: eq-paper-amsgrad

        m_t &= \beta_1\, m_{t-1} + (1 - \beta_1)\, g_t \\
        v_t &= \beta_2\, v_{t-1} + (1 - \beta_2)\, g_t^2 \\
        w_t &= \max(w_{t-1}, v_t) \\
        \theta_t &= \theta_{t-1} - \eta\, \frac{m_t}{\sqrt{w_t} + \epsilon}

    Parameters
    ----------
    lr, beta1, beta2 : as in :class:`optlib.Adam`.
    eps : :math:`\epsilon`, default 1e-8. The paper has none: a coordinate without any gradient so
        far would divide zero by zero.

    Differs from :class:`optlib.AMSGrad` by the factor (1 - beta1^t) / sqrt(1 - beta2^t): its steps
    are 3.16 times as long at the first of the default decays, 6.57 times at the twelfth, and the
    same in the long run.

    References
    ----------
    Reddi, Kale & Kumar, "On the convergence of Adam and beyond", ICLR 2018, arXiv:1904.09237,
    algorithm 2; ``optax.amsgrad`` with both bias corrections off.
    """

    def update(self, t, x, g, m, v, w, lr, beta1, beta2, eps):
        m += (1 - beta1) * (g - m)
        v += (1 - beta2) * (g * g - v)
        w[...] = np.maximum(w, v)
        x -= lr * m / (np.sqrt(w) + eps)


class OptaxAMSGrad(AMSGrad):
    r"""AMSGrad with the maximum taken after the bias correction (optax).

    .. math::
        :label: eq-optax-amsgrad

        m_t &= \beta_1\, m_{t-1} + (1 - \beta_1)\, g_t \\
        v_t &= \beta_2\, v_{t-1} + (1 - \beta_2)\, g_t^2 \\
        w_t &= \max(w_{t-1}, v_t / (1 - \beta_2^t)) \\
        \theta_t &= \theta_{t-1} - \eta\, \frac{m_t / (1 - \beta_1^t)}{\sqrt{w_t} + \epsilon}

    Parameters
    ----------
    lr, beta1, beta2, eps : as in :class:`optlib.Adam`.

    Differs from :class:`optlib.AMSGrad` when the first gradients are large: corrected, they count
    in full (at step 1 the corrected average is the squared gradient itself), and the maximum keeps
    them for ever.

    References
    ----------
    ``optax.amsgrad``, optax 0.2.8.
    """

    def update(self, t, x, g, m, v, w, lr, beta1, beta2, eps):
        m += (1 - beta1) * (g - m)
        v += (1 - beta2) * (g * g - v)
        w[...] = np.maximum(w, v / (1 - beta2**t))
        x -= lr / (1 - beta1**t) * m / (np.sqrt(w) + eps)


class KerasAMSGrad(AMSGrad):
    r"""AMSGrad with eps added before the bias correction (Keras).

    .. math::
        :label: eq-keras-amsgrad

        m_t &= \beta_1\, m_{t-1} + (1 - \beta_1)\, g_t \\
        v_t &= \beta_2\, v_{t-1} + (1 - \beta_2)\, g_t^2 \\
        w_t &= \max(w_{t-1}, v_t) \\
        \theta_t &= \theta_{t-1} - \eta\, \frac{\sqrt{1 - \beta_2^t}}{1 - \beta_1^t}
            \cdot \frac{m_t}{\sqrt{w_t} + \hat\epsilon}

    Parameters
    ----------
    lr, beta1, beta2, eps : as in :class:`KerasAdam`.

    Differs from :class:`optlib.AMSGrad` in eps alone.

    References
    ----------
    ``keras.optimizers.Adam(amsgrad=True)``, Keras 3.15.
    """

    defaults = dict(lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-7)

    def update(self, t, x, g, m, v, w, lr, beta1, beta2, eps):
        m += (1 - beta1) * (g - m)
        v += (1 - beta2) * (g * g - v)
        w[...] = np.maximum(w, v)
        x -= lr * np.sqrt(1 - beta2**t) / (1 - beta1**t) * m / (np.sqrt(w) + eps)


class KerasAdamax(Adamax):
    r"""Adamax with eps added to the maximum, not to the gradient inside it (Keras).

    .. math::
        :label: eq-keras-adamax

        m_t &= \beta_1\, m_{t-1} + (1 - \beta_1)\, g_t \\
        w_t &= \max(\beta_2\, w_{t-1}, |g_t|) \\
        \theta_t &= \theta_{t-1} - \frac{\eta}{1 - \beta_1^t} \cdot \frac{m_t}{w_t + \epsilon}

    Parameters
    ----------
    lr : learning rate :math:`\eta`, default 1e-3 (Keras).
    beta1, beta2 : decays, defaults 0.9 and 0.999.
    eps : :math:`\epsilon`, default 1e-7 (Keras).

    Differs from :class:`optlib.Adamax` only for gradients as small as eps.

    References
    ----------
    ``keras.optimizers.Adamax``, Keras 3.15.
    """

    defaults = dict(lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-7)

    def update(self, t, x, g, m, w, lr, beta1, beta2, eps):
        m += (1 - beta1) * (g - m)
        w[...] = np.maximum(beta2 * w, np.abs(g))
        x -= lr / (1 - beta1**t) * m / (w + eps)


class OptaxNAdam(Adam):
    r"""Adam with Nesterov's look-ahead and constant momentum (optax).

    .. math::
        :label: eq-optax-nadam

        m_t &= \beta_1\, m_{t-1} + (1 - \beta_1)\, g_t \\
        v_t &= \beta_2\, v_{t-1} + (1 - \beta_2)\, g_t^2 \\
        \theta_t &= \theta_{t-1} - \eta\,
            \frac{(1 - \beta_1)\, g_t / (1 - \beta_1^t) + \beta_1\, m_t / (1 - \beta_1^{t+1})}
            {\sqrt{v_t / (1 - \beta_2^t)} + \epsilon}

    Parameters
    ----------
    lr, beta1, beta2, eps : as in :class:`optlib.Adam`. optax has no default for lr.

    Differs from :class:`optlib.NAdam`, which warms its momentum up from about half of beta1. The
    nadam of Keras is ``NAdam(psi=1)``: warm after a hundred steps instead of twenty-five thousand.

    References
    ----------
    ``optax.nadam`` and ``optax.adam(nesterov=True)``, optax 0.2.8.
    """

    def update(self, t, x, g, m, v, lr, beta1, beta2, eps):
        m += (1 - beta1) * (g - m)
        v += (1 - beta2) * (g * g - v)
        look = (1 - beta1) * g / (1 - beta1**t) + beta1 * m / (1 - beta1 ** (t + 1))
        x -= lr * look / (np.sqrt(v / (1 - beta2**t)) + eps)


class OptaxRAdam(RAdam):
    r"""RAdam with eps added after the bias correction, and a threshold to choose (optax).

    .. math::
        :label: eq-optax-radam

        \theta_t = \theta_{t-1} - \frac{\eta\, m_t}{1 - \beta_1^t} \cdot
            \begin{cases} r_t / (\sqrt{v_t / (1 - \beta_2^t)} + \epsilon) & \rho_t \ge \rho_{\min}
            \\ 1 & \text{otherwise} \end{cases}

    with m, v, rho and r of :class:`optlib.RAdam`.

    Parameters
    ----------
    lr, beta1, beta2, eps : as in :class:`optlib.Adam`. optax has no default for lr.
    threshold : :math:`\rho_{\min}`, above 4, default 5 (optax).

    Differs from :class:`optlib.RAdam` in the place of eps. The paper divides by the root as soon as
    rho is greater than 4, one step earlier with the default decays, and has no eps.

    References
    ----------
    ``optax.radam``, optax 0.2.8.
    """

    defaults = dict(lr=1e-3, beta1=0.9, beta2=0.999, eps=1e-8, threshold=5.0)

    def update(self, t, x, g, m, v, lr, beta1, beta2, eps, threshold):
        m += (1 - beta1) * (g - m)
        v += (1 - beta2) * (g * g - v)
        rho_inf = 2 / (1 - beta2) - 1
        rho = rho_inf - 2 * t * beta2**t / (1 - beta2**t)
        safe = np.maximum(rho, threshold)  # below it the root is not used, and need not be real
        r = np.sqrt((safe - 4) * (safe - 2) * rho_inf / ((rho_inf - 4) * (rho_inf - 2) * safe))
        scale = np.where(rho >= threshold, r / (np.sqrt(v / (1 - beta2**t)) + eps), 1.0)
        x -= lr / (1 - beta1**t) * m * scale


class OptaxRprop(Optimizer):
    r"""Rprop one step late: what moves the parameters is the update computed the step before.

    .. math::
        :label: eq-optax-rprop

        \delta_t &= \begin{cases} \delta_{t-1} & g_t\, u_{t-1} = 0 \\
            \mathrm{clip}(\delta_{t-1}\, \eta_+, \delta_{\min}, \delta_{\max}) &
            g_t\, u_{t-1} > 0 \\
            \mathrm{clip}(\delta_{t-1}\, \eta_-, \delta_{\min}, \delta_{\max}) &
            g_t\, u_{t-1} < 0 \end{cases} \\
        u_t &= \begin{cases} 0 & g_t\, u_{t-1} < 0 \\
            \delta_t\, \mathrm{sign}(g_t) & \text{otherwise} \end{cases} \\
        \theta_t &= \theta_{t-1} - \begin{cases} 0 & g_t\, u_{t-1} < 0 \\
            u_{t-1} & \text{otherwise} \end{cases}

    with :math:`u_0 = 0` and :math:`\delta_0 = \eta`: the first step goes nowhere, and when the
    gradient changes its sign, neither the old nor a new update is made.

    Parameters
    ----------
    lr : first step size :math:`\eta`, default 1e-2. optax has no default.
    shrink, grow : :math:`\eta_-, \eta_+`, defaults 0.5 and 1.2. optax: ``eta_minus, eta_plus``.
    smallest, largest : bounds of the step size, defaults 1e-6 and 50.

    Differs from :class:`optlib.Rprop` by a defect, not by design: it still converges, which is why
    tests of convergence do not see it.

    References
    ----------
    ``optax.rprop``, optax 0.2.8; reported as pull request 1725 of google-deepmind/optax.
    """

    memory = ("u", "delta")
    defaults = dict(lr=1e-2, shrink=0.5, grow=1.2, smallest=1e-6, largest=50.0)
    initial = {"delta": "lr"}

    def update(self, t, x, g, u, delta, shrink, grow, smallest, largest):
        same = g * u
        stepped = np.clip(delta * np.where(same > 0, grow, shrink), smallest, largest)
        delta[...] = np.where(same == 0, delta, stepped)
        x -= np.where(same < 0, 0.0, u)
        u[...] = np.where(same < 0, 0.0, delta * np.sign(g))


class Variant(NamedTuple):
    """Whose rule it is, what it is called there, the class of the book, and what differs."""

    library: str
    name: str
    book: type
    reason: str


VARIANTS = {
    DampenedMomentum: Variant(
        "torch", "SGD(dampening=...)", EMAMomentum, "the first gradient is not dampened"
    ),
    KerasNesterov: Variant(
        "Keras, scikit-learn", "SGD(nesterov=True)", Nesterov, "learning rate inside the velocity"
    ),
    KerasAdagrad: Variant("Keras, optax", "Adagrad", Adagrad, "eps inside the root, start at 0.1"),
    KerasRMSprop: Variant(
        "Keras, optax", "RMSprop", RMSprop, "eps inside the root, learning rate inside the velocity"
    ),
    KerasCenteredRMSprop: Variant(
        "Keras, optax", "RMSprop(centered=True)", CenteredRMSprop, "the same, centred"
    ),
    KerasAdam: Variant("Keras, scikit-learn", "Adam", Adam, "eps before the bias correction"),
    KerasAdamW: Variant("Keras", "AdamW", AdamW, "eps before the bias correction"),
    PaperAdamW: Variant("the paper", "AdamW", AdamW, "decay not multiplied by the learning rate"),
    PaperAMSGrad: Variant("the paper", "AMSGrad", AMSGrad, "no bias correction"),
    OptaxAMSGrad: Variant("optax", "amsgrad", AMSGrad, "maximum after the bias correction"),
    KerasAMSGrad: Variant("Keras", "Adam(amsgrad=True)", AMSGrad, "eps before the bias correction"),
    KerasAdamax: Variant("Keras", "Adamax", Adamax, "eps outside the maximum"),
    OptaxNAdam: Variant("optax", "nadam", NAdam, "constant momentum instead of a warm-up"),
    OptaxRAdam: Variant(
        "optax", "radam", RAdam, "eps after the bias correction, threshold to choose"
    ),
    OptaxRprop: Variant("optax", "rprop", Rprop, "every update one step late (a defect)"),
}
