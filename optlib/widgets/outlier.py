"""Drag the outlier: which single number describes the points? Each loss has its own answer."""

import json

import numpy as np
import traitlets

from optlib import figures, losses
from optlib.widgets import base, tracer

LOSSES = {name: getattr(losses, name) for name in ("mse", "mae", "huber", "quantile")}
# What each loss asks for, and the number of its look in the list of looks for series.
ANSWERS = {"mse": ("mean", 0), "mae": ("median", 1), "huber": ("Huber", 2)}
PINBALL = ("pinball", 3)
RANGES = {"delta": (0.05, 40.0), "tau": (0.02, 0.98)}
POINTS = [1.0, 2.0, 3.0, 4.0, 20.0]
TIMES = [12.0, 14.0, 15.0, 17.0, 18.0, 21.0, 24.0, 28.0, 35.0, 52.0]  # of ten deliveries, minutes
WINDOWS = {"outlier": (-2.0, 26.0), "quantile": (8.0, 56.0)}


def best_constants(loss, y, **settings):
    """The least and the greatest number z with the smallest mean loss against the targets y.

    Found where the slope of the loss changes sign, by halving; it does so once, because the losses
    are convex. The two numbers differ where the bottom of the loss is flat.
    """
    y = np.asarray(y, dtype=float)
    _, slope = loss(None, None, **settings)

    def edge(beyond):
        low, high = y.min() - 1, y.max() + 1
        for _ in range(60):
            middle = (low + high) / 2
            s = slope(np.full_like(y, middle), y).sum()
            low, high = (low, middle) if beyond(s) else (middle, high)
        return low

    return edge(lambda s: s >= -1e-9), edge(lambda s: s > 1e-9)


def _facts():
    """What the front end has to know, as JavaScript."""
    looks = {name: look for name, look in (*ANSWERS.values(), PINBALL)}
    known = {
        "ranges": RANGES,
        "points": POINTS,
        "times": TIMES,
        "windows": WINDOWS,
        "answers": {loss: name for loss, (name, _) in ANSWERS.items()},
        "colours": {name: figures.SERIES[i][:2] for name, i in looks.items()},
        "dashes": {name: [*figures.SERIES[i][2][1]] if i else [] for name, i in looks.items()},
    }
    return f"const FACTS = {json.dumps(known)};\n"


class Outlier(base.Widget):
    """Points on a line and, for each loss, the one number that describes them best.

    Parameters
    ----------
    tab : "outlier", five points that can be moved, with mean, median and Huber's answer; or
        "quantile", ten delivery times and the answer of the pinball loss.
    points : the five points, each from -2 to 26.
    delta : where Huber's loss turns from a parabola into a straight line, 0.05 to 40.
    tau : which quantile the pinball loss asks for, 0.02 to 0.98.

    With a kernel every one of them is a live trait; ``solved`` holds the missions solved so far:
    "huber", "edge", "breakdown", "late", "flat". A value that makes no sense raises TraitError and
    changes nothing.
    """

    _esm = base.front_end(
        "kit.js",
        tracer.table_js("LOSSES", LOSSES, tracer.loss_js),
        _facts(),
        "outlier.js",
    )
    _css = base.style("base.css", "ellipse_lab.css", "outlier.css")

    tab = traitlets.Enum(list(WINDOWS), "outlier").tag(sync=True)
    points = traitlets.List(traitlets.Float(), POINTS, minlen=5, maxlen=5).tag(sync=True)
    delta = traitlets.Float(10.0).tag(sync=True)
    tau = traitlets.Float(0.25).tag(sync=True)
    solved = traitlets.List(traitlets.Unicode(), []).tag(sync=True)

    _in_range = base.in_range(RANGES, "delta", "tau")

    @traitlets.validate("points")
    def _on_the_line(self, proposal):
        low, high = WINDOWS["outlier"]
        if not all(low <= v <= high for v in proposal.value):
            raise traitlets.TraitError(
                f"points={proposal.value!r} must be five numbers from {low:g} to {high:g}"
            )
        return proposal.value

    def __repr__(self):
        names = ("tab", "points", "delta", "tau")
        return f"Outlier({', '.join(f'{k}={getattr(self, k)!r}' for k in names)})"

    def _shown(self):
        """Data, and for each loss that is shown: its name, itself, its settings and its look."""
        if self.tab == "quantile":
            return TIMES, [(PINBALL[0], losses.quantile, {"tau": self.tau}, PINBALL[1])]
        settings = {"huber": {"delta": self.delta}}
        rows = [(n, LOSSES[k], settings.get(k, {}), look) for k, (n, look) in ANSWERS.items()]
        return self.points, rows

    def alt(self):
        y, rows = self._shown()
        found = []
        for name, loss, settings, _ in rows:
            low, high = best_constants(loss, y, **settings)
            same = high - low < 1e-6
            found.append(f"{name} {low:.4g}" if same else f"{name} {low:.4g} to {high:.4g}")
        what = f"tau = {self.tau:g}" if self.tab == "quantile" else f"delta = {self.delta:g}"
        return (
            f"Points at {', '.join(f'{v:g}' for v in y)}, and above them the loss of a constant as "
            f"a curve with its lowest place. With {what}: {', '.join(found)}."
        )

    def fallback(self):
        return (
            "<p>Here stands an experiment: move an outlier and watch mean, median and Huber's "
            "answer follow it, or not; on a second tab, find a quantile with the pinball loss. It "
            "needs JavaScript; the picture shows its first setting.</p>"
        )

    def draw(self, fig):
        y, rows = self._shown()
        curves, line = fig.subplots(2, 1, sharex=True, height_ratios=(2.2, 1))
        grid = np.linspace(*WINDOWS[self.tab], 400)
        for name, loss, settings, look in rows:
            value, _ = loss(None, None, **settings)
            f = value(grid[:, None], np.asarray(y)[None]).mean(axis=1)
            style = figures.series_style(look)
            at = np.mean(best_constants(loss, y, **settings))
            curves.plot(grid, (f - f.min()) / np.ptp(f), label=f"{name} {at:.4g}", **style)
            line.axvline(at, **style)
        curves.set(ylabel="loss, lowest to highest", ylim=(-0.04, 1.04))
        curves.legend(loc="upper left")
        line.plot(y, np.arange(len(y)), "o", color=figures.ink())
        line.set(xlabel="value", ylim=(len(y) - 0.3, -0.7), yticks=[])
