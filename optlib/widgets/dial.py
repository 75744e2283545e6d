"""The dial: one learning rate, one valley of minima, and the sharpness that goes with it."""

import json
import math

import numpy as np
import traitlets

from optlib import figures, trace
from optlib.first_order import GD
from optlib.problems import ProductModel
from optlib.widgets import base, tracer

RANGES = {"lr": (0.005, 2.0), "steps": (10, 1000)}
WINDOW = ((-4.5, 5.5), (-3.1, 3.1))
FAR = 1e3  # beyond this a run is taken as lost
DEALS = [(3.0, 0.3), (4.5, 0.2), (-4.0, -0.3), (3.2, 0.35), (5.0, 0.1)]  # starts to predict for


def curvature(x):
    """The sharpness of the product model at points of shape (2, K); inf where they are lost."""
    with np.errstate(all="ignore"):
        H = np.moveaxis(ProductModel().hess(x), -1, 0)
    fine = np.isfinite(H).all(axis=(1, 2))
    H[~fine] = 0
    return np.where(fine, np.linalg.eigvalsh(H)[:, -1], np.inf)


def _facts():
    """What the front end has to know, as JavaScript: the minima and how sharp each of them is."""
    u = np.geomspace(0.18, 6, 160)
    minima = np.stack([u, 1 / u])
    assert np.abs(ProductModel().gradient(minima)).max() < 1e-12
    known = {
        "ranges": RANGES,
        "window": WINDOW,
        "start": ProductModel.start,
        "far": FAR,
        "deals": DEALS,
        "minima": np.c_[minima.T, curvature(minima)].round(5).tolist(),
        "colour": figures.STYLES["GD"][:2],
    }
    return f"const DIAL = {json.dumps(known)};\n"


class Dial(base.Widget):
    """Turn the learning rate of gradient descent on the product model, and watch the sharpness.

    Parameters
    ----------
    lr : the learning rate, 0.005 to 2.
    start : the first point, (x, y), each from -6 to 6.
    steps : how many steps are shown, 10 to 1000.

    With a kernel every one of them is a live trait; ``solved`` holds the missions solved so far:
    "descent", "catapult", "brink", "predict". A value that makes no sense raises TraitError and
    changes nothing.
    """

    _esm = base.front_end(
        "kit.js",
        tracer.table_js("OPTIMIZERS", {"GD": GD}, tracer.optimizer_js),
        tracer.table_js("PROBLEMS", {"ProductModel": ProductModel}, tracer.problem_js),
        _facts(),
        "dial.js",
    )
    _css = base.style("base.css", "ellipse_lab.css", "dial.css")

    lr = traitlets.Float(0.02).tag(sync=True)
    start = traitlets.List(traitlets.Float(), [4.0, 0.2], minlen=2, maxlen=2).tag(sync=True)
    steps = traitlets.Int(100).tag(sync=True)
    solved = traitlets.List(traitlets.Unicode(), []).tag(sync=True)

    _in_range = base.in_range(RANGES, "lr", "steps")

    @traitlets.validate("start")
    def _finite_start(self, proposal):
        if not all(math.isfinite(v) and abs(v) <= 6 for v in proposal.value):
            raise traitlets.TraitError(f"start={proposal.value!r} must be two numbers from -6 to 6")
        return proposal.value

    def __repr__(self):
        return f"Dial(lr={self.lr!r}, start={self.start!r}, steps={self.steps!r})"

    def _run(self):
        return trace.run(GD, ProductModel(), self.steps, self.start, lr=self.lr)

    def alt(self):
        run, (x, y) = self._run(), self.start
        S = curvature(run.x.T)
        begin = (
            f"Level lines of the product model and the path of gradient descent from ({x:g}, "
            f"{y:g}) with learning rate {self.lr:g}, {self.steps} steps. The limit 2/η is "
            f"{2 / self.lr:.4g}; the sharpness starts at {S[0]:.4g}"
        )
        if not (np.isfinite(run.f).all() and np.abs(run.x[-1]).max() < FAR):
            return f"{begin}. The run diverges."
        end = "below 1e-15" if run.f[-1] < 1e-15 else f"at {run.f[-1]:.1e}"
        return (
            f"{begin} and ends at {S[-1]:.4g}. The loss starts at {run.f[0]:.2g}, its highest "
            f"value is {run.f.max():.2g}, and it ends {end}."
        )

    def fallback(self):
        return (
            "<p>Here stands an experiment: turn the learning rate, move the start, and watch loss "
            "and sharpness, with the limit 2/η beside it. It needs JavaScript; the picture shows "
            "its first setting.</p>"
        )

    def draw(self, fig):
        left, right = fig.subplots(1, 2, width_ratios=(3, 2))
        run, (a, b), (c, d) = self._run(), *WINDOW
        grid = np.meshgrid(np.linspace(a, b, 120), np.linspace(c, d, 80))
        left.contour(*grid, ProductModel().value(np.stack(grid)), levels=np.geomspace(0.02, 60, 11),
                     colors=figures.ink("faint"), linewidths=0.6)  # fmt: skip
        near = np.isfinite(run.x).all(axis=1) & (np.abs(np.nan_to_num(run.x)).max(axis=1) < FAR)
        left.plot(*run.x[near].T, marker=".", **figures.optimizer_style("GD"))
        left.plot(*self.start, "o", ms=11, mfc="none", mec=figures.ink())
        left.set(xlim=(a, b), ylim=(c, d), xlabel="$x$", ylabel="$y$")
        right.plot(curvature(run.x[near].T), **figures.optimizer_style("GD"))
        right.axhline(2 / self.lr, color=figures.ink(), linestyle="--")
        end = (self.steps, 2 / self.lr)
        right.annotate(r"$2/\eta$", end, xytext=(0, 3), textcoords="offset points", ha="right")
        right.set(xlabel="step", ylabel="sharpness", ylim=(0, max(22, 2.3 / self.lr)))
