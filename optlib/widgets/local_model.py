"""Local model: the bowl, saddle or dome that curvature sees at a point, and three steps from there.

numpy.linalg has no counterpart in JavaScript, so the steps are written here once for two variables,
as formulas that can be traced: with the Hessian ((a, b), (b, d)) the step for a shift s solves
(H + s I) p = -g by Cramer's rule. Shift 0 is Newton's step; a trust region's step is that of the
shift at which p has the length of the radius. Tests compare both with :class:`optlib.Newton` and
:func:`optlib.second_order.trust_region_step`.
"""

import functools
import json
import math

import numpy as np
import traitlets

from optlib import figures, registry
from optlib.second_order import trust_region_step
from optlib.widgets import base, tracer

LANDSCAPES = {
    "Quadratic": "Bowl, κ = 10",
    "Rosenbrock": "Rosenbrock's banana",
    "Himmelblau": "Himmelblau: four minima",
    "Saddle": "Saddle",
}
START = {
    "Quadratic": (10.0, 1.0),
    "Rosenbrock": (-1.2, 1.0),
    "Himmelblau": (1.0, 1.0),
    "Saddle": (1.0, 0.5),
}
RANGES = {"lr": (1e-4, 1.0), "radius": (0.01, 10.0)}
LIMIT = 1000.0  # of a coordinate
NAMES = ("gradient", "Newton", "trust region")


def shifted_x(gx, gy, a, b, d, s):
    return (b * gy - (d + s) * gx) / ((a + s) * (d + s) - b * b)


def shifted_y(gx, gy, a, b, d, s):
    return (b * gx - (a + s) * gy) / ((a + s) * (d + s) - b * b)


def lowest(a, b, d):
    """The smaller eigenvalue; the other one is a + d minus it."""
    half = (a - d) / 2
    return (a + d) / 2 - np.sqrt(half * half + b * b)


def model(gx, gy, a, b, d, px, py):
    """What the local quadratic adds to f at the step p."""
    return gx * px + gy * py + (a * px * px + 2 * b * px * py + d * py * py) / 2


FORMULAS = (shifted_x, shifted_y, lowest, model)


def _facts():
    """What the front end has to know of landscapes, ranges and styles, as JavaScript."""
    landscapes = {}
    for name, label in LANDSCAPES.items():
        p = registry.PROBLEMS[name]()
        landscapes[name] = {
            "label": label, "window": p.window, "minima": p.minima, "start": START[name],
        }  # fmt: skip
    facts = {
        "landscapes": landscapes,
        "ranges": RANGES,
        "limit": LIMIT,
        "colours": {name: figures.SERIES[i][:2] for i, name in enumerate(NAMES)},
    }
    return f"const LOCAL = {json.dumps(facts)};\n"


class LocalModel(base.Widget):
    """Drag a point: gradient step, Newton step and trust-region step from there, and the model.

    Parameters
    ----------
    problem : "Quadratic", "Rosenbrock", "Himmelblau" or "Saddle".
    point : where the three steps begin, (x, y).
    lr : learning rate of the gradient step, 1e-4 to 1.
    radius : of the trust region, 0.01 to 10.

    With a kernel every one of them is a live trait; ``solved`` holds the missions solved so far:
    "climb", "lure", "digits", "leash". A value that makes no sense raises TraitError and changes
    nothing.
    """

    _esm = base.front_end(
        "kit.js",
        tracer.table_js("OPTIMIZERS", {"GD": registry.OPTIMIZERS["GD"]}, tracer.optimizer_js),
        tracer.table_js(
            "PROBLEMS",
            {name: registry.PROBLEMS[name] for name in LANDSCAPES},
            functools.partial(tracer.problem_js, second=True),
        ),
        *(tracer.formula_js(formula.__name__, formula) for formula in FORMULAS),
        _facts(),
        "local_model.js",
    )
    _css = base.style("base.css", "ellipse_lab.css", "local_model.css")

    problem = traitlets.Enum(list(LANDSCAPES), "Himmelblau").tag(sync=True)
    point = traitlets.List(traitlets.Float(), [1.0, 1.0], minlen=2, maxlen=2).tag(sync=True)
    lr = traitlets.Float(0.01).tag(sync=True)
    radius = traitlets.Float(1.0).tag(sync=True)
    solved = traitlets.List(traitlets.Unicode(), []).tag(sync=True)

    _in_range = base.in_range(RANGES, "lr", "radius")

    @traitlets.validate("point")
    def _finite_point(self, proposal):
        if not all(math.isfinite(v) and abs(v) <= LIMIT for v in proposal.value):
            raise traitlets.TraitError(
                f"point={proposal.value!r} must be two numbers from -{LIMIT:g} to {LIMIT:g}"
            )
        return proposal.value

    def __repr__(self):
        names = ("problem", "point", "lr", "radius")
        return f"LocalModel({', '.join(f'{k}={getattr(self, k)!r}' for k in names)})"

    def _steps(self):
        """The problem, the point, the Hessian there, and the three steps; None if H is singular."""
        f, x = registry.PROBLEMS[self.problem](), np.array(self.point)
        g, H = f.gradient(x), f.hessian(x)
        try:
            newton = -np.linalg.solve(H, g)
        except np.linalg.LinAlgError:
            newton = None
        moved = x.copy()
        registry.OPTIMIZERS["GD"](moved, lr=self.lr).step(g)
        return f, x, H, dict(zip(NAMES, (moved - x, newton, trust_region_step(g, H, self.radius))))

    def alt(self):
        f, x, H, steps = self._steps()
        low, high = np.linalg.eigvalsh(H)
        said = ", ".join(
            f"{name} {'none' if p is None else f'{f.value(x + p):.4g}'}"
            for name, p in steps.items()
        )
        return (
            f"Level lines of {LANDSCAPES[self.problem]} and of its quadratic model at "
            f"({x[0]:g}, {x[1]:g}), where the curvatures are {low:.4g} and {high:.4g} and the loss "
            f"is {f.value(x):.4g}. Loss after one step: {said}."
        )

    def fallback(self):
        return (
            "<p>Here stands an experiment: drag a point over a landscape and watch the quadratic "
            "model that its slope and curvature make there, with the gradient step, the Newton "
            "step and the trust-region step. It needs JavaScript; the picture shows its first "
            "setting.</p>"
        )

    def draw(self, fig):
        ax = fig.subplots()
        f, x, H, steps = self._steps()
        (a, b), (c, d) = f.window
        grid = np.stack(np.meshgrid(np.linspace(a, b, 120), np.linspace(c, d, 90)))
        z = f.value(grid)
        ax.contour(*grid, z, levels=np.unique(np.quantile(z, np.linspace(0.01, 0.96, 14))),
                   colors=figures.ink("faint"), linewidths=0.7)  # fmt: skip
        g, p = f.gradient(x), grid - x[:, None, None]
        m = model(*g, H[0, 0], H[0, 1], H[1, 1], *p)
        ax.contour(*grid, m, levels=np.unique(np.quantile(m, np.linspace(0.05, 0.6, 6))),
                   colors=figures.ink(), linewidths=0.9, linestyles=":")  # fmt: skip
        for i, (name, step) in enumerate(steps.items()):
            if step is not None:
                ends = np.stack([x, x + np.clip(step, -LIMIT, LIMIT)])
                ax.plot(*ends.T, marker="o", label=name, **figures.series_style(i))
        ax.set(xlim=(a, b), ylim=(c, d), xlabel="$x$", ylabel="$y$", aspect="equal")
        ax.legend()
