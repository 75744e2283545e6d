"""The shrink race from Python: what it accepts, what it says without JavaScript, its paths."""

import numpy as np
import pytest
import traitlets

import optlib
from optlib.widgets import ShrinkRace
from optlib.widgets.shrink_race import PULL, RULES, shrink

BAD = [
    ("a", 0.0, "1e-05 and 1000"),
    ("b", float("nan"), "1e-05 and 1000"),
    ("decay", 2.0, "0.001 and 1"),
    ("lr", -0.1, "0.0001 and 0.01"),
    ("steps", 5000, "100 and 2500"),
]


@pytest.mark.parametrize("name, value, hint", BAD)
def test_a_bad_value_is_refused_and_nothing_changes(name, value, hint):
    lab = ShrinkRace()
    before = lab.get_state()
    with pytest.raises(traitlets.TraitError, match=hint):
        setattr(lab, name, value)
    assert lab.get_state() == before
    with pytest.raises(traitlets.TraitError, match=hint):
        ShrinkRace(**{name: value})


def test_an_unknown_setting_lists_the_valid_ones():
    with pytest.raises(TypeError, match="'wd'.*decay"):
        ShrinkRace(wd=0.1)


def test_the_output_is_the_same_every_time_and_complete_without_javascript():
    lab = ShrinkRace(a=10.0, b=0.1, steps=500)
    data, _ = lab._repr_mimebundle_()
    assert data["text/plain"] == repr(lab) and "0x" not in repr(lab)
    assert lab.model_id.startswith("shrinkrace-")
    assert f'data-model-id="{lab.model_id}"' in data["text/html"]
    left = shrink("AdamW", [10.0], 0.1, 1e-3, 500)[-1, 0]
    assert f"AdamW leaves {left:.3f} of A" in lab.alt() and lab.alt() in data["text/html"]
    assert data["image/png"]


def test_a_path_is_that_of_the_rule_step_by_step():
    opt = optlib.AdamL2(np.ones(1), lr=2e-3, l2=0.3)
    path = [1.0, *(opt.step([g]).item() for g in (5.0, -5.0, 5.0))]
    assert np.array_equal(shrink("AdamL2", [5.0], 0.3, 2e-3, 3)[:, 0], path)


def test_decoupled_decay_does_not_see_the_gradients_and_l2_does():
    w = shrink("AdamW", [0.01, 1.0, 100.0], 0.1, 1e-3, 2000)[-1]
    assert np.allclose(w, np.exp(-0.2), rtol=0.003)
    l2 = shrink("AdamL2", [0.01, 1.0, 100.0], 0.1, 1e-3, 2000)[-1]
    assert l2[0] < 0.03 and np.isclose(l2[1], w[1], rtol=0.002) and l2[2] > 0.99


PATHS = """
const model = {}; const render = 0; const window = {}; const document = {};
%s
return input.map(([name, sizes, settings]) => [...shrink(name, sizes, settings)]);
"""


def test_the_front_end_walks_the_same_paths(run_js):
    """Its paths come from the traced rules; there is no formula of a rule in its own text."""
    module = ShrinkRace._esm.replace("export default { render };", "").replace(
        "function render(", "function mount("
    )
    rng = np.random.default_rng(4)
    asked = []
    for name in PULL:
        for steps in (100, 700):
            sizes = (10 ** rng.uniform(-5, 3, 2)).tolist()
            settings = dict(decay=10 ** rng.uniform(-3, 0), lr=10 ** rng.uniform(-4, -2))
            asked.append([name, sizes, settings | dict(steps=steps)])
    for (name, sizes, settings), found in zip(asked, run_js(PATHS % module, asked), strict=True):
        wanted = shrink(name, sizes, **settings)
        assert np.allclose(np.reshape(found, (-1, 2)), wanted, rtol=1e-9, atol=1e-12), name
    assert ShrinkRace._esm.count("step(t, x, g, m, h)") == len(RULES)
