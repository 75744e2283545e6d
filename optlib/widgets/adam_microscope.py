"""Adam microscope: what an adaptive rule makes of the gradients that one parameter gets."""

import json

import numpy as np
import traitlets

from optlib import figures, registry
from optlib.schedules import InverseSqrt
from optlib.widgets import base, tracer

BARS = 32
# What a rule divides, and by the root of what. None stands for the gradient itself.
VIEWS = {
    "Adam": ("m", "v"),
    "AMSGrad": ("m", "w"),
    "NAdam": ("m", "v"),
    "RAdam": ("m", "v"),
    "RMSprop": (None, "v"),
    "Adagrad": (None, "s"),
}
RULES = {name: registry.OPTIMIZERS[name] for name in VIEWS}
CORRECTABLE = ("Adam", "AMSGrad")  # the rules whose correction can be taken off
FOREVER = 10**9  # a rule that believes it has run so long has nothing left to correct
RANGES = {
    "before": (0, 5000),
    "beta1": (0.0, 0.99),
    "beta2": (0.05, 0.99999),
    "eps": (1e-12, 1.0),
    "bar": (1, BARS),
}
# Reddi's streams: one large gradient, then small ones of the other sign; x is kept in [-1, 1].
STREAMS = {
    "online": dict(large=1010.0, small=-10.0, period=101, start=0.0, lr=0.5, steps=200_000),
    "three": dict(large=3.0, small=-1.0, period=3, start=1.0, lr=0.9 * 0.9**0.5, steps=30_000),
}
LABELS = {
    "bars": "drawn by hand",
    "online": "Reddi: 1010 once in 101 steps, else −10",
    "three": "Reddi: 3, −1, −1",
}


def _presets():
    k = np.arange(BARS)
    shapes = {
        "constant": np.full(BARS, 0.5),
        "spike": np.where(k == BARS - 1, 1.0, 0.0),
        "growing": 1.3 ** (k - BARS + 1.0),  # too fast for the longest step: that is a mission
        "alternating": 0.5 * (-1.0) ** k,
        "noise": np.clip(np.random.default_rng(25).normal(0, 0.4, BARS), -1, 1),
        "zero": np.zeros(BARS),
    }
    return {name: [round(float(g), 2) for g in shape] for name, shape in shapes.items()}


PRESETS = _presets()


def corrected(average, beta, t):
    """An average that began at zero, freed of that."""
    return average / (1 - beta**t)


def _begin(name, hyper, correct, start, lr):
    """The rule at its start, and what it believes to be the step before the first."""
    cls = RULES[name]
    since = FOREVER if name in CORRECTABLE and not correct else 0
    own = {key: value for key, value in hyper.items() if key in cls.defaults}
    opt = cls(np.array([start]), lr=lambda t: lr(t - since), **own)
    opt.t = since
    return opt


def look(name, bars, before=0, fill="zeros", correct=True, **hyper):
    """What the rule makes of each bar: rows of (m, v, corrected m, corrected v, step / lr).

    m is the gradient itself where a rule keeps no average of it. ``before`` steps precede the first
    bar: zeros, or the same bars again and again.
    """
    opt = _begin(name, hyper, correct, 0.0, lr=lambda t: 1.0)
    past = np.zeros(before) if fill == "zeros" else np.resize(bars[::-1], before)[::-1]
    for g in past:
        opt.step([g])
    first, second = VIEWS[name]
    rows = []
    for g in bars:
        at = opt.x[0]
        opt.step([g])
        m = opt.state[first][0] if first else g
        v = opt.state[second][0]
        m_hat = corrected(m, hyper["beta1"], opt.t) if first else m
        v_hat = corrected(v, hyper["beta2"], opt.t) if first else v
        rows.append((m, v, m_hat, v_hat, at - opt.x[0]))
    return np.array(rows)


def stream_path(name, stream, correct=True, **hyper):
    """Where the rule is on one of Reddi's streams: x after every step, the start included."""
    s = STREAMS[stream]
    opt = _begin(name, hyper, correct, s["start"], InverseSqrt(s["lr"]))
    large, small = np.array([s["large"]]), np.array([s["small"]])
    path = [s["start"]]
    for t in range(s["steps"]):
        opt.advance(small if t % s["period"] else large)
        opt.x[0] = min(1.0, max(-1.0, opt.x[0]))
        path.append(opt.x[0])
    return np.array(path)


def _micro():
    """What the front end has to know, as JavaScript."""
    facts = {
        "bars": BARS,
        "ranges": RANGES,
        "views": VIEWS,
        "correctable": CORRECTABLE,
        "forever": FOREVER,
        "streams": STREAMS,
        "labels": LABELS,
        "presets": PRESETS,
        "colours": {name: figures.STYLES[name][:2] for name in RULES},
    }
    return f"const MICRO = {json.dumps(facts)};\n"


