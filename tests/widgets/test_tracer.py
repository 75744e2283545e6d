"""Traced JavaScript against the Python it was traced from, for everything in the registries.

Gradients are random and fixed beforehand, so that rounding is compared and not amplified. All of it
runs in one Node process; a class that is added to a registry is tested without a line here.
"""

import json
import math

import numpy as np
import pytest

from optlib import OPTIMIZERS, PROBLEMS, SCHEDULES, LeastSquares, NesterovWorst, Optimizer, losses
from optlib.derivatives import value_and_gradient
from optlib.schedules import Cosine, MultiStep, Schedule, WarmRestarts, Warmup
from optlib.widgets.tracer import (
    TraceError,
    literal,
    loss_js,
    optimizer_js,
    problem_js,
    schedule_js,
    table_js,
)

STEPS, SIZE, DRAWS = 300, 8, 3
rng = np.random.default_rng(7)
WORST = NesterovWorst(7)
REGRESSION = LeastSquares(rng.standard_normal((12, 3)), rng.standard_normal(12))
# A class is traced with symbols for its parameters; these two hold data, so an instance is traced.
INSTANCES = {"NesterovWorst": WORST, "LeastSquares": REGRESSION}
SCHEDULE_INSTANCES = {
    "MultiStep": MultiStep(0.1, [1, 40, 90, 200], factor=0.5),
    "Warmup": Warmup(Warmup(WarmRestarts(0.1, T_0=30, T_mult=2), steps=40), steps=25),
}
RANGES = {"kappa": (1, 1e4), "angle": (-4, 4)}  # where a parameter may not be just any number
SCHEDULE_EXAMPLES = {
    "Constant": [dict(value=0.02)],
    "Step": [dict(value=0.1, every=40, factor=0.5), dict(value=0.3, every=7, factor=0.9)],
    "MultiStep": [dict(value=0.1, factor=0.5), dict(value=0.3, factor=0.0)],
    "Exponential": [dict(value=0.1, factor=0.98)],
    "InverseTime": [dict(value=0.1, steps=1), dict(value=0.1, steps=50)],
    "InverseSqrt": [dict(value=0.1, warmup=1), dict(value=0.1, warmup=100)],
    "Polynomial": [dict(value=0.1, steps=200, power=0.9, end=0.01)],
    "Linear": [dict(value=0.1, steps=200, end=0.01)],
    "Cosine": [dict(value=0.1, steps=200, end=0.01), dict(value=0.05, steps=33.0, end=0.0)],
    "WarmRestarts": [
        dict(value=0.1, T_0=30, T_mult=1, end=0.0),
        dict(value=0.1, T_0=1, T_mult=3, end=0.01),
        dict(value=0.1, T_0=10, T_mult=2, end=0.01),
    ],
    "OneCycle": [
        dict(value=0.1, steps=300, pct_start=0.3, div_factor=25.0, final_div_factor=1e4),
        dict(value=0.1, steps=77, pct_start=0.41, div_factor=10.0, final_div_factor=50.0),
    ],
    "WSD": [
        dict(value=0.1, steps=300, warmup=20, decay=100, end=0.01),
        dict(value=0.1, steps=300, warmup=0, decay=50, end=0.0),
    ],
    "Warmup": [dict(steps=25, start=0.1), dict(steps=1, start=0.0)],
}


def scheduled(name, numbers):
    """The schedule with these numbers; what else it holds comes from its example."""
    held = SCHEDULE_INSTANCES[name].numbers if name in SCHEDULE_INSTANCES else {}
    return SCHEDULES[name](**{**held, **numbers})


def draw(value):
    """A random number that is plausible where ``value`` is the default: a decay stays a decay."""
    if 0.4 < value < 1:
        return 1 - (1 - value) * rng.uniform(0.5, 3)
    return value * 10 ** rng.uniform(-1, 1) if value else rng.uniform(0, 0.1)


def draw_parameters(cls):
    return {
        key: rng.uniform(*RANGES.get(key, (default - 1, default + 1)))
        for key, default in cls.parameters.items()
    }


