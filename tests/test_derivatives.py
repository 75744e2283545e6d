"""Hessians by the complex step, and a check of gradients that knows kinks from mistakes."""

import numpy as np
import pytest

from optlib import PROBLEMS, ops
from optlib.autodiff import Tensor, Unary, cross_entropy, exp, linear, op, relu, tanh
from optlib.derivatives import (
    check_gradient,
    hessian,
    hessian_product,
    value_and_gradient,
)


def network(activation, sizes=(4, 5, 3), seed=0):
    """The loss of a network as a function of its flat vector, and such a vector."""
    rng = np.random.default_rng(seed)
    X, labels = rng.standard_normal((6, sizes[0])), rng.integers(0, sizes[-1], 6)
    shapes = [shape for p, q in zip(sizes, sizes[1:]) for shape in ((p, q), (q,))]
    ends = np.cumsum([np.prod(shape) for shape in shapes])

    def loss(x):
        h, params = X, [x[end - np.prod(s) : end].reshape(*s) for s, end in zip(shapes, ends)]
        for i in range(0, len(params), 2):
            last = i == len(params) - 2
            h = linear(h, params[i], params[i + 1], None if last else activation)
        return cross_entropy(h, labels)

    return loss, rng.standard_normal(ends[-1])


def rosenbrock(x):
    return (1 - x[0]) ** 2 + 100 * (x[1] - x[0] ** 2) ** 2


# --------------------------------------------------------------------------------------- gradients


def test_value_and_gradient_of_a_known_function():
    problem, x = PROBLEMS["Rosenbrock"](), np.array([-1.2, 1.0])
    value, gradient = value_and_gradient(rosenbrock, x)
    assert isinstance(value, float)
    np.testing.assert_allclose(value, problem.value(x), rtol=1e-14)
    np.testing.assert_allclose(gradient, problem.gradient(x), rtol=1e-14)
    np.testing.assert_array_equal(x, [-1.2, 1.0])


def test_the_gradient_of_float32_is_float32():
    value, gradient = value_and_gradient(rosenbrock, np.array([-1.2, 1.0], np.float32))
    assert gradient.dtype == np.float32


# ---------------------------------------------------------------------------------------- Hessians


def test_the_hessian_of_a_known_function():
    problem, x = PROBLEMS["Rosenbrock"](), np.array([-1.2, 1.0])
    np.testing.assert_allclose(hessian(rosenbrock, x), problem.hessian(x), rtol=1e-14)
    rng = np.random.default_rng(0)
    A = rng.standard_normal((5, 5))
    x, v = rng.standard_normal((2, 5))
    np.testing.assert_allclose(hessian(lambda x: x @ (A @ x), x), A + A.T, rtol=0, atol=1e-14)
    np.testing.assert_allclose(
        hessian_product(lambda x: x @ (A @ x), x, v), (A + A.T) @ v, rtol=0, atol=1e-13
    )


def test_of_a_sum_of_exponentials():
    x, v = np.random.default_rng(1).standard_normal((2, 6))
    p = np.exp(x) / np.exp(x).sum()
    want = np.diag(p) - np.outer(p, p)
    np.testing.assert_allclose(hessian(ops.logsumexp, x), want, atol=1e-15)
    np.testing.assert_allclose(hessian_product(ops.logsumexp, x, v), want @ v, atol=1e-15)


@pytest.mark.parametrize("activation", [tanh, ops.sigmoid, ops.softplus, ops.gelu, relu])
def test_the_hessian_of_a_network_is_the_difference_of_gradients(activation):
    loss, x = network(activation)
    H = hessian(loss, x)
    np.testing.assert_allclose(H, H.T, atol=1e-14)
    h = 1e-6
    for j in range(0, len(x), 7):
        e = h * np.eye(len(x))[j]
        up, down = (value_and_gradient(loss, x + s * e)[1] for s in (1, -1))
        np.testing.assert_allclose(H[j], (up - down) / (2 * h), atol=1e-8)
        np.testing.assert_allclose(H[j], hessian_product(loss, x, e) / h, rtol=1e-9, atol=1e-15)


