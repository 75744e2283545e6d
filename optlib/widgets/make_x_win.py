"""Make X win: the stored runs of the benchmark, and every choice that a report of them can make.

The runs are those of ``optlib/results/benchmark.npz``, cut down to what a reader can choose from:
see :func:`extract`. What the front end computes from them, medians, ratios, profiles and areas,
is in a few functions that the tests compare with :mod:`optlib.statistics`.
"""

import functools
import json

import numpy as np
import traitlets

from optlib import comparison, figures
from optlib.statistics import area, middle, ratios
from optlib.widgets import base

METRICS = {"steps": "steps to the target", "loss": "loss at the stop"}
PICKS = {"all": "median of all seeds", "one": "one seed for all",
         "best": "X its best, others the median"}  # fmt: skip


TRIALS = (1, 5, 50)  # of the budgets, those that a reader can choose; and of the stops
STOPS = (0.5, 1.0)


@functools.cache
def stored():
    """The stored runs, cut down to the choices of readers, and what the protocol says of them."""
    runs = comparison.load()
    verdict = comparison.verdict(runs)
    trials = [b for b in runs.budgets if b in TRIALS]
    at = [runs.budgets.index(b) for b in trials]
    stops = [runs.stops.index(stop) for stop in STOPS]
    return runs._replace(
        budgets=trials, stops=list(STOPS), times=runs.times[:, :, at],
        losses=runs.losses[:, :, at][..., stops],
    ), verdict  # fmt: skip


ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
PER_DECADE = 100  # losses are kept in steps of 2.3 percent