GRADIENTS = rng.standard_normal((STEPS, SIZE)) * 10 ** rng.uniform(-3, 1, SIZE)
GRADIENTS[rng.random((STEPS, SIZE)) < 0.03] = 0.0
START = rng.standard_normal(SIZE)

RUNS = []  # (optimizer, {hyper: number or (schedule, numbers)})
for name, cls in OPTIMIZERS.items():
    RUNS.append((name, dict(cls.defaults)))
    RUNS += [(name, {k: draw(v) for k, v in cls.defaults.items()}) for _ in range(DRAWS)]
    for schedule, examples in SCHEDULE_EXAMPLES.items():
        for numbers in examples:
            scaled = {k: v for k, v in cls.defaults.items() if k != "lr"}
            RUNS.append((name, {**scaled, "lr": (schedule, numbers)}))
    for key, value in cls.defaults.items():  # each of the others under a schedule
        slow = dict(value=value, steps=250, end=value * 0.95)
        RUNS.append((name, {**cls.defaults, key: ("Cosine", slow)}))

POINTS = []  # (problem, parameters, points as rows)
for name, cls in PROBLEMS.items():
    if name in INSTANCES:
        p = INSTANCES[name]
        POINTS.append((name, {}, rng.uniform(-2, 2, (20, p.dim)).tolist()))
    else:
        low, high = np.array(cls.window).T
        for _ in range(DRAWS):
            points = rng.uniform(low, high, (20, cls.dim)).tolist()
            POINTS.append((name, draw_parameters(cls), points))

TIMES = [(name, numbers) for name, many in SCHEDULE_EXAMPLES.items() for numbers in many]

PROGRAM = """
const at = (h, t) => Object.fromEntries(Object.entries(h).map(([key, v]) =>
  [key, Array.isArray(v) ? SCHEDULES[v[0]].at(t, v[1]) : v]));
const runs = input.runs.map(([name, h]) => {
  const rule = OPTIMIZERS[name], x = [...input.start], path = [], h1 = at(h, 1);
  const first = (key) => rule.initial[key] ?? 0;
  const m = Object.fromEntries(rule.memory.map((key) =>
    [key, x.map((v) => first(key) === "x" ? v : h1[first(key)] ?? first(key))]));
  input.gradients.forEach((g, i) => {
    rule.step(i + 1, x, g, m, at(h, i + 1));
    path.push([...x]);
  });
  return path;
});
const points = input.points.map(([name, p, points]) => points.map((x) => {
  const g = x.map(() => 0);
  PROBLEMS[name].grad(x, p, g);
  return [PROBLEMS[name].f(x, p), ...g];
}));
const times = input.times.map(([name, p]) =>
  Array.from({ length: 400 }, (_, i) => SCHEDULES[name].at(i + 1, p)));
const facts = { OPTIMIZERS, PROBLEMS, SCHEDULES };
return { runs, points, times, facts };
"""


@pytest.fixture(scope="module")
def javascript(run_js):
    problems = {name: INSTANCES.get(name, cls) for name, cls in PROBLEMS.items()}
    tables = [
        table_js("OPTIMIZERS", OPTIMIZERS, optimizer_js),
        table_js("PROBLEMS", problems, problem_js),
        table_js("SCHEDULES", {**SCHEDULES, **SCHEDULE_INSTANCES}, schedule_js),
    ]
    data = dict(
        runs=RUNS, points=POINTS, times=TIMES, gradients=GRADIENTS.tolist(), start=START.tolist()
    )
    return run_js("\n".join(tables) + PROGRAM, data)


class Share:
    """How many numbers are equal to the last bit; printed at the end (pytest -s shows it)."""

    def __init__(self):
        self.counts = {}

    def add(self, kind, js, py):
        equal, total = self.counts.get(kind, (0, 0))
        self.counts[kind] = equal + int((js == py).sum()), total + js.size


@pytest.fixture(scope="module")
def share():
    counter = Share()
    yield counter
    for kind, (equal, total) in counter.counts.items():
        print(f"\n{kind}: {equal / total:.2%} of {total} numbers equal to the last bit", end="")
    print()


