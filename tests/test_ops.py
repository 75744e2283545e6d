"""Every operation: its value by numpy, its gradient by the complex step and by differences."""

import inspect
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import (
    array_shapes,
    basic_indices,
    mutually_broadcastable_shapes,
)

from optlib import autodiff, ops
from optlib.autodiff import Tensor, Unary

# name: (operation on tensors, the same in numpy)
UNARY = {
    "exp": (autodiff.exp, np.exp),
    "log": (lambda a: autodiff.log(a * a + 0.5), lambda a: np.log(a * a + 0.5)),
    "tanh": (autodiff.tanh, np.tanh),
    "relu": (autodiff.relu, lambda a: np.where(a > 0, a, 0)),
    "sigmoid": (ops.sigmoid, lambda a: 1 / (1 + np.exp(-a))),
    "softplus": (ops.softplus, lambda a: np.log(1 + np.exp(a))),
    "gelu": (
        ops.gelu,
        lambda a: a / 2 * (1 + np.tanh(np.sqrt(2 / np.pi) * (a + 0.044715 * a**3))),
    ),
    "square": (lambda a: a**2, lambda a: a**2),
    "cube": (lambda a: ops.power(a, 3.0), lambda a: a**3),
    "root": (lambda a: (a * a + 0.5) ** 0.5, lambda a: (a * a + 0.5) ** 0.5),
    "inverse": (lambda a: (a * a + 0.5) ** -1, lambda a: 1 / (a * a + 0.5)),
    "negative": (lambda a: -a, lambda a: -a),
    "transpose": (ops.transpose, np.transpose),
    "T": (lambda a: a.T, np.transpose),
}
BINARY = {
    "+": (lambda a, b: a + b,) * 2,
    "-": (lambda a, b: a - b,) * 2,
    "*": (lambda a, b: a * b,) * 2,
    "/": (lambda a, b: a / (b * b + 0.5),) * 2,
}
ALONG = {
    "sum": (autodiff.sum, np.sum),
    "mean": (ops.mean, np.mean),
    "max": (ops.max, np.max),
    "logsumexp": (
        ops.logsumexp,
        lambda a, axis, keepdims: np.log(np.exp(a).sum(axis=axis, keepdims=keepdims)),
    ),
}
seeds = st.integers(0, 2**32 - 1)
quick = settings(max_examples=40)


def check(f, g, shapes, seed):
    """The value of f is that of g in numpy, its gradient along a random direction that of f."""
    rng = np.random.default_rng(seed)
    arrays = [rng.standard_normal(shape) for shape in shapes]
    leaves = [Tensor(a, True) for a in arrays]
    y = f(*leaves)
    assert y.data.dtype == np.float64
    np.testing.assert_allclose(y.data, g(*arrays), rtol=1e-13, atol=1e-13)
    weights = rng.standard_normal(y.shape)
    y.backward(weights)
    along = [rng.standard_normal(shape) for shape in shapes]
    shares = [(leaf.grad * v).sum() for leaf, v in zip(leaves, along)]

    def moved(h):
        return (f(*(Tensor(a + h * v) for a, v in zip(arrays, along))).data * weights).sum()

    step = moved(1e-20j).imag / 1e-20
    difference = (moved(1e-7) - moved(-1e-7)) / 2e-7
    size = 1 + np.sum(np.abs(shares)) + np.abs(y.data * weights).sum()
    assert abs(np.sum(shares) - step) < 1e-13 * size
    assert abs(np.sum(shares) - difference) < 1e-6 * size
    in_complex_numbers(f, arrays, along, weights)
    in_float32(f, arrays, weights)


def in_complex_numbers(f, arrays, along, weights):
    """The imaginary part of the gradient is the Hessian times a direction."""

    def gradients(h):
        leaves = [Tensor(a + h * v, True) for a, v in zip(arrays, along)]
        y = f(*leaves)
        (y * y).backward(weights)
        return [leaf.grad for leaf in leaves]

    for step, up, down in zip(*map(gradients, (1e-20j, 1e-6, -1e-6))):
        want = (up - down) / 2e-6
        size = 1 + np.abs(want).max(initial=0) + np.abs(up).max(initial=0)
        np.testing.assert_allclose(step.real, (up + down) / 2, rtol=0, atol=1e-8 * size)
        np.testing.assert_allclose(step.imag / 1e-20, want, rtol=0, atol=1e-6 * size)