def test_the_hessian_has_the_shape_of_x_twice():
    x = np.arange(6.0).reshape(2, 3)
    H = hessian(lambda x: (x**3).sum(), x)
    assert H.shape == (2, 3, 2, 3)
    np.testing.assert_allclose(H.reshape(6, 6), np.diag(6 * x.ravel()), rtol=1e-14)
    assert hessian(lambda x: x**3, np.array(2.0)) == 12


def test_hessians_in_float32():
    x = np.array([1.0, 2.0], np.float32)
    H = hessian(lambda x: (x**3).sum(), x)
    assert H.dtype == np.float32
    np.testing.assert_allclose(H, [[6, 0], [0, 12]], rtol=1e-6)


def test_a_direction_of_another_shape_is_refused():
    with pytest.raises(ValueError, match=r"^hessian_product: x has shape \(2,\), v has \(3,\)$"):
        hessian_product(rosenbrock, np.ones(2), np.ones(3))
    with pytest.raises(ValueError, match="backward starts from one number"):
        hessian(lambda x: x * x, np.ones(2))


# -------------------------------------------------------------------------------------- the check


@pytest.mark.parametrize("activation", [tanh, ops.sigmoid, relu, ops.gelu])
def test_a_right_gradient_passes(activation):
    loss, x = network(activation)
    found = check_gradient(loss, x)
    assert found.error < 1e-8
    assert found.worst == found.error
    assert found.step < 1e-13
    assert not found.kink
    assert found.kinks == 0
    np.testing.assert_array_equal(found.gradient, value_and_gradient(loss, x)[1])
    np.testing.assert_allclose(found.slopes, found.gradient, atol=1e-8)


def test_a_wrong_gradient_is_found_where_it_is():
    def wrong(x):
        """The square of each number, with an error of 1 in a million in the slope of the third."""
        slope = 2 * x.data
        slope[2] *= 1 + 1e-6
        return op("wrong", x.data**2, (x,), lambda g: x.receive(g * slope)).sum()

    found = check_gradient(wrong, np.array([1.0, -2.0, 3.0, 0.5]))
    assert found.where == (2,)
    np.testing.assert_allclose(found.error, 1e-6, rtol=1e-3)
    np.testing.assert_allclose(found.step, 1e-6, rtol=1e-3)
    assert found.worst == found.error
    assert not found.kink
    assert "and there is no kink" in str(found)


def test_classic_mistakes():
    x = np.array([[0.3, -1.2, 0.8]])
    W = np.random.default_rng(0).standard_normal((3, 2))
    no_slope = Unary("tanh", np.tanh, lambda g, x, y: g * (1 - y))
    found = check_gradient(lambda W: no_slope(Tensor(x) @ W).sum(), W)
    assert found.worst > 0.1 and found.step > 0.1

    def not_transposed(a):
        return op("", W.T @ W @ a.data, (a,), lambda g: a.receive(W.T @ W @ g * 1.5)).sum()

    assert check_gradient(not_transposed, np.ones(2)).worst > 0.1

    def overwritten(a):
        b = op("", a.data.copy(), (a,), lambda g: setattr(a, "grad", g * 1.0))
        return (b * b).sum() + (a * a).sum()

    found = check_gradient(lambda x: overwritten(x * 1.0), np.array([1.0, 2.0]))
    assert found.worst > 0.1


def test_a_kink_is_no_mistake():
    found = check_gradient(lambda x: (relu(x) + x * x).sum(), np.array([1.0, 0.0, -2.0, 0.0]))
    assert found.kink
    assert found.kinks == 2
    assert found.where in [(1,), (3,)]
    np.testing.assert_allclose(found.error, 0.5 / 4, rtol=1e-6)
    assert found.worst < 1e-9
    assert found.step < 1e-15
    assert "which a kink explains; entries at kinks: 2" in str(found)
    assert check_gradient(lambda x: x.max(), np.array([1.0, 1.0, 0.0])).kinks == 2


def test_a_kink_close_by_is_no_mistake():
    for distance in 10.0 ** np.arange(-12, 0):
        for side in (-1, 1):
            x = np.array([side * distance, 1.0])
            found = check_gradient(lambda x: (3 * relu(x) + exp(x)).sum(), x)
            assert found.worst < 1e-8, (side * distance, str(found))


