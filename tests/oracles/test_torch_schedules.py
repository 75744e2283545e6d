"""Every schedule that torch has too, against torch.optim.lr_scheduler, at every step."""

import json
from pathlib import Path

import numpy as np
import pytest

from optlib.schedules import (
    WSD,
    Cosine,
    Exponential,
    Linear,
    MultiStep,
    OneCycle,
    Polynomial,
    ReduceOnPlateau,
    Step,
    WarmRestarts,
    Warmup,
)

FILE = Path(__file__).with_name("torch_schedules.npz")

CASES = {
    "step": Step(0.1, every=30),
    "step gamma": Step(0.1, every=1, factor=0.97),
    "multistep": MultiStep(0.1, [1, 30, 80]),
    "multistep gamma": MultiStep(0.1, [50, 75], factor=0.3),
    "exponential": Exponential(0.1, factor=0.95),
    "linear": Linear(0.1, steps=60),
    "linear up": Linear(0.025, steps=60, end=0.1),
    "polynomial": Polynomial(0.1, steps=60),
    "polynomial power": Polynomial(0.1, steps=60, power=0.9),
    "polynomial square": Polynomial(0.1, steps=60, power=2),
    "cosine": Cosine(0.1, steps=60),
    "cosine eta_min": Cosine(0.1, steps=60, end=0.01),
    "restarts": WarmRestarts(0.1, T_0=30),
    "restarts double": WarmRestarts(0.1, T_0=10, T_mult=2, end=0.01),
    "restarts triple": WarmRestarts(0.1, T_0=1, T_mult=3),
    "one cycle": OneCycle(0.1, steps=120),
    "one cycle odd": OneCycle(
        0.1, steps=77, pct_start=0.41, div_factor=10.0, final_div_factor=50.0
    ),
    "one cycle momentum": OneCycle(0.85, 120, div_factor=0.85 / 0.95, final_div_factor=1),
    "warmup cosine": Warmup(Cosine(0.1, steps=80), steps=20),
    "warmup start step": Warmup(Step(0.1, every=40), steps=10, start=0.25),
    "wsd": WSD(0.1, steps=90, warmup=10, decay=20),
    "wsd end": WSD(0.1, steps=100, warmup=5, decay=50, end=0.01),
}
DEVIATIONS = {"cosine goes on", "one cycle goes on", "restarts by number"}

PLATEAUS = {
    "plateau": ("loss", dict()),
    "plateau eager": ("loss", dict(factor=0.5, patience=0)),
    "plateau patient": ("loss", dict(factor=0.5, patience=3, threshold=0.05)),
    "plateau cooldown": ("loss", dict(factor=0.8, patience=1, cooldown=4, min_lr=0.02)),
    "plateau absolute": ("loss", dict(patience=2, threshold=0.01, threshold_mode="abs")),
    "plateau max": ("accuracy", dict(mode="max", factor=0.5, patience=2)),
    "plateau max absolute": (
        "accuracy",
        dict(mode="max", factor=0.7, patience=2, threshold=0.01, threshold_mode="abs", cooldown=2),
    ),
}


@pytest.fixture(scope="module")
def oracle():
    with np.load(FILE) as file:
        return dict(file)


def test_the_file_says_what_made_it_and_every_row_is_used(oracle):
    made_with = json.loads(str(oracle.pop("made_with")))
    assert set(made_with) == {"torch", "numpy", "python"}
    assert int(made_with["torch"].split(".")[0]) >= 2
    assert set(oracle) == {"loss", "accuracy"} | set(CASES) | set(PLATEAUS) | DEVIATIONS
    assert FILE.stat().st_size < 100_000


@pytest.mark.parametrize("case", CASES)
def test_same_value_at_every_step(oracle, case):
    wanted = oracle[case]
    assert len(wanted) > 60
    ours = CASES[case](np.arange(1, len(wanted) + 1))
    # torch multiplies its way from value to value, and collects a rounding at each step
    np.testing.assert_allclose(ours, wanted, rtol=1e-12, atol=1e-15)
    assert len(np.unique(ours)) > 2


@pytest.mark.parametrize("case", PLATEAUS)
def test_same_reductions_after_the_same_metrics(oracle, case):
    metric, arguments = PLATEAUS[case]
    lr = ReduceOnPlateau(0.1, **arguments)
    ours = [lr.step(value) for value in oracle[metric]]
    np.testing.assert_allclose(ours, oracle[case], rtol=1e-14)
    assert len(np.unique(ours)) > 3


def test_after_the_last_step_torch_goes_on_where_ours_stays(oracle):
    t = np.arange(1, 122)
    theirs, ours = oracle["cosine goes on"], Cosine(0.1, steps=60, end=0.01)(t)
    np.testing.assert_allclose(theirs[:61], ours[:61], rtol=1e-12)
    np.testing.assert_allclose(theirs[61:], ours[59::-1], rtol=1e-9)  # back up
    assert (ours[61:] == 0.01).all()
    theirs, ours = oracle["one cycle goes on"], OneCycle(0.1, steps=120)(t)
    assert theirs[120] > 1.5 * theirs[119]
    assert ours[120] == ours[119] == 0.1 / 25 / 1e4


def test_torch_misses_a_restart_if_it_is_asked_for_an_epoch_by_its_number(oracle):
    # It rounds log(3**5, 3) = 4.999... down to 4; counting step by step it finds the restart.
    t = np.arange(1, 401)
    by_number, ours = oracle["restarts by number"], WarmRestarts(0.1, T_0=1, T_mult=3)(t)
    counted = oracle["restarts triple"][:400]
    np.testing.assert_allclose(counted, ours, rtol=1e-12)
    assert ours[121] == 0.1
    assert by_number[121] == 0.0
    np.testing.assert_allclose(np.delete(by_number, 121), np.delete(ours, 121), rtol=1e-9)
