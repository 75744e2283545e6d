"""The Time tunnel: one matrix used at every step, and what comes back through all of them."""

import functools
import json
from typing import NamedTuple

import numpy as np
import traitlets

from optlib import figures, nn
from optlib.autodiff import Tensor
from optlib.layers import rnn_cell
from optlib.widgets import base, tracer
from optlib.widgets.signal_tunnel import MODULUS, next_number

WIDTH, SEQUENCES, NOISE, LIMIT = 16, 20, 0.1, 1.0
RANGES = {"rho": (0.3, 2.0), "length": (5, 100), "cut": (1, 100), "seed": (1, 99)}
ACTIVATIONS = {"tanh": nn.ACTIVATIONS["tanh"]}
# What the missions ask for.
GOALS = {
    "arrives": 1e-3,
    "lengths": (20, 40, 80),
    "within": 2.0,
    "long": 60,
    "explodes": 10.0,
    "vanished": 1e-6,
    "cosine": 0.9,
    "rhos": (0.8, 1.05),
    "remember": 19,
    "band": 10.0,
}


@functools.lru_cache(maxsize=8)
def numbers(seed):
    """An orthogonal matrix, the input's direction, the loss's, and the noise of a seed."""
    n, longest = WIDTH, RANGES["length"][1]
    count = n * n + 2 * n + longest * SEQUENCES
    s, values = seed * 1000003.0, np.empty(count)
    for k in range(-20, count):
        s = next_number(s + 12345.0 if k < 0 else s)
        if k >= 0:
            values[k] = (2 * s / MODULUS - 1) * np.sqrt(3)
    rows, u, r, noise = np.split(values, np.cumsum([n * n, n, n]))
    turn = rows.reshape(n, n).copy()
    for i in range(n):  # Gram and Schmidt
        for j in range(i):
            turn[i] -= (turn[i] @ turn[j]) * turn[j]
        turn[i] /= np.sqrt(turn[i] @ turn[i])
    X = NOISE * noise.reshape(longest, SEQUENCES)
    X[0] = 1.0
    return turn, u / np.sqrt(u @ u), r / np.sqrt(r @ r), X


class Time(NamedTuple):
    """Entry t - 1 of the arrays belongs to step t.

    Attributes
    ----------
    gradient : of the loss with respect to the state h_t, that at the last step is 1.
    shares : what each step adds to the gradient of U, before clipping: the norm.
    norm : of the sum of the shares of the last ``cut`` steps.
    cosine : of the angle between that sum and the sum over all steps.
    right : how many of the sequences still tell the sign of their first input: their last state
        lies on the side of the mean of the others.
    """

    gradient: np.ndarray
    shares: np.ndarray
    norm: float
    cosine: float
    right: int

    @property
    def ratio(self):
        """What comes back to the first state."""
        return self.gradient[0]

    @property
    def factor(self):
        """What one step contributes to it."""
        return self.ratio ** (1 / (len(self.gradient) - 1))


def through_time(rho, length, cut=100, seed=1):
    """Sequences through a recurrent network, and the gradient back: a :class:`Time`."""
    turn, u, r, X = numbers(seed)
    U, W, b = Tensor(rho * turn), Tensor(u[None]), Tensor(np.zeros(WIDTH))
    states = [Tensor(np.zeros((SEQUENCES, WIDTH)), requires_grad=True)]
    for t in range(length):
        states.append(rnn_cell(X[t][:, None], states[-1], W, U, b))
    loss = (states[-1] * (r / SEQUENCES)).sum()
    loss.backward(keep=True)
    back = [SEQUENCES * h.grad for h in states[1:]]
    parts = [
        before.data.T @ (g * (1 - h.data**2)) / SEQUENCES
        for before, h, g in zip(states, states[1:], back)
    ]
    full, kept = np.sum(parts, axis=0), np.sum(parts[-cut:], axis=0)
    size = np.linalg.norm(full) * np.linalg.norm(kept)
    h = states[-1].data
    others = h.sum(axis=0) - h
    return Time(
        gradient=np.array([np.sqrt((g * g).sum() / SEQUENCES) for g in back]),
        shares=np.array([np.linalg.norm(part) for part in parts]),
        norm=float(np.linalg.norm(kept)),
        cosine=float((full * kept).sum() / size) if size else 1.0,
        right=int(((h * others).sum(axis=1) > 0).sum()),
    )


