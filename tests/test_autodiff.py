"""The tape: chain rule, sharing, constants, types, memory; every rule against other derivatives."""

import sys
import tracemalloc
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optlib import autodiff, ops
from optlib.autodiff import Tensor, cross_entropy, exp, lift, linear, log, matmul, op, relu, tanh


def leaf(*shape, seed=0, dtype=float):
    return Tensor(np.random.default_rng(seed).standard_normal(shape).astype(dtype), True)


# ------------------------------------------------------------------------------- the chain rule


def test_a_gradient_by_hand():
    a, b = Tensor(2.0, True), Tensor(-3.0, True)
    y = (a * b + exp(a)) / b
    y.backward()
    assert y.data == 2 - np.exp(2) / 3
    np.testing.assert_allclose(a.grad, 1 - np.exp(2) / 3, rtol=1e-15)
    np.testing.assert_allclose(b.grad, -np.exp(2) / 9, rtol=1e-15)


def test_what_is_used_twice_gets_both_shares():
    x = Tensor(3.0, True)
    y = x * x
    (y * y + y + x).backward()  # x^4 + x^2 + x
    assert x.grad == 4 * 27 + 2 * 3 + 1
    W, x = leaf(3, 3), np.ones((2, 3))
    linear(linear(x, W, Tensor(np.zeros(3))), W, Tensor(np.zeros(3))).sum().backward()
    ones = np.ones((2, 3))
    np.testing.assert_allclose(W.grad, x.T @ (ones @ W.data.T) + (x @ W.data).T @ ones, rtol=1e-14)


def test_gradients_of_several_backward_add_up_until_zero_grad():
    x = leaf(4)
    (x * x).sum().backward()
    first = x.grad.copy()
    (x * x).sum().backward()
    np.testing.assert_array_equal(x.grad, 2 * first)
    x.zero_grad()
    np.testing.assert_array_equal(x.grad, 0)
    (x * x).sum().backward()
    np.testing.assert_array_equal(x.grad, first)


def test_the_first_share_is_written_over_what_stood_there():
    x, W = leaf(4), leaf(4, 2)
    for _ in range(2):
        for tensor in (x, W):
            tensor.zero_grad()
            tensor.grad[...] = np.nan
        (x * linear(np.ones((2, 4)), W, Tensor(np.zeros(2))).sum()).sum().backward()
        assert np.isfinite(x.grad).all()
        assert np.isfinite(W.grad).all()


def test_backward_twice_through_the_same_graph_gives_the_same_again():
    X, W, b = leaf(5, 3, seed=1), leaf(3, 4), leaf(4, seed=2)
    hidden = linear(X, W, b, relu)
    loss = cross_entropy(hidden * hidden + ops.max(hidden, -1, True), np.array([0, 3, 1, 1, 2]))
    loss.backward()
    first = [leaf.grad.copy() for leaf in (X, W, b)]
    loss.backward()
    for leaf_, g in zip((X, W, b), first):
        assert np.abs(g).max() > 0
        np.testing.assert_array_equal(leaf_.grad, 2 * g)


def test_a_second_backward_from_elsewhere_is_not_disturbed_by_the_first():
    x = Tensor(2.0, True)
    y = x * x
    z = y * y
    z.backward(keep=True)
    assert (y.grad, z.grad, x.grad) == (8, 1, 32)
    (y * 3).backward()
    assert x.grad == 32 + 12
    assert y.grad is None  # kept no longer


def test_gradients_in_between_are_kept_only_when_wanted():
    x = leaf(3)
    y = tanh(x)
    loss = (y * y).sum()
    loss.backward()
    assert y.grad is None
    assert loss.grad is None
    x.zero_grad()
    loss.backward(keep=True)
    np.testing.assert_allclose(y.grad, 2 * y.data, rtol=1e-15)
    np.testing.assert_allclose(x.grad, 2 * y.data * (1 - y.data**2), rtol=1e-14)
    assert loss.grad == 1


def test_a_given_gradient_weighs_the_numbers():
    x = leaf(2, 3)
    g = np.arange(6.0).reshape(2, 3)
    y = exp(x)
    y.backward(g)
    np.testing.assert_allclose(x.grad, g * np.exp(x.data), rtol=1e-15)
    np.testing.assert_array_equal(g, np.arange(6.0).reshape(2, 3))


def test_a_leaf_that_is_not_used_keeps_gradient_zero():
    x, unused = leaf(3), leaf(2)
    (x * 2).sum().backward()
    np.testing.assert_array_equal(unused.grad, 0)


