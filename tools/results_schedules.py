"""What a warm-up does for a deep network, and the tuned rivals of the lab "Draw your own schedule".

    python tools/results_schedules.py      # writes optlib/results/schedules.json

Warm-up: eight hidden layers of 32 ReLU units on the digits, momentum 0.9 or Adam, 600 steps with
batches of 128, the learning rate falling in a straight line to 0. All rates of a grid are trained
side by side from the same start and on the same batches, once as they are, once after a climb over
the first 100 steps. A seed draws the start and the order of the examples. Sharpness: that of the
mean loss of the first 400 examples, along such runs.

Rivals: each schedule of the chapter with the best rate of a grid on the noisy bowl, and what it is
worth after 2000 steps and, if its last rate goes on, after 4000. All of it is exact. The best
drawing below 2/L is found by Adam on the logarithms of its knots.
"""

import itertools
import json

import numpy as np
from environment import ROOT

import optlib
from optlib import data, diagnostics, losses, nn, schedules, tasks
from optlib.noisy_bowl import (
    CURVATURES,
    KNOTS,
    NOISE,
    RANGE,
    START,
    STEPS,
    after_step,
    expected_losses,
    loss_of,
    place,
    rates,
)

FILE = ROOT / "optlib/results/schedules.json"
SIZES = (64, *[32] * 8, 10)
TRAINING, BATCH, CLIMB = 600, 128, 100
GRIDS = {
    "Momentum": [0.01, 0.02, 0.03, 0.05, 0.07, 0.1, 0.14, 0.2],
    "Adam": [0.001, 0.002, 0.005, 0.01, 0.02, 0.03, 0.05],
}
SEEDS = range(10)
LOOKS = (0, 5, 10, 15, 20, 25, 30, 40, 50, 60, 80, 100, 130, 170, 230, 300)
TRACKED = {"gentle": (0.02, 0), "at once": (0.07, 0), "warm-up": (0.07, CLIMB)}
TRACKED_SEEDS = range(5)

