r"""Schedules: hyperparameters that change with the step count t = 1, 2, ...

A schedule is a callable of t and stands wherever a number may stand: ``GD(x, lr=Cosine(0.1,
500))``. Its value at t is the one that step t uses. It has no memory, so a run that is resumed at
step t uses the same values as one that was never interrupted; only :class:`ReduceOnPlateau`, which
looks at a metric, has a state to save.

>>> from optlib.schedules import Cosine, Warmup
>>> lr = Warmup(Cosine(0.1, steps=900), steps=100)
>>> [round(lr(t), 6) for t in (1, 50, 100, 101, 551, 1000, 1001)]
[0.001, 0.05, 0.1, 0.1, 0.05, 0.0, 0.0]

Where a schedule has a last step T, that step still does something: :class:`Linear` or
:class:`Cosine` reach their ``end`` at step T + 1. ``torch.optim.lr_scheduler`` counts from 0, so
its epoch e is our step e + 1, and the numbers are the same.
"""

import math

import numpy as np

# The least that a number of this name may be, in whichever schedule.
LEAST = dict(steps=1, every=1, decay=1, T_0=1, T_mult=1, warmup=0, factor=0, power=0)


class Schedule:
    """A callable of t; a subclass names its numbers in ``defaults`` and writes one formula."""

    defaults = {}
    data = ()  # the names among them that hold something else: a list, another schedule

    def __init__(self, *values, **named):
        names = list(self.defaults)
        name = type(self).__name__
        if len(values) > len(names):
            raise TypeError(f"{name} takes {', '.join(names)}; got {len(values)} values")
        given = dict(zip(names, values, strict=False))
        if unknown := sorted(set(named) - set(names)):
            raise TypeError(
                f"{name} has no {', '.join(map(repr, unknown))}; it has {', '.join(names)}"
            )
        if twice := sorted(set(named) & set(given)):
            raise TypeError(f"{name} got {', '.join(map(repr, twice))} twice")
        self.numbers = {**self.defaults, **given, **named}
        for key, value in self.numbers.items():
            if key not in self.data:
                _check_number(name, key, 0.0 if value is None else value)
        if missing := [key for key, value in self.numbers.items() if value is None]:
            raise TypeError(f"{name} needs {', '.join(missing)}")
        for key in names:
            if key in LEAST:
                _check_least(name, key, self.numbers[key], LEAST[key])
        self.check(**self.numbers)

    def check(self, **numbers):
        """Raise ValueError if the numbers do not fit each other."""

    def __call__(self, t):
        t = np.asarray(t) if np.ndim(t) else t
        if not np.all(np.greater_equal(t, 1)):
            raise ValueError(f"steps are counted from t = 1; got t = {t}")
        value = self.at(t, **self.numbers)
        return float(value) if np.ndim(value) == 0 else value

    def at(self, t, **numbers):
        """The value at step t (a number, or an array of step counts)."""
        raise TypeError(f"{type(self).__name__} has no formula: write its method at")

    def __repr__(self):
        return f"{type(self).__name__}({', '.join(f'{k}={v!r}' for k, v in self.numbers.items())})"


def _check_number(name, key, value):
    array = np.asarray(value)
    if array.dtype.kind not in "fiu" or not np.isfinite(array).all():
        raise ValueError(f"{name}: {key}={value!r} must be a finite number")


def _check_least(name, key, value, least):
    if not np.all(np.greater_equal(value, least)):
        raise ValueError(f"{name}: {key}={value!r} must be at least {least}")


class Constant(Schedule):
    r""":math:`\eta_t = \eta`.

    Parameters
    ----------
    value : :math:`\eta`.
    """

    defaults = dict(value=None)

    def at(self, t, value):
        return value + 0 * t


class Step(Schedule):
    r"""Times ``factor`` after every so many steps.

    .. math::
        :label: eq-step

        \eta_t = \eta\,\gamma^{\lfloor (t-1)/s \rfloor}

    Parameters
    ----------
    value : :math:`\eta`, used by steps 1 to ``every``.
    every : s, steps between two changes, at least 1; step s + 1 is the first with the new value.
    factor : :math:`\gamma`, at least 0, default 0.1 (``torch.optim.lr_scheduler.StepLR``, which
        calls it ``gamma``, and s ``step_size``).

    Examples
    --------
    >>> [round(Step(0.1, every=30)(t), 6) for t in (1, 30, 31, 61)]
    [0.1, 0.1, 0.01, 0.001]
    """

    defaults = dict(value=None, every=None, factor=0.1)

    def at(self, t, value, every, factor):
        return value * factor ** np.floor((t - 1) / every)


