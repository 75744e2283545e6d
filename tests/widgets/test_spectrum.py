"""Reshape the spectrum from Python: what it accepts and says, and that its map is optlib's own."""

import numpy as np
import pytest
import traitlets

from optlib.matrix import CUBIC, QUINTIC, newton_schulz
from optlib.widgets import ReshapeSpectrum
from optlib.widgets.spectrum import FLOOR, LEFT, MOST, RIGHT, press

BAD = [
    ("a", -1.0, "0 and 5"),
    ("a", float("nan"), "0 and 5"),
    ("b", 5.0, "-8 and 4"),
    ("c", 9.0, "-2 and 4"),
    ("steps", 11, "0 and 10"),
    ("values", [1.0, 0.1, 0.1, 0.0], "0.0001 to 1"),
    ("values", [1.0, 0.1, 0.1, 2.0], "0.0001 to 1"),
    ("values", [1.0], "values"),
]


@pytest.mark.parametrize("name, value, hint", BAD)
def test_a_bad_value_is_refused_and_nothing_changes(name, value, hint):
    lab = ReshapeSpectrum()
    before = lab.get_state()
    with pytest.raises(traitlets.TraitError, match=hint):
        setattr(lab, name, value)
    assert lab.get_state() == before
    with pytest.raises(traitlets.TraitError, match=hint):
        ReshapeSpectrum(**{name: value})


def test_an_unknown_setting_lists_the_valid_ones():
    with pytest.raises(TypeError, match="'lr'.*values"):
        ReshapeSpectrum(lr=0.1)


def test_the_output_is_the_same_every_time_and_complete_without_javascript():
    lab = ReshapeSpectrum(a=2.0, b=-1.5, c=0.5, steps=3)
    data, _ = lab._repr_mimebundle_()
    assert data["text/plain"] == repr(lab) and "0x" not in repr(lab)
    assert lab.model_id.startswith("reshapespectrum-")
    assert "2 s + -1.5 s^3 + 0.5 s^5, 3 times" in lab.alt() and lab.alt() in data["text/html"]
    assert data["image/png"]


def test_the_picture_is_drawn_even_if_the_values_explode():
    data, _ = ReshapeSpectrum(a=5.0, b=4.0, c=4.0, steps=10)._repr_mimebundle_()
    assert data["image/png"]


def test_its_matrix_has_the_singular_values_that_it_says():
    lab = ReshapeSpectrum(values=[0.9, 0.4, 0.05, 0.001])
    found = np.linalg.svd(lab.matrix(), compute_uv=False)
    assert np.allclose(found, lab.values, atol=2e-6)


@pytest.mark.parametrize("coefficients", [QUINTIC, CUBIC, (2.673, -3.234, 1.561)])
def test_curve_and_matrix_agree_and_are_newton_schulz(coefficients):
    lab = ReshapeSpectrum(**dict(zip("abc", coefficients, strict=True)))
    before = np.array(lab.values) / np.linalg.norm(lab.values)
    along = np.diag(LEFT.T @ lab.reshaped() @ RIGHT)
    assert np.allclose(along, lab.curve(before), atol=1e-5)
    by_steps = before
    for _ in range(5):
        by_steps = [float(np.ravel(press(s, *coefficients))[0]) for s in by_steps]
    assert np.allclose(by_steps, lab.curve(before), rtol=1e-12)


PIECES = """
const model = {}; const window = {}; const document = {};
%s
const [values, k, n, floors] = input;
return {
  after: pressed(scaled(values), k, n), matrix: matrixOf(pressed(scaled(values), k, n)),
  bands: floors.map((floor) => band(k, n, floor)),
};
"""


def front(run_js, values, k, n, floors):
    module = ReshapeSpectrum._esm.replace("export default { render };", "").replace(
        "function render(", "function mount("
    )
    return run_js(PIECES % module, [values, list(k), n, floors])


def test_the_front_end_does_what_newton_schulz_does(run_js):
    """Its step is traced from the library's; the matrix that it draws is the library's, too."""
    assert ReshapeSpectrum._esm.count("const press = (s, a, b, c)") == 1
    for k in (QUINTIC, CUBIC, (2.1, -1.3, 0.2)):
        lab = ReshapeSpectrum(values=[0.8, 0.3, 0.02, 0.001], steps=4)
        lab.a, lab.b, lab.c = k
        found = front(run_js, lab.values, k, 4, [FLOOR])
        before = np.array(lab.values) / np.linalg.norm(lab.values)
        assert np.allclose(found["after"], lab.curve(before), rtol=1e-12)
        assert np.allclose(found["matrix"], newton_schulz(lab.matrix(), 4, k), atol=1e-5)


def test_the_bands_of_the_missions_are_right(run_js):
    s = np.linspace(FLOOR, 1, 2001)
    for k in (QUINTIC, (2.673, -3.234, 1.561)):
        exact = ReshapeSpectrum(**dict(zip("abc", k, strict=True)), steps=MOST).curve(s)
        low, high = front(run_js, [1.0] * 4, k, MOST, [FLOOR])["bands"][0]
        assert np.allclose([low, high], [exact.min(), exact.max()], atol=3e-3)
    wild = front(run_js, [1.0] * 4, (5, 4, 4), MOST, [FLOOR])["bands"][0]
    assert [float(v) for v in wild] == [-np.inf, np.inf]  # it leaves every bound
