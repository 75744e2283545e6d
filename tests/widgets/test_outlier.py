"""Drag the outlier, from Python: what it accepts, what it says without JavaScript, its answers."""

import json

import numpy as np
import pytest
import traitlets

from optlib import losses
from optlib.widgets import Outlier
from optlib.widgets.outlier import LOSSES, POINTS, TIMES, WINDOWS, best_constants

BAD = [
    ("tab", "mean", "quantile"),
    ("delta", 0.0, "0.05 and 40"),
    ("delta", float("nan"), "0.05 and 40"),
    ("tau", 1.0, "0.02 and 0.98"),
    ("points", [1.0, 2.0, 3.0, 4.0], "of length 5"),
    ("points", [1.0, 2.0, 3.0, 4.0, 27.0], "-2 to 26"),
    ("points", [1.0, 2.0, 3.0, 4.0, float("nan")], "-2 to 26"),
]


@pytest.mark.parametrize("name, value, hint", BAD)
def test_a_bad_value_is_refused_and_nothing_changes(name, value, hint):
    lab = Outlier()
    before = lab.get_state()
    with pytest.raises(traitlets.TraitError, match=hint):
        setattr(lab, name, value)
    assert lab.get_state() == before
    with pytest.raises(traitlets.TraitError, match=hint):
        Outlier(**{name: value})


def test_an_unknown_setting_lists_the_valid_ones():
    with pytest.raises(TypeError, match="'lr'.*delta"):
        Outlier(lr=0.1)


def test_the_output_is_the_same_every_time_and_complete_without_javascript():
    lab = Outlier(delta=5.0)
    data, _ = lab._repr_mimebundle_()
    assert data["text/plain"] == repr(lab) and "0x" not in repr(lab)
    assert f'data-model-id="{lab.model_id}"' in data["text/html"]
    assert lab.alt() in data["text/html"]
    assert "mean 6, median 3, Huber 3.75." in lab.alt()
    assert "pinball 35 to 52." in Outlier(tab="quantile", tau=0.9).alt()
    assert data["image/png"] and Outlier(tab="quantile")._repr_mimebundle_()[0]["image/png"]


def test_the_picture_is_drawn_even_if_all_points_are_one():
    assert Outlier(points=[3.0] * 5)._repr_mimebundle_()[0]["image/png"]


def test_what_the_missions_and_the_chapter_rest_on():
    assert np.allclose(best_constants(losses.huber, POINTS, delta=5.0), 3.75)
    assert np.allclose(best_constants(losses.huber, [*POINTS[:4], 100.0], delta=5.0), 3.75)
    further = [*POINTS[:4], POINTS[4] + 0.05]
    for delta, follows in ((13.8, False), (14.2, True)):
        here, there = (best_constants(losses.huber, y, delta=delta)[0] for y in (POINTS, further))
        assert (there - here > 1e-6) == follows
    for share in range(1, 10):
        low, high = best_constants(losses.quantile, TIMES, tau=share / 10)
        assert np.allclose([low, high], TIMES[share - 1 : share + 1])
        low, high = best_constants(losses.quantile, TIMES, tau=share / 10 + 0.05)
        assert np.allclose([low, high], TIMES[share])


@pytest.mark.parametrize("seed", range(5))
def test_the_answers_are_mean_median_and_quantile(seed):
    rng = np.random.default_rng(seed)
    y, tau = rng.standard_cauchy(9), float(rng.uniform(0.1, 0.9))
    assert np.allclose(best_constants(losses.mse, y), y.mean())
    assert np.allclose(best_constants(losses.mae, y), np.median(y))
    assert np.allclose(best_constants(losses.huber, y, delta=1e6), y.mean())
    found = best_constants(losses.quantile, y, tau=tau)
    assert np.allclose(found, np.quantile(y, tau, method="inverted_cdf"))


FIRST_ANSWERS = """
const window = {}, document = {};
%s
return input.map(([name, y, p]) =>
  [...bestConstants(LOSSES[name], y, p), meanLoss(LOSSES[name], 3, y, p)]);
"""


def test_the_front_end_finds_the_same_answers(run_js):
    """Its answers come from traced slopes; no formula of a loss stands in its own text."""
    module = Outlier._esm.replace("export default { render };", "")
    rng, asked = np.random.default_rng(3), []
    for _ in range(20):
        y = rng.uniform(*WINDOWS["outlier"], 5).round(1).tolist()
        asked += [
            ["mse", y, {}],
            ["mae", y, {}],
            ["huber", y, {"delta": float(rng.uniform(0.1, 20))}],
        ]
        asked += [["quantile", TIMES, {"tau": round(float(rng.uniform(0.05, 0.95)), 2)}]]
    for (name, y, p), (low, high, at_3) in zip(
        asked, run_js(FIRST_ANSWERS % module, asked), strict=True
    ):
        assert np.allclose([low, high], best_constants(LOSSES[name], y, **p), atol=1e-9)
        value = LOSSES[name](np.full((len(y), 1), 3.0), np.array(y), **p).item()
        assert np.isclose(at_3, value, rtol=1e-12)
    assert Outlier._esm.count("slope(z, y, p)") == len(LOSSES)


def test_what_python_says_is_what_the_front_end_knows():
    line = next(x for x in Outlier._esm.split("\n") if x.startswith("const FACTS = "))
    facts = json.loads(line.removeprefix("const FACTS = ").removesuffix(";"))
    assert facts["points"] == POINTS and facts["times"] == TIMES