class MultiStep(Schedule):
    r"""Times ``factor`` after each of the given steps.

    .. math::
        :label: eq-multi-step

        \eta_t = \eta\,\gamma^{\#\{j :\, s_j < t\}}

    Parameters
    ----------
    value : :math:`\eta`, used by steps 1 to :math:`s_1`.
    milestones : :math:`s_1 < s_2 < \dots`, at least 1; step :math:`s_j + 1` is the first with the
        new value. A list is kept as a tuple.
    factor : :math:`\gamma`, at least 0, default 0.1 (``torch.optim.lr_scheduler.MultiStepLR``,
        which calls it ``gamma`` and takes the milestones in any order).

    Examples
    --------
    >>> [round(MultiStep(0.1, [32_000, 48_000])(t), 6) for t in (32_000, 32_001, 48_001)]
    [0.1, 0.01, 0.001]

    References
    ----------
    He, Zhang, Ren & Sun, "Deep residual learning for image recognition", CVPR 2016, section 4.2
    (those milestones), arXiv:1512.03385.
    """

    defaults = dict(value=None, milestones=None, factor=0.1)
    data = ("milestones",)

    def check(self, value, milestones, factor):
        s = np.asarray(milestones)
        fits = s.ndim == 1 and s.size and s.dtype.kind in "fiu" and np.isfinite(s).all()
        if not (fits and s[0] >= 1 and (np.diff(s) > 0).all()):
            raise ValueError(
                f"MultiStep: milestones={milestones!r} must be a list of step counts, at least 1 "
                "and increasing; use sorted(set(...))"
            )
        self.numbers["milestones"] = tuple(s.tolist())

    def at(self, t, value, milestones, factor):
        return value * factor ** sum(1.0 * (t > s) for s in milestones)


class Exponential(Schedule):
    r"""Times ``factor`` after each step.

    .. math::
        :label: eq-exponential

        \eta_t = \eta\,\gamma^{t-1}

    Parameters
    ----------
    value : :math:`\eta`, used by step 1.
    factor : :math:`\gamma`, at least 0, no default (``torch.optim.lr_scheduler.ExponentialLR``:
        ``gamma``). For a tenth every T steps: ``0.1 ** (1 / T)``. Above 1 the value grows, as in a
        search for the largest usable learning rate.

    Examples
    --------
    >>> [Exponential(1.0, 0.5)(t) for t in (1, 2, 3, 4)]
    [1.0, 0.5, 0.25, 0.125]

    References
    ----------
    Li & Arora, "An exponential learning rate schedule for deep learning", ICLR 2020,
    arXiv:1910.07454.
    """

    defaults = dict(value=None, factor=None)

    def at(self, t, value, factor):
        return value * factor ** (t - 1.0)


class InverseTime(Schedule):
    r"""One over t: half the first value after ``steps`` steps, a third after twice as many.

    .. math::
        :label: eq-inverse-time

        \eta_t = \frac{\eta}{1 + (t - 1) / T}

    The sum of these values is infinite and the sum of their squares is not: the condition under
    which stochastic approximation converges.

    Parameters
    ----------
    value : :math:`\eta`, used by step 1.
    steps : T, at least 1, default 1, which is :math:`\eta / t`. Step T + 1 uses :math:`\eta / 2`.
        In Keras' ``InverseTimeDecay`` T is ``decay_steps / decay_rate``.

    Examples
    --------
    >>> [InverseTime(1.0, steps=100)(t) for t in (1, 101, 301)], InverseTime(1.0)(4)
    ([1.0, 0.5, 0.25], 0.25)

    References
    ----------
    Robbins & Monro, "A stochastic approximation method", Annals of Mathematical Statistics 22,
    1951, doi:10.1214/aoms/1177729586.
    """

    defaults = dict(value=None, steps=1)

    def at(self, t, value, steps):
        return value / (1 + (t - 1) / steps)