BOWL_RATES = [float(f"{rate:.3g}") for rate in 10 ** np.arange(-2, 0.3, 0.02)]
AVERAGED_RATES = [1.0, 1.5, 1.7, 1.8, 1.9, 1.95]  # beyond 2 the iterates diverge
FREE_RATES = [float(2**k) for k in range(5)]  # schedule-free: gradients are taken at the average
RIVALS = {
    "constant": schedules.Constant,
    "1 / sqrt t": schedules.InverseSqrt,
    "linear": lambda lr: schedules.Linear(lr, STEPS),
    "cosine": lambda lr: schedules.Cosine(lr, STEPS),
    "cut at 50, 75 %": lambda lr: schedules.MultiStep(lr, [STEPS // 2, 3 * STEPS // 4]),
    "stable, then decay": lambda lr: schedules.WSD(lr, STEPS, warmup=0, decay=STEPS // 5),
}


def digits():
    images, labels = tasks.digits_mlp(0, sizes=SIZES).train
    return images - np.float32(0.5), labels


def schedule(lr, climb):
    """From lr to 0 in a straight line, after a climb over so many steps, if any."""
    fall = schedules.Linear(lr, TRAINING - climb)
    return schedules.Warmup(fall, climb) if climb else fall


def batches(seed, X, y):
    rng = np.random.default_rng(seed)
    for _ in itertools.count():
        yield from data.minibatches(rng, X, y, size=BATCH, partial=False)


def final_losses(name, lrs, climb, seed):
    """The loss of all training data after the run, for each rate; inf for a run that was lost."""
    X, y = digits()
    model, shape = nn.MLP(SIZES, rng=seed, dtype="float32", copies=len(lrs)), schedule(1.0, climb)
    lrs = np.array(lrs, "float32")[:, None]
    more = dict(beta=0.9) if name == "Momentum" else {}
    rule = getattr(optlib, name)
    opt = rule(model.params.x, lr=lambda t: lrs * np.float32(shape(t)), **more)
    with np.errstate(all="ignore"):
        for images, labels in itertools.islice(batches(seed, X, y), TRAINING):
            model.zero_grad()
            losses.cross_entropy(model(images), labels).sum().backward()
            opt.advance(model.params.g)
        end = losses.cross_entropy(model(X), y).data
    return [float(f"{value:.3g}") if np.isfinite(value) else np.inf for value in end]


def sharpness_along(lr, climb, seed, looks=LOOKS):
    """The sharpness after so many steps; None from where the run was lost."""
    X, y = digits()
    model = nn.MLP(SIZES, rng=seed)
    opt = optlib.Momentum(model.params.x, lr=schedule(lr, climb), beta=0.9)

    def loss(x):
        return losses.cross_entropy(model.at(x)(X[:400].astype(float)), y[:400])

    found = []
    with np.errstate(all="ignore"):
        for t, (images, labels) in enumerate(batches(seed, X, y)):
            if t in looks:
                try:
                    value = diagnostics.sharpness(loss, model.params.x, tol=1e-2, most=40).value
                except FloatingPointError:
                    return found + [None] * (len(looks) - len(found))
                found.append(float(f"{value:.3g}"))
                if t == looks[-1]:
                    return found
            model.zero_grad()
            losses.cross_entropy(model(images), labels).backward()
            opt.advance(model.params.g)


def rival(make, grid=BOWL_RATES):
    """The best rate of a schedule on the bowl, and the loss after STEPS and after twice as many."""
    lr = np.array(grid)
    square, middle = np.full((len(CURVATURES), len(lr)), START**2), None
    h = CURVATURES[:, None]
    for t in range(1, 2 * STEPS + 1):
        square = after_step(square, make(lr)(t), h)
        if t == STEPS:
            middle = loss_of(square)
    best = int(middle.argmin())
    return {"lr": grid[best], "ends": [float(middle[best]), float(loss_of(square)[best])]}


def second_moments(rule, lr, steps):
    """E[average**2] in each direction of the bowl after steps, for a rule linear in its state.

    One step is a matrix: it is found by taking it from the unit states, and once from 0 with a
    gradient of pure noise. The second moments of the state then follow exactly.
    """
    opt, h = rule(np.zeros(1), lr=lr), CURVATURES
    keys = list(opt.memory)
    size = 1 + len(keys)
    moments = np.ones((size, size)) * START**2 + np.zeros((len(h), 1, 1))
    for t in range(1, steps + 1):
        state = np.eye(size, size + 1)[:, :, None] + np.zeros(len(h))
        g = h * state[0]
        g[-1] = 1.0  # the last column: no state, a gradient of 1
        memory = [state[1 + i] for i in range(len(keys))]
        hyper = {key: value for key, value in opt.hyper.items() if not callable(value)}
        opt.update(t, state[0], g, *memory, **hyper)
        step, kick = state[:, :-1].transpose(2, 0, 1), state[:, -1].T
        noise = (NOISE * h)[:, None, None] * kick[:, :, None] * kick[:, None, :]
        moments = step @ moments @ step.transpose(0, 2, 1) + noise
    at = 1 + keys.index("average")
    return moments[:, at, at]


def averaged(rule, grid):
    """As rival, for a rule whose result is an average of its iterates, with constant rates."""
    ends = [
        [float(loss_of(second_moments(rule, lr, n))) for n in (STEPS, 2 * STEPS)] for lr in grid
    ]
    best = int(np.argmin([middle for middle, _ in ends]))
    return {"lr": grid[best], "ends": ends[best]}


def slope(drawing):
    """The loss at the end and its gradient by the logarithms of the knots: backwards in time."""
    lrs, h = rates(drawing, STEPS), CURVATURES
    squares = [np.full(len(h), START**2)]
    for lr in lrs:
        squares.append(after_step(squares[-1], lr, h))
    keep = 1 - lrs[:, None] * h
    back = [0.5 * h]  # how the end depends on the squares after each step, from the last one on
    for shrink in keep[:0:-1] ** 2:
        back.append(shrink * back[-1])
    by_square = 2 * lrs[:, None] * NOISE * h - 2 * h * keep * squares[:-1]
    by_rate = (np.array(back[::-1]) * by_square).sum(axis=1)
    at = place(np.arange(1, STEPS + 1))
    i = np.minimum(np.floor(at).astype(int), KNOTS - 2)
    by_knot = np.zeros(KNOTS)
    np.add.at(by_knot, i, lrs * by_rate * (1 - at + i))
    np.add.at(by_knot, i + 1, lrs * by_rate * (at - i))
    return loss_of(squares[-1]), by_knot


def best_drawing(steps=300):
    """The knots with the lowest loss at the end, of all within the range and below 2/L.

    Above 2/L there are lower ends, after losses on the way that no run survives: see the chapter.
    """
    logs = np.log(np.geomspace(1.9, 0.01, KNOTS))
    opt = optlib.Adam(logs, lr=schedules.Linear(0.1, steps), beta2=0.99)
    low, high = np.log(RANGE[0]), np.log(1.99 / CURVATURES.max())
    for _ in range(steps):
        loss, gradient = slope(np.exp(logs))
        opt.step(gradient / loss)
        np.clip(logs, low, high, out=logs)
    drawing = [float(f"{rate:.3g}") for rate in np.exp(logs)]
    return {"drawing": drawing, "end": float(expected_losses(rates(drawing, STEPS))[-1])}


def main():
    rivals = {name: rival(make) for name, make in RIVALS.items()}
    rivals["average of constant"] = averaged(optlib.PolyakRuppert.of(optlib.GD), AVERAGED_RATES)
    rivals["schedule-free"] = averaged(optlib.ScheduleFreeSGD, FREE_RATES)
    for name, found in rivals.items():
        print(name, found, flush=True)
    best = best_drawing()
    print("best drawing", best, flush=True)
    warm = {}
    for name, grid in GRIDS.items():
        for climb in (0, CLIMB):
            rows = [final_losses(name, grid, climb, seed) for seed in SEEDS]
            warm[f"{name}, {climb}"] = [[v if np.isfinite(v) else None for v in r] for r in rows]
            print(name, climb, np.median(rows, axis=0), flush=True)
    tracked = {
        name: [sharpness_along(lr, climb, seed) for seed in TRACKED_SEEDS]
        for name, (lr, climb) in TRACKED.items()
    }
    result = {
        "rivals": rivals, "best": best, "grids": GRIDS, "warmup": warm, "looks": LOOKS,
        "sharpness": tracked,
    }  # fmt: skip
    FILE.write_text(json.dumps(result, indent=None) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
