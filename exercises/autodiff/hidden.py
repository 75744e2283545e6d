"""Hidden tests of the exercises on automatic differentiation; rng draws programs and networks.

The oracle of the tape is :mod:`optlib.scalar`, that of the network is :mod:`optlib.autodiff`:
nothing about the right answer is typed here but the words of the feedback.
"""

import numpy as np

from exercises.cases import Case, Wrong, array, describe, number
from optlib import autodiff, scalar
from optlib.autodiff import Tensor

STEPS = {
    "+": lambda a, b: a + b,
    "*": lambda a, b: a * b,
    "**": pow,
    "exp": scalar.exp,
    "tanh": scalar.tanh,
    "relu": scalar.relu,
}


def cases(rng):
    return [*tape_cases(rng), *network_cases(rng)]


# E1


def run(program, at, results):
    """All values of a program, and the gradients at its inputs of the last of its results."""
    made = [scalar.Value(a) for a in at]
    for step in program:
        made.append(STEPS[step[0]](*(made[a] if isinstance(a, int) else a for a in step[1:])))
    for value in made[: len(at)]:
        value.grad = 0.0  # what does not lead to the result keeps this
    made[results[-1]].backward()
    return made, [value.grad for value in made[: len(at)]]


def random_program(rng, inputs=3, steps=12):
    """Each step takes earlier numbers, most of them several times, and stays away from kinks."""
    while True:
        at, program = [float(a) for a in rng.uniform(-1.5, 1.5, inputs)], []
        for k in range(steps):
            a, b = (int(i) for i in rng.integers(max(0, k - 4), inputs + k, 2))
            name = str(rng.choice(["+", "*", "tanh", "relu", "**"]))
            program.append([name, a, b] if name in "+*" else [name, a, 2.0][: 2 + (name == "**")])
        program += [["tanh", inputs + steps - 1], ["exp", inputs + steps]]
        program.append(["+", inputs + steps + 1, 0])
        made, grads = run(program, at, [-1])
        sizes = [abs(value.data) for value in made]
        if max(sizes) < 50 and min(sizes) > 1e-3 and np.abs(grads[1:]).max() > 0.01:
            return program, at


def tape_cases(rng):
    def case(title, program, at, points, results=(-1,), about="look again at its slopes"):
        size = len(at) + len(program)
        results = [int(i) % size for i in results]
        args = dict(program=program, at=[float(a) for a in at], results=results)
        return Case(
            question="test_tape", function="evaluate", title=title, args=args, points=points,
            check=tape_checker(args, title, about),
        )  # fmt: skip

    def some(n, low=0.5, high=2.0):
        return rng.choice([-1.0, 1.0], n) * rng.uniform(low, high, n)

    half = float(rng.uniform(0.5, 2))
    yield case("a sum", [["+", 0, 1]], some(2), 0.5)
    yield case("a product", [["*", 0, 1]], some(2), 0.5)
    for n in (3.0, -1.0, 0.5):
        yield case(f"the power {n:g}", [["**", 0, n]], [rng.uniform(0.5, 2)], 0.5)
    yield case("exp", [["exp", 0]], some(1), 0.5)
    yield case("tanh", [["tanh", 0]], some(1, 0.3, 1.2), 0.5)
    program = [["relu", 0], ["relu", 1], ["relu", 2], ["+", 3, 4], ["+", 5, 6]]
    at = [-rng.uniform(0.5, 2), 0.0, rng.uniform(0.5, 2)]
    yield case("relu below, at and above 0", program, at, 0.5)
    program = [["+", half, 0], ["*", half, 1], ["*", 2, -half], ["+", 3, 1.0]]
    yield case("plain numbers on either side", program, some(1), 0.5)
    program = [["*", 0, 0], ["*", 1, 0], ["+", 2, 1], ["+", 3, 0]]
    yield case("a number that is used several times", program, some(1), 1, about="add the shares")
    program = [["*", 0, 1], ["tanh", 2], ["*", 2, 3], ["exp", 3], ["*", 4, 5]]
    yield case(
        "a number waits for all its uses", program, some(2, 0.4, 0.9), 1,
        about="a number was handed on before all of its shares had arrived",
    )  # fmt: skip
    yield case("a random calculation", *random_program(rng), 1, about="several steps together fail")
    program, at = [["*", 0, 1], ["tanh", 2], ["+", 3, 0]], some(2)
    yield case(
        "backward twice", program, at, 1, (-1, -1), "gradients of the first call are still there"
    )
    program = [["*", 0, 1], ["exp", 0], ["+", 2, 3], ["*", 0, 0]]
    yield case(
        "two results that share an input", program, some(2), 0.5, (4, 5),
        about="gradients of the first result are still there",
    )  # fmt: skip
    program = [["+", 0, half]]
    program += [["+", k, 0] if k % 50 == 0 else ["*", k, 1.0] for k in range(1, 5000)]
    yield case("5,000 steps deep", program, some(1), 1)


