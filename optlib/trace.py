"""Trajectories: :func:`run` records one run of an optimizer, :func:`sweep` many at once."""

import math

import numpy as np


class Trace:
    """What a run did: step t is row t, row 0 is the start.

    Attributes
    ----------
    x : iterates, shape (steps + 1, dim, ...); a sweep has one trailing axis per swept
        hyperparameter.
    f : values of the problem, shape (steps + 1, ...).
    problem : the problem that was minimised.

    A run that diverges goes on as inf and NaN; it is not an error.
    """

    def __init__(self, problem, x):
        self.problem, self.x = problem, x
        with np.errstate(over="ignore", invalid="ignore"):
            self.f = problem.f(np.moveaxis(x, 1, 0))

    @property
    def distance(self):
        """Euclidean distance to the nearest known minimum, shape (steps + 1, ...)."""
        if not len(self.problem.minima):
            raise ValueError(f"{self.problem!r} has no minimum to measure the distance to")
        tail = (1,) * (self.x.ndim - 2)
        with np.errstate(over="ignore", invalid="ignore"):
            gaps = [self.x - np.reshape(p, (-1, *tail)) for p in self.problem.minima]
            return np.min([np.sqrt((gap * gap).sum(axis=1)) for gap in gaps], axis=0)

    def __repr__(self):
        shape = "" if self.f.ndim == 1 else f" of {self.f[0].size} runs"
        return f"Trace{shape}: {len(self.f) - 1} steps on {self.problem!r}"


def first(condition):
    """The first step at which a condition over steps holds; inf where it never does.

    ``condition`` is a boolean array with steps along axis 0: the result is an int (or inf) for one
    run, an array of floats for a sweep.

    >>> first(np.array([False, False, True, True]))
    2
    """
    condition = np.asarray(condition)
    steps = np.where(condition.any(axis=0), condition.argmax(axis=0), math.inf)
    if steps.ndim:
        return steps
    return int(steps) if math.isfinite(steps) else math.inf


def run(optimizer, problem, steps, start=None, **hyper):
    """Run an optimizer on a problem with exact gradients and record where it went.

    Parameters
    ----------
    optimizer : a subclass of :class:`optlib.optimizer.Optimizer`.
    problem : a :class:`optlib.problems.Problem`.
    steps : number of steps, at least 0.
    start : the first point, shape (dim,), or (dim, ...) for several starts at once; default
        ``problem.start``. It is copied, never changed.
    **hyper : hyperparameters of the optimizer: numbers, schedules, or arrays that broadcast against
        x.

    Returns
    -------
    Trace
    """
    if isinstance(steps, bool) or not isinstance(steps, (int, np.integer)) or steps < 0:
        raise ValueError(f"steps={steps!r} must be a whole number, at least 0")
    x = np.array(problem.check(problem.start if start is None else start), order="C")
    opt = optimizer(x, **hyper)
    path = np.empty((steps + 1, *x.shape), x.dtype)
    path[0] = x
    with np.errstate(over="ignore", invalid="ignore"):
        for t in range(1, steps + 1):
            opt.advance(problem.grad(x))
            path[t] = x
    return Trace(problem, path)


def sweep(optimizer, problem, steps, start=None, **hyper):
    """Run every combination of the hyperparameters that are given as arrays, all in one pass.

    Each 1-D array among the hyperparameters becomes one trailing axis, in the order given:
    ``sweep(Momentum, p, 200, lr=np.geomspace(1e-4, 1, 50), beta=[0, 0.5, 0.9])`` returns a
    :class:`Trace` with ``x`` of shape (201, dim, 50, 3). In float64, each run of the sweep equals
    its single run to the last bit, with two exceptions: a swept number that is raised to the power
    t, as Adam's betas are (numpy's vector and scalar powers may differ in the last bit), and a
    problem that multiplies matrices, as LeastSquares does (the order of the sums may differ).
    """
    swept = {key: np.asarray(v) for key, v in hyper.items() if not callable(v) and np.ndim(v)}
    if not swept:
        given = ", ".join(f"{k}={v!r}" for k, v in hyper.items()) or "none"
        raise ValueError(
            f"nothing to sweep: give a hyperparameter as a list or array (given: {given})"
        )
    for key, values in swept.items():
        if values.ndim != 1 or not values.size:
            raise ValueError(f"{key} has shape {values.shape}; a sweep takes a 1-D list of values")
    x = problem.check(problem.start if start is None else start)
    sizes = tuple(values.size for values in swept.values())
    x = np.broadcast_to(x.reshape(x.shape + (1,) * len(sizes)), x.shape + sizes)
    for axis, (key, values) in enumerate(swept.items()):
        hyper[key] = values.reshape((-1,) + (1,) * (len(sizes) - 1 - axis))
    return run(optimizer, problem, steps, start=x, **hyper)
