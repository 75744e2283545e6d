"""Every optimizer against torch.optim, step for step, on gradients fixed beforehand."""

import json
from pathlib import Path

import numpy as np
import pytest

from optlib import OPTIMIZERS, Cosine, Step

FILE = Path(__file__).with_name("torch.npz")
halves = np.repeat([1e-2, 1e-3], 12)

# The name of a trajectory: the same rule in optlib. Where torch's defaults were used, so are ours.
CASES = {
    "sgd": ("SGD", dict()),
    "sgd lr": ("GD", dict(lr=0.1)),
    "sgd step schedule": ("GD", dict(lr=Step(0.1, every=100))),
    "sgd cosine schedule": ("GD", dict(lr=Cosine(0.1, steps=300, end=1e-4))),
    "sgd two groups": ("GD", dict(lr=halves)),
    "momentum": ("Momentum", dict(beta=0.9)),
    "momentum beta": ("Momentum", dict(lr=0.05, beta=0.5)),
    "momentum step schedule": ("Momentum", dict(lr=Step(0.1, every=100), beta=0.9)),
    "dampened momentum": ("EMAMomentum", dict(lr=0.1, beta=0.9)),
    "dampened momentum cosine": ("EMAMomentum", dict(lr=Cosine(0.1, 300, 1e-4), beta=0.8)),
    "nesterov": ("Nesterov", dict(beta=0.9)),
    "nesterov step schedule": ("Nesterov", dict(lr=Step(0.1, every=100), beta=0.7)),
    "adagrad": ("Adagrad", dict()),
    "adagrad eps": ("Adagrad", dict(lr=0.1, eps=1e-2)),
    "rmsprop": ("RMSprop", dict()),
    "rmsprop alpha eps": ("RMSprop", dict(lr=0.1, beta2=0.9, eps=1e-2)),
    "adam": ("Adam", dict()),
    "adam betas eps": ("Adam", dict(lr=0.1, beta1=0.8, beta2=0.95, eps=1e-2)),
    "adam step schedule": ("Adam", dict(lr=Step(0.1, every=100))),
    "adam two groups": ("Adam", dict(lr=halves)),
    "adagrad accumulator": ("Adagrad", dict(lr=0.1, s0=0.1)),
    "adagrad lr decay": ("Adagrad", dict(lr=lambda t: 0.1 / (1 + (t - 1) * 0.05))),
    "rmsprop centered": ("CenteredRMSprop", dict()),
    "rmsprop centered alpha": ("CenteredRMSprop", dict(lr=0.05, beta2=0.9, eps=1e-4)),
    "rmsprop momentum": ("MomentumRMSprop", dict()),
    "rmsprop momentum alpha": ("MomentumRMSprop", dict(lr=Step(1e-3, 100), beta2=0.9, beta=0.5)),
    "adadelta": ("Adadelta", dict()),
    "adadelta rho": ("Adadelta", dict(lr=0.5, rho=0.95, eps=1e-4)),
    "adam l2": ("AdamL2", dict()),
    "adam l2 strong": ("AdamL2", dict(lr=Step(0.1, 100), l2=0.3)),
    "adamw": ("AdamW", dict()),
    "adamw strong": ("AdamW", dict(lr=Step(0.1, 100), wd=0.3)),
    "amsgrad": ("AMSGrad", dict()),
    "amsgrad betas": ("AMSGrad", dict(lr=Step(0.1, 100), beta1=0.8, beta2=0.9)),
    "adamax": ("Adamax", dict()),
    "adamax betas": ("Adamax", dict(lr=Step(0.1, 100), beta1=0.8, beta2=0.9, eps=1e-3)),
    "nadam": ("NAdam", dict()),
    "nadam decay": ("NAdam", dict(lr=Step(0.1, 100), beta1=0.8, beta2=0.95, psi=0.1)),
    "radam": ("RAdam", dict()),
    "radam betas": ("RAdam", dict(lr=Step(0.1, 100), beta1=0.8, beta2=0.95, eps=1e-4)),
    "rprop": ("Rprop", dict()),
    "rprop etas": ("Rprop", dict(lr=0.1, shrink=0.3, grow=1.5, smallest=1e-3, largest=0.5)),
}

# torch has no such rule. The first has oracles of its own in test_first_order.py, the next have
# optax's trajectories in test_optax.py, the last those of their authors in test_schedulefree.py.
NOT_IN_TORCH = {"ClassicalMomentum", "AdaBelief", "Yogi", "Lion", "SignSGD"} | {
    *("ScheduleFreeSGD", "ScheduleFreeAdamW"),
}


@pytest.fixture(scope="module")
def oracle():
    with np.load(FILE) as file:
        return dict(file)


def test_the_file_says_what_made_it(oracle):
    made_with = json.loads(str(oracle["made_with"]))
    assert set(made_with) == {"torch", "numpy", "python"}
    assert all(version[0].isdigit() for version in made_with.values())
    assert int(made_with["torch"].split(".")[0]) >= 2
    assert FILE.stat().st_size < 400_000


def test_the_gradients_are_hard_enough(oracle):
    g = oracle["gradients"]
    sizes = np.abs(g[g != 0])
    assert g.shape == (300, 24)
    assert g.dtype == np.float64
    assert sizes.min() < 1e-3
    assert sizes.max() > 1e1
    assert (g == 0).mean() > 0.05
    assert (g == 0).all(axis=0).any()
    assert (g[1:] * g[:-1] < 0).any(axis=0).sum() >= 22


def test_every_trajectory_is_used_and_every_optimizer_has_one(oracle):
    assert set(oracle) - {"made_with", "gradients", "x0", "kept"} == set(CASES)
    assert {name for name, _ in CASES.values()} | NOT_IN_TORCH == set(OPTIMIZERS), (
        "a new optimizer needs a trajectory in make_torch.py (run it again), or an oracle elsewhere"
    )


@pytest.mark.parametrize("case", CASES)
def test_same_iterates_as_torch(oracle, case):
    name, hyper = CASES[case]
    x = oracle["x0"].copy()
    opt = OPTIMIZERS[name](x, **hyper)
    path = np.array([opt.step(g).copy() for g in oracle["gradients"]])
    assert np.abs(path[-1] - oracle["x0"]).max() > 1e-2  # it went somewhere
    np.testing.assert_allclose(path[oracle["kept"] - 1], oracle[case], rtol=0, atol=1e-12)