def tape_checker(args, title, about):
    made, wanted = run(**args)
    value = made[args["results"][-1]].data
    skip = title == "two results that share an input"  # there y does not lead to the second result

    def check(result):
        if not isinstance(result, list) or len(result) != 2:
            raise Wrong(f"evaluate should return a value and gradients, not {describe(result)}")
        found, grads = number(result[0], "evaluate"), array(result[1], 1, "the gradients")
        if not abs(found - value) <= 1e-9 * max(1, abs(value)):
            raise Wrong(f"{title}: the value should be {value:.6g}, and yours is {found:.6g}")
        if grads.shape != (len(wanted),):
            raise Wrong(f"{title}: {len(wanted)} inputs have as many gradients, yours {len(grads)}")
        good = np.isclose(grads, wanted, rtol=1e-8, atol=1e-12)
        if skip:
            good = good[:1]
        if not good.all():
            i = int(np.argmin(good))
            raise Wrong(
                f"{title}: input {i} should have the gradient {wanted[i]:.6g}, and yours is "
                f"{grads[i]:.6g}: {about}"
            )

    return check


# E2


def network_cases(rng):
    def network(*sizes, n, scale=1.0):
        pairs = list(zip(sizes, sizes[1:], strict=False))
        return dict(
            Ws=[scale * rng.standard_normal(pq) / np.sqrt(pq[0]) for pq in pairs],
            bs=[rng.standard_normal(q) for _, q in pairs],
            X=rng.standard_normal((n, sizes[0])),
            labels=rng.integers(0, sizes[-1], n),
        )

    def case(title, args, points, about, unchanged=()):
        return Case(
            question="test_network", function="mlp_backward", title=title, args=args, points=points,
            check=network_checker(args, about), unchanged=unchanged,
        )  # fmt: skip

    n = int(rng.integers(5, 9))
    yield case("one hidden layer", network(4, 6, 3, n=n), 2, "look at the slope of tanh")
    yield case("no hidden layer", network(5, 4, n=n), 1, "there is no tanh here at all")
    yield case("three hidden layers", network(3, 5, 4, 6, 3, n=n), 2, "each layer needs its own h")
    square = network(4, 4, 4, n=4)
    yield case("4 examples, all layers 4 wide", square, 0.5, "over which axis do you sum?")
    yield case("a single example", network(4, 3, 2, n=1), 0.5, "the mean of one example")
    large = network(3, 4, n=n)
    large["Ws"] = [2000 * W for W in large["Ws"]]
    yield case("outputs in the thousands", large, 1, "shift each row before you take exponentials")
    pictures = network(4, 4, 4, n=n)
    pictures["X"] = rng.integers(1, 5, (n, 4))
    title = "whole numbers in X, and arrays that stay as they are"
    yield case(
        title, pictures, 1, "X holds whole numbers",
        unchanged=("Ws", "bs", "X", "labels"),
    )  # fmt: skip


def network_checker(args, about):
    Ws, bs = ([Tensor(a, requires_grad=True) for a in args[key]] for key in ("Ws", "bs"))
    h = args["X"].astype(float)
    for k, (W, b) in enumerate(zip(Ws, bs, strict=True), 1):
        h = autodiff.linear(h, W, b, autodiff.tanh if k < len(Ws) else None)
    loss = autodiff.cross_entropy(h, args["labels"])
    loss.backward()
    value = loss.data.item()

    def compare(found, tensors, name):
        if not isinstance(found, list) or len(found) != len(tensors):
            raise Wrong(f"{len(tensors)} layers have as many {name}; yours: {describe(found)}")
        for k, (mine, tensor) in enumerate(zip(found, tensors, strict=True), 1):
            mine, wanted = array(mine, tensor.grad.ndim, f"{name}, layer {k},"), tensor.grad
            if mine.shape != wanted.shape:
                raise Wrong(f"{name}, layer {k}: shape {wanted.shape}, and yours is {mine.shape}")
            size = np.abs(wanted).max()
            wrong = ~np.isclose(mine, wanted, rtol=0, atol=1e-9 * max(size, 1))
            if wrong.any():
                raise Wrong(
                    f"{name}, layer {k} of {len(tensors)}: off by up to "
                    f"{np.nanmax(np.abs(mine - wanted), initial=0):.2g} where the largest is "
                    f"{size:.2g}: {about}"
                )

    def check(result):
        if not isinstance(result, list) or len(result) != 3:
            raise Wrong(f"mlp_backward should return three things; it returned {describe(result)}")
        found = number(result[0], "the loss of mlp_backward")
        if not abs(found - value) <= 1e-9 * max(1, abs(value)):
            raise Wrong(f"the loss should be {value:.6g}, and yours is {found:.6g}: {about}")
        compare(result[1], Ws, "gradients of Ws")
        compare(result[2], bs, "gradients of bs")

    return check
