"""What the chapter on regularization reads: complete, and a cheap part of it once more."""

import json

import numpy as np
import pytest
import results_regularization as results

STORED = json.loads(results.OUT.read_text("utf-8"))


def test_the_file_has_every_run():
    assert STORED.keys() == {"stopping", "judged", *results.WAYS}
    for curve in STORED["stopping"].values():
        assert np.shape(curve) == (len(results.SEEDS), results.STEPS // results.EVERY)
    assert np.shape(STORED["judged"]) == (len(results.DRAWS), 2)
    for way in results.WAYS:
        assert {len(values) for values in STORED[way].values()} == {len(results.REPEATS)}


@pytest.mark.parametrize("way", results.WAYS)
def test_the_split_of_the_error_adds_up(way):
    members, ambiguity, whole = (
        np.array(STORED[way][name]) for name in ("single square", "ambiguity", "mean square")
    )
    assert members - ambiguity == pytest.approx(whole, abs=3e-5)


def test_two_of_the_stopped_runs_come_out_again():
    curves = results.stopping(seeds=[0, 1], steps=300)
    for name, curve in curves.items():
        close = dict(abs=0.02) if name == "right" else dict(rel=0.05)
        assert curve.T == pytest.approx(np.array(STORED["stopping"][name])[:2, :15], **close), name


def test_another_draw_is_judged_again():
    found = results.judged(results.DRAWS[3])
    assert found == pytest.approx(STORED["judged"][3], rel=0.05)


def test_an_ensemble_of_tenths_comes_out_again():
    found = results.ensemble("tenths", 4)
    for name, value in found.items():
        close = dict(abs=0.02) if "accuracy" in name else dict(rel=0.1)
        assert value == pytest.approx(STORED["tenths"][name][4], **close), name


def test_the_members_see_what_they_should():
    train, (_, y) = results.digits(0)
    n = len(train[1])
    same, bootstrap, tenths = (results.samples(way, n, 0) for way in results.WAYS)
    assert all(mine.tolist() == list(range(n)) for mine in same)
    assert all(len(mine) == n and 0.6 < len(set(mine)) / n < 0.66 for mine in bootstrap)
    assert sorted(np.concatenate(tenths)) == list(range(n))
    for mine in tenths:  # a tenth that lacks a digit would say nothing on parts of the data
        assert len(mine) in (125, 126) and np.bincount(train[1][mine], minlength=10).min() > 1
    assert not np.array_equal(results.digits(1)[1][1], y)