def in_float32(f, arrays, weights):
    """Everything in the graph is then float32: values, gradients in between and of leaves."""
    leaves = [Tensor(a.astype(np.float32), True) for a in arrays]
    y = f(*(leaf * 1 for leaf in leaves))  # a leaf alone would take any gradient as float32
    y.backward(weights.astype(np.float32), keep=True)
    seen, todo = set(), [y]
    while todo:
        tensor = todo.pop()
        seen.add(tensor)
        todo += [p for p in tensor.parents if p not in seen and p.needs]
    for tensor in seen:
        assert tensor.data.dtype == np.float32, tensor.name
        if tensor.push or tensor.leaf:
            assert tensor.grad.dtype == np.float32, tensor.name


@pytest.mark.parametrize("name", UNARY)
@quick
@given(array_shapes(min_dims=0, max_dims=3, max_side=4), seeds)
def test_on_each_number(name, shape, seed):
    check(*UNARY[name], [shape], seed)


@pytest.mark.parametrize("name", BINARY)
@quick
@given(mutually_broadcastable_shapes(num_shapes=2, max_dims=4, max_side=4), seeds)
def test_two_arrays_with_broadcasting(name, shapes, seed):
    check(*BINARY[name], shapes.input_shapes, seed)


@settings(max_examples=100)
@given(
    mutually_broadcastable_shapes(signature="(m?,n),(n,p?)->(m?,p?)", max_dims=2, max_side=4), seeds
)
def test_matrix_product(shapes, seed):
    check(autodiff.matmul, np.matmul, shapes.input_shapes, seed)


@settings(max_examples=60)
@given(
    mutually_broadcastable_shapes(
        signature="(n,p),(p,q),(1,q)->(n,q)", max_dims=2, max_side=4, min_side=1
    ),
    seeds,
    st.sampled_from([None, autodiff.tanh, autodiff.relu, ops.gelu]),
)
def test_linear(shapes, seed, activation):
    f = UNARY["gelu"][1] if activation is ops.gelu else None
    f = {autodiff.tanh: np.tanh, autodiff.relu: UNARY["relu"][1]}.get(activation, f)
    check(
        lambda x, W, b: autodiff.linear(x, W, b, activation),
        lambda x, W, b: f(x @ W + b) if f else x @ W + b,
        shapes.input_shapes,
        seed,
    )


@pytest.mark.parametrize("name", ALONG)
@quick
@given(st.data(), seeds)
def test_along_axes(name, data, seed):
    shape = data.draw(array_shapes(min_dims=0, max_dims=4, max_side=4))
    axes = range(-len(shape), len(shape))
    several = st.lists(st.sampled_from(axes), unique_by=lambda i: i % len(shape)) if axes else None
    one = st.sampled_from(axes) if axes else st.none()
    axis = data.draw(st.none() | one | several.map(tuple) if axes else st.none())
    keepdims = data.draw(st.booleans())
    f, g = ALONG[name]
    check(
        lambda a: f(a, axis, keepdims), lambda a: g(a, axis=axis, keepdims=keepdims), [shape], seed
    )


@quick
@given(
    mutually_broadcastable_shapes(num_shapes=1, min_dims=0, max_dims=2, max_side=3),
    st.integers(1, 4),
    st.integers(1, 4),
    seeds,
)
def test_cross_entropy(shapes, n, classes, seed):
    labels = np.random.default_rng(seed).integers(0, classes, n)

    def plain(z):
        chosen = np.take_along_axis(z, np.broadcast_to(labels[:, None], (*z.shape[:-1], 1)), -1)
        return (np.log(np.exp(z).sum(-1)) - chosen[..., 0]).mean(-1)

    shape = (*shapes.input_shapes[0], n, classes)
    check(lambda z: autodiff.cross_entropy(z, labels), plain, [shape], seed)


@quick
@given(st.data(), array_shapes(max_dims=4, max_side=4), seeds)
def test_the_axes_in_any_order(data, shape, seed):
    axes = data.draw(st.permutations(range(len(shape))))
    check(lambda a: ops.transpose(a, axes), lambda a: a.transpose(axes), [shape], seed)


