"""The Jitter box: what noise in the gradient leaves behind, and what it costs to lower it."""

import json

import numpy as np
import traitlets

from optlib import figures, registry, trace
from optlib.averaging import PolyakRuppert
from optlib.first_order import GD
from optlib.widgets import base, tracer

RUNS = 200
# A bowl with the curvatures 1 and 4: of constants, so that its JavaScript is fast.
BOWL = registry.PROBLEMS["LeastSquares"](np.diag(np.sqrt([2.0, 8.0])), np.zeros(2))
CURVATURES = (1.0, 4.0)
START = (3.0, 1.2)
WINDOW = ((-3.7, 3.7), (-2.3, 2.3))
RULES = {"last": GD, "average": PolyakRuppert.of(GD)}
RANGES = {"lr": (0.01, 0.6), "noise": (0.1, 3.0), "batch": (1, 64), "steps": (40, 600)}
# What the missions start from, and have to halve.
REFERENCE = {"lr": 0.2, "noise": 1.0, "batch": 1, "result": "last"}


def noise_floor(lr, curvature, noise, batch=1):
    """What the loss keeps along one direction: half the curvature times the mean square of x."""
    return 0.5 * lr * noise * noise / batch / (2 - lr * curvature)


def since(steps):
    """The first step whose result counts for the average: a quarter of the run is left out."""
    return 1 + np.floor(steps / 4)


def _box():
    """What the front end has to know, as JavaScript."""
    box = {
        "ranges": RANGES,
        "runs": RUNS,
        "start": START,
        "reference": REFERENCE,
        "curvatures": CURVATURES,
        "window": WINDOW,
        "colour": figures.STYLES["GD"][:2],
    }
    return f"const BOX = {json.dumps(box)};\n"


class JitterBox(base.Widget):
    """Two hundred runs in a bowl with noise: watch where they stop, and halve what is left.

    Parameters
    ----------
    lr : learning rate, 0.01 to 0.6; the bowl has the curvatures 1 and 4.
    noise : standard deviation of each part of one example's gradient, 0.1 to 3.
    batch : examples in each step, 1 to 64.
    steps : 40 to 600.
    result : "last", the newest point, or "average", the mean of the last three quarters of the run.

    With a kernel every one of them is a live trait; ``solved`` holds the missions solved so far:
    "rate", "batch", "average", "bill". A value that makes no sense raises TraitError and changes
    nothing.
    """

    _esm = base.front_end(
        "kit.js",
        tracer.table_js("RULES", RULES, tracer.optimizer_js),
        tracer.table_js("PROBLEMS", {"Bowl": BOWL}, tracer.problem_js),
        tracer.formula_js("noiseFloor", noise_floor),
        tracer.formula_js("since", since),
        _box(),
        "jitter_box.js",
    )
    _css = base.style("base.css", "ellipse_lab.css", "jitter_box.css")

    lr = traitlets.Float(0.2).tag(sync=True)
    noise = traitlets.Float(1.0).tag(sync=True)
    batch = traitlets.Int(1).tag(sync=True)
    steps = traitlets.Int(200).tag(sync=True)
    result = traitlets.Enum(["last", "average"], "last").tag(sync=True)
    solved = traitlets.List(traitlets.Unicode(), []).tag(sync=True)

    _in_range = base.in_range(RANGES, "lr", "noise", "batch", "steps")

    def __repr__(self):
        names = ("lr", "noise", "batch", "steps", "result")
        return f"JitterBox({', '.join(f'{k}={getattr(self, k)!r}' for k in names)})"

    def _runs(self):
        """Points of all runs, (steps + 1, 2, RUNS), and their mean loss; a seeded generator."""
        rng = np.random.default_rng(0)
        x = np.repeat(np.reshape(START, (2, 1)), RUNS, axis=1)
        hyper = dict(since=since(self.steps)) if self.result == "average" else {}
        opt = RULES[self.result](x, lr=self.lr, **hyper)
        path = [x.copy()]
        with np.errstate(all="ignore"):
            for _ in range(self.steps):
                jitter = rng.standard_normal(x.shape) * self.noise / np.sqrt(self.batch)
                opt.advance(BOWL.grad(x) + jitter)
                path.append(opt.state["average"].copy() if hyper else x.copy())
            path = np.array(path)
            return path, trace.Trace(BOWL, path).f.mean(axis=1)

    def _floor(self):
        """What the formula promises for the newest point; None where the runs diverge."""
        if self.lr * max(CURVATURES) >= 2:
            return None
        return sum(noise_floor(self.lr, h, self.noise, self.batch) for h in CURVATURES)

    def alt(self):
        _, f = self._runs()
        end = f[-max(1, self.steps // 4) :].mean()
        floor = self._floor()
        stays = "it diverges" if floor is None else f"that of the newest point stays at {floor:.3g}"
        return (
            f"The ends of {RUNS} noisy runs of gradient descent around the minimum of a bowl, and "
            f"their mean loss. Learning rate {self.lr:g}, noise {self.noise:g}, batch "
            f"{self.batch}: after {self.steps} steps the loss is about {end:.2g}; by the formula "
            f"{stays}."
        )

    def fallback(self):
        return (
            "<p>Here stands an experiment: two hundred noisy runs at once in a bowl. Move the "
            "learning rate, the noise and the batch, and see how much of the loss stays. It needs "
            "JavaScript; the picture shows its first setting.</p>"
        )

    def draw(self, fig):
        path, f = self._runs()
        left, right = fig.subplots(1, 2)
        (a, b), (c, d) = WINDOW
        grid = np.meshgrid(np.linspace(a, b, 90), np.linspace(c, d, 60))
        left.contour(*grid, BOWL.value(np.stack(grid)), levels=[0.1, 0.5, 1.5, 3, 5, 8],
                     colors=figures.ink("faint"), linewidths=0.7)  # fmt: skip
        colour = figures.optimizer_style("GD")["color"]
        left.plot(*path[-1], ".", ms=3, color=colour)
        left.plot(*path[:60, :, 0].T, lw=0.9, color=figures.ink())
        left.set(xlabel="$x$", ylabel="$y$", xlim=(a, b), ylim=(c, d))
        right.semilogy(f, color=colour)
        if (floor := self._floor()) is not None:
            right.axhline(floor, ls="--", lw=1, color=figures.ink())
        right.set(xlabel="step", ylabel="mean loss of the runs")