def runs_of(name):
    return [i for i, (other, _) in enumerate(RUNS) if other == name]


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_optimizers(name, javascript, share):
    for i in runs_of(name):
        hyper = {key: scheduled(*v) if isinstance(v, tuple) else v for key, v in RUNS[i][1].items()}
        opt = OPTIMIZERS[name](START.copy(), **hyper)
        py = np.array([opt.step(g).copy() for g in GRADIENTS])
        js = np.array(javascript["runs"][i], float)
        assert np.isfinite(py).all()
        assert (py[-1] != START).all()
        np.testing.assert_allclose(js, py, rtol=0, atol=1e-12 * np.abs(py).max(), err_msg=hyper)
        share.add("optimizers", js, py)


@pytest.mark.parametrize("name", PROBLEMS)
def test_problems(name, javascript, share):
    cases = [i for i, (other, *_) in enumerate(POINTS) if other == name]
    assert cases
    for i in cases:
        _, parameters, points = POINTS[i]
        p = INSTANCES[name] if name in INSTANCES else PROBLEMS[name](**parameters)
        x = np.array(points).T
        py = np.vstack([p.value(x), p.gradient(x)]).T
        js = np.array(javascript["points"][i], float)
        scale = 1e-12 * np.abs(py).max(axis=0)
        assert (np.abs(js - py) <= np.maximum(scale, 1e-12)).all(), (name, parameters)
        share.add("problems", js, py)


@pytest.mark.parametrize("name", SCHEDULES)
def test_schedules(name, javascript, share):
    assert name in SCHEDULE_EXAMPLES, "give the new schedule an example in SCHEDULE_EXAMPLES"
    for i, (other, numbers) in enumerate(TIMES):
        if other == name:
            schedule = scheduled(name, numbers)
            py = np.array([schedule(t) for t in range(1, 401)])
            js = np.array(javascript["times"][i], float)
            np.testing.assert_allclose(js, py, rtol=1e-12, atol=1e-15)
            share.add("schedules", js, py)


def test_the_objects_say_what_they_need(javascript):
    facts = javascript["facts"]
    for name, cls in OPTIMIZERS.items():
        assert facts["OPTIMIZERS"][name] == {
            "memory": list(cls.memory),
            "defaults": cls.defaults,
            "initial": cls.initial,
        }
    for name, cls in PROBLEMS.items():
        dim = INSTANCES[name].dim if name in INSTANCES else cls.dim
        assert facts["PROBLEMS"][name] == {"dim": dim, "defaults": cls.parameters}
    for name, cls in SCHEDULES.items():
        given = SCHEDULE_INSTANCES[name].numbers if name in SCHEDULE_INSTANCES else cls.defaults
        numbers = {key: value for key, value in given.items() if key not in cls.data}
        assert facts["SCHEDULES"][name] == {"defaults": numbers}


# --------------------------------------------------------------------------- rules made up for this


def rule(update, *memory, **defaults):
    return type("Rule", (Optimizer,), dict(memory=memory, defaults=defaults, update=update))


def compare(cls, run_js, steps=6):
    """The largest difference between Python and Node over a few steps."""
    gs = np.random.default_rng(0).standard_normal((steps, 4))
    program = (
        f"const rule = {optimizer_js(cls)};\n"
        + """
      const x = [0.3, -0.2, 0.7, 1.1], path = [];
      const m = Object.fromEntries(rule.memory.map((key) => [key, x.map(() => 0)]));
      input.forEach((g, i) => { rule.step(i + 1, x, g, m, rule.defaults); path.push([...x]); });
      return path;
    """
    )
    opt = cls(np.array([0.3, -0.2, 0.7, 1.1]))
    py = np.array([opt.step(g).copy() for g in gs])
    js = np.array(run_js(program, gs.tolist()), float)
    np.testing.assert_allclose(js, py, rtol=1e-12, atol=1e-13)


def test_a_memory_that_is_handed_to_another(run_js):
    def swap(self, t, x, g, m, v, lr):
        x -= lr * (g + v)
        v[...] = m  # the old m, although m is written first
        m[...] = x

    compare(rule(swap, "m", "v", lr=0.1), run_js)