def _facts():
    """What the front end has to know, as JavaScript."""
    facts = {
        "ranges": RANGES,
        "width": WIDTH,
        "sequences": SEQUENCES,
        "noise": NOISE,
        "limit": LIMIT,
        "modulus": MODULUS,
        "goals": GOALS,
        "colours": [colours[:2] for colours in figures.SERIES[:2]],
    }
    return f"const TIME = {json.dumps(facts)};\n"


class TimeTunnel(base.Widget):
    """A recurrent network: what comes back to each step, and what each adds to one gradient.

    Parameters
    ----------
    rho : the recurrent matrix is rho times an orthogonal one, 0.3 to 2.
    length : steps of the sequences, 5 to 100.
    cut : how many steps the gradient goes back, 1 to 100; all of them if ``length`` is less.
    clip : "off", or "on" to shorten the gradient of the matrix to the norm 1.
    seed : which random numbers, 1 to 99.

    With a kernel every one of them is a live trait; ``solved`` holds the missions solved so far:
    "law", "predict", "explosion", "vanishing", "cut", "memory". A value that makes no sense raises
    TraitError and changes nothing.
    """

    _esm = base.front_end(
        "kit.js",
        tracer.table_js("ACTIVATIONS", ACTIVATIONS, tracer.activation_js),
        tracer.formula_js("nextNumber", next_number),
        _facts(),
        "time_tunnel.js",
    )
    _css = base.style("base.css", "ellipse_lab.css", "time_tunnel.css")

    rho = traitlets.Float(0.9).tag(sync=True)
    length = traitlets.Int(20).tag(sync=True)
    cut = traitlets.Int(100).tag(sync=True)
    clip = traitlets.Enum(["off", "on"], "off").tag(sync=True)
    seed = traitlets.Int(1).tag(sync=True)
    solved = traitlets.List(traitlets.Unicode(), []).tag(sync=True)

    _in_range = base.in_range(RANGES, "rho", "length", "cut", "seed")

    def __repr__(self):
        names = ("rho", "length", "cut", "clip", "seed")
        return f"TimeTunnel({', '.join(f'{k}={getattr(self, k)!r}' for k in names)})"

    def _run(self):
        return through_time(self.rho, self.length, self.cut, self.seed)

    def _factor(self, norm):
        """What clipping multiplies the gradient by."""
        return LIMIT / max(norm, LIMIT) if self.clip == "on" else 1.0

    def alt(self):
        t = self._run()
        cut = f", cut after {self.cut}" if self.cut < self.length else ""
        return (
            f"Two strips of bars on a log axis, one for each of {self.length} steps with rho = "
            f"{self.rho:g}{cut}. Above, the gradient of the loss with respect to each state: at "
            f"the first it is {t.ratio:.2g} of that at the last. Below, what each step adds to "
            f"the gradient of the recurrent matrix, whose norm is {t.norm:.2g}, and "
            f"{t.norm * self._factor(t.norm):.2g} where the optimizer gets it."
        )

    def fallback(self):
        return (
            "<p>Here stands an experiment: choose how much the recurrent matrix stretches, how "
            "long the sequences are, where the gradient is cut and whether it is clipped, and "
            "watch what comes back through time. It needs JavaScript; the picture shows its first "
            "setting.</p>"
        )

    def draw(self, fig):
        t, steps = self._run(), np.arange(1, self.length + 1)
        seen = steps > self.length - self.cut
        strips = (
            ("gradient that comes back to each state, last = 1", t.gradient),
            ("each step's share of the gradient of U", t.shares * self._factor(t.norm)),
        )
        for i, (ax, (name, bars)) in enumerate(zip(fig.subplots(2, 1, sharex=True), strips)):
            colour, kept = figures.series_style(i)["color"], seen & (bars > 0)
            ax.plot(steps[kept], bars[kept], "o-", markersize=4, color=colour)
            ax.set_yscale("log")
            ax.set_title(name, loc="left", fontsize=9.5)
        ax.set_xticks([1, self.length], ["step 1", f"{self.length}"])
