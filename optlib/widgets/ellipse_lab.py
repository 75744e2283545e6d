"""The Ellipse lab: how a learning rate meets a curvature."""

import json
import math

import numpy as np
import traitlets

from optlib import figures, registry, trace
from optlib.widgets import base, tracer

# Landscapes of the lab, with the learning rate that it starts from there.
PROBLEMS = {
    "Quadratic": ("Ellipse", 0.1),
    "Saddle": ("Saddle", 0.1),
    "MonkeySaddle": ("Monkey saddle", 0.01),
    "Rosenbrock": ("Rosenbrock's banana", 0.001),
    "Beale": ("Beale", 0.01),
    "Himmelblau": ("Himmelblau: four minima", 0.01),
}
# Always in sight; the other rules of optlib are a menu away.
FEATURED = ("GD", "Momentum", "Nesterov", "Adagrad", "RMSprop", "Adam")
RULES = {**{name: registry.OPTIMIZERS[name] for name in FEATURED}, **registry.OPTIMIZERS}
RANGES = {"lr": (1e-4, 3.0), "kappa": (1.0, 1000.0), "steps": (1, 3000)}


def _dash(pattern):
    return [] if pattern == "-" else [2 * n for n in pattern[1]]


def _lab():
    """What the front end has to know of problems and styles, as JavaScript."""
    facts = {}
    for name, (label, lr) in PROBLEMS.items():
        p = registry.PROBLEMS[name]()
        facts[name] = {
            "label": label,
            "lr": lr,
            "window": p.window,
            "start": p.start,
            "minima": p.minima,
            "floor": float(p.value(p.minima[0])) if p.minima else None,
        }
    styles = {
        name: {"colour": figures.STYLES[name][:2], "dash": _dash(figures.STYLES[name][2])}
        for name in RULES
    }
    lab = {"problems": facts, "styles": styles, "ranges": RANGES, "featured": FEATURED}
    return f"const LAB = {json.dumps(lab)};\n"


class EllipseLab(base.Widget):
    """Race optimizers on an ellipse, a saddle or a test function, and solve three missions.

    Parameters
    ----------
    problem : name of the landscape: Quadratic, Saddle, MonkeySaddle, Rosenbrock, Beale, Himmelblau.
    lr : learning rate of all runners, 1e-4 to 3.
    kappa : condition number of the Quadratic, 1 to 1000.
    start : the first point, (x, y).
    optimizers : names of the runners, any of ``optlib.OPTIMIZERS``.
    steps : 1 to 3000.
    scale : "log" or "linear", the axis of the loss.

    With a kernel every one of them is a live trait; ``solved`` holds the missions solved so far:
    "edge", "fewest", "saddle". A value that makes no sense raises TraitError and changes nothing.
    """

    _esm = base.front_end(
        "kit.js",
        tracer.table_js("OPTIMIZERS", RULES, tracer.optimizer_js),
        tracer.table_js("PROBLEMS", {k: registry.PROBLEMS[k] for k in PROBLEMS}, tracer.problem_js),
        _lab(),
        "ellipse_lab.js",
    )
    _css = base.style("base.css", "ellipse_lab.css")

    problem = traitlets.Unicode("Quadratic").tag(sync=True)
    lr = traitlets.Float(0.1).tag(sync=True)
    kappa = traitlets.Float(10.0).tag(sync=True)
    start = traitlets.List(traitlets.Float(), [10.0, 1.0], minlen=2, maxlen=2).tag(sync=True)
    optimizers = traitlets.List(traitlets.Unicode(), ["GD"]).tag(sync=True)
    steps = traitlets.Int(100).tag(sync=True)
    scale = traitlets.Enum(["log", "linear"], "log").tag(sync=True)
    solved = traitlets.List(traitlets.Unicode(), []).tag(sync=True)

    @traitlets.validate("problem")
    def _known_problem(self, proposal):
        if proposal.value not in PROBLEMS:
            raise traitlets.TraitError(
                f"there is no problem {proposal.value!r} in this lab; there are "
                f"{', '.join(PROBLEMS)}"
            )
        return proposal.value

    @traitlets.validate("optimizers")
    def _known_optimizers(self, proposal):
        if unknown := [name for name in proposal.value if name not in RULES]:
            raise traitlets.TraitError(
                f"there is no optimizer {', '.join(map(repr, unknown))} in this lab; there are "
                f"{', '.join(RULES)}"
            )
        if not proposal.value:
            raise traitlets.TraitError(f"name at least one optimizer of {', '.join(RULES)}")
        return proposal.value

    _in_range = base.in_range(RANGES, "lr", "kappa", "steps")

    @traitlets.validate("start")
    def _finite_start(self, proposal):
        if not all(math.isfinite(v) and abs(v) <= 1e3 for v in proposal.value):
            raise traitlets.TraitError(
                f"start={proposal.value!r} must be two numbers from -1000 to 1000"
            )
        return proposal.value

    def _problem(self):
        cls = registry.PROBLEMS[self.problem]
        return cls(kappa=self.kappa) if "kappa" in cls.parameters else cls()

    def __repr__(self):
        names = ("problem", "lr", "kappa", "start", "optimizers", "steps", "scale")
        return f"EllipseLab({', '.join(f'{k}={getattr(self, k)!r}' for k in names)})"

    def _run(self, name):
        return trace.run(
            registry.OPTIMIZERS[name], self._problem(), self.steps, self.start, lr=self.lr
        )

    def alt(self):
        x, y = self.start
        ends = ", ".join(f"{name} {self._run(name).f[-1]:.1e}" for name in self.optimizers)
        return (
            f"Level lines of the problem {PROBLEMS[self.problem][0]} and the paths of "
            f"{', '.join(self.optimizers)} from ({x:g}, {y:g}) with learning rate {self.lr:g}. "
            f"Loss after {self.steps} steps: {ends}."
        )

    def fallback(self):
        return (
            "<p>Here stands an experiment: drag the start point, move the learning rate and the "
            "condition number, and watch path and loss. It needs JavaScript; the picture shows "
            "its first setting.</p>"
        )

    def draw(self, fig):
        ax, problem = fig.subplots(), self._problem()
        (a, b), (c, d) = problem.window
        grid = np.meshgrid(np.linspace(a, b, 120), np.linspace(c, d, 90))
        z = problem.value(np.stack(grid))
        ax.contour(*grid, z, levels=np.unique(np.quantile(z, np.linspace(0.01, 0.96, 14))),
                   colors=figures.ink("faint"), linewidths=0.7)  # fmt: skip
        for name in self.optimizers:
            path = self._run(name).x
            near = np.abs(path).max(axis=1) < 1e3
            ax.plot(*path[near].T, marker=".", **figures.optimizer_style(name))
        ax.plot(*self.start, "o", ms=11, mfc="none", mec=figures.ink(), label="start")
        ax.set(xlim=(a, b), ylim=(c, d), xlabel="$x$", ylabel="$y$", aspect="equal")
        ax.legend()
