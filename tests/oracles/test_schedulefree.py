"""The schedule-free rules against their authors' package, on the gradients of torch.npz."""

import json
from pathlib import Path

import numpy as np
import pytest

from optlib import OPTIMIZERS

HERE = Path(__file__).parent
CASES = {
    "sgd": ("ScheduleFreeSGD", dict(lr=0.1)),
    "sgd beta": ("ScheduleFreeSGD", dict(lr=0.5, beta=0.6)),
    "adamw": ("ScheduleFreeAdamW", dict()),
    "adamw warmup": ("ScheduleFreeAdamW", dict(lr=lambda t: 0.01 * min(1, t / 20))),
    "adamw decay": (
        "ScheduleFreeAdamW",
        dict(lr=0.05, beta1=0.8, beta2=0.95, eps=1e-3, wd=0.1),
    ),
}


@pytest.fixture(scope="module")
def oracle():
    with np.load(HERE / "torch.npz") as gradients, np.load(HERE / "schedulefree.npz") as paths:
        return {**gradients, **paths}


def test_the_file_says_what_made_it_and_every_trajectory_is_used():
    with np.load(HERE / "schedulefree.npz") as file:
        assert set(json.loads(str(file["made_with"]))) == {
            *("schedulefree", "torch", "numpy", "python"),
        }
        assert set(file) - {"made_with"} == set(CASES)


@pytest.mark.parametrize("case", CASES)
def test_same_points_and_averages_as_the_authors(oracle, case):
    name, hyper = CASES[case]
    opt, path = OPTIMIZERS[name](oracle["x0"].copy(), **hyper), []
    for g in oracle["gradients"]:
        path.append([opt.step(g).copy(), opt.state["average"].copy()])
    assert np.abs(path[-1][1] - oracle["x0"]).max() > 1e-2  # it went somewhere
    # The package keeps y and z and reconstructs the average, with rounding of its own.
    np.testing.assert_allclose(np.array(path)[oracle["kept"] - 1], oracle[case], rtol=0, atol=1e-11)
