"""Root locus: what memory does to one direction, seen as two numbers in the complex plane."""

import json

import numpy as np
import traitlets

from optlib import figures, registry, trace
from optlib.widgets import base, tracer

RULES = {name: registry.OPTIMIZERS[name] for name in ("Momentum", "Nesterov")}
LABELS = {"Momentum": "Momentum (heavy ball)", "Nesterov": "Nesterov"}
RANGES = {"etah": (0.001, 4.0), "beta": (0.0, 0.99), "steps": (10, 400)}
# The bowl (x^2 + y^2) / 2 along its first axis: one direction of curvature 1, where eta h = eta.
BOWL = registry.PROBLEMS["Quadratic"](kappa=1.0)
START = (1.0, 0.0)


def roots(rule, etah, beta):
    """The eigenvalues of one step of the rule as a map of (x, m), curvature 1."""
    x, m = np.array([1.0, 0.0]), np.array([0.0, 1.0])  # both unit states at once
    g = x.copy()  # the gradient of x**2 / 2
    rule.update(None, 1, x, g, m, lr=etah, beta=beta)
    return np.linalg.eigvals(np.array([x, m]))


def _locus():
    """What the front end has to know of ranges and styles, as JavaScript."""
    facts = {
        "ranges": RANGES,
        "start": START,
        "labels": LABELS,
        "colours": {name: figures.STYLES[name][:2] for name in RULES},
    }
    return f"const LOCUS = {json.dumps(facts)};\n"


class RootLocus(base.Widget):
    """Two roots on the unit disc beside the trajectory that they make, and three missions.

    Parameters
    ----------
    rule : "Momentum" or "Nesterov".
    etah : learning rate times curvature, 0.001 to 4.
    beta : momentum decay, 0 to 0.99; with 0 both rules are gradient descent.
    steps : 10 to 400.
    axis : "linear" or "log", the axis of the trajectory.

    With a kernel every one of them is a live trait; ``solved`` holds the missions solved so far:
    "fastest", "heavy ball", "nesterov". A value that makes no sense raises TraitError and changes
    nothing.
    """

    _esm = base.front_end(
        "kit.js",
        tracer.table_js("OPTIMIZERS", RULES, tracer.optimizer_js),
        tracer.table_js("PROBLEMS", {"Quadratic": BOWL}, tracer.problem_js),
        _locus(),
        "root_locus.js",
    )
    _css = base.style("base.css", "ellipse_lab.css", "root_locus.css")

    rule = traitlets.Enum(list(RULES), "Momentum").tag(sync=True)
    etah = traitlets.Float(0.1).tag(sync=True)
    beta = traitlets.Float(0.0).tag(sync=True)
    steps = traitlets.Int(60).tag(sync=True)
    axis = traitlets.Enum(["linear", "log"], "linear").tag(sync=True)
    solved = traitlets.List(traitlets.Unicode(), []).tag(sync=True)

    _in_range = base.in_range(RANGES, "etah", "beta", "steps")

    def __repr__(self):
        names = ("rule", "etah", "beta", "steps", "axis")
        return f"RootLocus({', '.join(f'{k}={getattr(self, k)!r}' for k in names)})"

    def _roots(self):
        return roots(RULES[self.rule], self.etah, self.beta)

    def _path(self):
        rule = RULES[self.rule]
        return trace.run(rule, BOWL, self.steps, START, lr=self.etah, beta=self.beta).x[:, 0]

    def alt(self):
        z, path = self._roots(), self._path()
        kind = "a complex pair" if np.abs(z.imag).max() > 1e-9 else "both real"
        return (
            f"Left, the unit disc with the two roots of {LABELS[self.rule]} at eta h = "
            f"{self.etah:g}, beta = {self.beta:g}: {kind}, the larger of size "
            f"{np.abs(z).max():.3f}. Right, the trajectory from 1; after {self.steps} steps it "
            f"is at {path[-1]:.1e}."
        )

    def fallback(self):
        return (
            "<p>Here stands an experiment: move the learning rate and the momentum, and watch two "
            "roots wander on the unit disc while the trajectory beside them changes. It needs "
            "JavaScript; the picture shows its first setting.</p>"
        )

    def draw(self, fig):
        disc, curve = fig.subplots(1, 2, width_ratios=(1, 1.4))
        angle = np.linspace(0, 2 * np.pi, 200)
        disc.plot(np.cos(angle), np.sin(angle), color=figures.ink("faint"), linewidth=1)
        z = self._roots()
        disc.plot(z.real, z.imag, "o", color=figures.optimizer_style(self.rule)["color"])
        disc.set(aspect="equal", xlim=(-1.3, 1.3), ylim=(-1.3, 1.3), xlabel="real part",
                 ylabel="imaginary part")  # fmt: skip
        path = self._path()
        curve.plot(np.clip(path, -1e3, 1e3), marker=".", **figures.optimizer_style(self.rule))
        curve.set(xlabel="step", ylabel="$x$")