@quick
@given(st.data(), array_shapes(min_dims=0, max_dims=4, max_side=4), seeds)
def test_any_other_shape(data, shape, seed):
    other = data.draw(st.permutations([*shape, 1]))
    check(lambda a: a.reshape(*other), lambda a: a.reshape(other), [shape], seed)
    check(lambda a: ops.reshape(a, tuple(other)), lambda a: a.reshape(other), [shape], seed)
    check(lambda a: a.reshape(-1), np.ravel, [shape], seed)


@settings(max_examples=100)
@given(st.data(), array_shapes(max_dims=4, max_side=4), seeds)
def test_any_slice(data, shape, seed):
    key = data.draw(basic_indices(shape, allow_newaxis=True))
    check(lambda a: a[key], lambda a: a[key], [shape], seed)


@pytest.mark.parametrize(
    "key",
    [
        [0, 0, 2],
        np.array([[1, 1], [2, 1]]),
        (slice(None), np.array([3, 3, 0])),
        (..., np.array([1, 1])),
        (np.arange(3), np.array([0, 3, 3])),
        (np.array([1, 1]), slice(1, 3)),
        np.array([True, False, True]),
        np.arange(12).reshape(3, 4) % 5 > 2,
        (np.int64(1), -1),
        (True, 0),
        np.array(2),
        2,
    ],
    ids=repr,
)
def test_any_key(key):
    check(lambda a: a[key], lambda a: a[key], [(3, 4)], 0)


def test_what_is_taken_twice_gets_both_shares():
    x = Tensor([1.0, 2.0, 3.0], True)
    (x[[0, 0, 2]] * np.array([1.0, 10, 100])).sum().backward()
    np.testing.assert_array_equal(x.grad, [11, 0, 100])


@quick
@given(st.data(), array_shapes(min_dims=1, max_dims=3, max_side=4), seeds)
def test_together(data, shape, seed):
    count = data.draw(st.integers(1, 4))
    axis = data.draw(st.integers(-len(shape), len(shape) - 1))
    shapes = [
        tuple(data.draw(st.integers(1, 3)) if i == axis % len(shape) else n
              for i, n in enumerate(shape))
        for _ in range(count)
    ]  # fmt: skip
    check(lambda *a: ops.concatenate(a, axis), lambda *a: np.concatenate(a, axis), shapes, seed)
    new = data.draw(st.integers(-len(shape) - 1, len(shape)))
    check(lambda *a: ops.stack(a, new), lambda *a: np.stack(a, new), [shape] * count, seed)


def test_what_is_put_together_may_be_plain_arrays_and_the_list_may_grow_afterwards():
    x = Tensor(np.ones(2), True)
    for put in (ops.concatenate, ops.stack):
        parts = [x, np.zeros(2), x]
        y = put(parts)
        parts.append(x)
        x.zero_grad()
        (y * y).sum().backward()
        np.testing.assert_array_equal(x.grad, 4)


def test_equal_largest_numbers_share_the_gradient():
    x = Tensor([[1.0, 3, 3], [2, 0, 1]], True)
    x.max(-1).backward(np.array([6.0, 5.0]))
    np.testing.assert_array_equal(x.grad, [[0, 3, 3], [5, 0, 0]])


def test_nothing_overflows_and_small_numbers_stay_exact():
    x = np.array([-1e4, -800.0, -50, -30, 0, 30, 50, 800, 1e4])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for f, want in (
            (ops.sigmoid, [0, 0, np.exp(-50), np.exp(-30), 0.5, 1, 1, 1, 1]),
            (ops.softplus, [0, 0, np.exp(-50), np.exp(-30), np.log(2), 30, 50, 800, 1e4]),
            (ops.gelu, [0, 0, 0, 0, 0, 30, 50, 800, 1e4]),
            (autodiff.tanh, np.tanh(x)),
        ):
            for dtype in (np.float64, np.float32):
                a = Tensor(x.astype(dtype), True)
                y = f(a)
                tolerance = 1e-12 if dtype == np.float64 else 1e-6
                np.testing.assert_allclose(y.data, want, rtol=tolerance, atol=2e-35)
                y.sum().backward()
                assert np.isfinite(a.grad).all()
        a = Tensor(x, True)
        ops.softplus(a).sum().backward()
        np.testing.assert_allclose(a.grad[2:4], np.exp([-50, -30]), rtol=1e-12)
        a = Tensor(x, True)
        total = ops.logsumexp(a)
        total.backward()
        assert total.data == 1e4
        np.testing.assert_array_equal(a.grad, [0] * 8 + [1])
        a = Tensor([0.0, -np.inf, 1.0], True)
        ops.logsumexp(a).backward()
        np.testing.assert_allclose(a.grad, [1 / (1 + np.e), 0, np.e / (1 + np.e)])


