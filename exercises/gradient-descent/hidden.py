"""Hidden tests of the exercises on gradient descent. optlib is the oracle; rng draws the numbers.

Nothing about the right answer is typed here but the words of the feedback: each expected path comes
from ``optlib.run``, each expected count from that path.
"""

import numpy as np

import optlib
from exercises.cases import Case, Wrong, array, describe, number
from exercises.wire import Formula

BLOWN_UP = 1e6  # times the gradient at the start; the text of E1 says so


def cases(rng):
    return [*gd_cases(rng), *optimal_lr_cases(rng), *predict_steps_cases(rng)]


# E1


def gd_cases(rng):
    def case(title, formula, start, lr, steps, tol, points=0.5, slack=0, unchanged=()):
        check = path_checker(formula.build_problem(), start, lr, steps, tol, slack)
        args = dict(grad=formula, x0=start, lr=float(lr), steps=int(steps), tol=float(tol))
        return Case(
            question="test_gd", function="gd", title=title, args=args, check=check, points=points,
            unchanged=unchanged,
        )  # fmt: skip

    def ellipse(kappa):
        return Formula("gradient", "Quadratic", {"kappa": kappa, "angle": rng.uniform(0.2, 1.3)})

    def somewhere(n=2):
        return rng.choice([-1.0, 1.0], n) * rng.uniform(0.5, 2.0, n)

    def length(formula, start):
        return np.linalg.norm(formula.build_problem().gradient(start))

    kappa = rng.uniform(3, 8)
    yield case(
        "takes the given number of steps",
        ellipse(kappa), somewhere(), lr=1 / kappa, steps=rng.integers(20, 40), tol=0, points=1.5,
    )  # fmt: skip

    for kappa in (10.0, 100.0):
        bowl, start = ellipse(kappa), somewhere()
        yield case(
            f"reaches a millionth in the right number of steps, kappa = {kappa:g}",
            bowl, start, lr=2 / (1 + kappa), steps=10 * kappa, tol=1e-6 * length(bowl, start),
            points=1, slack=1,
        )  # fmt: skip

    X, y = rng.normal(size=(60, 30)), rng.normal(size=60)
    regression, start = Formula("gradient", "LeastSquares", {"X": X, "y": y}), somewhere(30)
    tol = rng.uniform(0.01, 0.03) * length(regression, start)
    yield case(
        "stops when the gradient's length is at most tol",
        regression, start, lr=0.4 / regression.build_problem().L, steps=1500, tol=tol, points=1.5,
    )  # fmt: skip

    kappa = rng.uniform(5, 20)
    yield case(
        "says when a run blows up, lr = 2.1/L",
        ellipse(kappa), somewhere(), lr=2.1 / kappa, steps=400, tol=1e-8, points=1.5,
    )  # fmt: skip

    bowl = Formula("gradient", "Quadratic", {"kappa": kappa})
    yield case(
        "bouncing for ever at lr = 2/L is not blowing up",
        bowl, rng.uniform(1, 2, 2), lr=2 / kappa, steps=300, tol=1e-8,
    )  # fmt: skip

    pass_between_two_valleys = np.array([0.0866775, 2.8842547])
    yield case(
        "a gradient that grows for a while is not blowing up",
        Formula("gradient", "Himmelblau"), pass_between_two_valleys + 1e-4 * somewhere(),
        lr=0.01, steps=900, tol=1e-6,
    )  # fmt: skip

    line = Formula("gradient", "TenWell")
    yield case("works in one dimension", line, rng.uniform(-8, 8, 1), lr=0.05, steps=30, tol=0)

    chain = Formula("gradient", "NesterovWorst", {"n": 1000})
    yield case("works in 1000 dimensions", chain, somewhere(1000), lr=1, steps=40, tol=0)

    bowl = ellipse(6.0)
    few = dict(lr=0.1, steps=12)
    yield case("leaves x0 as it was", bowl, somewhere(), **few, tol=0, unchanged=("x0",))
    yield case("takes whole numbers for a start", bowl, rng.integers(2, 9, 2), **few, tol=0)
    start = somewhere()
    tol = 1.5 * length(bowl, start)
    yield case("stays where the gradient is short already", bowl, start, **few, tol=tol)


