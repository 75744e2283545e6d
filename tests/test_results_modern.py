"""What the chapter on modern optimizers reads: complete, and a cheap part of it once more."""

import json

import numpy as np
import pytest
import results_modern as results

STORED = json.loads(results.OUT.read_text("utf-8"))
POLYNOMIALS = json.loads(results.OUT_POLYNOMIALS.read_text("utf-8"))


def test_the_file_has_every_run():
    assert list(STORED) == list(results.LARGEST)
    for rule, one in STORED.items():
        assert one["rates"] == [results.LARGEST[rule] / 2**k for k in range(results.TRIED)]
        assert len(one["test"]) == len(results.TEST) and len(one["scores"]) == results.TRIED


@pytest.mark.parametrize("rule", results.LARGEST)
def test_the_best_rate_is_best_and_not_the_last_that_was_tried(rule):
    one = STORED[rule]
    scores = [np.inf if v is None else v for v in one["scores"]]
    assert one["best"] == one["rates"][int(np.argmin(scores))]
    assert 0 < np.argmin(scores) < results.TRIED - 1


@pytest.mark.parametrize("rule", ["Adam", "Lion", "ScheduleFreeAdamW", "Muon"])
def test_a_test_loss_comes_out_again(rule):
    one = STORED[rule]
    found = results.train(rule, one["best"], results.TEST[3], STORED["Adam"]["best"])[1]
    assert found == pytest.approx(one["test"][3], rel=0.15)


def test_the_polynomials_are_those_of_the_chapter_and_one_run_comes_out_again():
    assert list(POLYNOMIALS) == list(results.POLYNOMIALS)
    assert POLYNOMIALS["Muon"] == STORED["Muon"]
    for name, one in POLYNOMIALS.items():
        assert 0 < np.argmin(one["scores"]) < results.TRIED - 1
        assert results.muon(name).coefficients == results.POLYNOMIALS[name]
    rest = STORED["Adam"]["best"]
    found = results.train("cubic", POLYNOMIALS["cubic"]["best"], results.TEST[3], rest)[1]
    assert found == pytest.approx(POLYNOMIALS["cubic"]["test"][3], rel=0.15)


def test_the_matrix_rules_get_the_hidden_matrices_and_nothing_else():
    model, _ = results.task(0)
    opt = results.optimizer("SOAP", model.params, 0.01, 0.01)
    got = {name for name, rule in opt.rules.items() if type(rule).__name__ == "SOAP"}
    assert got == set(results.HIDDEN)
    assert {model.params.shapes[name] for name in got} == {(64, 64)}
