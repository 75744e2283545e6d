r"""Schedules: hyperparameters that change with the step count t = 1, 2, ...

A schedule is a callable of t and stands wherever a number may stand: ``GD(x, lr=Cosine(0.1,
500))``. Its value at t is the one that step t uses.
"""

import numpy as np


class Schedule:
    """A callable of t; a subclass names its numbers in ``defaults`` and writes one formula."""

    defaults = {}

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
            array = np.asarray(0.0 if value is None else value)
            if array.dtype.kind not in "fiu" or not np.isfinite(array).all():
                raise ValueError(f"{name}: {key}={value!r} must be a finite number")
        if missing := [key for key, value in self.numbers.items() if value is None]:
            raise TypeError(f"{name} needs {', '.join(missing)}")
        for key in {"steps", "every"} & set(names):
            if not self.numbers[key] >= 1:
                raise ValueError(f"{name}: {key}={self.numbers[key]!r} must be at least 1")

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
    r""":math:`\eta_t = \eta\,\gamma^{\lfloor (t-1)/s \rfloor}`: times ``factor`` after ``every``
    steps.

    Parameters
    ----------
    value : :math:`\eta`, used for steps 1 to ``every``.
    every : s, steps between two changes, at least 1.
    factor : :math:`\gamma`, default 0.1 (``torch.optim.lr_scheduler.StepLR``).
    """

    defaults = dict(value=None, every=None, factor=0.1)

    def at(self, t, value, every, factor):
        return value * factor ** np.floor((t - 1) / every)


class Cosine(Schedule):
    r"""Half a cosine from ``value`` at step 1 down to ``end`` after ``steps`` steps.

    .. math:: \eta_t = \eta_{end} + \tfrac12 (\eta - \eta_{end})\,(1 + \cos(\pi \min(t - 1, T) / T))

    Parameters
    ----------
    value : :math:`\eta`, used by step 1.
    steps : T, at least 1; from step T + 1 on the value is ``end``.
    end : :math:`\eta_{end}`, default 0.

    References
    ----------
    Loshchilov & Hutter, "SGDR: stochastic gradient descent with warm restarts", ICLR 2017, equation
    5.
    """

    defaults = dict(value=None, steps=None, end=0.0)

    def at(self, t, value, steps, end):
        return end + 0.5 * (value - end) * (1 + np.cos(np.pi * np.minimum(t - 1, steps) / steps))
