"""Draw your own schedule: a learning rate by hand, against noise and against tuned rivals."""

import json
from importlib.resources import files

import numpy as np
import traitlets

from optlib import figures, schedules
from optlib.widgets import base, tracer

# A noisy bowl with 50 curvatures from 1 down to 1/1000. Every coordinate starts at 1, and along a
# curvature h the noise in the gradient has the variance NOISE * h.
CURVATURES = np.logspace(0, -3, 50)
NOISE, START, STEPS = 0.01, 1.0, 2000
KNOTS = 17  # of the drawing over the first STEPS steps; MORE follow if the budget is doubled
MORE = 8
RANGE = (0.001, 4.0)
BUDGETS = {"once": "2000 steps", "twice": "and then 2000 more"}
RIVALS = ("constant", "linear", "cosine", "stable, then decay", "average of constant",
          "schedule-free")  # fmt: skip
# What a drawing can begin with, at the best rate of each.
SHAPES = {
    "constant": schedules.Constant(1.0),
    "linear": schedules.Linear(1.0, STEPS),
    "cosine": schedules.Cosine(1.0, STEPS),
}


def after_step(square, lr, h):
    """E[x**2] along curvature h after a step, from what it was before."""
    keep = 1 - lr * h
    return keep * keep * square + lr * lr * (NOISE * h)


def loss_of(squares):
    """The expected loss, from E[x**2] in each direction (along axis 0)."""
    return 0.5 * np.tensordot(CURVATURES, squares, 1)


def place(t):
    """Where step t is among the knots: 0 is the first one."""
    first = (t - 1) * ((KNOTS - 1) / (STEPS - 1))
    return np.where(t <= STEPS, first, KNOTS - 1 + (t - STEPS) * (MORE / STEPS))


def between(low, high, share):
    """Between two knots: a straight line on the logarithmic axis."""
    return low * np.exp(share * np.log(high / low))


def rates(drawing, steps):
    """The learning rates of steps 1, 2, ..., as drawn."""
    at, drawing = place(np.arange(1, steps + 1)), np.asarray(drawing, float)
    i = np.minimum(np.floor(at).astype(int), len(drawing) - 2)
    return between(drawing[i], drawing[i + 1], at - i)


def expected_losses(lrs):
    """The expected loss at the start and after each step with these learning rates: exact."""
    square = np.full(len(CURVATURES), START**2)
    losses = [loss_of(square)]
    with np.errstate(over="ignore", invalid="ignore"):
        for lr in lrs:
            square = after_step(square, lr, CURVATURES)
            losses.append(loss_of(square))
    return np.array(losses)


def stored():
    """What tools/results_schedules.py has computed."""
    return json.loads((files("optlib.results") / "schedules.json").read_text("utf-8"))


def _facts():
    """What the front end has to know, as JavaScript."""
    known = stored()["rivals"]
    facts = {
        "curvatures": CURVATURES.tolist(),
        "start": START,
        "steps": STEPS,
        "knots": KNOTS,
        "more": MORE,
        "range": RANGE,
        "limit": 2 / CURVATURES.max(),
        "budgets": BUDGETS,
        "rivals": {
            name: {
                "lr": known[name]["lr"],
                "ends": [float(f"{v:.4g}") for v in known[name]["ends"]],
            }
            for name in RIVALS
        },
        "goals": GOALS,
        "colours": {name: figures.SERIES[i][:2] for i, name in enumerate(("yours", "cosine"))},
    }
    return f"const DRAW = {json.dumps(facts)};\n"


# The losses that missions ask for: a fifth below the tuned cosine, and after twice the budget.
GOALS = {"cosine": 0.0005, "surprise": 0.00025}


class DrawSchedule(base.Widget):
    """Draw the learning rate of 2000 steps, see the expected loss, and race tuned schedules.

    Parameters
    ----------
    drawing : 17 learning rates from 0.001 to 4, at equal distances over the first 2000 steps, with
        straight lines between them on a logarithmic axis; 8 more may follow for the 2000 steps
        after these. Without them the last rate goes on.
    budget : "once", 2000 steps, or "twice": then 2000 more, without warning.

    With a kernel both are live traits; ``solved`` holds the missions solved so far: "drop",
    "cosine", "surprise". A value that makes no sense raises TraitError and changes nothing.
    """

    _esm = base.front_end(
        "kit.js",
        tracer.table_js("SCHEDULES", SHAPES, tracer.schedule_js),
        tracer.formula_js("afterStep", after_step),
        tracer.formula_js("place", place),
        tracer.formula_js("between", between),
        _facts(),
        "draw_schedule.js",
    )
    _css = base.style("base.css", "ellipse_lab.css", "draw_schedule.css")

    drawing = traitlets.List(traitlets.Float()).tag(sync=True)
    budget = traitlets.Enum(list(BUDGETS), "once").tag(sync=True)
    solved = traitlets.List(traitlets.Unicode(), []).tag(sync=True)

    @traitlets.default("drawing")
    def _begin(self):
        return [stored()["rivals"]["constant"]["lr"]] * (KNOTS + MORE)

    @traitlets.validate("drawing")
    def _check(self, proposal):
        drawing, (low, high) = proposal.value, RANGE
        if len(drawing) not in (KNOTS, KNOTS + MORE):
            raise traitlets.TraitError(
                f"drawing has {len(drawing)} rates; it must have {KNOTS}, or {KNOTS + MORE}"
            )
        for rate in drawing:
            if not low <= rate <= high:
                raise traitlets.TraitError(
                    f"drawing: the rate {rate!r} must lie between {low:g} and {high:g}"
                )
        return drawing + drawing[-1:] * (KNOTS + MORE - len(drawing))

    def __repr__(self):
        return f"DrawSchedule(drawing={self.drawing!r}, budget={self.budget!r})"

    def _steps(self):
        return STEPS if self.budget == "once" else 2 * STEPS

    def _losses(self):
        return expected_losses(rates(self.drawing, self._steps()))

    def alt(self):
        end = self._losses()[-1]
        cosine = stored()["rivals"]["cosine"]["ends"][self.budget == "twice"]
        shown = f"is {end:.2g}" if np.isfinite(end) and end < 1e6 else "has diverged"
        return (
            f"Left, a learning rate drawn over {self._steps()} steps, from {self.drawing[0]:.3g}, "
            f"on a logarithmic axis. Right, the expected loss on a noisy bowl: at the end it "
            f"{shown}. The tuned cosine reaches {cosine:.2g}."
        )

    def fallback(self):
        return (
            "<p>Here stands an experiment: draw a learning rate by hand and race it against tuned "
            "schedules on a noisy bowl. It needs JavaScript; the picture shows its first "
            "setting.</p>"
        )

    def draw(self, fig):
        left, right = fig.subplots(1, 2)
        steps = self._steps()
        cosine = schedules.Cosine(stored()["rivals"]["cosine"]["lr"], STEPS)
        left.semilogy(rates(self.drawing, steps), label="drawn", **figures.series_style(0))
        shown = np.maximum(cosine(np.arange(1, steps + 1)), RANGE[0])
        left.semilogy(shown, label="cosine", **figures.series_style(1))
        left.set(xlabel="step", ylabel=r"learning rate $\eta$", ylim=RANGE)
        left.legend()
        for i, lrs in enumerate((rates(self.drawing, steps), cosine(np.arange(1, steps + 1)))):
            right.semilogy(np.clip(expected_losses(lrs), 1e-5, 1e3), **figures.series_style(i))
        right.set(xlabel="step", ylabel="expected loss")
