"""Hidden tests of the exercises on tuning. rng draws the numbers.

Losses of E1 come from the problems of optlib; what a log of E2 shows is known because it was made
so, with a margin around every limit of the table.
"""

import numpy as np

from exercises.cases import Case, Wrong, array, describe, number
from exercises.wire import Formula


def cases(rng):
    return [*search_cases(rng), *log_cases(rng)]


# E1


def search_cases(rng):
    same = dict(question="test_search", function="random_search")

    def case(title, formula, space, budget, look, points=1):
        seed = int(rng.integers(1, 10**6))
        args = dict(f=formula, space=space, budget=budget, seed=seed)
        check = search_checker(formula.build_problem(), space, budget, look)
        return Case(**same, title=title, args=args, check=check, points=points)

    bowl = Formula("value", "Quadratic", {"kappa": float(rng.uniform(5, 50))})
    banana = Formula("value", "Rosenbrock")
    low = float(10.0 ** -rng.uniform(2, 4))
    log, line = [low, 1e4 * low, "log"], [-2.0, float(rng.uniform(1, 3)), "linear"]
    yield case("a log axis is even in the logarithm", bowl, [log, line], 1500, ("draws",), 2)
    yield case("a linear axis is even", bowl, [line, line], 1500, ("draws",), 1)
    yield case("two log axes are drawn independently", bowl, [log, log], 1500, ("draws",), 1)
    yield case("the best so far", banana, [line, line], int(rng.integers(30, 60)), ("best",), 2)
    far = [1.0, 1e250, "log"]  # its square overflows from 1e154 on
    yield case("failed trials are counted", bowl, [far, line], 60, ("failed",), 1)
    yield case("a failed trial is never the best", bowl, [far, line], 60, ("best",), 1)
    lost = [1e200, 1e250, "log"]
    yield case("all trials fail", bowl, [lost, line], 7, ("best", "failed"), 1)
    args = dict(f=bowl, space=[[0.0, 1.0, "log"], line], budget=5, seed=1)
    why = "a log range begins at 0"
    yield Case(**same, title="a log range from 0", args=args, raises="ValueError", why=why,
               points=0.5)  # fmt: skip
    args = dict(f=bowl, space=[[0.1, 1.0, "cubic"], line], budget=5, seed=1)
    why = 'the kind "cubic" is none of the two'
    yield Case(**same, title="no such kind", args=args, raises="ValueError", why=why, points=0.5)


def search_checker(problem, space, budget, look):
    def check(result):
        if not isinstance(result, list) or len(result) != 3:
            raise Wrong(f"random_search should return three things; it returned {describe(result)}")
        settings = array(result[0], 2, "settings")
        if settings.shape != (budget, len(space)):
            raise Wrong(
                f"{budget} trials of {len(space)} numbers, and settings has shape {settings.shape}"
            )
        if "draws" in look:
            check_draws(settings, space)
        with np.errstate(all="ignore"):
            losses = problem.f(settings.T)
        fine = np.isfinite(losses)
        if "best" in look:
            best = array(result[1], 1, "best")
            wanted = np.minimum.accumulate(np.where(fine, losses, np.inf))
            if best.shape != wanted.shape:
                raise Wrong(f"best should hold {budget} numbers, and has shape {best.shape}")
            good = np.isclose(best, wanted, rtol=1e-9, atol=0) | (best == wanted)
            if not good.all():
                k = int(good.argmin())
                raise Wrong(
                    f"after {k + 1} trials the lowest loss so far is {wanted[k]:.6g}, and yours is "
                    f"{best[k]:.6g}"
                )
        if "failed" in look:
            failed = number(result[2], "failed")
            if failed != (~fine).sum():
                raise Wrong(
                    f"{(~fine).sum()} of {budget} losses are not finite; you count {failed:g}"
                )

    return check


def check_draws(settings, space):
    """Kolmogorov's distance to the even distribution; a right program exceeds it once in 10^9."""
    n, ranks = len(settings), []
    for column, (low, high, kind) in zip(settings.T, space, strict=True):
        if not ((low <= column) & (column <= high)).all():
            raise Wrong(f"a number lies outside its range from {low:.3g} to {high:.3g}")
        share = (column - low) / (high - low)
        if kind == "log":
            share = np.log(column / low) / np.log(high / low)
        distance = np.abs(np.sort(share) - (np.arange(n) + 0.5) / n).max()
        if distance > 3.3 / np.sqrt(n):
            raise Wrong(
                f"{n} draws of a {kind} axis from {low:.3g} to {high:.3g} are not spread evenly "
                + ("in their logarithms" if kind == "log" else "over it")
            )
        ranks.append(share)
    if abs(np.corrcoef(ranks)[0, 1]) > 0.2:
        raise Wrong("the numbers of one setting depend on each other: draw each by itself")


# E2

N = 48


def log_cases(rng):
    t = np.arange(N)
    first = float(rng.uniform(1.5, 3))
    fall = first * np.exp(-t / rng.uniform(4, 6))
    flat = np.full(N, first)
    slow = first * (1 - rng.uniform(0.2, 0.3) * t / N)
    wobble = 1 + rng.uniform(0.2, 0.3) * (-1.0) ** t
    steady = np.ones(N)
    vanishing = 0.5**t
    nan_from, up = int(rng.integers(3, 9)), 1.3**t
    lost = np.where(t < nan_from, first, np.nan)
    blown = np.where(t < 30, first * up, np.nan)
    turned = float(rng.uniform(0.4, 0.5)) + 0.03 * np.abs(t - 12)

    def case(title, wanted, train, val=None, norm=steady, dead=0.1, points=1):
        other = train if val is None else val
        log = dict(train=train.tolist(), val=other.tolist(), norm=norm.tolist(), dead=float(dead))

        def check(result):
            if not isinstance(result, str) or result != wanted:
                raise Wrong(
                    f"{title}: the first finding of the table that applies is {wanted!r}, and "
                    f"yours is {describe(result) if not isinstance(result, str) else result!r}"
                )

        return Case(
            question="test_diagnosis", function="diagnose", title=title, args=dict(log=log),
            check=check, points=points,
        )  # fmt: skip

    yield case("a run without a fault", "nothing found", fall + 0.02 * first)
    yield case("the loss grows", "diverged", first * up)
    yield case("it grows, and then there is no number", "diverged", blown)
    yield case("no number, without growth", "nan", lost, dead=1.0)
    yield case("an infinite loss is no number either", "nan", np.where(t == N - 1, np.inf, fall))
    yield case("validation too good to be true", "leak", fall + 0.5, 0.2 * fall)
    yield case("dead units", "dead units", flat, norm=0 * t + 1e-9, dead=0.97)
    yield case("validation turns, training falls on", "overfit", fall, turned)
    yield case("validation turns, and so does training", "nothing found", turned * 2, turned * 2,
               points=0.5)  # fmt: skip
    yield case("no gradient is left", "plateau", flat, norm=vanishing)
    yield case("still falling, and hardly down", "rate too low", slow, points=0.5)
    floor = np.maximum(fall, 0.2 * first)
    yield case("down, and then only noise", "noise floor", floor * wobble, floor)
    slope = floor * (1 - 0.3 * t / N)
    yield case("noise, and still falling", "nothing found", slope * wobble, slope, points=0.5)
    yield case("a plateau whose gradient is alive", "nothing found", flat, points=0.5)
