"""The playground: any rules against each other, on any problem or on a loss that is typed."""

import html
import json
import math
import re
from urllib.parse import parse_qsl, quote, urlsplit

import numpy as np
import traitlets

from optlib import expression, figures, optimizer, registry, trace
from optlib.problems import Problem
from optlib.widgets import base, tracer

RULES = registry.OPTIMIZERS
TYPED = "typed"  # the problem whose loss the reader types
LABELS = {
    "Quadratic": "Ellipse (quadratic bowl)",
    "Rosenbrock": "Rosenbrock's banana",
    "Himmelblau": "Himmelblau: four minima",
    "Saddle": "Saddle",
    "MonkeySaddle": "Monkey saddle",
    "TenWell": "Ten wells (one dimension)",
    "ProductModel": "Two-layer network xy = 1",
}
MOST_RUNNERS = 6
RANGES = {"steps": (1, 2000), "width": (1e-3, 1e4), "turn": (-180, 180), "tilt": (5, 90)}
FAR = 1e4  # bounds of the start and of the middle of the picture
VIEWS = {"map": "map", "surface": "surface (3-D)", "rates": "learning rates (sweep)"}
# Names of hyperparameters for people, and those whose range is more than "not negative" says.
WORDS = {
    "lr": "learning rate η", "beta": "momentum β", "beta1": "decay β₁", "beta2": "decay β₂",
    "rho": "decay ρ", "eps": "ε", "wd": "weight decay λ", "l2": "L2 penalty", "psi": "ψ",
    "kappa": "condition number κ", "angle": "angle (radians)",
}  # fmt: skip
SPANS = {
    "lr": (1e-5, 10.0, "log"), "eps": (1e-16, 1.0, "log"), "wd": (0.0, 1.0, "linear"),
    "l2": (0.0, 1.0, "linear"), "shrink": (0.05, 0.99, "linear"), "grow": (1.01, 2.0, "linear"),
    "kappa": (1.0, 1e4, "log"), "angle": (-1.6, 1.6, "linear"),
}  # fmt: skip


def span(key, default):
    """(low, high, scale) of the slider of a hyperparameter; "decay" is a log scale of 1 - value."""
    if key in SPANS:
        return SPANS[key]
    low, below = optimizer._range(key)
    if below < math.inf:
        return (float(low), 0.9999, "decay")
    return (default / 1e3, default * 1e3, "log") if default else (float(low), 1.0, "linear")


def _spans(defaults):
    return {key: span(key, value) for key, value in defaults.items()}


class Ribbon(Problem):
    """A problem of one variable as one of two: y does nothing."""

    def __init__(self, line):
        super().__init__()
        self.line, self.start = line, (*line.start, 0.0)
        self.minima = [(*x, 0.0) for x in line.minima]
        low, high = line.window[0]
        self.window = (line.window[0], (low / 3, high / 3))

    def f(self, x):
        return self.line.f(x[:1])

    def grad(self, x):
        g = self.line.grad(x[:1])[0]
        return np.stack([g, 0.0 * g])


def _two_dimensional():
    """Problems that a picture can show: made without data, of one or two variables.

    Left out are NesterovWorst, whose difficulty is its many dimensions, and LeastSquares, which
    needs data (with two weights it is an ellipse).
    """
    found = {}
    for name, cls in registry.PROBLEMS.items():
        try:
            dim = cls().dim
        except TypeError:  # it needs data
            continue
        if dim <= 2:
            found[name] = cls
    return found


PROBLEMS = _two_dimensional()
KNOWN_RULES = {name: _spans(cls.defaults) for name, cls in RULES.items()}
KNOWN_PROBLEMS = {name: _spans(cls.parameters) for name, cls in PROBLEMS.items()} | {TYPED: {}}
CALL = re.compile(r"\s*(\w+)\s*(?:\(([^()]*)\)\s*)?")