def test_every_operation(run_js):
    def many(self, t, x, g, m, lr):
        a, b = np.abs(g) + 0.5, np.minimum(g, 0.5)
        m += np.sqrt(a) + np.cbrt(b) + np.exp(b) + np.expm1(b) + np.log(a) + np.log1p(a)
        m -= np.sin(g) * np.cos(g) / np.tanh(a)
        m *= -np.sign(g) + +np.square(b) - np.reciprocal(a)
        m /= np.maximum(1.5, np.floor(a) + np.ceil(b)) ** 1.5 + 2.0**-b
        x -= lr * m / (1 + np.abs(m))
        whole = np.floor(2 * g)  # often 0, so that > and >= differ
        x += lr * np.where(np.logical_and(whole > -2, whole <= 0), a, b)
        x += lr * np.where(np.logical_or(whole < 0, whole >= 1), b, 0.7)
        x -= lr * np.where(np.logical_not(whole == 0), 1.1, np.where(whole != 1, 1.0, 2.0))
        x += lr * np.logical_and(a, 3.0) + lr * np.logical_or(0.0, a)  # true is 1, not 3

    compare(rule(many, "m", lr=0.1), run_js)


def test_constants_read_back_as_the_same_number(run_js):
    values = [0, 1, -1, 0.1, -0.1, 1e300, -1e-300, 5e-324, 1 / 3, 2**53, 123456789012345678, -0.0]
    values += [np.float32(0.1), np.float64(np.pi), np.int64(-7), np.array(2.5), True, np.False_]
    back = run_js(f"return [{', '.join(map(literal, values))}].map((v) => v + 0)")
    assert back == [float(v) for v in values]
    assert run_js(f"return 1 / {literal(-0.0)}") == "-Infinity"
    wild = run_js(f"return [{', '.join(map(literal, [math.nan, math.inf, -math.inf]))}]")
    assert wild == ["NaN", "Infinity", "-Infinity"]
    with pytest.raises(TraceError, match="constant of type str: 'a'"):
        literal("a")


UNTRACEABLE = {
    "numpy.dot": lambda x, g, m: np.dot(g, g),
    "numpy.sort": lambda x, g, m: np.sort(g),
    "numpy.norm": lambda x, g, m: np.linalg.norm(g),
    "numpy.sum": lambda x, g, m: np.sum(g),
    "numpy.clip": lambda x, g, m: np.clip(g, -1, 1),
    "numpy.zeros_like": lambda x, g, m: np.zeros_like(g),
    "numpy.arctan2": lambda x, g, m: np.arctan2(g, m),
    "numpy.matmul": lambda x, g, m: g @ m,
    "numpy.floor_divide": lambda x, g, m: g // 2,
    "numpy.bitwise_and": lambda x, g, m: (g > 0) & (m > 0),
    "numpy.add.reduce": lambda x, g, m: np.add.reduce(g),
    "numpy.sqrt.__call__ with {'where'": lambda x, g, m: np.sqrt(g, where=g > 0),
    "numpy.add of an array": lambda x, g, m: m.__iadd__(np.ones(2)),
    "branch on a value": lambda x, g, m: 1.0 if g > 0 else -1.0,
    "branch": lambda x, g, m: max(g, m),
    "float()": lambda x, g, m: float(g),
    "float": lambda x, g, m: math.sqrt(g),
    "part [0]": lambda x, g, m: g[0],
    "assignment to the part [0]": lambda x, g, m: m.__setitem__(0, 1.0),
    "assignment to the part [slice": lambda x, g, m: m.__setitem__(slice(None), g),
    "attribute .sum": lambda x, g, m: g.sum(),
    "attribute .shape": lambda x, g, m: g.shape,
    "attribute .T": lambda x, g, m: g.T,
    "constant of type list": lambda x, g, m: np.where(g > 0, [1.0], 0.0),
}


@pytest.mark.parametrize("what", UNTRACEABLE)
def test_what_cannot_be_traced_is_named(what):
    def update(self, t, x, g, m, lr):
        x -= lr * UNTRACEABLE[what](x, g, m)

    with pytest.raises(TraceError) as error:
        optimizer_js(rule(update, "m", lr=0.1))
    assert what in str(error.value)
    assert "cannot trace" in str(error.value)


