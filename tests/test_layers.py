"""Layers: against loops, against their composition from small operations, and by derivatives."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optlib import layers, ops
from optlib.autodiff import Tensor, lift, relu, sum, tanh
from optlib.derivatives import check_gradient, hessian_product, value_and_gradient
from optlib.layers import average_pool, batch_norm, conv2d, dropout, layer_norm, max_pool

seeds = st.integers(0, 2**32 - 1)
CELLS = dict(
    rnn_cell=(layers.rnn_cell, 1, 1, 1),
    gru_cell=(layers.gru_cell, 3, 4, 1),
    lstm_cell=(layers.lstm_cell, 4, 4, 2),
)


def normal(*shapes, seed=0):
    rng = np.random.default_rng(seed)
    return [rng.standard_normal(shape) for shape in shapes]


def gradients(f, arrays, weights=None):
    """The value of f, and the gradients of all its arguments along random weights."""
    leaves = [Tensor(a, True) for a in arrays]
    y = f(*leaves)
    y.backward(np.random.default_rng(9).standard_normal(y.shape) if weights is None else weights)
    return y.data, [leaf.grad for leaf in leaves]


def check(f, *arrays):
    """The gradient of every argument by complex step and differences; float32 stays float32."""
    arrays = [np.asarray(a, float) for a in arrays]
    ends = np.cumsum([a.size for a in arrays])
    weights = np.random.default_rng(8).standard_normal(f(*map(Tensor, arrays)).shape)

    def of_one_vector(x):
        parts = [x[end - a.size : end].reshape(a.shape) for a, end in zip(arrays, ends)]
        return sum(f(*parts) * weights)

    found = check_gradient(of_one_vector, np.concatenate([a.ravel() for a in arrays]))
    assert found.kinks == 0, str(found)
    assert found.error < 1e-7, str(found)
    assert found.step < 1e-13, str(found)
    y, shares = gradients(f, [a.astype(np.float32) for a in arrays], weights.astype(np.float32))
    assert y.dtype == np.float32
    for share in shares:
        assert share.dtype == np.float32


def same(f, g, *arrays, tolerance=1e-12):
    """Two functions have the same values and gradients."""
    (y, shares), (z, others) = gradients(f, arrays), gradients(g, arrays)
    np.testing.assert_allclose(y, z, rtol=tolerance, atol=tolerance)
    for share, other in zip(shares, others):
        np.testing.assert_allclose(share, other, rtol=tolerance, atol=tolerance)


def side_by_side(f, arrays, shapes):
    """f of K parameters (K, ...) is f of each; ``shapes``: those of a single network, by argument;
    None for an argument that all share."""
    y, shares = gradients(f, arrays)
    weights = np.random.default_rng(9).standard_normal(y.shape)
    total = [0 if shape is None else None for shape in shapes]
    for k in range(len(y)):
        single = [a if s is None else a[k].reshape(s) for a, s in zip(arrays, shapes)]
        one, parts = gradients(f, single, weights[k])
        np.testing.assert_allclose(y[k], one, rtol=0, atol=1e-12)
        for i, (share, part, shape) in enumerate(zip(shares, parts, shapes)):
            if shape is None:
                total[i] = total[i] + part
            else:
                np.testing.assert_allclose(share[k].reshape(shape), part, rtol=0, atol=1e-12)
    for share, want in zip(shares, total):
        if want is not None:
            np.testing.assert_allclose(share, want, rtol=0, atol=1e-12)


# ------------------------------------------------------------------------ convolution and pooling

GRIDS = [
    (size, stride, padding)
    for size in [(1, 1), (2, 2), (3, 3), (2, 4)]
    for stride in [1, 2, 3, (1, 2)]
    for padding in [0, 1, 2, (0, 1)]
]
PICTURES = (2, 5, 4, 2)


def by_loops(x, size, stride, padding, fill, at):
    """at(window) for each window of each image; windows are (height, width, channels)."""
    (s, t), (p, q) = (v if isinstance(v, tuple) else (v, v) for v in (stride, padding))
    n, height, width, channels = x.shape
    framed = np.full((n, height + 2 * p, width + 2 * q, channels), fill)
    framed[:, p : p + height, q : q + width] = x
    rows = range(0, framed.shape[1] - size[0] + 1, s)
    columns = range(0, framed.shape[2] - size[1] + 1, t)
    return np.array(
        [
            [[at(image[i : i + size[0], j : j + size[1]]) for j in columns] for i in rows]
            for image in framed
        ]
    )


@pytest.mark.parametrize(("size", "stride", "padding"), GRIDS)
def test_convolution_is_a_sum_over_each_window(size, stride, padding):
    x, W, b = normal(PICTURES, (*size, 2, 3), 3)

    def at(window):
        y = b.copy()
        for i, j, p, q in itertools.product(*map(range, W.shape)):
            y[q] += window[i, j, p] * W[i, j, p, q]
        return y

    y = conv2d(x, *map(Tensor, (W, b)), stride=stride, padding=padding)
    want = by_loops(x, size, stride, padding, 0.0, at)
    np.testing.assert_allclose(y.data, want, rtol=0, atol=1e-12)


def loops_backwards(x, W, g, stride, padding):
    """The gradients of convolution, window by window."""
    (s, t), (p, q) = (v if isinstance(v, tuple) else (v, v) for v in (stride, padding))
    framed = np.pad(x, ((0, 0), (p, p), (q, q), (0, 0)))
    gx, gW = np.zeros_like(framed), np.zeros_like(W)
    for n, i, j in np.ndindex(g.shape[:3]):
        place = n, slice(i * s, i * s + W.shape[0]), slice(j * t, j * t + W.shape[1])
        gx[place] += W @ g[n, i, j]
        gW += framed[place][..., None] * g[n, i, j]
    return gx[:, p : gx.shape[1] - p, q : gx.shape[2] - q], gW, g.sum((0, 1, 2))


@pytest.mark.parametrize(("size", "stride", "padding"), GRIDS)
def test_the_gradient_of_convolution_is_a_sum_over_each_window(size, stride, padding):
    x, W, b = normal(PICTURES, (*size, 2, 3), 3)
    y = conv2d(x, *map(Tensor, (W, b)), stride=stride, padding=padding)
    (g,) = normal(y.shape, seed=5)
    _, mine = gradients(lambda x, W, b: conv2d(x, W, b, stride, padding), (x, W, b), g)
    for share, want in zip(mine, loops_backwards(x, W, g, stride, padding)):
        np.testing.assert_allclose(share, want, rtol=0, atol=1e-12)


@pytest.mark.parametrize(("size", "stride", "padding"), GRIDS)
@pytest.mark.parametrize("f", [max_pool, average_pool])
def test_pooling_looks_at_each_window(f, size, stride, padding):
    if f is max_pool and padding != 0 and max(np.ravel(padding)) * 2 > min(size):
        with pytest.raises(ValueError, match="would leave windows without a pixel"):
            max_pool(np.ones(PICTURES), size, stride, padding)
        return
    (x,) = normal(PICTURES)
    fill, at = {
        max_pool: (-np.inf, lambda w: w.max((0, 1))),
        average_pool: (0.0, lambda w: w.mean((0, 1))),
    }[f]
    want = by_loops(x, size, stride, padding, fill, at)
    np.testing.assert_allclose(f(x, size, stride, padding).data, want, rtol=0, atol=1e-12)
    check(lambda x: f(x, size, stride, padding), x[:1])


def test_without_a_stride_pooling_windows_do_not_overlap():
    (x,) = normal((2, 6, 6, 3))
    for f, plain in ((max_pool, np.max), (average_pool, np.mean)):
        want = plain(x.reshape(2, 3, 2, 3, 2, 3), (2, 4))
        np.testing.assert_allclose(f(x).data, want, rtol=1e-14)
        want = plain(x.reshape(2, 2, 3, 3, 2, 3), (2, 4))
        np.testing.assert_allclose(f(x, (3, 2)).data, want, rtol=1e-14)


def test_equal_pixels_share_the_gradient():
    x = Tensor(np.ones((1, 2, 2, 1)), True)
    max_pool(x).backward(np.full((1, 1, 1, 1), 8.0))
    np.testing.assert_array_equal(x.grad, 2)


@settings(max_examples=40)
@given(
    seeds,
    st.tuples(*[st.integers(1, 3)] * 2),
    st.tuples(*[st.integers(1, 3)] * 2),
    st.tuples(*[st.integers(0, 2)] * 2),
    st.sampled_from([None, tanh, relu, ops.gelu]),
)
def test_convolution_hands_back_what_it_took(seed, size, stride, padding, activation):
    """<g, conv(x)> is linear in x and in W: the adjoint, along a random direction."""
    rng = np.random.default_rng(seed)
    shapes = [(2, *rng.integers(3, 6, 2), 2), (*size, 2, 3), (3,)]
    arrays = [rng.standard_normal(shape) for shape in shapes]
    along = [rng.standard_normal(shape) for shape in shapes]

    def f(*tensors):
        return conv2d(*tensors, stride, padding, activation)

    y, shares = gradients(f, arrays)
    weights = np.random.default_rng(9).standard_normal(y.shape)
    moved = f(*(Tensor(a + 1e-20j * v) for a, v in zip(arrays, along))).data.imag / 1e-20
    left, right = (moved * weights).sum(), np.sum([(s * v).sum() for s, v in zip(shares, along)])
    assert abs(left - right) < 1e-12 * (1 + np.abs(moved * weights).sum())


def test_an_activation_inside_a_convolution_is_one_after_it():
    arrays = normal((2, 5, 5, 2), (3, 3, 2, 3), 3)
    for activation in (relu, tanh, ops.sigmoid, ops.softplus, ops.gelu):
        same(
            lambda x, W, b, a=activation: conv2d(x, W, b, 2, 1, a),
            lambda x, W, b, a=activation: a(conv2d(x, W, b, 2, 1)),
            *arrays,
        )


def test_a_convolution_with_windows_of_one_pixel_is_linear():
    x, W, b = normal((2, 3, 4, 5), (1, 1, 5, 2), 2)
    y = conv2d(x, Tensor(W), Tensor(b))
    np.testing.assert_allclose(y.data, x @ W[0, 0] + b, rtol=1e-13)


def test_convolution_by_derivatives():
    for stride, padding in ((1, 0), (2, 1), ((1, 2), (2, 0))):
        check(lambda *a, s=stride, p=padding: conv2d(*a, s, p, tanh),
              *normal((2, 4, 5, 2), (3, 2, 2, 3), 3))  # fmt: skip


def test_convolutions_side_by_side():
    def f(x, W, b):
        return conv2d(x, W, b, 2, 1, tanh)

    shapes = (2, 5, 4, 3), (3, 2, 3, 4), (4,)
    x, W, b = normal(shapes[0], (6, *shapes[1]), (6, 1, 4))
    side_by_side(f, (x, W, b), (None, shapes[1], shapes[2]))
    x, W, b = normal((6, *shapes[0]), (6, *shapes[1]), (6, 1, 4))
    side_by_side(f, (x, W, b), shapes)
    for pool in (max_pool, average_pool):
        side_by_side(lambda x, p=pool: p(x, 3, 2, 1), (x,), shapes[:1])
    x, W, b = normal((6, *shapes[0]), shapes[1], 4)  # one network, six batches
    side_by_side(f, (x, W, b), (shapes[0], None, None))


def test_images_that_are_data_get_no_gradient():
    x, W, b = normal((2, 4, 4, 1), (3, 3, 1, 2), 2)
    images, kernel = Tensor(x), Tensor(W, True)
    conv2d(images, kernel, Tensor(b)).sum().backward()
    assert images.grad is None
    assert np.abs(kernel.grad).min() > 0


# ------------------------------------------------------------------------------ norms and dropout


def composed_norm(x, gain, bias, axis, eps=1e-5):
    d = x - x.mean(axis, keepdims=True)
    return d / ((d * d).mean(axis, keepdims=True) + eps) ** 0.5 * gain + bias


def test_norms_are_their_composition():
    arrays = normal((6, 5), 5, 5)
    same(layer_norm, lambda *a: composed_norm(*a, -1), *arrays)
    same(batch_norm, lambda *a: composed_norm(*a, -2), *arrays)
    same(lambda *a: layer_norm(*a, eps=0.3), lambda *a: composed_norm(*a, -1, 0.3), *arrays)
    same(lambda *a: batch_norm(*a, eps=0.3), lambda *a: composed_norm(*a, -2, 0.3), *arrays)
    arrays, images = normal((4, 3, 2, 5), 5, 5), (-4, -3, -2)
    same(lambda *a: batch_norm(*a, axis=images), lambda *a: composed_norm(*a, images), *arrays)
    same(layer_norm, lambda *a: composed_norm(*a, -1), *arrays)


def test_norms_by_derivatives():
    for shape in ((4, 3), (2, 4, 3)):
        check(layer_norm, *normal(shape, 3, 3))
        check(batch_norm, *normal(shape, 3, 3))
    check(lambda *a: batch_norm(*a, axis=(-4, -3, -2)), *normal((2, 3, 2, 3), 3, 3))
    running = np.array([0.5, -1, 2]), np.array([0.5, 1, 2])
    check(lambda *a: batch_norm(*a, running, train=False), *normal((4, 3), 3, 3))


def test_norms_side_by_side():
    shapes = (4, 3), (3,), (3,)
    for f in (layer_norm, batch_norm):
        side_by_side(f, normal((5, 4, 3), (5, 1, 3), (5, 1, 3)), shapes)
        side_by_side(f, normal((4, 3), (5, 1, 3), (5, 1, 3)), (None, *shapes[1:]))
    shapes = (4, 2, 2, 3), (3,), (3,)
    side_by_side(lambda *a: batch_norm(*a, axis=(-4, -3, -2)),
                 normal((5, 4, 2, 2, 3), *[(5, 1, 1, 1, 3)] * 2), shapes)  # fmt: skip


def test_norms_give_mean_0_and_variance_1():
    (x,) = normal((50, 20))
    for f, axis in ((layer_norm, -1), (batch_norm, 0)):
        y = f(3 * x + 2, *map(Tensor, (np.ones(20), np.zeros(20))), eps=0).data
        np.testing.assert_allclose(y.mean(axis), 0, atol=1e-14)
        np.testing.assert_allclose(y.var(axis), 1, rtol=1e-12)


def test_running_statistics_follow_the_batches_and_are_what_is_used_later():
    gain, bias = Tensor([2.0, 1.0, 0.5]), Tensor([1.0, 0.0, -1.0])
    running = np.zeros(3), np.ones(3)
    mean, variance = np.zeros(3), np.ones(3)
    for x in normal(*[(7, 3)] * 5):
        batch_norm(x, gain, bias, running, rate=0.3)
        mean = 0.7 * mean + 0.3 * x.mean(0)
        variance = 0.7 * variance + 0.3 * x.var(0, ddof=1)
        np.testing.assert_allclose(running, (mean, variance), rtol=1e-13)
    y = batch_norm(x, gain, bias, running, train=False, eps=0.01).data
    want = (x - mean) / np.sqrt(variance + 0.01) * gain.data + bias.data
    np.testing.assert_allclose(y, want, rtol=1e-13)
    np.testing.assert_allclose(running, (mean, variance), rtol=1e-13)  # using changes nothing
    one = batch_norm(x[:1], gain, bias, running, train=False, eps=0.01).data
    np.testing.assert_allclose(one, want[:1], rtol=1e-13)


def test_running_statistics_of_images_of_several_networks():
    x, gain, bias = normal((5, 4, 2, 2, 3), *[(5, 1, 1, 1, 3)] * 2)
    many = np.zeros(gain.shape), np.ones(gain.shape)
    axis = (-4, -3, -2)
    batch_norm(Tensor(x), *map(Tensor, (gain, bias)), many, axis=axis)
    for k in range(5):
        one = np.zeros(3), np.ones(3)
        batch_norm(Tensor(x[k]), *(Tensor(a[k].ravel()) for a in (gain, bias)), one, axis=axis)
        np.testing.assert_allclose([a[k].ravel() for a in many], one, rtol=1e-13)


def test_running_statistics_take_the_real_part_of_a_complex_step():
    x, gain, bias = normal((6, 3), 3, 3)
    real, moved = [(np.zeros(3), np.ones(3)) for _ in range(2)]
    batch_norm(x, Tensor(gain), Tensor(bias), real)
    batch_norm(Tensor(x + 1e-20j), Tensor(gain), Tensor(bias), moved)
    np.testing.assert_array_equal(real, moved)


def test_dropout_drops_and_rescales_and_hands_back_the_same():
    x = Tensor(np.full((400, 500), 3.0), True)
    y = dropout(x, 0.3, np.random.default_rng(0))
    dropped = y.data == 0
    np.testing.assert_allclose(dropped.mean(), 0.3, atol=5 * np.sqrt(0.21 / x.data.size))
    np.testing.assert_allclose(y.data[~dropped], 3 / 0.7, rtol=1e-15)
    y.sum().backward()
    np.testing.assert_allclose(x.grad, np.where(dropped, 0, 1 / 0.7), rtol=1e-15)


def test_dropout_is_new_at_each_call_and_the_same_for_the_same_seed():
    x = np.ones((20, 20))
    rngs = [np.random.default_rng(4) for _ in range(2)]
    calls = [[dropout(x, 0.5, rng).data for _ in range(2)] for rng in rngs]
    np.testing.assert_array_equal(calls[0], calls[1])
    assert (calls[0][0] != calls[0][1]).mean() > 0.3


def test_without_training_or_rate_dropout_is_nothing():
    x, rng = Tensor(np.ones(5), True), np.random.default_rng(0)
    before = rng.bit_generator.state
    assert dropout(x, 0.5, rng, train=False) is x
    assert dropout(x, 0.0, rng) is x
    assert rng.bit_generator.state == before


def test_a_smaller_shape_is_shared():
    x = np.ones((5, 4, 3))
    y = dropout(x, 0.5, np.random.default_rng(1), shape=(4, 3)).data
    np.testing.assert_array_equal(y, np.broadcast_to(y[0], y.shape))
    np.testing.assert_array_equal(y[0], dropout(x[0], 0.5, np.random.default_rng(1)).data)
    images = dropout(np.ones((6, 2, 2, 8)), 0.5, np.random.default_rng(1), shape=(6, 1, 1, 8)).data
    np.testing.assert_array_equal(images, np.broadcast_to(images[:, :1, :1], images.shape))
    assert 0 < (images == 0).mean() < 1


def test_dropout_by_derivatives():
    check(lambda x: dropout(x, 0.4, np.random.default_rng(3)), *normal((4, 5)))


# ------------------------------------------------------------------------------- recurrent cells


def composed(name, x, h, W, U, b):
    """The cells from small operations."""
    q = U.shape[-2]
    part = [slice(i * q, (i + 1) * q) for i in range(4)]
    x, h = lift(x, W), lift(h, W)
    if name == "rnn_cell":
        return tanh(x @ W + h @ U + b)
    if name == "gru_cell":
        r, z = (
            ops.sigmoid(x @ W[..., part[i]] + h @ U[..., part[i]] + b[..., part[i]]) for i in (0, 1)
        )
        k = part[2]
        k = tanh(x @ W[..., k] + b[..., k] + r * (h @ U[..., k] + b[..., part[3]]))
        return (1 - z) * k + z * h
    h, c = h[..., :q], h[..., q:]
    i, f, k, o = (x @ W[..., p] + h @ U[..., p] + b[..., p] for p in part)
    c = ops.sigmoid(f) * c + ops.sigmoid(i) * tanh(k)
    return ops.concatenate([ops.sigmoid(o) * tanh(c), c], -1)


def cell_shapes(name, n=3, p=2, q=4):
    _, blocks, biases, states = CELLS[name]
    return (n, p), (n, states * q), (p, blocks * q), (q, blocks * q), (biases * q,)


@pytest.mark.parametrize("name", CELLS)
def test_a_cell_is_its_composition(name):
    f, shapes = CELLS[name][0], cell_shapes(name)
    x, h, W, U, b = shapes
    for arrays in (
        normal(*shapes),
        normal(x, h, (2, *W), (2, *U), (2, 1, *b)),
        normal((2, *x), (2, *h), (2, *W), (2, *U), (2, 1, *b)),
        normal((2, *x), (2, *h), W, U, b),
        normal((1, *x), h, (2, *W), (2, *U), b),
    ):
        same(f, lambda *a: composed(name, *a), *arrays, tolerance=1e-13)


@pytest.mark.parametrize("name", CELLS)
def test_a_cell_by_derivatives(name):
    check(CELLS[name][0], *normal(*cell_shapes(name, n=2, q=3)))


@pytest.mark.parametrize("name", CELLS)
def test_cells_side_by_side(name):
    f, shapes = CELLS[name][0], cell_shapes(name)
    x, h, W, U, b = shapes
    side_by_side(f, normal(x, h, (5, *W), (5, *U), (5, 1, *b)), (None, None, W, U, b))
    side_by_side(f, normal(*((5, *s) for s in (x, h, W, U)), (5, 1, *b)), shapes)


@pytest.mark.parametrize("name", CELLS)
def test_many_steps_of_a_cell(name):
    """The weights are used at each step, and the state goes on."""
    f, (x, h, W, U, b) = CELLS[name][0], cell_shapes(name)
    inputs = np.random.default_rng(1).standard_normal((8, *x))

    def unrolled(cell):
        def run(state, W, U, b):
            for now in inputs:
                state = cell(now, state, W, U, b)
            return state

        return run

    arrays = normal(h, W, U, b)
    same(unrolled(f), unrolled(lambda *a: composed(name, *a)), *arrays)


@pytest.mark.parametrize("name", CELLS)
def test_truncated_at_the_length_a_cell_has_its_full_gradient(name):
    f, (x, h, W, U, b) = CELLS[name][0], cell_shapes(name)
    inputs, T = np.random.default_rng(1).standard_normal((6, *x)), 6

    def gradient(k):
        params = [Tensor(a, True) for a in normal(W, U, b)]
        leaves = [Tensor(now, True) for now in inputs]
        state = np.zeros(h)
        for t, now in enumerate(leaves):
            state = f(now, state, *params)
            state = Tensor(state.data) if t < T - k else state
        state.sum().backward()
        return [p.grad for p in params], np.array([now.grad for now in leaves])

    full, along = gradient(T + 1)  # no state is cut off
    for mine, want in zip(gradient(T)[0], full):
        np.testing.assert_array_equal(mine, want)
    for k in range(1, T):
        some, lags = gradient(k)
        np.testing.assert_array_equal(lags[: T - k], 0)
        np.testing.assert_array_equal(lags[T - k :], along[T - k :])
        assert np.abs(some[0] - full[0]).max() > 1e-6


def test_the_memory_of_an_lstm_fades_with_its_forget_gate():
    """Along c alone each step multiplies the gradient by sigmoid(b_f)."""
    for bias in (0.0, 1.0, 2.0, 3.0):
        params = Tensor(np.zeros((1, 4))), Tensor(np.zeros((1, 4))), Tensor([0, bias, 0, 0])
        state = first = Tensor([[0.0, 0.5]], True)
        for _ in range(40):
            state = layers.lstm_cell(np.zeros((1, 1)), state, *params)
        state[0, 1].backward()
        np.testing.assert_allclose(first.grad[0, 1], (1 / (1 + np.exp(-bias))) ** 40, rtol=1e-12)
        assert first.grad[0, 0] == 0


# ----------------------------------------------------------------------------------- housekeeping


def everything():
    yield conv2d, normal((2, 4, 4, 2), (3, 3, 2, 3), 3)
    yield (lambda *a: conv2d(*a, 2, 1, relu)), normal((2, 4, 4, 2), (3, 3, 2, 3), 3)
    yield (lambda x: max_pool(x, 3, 2, 1)), normal((2, 4, 4, 2))
    yield (lambda x: average_pool(x, 3, 2, 1)), normal((2, 4, 4, 2))
    yield layer_norm, normal((4, 3), 3, 3)
    yield batch_norm, normal((4, 3), 3, 3)
    running = np.zeros(3, np.float32), np.ones(3, np.float32)
    yield (lambda *a: batch_norm(*a, running)), normal((4, 3), 3, 3)
    yield (lambda *a: batch_norm(*a, running, train=False)), normal((4, 3), 3, 3)
    yield (lambda x: dropout(x, 0.5, np.random.default_rng(1))), normal((4, 3))
    for name, (f, *_) in CELLS.items():
        yield f, normal(*cell_shapes(name))


def test_hessians_through_layers():
    """The gradient is right in complex numbers as well."""
    for f, arrays in everything():
        ends = np.cumsum([a.size for a in arrays])
        x, v = normal(ends[-1], ends[-1], seed=3)

        def loss(x, f=f, arrays=arrays, ends=ends):
            y = f(*(x[end - a.size : end].reshape(*a.shape) for a, end in zip(arrays, ends)))
            return (y * y * np.arange(1, y.data.size + 1).reshape(y.shape)).sum()

        up, down = (value_and_gradient(loss, x + h * v)[1] for h in (1e-6, -1e-6))
        want = (up - down) / 2e-6
        np.testing.assert_allclose(hessian_product(loss, x, v), want, atol=1e-7 * abs(want).max())


def test_float32_stays_float32_in_the_whole_graph():
    for f, arrays in everything():
        leaves = [Tensor(a.astype(np.float32), True) for a in arrays]
        y = f(*(leaf * 1 for leaf in leaves))  # a leaf alone would take any gradient as float32
        y.backward(np.ones(y.shape, np.float32), keep=True)
        todo = [y]
        while todo:
            tensor = todo.pop()
            todo += [parent for parent in tensor.parents if parent.needs]
            assert tensor.data.dtype == tensor.grad.dtype == np.float32, tensor.name


def test_no_layer_leaves_work_for_the_garbage_collector(tensors):
    cases = list(everything())
    before = tensors()
    for f, arrays in cases:
        f(*(Tensor(a, True) for a in arrays)).sum().backward(keep=True)
    assert tensors() == before


def test_backward_twice_gives_the_same_again():
    for f, arrays in everything():
        leaves = [Tensor(a, True) for a in arrays]
        y = f(*leaves)
        y.sum().backward()
        first = [leaf.grad.copy() for leaf in leaves]
        y.sum().backward()
        for leaf, g in zip(leaves, first):
            np.testing.assert_allclose(leaf.grad, 2 * g, rtol=1e-14, atol=1e-14)


def test_arguments_are_not_changed():
    for f, arrays in everything():
        copies = [a.copy() for a in arrays]
        gradients(f, arrays)
        for array, copy in zip(arrays, copies):
            np.testing.assert_array_equal(array, copy)


def T(*shape):
    return Tensor(np.ones(shape), True)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (
            lambda: conv2d(T(2, 5, 5, 3), T(3, 3, 2, 4), T(4)),
            r"^conv2d: the shapes \(2, 5, 5, 3\) and \(3, 3, 2, 4\) do not fit; images are \(n, ",
        ),
        (
            lambda: conv2d(T(2, 5, 5, 3), T(9, 3, 4), T(4)),
            r"^conv2d: the shapes \(2, 5, 5, 3\) and \(9, 3, 4\) do not fit; images are",
        ),
        (
            lambda: conv2d(T(2, 5, 5, 3), T(3, 3, 3, 4), T(5)),
            r"^conv2d: the shapes \(18, 27\) and \(27, 4\) and \(5,\) do not fit$",
        ),
        (
            lambda: conv2d(T(5, 5, 3), T(3, 3, 3, 4), T(4)),
            r"^conv2d needs images \(n, height, width, channels\), not an array of shape \(5, 5, 3",
        ),
        (
            lambda: conv2d(T(1, 2, 5, 3), T(3, 3, 3, 4), T(4)),
            r"^conv2d: a window \(3, 3\) does not fit into images of shape \(1, 2, 5, 3\) with",
        ),
        (lambda: max_pool(T(1, 2, 2, 1), 3), r"^max_pool: a window \(3, 3\) does not fit into"),
        (lambda: average_pool(T(2, 2)), r"^average_pool needs images .* shape \(2, 2\)$"),
        (
            lambda: average_pool(T(1, 4, 4, 1), 2, 0),
            r"^average_pool: window \(2, 2\) and stride \(0, 0\) must be at least 1, padding",
        ),
        (lambda: max_pool(T(1, 4, 4, 1), 2, 1, -1), r"padding \(-1, -1\) at least 0$"),
        (lambda: max_pool(T(1, 4, 4, 1), 2, 1, 2), r"padding \(2, 2\) of more than half the"),
        (
            lambda: layer_norm(T(4, 3), T(4), T(3)),
            r"^layer_norm: the shapes \(4, 3\) and \(4,\) and \(3,\) do not fit$",
        ),
        (
            lambda: batch_norm(T(4, 3), T(2), T(2)),
            r"^batch_norm: the shapes \(4, 3\) and \(2,\) and \(2,\) do not fit$",
        ),
        (
            lambda: batch_norm(T(1, 3), T(3), T(3)),
            r"^batch_norm: a batch of shape \(1, 3\) has 1 number per feature; training needs",
        ),
        (
            lambda: batch_norm(T(4, 3), T(3), T(3), train=False),
            r"^batch_norm: train=False needs running=\(mean, variance\)$",
        ),
        (
            lambda: batch_norm(T(4, 3), T(3), T(3), (np.zeros(3), np.ones(2))),
            r"have shapes \(3,\) and \(2,\), the gain has \(3,\); they must be the same$",
        ),
        (
            lambda: dropout(T(3), 1.0, np.random.default_rng()),
            r"^dropout: rate=1.0 must be from 0 to less than 1$",
        ),
        (lambda: dropout(T(3), -0.1, np.random.default_rng()), "^dropout: rate=-0.1 must be"),
        (
            lambda: layers.rnn_cell(T(2, 3), T(2, 4), T(3, 4), T(5, 4), T(4)),
            r"^rnn_cell: the shapes \(2, 3\) and \(2, 4\) and \(3, 4\) and \(5, 4\) and \(4,\) do",
        ),
        (
            lambda: layers.gru_cell(T(2, 3), T(2, 4), T(3, 12), T(4, 12), T(12)),
            r"^gru_cell: the shapes .* and \(12,\) do not fit$",
        ),
        (
            lambda: layers.lstm_cell(T(2, 3), T(2, 4), T(3, 16), T(4, 16), T(16)),
            r"^lstm_cell: the shapes \(2, 3\) and \(2, 4\) and .* do not fit$",
        ),
    ],
)
def test_a_mistake_is_named(call, said):
    with pytest.raises(ValueError, match=said):
        call()


def test_a_seed_is_no_generator():
    with pytest.raises(TypeError, match=r"^dropout: rng=3 must be a numpy.random.Generator, made"):
        dropout(T(3), 0.5, 3)


def test_a_mistake_leaves_the_running_statistics_as_they_were():
    running = np.zeros(3), np.ones(3)
    for x, gain in ((T(1, 3), T(3)), (T(4, 2), T(3))):
        with pytest.raises(ValueError):
            batch_norm(x, gain, T(3), running)
    np.testing.assert_array_equal(running, (np.zeros(3), np.ones(3)))
