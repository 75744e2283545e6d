"""Hidden tests of the exercises on benchmarking; optlib.statistics is the oracle.

rng draws the numbers. Times are whole numbers and taus halves, so that no right answer depends on
rounding.
"""

import numpy as np

from exercises.cases import Case, Wrong, array
from optlib import statistics


def cases(rng):
    return [*profile_cases(rng), *interval_cases(rng)]


# E1


def table_of_times(rng, methods=4, problems=6, among=40, lost=0):
    table = rng.integers(2, among, (methods, problems)).astype(float)
    spots = rng.choice(table.size, lost, replace=False)
    table.flat[spots] = np.inf
    return table


def profile_cases(rng):
    same = dict(question="test_profile", function="performance_profile")
    some_taus = [1.0, 1.5, 2.0, 3.0, 4.5]

    def case(title, points, table, taus=tuple(some_taus), unchanged=()):
        args = dict(T=table, taus=list(taus))
        wanted = statistics.profile(table, list(taus))
        return Case(**same, title=title, points=points, args=args, unchanged=unchanged,
                    check=heights_checker(wanted, list(taus)))  # fmt: skip

    yield case("four methods, six problems", 2, table_of_times(rng))
    yield case("many ties", 1.5, table_of_times(rng, among=4, problems=9))
    holes = table_of_times(rng, methods=3, problems=8)
    holes[0, :3] = holes[1, 3:5] = np.inf
    yield case("failures", 1.5, holes)
    nobody = table_of_times(rng, methods=3, problems=5)
    nobody[:, :2] = np.inf
    yield case("problems that nobody solves", 1.5, nobody)
    wide = table_of_times(rng, methods=3, problems=7, lost=3)
    yield case("the right-hand end is the share solved", 0.5, wide, taus=(1000.0,))
    yield case("one method alone", 0.5, table_of_times(rng, methods=1, lost=2))
    yield case("takes lists", 0.5, table_of_times(rng, methods=2, problems=4).astype(int).tolist())
    yield case("leaves T as it was", 0.5, table_of_times(rng, lost=3), unchanged=("T",))
    spoils = (("a time of nan", np.nan), ("a time of zero", 0.0), ("a negative time", -2.0))
    for title, value in spoils:
        spoiled = table_of_times(rng, methods=2, problems=3)
        spoiled[1, 1] = value
        yield Case(**same, title=title, points=0.5, raises="ValueError", why=f"T holds {value}",
                   args=dict(T=spoiled, taus=[1.0, 2.0]))  # fmt: skip


def heights_checker(wanted, taus):
    def check(result):
        found = array(result, 2, "the profile")
        if found.shape != wanted.shape:
            raise Wrong(f"the profile here has shape {wanted.shape}, and yours {found.shape}")
        off = ~np.isclose(found, wanted, rtol=0, atol=1e-9)
        if off.any():
            s, k = np.argwhere(off)[0]
            raise Wrong(
                f"method {s} is within {taus[k]:g} times the fastest on a share of "
                f"{wanted[s, k]:.4g} of all problems, and yours says {found[s, k]:.4g}"
            )

    return check


# E2


def interval_cases(rng):
    same = dict(question="test_interval", function="bootstrap_ci")

    def case(title, points, sheet, draws, check, unchanged=()):
        args = dict(X=sheet, B=draws, seed=int(rng.integers(1000)))
        return Case(**same, title=title, points=points, args=args, check=check, unchanged=unchanged)

    plain = rng.normal(5, 2, (1, 12))
    yield case("the ends for one row", 2, plain, 40_000, ends_checker(plain, 40_000))
    lengths = -np.log((np.arange(12) + 0.5) / 12)  # of an exponential distribution
    skewed = (lengths * rng.uniform(0.95, 1.05, (1, 12))) ** 1.5
    yield case("the ends for a skewed row", 2, skewed, 40_000, ends_checker(skewed, 40_000))
    one = rng.normal(0, 3, 15)
    shift = float(rng.integers(4, 9))
    yield case("rows are drawn together", 2, np.stack([one, one + shift, one]), 500,
               together_checker(shift))  # fmt: skip
    many = rng.standard_normal((600, 60))
    yield case("holds the truth as often as it should", 1.5, many, 250, coverage_checker(many))
    few = rng.integers(0, 20, (2, 10))
    yield case("takes lists of whole numbers", 0.5, few.tolist(), 20_000, ends_checker(few, 20_000))
    kept = rng.normal(0, 1, (3, 8))
    yield case("leaves X as it was", 1, kept, 300, shape_checker(3), unchanged=("X",))
    lone = dict(X=rng.normal(0, 1, (2, 1)), B=100, seed=0)
    yield Case(**same, title="one column", points=0.5, raises="ValueError", args=lone,
               why="X has one column")  # fmt: skip
    hollow = rng.normal(0, 1, (2, 6))
    hollow[1, 3] = np.nan
    yield Case(**same, title="a run that is nan", points=0.5, raises="ValueError",
               why="X holds nan", args=dict(X=hollow, B=100, seed=0))  # fmt: skip


def two_ends(result, rows):
    found = array(result, 2, "the intervals")
    if found.shape != (rows, 2):
        raise Wrong(f"{rows} rows have intervals of shape {(rows, 2)}, and yours {found.shape}")
    if not (found[:, 0] <= found[:, 1]).all():
        raise Wrong("the lower end comes first")
    return found


def shape_checker(rows):
    def check(result):
        two_ends(result, rows)

    return check


def ends_checker(sheet, draws):
    """Ends by many draws of our own; allowed are six standard errors of a student's percentile."""
    rows = np.asarray(sheet, dtype=float)
    ours = [statistics.bootstrap(r, draws=60_000, method="percentile", rng=1) for r in rows]
    unit = rows.std(axis=1) / np.sqrt(rows.shape[1])

    def check(result):
        found = two_ends(result, len(rows))
        for r, (mine, its, step) in enumerate(zip(found, ours, unit, strict=True)):
            slack = (6 * np.sqrt(0.025 * 0.975 / draws) / 0.058 + 0.02) * step
            if not np.allclose(mine, its[1:], rtol=0, atol=slack):
                raise Wrong(
                    f"row {r}: the interval goes from {its.low:.4g} to {its.high:.4g}, give or "
                    f"take {slack:.1g}, and yours from {mine[0]:.4g} to {mine[1]:.4g}"
                )

    return check


def together_checker(shift):
    def check(result):
        found = two_ends(result, 3)
        if not np.allclose(found[1] - found[0], shift) or not np.allclose(found[2], found[0]):
            raise Wrong(
                f"row 1 is row 0 plus {shift:g}, so its interval must be shifted by exactly "
                f"{shift:g}, and row 2 is row 0 again: yours are {found.round(4).tolist()}"
            )

    return check


def coverage_checker(many):
    def share_that_holds(ends):
        return ((ends[:, 0] <= 0) & (ends[:, 1] >= 0)).mean()

    picks = statistics.resamples(2, many.shape[1], 250)
    drawn = np.stack([many[:, pick].mean(axis=1) for pick in picks])
    ours = share_that_holds(np.quantile(drawn, [0.025, 0.975], axis=0).T)

    def check(result):
        mine = share_that_holds(two_ends(result, len(many)))
        if not abs(mine - ours) <= 0.025:
            raise Wrong(
                f"of 600 samples the interval should hold the true mean in about {ours:.1%} (a "
                f"little below 95 % at 60 numbers each), and yours does in {mine:.1%}"
            )

    return check
