"""The tables of the chapter on architectures: complete, and a cheap part of them once more."""

import json

import numpy as np
import pytest
import results_architectures as results

STORED = json.loads(results.OUT.read_text("utf-8"))


def test_every_table_has_every_row_once():
    assert list(STORED) == list(results.TABLES)
    recall = [(row["start"], row["rule"]) for row in STORED["recall"]]
    assert recall == [(start, rule) for start in results.STARTS for rule in results.RULES]
    digits = [(row["net"], row["rule"]) for row in STORED["digits"]]
    assert digits == [(net, rule) for net in results.DIGIT_NETS for rule in results.DIGIT_RULES]
    assert [row["back"] for row in STORED["cut"]] == [results.CUTS] * 2
    assert [row["cell"] for row in STORED["gates"]] == ["gru", "lstm"]


def test_what_is_counted_is_what_was_measured():
    for name in ("recall", "cut", "gates"):
        for row in STORED[name]:
            accuracy = np.array(row["accuracy"])
            assert accuracy.shape[1] == 10
            assert (accuracy > results.REMEMBERS).sum(axis=1).tolist() == row["remember"]


def test_the_best_rate_is_the_best_of_the_grid():
    for row in STORED["digits"]:
        tried = [np.inf if v is None else v for v in row["tried"]]
        assert row["lr"] == results.DIGIT_RULES[row["rule"]][1][int(np.argmin(tried))]


@pytest.mark.parametrize("start, rule, column", [("gain 0.5", "SGD", 0), ("orthogonal", "Adam", 0)])
def test_a_cheap_part_comes_out_again(start, rule, column):
    """Three seeds, side by side as in the file: copies do not change each other."""
    (row,) = [r for r in STORED["recall"] if (r["start"], r["rule"]) == (start, rule)]
    kind, clip, rates = results.RULES[rule]
    settings = dict(init=results.STARTS[start])
    found, _ = results.remember(40, settings, kind, rates[column], clip, range(2))
    assert found == pytest.approx(row["accuracy"][column][:2], abs=0.02)


def test_without_a_way_back_only_the_readout_learns():
    assert (results.cut_run("gain 0.5", 0, [0]) < 0.6).all()
