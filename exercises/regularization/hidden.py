"""Hidden tests of the exercises on regularization. optlib is the oracle; rng draws the numbers.

Each expected path comes from ``optlib.run``, each stop from ``optlib.training.EarlyStopping``.
"""

import numpy as np

import optlib
from exercises.cases import Case, Wrong, array, describe, number
from exercises.wire import Formula
from optlib.compat import PaperAdamW
from optlib.training import EarlyStopping


def cases(rng):
    return [*decay_cases(rng), *stop_cases(rng), *ambiguity_cases(rng)]


# E1

STYLES = ("l2", "torch", "paper")


def decay_cases(rng):
    same = dict(question="test_decay", function="adam_with_decay")

    def case(title, start, schedule, style, points=0.5, skip=(), unchanged=()):
        bowl = Formula("gradient", "Quadratic", {"kappa": 6.0, "angle": rng.uniform(0.2, 1.3)})
        decay = float(rng.uniform(0.02, 0.05) if style == "paper" else rng.uniform(0.5, 1.0))
        args = dict(
            grad=bowl, x0=start, lr=float(rng.uniform(0.04, 0.08)), schedule=schedule,
            decay=decay, style=style, skip=list(skip),
        )  # fmt: skip
        check = path_checker(bowl.build_problem(), args)
        return Case(**same, title=title, args=args, check=check, points=points, unchanged=unchanged)

    def somewhere():
        return rng.choice([-1.0, 1.0], 2) * rng.uniform(1.0, 2.0, 2)

    def falling(steps=20):
        return np.linspace(1, rng.uniform(0.05, 0.1), steps)

    for style in STYLES:
        yield case(f"the {style} style", somewhere(), np.ones(12), style, points=1.5)
    for style in STYLES:
        title = f"the {style} style when the schedule falls"
        yield case(title, somewhere(), falling(), style, points=0.5 if style == "l2" else 1)
    yield case("a weight that AdamW skips", somewhere(), np.ones(9), "torch", 0.5, skip=[1])
    yield case("a weight that L2 skips", somewhere(), np.ones(9), "l2", 0.5, skip=[0])
    yield case("a weight that the paper skips", somewhere(), np.ones(9), "paper", 0.5, skip=[1])
    yield case("leaves x0 as it was", somewhere(), np.ones(5), "torch", unchanged=("x0",))
    yield case("takes whole numbers for a start", rng.integers(2, 9, 2), np.ones(9), "paper")
    args = dict(
        grad=Formula("gradient", "TenWell"), x0=rng.uniform(1, 2, 1), lr=0.1, schedule=np.ones(3),
        decay=0.1, style="adamw", skip=[],
    )  # fmt: skip
    why = 'style is "adamw", which is none of the three'
    yield Case(**same, title="no such style", args=args, raises="ValueError", why=why, points=0.5)


def path_checker(problem, args):
    start = np.array(args["x0"], dtype=float)
    pull = np.full(start.shape, args["decay"])
    pull[args["skip"]] = 0
    lr, schedule, style = args["lr"], args["schedule"], args["style"]

    def share(t):
        return float(schedule[t - 1])

    def rate(t):
        return lr * share(t)

    rule, hyper = {
        "l2": (optlib.AdamL2, dict(lr=rate, l2=pull)),
        "torch": (optlib.AdamW, dict(lr=rate, wd=pull)),
        "paper": (PaperAdamW, dict(lr=lr, wd=pull, schedule=share)),
    }[style]
    path = optlib.run(rule, problem, len(schedule), start, **hyper).x

    def check(result):
        found = array(result, 2, "the path")
        if found.shape != path.shape:
            raise Wrong(
                f"{len(schedule)} steps make a path of shape {path.shape}, yours has {found.shape}"
            )
        close = np.isclose(found, path, rtol=1e-8, atol=1e-10)
        if close.all():
            return
        t = int(close.all(axis=1).argmin())
        if t == 0:
            raise Wrong("row 0 of the path should be the start x0")
        at = f"with style {style!r} row {t} of the path is wrong, the first such row"
        if args["skip"]:
            raise Wrong(f"{at}; weight {args['skip'][0]} is not to be pulled, the other is")
        if schedule[t - 1] < schedule[0]:
            raise Wrong(f"{at}: what does the schedule multiply in this style?")
        raise Wrong(f"{at}: look at what the pull is added to, and what multiplies it")

    return check


# E2


