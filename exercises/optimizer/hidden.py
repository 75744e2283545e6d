"""Hidden tests of the exercises on what an optimizer is. optlib is the oracle, rng draws numbers.

Nothing about the right answer is typed here but the words of the feedback: each expected step is
one of ``optlib.Momentum``, each count is what ``state_bytes`` says of optlib's own memory.
"""

import math

import numpy as np

import optlib
from exercises.cases import Case, Wrong, array, as_array, describe
from exercises.wire import Formula

RULES = {
    "sgd": optlib.SGD,
    "momentum": optlib.Momentum,
    "lion": optlib.Lion,
    "adam": optlib.Adam,
    "adafactor": optlib.Adafactor,
}


def cases(rng):
    return [*replay_cases(rng), *train_cases(rng), *count_cases(rng)]


# E1


def network(rng, shapes, dtype=float):
    return {name: rng.normal(size=shape).astype(dtype) for name, shape in shapes.items()}


def replay_cases(rng):
    same = dict(question="test_replay", function="replay")
    two = {"W": (3, 2), "b": (2,)}

    def case(title, points, shapes=two, steps=4, dtype=float, beta=None, unchanged=()):
        params = network(rng, shapes, dtype)
        grads = [network(rng, shapes, dtype) for _ in range(steps)]
        lr = float(rng.uniform(0.05, 0.5))
        beta = float(rng.uniform(0.5, 0.9)) if beta is None else beta
        args = dict(params=params, grads=grads, lr=lr, beta=beta)
        check = replay_checker(params, grads, lr, beta)
        return Case(**same, title=title, args=args, check=check, points=points, unchanged=unchanged)

    yield case("without memory", 1, beta=0.0)
    yield case("with memory", 1.5)
    yield case("a memory for each parameter", 1, {"first": (2, 2), "second": (2, 2), "c": (2, 2)})
    yield case("one number is a parameter, too", 0.5, {"scale": (1,)}, steps=6)
    yield case("float32 stays float32", 1, dtype="float32")
    params, slope = network(rng, two), network(rng, two)
    args = dict(params=params, grads=[slope, slope], lr=0.1, beta=0.5)
    check = replay_checker(params, [slope, slope], 0.1, 0.5)
    yield Case(
        **same, title="leaves the parameters as they were", args=args, check=check, points=0.5,
        unchanged=("params", "grads"),
    )  # fmt: skip
    whole = dict(args, params={"W": rng.integers(1, 9, (3, 2)), "b": rng.normal(size=2)})
    yield Case(
        **same, title="whole numbers are refused", args=whole, raises="TypeError", points=0.75,
        why="one of the parameters is an array of whole numbers",
    )  # fmt: skip
    other = dict(args, grads=[{"W": slope["W"], "bias": slope["b"]}])
    yield Case(
        **same, title="other names are refused", args=other, raises="ValueError", points=0.5,
        why="the gradient has a name that the parameters do not have",
    )  # fmt: skip
    more = dict(args, grads=[slope | {"c": rng.normal(size=2)}])
    yield Case(
        **same, title="a name too many is refused", args=more, raises="ValueError", points=0.25,
        why="the gradient has one name more than the parameters",
    )  # fmt: skip


def replay_checker(params, grads, lr, beta):
    opts = {n: optlib.Momentum(p.copy(), lr=lr, beta=beta) for n, p in params.items()}
    wanted = [{n: opts[n].step(g[n]).copy() for n in params} for g in grads]

    def check(result):
        if not isinstance(result, list) or len(result) != len(wanted):
            raise Wrong(
                f"{len(wanted)} gradients make a list of {len(wanted)} dicts, and replay returned "
                f"{describe(result)}"
            )
        for t, (found, right) in enumerate(zip(result, wanted, strict=True), start=1):
            if not isinstance(found, dict) or found.keys() != right.keys():
                raise Wrong(f"step {t} should give a dict with the names {', '.join(right)}")
            for name, value in right.items():
                try:
                    given = as_array(found[name])
                except ValueError:  # lists that make no array
                    raise Wrong(f"after step {t} {name} should be an array") from None
                if given.dtype != value.dtype:
                    raise Wrong(
                        f"{name} is {value.dtype}, and after step {t} yours is {given.dtype}"
                    )
                if given.shape != value.shape:
                    raise Wrong(
                        f"{name} has the shape {value.shape}, and after step {t} yours has "
                        f"{given.shape}"
                    )
                near = 1e-5 if value.dtype == np.float32 else 1e-10
                if not np.allclose(given, value, rtol=near, atol=near):
                    hint = "the step" if t == 1 else "the memory: one for each name"
                    raise Wrong(f"after step {t} {name} is wrong: look at {hint}")

    return check


