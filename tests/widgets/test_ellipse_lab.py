"""The Ellipse lab from Python: what it accepts, and what it says without JavaScript."""

import pathlib
import re

import pytest
import traitlets

from optlib import OPTIMIZERS, widgets
from optlib.widgets import EllipseLab

BAD = [
    ("problem", "Everest", "Rosenbrock"),
    ("optimizers", ["GD", "Adma"], "Adam"),
    ("optimizers", [], "at least one"),
    ("lr", 0.0, "0.0001 and 3"),
    ("lr", float("nan"), "0.0001 and 3"),
    ("kappa", 0.5, "1 and 1000"),
    ("steps", 10**6, "1 and 3000"),
    ("start", [1.0, float("inf")], "-1000 to 1000"),
    ("start", [1.0], "length"),
    ("scale", "cubic", "cubic"),
]


@pytest.mark.parametrize("name, value, hint", BAD)
def test_a_bad_value_is_refused_and_nothing_changes(name, value, hint):
    lab = EllipseLab()
    before = lab.get_state()
    with pytest.raises(traitlets.TraitError, match=hint):
        setattr(lab, name, value)
    assert lab.get_state() == before
    with pytest.raises(traitlets.TraitError, match=hint):
        EllipseLab(**{name: value})


def test_an_unknown_setting_lists_the_valid_ones():
    with pytest.raises(TypeError, match="'rate'.*lr"):
        EllipseLab(rate=0.1)


def test_the_output_is_the_same_every_time_and_complete_without_javascript():
    lab = EllipseLab(lr=0.05, optimizers=["GD", "Adam"])
    data, _ = lab._repr_mimebundle_()
    assert data["text/plain"] == repr(lab) and "0x" not in repr(lab)
    assert lab.model_id.startswith("ellipselab-")
    assert f'data-model-id="{lab.model_id}"' in data["text/html"]
    assert "GD, Adam" in lab.alt() and "0.05" in lab.alt() and lab.alt() in data["text/html"]
    assert data["image/png"]


@pytest.mark.parametrize("problem", ["Quadratic", "Saddle", "MonkeySaddle", "Rosenbrock"])
def test_the_picture_is_drawn_for_every_landscape_even_if_a_run_diverges(problem):
    data, _ = EllipseLab(problem=problem, lr=2.0)._repr_mimebundle_()
    assert data["image/png"]


# A point that changes by a gradient, as in x[i] -= h.lr * g[i]
UPDATE = re.compile(r"\bx\[\w+\]\s*[-+*/]?=[^=].*\bg\[")


def test_no_update_rule_is_written_by_hand():
    """What moves a point along a gradient is traced, in the front end of every widget."""
    assert UPDATE.search("x[i] -= h.lr * g[i];") and UPDATE.search("x[k] = x[k] - 0.1 * g[k]")
    for file in pathlib.Path(widgets.__file__).parent.glob("*.js"):
        assert not UPDATE.search(file.read_text("utf-8")), file.name
    assert EllipseLab._esm.count("step(t, x, g, m, h)") == len(OPTIMIZERS)