def test_shares_that_are_one_array_do_not_change_each_other():
    x, y = leaf(3), leaf(3, seed=1)
    both = x * 1.0 + y * 1.0  # the same array g goes to both
    (both + both * both).sum().backward()
    want = 1 + 2 * (x.data + y.data)
    np.testing.assert_allclose(x.grad, want, rtol=1e-14)
    np.testing.assert_allclose(y.grad, want, rtol=1e-14)


# ---------------------------------------------------------------------- leaves, constants, types


def test_the_gradient_is_written_into_the_array_that_a_leaf_is_given():
    g = np.full((3, 4), 7.0)
    W = Tensor(np.ones((3, 4)), grad=g)
    W.zero_grad()
    linear(np.ones((2, 3)), W, Tensor(np.zeros(4))).sum().backward()
    assert W.grad is g
    np.testing.assert_array_equal(g, 2)


def test_a_leaf_with_the_gradient_of_a_view_fills_the_flat_vector():
    x, g = np.arange(10.0), np.zeros(10)
    W, b = Tensor(x[:6].reshape(2, 3), grad=g[:6].reshape(2, 3)), Tensor(x[6:9], grad=g[6:9])
    linear(np.ones((4, 2)), W, b).sum().backward()
    np.testing.assert_array_equal(g, [4] * 9 + [0])


def test_constants_have_no_history():
    a, b = Tensor(np.ones(3)), Tensor([1, 2, 3])
    y = tanh(a * b + 1) @ np.ones((3, 2))
    assert y.parents == ()
    assert y.push is None
    assert not y.needs
    x = leaf(3)
    z = a * x
    z.sum().backward()
    assert a.grad is None
    assert z.parents == (a, x)


def test_numbers_and_arrays_stand_on_either_side():
    x = leaf(3)
    array = np.array([1.0, 2, 4])
    for y, want in (
        (2 - x, 2 - x.data),
        (array / x, array / x.data),
        (array * x + 1, array * x.data + 1),
        (-x, -x.data),
        (np.eye(3) @ x, x.data),
        (x @ np.eye(3), x.data),
    ):
        assert isinstance(y, Tensor)
        np.testing.assert_array_equal(y.data, want)


def test_numbers_become_float64_and_floats_stay_as_they_are():
    assert Tensor(3).data.dtype == np.float64
    assert Tensor([1, 2]).data.dtype == np.float64
    assert Tensor(np.array([True])).data.dtype == np.float64
    for dtype in (np.float32, np.float64, np.complex128):
        assert Tensor(np.ones(2, dtype)).data.dtype == dtype
    x = np.ones(3)
    assert Tensor(x).data is x


def test_float32_is_not_widened_by_constants():
    x = leaf(3, dtype=np.float32)
    y = (2 * x + 1) / 3.0 - np.float64(0.5) + np.ones(3)
    assert y.data.dtype == np.float32
    y.sum().backward()
    assert x.grad.dtype == np.float32
    assert lift(np.arange(3), x).data.dtype == np.float32


# ------------------------------------------------------------------------ size, memory, lifetime


def test_a_chain_of_20000_operations_needs_no_recursion():
    assert sys.getrecursionlimit() < 20_000
    x = Tensor(1.0, True)
    y = x
    for _ in range(20_000):
        y = y * 1.0001
    y.backward()
    np.testing.assert_allclose(x.grad, 1.0001**20_000, rtol=1e-11)
    del y


def test_a_graph_that_doubles_at_each_level_is_walked_once():
    x = Tensor(1.0, True)
    y = x
    for _ in range(60):  # 2^60 paths
        y = y + y
    y.backward()
    assert x.grad == 2.0**60


def network(n=64, hidden=256):
    rng = np.random.default_rng(0)
    sizes = [n, hidden, hidden, 10]
    layers = [
        (Tensor(rng.standard_normal((p, q)) / np.sqrt(p), True), Tensor(np.zeros(q), True))
        for p, q in zip(sizes, sizes[1:])
    ]
    return layers


def loss_of(layers, X, labels):
    h = X
    for i, (W, b) in enumerate(layers):
        h = linear(h, W, b, relu if i < len(layers) - 1 else None)
    return cross_entropy(h, labels)


def test_fifty_steps_need_no_more_memory_than_three_times_the_activations(tensors):
    rng = np.random.default_rng(1)
    layers, n = network(), 256
    X, labels = rng.standard_normal((n, 64)), rng.integers(0, 10, n)
    activations = n * (256 + 256 + 10) * 8

    def train():
        for _ in range(50):
            loss = loss_of(layers, X, labels)
            for W, b in layers:
                W.zero_grad(), b.zero_grad()
            loss.backward()

    train()
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    tracemalloc.reset_peak()
    train()
    after, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert activations < peak - before < 3 * activations
    assert after - before < activations / 20