def test_a_problem_and_a_schedule_that_cannot_be_traced():
    class Sorted(PROBLEMS["Rosenbrock"]):
        def f(self, x):
            return np.heaviside(x[0], x[1])

    class Climb(Schedule):
        defaults = dict(value=None, steps=None)

        def at(self, t, value, steps):
            return value * min(t / steps, 1)

    with pytest.raises(TraceError, match="numpy.heaviside"):
        problem_js(Sorted)
    with pytest.raises(TraceError, match="branch on a value; use numpy.where"):
        schedule_js(Climb)
    with pytest.raises(TraceError, match="cannot trace Warmup without its then"):
        schedule_js(Warmup)
    with pytest.raises(TraceError, match=r"float\(\)"):
        schedule_js(Warmup(lambda t: math.exp(-t), 10))
    assert "Math.cos" in schedule_js(Warmup(Cosine(0.1, 100), 10))


POINTWISE = {  # settings besides the defaults, and targets
    "mse": ([], [0.3, -2.0]),
    "mae": ([], [0.3, -2.0]),
    "huber": ([dict(delta=0.4), dict(delta=7.0)], [0.3, -2.0]),
    "quantile": ([dict(tau=0.9), dict(tau=0.05)], [0.3, -2.0]),
    "bce": ([], [0, 1, 0.3]),
    "hinge": ([], [-1, 1]),
    "focal": ([dict(gamma=0.5), dict(gamma=0.0)], [0, 1]),
}


@pytest.mark.parametrize("name", POINTWISE)
def test_losses(name, run_js):
    """Value and slope for one number, with settings other than those that were traced, at kinks."""
    loss, (settings, targets) = getattr(losses, name), POINTWISE[name]
    z = [*np.random.default_rng(1).uniform(-6, 6, 40), *targets, 0.0, 30.0, -30.0]
    program = f"const loss = {loss_js(loss)}; return input.map(([z, y, p]) => "
    program += "((p) => [loss.f(z, y, p), loss.slope(z, y, p)])({ ...loss.defaults, ...p }));"
    asked = [(float(a), y, p) for p in [{}, *settings] for y in targets for a in z]
    for (a, y, p), found in zip(asked, run_js(program, asked), strict=True):
        value, slope = value_and_gradient(
            lambda z, y=y, p=p: loss(z, np.array([y]), **p), np.array([[a]])
        )
        expected = np.array([value, slope.item()])
        np.testing.assert_allclose(
            np.array(found, float), expected, rtol=1e-14, atol=1e-15, err_msg=f"{a} {y} {p}"
        )


def test_every_loss_of_single_numbers_is_traced_here():
    assert set(POINTWISE) == set(losses.CURVATURE) - {"cross_entropy"}


def test_a_setting_answers_for_its_value_against_plain_numbers_only():
    def odd(z, y, delta=1.0, weights=None):
        def value(z, y):
            return np.where(delta > 0.5, z, y)  # decided once, for the value 1

        return value, lambda z, y: max(z, delta)

    with pytest.raises(TraceError, match="branch on a value"):
        loss_js(odd)


def test_an_array_of_constants_may_meet_a_symbol(run_js):
    class Weighted(PROBLEMS["Quadratic"]):
        def f(self, x):
            return (np.array([2.0, 3.0]) * x * self.kappa).sum()

        def grad(self, x):
            g = np.array([2.0, 3.0]) * self.kappa
            g -= self.angle
            return g

    program = f"const p = {problem_js(Weighted)}; const g = [0, 0];\n"
    program += "p.grad(input, p.defaults, g); return [p.f(input, p.defaults), ...g];"
    assert run_js(program, [1.0, -2.0]) == [-40.0, 20.0, 30.0]


def test_tracing_leaves_the_class_and_the_problem_alone():
    p = PROBLEMS["Quadratic"](kappa=3.0)
    before = dict(vars(p))
    assert problem_js(p) == problem_js(p)
    assert vars(p) == before
    assert 'defaults: {"kappa": 3.0, "angle": 0.0}' in problem_js(p)
    assert json.dumps(OPTIMIZERS["Adam"].defaults)
