"""Tuning budget game: twenty trials on each of three problems, against a random search."""

import json
from importlib.resources import files

import numpy as np
import traitlets

from optlib import figures, tuning_game
from optlib.tuning_game import BETAS, BUDGET, NOISE, OFFERED, PROBLEMS, RULES, SCALES, STEPS, WIDER
from optlib.widgets import base, tracer

LABELS = {
    "banana": "banana",
    "diabetes": "patients",
    "noisy": "noisy bowl",
}
HOW = ("hand", *SCALES)
NEW_SEEDS, FIRST_NEW = 100, 100_000
GOALS = {"edge": 1e-8, "luck": 0.045}
ENOUGH = 10  # trials before the best of them is worth a second look
MOST = BUDGET * len(PROBLEMS)


def stored():
    """What tools/results_tuning.py has computed of random searches."""
    return json.loads((files("optlib.results") / "tuning.json").read_text("utf-8"))["game"]


def _facts():
    """What the front end has to know, as JavaScript."""
    facts = {
        "problems": LABELS,
        "starts": tuning_game.STARTS,
        "noise": NOISE,
        "memory": tuning_game.MEMORY,
        "scales": SCALES,
        "steps": STEPS,
        "budget": BUDGET,
        "offered": OFFERED,
        "wider": WIDER,
        "betas": BETAS,
        "lost": tuning_game.LOST,
        "bands": {p: {s: [_shown(row) for row in rows] for s, rows in by.items()}
                  for p, by in stored().items()},
        "fresh": [NEW_SEEDS, FIRST_NEW],
        "goals": GOALS,
        "enough": ENOUGH,
        "colours": {name: figures.STYLES[name][:2] for name in RULES},
    }  # fmt: skip
    return f"const GAME = {json.dumps(facts)};\n"


def _shown(row):
    return [1e300 if value is None else value for value in row]


def read_trial(text):
    """A trial as (problem, rule, lr, beta, schedule, how); ValueError says what is wrong."""
    parts = text.split(",")
    try:
        problem, rule, lr, beta, schedule, how = parts
        lr, beta = float(lr), float(beta)
    except ValueError:
        raise ValueError(
            f"the trial {text!r} must be problem,rule,rate,beta,schedule,{'|'.join(HOW)}"
        ) from None
    for value, known in (
        (problem, PROBLEMS), (rule, RULES), (schedule, tuning_game.SCHEDULES), (how, HOW)
    ):  # fmt: skip
        if value not in known:
            raise ValueError(f"the trial {text!r}: {value!r} is none of {', '.join(known)}")
    for name, value, (low, high) in (("rate", lr, WIDER), ("beta", beta, BETAS)):
        if not low <= value <= high:
            raise ValueError(
                f"the trial {text!r}: the {name} must lie between {low:g} and {high:g}"
            )
    return problem, rule, lr, beta, schedule, how


