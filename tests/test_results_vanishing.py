"""The table of the chapter on vanishing gradients: complete, and a cheap part of it once more."""

import json

import numpy as np
import pytest
import results_vanishing as results

STORED = json.loads(results.OUT.read_text("utf-8"))


def test_the_file_has_every_cell_once():
    assert [(c["net"], c["rule"], c["steps"]) for c in STORED] == results.CELLS


def test_the_best_rate_is_the_best_of_the_grid():
    for cell in STORED:
        rates = results.rates(cell["rule"])
        tried = [np.inf if v is None else v for v in cell["tried"]]
        assert len(tried) == len(rates) and cell["lr"] == rates[int(np.argmin(tried))]
        assert len(cell["loss"]) == len(cell["accuracy"]) == len(results.REPORT)


@pytest.mark.parametrize("net, rule", [("sigmoid 2", "Adam"), ("sigmoid 5", "SGD")])
def test_a_cheap_part_comes_out_again(net, rule):
    (cell,) = [c for c in STORED if (c["net"], c["rule"], c["steps"]) == (net, rule, 600)]
    loss, accuracy = results.train(net, rule, [cell["lr"]], results.REPORT)
    assert loss[0] == pytest.approx(cell["loss"], rel=0.05)
    assert accuracy[0] == pytest.approx(cell["accuracy"], abs=0.01)


def test_copies_that_are_lost_are_infinite():
    loss, _ = results.train("ReLU 20", "SGD", [0.01, 10.0], [0], steps=20)
    assert np.isfinite(loss[0]).all() and np.isinf(loss[1]).all()