def read_call(text, known, what):
    """``"Adam(lr=0.1)"`` as ("Adam", {"lr": 0.1}); nonsense raises ValueError that names it."""
    match = CALL.fullmatch(text)
    if not match:
        raise ValueError(f"“{text}” is not of the form Name(key=number, key=number)")
    name, inside = match[1], match[2] or ""
    if name not in known:
        raise ValueError(f"there is no {what} “{name}”; there are {', '.join(known)}")
    values = {}
    for part in inside.split(",") if inside.strip() else []:
        key, _, number = (piece.strip() for piece in part.partition("="))
        if key not in known[name]:
            own = ", ".join(known[name]) or "none"
            raise ValueError(f"{name} has no number “{key}”; it has {own}")
        low, high, _ = known[name][key]
        try:
            values[key] = float(number)
        except ValueError:
            values[key] = math.nan
        if not low <= values[key] <= high:
            raise ValueError(f"{name}: {key}={number} must lie between {low:g} and {high:g}")
    return name, values


def read_rules(text):
    """``"GD(lr=0.1);Adam"`` as a list of (name, numbers that are given)."""
    found = [read_call(part, KNOWN_RULES, "rule") for part in text.split(";") if part.strip()]
    if not 1 <= len(found) <= MOST_RUNNERS:
        raise ValueError(f"name 1 to {MOST_RUNNERS} rules, separated by semicolons")
    return found


def read_sweep(text, rules):
    """``"2.beta1"`` as (1, "beta1"): the second runner's number to sweep beside its rate."""
    if not text:
        return None
    number, _, key = text.partition(".")
    if re.fullmatch("[1-9]", number) and int(number) <= len(rules):
        name, _ = rules[int(number) - 1]
        if key in KNOWN_RULES[name] and key != "lr":
            return int(number) - 1, key
    raise ValueError(
        f"“{text}” must be a runner's number, a dot and one of its numbers but lr, such as 1.beta1"
    )


def _check_loss(text):
    expression.parse(text)
    return text


def _check_point(value):
    if len(value) != 2 or not all(math.isfinite(v) and abs(v) <= FAR for v in value):
        raise ValueError(f"{list(value)!r} must be two numbers from {-FAR:g} to {FAR:g}")
    return [float(v) for v in value]


def _check_range(key):
    low, high = RANGES[key]

    def check(value):
        if not low <= value <= high:
            raise ValueError(f"{value!r} must lie between {low:g} and {high:g}")
        return value

    return check


def _check_one(names):
    def check(value):
        if value not in names:
            raise ValueError(f"“{value}” is none of {', '.join(names)}")
        return value

    return check


def _check_call(text):
    read_call(text, KNOWN_PROBLEMS, "problem")
    return text


def _check_rules(text):
    read_rules(text)
    return text


def _check_sweep(text):
    if text and not re.fullmatch(rf"[1-{MOST_RUNNERS}]\.\w+", text):
        raise ValueError(f"“{text}” must be a runner's number, a dot and a key, such as 1.beta1")
    return text


# Every setting: how it is checked, and how a link writes it. The order is that of a link.
CHECKS = {
    "problem": _check_call,
    "loss": _check_loss,
    "rules": _check_rules,
    "steps": _check_range("steps"),
    "start": _check_point,
    "middle": _check_point,
    "width": _check_range("width"),
    "view": _check_one(VIEWS),
    "axis": _check_one(["log", "linear"]),
    "sweep": _check_sweep,
    "turn": _check_range("turn"),
    "tilt": _check_range("tilt"),
}
SAFE = "=&;,()/^*.-_~"  # of a link's characters, those that need no % in a fragment


def _write(value):
    if isinstance(value, (list, tuple)):
        return ",".join(map(_write, value))
    return value if isinstance(value, str) else f"{value:.6g}"


def _read(key, text):
    if key in ("start", "middle"):
        return [float(part) for part in text.split(",")]
    return float(text) if key in RANGES else text


def view_of(problem):
    """Where the picture of a problem lies: {"start", "middle", "width"}."""
    (a, b), (c, d) = problem.window
    return {
        "start": [float(v) for v in problem.start],
        "middle": [(a + b) / 2, (c + d) / 2],
        "width": float(max(b - a, (d - c) / ASPECT)),
    }