class AdamMicroscope(base.Widget):
    """One parameter, 32 gradients, and everything that a rule keeps and does; six missions.

    Parameters
    ----------
    rule : "Adam", "AMSGrad", "NAdam", "RAdam", "RMSprop" or "Adagrad".
    stream : "bars", the gradients drawn by hand; "online" or "three", the streams of Reddi, Kale
        and Kumar, with x kept in [-1, 1].
    bars : 32 gradients from -1 to 1; ``PRESETS`` in this module has some.
    before, fill : how many steps precede the first bar, 0 to 5000, and of what: "zeros", or
        "repeat", the same bars again and again.
    correct : whether the bias correction is on (Adam and AMSGrad).
    beta1, beta2, eps : 0 to 0.99, 0.05 to 0.99999, 1e-12 to 1.
    bar : the chosen bar, 1 to 32.

    With a kernel every one of them is a live trait; ``solved`` holds the missions solved so far:
    "beyond 3.2", "beyond 5", "beyond 7", "noise", "uncorrected", "cure". A value that makes no
    sense raises TraitError and changes nothing.
    """

    _esm = base.front_end(
        "kit.js",
        tracer.table_js("OPTIMIZERS", RULES, tracer.optimizer_js),
        tracer.table_js("SCHEDULES", {"InverseSqrt": InverseSqrt}, tracer.schedule_js),
        tracer.formula_js("corrected", corrected),
        _micro(),
        "adam_microscope.js",
    )
    _css = base.style("base.css", "ellipse_lab.css", "adam_microscope.css")

    rule = traitlets.Enum(list(RULES), "Adam").tag(sync=True)
    stream = traitlets.Enum(["bars", *STREAMS], "bars").tag(sync=True)
    bars = traitlets.List(traitlets.Float(), PRESETS["constant"]).tag(sync=True)
    before = traitlets.Int(0).tag(sync=True)
    fill = traitlets.Enum(["zeros", "repeat"], "zeros").tag(sync=True)
    correct = traitlets.Bool(True).tag(sync=True)
    beta1 = traitlets.Float(0.9).tag(sync=True)
    beta2 = traitlets.Float(0.999).tag(sync=True)
    eps = traitlets.Float(1e-8).tag(sync=True)
    bar = traitlets.Int(1).tag(sync=True)
    solved = traitlets.List(traitlets.Unicode(), []).tag(sync=True)

    _in_range = base.in_range(RANGES, "before", "beta1", "beta2", "eps", "bar")

    @traitlets.validate("bars")
    def _are_bars(self, proposal):
        bars = proposal.value
        if len(bars) != BARS or not all(-1 <= g <= 1 for g in bars):
            raise traitlets.TraitError(
                f"bars must be {BARS} numbers from -1 to 1, not {len(bars)}: {str(bars)[:60]}"
            )
        return bars

    def __repr__(self):
        names = ("rule", "stream", "before", "fill", "correct", "beta1", "beta2", "eps")
        return f"AdamMicroscope({', '.join(f'{k}={getattr(self, k)!r}' for k in names)})"

    def _hyper(self):
        return dict(correct=self.correct, beta1=self.beta1, beta2=self.beta2, eps=self.eps)

    def _steps(self):
        return look(self.rule, self.bars, self.before, self.fill, **self._hyper())[:, 4]

    def _path(self):
        return stream_path(self.rule, self.stream, **self._hyper())

    def alt(self):
        if self.stream != "bars":
            end = self._path()[-1]
            steps = STREAMS[self.stream]["steps"]
            return (
                f"Where {self.rule} with beta2 = {self.beta2:g} is on Reddi's stream "
                f"({LABELS[self.stream]}), step by step: after {steps} steps x = {end:.3f}. The "
                "best point is -1."
            )
        steps = np.abs(self._steps())
        return (
            f"Above, {BARS} gradients between {min(self.bars):g} and {max(self.bars):g}; below, "
            f"the steps of {self.rule} in units of the learning rate. The longest is "
            f"{steps.max():.2f}, at bar {steps.argmax() + 1}; their rms is "
            f"{np.sqrt(np.mean(steps**2)):.2f}."
        )

    def fallback(self):
        return (
            "<p>Here stands an experiment: draw the gradients that one parameter gets, and see "
            "what Adam or another adaptive rule keeps of them and how far it steps. It needs "
            "JavaScript; the picture shows its first setting.</p>"
        )

    def draw(self, fig):
        look_ = figures.optimizer_style(self.rule)
        if self.stream != "bars":
            ax = fig.subplots()
            path = self._path()
            ax.plot(np.arange(len(path))[::100], path[::100], **look_)
            ax.set(xlabel="step", ylabel="$x$", ylim=(-1.05, 1.05))
            return
        above, below = fig.subplots(2, 1, sharex=True)
        k = np.arange(1, BARS + 1)
        above.bar(k, self.bars, color=figures.ink("faint"))
        above.set(ylabel="gradient", ylim=(-1.05, 1.05))
        below.bar(k, self._steps(), color=look_["color"])
        below.set(xlabel="bar", ylabel=r"step / $\eta$")
