"""Find the broken node: the chain rule by hand, and a wrong backward rule found by few checks."""

import itertools
import json
import math
from typing import NamedTuple

import numpy as np
import traitlets

from optlib import drawing, figures
from optlib.scalar import Value, exp, log, tanh
from optlib.widgets import base, tracer

MODES = {"hand": "Chain rule by hand", "broken": "One rule is broken"}
SIGNS = {"*": "×", "-": "−", "/": "÷", "+": "+"}
RULES = {  # what the reader is told after a number that matches no known mistake
    "tanh": "tanh has the slope 1 − y², where y is its value",
    "exp": "exp has its own value for a slope",
    "log": "the logarithm has the slope 1/x",
    "^": "x to the power n has the slope n times x to the power n − 1",
    "*": "each factor of a product has the other factor for a slope",
    "/": "a/b has the slope 1/b for a, and −a/b² for b",
    "-": "a difference has the slope 1 for the first number and −1 for the second",
    "+": "a sum has the slope 1 for each of its parts",
}


# ------------------------------------------------------------------ calculations, run with Values
# Each takes a function ``let(name, value)`` that returns the value, so that one number on the way
# can be nudged, and ends with its result.


def neuron(let):
    """The squared error of one neuron."""
    x, w = let("x", Value(1.5)), let("w", Value(-0.6))
    b, t = let("b", Value(0.4)), let("t", Value(0.2))
    z = let("z", let("p", w * x) + b)
    e = let("e", let("y", tanh(z)) - t)
    return let("f", e**2)


def shared(let):
    """A number that is used twice."""
    x, y = let("x", Value(0.5)), let("y", Value(0.3))
    s = let("s", x + y)
    return let("f", let("u", tanh(s)) * s)


def network(let):
    """The squared error of a network with two hidden units."""
    x1, x2 = let("x1", Value(0.9)), let("x2", Value(-0.7))
    weights = {"w11": 0.8, "w12": -0.5, "w21": -0.6, "w22": -1.1, "a1": 1.2, "a2": -0.7}
    w = {name: let(name, Value(a)) for name, a in weights.items()}
    parts = []
    for k in "12":
        p = let(f"p{k}", w[f"w{k}1"] * x1)
        z = let(f"z{k}", p + let(f"q{k}", w[f"w{k}2"] * x2))
        parts.append(let(f"r{k}", w[f"a{k}"] * let(f"h{k}", tanh(z))))
    e = let("e", let("y", parts[0] + parts[1]) - let("t", Value(0.5)))
    return let("f", e**2)


STEPS = {
    "tanh": lambda v, c: tanh(v),
    "exp": lambda v, c: exp(v),
    "log": lambda v, c: log(v),
    "square": lambda v, c: v**2,
    "root": lambda v, c: v**0.5,
    "times": lambda v, c: v * c,
    "plus": lambda v, c: v + c,
    "minus": lambda v, c: v - c,
    "less": lambda v, c: c - v,
    "over": lambda v, c: v / c,
}


def chain(n):
    """A calculation of n steps, one after the other, drawn at random, with slopes of fair size."""
    rng, plan = np.random.default_rng(n), []
    v, total = Value(0.7), 1.0
    while len(plan) < n:
        choices = []
        for name in STEPS:
            for c in (0.4, 0.6, 0.7, 1.2, 1.4, 1.7, 2.2, 2.6):
                w = STEPS[name](v, c) if name != "log" or v.data > 0.5 else v
                slope = math.prod(s for p, s in zip(w.parents, w.slopes, strict=True) if p is v)
                fair = 0.3 < w.data < 3 and abs(w.data - 1) > 0.05 and abs(w.data - v.data) > 0.05
                fair &= 0.12 < abs(total * slope) < 8
                if w is not v and fair and name != (plan and plan[-1][0]):
                    choices.append((name, c, w, total * slope))
        # each kind of step as often as another
        kinds = sorted({name for name, *_ in choices})
        kind = kinds[rng.integers(len(kinds))]
        choices = [choice for choice in choices if choice[0] == kind]
        name, c, v, total = choices[rng.integers(len(choices))]
        plan.append((name, c))

    def calculation(let):
        v = let("x", Value(0.7))
        for k, (name, c) in enumerate(plan, 1):
            v = let(f"v{k}", STEPS[name](v, c))
        return v

    return calculation


