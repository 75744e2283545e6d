"""The valley of the front page: one slider, and what this book is about in ten seconds."""

import json

import numpy as np
import traitlets

from optlib import figures, registry, trace
from optlib.widgets import base, tracer

VALLEY = registry.PROBLEMS["Quadratic"](kappa=25.0)
RULES = {name: registry.OPTIMIZERS[name] for name in ("GD", "Momentum")}
BETA = 0.5  # of the run with memory
RANGES = {"lr": (0.002, 0.1)}
WINDOW = ((-10.0, 10.0), (-4.0, 4.0))
SHOWN = 100  # steps that are drawn
LONG = 5000  # steps that anybody waits for
NEAR = 0.01  # of the first distance: this counts as the bottom


def _facts():
    """What the front end has to know, as JavaScript."""
    known = {
        "parameters": {"kappa": VALLEY.kappa, "angle": VALLEY.angle},
        "beta": BETA,
        "ranges": RANGES,
        "window": WINDOW,
        "shown": SHOWN,
        "long": LONG,
        "near": NEAR,
        "colours": {name: figures.STYLES[name][:2] for name in RULES},
        "dash": [2 * n for n in figures.STYLES["Momentum"][2][1]],
    }
    return f"const VALLEY = {json.dumps(known)};\n"


class Valley(base.Widget):
    """Choose a learning rate in a narrow valley, and see how many steps it takes to the bottom.

    Parameters
    ----------
    lr : the learning rate, 0.002 to 0.1.
    start : the first point, (x, y), x from -10 to 10 and y from -4 to 4.
    memory : whether a run with momentum goes beside it.

    With a kernel every one of them is a live trait. A value that makes no sense raises TraitError
    and changes nothing.
    """

    _esm = base.front_end(
        "kit.js",
        tracer.table_js("OPTIMIZERS", RULES, tracer.optimizer_js),
        tracer.table_js("PROBLEMS", {"Quadratic": VALLEY}, tracer.problem_js),
        _facts(),
        "valley.js",
    )
    _css = base.style("base.css", "ellipse_lab.css", "valley.css")

    lr = traitlets.Float(0.07).tag(sync=True)
    start = traitlets.List(traitlets.Float(), [9.0, 3.0], minlen=2, maxlen=2).tag(sync=True)
    memory = traitlets.Bool(False).tag(sync=True)

    _in_range = base.in_range(RANGES, "lr")

    @traitlets.validate("start")
    def _inside(self, proposal):
        if not all(a <= v <= b for v, (a, b) in zip(proposal.value, WINDOW)):
            (a, b), (c, d) = WINDOW
            raise traitlets.TraitError(
                f"start={proposal.value!r} must be two numbers, x from {a:g} to {b:g} and y from "
                f"{c:g} to {d:g}"
            )
        return proposal.value

    def __repr__(self):
        return f"Valley(lr={self.lr!r}, start={self.start!r}, memory={self.memory!r})"

    def _names(self):
        return ("GD", "Momentum") if self.memory else ("GD",)

    def _run(self, name, steps=SHOWN):
        hyper = {"beta": BETA} if name == "Momentum" else {}
        return trace.run(RULES[name], VALLEY, steps, self.start, lr=self.lr, **hyper).x

    def steps_to_bottom(self, name="GD"):
        """Steps until the run is within a hundredth of its first distance; None if it is not."""
        distance = np.hypot(*self._run(name, LONG).T)
        arrived = np.flatnonzero(distance <= NEAR * distance[0])
        return int(arrived[0]) if arrived.size else None

    def alt(self):
        def told(name):
            n = self.steps_to_bottom(name)
            return "never reaches the bottom" if n is None else f"reaches the bottom in {n} steps"

        x, y = self.start
        memory = f"; with memory it {told('Momentum')}" if self.memory else ""
        return (
            f"Level lines of a long narrow valley and the path of gradient descent from ({x:g}, "
            f"{y:g}) with learning rate {self.lr:g}. It {told('GD')}{memory}."
        )

    def fallback(self):
        return (
            "<p>Here stands an experiment: choose how long the steps are, and see how many it "
            "takes to the bottom of the valley. It needs JavaScript; the picture shows its first "
            "setting.</p>"
        )

    def draw(self, fig):
        ax, ((a, b), (c, d)) = fig.subplots(), WINDOW
        grid = np.meshgrid(np.linspace(a, b, 120), np.linspace(c, d, 60))
        ax.contour(*grid, VALLEY.value(np.stack(grid)), levels=np.geomspace(1, 250, 9),
                   colors=figures.ink("faint"), linewidths=0.7)  # fmt: skip
        for name in self._names():
            path = self._run(name)
            near = np.abs(path).max(axis=1) < 1e3
            ax.plot(*path[near].T, marker=".", **figures.optimizer_style(name))
        ax.plot(*self.start, "o", ms=11, mfc="none", mec=figures.ink())
        ax.plot(0, 0, "+", ms=11, color=figures.ink())
        ax.set(xlim=(a, b), ylim=(c, d), aspect="equal")
        ax.tick_params(labelbottom=False, labelleft=False, length=0)