def stop_cases(rng):
    same = dict(question="test_stop", function="when_to_stop")

    def case(title, values, patience, min_delta=0.0, points=1):
        values = [float(v) for v in values]
        args = dict(values=values, patience=int(patience), min_delta=float(min_delta))
        return Case(**same, title=title, args=args, check=stop_checker(**args), points=points)

    n = int(rng.integers(12, 20))
    down = np.cumsum(rng.uniform(0.1, 0.3, n))[::-1]
    yield case("a loss that falls for ever", down, 3, points=0.5)
    patience = int(rng.integers(3, 6))
    bump = np.concatenate([down, down[-1] + rng.uniform(0.1, 1, patience - 1), [down[-1] / 2]])
    long_bump = np.concatenate([bump, rng.uniform(1, 2, patience + 3)])
    yield case("a rise within the patience", long_bump, patience)
    broken = down.copy()
    broken[4:6] = np.nan
    yield case("NaN on the way", [*broken, np.nan, np.nan, np.nan, 0.0], 3)
    yield case("a plateau", [*down, *[down[-1]] * 6, down[-1] / 2], 4)
    gap = rng.uniform(0.1, 0.2)
    small = down[0] - 0.4 * gap * np.arange(30)
    yield case("small gains add up", small, 3, gap)
    yield case("gains that are too small", down[0] - 0.1 * gap * np.arange(9), 4, gap, 0.5)
    yield case("nothing but NaN", [np.nan] * 6, 4, rng.uniform(0, 1), points=0.5)
    args = dict(values=down.tolist(), patience=0, min_delta=0.0)
    why = "patience is 0"
    yield Case(**same, title="no patience", args=args, raises="ValueError", why=why, points=0.5)


def stop_checker(values, patience, min_delta):
    stop = EarlyStopping(patience, min_delta)
    last = 0
    for last, value in enumerate(values, 1):
        stop.see(value, last, {})
        if stop.stopped:
            break
    best = int(stop.step)

    def check(result):
        if not isinstance(result, list) or len(result) != 2:
            raise Wrong(f"when_to_stop returns two numbers; it returned {describe(result)}")
        found = [number(v, name) for v, name in zip(result, ("the stop", "the best"), strict=True)]
        setting = f"patience {patience}, min_delta {min_delta:.3g}, losses " + ", ".join(
            f"{v:.3g}" for v in values[:30]
        )
        if found[0] != last:
            raise Wrong(f"{setting}: the run stops after evaluation {last}, yours {found[0]:g}")
        if found[1] != best:
            raise Wrong(f"{setting}: the best evaluation is {best}, yours {found[1]:g}")

    return check


# E3


def ambiguity_cases(rng):
    same = dict(question="test_ambiguity", function="ambiguity")

    def case(title, predictions, y, weights, points):
        args = dict(predictions=predictions, y=y, weights=weights)
        return Case(**same, title=title, args=args, check=split_checker(**args), points=points)

    m, n = int(rng.integers(3, 6)), int(rng.integers(7, 12))
    y = rng.standard_normal(n)
    answers = y + rng.standard_normal((m, n)) + 0.5
    uneven = rng.uniform(0.2, 1, m)
    uneven[0] += 2
    yield case("equal weights", answers, y, np.full(m, 1 / m), 1.5)
    yield case("unequal weights", answers, y, uneven / uneven.sum(), 1.5)
    yield case("a single member", answers[:1], y, np.ones(1), 0.5)
    alike = np.repeat(answers[:1], m, axis=0)
    yield case("members that always agree", alike, y, np.full(m, 1 / m), 0.5)
    far = answers + 100
    yield case("members that are wrong the same way", far, y, uneven / uneven.sum(), 1)


def split_checker(predictions, y, weights):
    together = weights @ predictions
    wanted = (
        ((together - y) ** 2).mean(),
        weights @ ((predictions - y) ** 2).mean(axis=1),
        weights @ ((predictions - together) ** 2).mean(axis=1),
    )
    names = ("the error of the ensemble", "the mean error of the members", "the ambiguity")

    def check(result):
        if not isinstance(result, list) or len(result) != 3:
            raise Wrong(f"ambiguity returns three numbers; it returned {describe(result)}")
        for value, right, name in zip(result, wanted, names, strict=True):
            if not abs(number(value, name) - right) <= 1e-9 * (1 + abs(right)):
                raise Wrong(f"{name} should be {right:.6g}, and yours is {value:.6g}")

    return check
