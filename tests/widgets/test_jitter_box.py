"""The Jitter box from Python: what it accepts, its formula, and what it says without JavaScript."""

import numpy as np
import pytest
import traitlets

from optlib.widgets import JitterBox, jitter_box, tracer

BAD = [
    ("lr", 0.0, "0.01 and 0.6"),
    ("lr", float("nan"), "0.01 and 0.6"),
    ("noise", -1.0, "0.1 and 3"),
    ("batch", 0, "1 and 64"),
    ("steps", 10**6, "40 and 600"),
    ("result", "best", "best"),
]


@pytest.mark.parametrize("name, value, hint", BAD)
def test_a_bad_value_is_refused_and_nothing_changes(name, value, hint):
    box = JitterBox()
    before = box.get_state()
    with pytest.raises(traitlets.TraitError, match=hint):
        setattr(box, name, value)
    assert box.get_state() == before
    with pytest.raises(traitlets.TraitError, match=hint):
        JitterBox(**{name: value})


def test_an_unknown_setting_lists_the_valid_ones():
    with pytest.raises(TypeError, match="'sigma'.*noise"):
        JitterBox(sigma=1.0)


def test_the_output_is_the_same_every_time_and_complete_without_javascript():
    box = JitterBox(lr=0.1, batch=4)
    data, _ = box._repr_mimebundle_()
    assert data["text/plain"] == repr(box) and "0x" not in repr(box)
    assert f'data-model-id="{box.model_id}"' in data["text/html"]
    assert "batch 4" in box.alt() and box.alt() == JitterBox(lr=0.1, batch=4).alt()
    assert data["image/png"]


@pytest.mark.parametrize("setting", [dict(result="average"), dict(lr=0.6), dict(steps=40)])
def test_the_picture_is_drawn_even_if_the_runs_diverge(setting):
    box = JitterBox(**setting)
    assert box._repr_mimebundle_()[0]["image/png"]
    assert ("diverges" in box.alt()) == (box.lr * max(jitter_box.CURVATURES) >= 2)


def test_the_bowl_has_the_curvatures_that_are_said():
    H = jitter_box.BOWL.hessian(np.zeros(2))
    assert np.allclose(H, np.diag(jitter_box.CURVATURES), atol=1e-12)


@pytest.mark.parametrize("setting", [dict(), dict(lr=0.4), dict(batch=9), dict(noise=2.5)])
def test_the_runs_settle_on_the_formula(setting):
    box = JitterBox(steps=400, **setting)
    _, f = box._runs()
    assert f[200:].mean() == pytest.approx(box._floor(), rel=0.06)


def test_the_three_ways_of_the_missions_halve_the_loss():
    def end(**changes):
        _, f = JitterBox(steps=400, **{**jitter_box.REFERENCE, **changes})._runs()
        return f[300:].mean()

    before = end()
    assert 0.35 < end(lr=0.1) / before < 0.5
    assert 0.45 < end(batch=2) / before < 0.55
    assert end(result="average") / before < 0.1


def test_formulas_reach_javascript_as_they_are(run_js):
    text = tracer.formula_js("noiseFloor", jitter_box.noise_floor)
    text += tracer.formula_js("since", jitter_box.since)
    got = run_js(text + "return [noiseFloor(0.2, 4, 1.5, 3), since(203), since(40)];")
    assert got == [jitter_box.noise_floor(0.2, 4, 1.5, 3), *map(jitter_box.since, (203, 40))]
    assert text.split("=>")[0] in JitterBox._esm


def test_the_noise_of_the_front_end_is_normal_and_the_same_every_time(run_js):
    source = (jitter_box.base.HERE / "jitter_box.js").read_text("utf-8")
    function = source[source.index("function normals") : source.index("function render")]
    program = "const a = normals(100001, 20), b = normals(1000, 20);"
    values, again = run_js(function + program + "return [[...a], [...b]];")
    values = np.array(values)
    assert values[:1000].tolist() == again
    assert abs(values.mean()) < 0.015 and abs(values.std() - 1) < 0.01
    assert abs((np.abs(values) < 1).mean() - 0.6827) < 0.006
    assert abs(np.corrcoef(values[:-1], values[1:])[0, 1]) < 0.015
    assert abs((values**4).mean() - 3) < 0.15