def path_checker(problem, start, lr, steps, tol, slack):
    """A check of gd's result against optlib's own run, property by property."""
    steps = int(steps)
    trace = optlib.run(optlib.GD, problem, steps, np.asarray(start, dtype=float), lr=lr)
    with np.errstate(all="ignore"):
        lengths = np.linalg.norm(problem.grad(trace.x.T), axis=0)
        # how far rounding errors may lead two right programs apart
        room = 1e-9 * (np.abs(trace.x[0]).max() + np.abs(trace.x).max(axis=1))

    def ends(safety):
        arrived = optlib.first(lengths <= safety * tol)
        blown = optlib.first(~(lengths <= safety * BLOWN_UP * lengths[0]))
        return min(arrived, blown, steps), arrived, blown

    last, arrived, blown = ends(1.0)
    counts = {ends(safety)[0] for safety in (1 - 1e-6, 1, 1 + 1e-6)}  # more than one is rare
    blows_up = blown < arrived and blown <= steps
    setting = f"lr = {lr:.4g} ({lr * problem.L:.3g}/L)" if problem.L else f"lr = {lr:.4g}"

    def check(result):
        if not isinstance(result, list) or len(result) != 2:
            got = describe(result)
            raise Wrong(f"gd should return two things, path and diverged; it returned {got}")
        path, diverged = array(result[0], 2, "path"), result[1]
        if path.shape[1] != problem.dim or not len(path):
            raise Wrong(
                f"in {problem.dim} dimensions path should have shape (t + 1, {problem.dim}), and "
                f"it has {path.shape}"
            )
        both = min(len(path), len(trace.x), last + 1)
        with np.errstate(all="ignore"):
            close = (np.abs(path[:both] - trace.x[:both]) <= room[:both, None]).all(axis=1)
        if not close[0]:
            raise Wrong("path[0] should be the start x0")
        if not close.all():
            t = int(close.argmin())
            before = f"path[{t - 1}]"
            raise Wrong(f"path[{t}] should be {before} - lr * grad({before}), and it is not")
        count = len(path) - 1
        if min(abs(count - right) for right in counts) > slack:
            raise Wrong(wrong_count(count))
        if type(diverged) is not bool:
            raise Wrong(f"diverged should be True or False, and it is {describe(diverged)}")
        if diverged != blows_up:
            raise Wrong(
                f"with {setting} the run blows up, and diverged should be True"
                if blows_up
                else f"with {setting} the run does not blow up (the gradient stays below a million "
                "times its length at the start), and diverged should be False"
            )

    def wrong_count(count):
        if last == blown:
            why = f"with {setting} the gradient is a million times its first length after {last}"
        elif last == arrived:
            why = f"with {setting} the gradient's length is at most tol after {last}"
        else:
            why = f"with {setting} nothing ends the run before all of its {last}"
        return f"{why} steps, so path should have {last + 1} points; yours has {count + 1}"

    return check


# E2


def random_bowl(rng, n, kappa, scale=1.0):
    """A random positive definite matrix with that condition number, and optlib's problem of it."""
    basis = np.linalg.qr(rng.normal(size=(n, n)))[0]
    curvatures = scale * rng.uniform(1, kappa, n)
    curvatures[:2] = np.multiply(scale, [1, kappa])[:n]
    roots = np.sqrt(n * curvatures)[:, None] * basis.T
    problem = optlib.LeastSquares(roots, np.zeros(n))  # its Hessian is roots.T @ roots / n
    H = problem.hessian(np.zeros(n))
    return (H + H.T) / 2, problem


def no_bowls(rng):
    """Matrices without a best learning rate: (title, why, H)."""
    saddle = np.zeros((4, 4))
    while np.diag(saddle).min() < 0.1:  # the diagonal should not give it away
        basis = np.linalg.qr(rng.normal(size=(4, 4)))[0]
        saddle = basis @ np.diag([-rng.uniform(0.5, 1), 1, 2, 9]) @ basis.T
    flat = np.diag(np.append(0.0, rng.uniform(1, 5, 2)))
    skew = np.diag(rng.uniform(4, 5, 3))
    skew[0, 2] = rng.uniform(1, 2)
    yield "a saddle", "its argument H has a negative eigenvalue", (saddle + saddle.T) / 2
    yield "a valley with a flat floor", "its argument H has the eigenvalue 0", flat
    yield "a matrix that is not symmetric", "its argument H is not symmetric", skew


