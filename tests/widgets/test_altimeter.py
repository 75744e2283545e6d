"""The altimeter from Python: what it accepts, its walks, and the same walks in the front end."""

import numpy as np
import pytest
import traitlets

from optlib import estimate
from optlib.widgets import Altimeter
from optlib.widgets.altimeter import GOAL, TOOLS, H, Valley, place, short_rate, walk

BAD = [
    ("n", 0, "1 and 1000"),
    ("n", 2.5, "int"),
    ("budget", 5, "10 and 100000"),
    ("spot", 1.5, "-1 and 1"),
    ("spot", float("nan"), "-1 and 1"),
    ("valley", 100, "1 and 99"),
    ("tool", "map", "level"),
    ("runs", [["one", 0, 5]], "n and units"),
    ("runs", [["map", 3, 5]], "hand"),
    ("runs", [["one", 3, -5]], "n and units"),
    ("runs", ["one"], "n and units"),
]


@pytest.mark.parametrize("name, value, hint", BAD)
def test_a_bad_value_is_refused_and_nothing_changes(name, value, hint):
    lab = Altimeter()
    before = lab.get_state()
    with pytest.raises(traitlets.TraitError, match=hint):
        setattr(lab, name, value)
    assert lab.get_state() == before
    with pytest.raises(traitlets.TraitError, match=hint):
        Altimeter(**{name: value})


def test_an_unknown_setting_lists_the_valid_ones():
    with pytest.raises(TypeError, match="'lr'.*budget"):
        Altimeter(lr=0.1)


def test_the_output_is_the_same_every_time_and_complete_without_javascript():
    lab = Altimeter(n=3, valley=7)
    data, _ = lab._repr_mimebundle_()
    assert data["text/plain"] == repr(lab)
    assert repr(lab) == "Altimeter(n=3, tool='one', budget=1000, valley=7, spot=0.0)"
    assert f'data-model-id="{lab.model_id}"' in data["text/html"]
    assert lab.alt() in data["text/html"] and "5005 with 1000" in lab.alt()
    assert data["image/png"]


@pytest.mark.parametrize("n", [1, 2, 3, 8, 51, 400])
@pytest.mark.parametrize("valley", [1, 17, 99])
def test_the_laws_that_the_missions_let_find(n, valley):
    heights, slope = walk("one", n, valley), walk("level", n, valley)
    assert (heights.units, slope.units) == (5 * (n + 1), 15)
    assert heights.arrived and slope.arrived
    assert np.allclose(heights.heights, slope.heights, rtol=1e-3, atol=1e-3)
    assert (slope.units < heights.units) == (n >= 3)  # the border of the second mission


def test_a_random_direction_costs_in_proportion_to_the_dimension():
    per = [
        np.mean([walk("random", n, seed=seed).units for seed in range(10)]) / (n + 2)
        for n in (10, 30, 100, 300)
    ]
    assert 11 < min(per) and max(per) < 14


@pytest.mark.parametrize("tool", TOOLS)
def test_a_budget_ends_a_walk_before_it_is_overdrawn(tool):
    short = walk(tool, 40, budget=14)
    assert not short.arrived and short.heights[-1] > GOAL
    assert short.units == {"one": 0, "random": 14, "level": 12}[tool]


def test_the_bottom_is_neither_at_the_start_nor_out_of_reach_of_the_slider():
    where = np.array([place(np.arange(1000), valley) for valley in range(1, 100)])
    assert np.abs(where).min() >= 0.4 - 1e-12 and np.abs(where).max() <= 0.9
    assert 0.45 < (where > 0).mean() < 0.55
    land = Valley(5, 3)
    assert land.height(np.zeros(5)) == pytest.approx(100) and land.height(land.bottom) == 0


def test_the_slope_is_that_of_the_height():
    land, x = Valley(7, 4), np.random.default_rng(0).uniform(-1, 1, 7)
    by_heights = estimate.finite_difference(land._sum)(x)
    assert np.allclose(land.slope(x), by_heights, atol=1e-8)


PURE = """
const model = {}; const render = 0; const window = {}; const document = {};
%s
"""


@pytest.fixture(scope="module")
def front_end():
    """The module without its render function, so that Node can call what stands before it."""
    module = Altimeter._esm.replace("export default { render };", "")
    return PURE % module.replace("function render(", "function mount(")


WALKS = """
return input.map(([tool, n, valley, steps]) => {
  const land = landscape(n, valley), x = new Float64Array(n), g = new Float64Array(n);
  const heights = [land.height(x)];
  for (let t = 0; t < steps; t++) {
    for (const _ of stepOf(tool, land, x, g));
    heights.push(land.height(x));
  }
  return { heights, cost: costOf(tool, n), rate: shortRate(n), bottom: [...land.bottom] };
});
"""


def test_the_front_end_takes_the_same_steps(run_js, front_end):
    asked = [[t, n, v, 5] for t in ("one", "level") for n in (1, 2, 3, 10, 101) for v in (1, 42)]
    for (tool, n, valley, _), found in zip(asked, run_js(front_end + WALKS, asked), strict=True):
        ours = walk(tool, n, valley)
        assert found["heights"] == pytest.approx(ours.heights, rel=1e-6), (tool, n, valley)
        assert found["cost"] * 5 == ours.units
        assert found["rate"] == short_rate(n)
        assert np.array_equal(found["bottom"], Valley(n, valley).bottom)


RANDOM = """
const land = landscape(input.n, 5), g = new Float64Array(input.n), u = input.u[Symbol.iterator]();
for (const _ of ESTIMATES.random(land, Float64Array.from(input.x), g, () => u.next().value));
return [...g];
"""


def test_the_front_end_estimates_along_a_random_direction_as_optlib_does(run_js, front_end):
    x = np.random.default_rng(1).uniform(-0.5, 0.5, 6)
    u = np.random.default_rng(2).standard_normal(6)
    given = dict(n=6, x=x.tolist(), u=u.tolist())
    found = run_js(front_end + RANDOM, given)
    ours = estimate.random_direction(Valley(6, 5)._sum, H, np.random.default_rng(2))(x)
    assert np.allclose(found, ours, rtol=1e-8)


DICE = "const dice = normals(input); return Array.from({ length: 4000 }, dice);"


def test_its_random_numbers_are_normal_and_those_of_their_seed(run_js, front_end):
    first, again, other = (np.array(run_js(front_end + DICE, seed)) for seed in (3, 3, 4))
    assert np.array_equal(first, again) and not np.array_equal(first, other)
    assert abs(first.mean()) < 0.05 and abs(first.std() - 1) < 0.05
    assert abs((np.abs(first) < 1).mean() - 0.683) < 0.03


def test_no_formula_is_typed_in_the_front_end():
    assert Altimeter._esm.count("step(t, x, g, m, h)") == 1
    for traced in ("const placeOf = (i, valley)", "const shortRate = (n)"):
        assert Altimeter._esm.count(traced) == 1
