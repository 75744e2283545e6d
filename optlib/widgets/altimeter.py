"""Altimeter versus spirit level: what it costs to find a valley by heights, and what by slopes."""

import functools
import json
from typing import NamedTuple

import numpy as np
import traitlets

from optlib import estimate, figures, registry
from optlib.first_order import GD
from optlib.widgets import base, tracer

# What a hiker can do before each step: its name, and its look in pictures.
TOOLS = {
    "one": "heights, one direction after another",
    "random": "heights, along a random direction",
    "level": "slope, by the spirit level",
}
LOOKS = {"hand": (4, "x"), "one": (0, "o"), "random": (1, "^"), "level": (2, "s")}
RANGES = {"n": (1, 1000), "budget": (10, 100_000), "valley": (1, 99), "spot": (-1.0, 1.0)}
SLOPE = 3  # what a whole slope vector costs, when a height costs 1
H = 1e-6  # how far from where it stands the hiker measures a slope by heights
RATE = 0.4  # 2 / (1 + 4), the best learning rate for the curvatures 1 and 4
GOAL = 1  # per cent of the height at the start
# Two directions of the landscape, with the curvatures 1 and 4; of constants, for fast JavaScript.
PAIR = registry.PROBLEMS["LeastSquares"](np.diag(np.sqrt([2.0, 8.0])), np.zeros(2))


def place(i, valley):
    """Where the bottom lies along direction i = 0, 1, ...: 0.4 to 0.9 from 0, on either side."""
    u = i * 0.7548776662466927 + valley * 0.5698402909980532
    u = u - np.floor(u)
    return np.where(u < 0.5, u - 0.9, u - 0.1)


def short_rate(n):
    """The learning rate for a random direction, whose estimates are longer by about n."""
    return RATE / (n + 2)


class Valley:
    """A landscape over n directions: pairs with the curvatures 1 and 4, the bottom hidden."""

    def __init__(self, n, number=1):
        self.n, self.bottom = n, place(np.arange(n), number)
        self.start = np.zeros(n)
        self.scale = 100 / self._sum(self.start)

    def _pairs(self, x):
        away = np.zeros(self.n + self.n % 2)
        away[: self.n] = x - self.bottom
        return away.reshape(-1, 2).T

    def _sum(self, x):
        return PAIR.f(self._pairs(x)).sum()

    def height(self, x):
        """Height above the bottom, in per cent of that at the start."""
        return self.scale * self._sum(x)

    def slope(self, x):
        """The gradient of the unscaled height."""
        return PAIR.grad(self._pairs(x)).T.ravel()[: self.n]


class Walk(NamedTuple):
    """units: what was spent; heights: at the start and after each step; arrived: at the goal?"""

    units: int
    heights: list
    arrived: bool


@functools.cache
def walk(tool, n, valley=1, budget=RANGES["budget"][1], seed=0):
    """Gradient descent in n directions with one of TOOLS until the goal, or until money runs out.

    A height costs 1 unit, a slope vector ``SLOPE``. That the goal is reached, the hiker is told.
    """
    land, spent = Valley(n, valley), 0

    def measured(x):
        nonlocal spent
        spent += 1
        return land._sum(x)

    x, rng = land.start.copy(), np.random.default_rng(seed)
    if tool == "random":
        gradient = estimate.random_direction(measured, H, rng)
        opt, cost = GD(x, lr=short_rate(n)), 2
    elif tool == "one":
        gradient = estimate.finite_difference(measured, H, central=False)
        opt, cost = GD(x, lr=RATE), n + 1
    else:
        gradient, opt, cost = land.slope, GD(x, lr=RATE), SLOPE
    heights = [land.height(x)]
    while heights[-1] > GOAL and spent + cost <= budget:
        before = spent
        opt.step(gradient(x))
        spent = before + cost if tool == "level" else spent
        assert spent - before == cost
        heights.append(land.height(x))
    return Walk(spent, heights, bool(heights[-1] <= GOAL))