def test_a_graph_vanishes_with_its_last_tensor(tensors):
    layers = network(8, 8)
    X, labels = np.ones((4, 8)), np.array([0, 1, 2, 3])
    before = tensors()
    for keep in (False, True):
        loss = loss_of(layers, X, labels)
        loss.backward(keep=keep)
        assert tensors() > before
        del loss
        assert tensors() == before


# -------------------------------------------------------------------------- the fused operations


def test_linear_is_the_composition():
    for activation in (None, relu, tanh, ops.sigmoid, ops.softplus, ops.gelu):
        for X, W, b in (
            (leaf(5, 3), leaf(3, 4, seed=1), leaf(4, seed=2)),
            (leaf(2, 5, 3), leaf(3, 4, seed=1), leaf(4, seed=2)),
            (leaf(5, 3), leaf(2, 3, 4, seed=1), leaf(2, 1, 4, seed=2)),
            (leaf(2, 5, 3), leaf(2, 3, 4, seed=1), leaf(2, 1, 4, seed=2)),
            (leaf(1, 5, 3), leaf(2, 3, 4, seed=1), leaf(4, seed=2)),
            (leaf(2, 5, 3), leaf(1, 3, 4, seed=1), leaf(1, 1, 4, seed=2)),
            (leaf(3, 5, 3), leaf(3, 3, 4, seed=1), leaf(2, 1, 1, 4, seed=2)),
        ):
            y = linear(X, W, b, activation)
            g = np.random.default_rng(3).standard_normal(y.shape)
            y.backward(g)
            fused = [a.grad.copy() for a in (X, W, b)]
            for a in (X, W, b):
                a.zero_grad()
            other = X @ W + b
            other = activation(other) if activation else other
            other.backward(g)
            np.testing.assert_allclose(y.data, other.data, rtol=1e-14, atol=1e-14)
            for a, mine in zip((X, W, b), fused):
                np.testing.assert_allclose(mine, a.grad, rtol=1e-13, atol=1e-13)


def test_cross_entropy_is_the_composition_and_does_not_overflow():
    logits, labels = leaf(6, 4), np.array([3, 0, 0, 1, 2, 3])
    loss = cross_entropy(logits, labels)
    loss.backward()
    fused = logits.grad.copy()
    logits.zero_grad()
    other = (ops.logsumexp(logits) - logits[np.arange(6), labels]).mean()
    other.backward()
    np.testing.assert_allclose(loss.data, other.data, rtol=1e-14)
    np.testing.assert_allclose(fused, logits.grad, atol=1e-15)
    np.testing.assert_allclose(fused.sum(-1), 0, atol=1e-15)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        far = Tensor(np.array([[1000.0, -1000.0], [-1000.0, 1000.0]]), True)
        loss = cross_entropy(far, np.array([0, 0]))
        loss.backward()
    assert loss.data == 1000
    np.testing.assert_array_equal(far.grad, [[0, 0], [-0.5, 0.5]])


def test_networks_side_by_side_are_single_networks():
    rng = np.random.default_rng(0)
    X, labels = rng.standard_normal((7, 5)), rng.integers(0, 3, 7)
    shapes = [(5, 4), (1, 4), (4, 3), (1, 3)]
    arrays = [rng.standard_normal((6, *shape)) for shape in shapes]

    def losses(W1, b1, W2, b2):
        return cross_entropy(linear(linear(X, W1, b1, tanh), W2, b2), labels)

    many = [Tensor(a, True) for a in arrays]
    together = losses(*many)
    together.sum().backward()
    for k in range(6):
        single = [Tensor(a[k].reshape(s[s[0] == 1 :]), True) for a, s in zip(arrays, shapes)]
        loss = losses(*single)
        loss.backward()
        np.testing.assert_allclose(together.data[k], loss.data, atol=1e-12)
        for all_, one in zip(many, single):
            np.testing.assert_allclose(all_.grad[k].reshape(one.shape), one.grad, atol=1e-12)