def optimal_lr_cases(rng):
    settings = (
        ("a random matrix", 1, 5, rng.uniform(3, 30), 1.0),
        ("one dimension", 0.5, 1, 1.0, rng.uniform(2, 9)),
        ("fifty dimensions", 0.5, 50, rng.uniform(3, 30), 1.0),
        ("curvatures of very different size", 0.5, 4, 1e4, rng.uniform(1e-3, 1e-2)),
    )
    same = dict(question="test_optimal_lr", function="optimal_lr")
    for title, points, n, kappa, scale in settings:
        H, problem = random_bowl(rng, n, kappa, scale)
        yield Case(
            **same, title=f"the best lr: {title}", args={"H": H}, check=lr_checker(problem),
            points=points, unchanged=("H",),
        )  # fmt: skip
    for title, why, H in no_bowls(rng):
        yield Case(
            **same, title=f"no best lr: {title}", args={"H": H}, raises="ValueError", why=why,
            points=0.5,
        )  # fmt: skip


def lr_checker(problem):
    best = 2 / (problem.L + problem.mu)

    def check(result):
        lr = number(result, "optimal_lr")
        if abs(lr - best) <= 1e-6 * best:
            return
        if abs(lr * problem.L - 1) <= 1e-6:
            raise Wrong("optimal_lr returned 1/L: that is safe, and slower than it need be")
        if abs(lr * problem.L - 2) <= 1e-6:
            raise Wrong("optimal_lr returned 2/L: there the steepest direction bounces for ever")
        worst = max(abs(1 - lr * problem.L), abs(1 - lr * problem.mu))
        least = max(abs(1 - best * problem.L), abs(1 - best * problem.mu))
        raise Wrong(
            f"at your learning rate one step multiplies the distance by up to {worst:.4g}; there "
            f"is one that reaches {least:.4g}"
        )

    return check


def predict_steps_cases(rng):
    settings = (
        ("kappa below 2", 1, 4, rng.uniform(1.5, 2)),
        ("kappa about 50", 1, 6, rng.uniform(30, 70)),
        ("kappa about 1000", 0.5, 3, rng.uniform(700, 1300)),
        ("all curvatures equal", 0.5, 3, 1.0),
    )
    same = dict(question="test_predict_steps", function="predict_steps")
    for title, points, n, kappa in settings:
        H, problem = random_bowl(rng, n, kappa, scale=rng.uniform(0.1, 10))
        tol = 10 ** -rng.uniform(5, 7)
        while not (needed := measured_steps(problem, tol)):  # a tol on the edge of two counts
            tol *= 0.99
        yield Case(
            **same, title=f"the prediction is what a run needs: {title}", args={"H": H, "tol": tol},
            check=steps_checker(needed, problem.kappa, tol), points=points,
        )  # fmt: skip
    for title, why, H in list(no_bowls(rng))[:2]:
        yield Case(
            **same, title=f"no prediction: {title}", args={"H": H, "tol": 1e-3},
            raises="ValueError", why=why, points=0.5,
        )  # fmt: skip


def measured_steps(problem, tol):
    """Steps that optlib's GD needs from the worst start; None if rounding could change them."""
    axes = np.linalg.eigh(problem.hessian(problem.start))[1]
    worst_start = (axes[:, 0] + axes[:, -1]) / np.sqrt(2)
    lr, enough = 2 / (problem.L + problem.mu), 50 + int(9 * problem.kappa)  # e**-18 < 1e-7
    trace = optlib.run(optlib.GD, problem, enough, worst_start, lr=lr)
    shrunk = trace.distance / trace.distance[0]
    counts = {optlib.first(shrunk <= tol * safety) for safety in (1 - 1e-6, 1 + 1e-6)}
    return counts.pop() if len(counts) == 1 else None


def steps_checker(needed, kappa, tol):
    def check(result):
        steps = number(result, "predict_steps")
        if type(steps) is not int:
            raise Wrong(f"predict_steps should return an int, and it returned {steps:.6g}, a float")
        if abs(steps - needed) > 0.02 * needed:  # below 50 steps that means: exactly
            raise Wrong(
                f"with kappa = {kappa:.4g} and tol = {tol:.3g} gradient descent at its best "
                f"learning rate took {needed} steps, and you predict {describe(steps)}"
            )

    return check