class InverseSqrt(Schedule):
    r"""One over the root of t, after a linear climb to ``value``.

    .. math::
        :label: eq-inverse-sqrt

        \eta_t = \eta\,\min\!\left(\frac{t}{W},\ \sqrt{\frac{W}{t}}\right)

    Parameters
    ----------
    value : :math:`\eta`, the largest value, used by step W. In the formula of the Transformer it is
        :math:`(d_{model} W)^{-1/2}`.
    warmup : W, at least 1, default 1: no climb, and :math:`\eta / \sqrt t`, the rule of online
        convex programming. Step 4 W uses :math:`\eta / 2`.

    Examples
    --------
    >>> [InverseSqrt(1.0, warmup=4000)(t) for t in (1000, 4000, 16_000)], InverseSqrt(1.0)(4)
    ([0.25, 1.0, 0.5], 0.5)

    References
    ----------
    Zinkevich, "Online convex programming and generalized infinitesimal gradient ascent", ICML 2003.
    Vaswani et al., "Attention is all you need", NeurIPS 2017, equation 3, arXiv:1706.03762.
    """

    defaults = dict(value=None, warmup=1)

    def check(self, value, warmup):
        _check_least("InverseSqrt", "warmup", warmup, 1)

    def at(self, t, value, warmup):
        return value * np.minimum(t / warmup, np.sqrt(warmup / t))


class Polynomial(Schedule):
    r"""A power of the share of the steps that are left, from ``value`` down to ``end``.

    .. math::
        :label: eq-polynomial

        \eta_t = \eta_{end} + (\eta - \eta_{end})\,(1 - \min(t - 1, T) / T)^p

    Parameters
    ----------
    value : :math:`\eta`, used by step 1.
    steps : T, at least 1; from step T + 1 on the value is ``end``.
    power : p, at least 0, default 1 (``torch.optim.lr_scheduler.PolynomialLR``, whose
        ``total_iters`` is T and which ends at 0).
    end : :math:`\eta_{end}`, default 0.

    Examples
    --------
    >>> [Polynomial(1.0, steps=4, power=2)(t) for t in (1, 2, 3, 4, 5, 6)]
    [1.0, 0.5625, 0.25, 0.0625, 0.0, 0.0]

    References
    ----------
    Chen et al., "DeepLab: semantic image segmentation with deep convolutional nets, atrous
    convolution, and fully connected CRFs", IEEE TPAMI 40, 2018 (power 0.9),
    doi:10.1109/TPAMI.2017.2699184.
    """

    defaults = dict(value=None, steps=None, power=1.0, end=0.0)

    def at(self, t, value, steps, power, end):
        return end + (value - end) * (1 - np.minimum(t - 1, steps) / steps) ** power


class Linear(Schedule):
    r"""A straight line from ``value`` at step 1 to ``end`` after ``steps`` steps.

    .. math::
        :label: eq-linear

        \eta_t = \eta_{end} + (\eta - \eta_{end})\,(1 - \min(t - 1, T) / T)

    Parameters
    ----------
    value : :math:`\eta`, used by step 1.
    steps : T, at least 1; from step T + 1 on the value is ``end``.
        ``torch.optim.lr_scheduler.LinearLR`` calls it ``total_iters``; its ``start_factor`` is 1/3
        unless it is told, and its two factors are shares of the optimizer's learning rate.
    end : :math:`\eta_{end}`, default 0. It may be above ``value``.

    Examples
    --------
    >>> [Linear(1.0, steps=4)(t) for t in (1, 2, 3, 4, 5, 6)]
    [1.0, 0.75, 0.5, 0.25, 0.0, 0.0]

    References
    ----------
    Defazio, Cutkosky, Mehta & Mishchenko, "Optimal linear decay learning rate schedules and further
    refinements", 2023, arXiv:2310.07831.
    """

    defaults = dict(value=None, steps=None, end=0.0)

    def at(self, t, value, steps, end):
        return end + (value - end) * (1 - np.minimum(t - 1, steps) / steps)