def test_back_through_time_in_full_is_truncated_at_the_length_and_forgets_beyond_k():
    rng = np.random.default_rng(0)
    T, q = 9, 4
    inputs = rng.standard_normal((T, 2, 3))
    arrays = [rng.standard_normal(s) / 2 for s in ((3, q), (q, q), (q,))]

    def gradients(k):
        """The gradient of the sum of the last state; beyond k steps back, states are constants."""
        W, U, b = (Tensor(a, True) for a in arrays)
        h, xs = np.zeros((2, q)), [Tensor(x, True) for x in inputs]
        for t, x in enumerate(xs):
            h = tanh(x @ W + h @ U + b)
            h = Tensor(h.data) if t < T - k else h
        h.sum().backward()
        return [W.grad, U.grad, b.grad], np.array([x.grad for x in xs])

    full, along = gradients(T)
    by_hand, g, h = [np.zeros_like(a) for a in arrays], np.ones((2, q)), [np.zeros((2, q))]
    for x in inputs:
        h.append(np.tanh(x @ arrays[0] + h[-1] @ arrays[1] + arrays[2]))
    for t in range(T, 0, -1):
        g = g * (1 - h[t] ** 2)
        for total, share in zip(by_hand, (inputs[t - 1].T @ g, h[t - 1].T @ g, g.sum(0))):
            total += share
        np.testing.assert_allclose(along[t - 1], g @ arrays[0].T, atol=1e-14)
        g = g @ arrays[1].T
    for mine, hand in zip(full, by_hand):
        np.testing.assert_allclose(mine, hand, rtol=1e-12)
    for k in range(1, T):
        parts, lags = gradients(k)
        np.testing.assert_array_equal(lags[: T - k], 0)
        np.testing.assert_array_equal(lags[T - k :], along[T - k :])
        assert np.abs(parts[1] - full[1]).max() > 1e-6 or k == T - 1  # the first state is 0


# --------------------------------------------------------------------- random expression graphs


STEPS = [
    lambda a, b, M: a + b,
    lambda a, b, M: a - b,
    lambda a, b, M: a * b,
    lambda a, b, M: a / (b * b + 1),
    lambda a, b, M: exp(tanh(a)),
    lambda a, b, M: log(a * a + 1),
    lambda a, b, M: tanh(a),
    lambda a, b, M: relu(a),
    lambda a, b, M: ops.sigmoid(a),
    lambda a, b, M: ops.softplus(a),
    lambda a, b, M: ops.gelu(a),
    lambda a, b, M: a**2,
    lambda a, b, M: a**3,
    lambda a, b, M: a.sum(-1, keepdims=True) if a.shape else a + a,
    lambda a, b, M: a.mean(0) if a.shape else a * a,
    lambda a, b, M: ops.logsumexp(a, -1, True) if a.shape else -a,
    lambda a, b, M: a.max(-1, keepdims=True) if a.shape else 2 - a,
    lambda a, b, M: tanh(a) @ M if a.shape[-1:] == (3,) else linear(np.ones((2, 3)), M, a),
    lambda a, b, M: a[..., ::-1] if a.shape else a[None] + b,
    lambda a, b, M: ops.stack([a * b, a * b * a], -1).mean(-1),
]


def random_graph(rng):
    """Leaves, and a function of them that makes one number by 12 random operations."""
    shapes = [(), (3,), (2, 3), (1, 3), (2, 1)]
    leaves = [rng.standard_normal(shapes[i]) for i in rng.integers(0, 5, 4)]
    recipe = [(rng.integers(len(STEPS)), *rng.random(2)) for _ in range(12)]

    def f(M, *tensors):
        made = list(tensors)
        for step, i, j in recipe:
            new = STEPS[step](made[int(i * len(made))], made[int(j * len(made))], M)
            made.append(tanh(new * 0.01) if np.abs(new.data).max() > 30 else new)
        return sum((k + 1) * tensor.mean() for k, tensor in enumerate(made))

    return [rng.standard_normal((3, 3)), *leaves], f


@pytest.mark.parametrize("block", range(10))
def test_a_thousand_random_graphs_against_the_complex_step(block):
    for seed in range(100):
        rng = np.random.default_rng([block, seed])
        arrays, f = random_graph(rng)
        tensors = [Tensor(a, True) for a in arrays]
        f(*tensors).backward()
        along = [rng.standard_normal(a.shape) for a in arrays]
        moved = [Tensor(a + 1e-20j * v) for a, v in zip(arrays, along)]
        want = f(*moved).data.imag / 1e-20
        shares = [(t.grad * v).sum() for t, v in zip(tensors, along)]
        size = np.abs(shares).sum() + abs(want)
        assert abs(np.sum(shares) - want) < 1e-11 * size, f"graph {block}, {seed}"