def test_a_gradient_beyond_the_slopes_of_a_kink_is_a_mistake():
    leaky = Unary("", lambda x: np.maximum(x, 0.1 * x), lambda g, x, y: g * np.where(x > 0, 1, -1))
    found = check_gradient(lambda x: leaky(x).sum(), np.array([0.0, 1.0]))
    assert not found.kink
    assert found.kinks == 1
    assert found.worst > 0.5


def test_strong_curvature_is_no_kink():
    for scale in (1.0, 100.0, 1e4):
        x = np.array([0.2, -0.1])
        found = check_gradient(lambda x, scale=scale: (scale * x * x).sum(), x)
        assert found.kinks == 0
        assert found.error < 1e-8


def test_biases_of_zero_on_blank_images_are_kinks_and_random_ones_are_not():
    rng = np.random.default_rng(0)
    X, W = np.zeros((4, 3)), rng.standard_normal((3, 5))
    X[0] = rng.standard_normal(3)
    for b, kinks in ((np.zeros(5), 5), (rng.standard_normal(5), 0)):
        found = check_gradient(lambda b: (linear(X, Tensor(W), b, relu) * 2).mean(), b)
        assert found.kinks == kinks
        assert found.worst < 1e-8
        assert (found.error > 0.1) == (kinks > 0)


def test_a_gradient_of_zero():
    assert check_gradient(lambda x: (x * x).sum(), np.zeros(3)).error == 0
    assert check_gradient(lambda x: (x * x).sum() + 5, np.zeros(3)).error < 1e-8
    assert check_gradient(lambda x: (x * 0).sum(), np.ones(3)).error == 0


def test_some_entries_at_random():
    loss, x = network(tanh)
    found = check_gradient(loss, x, entries=5, rng=3)
    looked = ~np.isnan(found.slopes)
    assert looked.sum() == 5
    np.testing.assert_allclose(found.slopes[looked], found.gradient[looked], atol=1e-8)
    again = check_gradient(loss, x, entries=5, rng=3)
    np.testing.assert_array_equal(again.slopes, found.slopes)
    other = check_gradient(loss, x, entries=5, rng=4)
    assert (np.isnan(other.slopes) != ~looked).any()
    assert not np.isnan(check_gradient(loss, x, entries=10**6).slopes).any()


def test_without_complex_numbers_there_is_no_complex_step():
    floor = Unary("", lambda x: x * x + 0 * np.floor(x), lambda g, x, y: 2 * g * x)
    found = check_gradient(lambda x: floor(x).sum(), np.array([0.5, 1.5]))
    assert found.step is None
    assert found.error < 1e-9
    assert "complex step not possible" in str(found)


def test_arrays_of_any_shape_and_one_number():
    found = check_gradient(lambda x: (x**3).sum(), np.arange(1.0, 7).reshape(2, 3))
    assert len(found.where) == 2
    assert found.gradient.shape == found.slopes.shape == (2, 3)
    assert check_gradient(lambda x: x**3, np.array(2.0)).where == ()


def test_what_cannot_be_checked():
    with pytest.raises(
        TypeError, match=r"^check_gradient: x is float32; .* use x.astype\(float\)$"
    ):
        check_gradient(rosenbrock, np.ones(2, np.float32))
    with pytest.raises(FloatingPointError, match=r"^check_gradient: f\(x\) = nan, or its gradient"):
        check_gradient(lambda x: (x * np.nan).sum(), np.ones(2))


def test_the_check_leaves_x_alone():
    x = np.array([1.0, 2.0])
    check_gradient(rosenbrock, x)
    np.testing.assert_array_equal(x, [1, 2])


def test_a_kink_on_a_curved_function_is_a_kink():
    """One-sided differences are off by the curvature times the step; that is no mistake."""

    def bent(x):
        return (10 * relu(x) - exp(3 * x) + tanh(x) ** 2).sum()

    check = check_gradient(bent, np.array([0.0, 0.7]))
    assert check.kink and check.where == (0,) and check.kinks == 1
    assert check.worst < 1e-8 and check.step < 1e-14


def test_a_mistake_at_a_kink_is_still_a_mistake():
    steep = Unary("relu", lambda x, out=None: np.maximum(x, 0, out=out), lambda g, x, y: 1.001 * g)
    check = check_gradient(lambda x: (steep(x) + exp(3 * x)).sum(), np.array([0.0]))
    assert check.kinks == 1 and not check.kink and check.worst > 1e-2