class TuningGame(base.Widget):
    """Choose a rule, a rate and a schedule, and spend twenty trials on each of three problems.

    Parameters
    ----------
    problem : "banana" (Rosenbrock), "diabetes" (a regression on ten measurements) or "noisy" (a
        bowl with noise in every gradient).
    rule : "GD", "Momentum", "RMSprop" or "Adam".
    lr : learning rate, 1e-7 to 1000.
    beta : memory of Momentum and Adam, 0 to 0.99.
    schedule : "constant", or "linear" to zero.
    range : "offered", 1e-5 to 10, or "wider": what the slider of the rate covers.
    rival : "evenly" or "by decade": how the random search draws its rates.
    trials : what was tried: texts "problem,rule,rate,beta,schedule,how", at most 20 a problem.
    reruns : trials that were run again, on 100 new seeds each.

    With a kernel every one of them is a live trait; ``solved`` holds the missions solved so far:
    "scale", "edge", "luck". A value that makes no sense raises TraitError and changes nothing.
    """

    _esm = base.front_end(
        "kit.js",
        tracer.table_js("RULES", RULES, tracer.optimizer_js),
        tracer.table_js("TASKS", PROBLEMS, tracer.problem_js),
        tracer.table_js("SCHEDULES", tuning_game.SCHEDULES, tracer.schedule_js),
        _facts(),
        "tuning_game.js",
    )
    _css = base.style("base.css", "ellipse_lab.css", "tuning_game.css")

    problem = traitlets.Enum(list(PROBLEMS), "banana").tag(sync=True)
    rule = traitlets.Enum(list(RULES), "Adam").tag(sync=True)
    lr = traitlets.Float(0.001).tag(sync=True)
    beta = traitlets.Float(0.9).tag(sync=True)
    schedule = traitlets.Enum(list(tuning_game.SCHEDULES), "constant").tag(sync=True)
    range = traitlets.Enum(["offered", "wider"], "offered").tag(sync=True)
    rival = traitlets.Enum(list(SCALES), "by decade").tag(sync=True)
    trials = traitlets.List(traitlets.Unicode(), []).tag(sync=True)
    reruns = traitlets.List(traitlets.Unicode(), []).tag(sync=True)
    solved = traitlets.List(traitlets.Unicode(), []).tag(sync=True)

    _in_range = base.in_range({"lr": WIDER, "beta": BETAS}, "lr", "beta")

    @traitlets.validate("trials", "reruns")
    def _trials(self, proposal):
        try:
            names = [read_trial(text)[0] for text in proposal.value]
        except ValueError as error:
            raise traitlets.TraitError(f"{proposal.trait.name}: {error}") from None
        if proposal.trait.name == "trials":
            for name in PROBLEMS:
                if names.count(name) > BUDGET:
                    raise traitlets.TraitError(
                        f"trials: {names.count(name)} on {name!r}, and the budget is {BUDGET}"
                    )
        return proposal.value

    def __repr__(self):
        names = ("problem", "rule", "lr", "beta", "schedule", "range", "rival", "trials")
        return f"TuningGame({', '.join(f'{k}={getattr(self, k)!r}' for k in names)})"

    def own(self):
        """The trials on the present problem, each with its losses."""
        mine = [t for t in map(read_trial, self.trials) if t[0] == self.problem]
        return [(t, curve(t, seed)) for seed, t in enumerate(mine, start=1)]

    def alt(self):
        tried, band = self.own(), stored()[self.problem][self.rival]
        half = f"in half of all cases {_reached(band[-1][1])} or better"
        chance = f"A random search with {BUDGET} trials reaches {half}."
        name = LABELS[self.problem]
        if not tried:
            return f"The {name}: nothing was tried yet. {chance}"
        best = min(losses[-1] for _, losses in tried)
        number = f"{len(tried)} trial{'s' * (len(tried) > 1)}"
        return (
            f"The {name} after {number} of {BUDGET}: the loss along each, over {STEPS} steps; the "
            f"last loss against the learning rate; and the best so far, {_reached(best)}. {chance}"
        )

    def fallback(self):
        return (
            "<p>Here stands a game: twenty trials for each of three problems, with a rule, a "
            "learning rate and a schedule of your choice, against a random search. It needs "
            "JavaScript; the picture shows its first setting.</p>"
        )

    def draw(self, fig):
        left, middle, right = fig.subplots(1, 3)
        tried = self.own()
        for (_, rule, lr, *_), losses in tried:
            style = figures.optimizer_style(rule)
            left.semilogy(losses, color=style["color"])
            middle.loglog(lr, min(losses[-1], tuning_game.LOST), "o", color=style["color"])
        band = np.minimum(np.array(stored()[self.problem][self.rival], float), tuning_game.LOST)
        band = np.where(np.isnan(band), tuning_game.LOST, band)
        k = np.arange(1, BUDGET + 1)
        right.fill_between(k, band[:, 0], band[:, 2], color=figures.ink("faint"), alpha=0.4)
        right.semilogy(k, band[:, 1], "--", color=figures.ink())
        if tried:
            best = np.minimum.accumulate([losses[-1] for _, losses in tried])
            right.step(k[: len(best)], np.minimum(best, tuning_game.LOST), where="post")
        left.set(xlabel="step", ylabel="loss")
        middle.set(xlabel=r"learning rate $\eta$", ylabel="last loss", xlim=OFFERED, xscale="log")
        right.set(xlabel="trials", ylabel="best so far")


def _reached(value):
    return f"{value:.2g}" if value is not None and np.isfinite(value) else "nothing"


def curve(trial, seed):
    """The losses of one trial, STEPS + 1 of them; ``seed`` draws its noise."""
    problem, rule, lr, beta, schedule, _ = trial
    noise = tuning_game.kicks(problem, seed)[:, :, None] if NOISE[problem] else 0.0
    return tuning_game.losses(problem, rule, lr, beta, schedule, noise)[:, 0]