def train_cases(rng):
    same = dict(question="test_train", function="train")

    def case(title, points, formula, start, beta, steps=25, unchanged=()):
        lr = float(rng.uniform(0.02, 0.1))
        args = dict(grad=formula, x0=start, lr=lr, beta=beta, steps=steps)
        check = train_checker(formula.build_problem(), start, lr, beta, steps)
        return Case(**same, title=title, args=args, check=check, points=points, unchanged=unchanged)

    def bowl():
        return Formula("gradient", "Quadratic", {"kappa": 8.0, "angle": rng.uniform(0.2, 1.3)})

    straight = Formula("gradient", "Quadratic", {"kappa": float(rng.uniform(3, 9))})
    somewhere = rng.uniform(1, 3, 2)
    yield case("the loop, without memory", 1, straight, somewhere, 0.0)
    yield case("the loop, with memory", 1, bowl(), somewhere, float(rng.uniform(0.5, 0.9)))
    yield case("leaves x0 as it was", 0.5, bowl(), somewhere, 0.5, unchanged=("x0",))
    yield case("a start of whole numbers", 0.5, bowl(), rng.integers(2, 9, 2), 0.5)
    yield case("one direction", 0.5, Formula("gradient", "TenWell"), rng.uniform(-8, 8, 1), 0.3)
    yield case("no steps, one point", 0.5, bowl(), somewhere, 0.5, steps=0)


def train_checker(problem, start, lr, beta, steps):
    start = np.asarray(start, dtype=float)
    path = optlib.run(optlib.Momentum, problem, steps, start=start, lr=lr, beta=beta).x

    def check(result):
        found = array(result, 2, "the path")
        if found.shape != path.shape:
            raise Wrong(f"{steps} steps make a path of shape {path.shape}, yours: {found.shape}")
        close = np.isclose(found, path, rtol=1e-9, atol=1e-9 * np.abs(path).max()).all(axis=1)
        if not close.all():
            t = int(close.argmin())
            what = "the start x0" if t == 0 else f"the point after {t} steps"
            raise Wrong(f"row {t} of the path should be {what}, and it is not")

    return check


# E2


def count_cases(rng):
    same = dict(question="test_count", function="count_state_bytes")

    def case(rule, shape, dtype, points, what):
        opt = RULES[rule](np.zeros(shape, dtype))
        check = count_checker(opt.state_bytes(), rule, shape, dtype)
        args = dict(rule=rule, shape=[int(n) for n in shape], dtype=dtype)
        return Case(**same, title=f"{rule}: {what}", args=args, check=check, points=points)

    sides = [int(n) for n in rng.integers(5, 60, 3)]
    yield case("sgd", sides[:2], "float32", 0.5, "nothing")
    yield case("momentum", sides[:2], "float32", 0.75, "a matrix in float32")
    yield case("lion", sides[:1], "float64", 0.75, "a vector in float64")
    yield case("adam", sides, "float32", 1, "three axes in float32")
    yield case("adam", sides[2:], "float64", 0.5, "a vector in float64")
    yield case("adafactor", sides[1:], "float32", 1, "a matrix in float32")
    yield case("adafactor", (sides[0], 1), "float64", 0.5, "a matrix of one column")
    for title, rule, shape, why in (
        ("adafactor: no vector", "adafactor", sides[:1], "a vector has no rows and columns"),
        ("no such rule", "newton", sides[:2], "there is no such rule"),
    ):
        yield Case(
            **same, title=title, args=dict(rule=rule, shape=shape, dtype="float32"), points=0.5,
            raises="ValueError", why=why,
        )  # fmt: skip


def count_checker(wanted, rule, shape, dtype):
    size = math.prod(shape)

    def check(result):
        if type(result) is not int:
            raise Wrong(f"the bytes should be one whole number (int), not {describe(result)}")
        if result != wanted:
            raise Wrong(
                f"{rule} on {size} parameters of shape {tuple(shape)}, {dtype}: optlib keeps "
                f"{wanted} bytes, and yours says {result}"
            )

    return check
