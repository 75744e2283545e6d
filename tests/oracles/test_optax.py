"""The optimizers that torch lacks, against optax, on the same gradients."""

import json
from pathlib import Path

import numpy as np
import pytest

from optlib import OPTIMIZERS, Step

HERE = Path(__file__).parent
drop = Step(0.1, every=100)

CASES = {
    "adabelief": ("AdaBelief", dict()),
    "adabelief betas": ("AdaBelief", dict(lr=drop, beta1=0.8, beta2=0.95, eps=1e-3)),
    "yogi": ("Yogi", dict()),
    "yogi betas": ("Yogi", dict(lr=drop, beta1=0.8, beta2=0.95, eps=1e-2)),
    "lion": ("Lion", dict()),
    "lion decay": ("Lion", dict(lr=drop, beta1=0.8, beta2=0.95, wd=0.3)),
    "sign sgd": ("SignSGD", dict()),
    "sign sgd schedule": ("SignSGD", dict(lr=drop)),
}


@pytest.fixture(scope="module")
def oracle():
    with np.load(HERE / "torch.npz") as gradients, np.load(HERE / "optax.npz") as paths:
        return {**gradients, **paths}


def test_the_file_says_what_made_it_and_every_trajectory_is_used():
    with np.load(HERE / "optax.npz") as file:
        assert set(json.loads(str(file["made_with"]))) == {"optax", "jax", "numpy", "python"}
        assert set(file) - {"made_with"} == set(CASES)


@pytest.mark.parametrize("case", CASES)
def test_same_iterates_as_optax(oracle, case):
    name, hyper = CASES[case]
    opt = OPTIMIZERS[name](oracle["x0"].copy(), **hyper)
    path = np.array([opt.step(g).copy() for g in oracle["gradients"]])
    assert np.abs(path[-1] - oracle["x0"]).max() > 1e-2  # it went somewhere
    np.testing.assert_allclose(path[oracle["kept"] - 1], oracle[case], rtol=0, atol=1e-12)