@settings(max_examples=60)
@given(st.lists(st.sampled_from("+-*/"), min_size=1, max_size=8), st.integers(0, 2**32 - 1))
def test_arithmetic_against_exact_fractions(signs, seed):
    from fractions import Fraction

    rng = np.random.default_rng(seed)
    numbers = [int(n) for n in rng.integers(1, 10, len(signs) + 1)]
    leaves = [Tensor(n, True) for n in numbers]
    duals = [  # a value and its derivatives by all numbers
        (Fraction(n), [Fraction(i == j) for j in range(len(numbers))])
        for i, n in enumerate(numbers)
    ]
    y, (value, slopes) = leaves[0], duals[0]
    for sign, x, (v, d) in zip(signs, leaves[1:], duals[1:]):
        y = {"+": y + x, "-": y - x, "*": y * x, "/": y / x}[sign]
        rules = {
            "+": (value + v, [a + b for a, b in zip(slopes, d)]),
            "-": (value - v, [a - b for a, b in zip(slopes, d)]),
            "*": (value * v, [a * v + value * b for a, b in zip(slopes, d)]),
            "/": (value / v, [(a * v - value * b) / v**2 for a, b in zip(slopes, d)]),
        }
        value, slopes = rules[sign]
    y.backward()
    np.testing.assert_allclose(float(y.data), float(value), rtol=1e-13, atol=1e-13)
    np.testing.assert_allclose([float(x.grad) for x in leaves], [float(s) for s in slopes],
                               rtol=1e-13, atol=1e-13)  # fmt: skip


# ------------------------------------------------------------------------------------- complaints


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: leaf(2, 3) + leaf(4), r"^\+: the shapes \(2, 3\) and \(4,\) do not fit$"),
        (lambda: leaf(2) - leaf(3), r"^-: the shapes \(2,\) and \(3,\) do not fit$"),
        (lambda: leaf(2) * np.ones(3), r"^\*: the shapes \(2,\) and \(3,\) do not fit$"),
        (lambda: np.ones(2) / leaf(3), r"^/: the shapes \(2,\) and \(3,\) do not fit$"),
        (lambda: leaf(2, 3) @ leaf(2, 3), r"^@: the shapes \(2, 3\) and \(2, 3\) do not fit$"),
        (lambda: matmul(leaf(2, 3), 2.0), r"^@: the shapes \(2, 3\) and \(\) do not fit$"),
        (
            lambda: linear(leaf(5, 2), leaf(3, 4), leaf(4)),
            r"^linear: the shapes \(5, 2\) and \(3, 4\) and \(4,\) do not fit$",
        ),
        (lambda: leaf(3).backward(), "^backward: no leaf leads here; make one: Tensor"),
        (lambda: (Tensor(1.0) * 2).backward(), "^backward: no leaf leads here"),
        (
            lambda: tanh(leaf(2, 3)).backward(),
            r"^backward starts from one number; this tensor has shape \(2, 3\), g has \(\): take",
        ),
        (
            lambda: tanh(leaf(2, 3)).backward(np.ones(3)),
            r"^backward starts .* has shape \(2, 3\), g has \(3,\): .* give a gradient",
        ),
        (
            lambda: cross_entropy(leaf(2, 3), np.array([0, 3])),
            r"^cross_entropy: labels must be 0 to 2, as many as rows \(2\): \[0 3\]$",
        ),
        (lambda: cross_entropy(leaf(2, 3), np.array([-1, 0])), "^cross_entropy: labels must be 0"),
        (lambda: cross_entropy(leaf(2, 3), np.array([1])), r"as many as rows \(2\): \[1\]$"),
        (
            lambda: cross_entropy(leaf(0, 3), np.zeros(0, int)),
            r"^cross_entropy: labels must be .* rows \(0\): \[\]$",
        ),
    ],
)
def test_a_mistake_is_named(call, said):
    with pytest.raises(ValueError, match=said):
        call()


def test_a_mistake_leaves_gradients_as_they_were():
    x = leaf(3)
    (x * x).sum().backward()
    before = x.grad.copy()
    with pytest.raises(ValueError):
        (x * x).backward()
    np.testing.assert_array_equal(x.grad, before)


def test_a_tensor_says_what_it_is():
    x = Tensor([1.0, 2.0], True)
    assert repr(x) == "Tensor([1. 2.], leaf)"
    assert repr(x * 2) == "Tensor([2. 4.], *)"
    assert repr(Tensor(2.5)) == "Tensor(2.5, constant)"
    assert op("twice", x.data * 2, (x,), lambda g: x.receive(2 * g)).name == "twice"


def test_the_file_can_be_read_in_one_sitting():
    with open(autodiff.__file__, encoding="utf-8") as file:
        assert len(file.readlines()) <= 250
