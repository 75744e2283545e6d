"""The stored table of eight rules: a cheap part of it is measured again."""

import json

import numpy as np
import pytest
import results_optimizer as eight

import optlib


@pytest.fixture(scope="module")
def table():
    return json.loads(eight.OUT.read_text("utf-8"))


def test_the_table_of_eight_rules_is_complete(table):
    assert list(table) == list(eight.GRIDS)
    for name, row in table.items():
        assert [float(lr) for lr in row["tried"]] == eight.rates(eight.GRIDS[name])
        assert row["default"]["lr"] == getattr(optlib, name).defaults["lr"]
        for which in ("default", "tuned"):
            assert len(row[which]["loss"]) == len(row[which]["accuracy"]) == len(eight.REPORT)
        assert len(row["more"]["loss"]) == len(row["more"]["accuracy"]) == len(eight.MORE)
        assert [len(split) for split in row["splits"]] == [10] * len(eight.SPLITS)
    assert [len(split) for split in table["Muon"]["no_decay"]] == [10] * (1 + len(eight.SPLITS))
    assert np.shape(table["Adam"]["long"]) == (len(eight.LONG_SEEDS), 2, len(eight.LONG))


def test_the_best_rate_was_chosen_and_lies_inside_its_grid(table):
    for name, row in table.items():
        best = min(row["tried"], key=row["tried"].get)
        assert row["tuned"]["lr"] == float(best), name
        assert best not in (list(row["tried"])[0], list(row["tried"])[-1]), name


@pytest.mark.parametrize("name", eight.GRIDS)
def test_a_run_of_each_rule_gives_the_stored_numbers(table, name):
    stored = table[name]["tuned"]
    loss, accuracy = eight.run(name, stored["lr"], eight.REPORT[0], eight.digits())
    assert loss == pytest.approx(stored["loss"][0], rel=0.05)
    assert accuracy == pytest.approx(stored["accuracy"][0], abs=0.006)


def test_a_run_without_decay_with_another_seed_and_a_long_one_give_the_stored_numbers(table):
    loss, accuracy = eight.run("Adam", 0.01, eight.MORE[0], eight.digits())
    more = table["Adam"]["more"]
    assert loss == pytest.approx(more["loss"][0], rel=0.05)
    assert accuracy == pytest.approx(more["accuracy"][0], abs=0.006)
    _, accuracy = eight.run("Muon", 0.01, eight.REPORT[0], eight.digits(), wd=0)
    assert accuracy == pytest.approx(table["Muon"]["no_decay"][0][0], abs=0.006)
    (loss,), (accuracy,) = eight.long_run(0.01, 0, eight.digits(), steps=(500,))
    assert loss == pytest.approx(table["Adam"]["long"][0][0][0], rel=0.05)
    assert accuracy == pytest.approx(table["Adam"]["long"][0][1][0], abs=0.006)


def test_seeds_of_tuning_and_report_are_different():
    assert not set(eight.TUNE) & set(eight.REPORT)
    assert not set(eight.MORE) & set(eight.REPORT)


def test_muon_takes_the_hidden_matrices_and_adam_the_rest():
    model = optlib.nn.MLP(eight.SIZES, rng=0)
    both = eight.MuonAndAdam(model, 0.01, 0.01)
    assert both.adam.x.size + sum(m.x.size for m in both.muons) == model.params.x.size
    assert [m.x.shape for m in both.muons] == [(32, 64), (32, 32)]
    before = model.params.x.copy()
    g = np.zeros_like(before)
    g[model.params.slices["1.W"]] = np.random.default_rng(0).standard_normal(32 * 32)
    both.step(g)
    moved = model.params.x != before
    decay = before != 0  # Muon's own, on its two matrices
    assert moved[model.params.slices["1.W"]].all()
    assert np.array_equal(moved[model.params.slices["0.W"]], decay[model.params.slices["0.W"]])
    assert not moved[both.rest].any()