def packed(values, letters):
    """Whole numbers as text; the two highest stand for a run that failed, and for none."""
    lost = 64**letters - 1
    codes = np.where(np.isfinite(values), values, 0).round().astype(int).clip(0, lost - 2)
    codes = np.where(np.isnan(values), lost - 1, np.where(np.isinf(values), lost, codes)).ravel()
    digits = [codes // 64**i % 64 for i in reversed(range(letters))]
    return "".join(ALPHABET[d] for d in np.stack(digits, axis=1).ravel())


def extract(runs):
    """Times and losses of the runs as two texts; axes as in Runs, the last one fastest.

    A time is counted in looks at the loss, and a loss in steps of 1 / PER_DECADE of a decade above
    the lowest one on that problem at that stop.
    """
    looks = runs.times / runs.every[:, None, None]
    logs = np.log10(runs.losses)
    lowest = np.where(np.isfinite(logs), logs, np.inf).min(axis=(0, 2, 3), keepdims=True)
    return {"time": packed(looks, 1), "loss": packed((logs - lowest) * PER_DECADE, 2)}


def _facts():
    """What the front end has to know, as JavaScript."""
    runs, verdict = stored()
    styles = [figures.STYLES[rule] for rule in runs.rules]
    facts = {
        "names": runs.names,
        "problems": [
            {"key": key, "label": label, "steps": int(steps), "every": float(every)}
            for key, label, steps, every in zip(
                runs.problems, runs.labels, runs.steps, runs.every
            )
        ],
        "budgets": runs.budgets,
        "seeds": runs.seeds,
        "stops": runs.stops,
        "metrics": METRICS,
        "picks": PICKS,
        "runs": extract(runs),
        "alphabet": ALPHABET,
        "perDecade": PER_DECADE,
        "colours": [style[:2] for style in styles],
        "dashes": [_dashes(style[2], name) for style, name in zip(styles, runs.names)],
        "verdict": {
            "rows": {
                name: {"score": round(s, 4), "low": round(a, 4), "high": round(b, 4), "says": says}
                for name, s, a, b, says in zip(
                    verdict.names, verdict.scores, verdict.low, verdict.high, verdict.says
                )
            },
            "order": verdict.order,
            "twins": list(comparison.TWINS),
            "says": verdict.sentence,
        },
    }
    return f"const RUNS = {json.dumps(facts, separators=(',', ':'))};\n"


def _dashes(style, name):
    if name == comparison.TWINS[1]:  # the same colour as its twin, dotted
        return [1, 3]
    return [] if style == "-" else list(style[1])


class MakeXWin(base.Widget):
    """Crown any optimizer by choices alone: tuning, metric, stopping time, problems, seeds.

    Parameters
    ----------
    crown : the name of the optimizer that shall win.
    mine, theirs : how many trials of tuning it had, and the others: 1 (defaults), 5 or 50.
    metric : "steps" to the target or "loss" at the stop.
    stop : number of the checkpoint at which the runs are stopped, from 0.
    problems : list of names.
    pick : "all", the median over the seeds; "one", the same for all methods; or "best", its best
        for the crowned one and the median for the others.
    seed : the one seed.
    revealed : whether the verdict of the protocol is shown.

    With a kernel every one of them is a live trait; ``solved`` holds the missions solved so far:
    "loser", "flip", "twins". A value that makes no sense raises TraitError and changes nothing.
    """

    _esm = base.front_end("kit.js", _facts(), "make_x_win.js")
    _css = base.style("base.css", "ellipse_lab.css", "make_x_win.css")

    crown = traitlets.Enum(stored()[0].names, comparison.TWINS[0]).tag(sync=True)
    mine = traitlets.Enum(stored()[0].budgets, stored()[0].budgets[-1]).tag(sync=True)
    theirs = traitlets.Enum(stored()[0].budgets, stored()[0].budgets[-1]).tag(sync=True)
    metric = traitlets.Enum(list(METRICS), "steps").tag(sync=True)
    stop = traitlets.Enum(
        list(range(len(stored()[0].stops))), len(stored()[0].stops) - 1
    ).tag(sync=True)
    problems = traitlets.List(
        traitlets.Enum(stored()[0].problems), list(stored()[0].problems), minlen=1
    ).tag(sync=True)
    pick = traitlets.Enum(list(PICKS), "all").tag(sync=True)
    seed = traitlets.Enum(stored()[0].seeds, stored()[0].seeds[0]).tag(sync=True)
    revealed = traitlets.Bool(False).tag(sync=True)
    solved = traitlets.List(traitlets.Unicode(), []).tag(sync=True)

    CHOICES = ("crown", "mine", "theirs", "metric", "stop", "problems", "pick", "seed")

    def __repr__(self):
        given = {k: getattr(self, k) for k in self.CHOICES if k != "problems"}
        return f"MakeXWin({', '.join(f'{k}={v!r}' for k, v in given.items())})"

    def table(self):
        """What each method gets on each chosen problem: steps or loss; inf for a failure, nan where
        it has no runs."""
        return table(stored()[0], **{k: getattr(self, k) for k in self.CHOICES})

    def scores(self):
        """The area under each method's profile, by name, the best first; who has no runs is out."""
        return scores_of(**{k: getattr(self, k) for k in self.CHOICES})

    def top(self):
        """Who is alone on top, or None."""
        return leader(self.scores())

    def alt(self):
        said = ", ".join(f"{name} {score:.2f}" for name, score in self.scores().items())
        return (
            f"Bars: the score of each optimizer, the mean height of its performance profile from 1 "
            f"to 4 times the best, under the choices of a report. {said}. Beside them the profiles."
        )

    def fallback(self):
        return (
            "<p>Here stands an experiment: crown any optimizer of the benchmark by choosing "
            "tuning, metric, stopping time, problems and seeds, and compare with the verdict of "
            "the protocol. It needs JavaScript; the picture shows its first setting.</p>"
        )

    def draw(self, fig):
        left, right = fig.subplots(1, 2)
        scores, runs = self.scores(), stored()[0]
        rule = dict(zip(runs.names, runs.rules))
        for i, (name, score) in enumerate(reversed(scores.items())):
            colour = figures.optimizer_style(rule[name])["color"]
            left.barh(i, score, color=colour, alpha=1 if name == self.crown else 0.55)
        left.set(xlabel="score", xlim=(0, 1), yticks=range(len(scores)))
        left.set_yticklabels(list(scores)[::-1])
        rows = self.table()
        part = ~np.isnan(rows).any(axis=1)
        for name, row in zip(np.array(runs.names)[part], ratios(rows[part])):
            up = np.sort(row)
            style = figures.optimizer_style(rule[name])
            style["linewidth"] = 2.5 if name == self.crown else 1
            x = np.concatenate([[1], np.minimum(up, 5), [5]])
            share = np.concatenate([[0], np.isfinite(up).cumsum(), [np.isfinite(up).sum()]])
            right.step(x, share / len(up), where="post", **style)
        right.set(xlabel=r"$\tau$", ylabel="share of problems", xlim=(1, 4), ylim=(0, 1.05))


def table(runs, *, crown, mine, theirs, metric, stop, problems, pick, seed):
    """table[method, problem] under a report's choices; see :class:`MakeXWin`."""
    rows = []
    for m, name in enumerate(runs.names):
        b, row = runs.budgets.index(mine if name == crown else theirs), []
        for p in (runs.problems.index(key) for key in problems):
            if metric == "loss":
                values = runs.losses[m, p, b, :, stop]
            else:
                values = runs.times[m, p, b].copy()
                values[values > runs.stops[stop] * runs.steps[p]] = np.inf  # not of nan
            if pick == "one":
                row.append(values[runs.seeds.index(seed)])
            elif pick == "best" and name == crown:
                row.append(values.min())
            else:
                row.append(middle(values))
        rows.append(row)
    return np.array(rows, dtype=float)


def scores_of(**choices):
    """The scores under a report's choices, the best first; what is not said is as in the plan."""
    runs, _ = stored()
    plan = dict(
        crown=comparison.TWINS[0], mine=runs.budgets[-1], theirs=runs.budgets[-1], metric="steps",
        stop=len(runs.stops) - 1, problems=runs.problems, pick="all", seed=runs.seeds[0],
    )  # fmt: skip
    rows = table(runs, **{**plan, **choices})
    part = ~np.isnan(rows).any(axis=1)
    names, found = np.array(runs.names)[part], area(rows[part])
    return {str(names[m]): float(found[m]) for m in np.argsort(-found, kind="stable")}


def leader(scores):
    """Who is alone on top of such scores, or None."""
    (name, best), *others = scores.items()
    return name if not others or best - others[0][1] > 1e-9 else None