class Cosine(Schedule):
    r"""Half a cosine from ``value`` at step 1 down to ``end`` after ``steps`` steps.

    .. math::
        :label: eq-cosine

        \eta_t = \eta_{end} + \tfrac12 (\eta - \eta_{end})\,(1 + \cos(\pi \min(t - 1, T) / T))

    Parameters
    ----------
    value : :math:`\eta`, used by step 1.
    steps : T, at least 1; from step T + 1 on the value is ``end``.
        ``torch.optim.lr_scheduler.CosineAnnealingLR`` calls it ``T_max``, and climbs again after
        step T + 1.
    end : :math:`\eta_{end}`, default 0 (torch: ``eta_min``).

    Examples
    --------
    >>> [round(Cosine(1.0, steps=4)(t), 4) for t in (1, 2, 3, 4, 5, 6)]
    [1.0, 0.8536, 0.5, 0.1464, 0.0, 0.0]

    References
    ----------
    Loshchilov & Hutter, "SGDR: stochastic gradient descent with warm restarts", ICLR 2017, equation
    5, arXiv:1608.03983.
    """

    defaults = dict(value=None, steps=None, end=0.0)

    def at(self, t, value, steps, end):
        return end + 0.5 * (value - end) * (1 + np.cos(np.pi * np.minimum(t - 1, steps) / steps))


class WarmRestarts(Schedule):
    r"""SGDR: half a cosine again and again, each ``T_mult`` times as long as the one before.

    .. math::
        :label: eq-warm-restarts

        \eta_t = \eta_{end} + \tfrac12 (\eta - \eta_{end})\,(1 + \cos(\pi\, T_{cur} / T_i)), \qquad
        T_i = T_0 T_{mult}^i, \quad T_{cur} = t - 1 - \sum_{j<i} T_j

    where i is the number of restarts so far: the largest with :math:`T_{cur} \ge 0`.

    Parameters
    ----------
    value : :math:`\eta`, used by step 1, by step :math:`T_0 + 1`, and after each further restart.
    T_0 : steps until the first restart, a whole number, at least 1.
    T_mult : a whole number, at least 1, default 1
        (``torch.optim.lr_scheduler.CosineAnnealingWarmRestarts``).
    end : :math:`\eta_{end}`, default 0 (torch: ``eta_min``). No step uses it: the last one before
        a restart is still above it.

    Examples
    --------
    >>> [round(WarmRestarts(1.0, T_0=2, T_mult=2)(t), 4) for t in range(1, 8)]
    [1.0, 0.5, 1.0, 0.8536, 0.5, 0.1464, 1.0]

    References
    ----------
    Loshchilov & Hutter, "SGDR: stochastic gradient descent with warm restarts", ICLR 2017, equation
    5, arXiv:1608.03983.
    """

    defaults = dict(value=None, T_0=None, T_mult=1, end=0.0)

    def check(self, value, T_0, T_mult, end):
        for key, number in (("T_0", T_0), ("T_mult", T_mult)):
            if np.any(np.not_equal(np.floor(number), number)):
                raise ValueError(f"WarmRestarts: {key}={number!r} must be a whole number")

    def at(self, t, value, T_0, T_mult, end):
        m = np.maximum(T_mult, 2)  # where T_mult is 1 all lengths are T_0, and m is not used
        # Restarts happen at whole steps. Half a step later the logarithm is never close to a whole
        # number, so that its rounding does not matter.
        half = np.floor(t) - 0.5
        i = np.floor(np.log(1 + (m - 1) * half / T_0) / np.log(m))
        length = np.where(T_mult > 1, T_0 * m**i, T_0)
        before = np.where(T_mult > 1, (length - T_0) / (m - 1), T_0 * np.floor((t - 1) / T_0))
        return end + 0.5 * (value - end) * (1 + np.cos(np.pi * (t - 1 - before) / length))


