"""The local model from Python: what it accepts, its words without JavaScript, its three steps."""

import functools

import numpy as np
import pytest
import traitlets

from optlib import OPTIMIZERS, PROBLEMS, Newton, minimize
from optlib.second_order import trust_region_step
from optlib.widgets import LocalModel, tracer
from optlib.widgets.local_model import LANDSCAPES, lowest, model, shifted_x, shifted_y

BAD = [
    ("problem", "Beale", "Rosenbrock"),
    ("point", [1.0], "length"),
    ("point", [1.0, float("nan")], "1000"),
    ("point", [1.0, 2000.0], "1000"),
    ("lr", 0.0, "0.0001 and 1"),
    ("lr", 2.0, "0.0001 and 1"),
    ("radius", 0.0, "0.01 and 10"),
    ("radius", float("inf"), "0.01 and 10"),
]


@pytest.mark.parametrize("name, value, hint", BAD)
def test_a_bad_value_is_refused_and_nothing_changes(name, value, hint):
    lab = LocalModel()
    before = lab.get_state()
    with pytest.raises(traitlets.TraitError, match=hint):
        setattr(lab, name, value)
    assert lab.get_state() == before
    with pytest.raises(traitlets.TraitError, match=hint):
        LocalModel(**{name: value})


def test_an_unknown_setting_lists_the_valid_ones():
    with pytest.raises(TypeError, match="'kappa'.*radius"):
        LocalModel(kappa=10)


def test_the_output_is_the_same_every_time_and_complete_without_javascript():
    lab = LocalModel(problem="Himmelblau", point=[1.0, 1.0])
    data, _ = lab._repr_mimebundle_()
    assert data["text/plain"] == repr(lab) and "0x" not in repr(lab)
    assert lab.model_id.startswith("localmodel-")
    assert f'data-model-id="{lab.model_id}"' in data["text/html"]
    assert "Newton 704.1" in lab.alt() and lab.alt() in data["text/html"]
    assert data["image/png"]


@pytest.mark.parametrize("problem", LANDSCAPES)
def test_the_picture_is_drawn_everywhere(problem):
    data, _ = LocalModel(problem=problem, point=[0.0, 1000.0], radius=10.0)._repr_mimebundle_()
    assert data["image/png"]


def test_a_singular_hessian_has_no_newton_step():
    lab = LocalModel(problem="Rosenbrock", point=[0.0, 0.005])  # 2 - 400 y = 0
    assert "Newton none" in lab.alt() and lab._repr_mimebundle_()[0]["image/png"]


def drawn(rng, kind):
    """A gradient and a symmetric matrix (a, b, d) of two variables."""
    a, b, d = rng.normal(size=3) * 10 ** rng.uniform(-1, 2)
    g = rng.normal(size=2)
    if kind == "bowl":
        a, d = abs(a) + abs(b) + 0.1, abs(d) + abs(b) + 0.1
    if kind == "hard":  # no slope along the most negative curvature
        a, b, d = abs(a) + 0.1, 0.0, -abs(d) - 0.1
        g[1] = 0.0
    return g, (a, b, d)


def test_the_formulas_are_newton_and_its_eigenvalues():
    rng = np.random.default_rng(0)
    for kind in ("any", "bowl"):
        for _ in range(50):
            g, (a, b, d) = drawn(rng, kind)
            H, s = np.array([[a, b], [b, d]]), rng.uniform(0, 3)
            p = shifted_x(*g, a, b, d, s), shifted_y(*g, a, b, d, s)
            assert np.allclose((H + s * np.eye(2)) @ p, -g, rtol=1e-7, atol=1e-9)
            low = lowest(a, b, d)
            assert np.allclose([low, a + d - low], np.linalg.eigvalsh(H), atol=1e-11 * abs(H).max())
            p = rng.normal(size=2)
            assert np.isclose(model(*g, a, b, d, *p), g @ p + p @ H @ p / 2)
    banana = PROBLEMS["Rosenbrock"]()
    path = minimize(Newton, banana, steps=5).x
    for x, y in zip(path, path[1:], strict=False):
        g, H = banana.gradient(x), banana.hessian(x)
        given = *g, H[0, 0], H[0, 1], H[1, 1], 0.0
        assert np.allclose(x + [shifted_x(*given), shifted_y(*given)], y, rtol=1e-9)


def front_end(ending):
    module = LocalModel._esm.replace("export default { render };", "")
    return f"{module}\n{ending}"