ASPECT = 0.75  # height over width of the picture


def make(problem, loss):
    """The problem that the settings ``problem`` and ``loss`` mean."""
    name, numbers = read_call(problem, KNOWN_PROBLEMS, "problem")
    if name == TYPED:
        return expression.problem_of(loss)
    made = PROBLEMS[name](**numbers)
    return made if made.dim == 2 else Ribbon(made)


def check(settings):
    """The settings with all that they leave open filled in; ValueError names what makes no sense.

    A loss without a problem means the typed one. Start, middle and width follow from the problem.
    """
    if unknown := sorted(set(settings) - set(CHECKS)):
        raise ValueError(
            f"the playground has no {', '.join(map(repr, unknown))}; it has {', '.join(CHECKS)}"
        )
    for key, value in settings.items():
        try:
            CHECKS[key](value)
        except (ValueError, TypeError) as error:
            raise ValueError(f"{key}: {error}") from None
    given = dict(settings)
    if "loss" in given:
        given.setdefault("problem", TYPED)
    defaults = {key: trait.default() for key, trait in Playground.class_traits().items()}
    full = {key: given.get(key, defaults[key]) for key in CHECKS}
    try:
        read_sweep(full["sweep"], read_rules(full["rules"]))
    except ValueError as error:
        raise ValueError(f"sweep: {error}") from None
    return {**full, **view_of(make(full["problem"], full["loss"])), **given}


def _method(name, arguments, recorder, end):
    body = " ".join([*recorder.lines, *end])
    return f"{name}({arguments}) {{ {body} }}"


def operation_js(operation):
    """The value and the slopes of an operation of the typed language, by the tracer."""
    names = ["a", "b"][: operation.value.__code__.co_argcount]
    recorder = tracer.Recorder()
    value = operation.value(*(tracer.Symbol(recorder, n) for n in names))
    methods = [_method("value", "a, b", recorder, [f"return {tracer.literal(value)};"])]
    recorder = tracer.Recorder()
    # Both kinds of slopes take (a, b, z, s); those of one argument leave b alone.
    slopes = operation.slopes(*(tracer.Symbol(recorder, n) for n in [*names, "z"]))
    writes = [f"s[{i}] = {tracer.literal(slope)};" for i, slope in enumerate(slopes)]
    methods.append(_method("slopes", "a, b, z, s", recorder, writes))
    return "{ " + ", ".join(methods) + " }"


def language_js():
    """The typed language for JavaScript: its arithmetic, and the tables of its reader."""
    language = {
        "length": expression.LENGTH,
        "depth": expression.DEPTH,
        "variables": expression.VARIABLES,
        "constants": expression.CONSTANTS,
        "functions": {name: expression.ARGUMENTS[name] for name in expression.FUNCTIONS},
        "binds": expression.BINDS,
        "minus": expression.MINUS_BINDS,
        "others": expression.OTHER_SIGNS,
        "token": expression.TOKEN,
        "blank": expression.BLANK,
        "messages": expression.MESSAGES,
    }
    return (
        tracer.table_js("CALC", expression.OPERATIONS, operation_js)
        + f"const LANGUAGE = {json.dumps(language, ensure_ascii=False)};\n"
    )


def _dash(pattern):
    return [] if pattern == "-" else [2 * n for n in pattern[1]]


def _facts():
    """What the front end has to know of problems, rules and styles, as JavaScript."""
    problems = {}
    for name in PROBLEMS:
        p = make(name, "")
        problems[name] = {
            "label": LABELS.get(name, name),
            **view_of(p),
            "minima": p.minima,
            "floor": float(p.value(p.minima[0])) if p.minima else None,
            "spans": KNOWN_PROBLEMS[name],
        }
    typed = expression.problem_of("x + y")
    problems[TYPED] = {
        "label": "A loss that you type", **view_of(typed), "minima": [], "floor": None, "spans": {},
    }  # fmt: skip
    facts = {
        "problems": problems,
        "rules": {
            name: {
                "colour": figures.STYLES[name][:2],
                "dash": _dash(figures.STYLES[name][2]),
                "spans": KNOWN_RULES[name],
            }
            for name in RULES
        },
        # For a second runner in a colour that is taken.
        "spare": [pair[:2] for pair in figures.SERIES],
        "words": WORDS,
        "ranges": RANGES,
        "views": VIEWS,
        "far": FAR,
        "aspect": ASPECT,
        "most": MOST_RUNNERS,
        "call": CALL.pattern,
    }
    return f"const PLAY = {json.dumps(facts, ensure_ascii=False)};\n"