CALCULATIONS = {
    "neuron": ("One neuron", neuron),
    "shared": ("A number used twice", shared),
    "chain8": ("Chain of 8", chain(8)),
    "chain16": ("Chain of 16", chain(16)),
    "chain64": ("Chain of 64", chain(64)),
    "network": ("Network", network),
}
ROW = 8  # steps of a chain in one row


# ------------------------------------------------------------------------------------------ faults


def wrong_slopes(node):
    """Backward rules that people write instead of the right one: (slopes, what was done)."""
    x, y = [parent.data for parent in node.parents], node.data
    if node.name.startswith("^"):
        n = float(node.name[1:])
        yield [n * y], "kept the exponent: n times x to the power n instead of n − 1"
        yield [x[0] ** (n - 1)], "left out the factor n of the power"
    elif node.name == "tanh":
        yield [1 - y], "used 1 − y instead of 1 − y²"
        yield [1 - x[0] ** 2], "used 1 − x² instead of 1 − y²"
    elif node.name == "exp":
        yield [x[0] * math.exp(x[0] - 1)], "took exp for a power: x times exp(x − 1)"
        yield [1.0], "passed the gradient on unchanged"
    elif node.name == "log":
        yield [x[0]], "multiplied by x instead of dividing by it"
        yield [1.0], "passed the gradient on unchanged"
    elif node.name == "*":
        yield x, "gave each factor its own value instead of the other's"
        yield [1.0, 1.0], "passed the gradient on unchanged, as a sum does"
    elif node.name == "/":
        yield [x[1], -y / x[1]], "multiplied by the divisor instead of dividing by it"
    elif node.name == "-":
        yield [-1.0, 1.0], "swapped the signs of its two numbers"
    elif node.name == "+":
        yield [0.5, 0.5], "halved the gradient: the rule of a mean, not of a sum"


class Graph(NamedTuple):
    """A calculation as the front end gets it: lists with one entry for each number, parents first.

    ``kind`` is "small", "chain" or "network"; ``names``, ``formulas``, ``faces`` (what stands in
    the box), ``operations``, ``values``, ``places`` ((x from 0 to 1, row)); of the ``parents``
    (indices) constants are left out, and so in ``slopes``; ``checks`` are the central differences
    of the result. ``lines`` are (parent, child, points on the way). ``faults`` are (node, wrong
    slopes, what was done), ``par`` the number of checks with which every fault is found.
    """

    title: str
    kind: str
    names: list
    formulas: list
    faces: list
    operations: list
    values: list
    places: list
    parents: list
    slopes: list
    checks: list
    lines: list
    faults: list
    par: int

    def gradients(self, fault=None):
        """The gradient of the result for each number, walking back; ``fault`` is one of faults."""
        g = [0.0] * len(self.names)
        g[-1] = 1.0
        for i in reversed(range(len(g))):
            slopes = fault[1] if fault and fault[0] == i else self.slopes[i]
            for parent, slope in zip(self.parents[i], slopes):
                g[parent] += g[i] * slope
        return g

    def bad(self, fault):
        """Which gradients a check finds wrong."""
        return frozenset(
            i for i, (g, c) in enumerate(zip(self.gradients(fault), self.checks)) if differ(g, c)
        )


def differ(gradient, difference):
    """Whether a check fails: central differences are good to many more digits than a fault."""
    return np.absolute(gradient - difference) > 1e-5 * np.maximum(1.0, np.absolute(difference))


def _run(calculation, nudged=None, by=0.0):
    made = {}

    def let(name, value):
        made[name] = value + by if name == nudged else value
        return made[name]

    return made, calculation(let)


def _difference(calculation, name, h=1e-5):
    """What no backward rule has a part in: run again with this number a little larger, smaller."""
    up, down = (_run(calculation, name, s * h)[1].data for s in (1, -1))
    return (up - down) / (2 * h)


def _formula(node, label):
    words = [label.get(parent, f"{parent.data:g}") for parent in node.parents]
    if node.name in SIGNS:
        return f"{words[0]} {SIGNS[node.name]} {words[1]}"
    if node.name.startswith("^"):
        return {"2": f"{words[0]}²", "0.5": f"√{words[0]}"}[node.name[1:]]
    return f"{node.name}({words[0]})"


def _number(a, digits=3):
    return f"{a:.{digits}g}".replace("-", "−")


