"""A bowl with noise on which the worth of a schedule is exact, and learning rates drawn by hand.

Nothing here reads a stored result: tools/results_schedules.py computes them from this module.
"""

import numpy as np

# A noisy bowl with 50 curvatures from 1 down to 1/1000. Every coordinate starts at 1, and along a
# curvature h the noise in the gradient has the variance NOISE * h.
CURVATURES = np.logspace(0, -3, 50)
NOISE, START, STEPS = 0.01, 1.0, 2000
KNOTS = 17  # of the drawing over the first STEPS steps; MORE follow if the budget is doubled
MORE = 8
RANGE = (0.001, 4.0)


def after_step(square, lr, h):
    """E[x**2] along curvature h after a step, from what it was before."""
    keep = 1 - lr * h
    return keep * keep * square + lr * lr * (NOISE * h)


def loss_of(squares):
    """The expected loss, from E[x**2] in each direction (along axis 0)."""
    return 0.5 * np.tensordot(CURVATURES, squares, 1)


def place(t):
    """Where step t is among the knots: 0 is the first one."""
    first = (t - 1) * ((KNOTS - 1) / (STEPS - 1))
    return np.where(t <= STEPS, first, KNOTS - 1 + (t - STEPS) * (MORE / STEPS))


def between(low, high, share):
    """Between two knots: a straight line on the logarithmic axis."""
    return low * np.exp(share * np.log(high / low))


def rates(drawing, steps):
    """The learning rates of steps 1, 2, ..., as drawn."""
    at, drawing = place(np.arange(1, steps + 1)), np.asarray(drawing, float)
    i = np.minimum(np.floor(at).astype(int), len(drawing) - 2)
    return between(drawing[i], drawing[i + 1], at - i)


def expected_losses(lrs):
    """The expected loss at the start and after each step with these learning rates: exact."""
    square = np.full(len(CURVATURES), START**2)
    losses = [loss_of(square)]
    with np.errstate(over="ignore", invalid="ignore"):
        for lr in lrs:
            square = after_step(square, lr, CURVATURES)
            losses.append(loss_of(square))
    return np.array(losses)
