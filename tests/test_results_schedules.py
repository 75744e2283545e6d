"""The stored results of the chapter on schedules: cheap parts again, and what they rest on."""

import json
import subprocess
import sys

import numpy as np
import pytest
import results_schedules as script

import optlib
from optlib import noisy_bowl


@pytest.fixture(scope="module")
def stored():
    return json.loads(script.FILE.read_text("utf-8"))


def test_the_file_is_of_this_script(stored):
    assert stored["grids"] == script.GRIDS and stored["looks"] == list(script.LOOKS)
    assert stored["rivals"].keys() == {*script.RIVALS, "average of constant", "schedule-free"}
    for name, rates in script.GRIDS.items():
        for climb in (0, script.CLIMB):
            shape = np.array(stored["warmup"][f"{name}, {climb}"], float).shape
            assert shape == (len(script.SEEDS), len(rates))
    for name in script.TRACKED:
        rows = stored["sharpness"][name]
        assert np.array(rows, float).shape == (len(script.TRACKED_SEEDS), len(script.LOOKS))


def test_the_file_can_be_made_anew_when_it_is_lost():
    # The lab reads the file when it is imported; what computes the file must not need the lab.
    code = "import results_schedules, sys; assert 'optlib.widgets' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=script.ROOT / "tools")


@pytest.mark.parametrize("name", ["constant", "cosine"])
def test_a_rival_is_tuned_again_near_its_rate(stored, name):
    best = stored["rivals"][name]
    at = script.BOWL_RATES.index(best["lr"])
    near = script.BOWL_RATES[at - 2 : at + 3]
    assert script.rival(script.RIVALS[name], near) == {
        "lr": best["lr"], "ends": pytest.approx(best["ends"], rel=1e-9),
    }  # fmt: skip


def test_second_moments_are_those_of_many_runs():
    steps, h = 30, script.CURVATURES[:, None]
    for rule, lr in ((optlib.PolyakRuppert.of(optlib.GD), 1.5), (optlib.ScheduleFreeSGD, 4.0)):
        opt, rng = rule(np.ones((50, 3000)), lr=lr), np.random.default_rng(1)
        for _ in range(steps):
            noise = np.sqrt(script.NOISE * h) * rng.standard_normal(opt.x.shape)
            opt.advance(h * opt.x + noise)
        found = (opt.state["average"] ** 2).mean(axis=1)
        assert np.allclose(script.second_moments(rule, lr, steps), found, rtol=0.1)


def test_an_average_of_the_table_comes_out_again(stored):
    best = stored["rivals"]["schedule-free"]
    squares = script.second_moments(optlib.ScheduleFreeSGD, best["lr"], script.STEPS)
    assert script.loss_of(squares) == pytest.approx(best["ends"][0], rel=1e-9)


def test_the_slope_of_a_drawing_is_its_slope():
    drawing = np.geomspace(1.5, 0.02, script.KNOTS)
    loss, slope = script.slope(drawing)
    ends = noisy_bowl.expected_losses(noisy_bowl.rates(drawing, script.STEPS))
    assert loss == pytest.approx(ends[-1], rel=1e-12)
    for k in (0, 7, script.KNOTS - 1):
        other = drawing.copy()
        other[k] *= np.exp(1e-4)
        moved = script.slope(other)[0]
        assert (moved - loss) / 1e-4 == pytest.approx(slope[k], rel=2e-3)


def test_the_best_drawing_is_worth_what_is_said(stored):
    best = stored["best"]
    ends = noisy_bowl.expected_losses(noisy_bowl.rates(best["drawing"], script.STEPS))
    assert ends[-1] == pytest.approx(best["end"], rel=1e-9)
    assert (
        best["end"] < script.best_drawing(steps=15)["end"] < stored["rivals"]["cosine"]["ends"][0]
    )


def test_a_part_of_the_runs_comes_out_again(stored):
    rates = script.GRIDS["Momentum"][:2]
    for climb in (0, script.CLIMB):
        again = script.final_losses("Momentum", rates, climb, seed=0)
        # Rounding differs between processors, and grows during 600 steps.
        assert np.allclose(again, stored["warmup"][f"Momentum, {climb}"][0][:2], rtol=0.5)


def test_the_sharpness_at_first_comes_out_again(stored):
    for name, (lr, climb) in script.TRACKED.items():
        again = script.sharpness_along(lr, climb, seed=0, looks=script.LOOKS[:3])
        assert np.allclose(again, stored["sharpness"][name][0][:3], rtol=0.05)