def _face(node, label, kind):
    """Two short lines for the box of a number."""
    name, value = label[node], _number(node.data)
    if kind == "small" or not node.parents:
        return [f"{name} = {_formula(node, label)}" if node.parents else name, value]
    words = [label.get(parent) or f"{parent.data:g}" for parent in node.parents]
    known = [parent in label for parent in node.parents]
    sign = SIGNS.get(node.name, _formula(node, dict.fromkeys(node.parents, "x")).split("(")[0])
    if kind == "network":
        return [name, sign]
    if len(known) == 2:
        sign = f"{sign}{words[1]}" if known[0] else f"{words[0]}{sign}"
    return [sign, _number(node.data, 2)]


def _layout(nodes, chained):
    """Where each number stands, and the points of each line."""
    if chained:
        at = {v: ((k % ROW) / (ROW - 1), k // ROW) for k, v in enumerate(nodes)}
        turn = [(1.0, 0.5), (0.0, 0.5)]  # from the end of a row to the next
        return at, [
            (a, b, [(x, at[a][1] + y) for x, y in turn if at[b][1] > at[a][1]])
            for a, b in itertools.pairwise(nodes)
        ]
    layers, chains = drawing._layers(nodes)
    layers = drawing._untangle(layers, chains)
    x = drawing._places(layers, chains, dict.fromkeys(nodes, 40))
    low, high = min(x.values()), max(x.values())
    at = {v: ((x[v] - low) / (high - low), k) for k, layer in enumerate(layers) for v in layer}
    return at, [(c[0], c[-1], [at[station] for station in c[1:-1]]) for c in chains]


def build(title, calculation):
    """The graph of a calculation, with every fault of it whose trace tells the node."""
    made, result = _run(calculation)
    chained = all(sum(p in made.values() for p in v.parents) <= 1 for v in made.values())
    kind = "chain" if chained else "small" if len(made) < 12 else "network"
    at, lines = _layout(list(made.values()), chained)
    nodes = sorted(made.values(), key=lambda v: (at[v][1], at[v][0]))  # as one reads
    index, label = {v: i for i, v in enumerate(nodes)}, {v: name for name, v in made.items()}
    kept = [[k for k, p in enumerate(v.parents) if p in index] for v in nodes]
    graph = Graph(
        title=title,
        kind=kind,
        names=[label[v] for v in nodes],
        formulas=[_formula(v, label) if v.parents else "" for v in nodes],
        faces=[_face(v, label, kind) for v in nodes],
        operations=[v.name[:1] if v.name.startswith("^") else v.name for v in nodes],
        values=[v.data for v in nodes],
        places=[at[v] for v in nodes],
        parents=[[index[v.parents[k]] for k in ks] for v, ks in zip(nodes, kept)],
        slopes=[[v.slopes[k] for k in ks] for v, ks in zip(nodes, kept)],
        checks=[_difference(calculation, label[v]) for v in nodes],
        lines=[(index[a], index[b], points) for a, b, points in lines],
        faults=[],
        par=0,
    )
    traces = {}
    for i, (node, ks) in enumerate(zip(nodes, kept)):
        for slopes, what in wrong_slopes(node) if node.parents else ():
            fault = (i, [slopes[k] for k in ks], what)
            bad = graph.bad(fault)
            seen = zip(graph.gradients(fault), graph.checks, strict=True)
            plain = all(not differ(g, c) or abs(g - c) > 0.02 * abs(c) for g, c in seen)
            if bad and plain and traces.setdefault(bad, i) == i:  # the trace tells the node
                graph.faults.append(fault)
    np.random.default_rng(1).shuffle(graph.faults)  # the seed of a game counts through them
    return graph._replace(par=worst(traces))


def worst(traces):
    """How many checks the most even split needs at worst: ``traces`` maps what is bad to a node."""
    if len(traces) < 2:
        return 0
    checks = set().union(*traces)
    split = min(checks, key=lambda i: (abs(2 * sum(i in bad for bad in traces) - len(traces)), i))
    parts = [{b: i for b, i in traces.items() if (split in b) == side} for side in (True, False)]
    return 1 + max(map(worst, parts)) if all(parts) else len(traces)


GRAPHS = {key: build(*entry) for key, entry in CALCULATIONS.items()}


PLAIN = ("title", "kind", "names", "formulas", "faces", "operations", "parents", "par")


def _facts():
    """The graphs as JavaScript; nothing about them is typed there."""
    texts = sorted({fault[2] for graph in GRAPHS.values() for fault in graph.faults})

    def short(a, digits=8):
        return float(f"{a:.{digits}g}")

    known = {
        key: {
            **{k: getattr(g, k) for k in PLAIN},
            "values": [short(v, 5) for v in g.values],
            "places": [[short(x, 4), row] for x, row in g.places],
            "slopes": [[short(s) for s in slopes] for slopes in g.slopes],
            "checks": [short(c) for c in g.checks],
            "lines": [[a, b, [[short(x, 4), r] for x, r in way]] for a, b, way in g.lines],
            "faults": [[i, [short(s) for s in wrong], texts.index(t)] for i, wrong, t in g.faults],
        }
        for key, g in GRAPHS.items()
    }
    recorder = tracer.Recorder()
    verdict = differ(tracer.Symbol(recorder, "g"), tracer.Symbol(recorder, "c")).js
    body = " ".join([*recorder.lines, f"return {verdict};"])
    differ_js = f"const differ = (g, c) => {{ {body} }};\n"
    named = {"GRAPHS": known, "FAULTS": texts, "RULES": RULES, "MODES": MODES}
    return differ_js + "".join(
        f"const {name} = {json.dumps(value, ensure_ascii=False, separators=(',', ':'))};\n"
        for name, value in named.items()
    )


class BrokenNode(base.Widget):
    """A computation graph: work out its gradients by hand, or find the rule that is wrong.

    Parameters
    ----------
    mode : "hand", every slope and gradient to fill in; or "broken", one backward rule is wrong, and
        a check of one gradient against differences is the only tool.
    graph : "neuron", "shared", "chain8", "chain16", "chain64" or "network".
    seed : 1 to 9999, chooses what is broken.

    With a kernel every one of them is a live trait; ``solved`` holds the missions solved so far:
    "neuron", "shared", "chain16", "chain64", "network". A value that makes no sense raises
    TraitError and changes nothing.
    """

    _esm = base.front_end("kit.js", _facts(), "broken_node.js")
    _css = base.style("base.css", "ellipse_lab.css", "broken_node.css")

    mode = traitlets.Enum(list(MODES), "hand").tag(sync=True)
    graph = traitlets.Enum(list(GRAPHS), "neuron").tag(sync=True)
    seed = traitlets.Int(1).tag(sync=True)
    solved = traitlets.List(traitlets.Unicode(), []).tag(sync=True)

    @traitlets.validate("seed")
    def _in_range(self, proposal):
        if not 1 <= proposal.value <= 9999:
            raise traitlets.TraitError(f"seed={proposal.value!r} must lie between 1 and 9999")
        return proposal.value

    def __repr__(self):
        return f"BrokenNode(mode={self.mode!r}, graph={self.graph!r}, seed={self.seed!r})"

    def alt(self):
        g = GRAPHS[self.graph]
        steps = sum(map(bool, g.formulas))
        inputs = len(g.names) - steps
        start = (
            f"A computation graph, {g.title.lower()}: {inputs} input{'s' * (inputs > 1)} and "
            f"{steps} steps"
        )
        if len(g.names) > 20:
            return f"{start}, with the value {g.values[-1]:.4g} at the end."
        told = [
            f"{name}{f' = {formula}' if formula else ''} = {value:.4g}"
            for name, formula, value in zip(g.names, g.formulas, g.values, strict=True)
        ]
        return f"{start}. {'; '.join(told)}."

    def fallback(self):
        return (
            "<p>Here stands a computation graph. Work out its gradients by hand, or find the one "
            "backward rule that is wrong with as few checks as possible. It needs JavaScript; the "
            "picture shows the graph.</p>"
        )

    def draw(self, fig):
        g, ax = GRAPHS[self.graph], fig.subplots()
        rows = max(row for _, row in g.places)
        for a, b, way in g.lines:
            x, row = zip(g.places[a], *way, g.places[b], strict=True)
            ax.plot(x, np.negative(row), color=figures.ink("faint"), linewidth=1, zorder=1)
        for face, (x, row) in zip(g.faces, g.places, strict=True):
            paper = "white" if figures.ink() == figures.THEMES["light"]["ink"] else "#14181e"
            ground = dict(boxstyle="round,pad=0.25", fc=paper, ec=figures.ink())
            ax.text(x, -row, "\n".join(face), ha="center", va="center", fontsize=8, bbox=ground)
        ax.set(xlim=(-0.08, 1.08), ylim=(-rows - 0.5, 0.5))
        ax.set_axis_off()