def test_the_power_0_is_1_even_at_0():
    x = Tensor([0.0, 2.0], True)
    y = x**0
    y.sum().backward()
    np.testing.assert_array_equal(y.data, 1)
    np.testing.assert_array_equal(x.grad, 0)


def test_a_number_comes_out():
    assert Tensor(3.0).item() == 3.0
    assert isinstance((Tensor([1.0, 2.0], True).mean() * 2).item(), float)


def test_numpy_numbers_as_exponents_do_not_widen_float32():
    x = Tensor(np.ones(2, np.float32), True)
    y = x ** np.float64(2.0)
    y.sum().backward()
    assert y.data.dtype == x.grad.dtype == np.float32


def test_no_operation_leaves_work_for_the_garbage_collector(tensors):
    def everything():
        for f, _ in UNARY.values():
            yield f, [(2, 3)]
        for f, _ in BINARY.values():
            yield f, [(2, 3), (3,)]
        for f, _ in ALONG.values():
            yield f, [(2, 3)]
        yield autodiff.matmul, [(2, 3), (3, 2)]
        yield (lambda a: a[0]), [(2, 3)]
        yield (lambda a: a[[0, 0]]), [(2, 3)]
        yield (lambda a: a.reshape(3, 2)), [(2, 3)]
        yield (lambda *a: ops.stack(a)), [(2, 3), (2, 3)]
        yield (lambda *a: ops.concatenate(a)), [(2, 3), (2, 3)]

    before = tensors()
    for f, shapes in everything():
        f(*(Tensor(np.ones(shape), True) for shape in shapes)).sum().backward(keep=True)
    assert tensors() == before


def test_every_operation_is_tested_here():
    tested = {*UNARY, *ALONG, "add", "subtract", "multiply", "divide", "power", "matmul", "linear"}
    tested |= {"cross_entropy", "reshape", "index", "concatenate", "stack"}
    tools = {"op", "lift", "fit", "unbroadcast", "binary", "logistic"}
    there = {
        name
        for module in (autodiff, ops)
        for name, value in vars(module).items()
        if isinstance(value, Unary) or getattr(value, "__module__", "") == module.__name__
        if inspect.isfunction(value) or isinstance(value, Unary)
        if not name.startswith("_")
    }
    assert there - tools <= tested


@pytest.mark.parametrize(
    ("call", "error", "said"),
    [
        (
            lambda x: x.reshape(4),
            ValueError,
            r"^reshape to \(4,\): the shapes \(2, 3\) do not fit$",
        ),
        (
            lambda x: ops.stack([x, x.T]),
            ValueError,
            r"^stack: the shapes \(2, 3\) and \(3, 2\) do not fit$",
        ),
        (
            lambda x: ops.concatenate([x, x.T]),
            ValueError,
            r"^concatenate: the shapes \(2, 3\) and \(3, 2\) do not fit$",
        ),
        (lambda x: x[:0].mean(), ValueError, r"^mean of a tensor of shape \(0, 3\): there is"),
        (lambda x: x**x, TypeError, r"^\*\*: the exponent must be a number, not Tensor\("),
        (lambda x: x ** [1, 2, 3], TypeError, r"^\*\*: .* not \[1, 2, 3\]; use exp\(n \* log"),
        (lambda x: x[2], IndexError, "out of bounds"),
    ],
)
def test_a_mistake_is_named(call, error, said):
    with pytest.raises(error, match=said):
        call(Tensor(np.ones((2, 3)), True))
