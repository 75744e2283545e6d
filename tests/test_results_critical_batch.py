"""The stored steps against the batch size: a cheap part of them again, and the choice of rates."""

import json

import numpy as np
import pytest
import results_critical_batch as script


@pytest.fixture(scope="module")
def stored():
    return json.loads(script.FILE.read_text("utf-8"))


def test_the_file_is_of_this_script(stored):
    assert (stored["target"], stored["rates"]) == (script.TARGET, script.RATES)
    assert [row["batch"] for row in stored["rows"]] == list(script.BATCHES)
    assert all(len(row["steps"]) == len(script.REPORTED) for row in stored["rows"])
    assert not set(script.TUNING) & set(script.REPORTED)


def test_the_best_rates_lie_inside_the_grid(stored):
    at = [script.RATES.index(row["lr"]) for row in stored["rows"]]
    assert 3 <= min(at) and max(at) <= len(script.RATES) - 3


@pytest.mark.parametrize("batch", [32, 256])
def test_a_part_of_it_comes_out_again(stored, batch):
    row = next(row for row in stored["rows"] if row["batch"] == batch)
    again = [script.steps_to_target(batch, [row["lr"]], seed)[0] for seed in script.REPORTED[:3]]
    # Rounding differs between processors, and a noisy loss crosses the target a little later.
    assert np.allclose(again, row["steps"][:3], rtol=0.1)


def test_rates_far_from_the_best_one_are_slower(stored):
    best = next(row["lr"] for row in stored["rows"] if row["batch"] == 64)
    steps = script.steps_to_target(64, [best / 4, best, best * 2], seed=0)
    assert steps[1] < steps[0] and steps[1] < steps[2]
