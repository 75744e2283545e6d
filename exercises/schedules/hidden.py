"""Hidden tests of the exercises on schedules. optlib is the oracle; rng draws the numbers.

The right rates come from ``optlib.schedules``, the points from ``optlib.ScheduleFreeSGD``, and the
expected losses from runs of ``optlib.GD``: on a bowl its path is a sum of what the start and each
kick of noise have become, and the squares of independent parts add.
"""

import numpy as np

import optlib
from exercises.cases import Case, Wrong, array, describe, number
from exercises.wire import Formula
from optlib import schedules

KINDS = {
    "constant": lambda top, T: schedules.Constant(top),
    "linear": schedules.Linear,
    "cosine": schedules.Cosine,
    "sqrt": lambda top, T: schedules.InverseSqrt(top),
    "wsd": lambda top, T: schedules.WSD(top, T, warmup=0, decay=T // 5),
}


def cases(rng):
    return [*rate_cases(rng), *free_cases(rng), *worth_cases(rng)]


# E1


def rate_cases(rng):
    same = dict(question="test_rates", function="rates")

    def case(title, kind, warmup=0, first=1, points=1):
        top, steps = float(rng.uniform(0.1, 2)), warmup + int(rng.integers(31, 59))
        args = dict(kind=kind, top=top, steps=steps, warmup=warmup, first=first)
        check = rate_checker(kind, top, steps, warmup, first)
        return Case(**same, title=title, args=args, check=check, points=points)

    for kind in KINDS:
        yield case(f"the schedule {kind}", kind)
    yield case("a constant rate after a warm-up", "constant", warmup=int(rng.integers(5, 12)))
    yield case("a cosine after a warm-up", "cosine", warmup=int(rng.integers(5, 12)))
    first = int(rng.integers(9, 20))
    yield case("an interrupted line asks for the rest", "linear", warmup=6, first=first)
    yield case("an interrupted warm-up asks for the rest", "sqrt", warmup=9, first=4)
    top = float(rng.uniform(0.1, 2))
    args = dict(kind="exponential", top=top, steps=20, warmup=2, first=1)
    why = 'kind is "exponential", which is none of the five'
    yield Case(**same, title="no such schedule", args=args, raises="ValueError", why=why, points=1)


def rate_checker(kind, top, steps, warmup, first):
    schedule = KINDS[kind](top, steps - warmup)
    if warmup:
        schedule = schedules.Warmup(schedule, warmup)
    wanted = schedule(np.arange(first, steps + 1))

    def check(result):
        found = array(result, 1, "the rates")
        if found.shape != wanted.shape:
            raise Wrong(
                f"steps {first} to {steps} have {len(wanted)} rates, and yours are {len(found)}"
            )
        close = np.isclose(found, wanted, rtol=1e-9, atol=1e-12)
        if not close.all():
            t = first + int(close.argmin())
            where = "in the warm-up" if t <= warmup else f"its own step {t - warmup}"
            raise Wrong(
                f"{kind} with top = {top:.4g}, steps = {steps}, warmup = {warmup}: step {t}, "
                f"{where}, should use {wanted[t - first]:.6g}, yours uses {found[t - first]:.6g}"
            )

    return check


# E2

POINTS = ("z", "the average", "theta")


def free_cases(rng):
    same = dict(question="test_free", function="schedule_free")

    def case(title, formula, start, beta, steps, lr, points=1, look=POINTS, unchanged=()):
        args = dict(grad=formula, x0=start, lr=lr, beta=beta, steps=steps)
        check = free_checker(formula.build_problem(), start, lr, beta, steps, look)
        return Case(**same, title=title, args=args, check=check, points=points, unchanged=unchanged)

    def bowl():
        return Formula("gradient", "Quadratic", {"kappa": 8.0, "angle": rng.uniform(0.2, 1.3)})

    def somewhere(n=2):
        return rng.choice([-1.0, 1.0], n) * rng.uniform(0.5, 2.0, n)

    def rate():
        return float(rng.uniform(0.1, 0.2))

    def share():
        return float(rng.uniform(0.6, 0.95))

    steps = int(rng.integers(12, 25))
    yield case("the fast point", bowl(), somewhere(), share(), steps, rate(), 1.5, ("z",))
    yield case("the average", bowl(), somewhere(), share(), steps, rate(), 1.5, ("the average",))
    yield case(
        "the point of the gradient", bowl(), somewhere(), share(), steps, rate(), 1, ("theta",)
    )
    line = Formula("gradient", "TenWell")
    yield case("works in one dimension", line, rng.uniform(-8, 8, 1), share(), 20, rate() / 10)
    yield case("beta = 0 is plain descent with a mean", bowl(), somewhere(), 0.0, 15, rate(), 1)
    yield case("no step", bowl(), somewhere(), share(), 0, rate(), 0.5)
    yield case(
        "leaves x0 as it was", bowl(), somewhere(), share(), 9, rate(), 0.75, unchanged=("x0",)
    )
    whole = rng.integers(2, 9, 2)
    yield case("takes whole numbers for a start", bowl(), whole, share(), 9, rate(), 0.75)


def free_checker(problem, start, lr, beta, steps, look):
    opt = optlib.ScheduleFreeSGD(np.array(start, dtype=float), lr=lr, beta=beta)
    for _ in range(steps):
        opt.step(problem.gradient(opt.x))
    wanted = dict(zip(POINTS, (opt.state["z"], opt.state["average"], opt.x), strict=True))

    def check(result):
        if not isinstance(result, list) or len(result) != 3:
            raise Wrong(f"schedule_free should return three points; it returned {describe(result)}")
        for name, point in zip(POINTS, result, strict=True):
            found = array(point, 1, name)
            if name not in look:
                continue
            right = wanted[name]
            scale = max(1.0, np.abs(right).max())
            if found.shape != right.shape or not np.allclose(
                found, right, rtol=1e-9, atol=1e-9 * scale
            ):
                raise Wrong(
                    f"after {steps} steps with lr = {lr:.4g}, beta = {beta:.4g}, {name} is wrong: "
                    "is the gradient taken at theta, and is the average the plain mean of all z "
                    "after the start?"
                )

    return check


# E3


def worth_cases(rng):
    def case(title, lrs, h, noise, start, points=1, unchanged=()):
        args = dict(lrs=lrs, h=h, noise=noise, start=float(start))
        check = worth_checker(np.asarray(lrs), h, noise, start, title)
        return Case(
            question="test_worth", function="expected_loss", title=title, args=args, check=check,
            points=points, unchanged=unchanged,
        )  # fmt: skip

    def curvatures(n):
        return rng.uniform(0.05, 1.0, n)

    def rates(steps):
        return rng.uniform(0.1, 1.2, steps)

    n = int(rng.integers(3, 7))
    yield case("no noise: only the start counts", rates(12), curvatures(n), np.zeros(n), 1.5)
    yield case("from the minimum: only the noise counts", rates(12), curvatures(n),
               rng.uniform(0.1, 2, n), 0.0, 1.5)  # fmt: skip
    yield case("one direction", rates(4), curvatures(1), rng.uniform(0.1, 2, 1), 2.0)
    yield case("start and noise in many directions", rates(9), curvatures(n),
               rng.uniform(0.1, 2, n), 2.0, 1.5)  # fmt: skip
    fall = np.array(schedules.Linear(1.0, 20)(np.arange(1, 21)))
    yield case("a rate that falls", fall, curvatures(n), rng.uniform(0.1, 2, n), 1.0)
    yield case("no rates at all", np.zeros(0), curvatures(n), rng.uniform(0.1, 2, n), 3.0)
    yield case("leaves h and noise as they were", rates(5), curvatures(n), rng.uniform(0.1, 2, n),
               1.0, unchanged=("h", "noise"))  # fmt: skip


def worth_checker(lrs, h, noise, start, title):
    # Row 0 begins at the start and has no noise; row s begins at 0 and is kicked once, in step s.
    opt = optlib.GD(np.zeros((len(lrs) + 1, len(h))), lr=lambda t: float(lrs[t - 1]))
    opt.x[0] = start
    for t in range(1, len(lrs) + 1):
        g = opt.x * h
        g[t] += np.sqrt(noise)
        opt.step(g)
    wanted = 0.5 * (h * opt.x**2).sum()

    def check(result):
        found = number(result, "the expected loss")
        if not abs(found - wanted) <= 1e-9 * max(wanted, 1e-300):
            raise Wrong(
                f"{title}: with {len(lrs)} rates, {len(h)} directions and start {start:g} the "
                f"expected loss is {wanted:.8g}, and yours is {found:.8g}"
            )

    return check
