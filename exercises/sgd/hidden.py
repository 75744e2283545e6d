"""Hidden tests of the exercises on stochastic gradient descent; rng draws the numbers.

The floor comes from the formula of the widget in optlib, the spread of the runs from optlib's own
rule: nothing about the right answer is typed here but the words of the feedback.
"""

import numpy as np

from exercises.cases import Case, Wrong, array, describe, number
from optlib import GD, data
from optlib.widgets.jitter_box import noise_floor


def cases(rng):
    return [*minibatches_cases(rng), *noise_floor_cases(rng), *simulate_cases(rng)]


# E1


def minibatches_cases(rng):
    def case(title, n, size, drop_last, check, points=1):
        args = dict(n=int(n), size=int(size), seed=int(rng.integers(1, 10**6)), drop_last=drop_last)
        return Case(
            question="test_minibatches", function="minibatches", title=title, args=args,
            check=check(**args), points=points,
        )  # fmt: skip

    size = int(rng.integers(5, 9))
    odd, even = size * int(rng.integers(4, 8)) + int(rng.integers(1, size)), size * 6
    yield case("every row once, in batches of the right size", odd, size, False, right_batches, 2)
    yield case(
        "nothing is left over when the size divides n", even, size, False, right_batches, 0.5
    )
    yield case("a smaller last batch is dropped on request", odd, size, True, right_batches)
    yield case("a full last batch is not dropped", even, size, True, right_batches, 0.5)
    yield case("one batch of all rows", odd, odd, False, right_batches, 0.5)
    yield case("the rows are shuffled", 200 + odd, size, False, shuffled)
    yield case("the seed decides about the order", 100 + odd, size, False, of_this_seed)
    for title, n, size in (("size 0", odd, 0), ("size larger than n", odd, odd + 1)):
        yield Case(
            question="test_minibatches", function="minibatches", title=f"an error for {title}",
            args=dict(n=int(n), size=int(size), seed=int(rng.integers(1, 10**6)), drop_last=False),
            raises="ValueError", why=f"size={size} with n={n} makes no sense",
            points=0.75,
        )  # fmt: skip


def batches_of(result):
    if not isinstance(result, list) or not result:
        raise Wrong(f"minibatches should return a list of arrays; it returned {describe(result)}")
    batches = [array(batch, 1, "a batch") for batch in result]
    if any(not np.isfinite(batch).all() or (batch % 1).any() for batch in batches):
        raise Wrong("a batch should hold whole numbers, the numbers of rows")
    return batches


def right_batches(n, size, seed, drop_last):
    sizes = [len(b) for b in data.minibatches(seed, np.arange(n), size=size, partial=not drop_last)]

    def check(result):
        batches = batches_of(result)
        got = [len(batch) for batch in batches]
        if got != sizes:
            raise Wrong(
                f"n = {n}, size = {size}, drop_last = {drop_last} should give {len(sizes)} "
                f"batches, the last of {sizes[-1]} rows; yours are {len(got)}, the last of "
                f"{got[-1]}"
            )
        rows = np.concatenate(batches)
        if len(np.unique(rows)) != len(rows):
            raise Wrong("a row came twice in one epoch")
        if rows.min() < 0 or rows.max() >= n:
            raise Wrong(f"the rows are numbered from 0 to {n - 1}; one of yours is not")

    return check


def shuffled(n, size, seed, drop_last):
    right = right_batches(n, size, seed, drop_last)

    def check(result):
        right(result)
        rows = np.concatenate(batches_of(result))
        inside = np.mean([np.all(np.diff(b) > 0) for b in batches_of(result)])
        # neighbours rise half of the time in a random order
        if np.mean(np.diff(rows) > 0) > 0.75 or np.mean(np.diff(rows) > 0) < 0.25 or inside > 0.5:
            raise Wrong("the rows should come in random order, in the batches and within each")

    return check


def of_this_seed(n, size, seed, drop_last):
    right = right_batches(n, size, seed, drop_last)
    order = np.random.default_rng(seed)

    # The text leaves the method open; one shuffle with the generator gives one of these orders.
    ways = [order.permutation(n)]
    ways.append(np.random.default_rng(seed).choice(n, n, replace=False))
    rows = np.arange(n)
    np.random.default_rng(seed).shuffle(rows)
    ways.append(rows)
    for draw in ("random", "standard_normal"):
        ways.append(np.argsort(getattr(np.random.default_rng(seed), draw)(n)))

    def check(result):
        right(result)
        rows = np.concatenate(batches_of(result))
        if not any(np.array_equal(rows, way) for way in ways):
            raise Wrong(
                "the order should come from one shuffle of all rows by "
                "np.random.default_rng(seed), such as its permutation, cut from the front"
            )

    return check


# E2


