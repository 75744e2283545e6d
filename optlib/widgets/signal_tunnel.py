"""The Signal tunnel: what a deep net does to a signal going in and to a gradient coming back."""

import functools
import json
from typing import NamedTuple

import numpy as np
import traitlets

from optlib import figures, nn
from optlib.widgets import base, tracer

WIDTH, EXAMPLES = 32, 8
LABELS = {"sigmoid": "sigmoid", "tanh": "tanh", "relu": "ReLU"}
ACTIVATIONS = {name: nn.ACTIVATIONS[name] for name in LABELS}
RANGES = {"depth": (2, 50), "gain": (0.5, 20.0), "branch": (0.01, 1.0), "seed": (1, 99)}
BAND = 10.0  # as in diagnostics.depth_report: a ratio beyond it, or below its inverse, is trouble
MODULUS = 2.0**31 - 1
# What the missions ask for, and the gains of the prediction.
# ReLU gets more room: in a net this narrow the right gain differs from draw to draw.
GOALS = {
    "near": {"tanh": 2.0, "relu": 5.0},
    "deep": 30,
    "sigmoid": 20,
    "gains": (0.9, 1.7, 1.1, 1.9, 1.25),
}


def next_number(s):
    """The generator of Park and Miller; whole numbers below 2**46, so floats compute it exactly."""
    product = s * 16807.0
    return product - np.floor(product / MODULUS) * MODULUS


@functools.lru_cache(maxsize=8)
def numbers(seed):
    """Inputs, the gradient at the end, and all matrices of a seed: uniform, of variance 1."""
    n, count = EXAMPLES * WIDTH, 2 * EXAMPLES * WIDTH + RANGES["depth"][1] * WIDTH**2
    s, values = seed * 1000003.0, np.empty(count)
    for k in range(-20, count):
        # Without an addition at first, the numbers of seed 2 would be twice those of seed 1.
        s = next_number(s + 12345.0 if k < 0 else s)
        if k >= 0:
            values[k] = (2 * s / MODULUS - 1) * np.sqrt(3)
    matrices = values[2 * n :].reshape(-1, WIDTH, WIDTH)
    return values[:n].reshape(EXAMPLES, WIDTH), values[n : 2 * n].reshape(EXAMPLES, WIDTH), matrices


class Tunnel(NamedTuple):
    """Entry 0 of each array belongs to the input, entry l to hidden layer l.

    Attributes
    ----------
    signal, gradient : root mean square of what comes out of a layer, and of the gradient there.
    spread : how far the examples lie apart there: the root mean square distance from their mean.
    flat : the share of all numbers at which the slope is below 1 % of its largest.
    """

    signal: np.ndarray
    spread: np.ndarray
    gradient: np.ndarray
    flat: float

    @property
    def forward(self):
        """The signal at the last layer over that at the first."""
        return self.signal[-1] / self.signal[1]

    @property
    def apart(self):
        """The spread at the last layer over that at the first."""
        return self.spread[-1] / self.spread[1]

    @property
    def backward(self):
        """The gradient at the first layer over that at the last."""
        return self.gradient[1] / self.gradient[-1]

    @property
    def factor(self):
        """What one layer contributes to ``backward``."""
        return self.backward ** (1 / (len(self.gradient) - 2))


def tunnel(activation, depth, gain, skip="off", branch=0.1, seed=11):
    """Send a batch and a gradient through a network of :mod:`optlib.nn`: a :class:`Tunnel`."""
    X, G, matrices = numbers(seed)
    matrices, phi = matrices[:depth] * (gain / np.sqrt(WIDTH)), ACTIVATIONS[activation]
    weights = iter([*matrices, np.eye(WIDTH)])  # the output passes its gradient on as it is
    model = nn.MLP(
        [WIDTH] * (depth + 2), activation, init=lambda shape, rng: next(weights),
        residual=branch if skip == "on" else None,
    )  # fmt: skip
    found = nn.statistics(model, lambda z, G: (z * G).sum(), X, G)
    trace = []
    model(X, trace=trace)
    hidden = [X, *(h.data for h in trace[1:-1])]
    flat = []
    for h, W in zip(hidden, matrices):
        z = h @ W
        flat.append((phi.df(1.0, z, phi.f(z)) < 0.01 * nn.SLOPES[phi]).mean())
    return Tunnel(
        signal=np.hypot(found.mean, found.std)[:-1],
        spread=np.array([np.sqrt(h.var(axis=0).mean()) for h in hidden]),
        gradient=found.gradient[:-1],
        flat=float(np.mean(flat)),
    )