class OneCycle(Schedule):
    r"""Up along half a cosine to ``value``, then down along a longer one to nearly nothing.

    .. math::
        :label: eq-one-cycle

        \eta_t = \begin{cases}
        \eta + \tfrac12 (\eta / d - \eta)\,(1 + \cos(\pi\, (t - 1) / (pT - 1))) & t \le pT \\
        \eta_{end} + \tfrac12 (\eta - \eta_{end})\,
        (1 + \cos(\pi\, (\min(t, T) - pT) / (T - pT))) & t > pT
        \end{cases}, \qquad \eta_{end} = \frac{\eta}{d f}

    Parameters
    ----------
    value : :math:`\eta`, the largest value, used by step pT if that is a whole number
        (``torch.optim.lr_scheduler.OneCycleLR``: ``max_lr``).
    steps : T (torch: ``total_steps``), the last step, which uses :math:`\eta_{end}`; so do all
        after it. (In torch, step T + 1 is a little larger again and T + 2 raises an error.)
    pct_start : p, the share of the steps that climb, default 0.3 (torch). The climb needs more than
        one step: pT > 1; and the way down too: p < 1.
    div_factor : d, default 25 (torch). Step 1 uses :math:`\eta / d`.
    final_div_factor : f, default 1e4 (torch), a share of the first value, not of the largest.

    The paper climbs and falls along straight lines of equal length and appends a short third phase;
    cosines in two phases are torch's default. For the momentum that goes with it, from 0.95 down to
    0.85 and back: ``OneCycle(0.85, T, div_factor=0.85 / 0.95, final_div_factor=1)``.

    Examples
    --------
    >>> [round(OneCycle(1.0, steps=100)(t), 6) for t in (1, 30, 65, 100, 101)]
    [0.04, 1.0, 0.500002, 4e-06, 4e-06]

    References
    ----------
    Smith & Topin, "Super-convergence: very fast training of neural networks using large learning
    rates", SPIE 11006, 2019, doi:10.1117/12.2520589, arXiv:1708.07120.
    """

    defaults = dict(value=None, steps=None, pct_start=0.3, div_factor=25.0, final_div_factor=1e4)

    def check(self, value, steps, pct_start, div_factor, final_div_factor):
        if not np.all(np.greater(np.multiply(pct_start, steps), 1) & np.less(pct_start, 1)):
            raise ValueError(
                f"OneCycle: pct_start={pct_start!r} of steps={steps!r} must be more than one step "
                "and fewer than all"
            )
        for key, number in (("div_factor", div_factor), ("final_div_factor", final_div_factor)):
            if not np.all(np.greater(number, 0)):
                raise ValueError(f"OneCycle: {key}={number!r} must be positive")

    def at(self, t, value, steps, pct_start, div_factor, final_div_factor):
        top, first = pct_start * steps, value / div_factor
        end = first / final_div_factor
        up = (t - 1) / (top - 1)
        down = (np.minimum(t, steps) - top) / (steps - top)
        return np.where(
            t <= top,
            value + 0.5 * (first - value) * (1 + np.cos(np.pi * up)),
            end + 0.5 * (value - end) * (1 + np.cos(np.pi * down)),
        )


class WSD(Schedule):
    r"""Warmup, stable, decay: a linear climb, a long constant stretch, a linear fall.

    .. math::
        :label: eq-wsd

        \eta_t = \begin{cases}
        \eta\, t / W & t \le W \\
        \eta_{end} + (\eta - \eta_{end}) \min(1, \max(T + 1 - t, 0) / D) & t > W
        \end{cases}

    Until the fall begins nothing depends on T: a run can be prolonged by resuming it from there.

    Parameters
    ----------
    value : :math:`\eta`, used by steps W to T - D + 1.
    steps : T, all steps together, at least W + D; from step T + 1 on the value is ``end``.
    warmup : W, at least 0; step 1 uses :math:`\eta / W`.
    decay : D, at least 1. The papers take 10 to 20 % of the steps.
    end : :math:`\eta_{end}`, default 0.

    The first paper leaves the shape of the fall open and uses an exponential; the second compares a
    straight line with :math:`1 - \sqrt{\cdot}`.

    Examples
    --------
    >>> [WSD(1.0, steps=10, warmup=2, decay=4)(t) for t in (1, 2, 7, 8, 9, 10, 11)]
    [0.5, 1.0, 1.0, 0.75, 0.5, 0.25, 0.0]

    References
    ----------
    Hu et al., "MiniCPM: unveiling the potential of small language models with scalable training
    strategies", 2024, section 4, arXiv:2404.06395. Hägele et al., "Scaling laws and
    compute-optimal training beyond fixed training durations", NeurIPS 2024, arXiv:2405.18392.
    """

    defaults = dict(value=None, steps=None, warmup=None, decay=None, end=0.0)

    def check(self, value, steps, warmup, decay, end):
        if np.any(np.greater(np.add(warmup, decay), steps)):
            raise ValueError(
                f"WSD: warmup={warmup!r} and decay={decay!r} are together longer than "
                f"steps={steps!r}; shorten them"
            )

    def at(self, t, value, steps, warmup, decay, end):
        left = np.minimum(1, np.maximum(steps + 1 - t, 0) / decay)
        climb = value * t / np.maximum(warmup, 1)  # without warmup no t is in the climb
        return np.where(t <= warmup, climb, end + (value - end) * left)