def test_the_front_end_takes_the_steps_of_optlib(run_js):
    rng = np.random.default_rng(3)
    asked = []
    for kind in ("any", "bowl", "hard"):
        for _ in range(60):
            g, h = drawn(rng, kind)
            asked.append([list(g), [float(v) for v in h], 10 ** rng.uniform(-2, 1)])
    program = front_end(
        "return input.map(([g, h, r]) => within({ g, h, low: lowest(...h) }, r));"
    )  # fmt: skip
    for (g, (a, b, d), radius), found in zip(asked, run_js(program, asked), strict=True):
        g, H, found = np.array(g), np.array([[a, b], [b, d]]), np.array(found)
        wanted = trust_region_step(g, H, radius)
        assert np.linalg.norm(found) <= radius * (1 + 1e-9)
        low = [g @ p + p @ H @ p / 2 for p in (found, wanted)]  # in the hard case there are two
        assert np.isclose(*low, rtol=1e-9, atol=1e-12), (g, H, radius)
        if g[1]:
            assert np.allclose(found, wanted, rtol=1e-6, atol=1e-9), (g, H, radius)
    assert LocalModel._esm.count("step(t, x, g, m, h)") == 1


def test_the_search_for_the_shift_ends_for_every_model(run_js):
    program = front_end(
        "const values = [0, 1e-300, -1e-300, 1, -1, 1e300, -1e300, NaN, Infinity];"
        "const { hypot } = Math; let most = 0, count = 0, cases = 0;"
        "Math.hypot = (...v) => { if (++count > 999) throw Error('without end');"
        " return hypot(...v); };"
        "for (const a of values) for (const b of values) for (const d of values)"
        " for (const g of values) for (const radius of [0.01, 10]) { count = 0; cases++;"
        " within({ g: [g, 1], h: [a, b, d], low: lowest(a, b, d) }, radius);"
        " most = Math.max(most, count); } return [cases, most];"
    )
    cases, most = run_js(program)
    assert cases == 2 * 9**4 and 20 < most < 250


@pytest.mark.parametrize("problem", LANDSCAPES)
def test_three_steps_from_a_point_of_each_landscape(run_js, problem):
    rng, f = np.random.default_rng(4), PROBLEMS[problem]()
    asked = [[problem, *rng.uniform(-2, 2, 2), 0.01, float(rng.uniform(0.1, 2))] for _ in range(20)]
    program = front_end("return input.map(([n, x, y, lr, r]) => threeSteps(n, [x, y], lr, r));")
    for (_, x, y, lr, radius), found in zip(asked, run_js(program, asked), strict=True):
        at = np.array([x, y])
        g, H = f.gradient(at), f.hessian(at)
        assert np.isclose(found["f"], f.value(at)) and np.allclose(list(found["g"].values()), g)
        assert np.allclose([found["low"], found["high"]], np.linalg.eigvalsh(H))
        moved = OPTIMIZERS["GD"](at.copy(), lr=lr).step(g)
        ends = {
            "gradient": moved,
            "Newton": minimize(Newton, f, steps=1, start=at).x[-1],
            "trust region": at + trust_region_step(g, H, radius),
        }
        for name, end in ends.items():
            step = found["steps"][name]
            assert np.allclose(at + step["p"], end, rtol=1e-6, atol=1e-8), (name, at)
            assert np.isclose(step["f"], f.value(end), rtol=1e-5, atol=1e-8), (name, at)
        p = ends["trust region"] - at
        kept = (f.value(at) - f.value(at + p)) / -(g @ p + p @ H @ p / 2)
        assert np.isclose(found["steps"]["trust region"]["kept"], kept, rtol=1e-5, atol=1e-7)


def test_hessians_are_traced_for_every_problem_of_two_variables(run_js):
    rng = np.random.default_rng(5)
    names = [name for name, cls in PROBLEMS.items() if cls.dim == 2 and name != "LeastSquares"]
    flat = [name for name in names if name != "NesterovWorst"]
    printer = functools.partial(tracer.problem_js, second=True)
    table = tracer.table_js("PROBLEMS", {name: PROBLEMS[name] for name in flat}, printer)
    asked = [[name, *rng.uniform(-2, 2, 2)] for name in flat]
    program = table + (
        "return input.map(([n, x, y]) => { const H = []; "
        "PROBLEMS[n].hess([x, y], PROBLEMS[n].defaults, H); return H; });"
    )
    assert len(flat) > 5
    for (name, x, y), found in zip(asked, run_js(program, asked), strict=True):
        wanted = PROBLEMS[name]().hessian([x, y])
        assert np.allclose(np.reshape(found, (2, 2)), wanted, rtol=1e-14), name
