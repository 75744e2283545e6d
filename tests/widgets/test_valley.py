"""The valley of the front page: what it accepts, what it says, and what the page promises of it."""

import numpy as np
import pytest
import traitlets

from optlib.widgets import Valley
from optlib.widgets.valley import RANGES


@pytest.mark.parametrize(
    "name, value, hint",
    [
        ("lr", 0.0, "0.002 and 0.1"),
        ("start", [1.0, 5.0], "y from -4 to 4"),
        ("start", [1.0], "length"),
    ],
)
def test_a_bad_value_is_refused_and_nothing_changes(name, value, hint):
    lab = Valley()
    before = lab.get_state()
    with pytest.raises(traitlets.TraitError, match=hint):
        setattr(lab, name, value)
    assert lab.get_state() == before


def test_the_picture_and_its_words_agree_with_the_run():
    lab = Valley(lr=0.07)
    data, _ = lab._repr_mimebundle_()
    assert data["image/png"] and lab.alt() in data["text/html"]
    assert f"reaches the bottom in {lab.steps_to_bottom()} steps" in lab.alt()
    assert "never reaches" in Valley(lr=0.1).alt() and "with memory" in Valley(memory=True).alt()


def test_the_limit_is_two_over_the_curvature_and_memory_halves_the_steps():
    """The front page says: somewhere on the right it goes wrong; memory saves over half."""
    for lr in np.geomspace(*RANGES["lr"], 6):
        plain, memory = (Valley(lr=lr).steps_to_bottom(name) for name in ("GD", "Momentum"))
        assert (plain is not None) == (lr < 2 / 25)
        assert memory < (plain or np.inf) / 2