class Warmup(Schedule):
    r"""A linear climb to the first value of another schedule, which then runs from its step 1.

    .. math::
        :label: eq-warmup

        \eta_t = \begin{cases}
        \phi_1\,(a + (1 - a)\, t / W) & t \le W \\
        \phi_{t - W} & t > W
        \end{cases}

    Parameters
    ----------
    then : :math:`\phi`, a schedule, or a number, or another callable of t (which must take arrays
        if this one shall). It runs whole: with a ``then`` of T steps there are W + T.
    steps : W, at least 1. Step W uses :math:`\phi_1`, and so does step W + 1.
    start : a, the share of :math:`\phi_1` from which the line starts at t = 0, default 0: step 1
        uses :math:`\phi_1 / W`. (The schedules with warmup in Hugging Face's transformers count
        from 0: their first step has the learning rate 0.)

    In torch: ``SequentialLR`` of ``LinearLR(start_factor=1 / W, total_iters=W - 1)`` and ``then``,
    with ``milestones=[W]``.

    Examples
    --------
    >>> [Warmup(Linear(1.0, steps=2), steps=4)(t) for t in range(1, 8)]
    [0.25, 0.5, 0.75, 1.0, 1.0, 0.5, 0.0]

    References
    ----------
    Goyal et al., "Accurate, large minibatch SGD: training ImageNet in 1 hour", 2017, section 2.2,
    arXiv:1706.02677.
    """

    defaults = dict(then=None, steps=None, start=0.0)
    data = ("then",)

    def check(self, then, steps, start):
        if isinstance(then, type):
            raise TypeError(f"Warmup: then={then.__name__} is a class; give it its numbers")
        if not callable(then):
            _check_number("Warmup", "then", then)
            self.numbers["then"] = Constant(then)

    def at(self, t, then, steps, start):
        after = np.maximum(t - steps, 1)
        # (a Schedule's method at, not the call: this t may be a symbol, to be traced)
        rest = then.at(after, **then.numbers) if isinstance(then, Schedule) else then(after)
        return np.where(t <= steps, then(1) * (start + (1 - start) * t / steps), rest)