def _facts():
    """What the front end has to know, as JavaScript."""
    facts = {
        "ranges": RANGES,
        "labels": LABELS,
        "width": WIDTH,
        "examples": EXAMPLES,
        "modulus": MODULUS,
        "band": BAND,
        "goals": GOALS,
        "steepest": {name: nn.SLOPES[phi] for name, phi in ACTIVATIONS.items()},
        "colours": [colours[:2] for colours in figures.SERIES[:2]],
    }
    return f"const TUNNEL = {json.dumps(facts)};\n"


class SignalTunnel(base.Widget):
    """A random deep network: bars for the signal that goes in and the gradient that comes back.

    Parameters
    ----------
    activation : "sigmoid", "tanh" or "relu".
    depth : hidden layers, 2 to 50, each of 32 units.
    gain : of the weights, 0.5 to 20: their standard deviation is gain / sqrt(32).
    skip : "off", or "on" for skip connections, h + branch * phi(h W).
    branch : scale of the branch beside a skip connection, 0.01 to 1.
    seed : which random numbers, 1 to 99.

    With a kernel every one of them is a live trait; ``solved`` holds the missions solved so far:
    "tanh", "relu", "sigmoid", "skip", "predict". A value that makes no sense raises TraitError and
    changes nothing.
    """

    _esm = base.front_end(
        "kit.js",
        tracer.table_js("ACTIVATIONS", ACTIVATIONS, tracer.activation_js),
        tracer.formula_js("nextNumber", next_number),
        _facts(),
        "signal_tunnel.js",
    )
    _css = base.style("base.css", "ellipse_lab.css", "signal_tunnel.css")

    activation = traitlets.Enum(list(LABELS), "sigmoid").tag(sync=True)
    depth = traitlets.Int(20).tag(sync=True)
    gain = traitlets.Float(1.0).tag(sync=True)
    skip = traitlets.Enum(["off", "on"], "off").tag(sync=True)
    branch = traitlets.Float(0.1).tag(sync=True)
    seed = traitlets.Int(11).tag(sync=True)
    solved = traitlets.List(traitlets.Unicode(), []).tag(sync=True)

    _in_range = base.in_range(RANGES, "depth", "gain", "branch", "seed")

    def _settings(self):
        names = ("activation", "depth", "gain", "skip", "branch", "seed")
        return {name: getattr(self, name) for name in names}

    def __repr__(self):
        return f"SignalTunnel({', '.join(f'{k}={v!r}' for k, v in self._settings().items())})"

    def _tunnel(self):
        return tunnel(**self._settings())

    def alt(self):
        t = self._tunnel()
        skip = f" and skip connections, branch {self.branch:g}" if self.skip == "on" else ""
        layers = f"{self.depth} {LABELS[self.activation]} layers with gain {self.gain:g}{skip}"
        return (
            f"Two strips of bars on a log axis, one for each of {layers}. Going in, the signal at "
            f"the last layer is {t.forward:.2g} of that at the first. Coming back, the gradient at "
            f"the first layer is {t.backward:.2g} of that at the last."
        )

    def fallback(self):
        return (
            "<p>Here stands an experiment: choose the activation, the depth and the size of the "
            "weights of a random network, and watch the signal go in and the gradient come back. "
            "It needs JavaScript; the picture shows its first setting.</p>"
        )

    def draw(self, fig):
        t = self._tunnel()
        layers = np.arange(1, self.depth + 1)
        strips = (
            ("signal going in, layer 1 = 1", t.signal[1:] / t.signal[1]),
            ("gradient coming back, last layer = 1", t.gradient[1:] / t.gradient[-1]),
        )
        both = fig.subplots(2, 1, sharex=True)
        for i, (ax, (name, bars)) in enumerate(zip(both, strips)):
            colour = figures.series_style(i)["color"]
            ax.axhspan(1 / BAND, BAND, color=figures.ink("grid"), alpha=0.6)
            ax.bar(layers, bars - 1, bottom=1, color=colour, edgecolor=colour)
            ax.set_yscale("log")
            ax.set_title(name, loc="left", fontsize=9.5)
        apart = t.spread[1:] / t.spread[1]
        both[0].plot(layers, apart, ".", color=figures.ink(), label="distance of the examples")
        both[0].legend(loc="lower left")
        both[1].set_xticks([1, self.depth], ["layer 1", f"{self.depth}"])