def _facts():
    """What the front end has to know, as JavaScript."""
    facts = {
        "ranges": RANGES,
        "tools": TOOLS,
        "slope": SLOPE,
        "h": H,
        "rate": RATE,
        "goal": GOAL,
        "colours": {tool: figures.SERIES[k][:2] for tool, (k, _) in LOOKS.items()},
    }
    return f"const ALTI = {json.dumps(facts)};\n"


class Altimeter(base.Widget):
    """A hidden valley in n directions, two tools to find it, a bill, and four missions.

    Parameters
    ----------
    n : the number of directions, 1 to 1000.
    tool : "one" or "random" (heights only), or "level" (a whole slope vector).
    budget : units that may be spent, 10 to 100,000; a height costs 1, a slope vector 3.
    valley : which landscape, 1 to 99.
    spot : where the hand would measure next, -1 to 1 along the direction that is looked at.

    With a kernel every one of them is a live trait; ``runs`` holds the arrivals so far as lists of
    the tool ("hand" among them), n and units, ``solved`` the missions solved so far: "heights",
    "crossing", "law", "budget". A value that makes no sense raises TraitError and changes nothing.
    """

    _esm = base.front_end(
        "kit.js",
        tracer.table_js("RULES", {"GD": GD}, tracer.optimizer_js),
        tracer.table_js("PROBLEMS", {"Pair": PAIR}, tracer.problem_js),
        tracer.formula_js("placeOf", place),
        tracer.formula_js("shortRate", short_rate),
        _facts(),
        "altimeter.js",
    )
    _css = base.style("base.css", "ellipse_lab.css", "altimeter.css")

    n = traitlets.Int(2).tag(sync=True)
    tool = traitlets.Enum(list(TOOLS), "one").tag(sync=True)
    budget = traitlets.Int(1000).tag(sync=True)
    valley = traitlets.Int(1).tag(sync=True)
    spot = traitlets.Float(0.0).tag(sync=True)
    runs = traitlets.List([]).tag(sync=True)
    solved = traitlets.List(traitlets.Unicode(), []).tag(sync=True)

    _in_range = base.in_range(RANGES, "n", "budget", "valley", "spot")

    @traitlets.validate("runs")
    def _real_runs(self, proposal):
        low, high = RANGES["n"]
        for run in proposal.value:
            fits = isinstance(run, (list, tuple)) and len(run) == 3 and run[0] in LOOKS
            fits = fits and all(type(v) is int for v in run[1:])
            if not (fits and low <= run[1] <= high and run[2] > 0):
                raise traitlets.TraitError(
                    f"runs: {run!r} must be a tool ({', '.join(LOOKS)}), n and units"
                )
        return proposal.value

    def __repr__(self):
        names = ("n", "tool", "budget", "valley", "spot")
        return f"Altimeter({', '.join(f'{k}={getattr(self, k)!r}' for k in names)})"

    def _bills(self):
        """For each tool, dimensions and units of walks without a budget."""
        sizes = {"one": (1, 2, 3, 10, 30, 100, 300, 1000), "random": (1, 3, 10, 30, 100)}
        return {
            tool: {n: walk(tool, n, self.valley).units for n in sizes.get(tool, sizes["one"])}
            for tool in TOOLS
        }

    def alt(self):
        bills = self._bills()
        return (
            "Units to reach the valley against the number of directions, both axes logarithmic. "
            f"One height after another costs {bills['one'][1]} units with one direction, "
            f"{bills['one'][10]} with 10 and {bills['one'][1000]} with 1000; random directions "
            f"cost {bills['random'][10]} with 10 and {bills['random'][100]} with 100. The spirit "
            f"level costs {bills['level'][1]} with one and {bills['level'][1000]} with 1000."
        )

    def fallback(self):
        return (
            "<p>Here stands an experiment: look for a valley in up to a thousand directions, by "
            "measuring heights or by feeling the slope, and pay for each. It needs JavaScript; the "
            "picture shows what the walks cost.</p>"
        )

    def draw(self, fig):
        ax = fig.subplots()
        for tool, bill in self._bills().items():
            look, marker = LOOKS[tool]
            style = figures.series_style(look)
            ax.loglog(bill.keys(), bill.values(), marker=marker, label=TOOLS[tool], **style)
        ax.set(xlabel="directions $n$", ylabel="units to the valley")
        ax.legend(loc="upper left")
