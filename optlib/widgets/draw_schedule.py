"""Draw your own schedule: a learning rate by hand, against noise and against tuned rivals."""

import json
from importlib.resources import files

import numpy as np
import traitlets

from optlib import figures, schedules
from optlib.noisy_bowl import (
    CURVATURES,
    KNOTS,
    MORE,
    RANGE,
    START,
    STEPS,
    after_step,
    between,
    expected_losses,
    place,
    rates,
)
from optlib.widgets import base, tracer

BUDGETS = {"once": "2000 steps", "twice": "and then 2000 more"}
RIVALS = ("constant", "linear", "cosine", "stable, then decay", "average of constant",
          "schedule-free")  # fmt: skip
# What a drawing can begin with, at the best rate of each.
SHAPES = {
    "constant": schedules.Constant(1.0),
    "linear": schedules.Linear(1.0, STEPS),
    "cosine": schedules.Cosine(1.0, STEPS),
}


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
        "level": LEVEL,
        "colours": {name: figures.SERIES[i][:2] for i, name in enumerate(("yours", "cosine"))},
    }
    return f"const DRAW = {json.dumps(facts)};\n"


# The losses that missions ask for: a fifth below the tuned cosine, and after twice the budget.
GOALS = {"cosine": 0.0005, "surprise": 0.00025}
LEVEL = 1.3  # what counts as level, as the largest rate by the smallest


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
        losses = self._losses()
        end, survived = losses[-1], (losses < 1e3).all()  # as in draw_schedule.js
        cosine = stored()["rivals"]["cosine"]["ends"][self.budget == "twice"]
        shown = f"is {end:.2g}" if survived else "has diverged"
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