class Playground(base.Widget):
    """Race up to six rules on a problem or on a typed loss: map, surface, curves, rates.

    Parameters
    ----------
    problem : name of a problem of one or two variables, with numbers where it has any:
        "Rosenbrock", "Quadratic(kappa=100,angle=0.5)"; or "typed".
    loss : the typed loss in x and y, see :func:`optlib.expression.problem_of`. Given alone, it
        means ``problem="typed"``.
    rules : 1 to 6 runners with their hyperparameters, "GD(lr=0.001);Adam(lr=0.05,beta1=0.8)".
    steps : 1 to 2000.
    start, middle : the first point, and the point in the middle of the picture; by default the
        problem's.
    width : of the picture, 0.001 to 10,000; by default the problem's.
    view : "map", "surface" or "rates".
    axis : "log" or "linear", of losses and heights.
    sweep : what the picture of rates sweeps beside the learning rate: "" for the runners below each
        other, or a runner's number and one of its numbers, "2.beta1".
    turn, tilt : the eye's direction on the surface, in degrees.

    With a kernel every one of them is a live trait. A value that makes no sense raises TraitError
    and changes nothing.
    """

    _esm = base.front_end(
        "kit.js",
        tracer.table_js("OPTIMIZERS", RULES, tracer.optimizer_js),
        tracer.table_js("PROBLEMS", PROBLEMS, tracer.problem_js),
        language_js(),
        _facts(),
        "typed.js",
        "playground.js",
    )
    _css = base.style("base.css", "ellipse_lab.css", "playground.css")

    problem = traitlets.Unicode("Rosenbrock").tag(sync=True)
    loss = traitlets.Unicode("(x^2 - 1)^2 + 2*y^2 + x*y").tag(sync=True)
    rules = traitlets.Unicode("GD(lr=0.001);Momentum(lr=0.001);Adam(lr=0.05)").tag(sync=True)
    steps = traitlets.Int(300).tag(sync=True)
    start = traitlets.List(traitlets.Float(), [-1.2, 1.0]).tag(sync=True)
    middle = traitlets.List(traitlets.Float(), [0.0, 1.0]).tag(sync=True)
    width = traitlets.Float(5.0).tag(sync=True)
    view = traitlets.Unicode("map").tag(sync=True)
    axis = traitlets.Unicode("log").tag(sync=True)
    sweep = traitlets.Unicode("").tag(sync=True)
    turn = traitlets.Float(-30.0).tag(sync=True)
    tilt = traitlets.Float(50.0).tag(sync=True)

    def __init__(self, **settings):
        own = {key: value for key, value in settings.items() if key in CHECKS}
        try:
            own = check(own)
        except ValueError as error:
            raise traitlets.TraitError(str(error)) from None
        super().__init__(**settings, **{k: v for k, v in own.items() if k not in settings})

    @traitlets.validate(*CHECKS)
    def _sensible(self, proposal):
        try:
            return CHECKS[proposal.trait.name](proposal.value)
        except ValueError as error:
            raise traitlets.TraitError(f"{proposal.trait.name}: {error}") from None

    @staticmethod
    def link(**settings):
        """The part of a link from its # on that opens the page at these settings.

        Only what is given is written. What makes no sense raises ValueError.

        >>> Playground.link(problem="Quadratic(kappa=100)", rules="GD(lr=0.02)", steps=50)
        '#problem=Quadratic(kappa=100)&rules=GD(lr=0.02)&steps=50'
        >>> Playground.link(loss="x^2 + y^2")
        '#loss=x^2%2By^2'
        """
        check(settings)
        parts = []
        for key in CHECKS:
            if key in settings:
                value = "".join(_write(settings[key]).split())
                parts.append(f"{key}={quote(value, safe=SAFE)}")
        return "#" + "&".join(parts)

    @classmethod
    def settings_of(cls, link):
        """The settings that a link asks for; what makes no sense raises ValueError.

        >>> Playground.settings_of("playground.html#loss=x^2%2By^2&steps=50")
        {'loss': 'x^2+y^2', 'steps': 50}
        """
        found = {}
        for key, text in parse_qsl(urlsplit(link).fragment, keep_blank_values=True):
            try:
                found[key] = _read(key, text)
            except ValueError:
                raise ValueError(f"{key}: “{text}” is not a number") from None
        if "steps" in found:
            found["steps"] = round(found["steps"])
        check(found)
        return found

    def __repr__(self):
        settings = {key: getattr(self, key) for key in CHECKS}
        plain = check({k: settings[k] for k in ("problem", "loss")})
        shown = [
            f"{key}={value!r}"
            for key, value in settings.items()
            if key in ("problem", "rules", "steps") or (key != "loss" and value != plain[key])
        ]
        if self._name() == TYPED:
            shown.insert(1, f"loss={self.loss!r}")
        return f"Playground({', '.join(shown)})"

    def _name(self):
        return read_call(self.problem, KNOWN_PROBLEMS, "problem")[0]

    def _runs(self):
        problem, runs = make(self.problem, self.loss), []
        for number, (name, hyper) in enumerate(read_rules(self.rules), 1):
            with np.errstate(all="ignore"):
                run = trace.run(RULES[name], problem, self.steps, self.start, **hyper)
            runs.append((f"{number} {name}", name, run))
        return problem, runs

    def alt(self):
        _, runs = self._runs()
        ends = ", ".join(
            f"{label} {run.f[-1]:.2e}" if np.isfinite(run.f[-1]) else f"{label} diverged"
            for label, _, run in runs
        )
        what = self.loss if self._name() == TYPED else self.problem
        return (
            f"Left, level lines of {what} with the paths of the runners from "
            f"({self.start[0]:g}, {self.start[1]:g}); right, their losses. Loss after "
            f"{self.steps} steps: {ends}."
        )

    def fallback(self):
        return (
            "<p>Here stands the playground: choose rules and their numbers, choose a problem or "
            "type a loss, and watch paths, losses, the surface and a sweep of learning rates. It "
            f"needs JavaScript; the picture shows {html.escape(self.problem)} with "
            f"{html.escape(self.rules.replace(';', ', '))}.</p>"
        )

    def draw(self, fig):
        problem, runs = self._runs()
        left, right = fig.subplots(1, 2)
        w, (mx, my) = self.width / 2, self.middle
        x, y = np.linspace(mx - w, mx + w, 120), my + ASPECT * np.linspace(-w, w, 90)
        grid = np.meshgrid(x, y)
        with np.errstate(all="ignore"):
            z = problem.f(np.stack(grid))
        z = np.ma.masked_invalid(z)
        if z.count():
            levels = np.unique(np.quantile(z.compressed(), np.linspace(0.01, 0.96, 14)))
            left.contour(*grid, z, levels=levels, colors=figures.ink("faint"), linewidths=0.7)
        for label, name, run in runs:
            style = {**figures.optimizer_style(name), "label": label}
            near = (np.abs(run.x) < 1e6).all(axis=1)  # a NaN is not near
            stop = len(near) if near.all() else near.argmin()
            left.plot(*run.x[:stop].T, **style)
            right.plot(np.where(np.isfinite(run.f), np.clip(run.f, -1e30, 1e30), np.nan), **style)
        left.plot(*self.start, "o", ms=9, mfc="none", mec=figures.ink())
        left.set(xlim=(x[0], x[-1]), ylim=(y[0], y[-1]), xlabel="$x$", ylabel="$y$")
        right.set(xlabel="step", ylabel="loss")
        if self.axis == "log":
            right.set_yscale("symlog" if any((run.f <= 0).any() for *_, run in runs) else "log")
        right.legend()