class ReduceOnPlateau:
    r"""Times ``factor`` when a metric has stopped improving: a schedule with a memory.

    Give each new value of the metric to :meth:`step`. The value at t is the current one, whatever t
    is; therefore this is the one schedule whose state must be saved with a run.

    A metric improves if it is below ``best - threshold * abs(best)`` (``mode="min"``) or above
    ``best + threshold * abs(best)`` (``"max"``). When more than ``patience`` metrics in a row have
    not improved, the value is reduced, the count starts again, and it stays at 0 for the next
    ``cooldown`` metrics.

    Parameters
    ----------
    value : the value to start with.
    mode : "min" (default) or "max": which direction is better.
    factor : at least 0 and below 1, default 0.1.
    patience : how many metrics without improvement are tolerated, default 10; the next one reduces.
    threshold : the least change that counts, default 1e-4.
    threshold_mode : "rel" (default): relative to the best, or "abs".
    cooldown : how many metrics after a reduction are not counted, default 0.
    min_lr : the value is never reduced below it, default 0.

    Names and defaults are those of ``torch.optim.lr_scheduler.ReduceLROnPlateau``. That one
    multiplies the best by 1 - ``threshold``, which for a negative metric counts a standstill as an
    improvement; it ignores a reduction by less than ``eps=1e-8``; and it takes a NaN for a metric
    that has not improved.

    Attributes
    ----------
    value, best, num_bad_epochs, cooldown_counter : the state; ``best`` is infinite at first.

    Examples
    --------
    >>> lr = ReduceOnPlateau(0.5, factor=0.5, patience=1)
    >>> [lr.step(loss) for loss in (3.0, 2.0, 2.0, 2.0, 2.0, 1.0)]
    [0.5, 0.5, 0.5, 0.25, 0.25, 0.25]
    >>> lr(1), lr.state_dict()["best"]
    (0.25, 1.0)
    """

    STATE = dict(value=float, best=float, num_bad_epochs=int, cooldown_counter=int)

    def __init__(
        self,
        value,
        mode="min",
        factor=0.1,
        patience=10,
        threshold=1e-4,
        threshold_mode="rel",
        cooldown=0,
        min_lr=0.0,
    ):
        name = type(self).__name__
        numbers = dict(
            value=value,
            factor=factor,
            patience=patience,
            threshold=threshold,
            cooldown=cooldown,
            min_lr=min_lr,
        )
        for key, number in numbers.items():
            if np.ndim(number):
                raise ValueError(f"{name}: {key}={number!r} must be one number")
            _check_number(name, key, number)
            _check_least(name, key, number, 0)
        if not factor < 1:
            raise ValueError(f"{name}: factor={factor!r} must be below 1, or nothing is reduced")
        for key, word, words in (
            ("mode", mode, ("min", "max")),
            ("threshold_mode", threshold_mode, ("rel", "abs")),
        ):
            if word not in words:
                raise ValueError(f"{name}: {key}={word!r} must be {' or '.join(map(repr, words))}")
        self.value, self.min_lr, self.factor = float(value), float(min_lr), float(factor)
        self.patience, self.cooldown = patience, cooldown
        self.mode, self.threshold, self.threshold_mode = mode, threshold, threshold_mode
        self.best = math.inf if mode == "min" else -math.inf
        self.num_bad_epochs = self.cooldown_counter = 0

    def __call__(self, t):
        return self.value if np.ndim(t) == 0 else np.full(np.shape(t), self.value)

    def step(self, metric):
        """Take the newest value of the metric; return the value that holds from now on.

        A metric that is no single real number, or is NaN, raises ValueError and changes nothing. An
        infinite one has not improved.
        """
        array = np.asarray(metric)
        if array.size != 1 or array.dtype.kind not in "fiu" or np.isnan(array).any():
            raise ValueError(
                f"{type(self).__name__}: the metric must be one number, not {metric!r}; nothing "
                "was changed. If the run has diverged, stop it or go back to an earlier state"
            )
        metric = float(array.item())
        gain = self.best - metric if self.mode == "min" else metric - self.best
        margin = self.threshold * (abs(self.best) if self.threshold_mode == "rel" else 1.0)
        if gain > (margin if math.isfinite(self.best) else 0.0):
            self.best, self.num_bad_epochs = metric, 0
        else:
            self.num_bad_epochs += 1
        if self.cooldown_counter:
            self.cooldown_counter -= 1
            self.num_bad_epochs = 0
        if self.num_bad_epochs > self.patience:
            self.value = min(self.value, max(self.value * self.factor, self.min_lr))
            self.cooldown_counter, self.num_bad_epochs = int(self.cooldown), 0
        return self.value

    def state_dict(self):
        """The state as a dict of four numbers; :meth:`load_state_dict` continues from it."""
        return {key: getattr(self, key) for key in self.STATE}

    def load_state_dict(self, state):
        """Continue from a saved state; the settings are those this object was made with.

        Missing or unknown names and anything but numbers raise ValueError and change nothing.
        """
        if set(state) != set(self.STATE):
            raise ValueError(
                f"{type(self).__name__}: a state has {', '.join(self.STATE)}; "
                f"this one has {', '.join(map(str, state)) or 'nothing'}"
            )
        loaded = {}
        for key, kind in self.STATE.items():
            array = np.asarray(state[key])
            if array.ndim or array.dtype.kind not in "fiu" or np.isnan(array):
                raise ValueError(f"{type(self).__name__}: {key}={state[key]!r} must be a number")
            loaded[key] = kind(array)
        vars(self).update(loaded)

    def __repr__(self):
        return (
            f"{type(self).__name__}(value={self.value!r}, mode={self.mode!r}, "
            f"factor={self.factor!r}, patience={self.patience!r}; best={self.best!r})"
        )
