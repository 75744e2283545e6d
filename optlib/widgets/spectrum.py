"""Reshape the spectrum: what a polynomial of a matrix, iterated, does to its singular values."""

import json

import numpy as np
import traitlets

from optlib import figures
from optlib.matrix import CUBIC, QUINTIC, newton_schulz, odd_polynomial
from optlib.widgets import base, tracer

RANGES = {
    "a": (0.0, 5.0),
    "b": (-8.0, 4.0),
    "c": (-2.0, 4.0),
    "steps": (0, 10),
    "value": (1e-4, 1.0),
}
COEFFICIENTS = ("a", "b", "c")
FLOOR = 0.01  # of the first two missions: the band is that of all values from here to 1
MOST = 5  # steps in the missions


def press(s, a, b, c):
    """One step of Newton-Schulz for a matrix of one number: traced from the library's own."""
    x = np.empty((1, 1), dtype=object)
    x[0, 0] = s
    return odd_polynomial(x, a, b, c)[0, 0]


def _orthogonal(seed, rows, columns):
    return np.linalg.qr(np.random.default_rng(seed).standard_normal((rows, columns)))[0]


# The matrix that the reader reshapes: fixed singular vectors, four singular values to be dragged.
LEFT, RIGHT = _orthogonal(1, 6, 4).round(6), _orthogonal(2, 4, 4).round(6)


def _spectrum():
    """What the front end has to know, as JavaScript."""
    facts = {
        "ranges": RANGES,
        "quintic": QUINTIC,
        "cubic": CUBIC,
        "floor": FLOOR,
        "most": MOST,
        "left": LEFT.tolist(),
        "right": RIGHT.tolist(),
        "colours": {
            "yours": figures.STYLES["Muon"][:2],
            "muon": figures.SERIES[1][:2],
            "low": figures.SERIES[0][:2],
        },
    }
    return f"const SPECTRUM = {json.dumps(facts)};\n"


class ReshapeSpectrum(base.Widget):
    """A polynomial s -> a s + b s^3 + c s^5, iterated, on the singular values of a matrix.

    Parameters
    ----------
    a : slope at zero, 0 to 5.
    b, c : -8 to 4 and -2 to 4.
    steps : how often, 0 to 10.
    values : the four singular values of the matrix, 1e-4 to 1; they are divided by their Euclidean
        norm first, as :func:`optlib.matrix.newton_schulz` does.

    With a kernel every one of them is a live trait; ``solved`` holds the missions solved so far:
    "beat", "one", "slope". A value that makes no sense raises TraitError and changes nothing.
    """

    _esm = base.front_end("kit.js", tracer.formula_js("press", press), _spectrum(), "spectrum.js")
    _css = base.style("base.css", "ellipse_lab.css", "spectrum.css")

    a = traitlets.Float(CUBIC[0]).tag(sync=True)
    b = traitlets.Float(CUBIC[1]).tag(sync=True)
    c = traitlets.Float(CUBIC[2]).tag(sync=True)
    steps = traitlets.Int(5).tag(sync=True)
    values = traitlets.List(traitlets.Float(), [1.0, 0.3, 0.1, 0.02], minlen=4, maxlen=4).tag(
        sync=True
    )
    solved = traitlets.List(traitlets.Unicode(), []).tag(sync=True)

    _in_range = base.in_range(RANGES, *COEFFICIENTS, "steps")

    @traitlets.validate("values")
    def _in_their_range(self, proposal):
        low, high = RANGES["value"]
        if not all(low <= v <= high for v in proposal.value):
            raise traitlets.TraitError(
                f"values={proposal.value!r} must be four numbers from {low:g} to {high:g}"
            )
        return proposal.value

    def __repr__(self):
        names = (*COEFFICIENTS, "steps", "values")
        return f"ReshapeSpectrum({', '.join(f'{k}={getattr(self, k)!r}' for k in names)})"

    def _coefficients(self):
        return self.a, self.b, self.c

    def matrix(self):
        """The matrix whose singular values are being reshaped."""
        return LEFT * np.array(self.values) @ RIGHT.T

    def curve(self, s):
        """Where singular values s go, after the steps."""
        with np.errstate(over="ignore", invalid="ignore"):
            for _ in range(self.steps):
                s = [odd_polynomial(np.array([[v]]), *self._coefficients())[0, 0] for v in s]
        return np.array(s)

    def reshaped(self):
        """The matrix after the steps."""
        with np.errstate(over="ignore", invalid="ignore"):
            return newton_schulz(self.matrix(), self.steps, self._coefficients())

    def alt(self):
        before = np.array(self.values) / np.linalg.norm(self.values)
        pairs = zip(before, self.curve(before), strict=True)
        return (
            f"The polynomial {self.a:g} s + {self.b:g} s^3 + {self.c:g} s^5, {self.steps} times. "
            f"Left, where singular values from 0.0001 to 1 go. Right, four of them before and "
            f"after: {', '.join(f'{v:.3g} to {w:.3g}' for v, w in pairs)}."
        )

    def fallback(self):
        return (
            "<p>Here stands an experiment: choose the coefficients of a polynomial and the "
            "singular values of a matrix, and watch the values move towards 1, or not. It needs "
            "JavaScript; the picture shows its first setting.</p>"
        )

    def draw(self, fig):
        curve, bars = fig.subplots(1, 2, width_ratios=(1.6, 1))
        s = np.geomspace(*RANGES["value"], 120)
        curve.semilogx(s, np.clip(self.curve(s), -0.3, 1.6), color=figures.ink())
        curve.axhline(1, color=figures.ink("faint"), linewidth=0.8)
        curve.set(ylim=(-0.3, 1.6), xlabel="singular value before", ylabel="after")
        before = np.array(self.values) / np.linalg.norm(self.values)
        for i, (x, colour) in enumerate(((before, "faint"), (self.curve(before), "ink"))):
            height = np.clip(np.nan_to_num(x, nan=0.0), -0.3, 1.6)
            bars.bar(np.arange(4) + 0.4 * i, height, 0.38, color=figures.ink(colour))
        bars.set(xlabel="four singular values", ylim=(-0.3, 1.6), xticks=[])
