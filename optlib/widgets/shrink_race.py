"""Shrink race: two weights with gradients of two sizes, and two rules that pull them to zero."""

import json

import numpy as np
import traitlets

from optlib import figures, registry
from optlib.widgets import base, tracer

# The rule, the name of its pull among its hyperparameters, and what the reader calls it.
PULL = {"AdamL2": "l2", "AdamW": "wd"}
LABELS = {"AdamL2": "Adam + L2", "AdamW": "AdamW"}
RULES = {name: registry.OPTIMIZERS[name] for name in PULL}
RANGES = {
    "a": (1e-5, 1e3),
    "b": (1e-5, 1e3),
    "decay": (1e-3, 1.0),
    "lr": (1e-4, 1e-2),
    "steps": (100, 2500),
}


def shrink(name, scales, decay, lr, steps):
    """Weights that start at 1 and get gradients of these sizes and of changing sign: every row a
    step, the start included."""
    opt = RULES[name](np.ones(len(scales)), lr=lr, **{PULL[name]: decay})
    path, g = [opt.x.copy()], np.array(scales, dtype=float)
    for _ in range(steps):
        path.append(opt.step(g).copy())
        g = -g
    return np.array(path)


def _shrink():
    """What the front end has to know of ranges and styles, as JavaScript."""
    facts = {
        "ranges": RANGES,
        "pull": PULL,
        "labels": LABELS,
        "colours": {name: figures.STYLES[name][:2] for name in RULES},
    }
    return f"const SHRINK = {json.dumps(facts)};\n"


class ShrinkRace(base.Widget):
    """Two weights, their shrinking under Adam + L2 and under AdamW, and four missions.

    Parameters
    ----------
    a, b : sizes of the gradients of weight A and of weight B, 1e-5 to 1e3. Their sign changes at
        every step, so that the data have no wish and only the pull to zero is left.
    decay : lambda, 0.001 to 1, for both rules.
    lr : 1e-4 to 1e-2.
    steps : 100 to 2500.

    With a kernel every one of them is a live trait; ``solved`` holds the missions solved so far:
    "silent", "agree", "half", "horizon". A value that makes no sense raises TraitError and changes
    nothing.
    """

    _esm = base.front_end(
        "kit.js",
        tracer.table_js("OPTIMIZERS", RULES, tracer.optimizer_js),
        _shrink(),
        "shrink_race.js",
    )
    _css = base.style("base.css", "ellipse_lab.css", "shrink_race.css")

    a = traitlets.Float(100.0).tag(sync=True)
    b = traitlets.Float(0.01).tag(sync=True)
    decay = traitlets.Float(0.1).tag(sync=True)
    lr = traitlets.Float(1e-3).tag(sync=True)
    steps = traitlets.Int(2000).tag(sync=True)
    solved = traitlets.List(traitlets.Unicode(), []).tag(sync=True)

    _in_range = base.in_range(RANGES, "a", "b", "decay", "lr", "steps")

    def __repr__(self):
        names = ("a", "b", "decay", "lr", "steps")
        return f"ShrinkRace({', '.join(f'{k}={getattr(self, k)!r}' for k in names)})"

    def _paths(self):
        scales = (self.a, self.b)
        return {name: shrink(name, scales, self.decay, self.lr, self.steps) for name in RULES}

    def alt(self):
        left = {name: path[-1] for name, path in self._paths().items()}
        each = "; ".join(
            f"{LABELS[name]} leaves {a:.3f} of A and {b:.3f} of B" for name, (a, b) in left.items()
        )
        return (
            f"Two weights shrink from 1 for {self.steps} steps with lambda = {self.decay:g} and "
            f"learning rate {self.lr:g}. The gradients of A have size {self.a:g}, those of B "
            f"{self.b:g}, and change sign at every step. {each}."
        )

    def fallback(self):
        return (
            "<p>Here stands an experiment: choose the size of the gradients of two weights, and "
            "watch L2 and decoupled decay pull them to zero. It needs JavaScript; the picture "
            "shows its first setting.</p>"
        )

    def draw(self, fig):
        paths = self._paths()
        for i, (ax, which) in enumerate(zip(fig.subplots(1, 2, sharey=True), "ab", strict=True)):
            for name, path in paths.items():
                look = figures.optimizer_style(name) | {"label": LABELS[name]}
                ax.plot(path[:, i], **look)
            size = getattr(self, which)
            ax.set(title=f"weight {which.upper()}, gradients ±{size:g}", xlabel="step")
            ax.set(ylim=(-0.03, 1.08), xlim=(0, self.steps))
        ax.legend()