def noise_floor_cases(rng):
    same = dict(question="test_noise_floor", function="noise_floor")

    def case(title, lr, h, sigma, batch, points):
        args = dict(lr=float(lr), h=float(h), sigma=float(sigma), batch=int(batch))
        return Case(**same, title=title, args=args, check=floor_checker(**args), points=points)

    h = rng.uniform(2, 5)
    yield case("the floor of single examples", rng.uniform(0.02, 0.1), h, 1, 1, 1)
    yield case("the floor of a batch", 0.1 / h, h, rng.uniform(2, 3), rng.integers(4, 50), 1)
    yield case("near the edge of stability", 1.9 / h, h, rng.uniform(0.3, 0.6), 2, 1.5)
    refused = (
        ("a rate beyond the edge", 2.1 / h, h, "lr * h is above 2", 0.5),
        ("a rate on the edge", 0.5, 4.0, "lr * h is exactly 2", 0.5),
        ("a bowl that is none", rng.uniform(0.1, 0.2), 0.0, "h is 0", 0.25),
        ("a rate of 0", 0.0, h, "lr is 0", 0.25),
    )
    for title, lr, curvature, why, points in refused:
        yield Case(
            **same, title=f"an error for {title}", raises="ValueError", why=why, points=points,
            args=dict(lr=float(lr), h=float(curvature), sigma=float(rng.uniform(1, 2)), batch=1),
        )  # fmt: skip


def floor_checker(lr, h, sigma, batch):
    right = 2 / h * noise_floor(lr, h, sigma, batch)  # optlib's is that of the loss, h x^2 / 2

    def check(result):
        value = number(result, "noise_floor")
        if not np.isclose(value, right, rtol=1e-6, atol=1e-12):
            raise Wrong(
                f"with lr = {lr:.4g}, h = {h:.4g}, sigma = {sigma:.4g} and batch = {batch} the "
                f"mean of x**2 settles at {right:.5g}, and you say {value:.5g}"
            )

    return check


def simulate_cases(rng):
    def case(title, lr, h, sigma, batch, x0, steps, runs, check, points):
        args = dict(
            lr=float(lr), h=float(h), sigma=float(sigma), batch=int(batch), x0=x0,
            steps=int(steps), runs=int(runs), seed=int(rng.integers(1, 10**6)),
        )  # fmt: skip
        return Case(
            question="test_simulate", function="simulate", title=title, args=args,
            check=check(**args), points=points,
        )  # fmt: skip

    h, start = rng.uniform(1, 3), float(rng.uniform(2, 5))
    quiet = dict(sigma=0, batch=1, x0=start, runs=6, check=noiseless, points=1)
    yield case("without noise it is gradient descent", 0.3 / h, h, steps=7, **quiet)
    whole = dict(sigma=0, batch=1, x0=int(rng.integers(2, 9)), runs=3, check=noiseless, points=0.5)
    yield case("a start that is a whole number", 0.25 / h, h, steps=5, **whole)
    many = dict(runs=20_000, check=settled)
    x0 = float(rng.uniform(0.5, 1))
    yield case("settles on the floor", 0.4 / h, h, 1.5, 1, x0, 80, **many, points=1.5)
    yield case("a batch lowers the floor", 0.4 / h, h, 2.0, 9, x0, 80, **many, points=1)
    yield case("the runs are independent", 0.4 / h, h, 1.0, 1, 0.0, 40, runs=20_000, check=apart,
               points=1)  # fmt: skip


def ends_of(result, runs):
    ends = array(result, 1, "simulate")
    if ends.shape != (runs,):
        raise Wrong(f"{runs} runs have {runs} last points; simulate returned shape {ends.shape}")
    if not np.isfinite(ends).all():
        raise Wrong("a last point is not a finite number, although the rate is below 2/h")
    return ends


def noiseless(lr, h, sigma, batch, x0, steps, runs, seed):
    opt = GD(np.full(1, float(x0)), lr=lr)
    for _ in range(steps):
        opt.step(h * opt.x)

    def check(result):
        ends = ends_of(result, runs)
        if not np.allclose(ends, opt.x, rtol=1e-9):
            raise Wrong(
                f"with sigma = 0, {steps} steps of lr * h = {lr * h:.3g} lead from {x0:.4g} to "
                f"{opt.x[0]:.5g}, and yours to {ends[0]:.5g}"
            )

    return check


def settled(lr, h, sigma, batch, x0, steps, runs, seed):
    right = 2 / h * noise_floor(lr, h, sigma, batch)

    def check(result):
        ends = ends_of(result, runs)
        got = float((ends**2).mean())
        if not 0.93 < got / right < 1.07:  # seven standard errors of the mean of 20,000 squares
            raise Wrong(
                f"after {steps} steps with lr * h = {lr * h:.3g} and batch = {batch} the mean of "
                f"x**2 should be near {right:.4g}, and yours is {got:.4g}"
            )

    return check


def apart(lr, h, sigma, batch, x0, steps, runs, seed):
    right = settled(lr, h, sigma, batch, x0, steps, runs, seed)

    def check(result):
        ends = ends_of(result, runs)
        if abs(ends.mean()) > 0.3 * np.sqrt((ends**2).mean()):
            raise Wrong("the mean over the runs is far from 0: has each run noise of its own?")
        right(result)

    return check
