"""What the chapter on regularization reads: complete, and a cheap part of it once more."""

import json

import numpy as np
import pytest
import results_regularization as results

STORED = json.loads(results.OUT.read_text("utf-8"))


def test_the_file_has_every_run():
    assert STORED.keys() == {"stopping", *results.WAYS}
    for curve in STORED["stopping"].values():
        assert np.shape(curve) == (len(results.SEEDS), results.STEPS // results.EVERY)


@pytest.mark.parametrize("way", results.WAYS)
def test_the_split_of_the_error_adds_up(way):
    found = STORED[way]
    mean = np.mean(found["single square"])
    assert mean - found["ambiguity"] == pytest.approx(found["mean square"][-1], abs=3e-5)
    assert found["mean square"][0] == found["single square"][0]


def test_two_of_the_stopped_runs_come_out_again():
    curves = results.stopping(seeds=[0, 1], steps=300)
    for name, curve in curves.items():
        close = dict(abs=0.02) if name == "right" else dict(rel=0.05)
        assert curve.T == pytest.approx(np.array(STORED["stopping"][name])[:2, :15], **close), name


def test_a_small_ensemble_comes_out_again():
    found = results.ensemble("tenths", members=3)
    assert found["single loss"] == pytest.approx(STORED["tenths"]["single loss"][:3], rel=0.1)
    stored = STORED["tenths"]["mean accuracy"][:3]
    assert found["mean accuracy"] == pytest.approx(stored, abs=0.02)


def test_the_members_see_what_they_should(monkeypatch):
    seen = []
    monkeypatch.setattr(
        results.training, "fit", lambda model, loss, part, *a, **k: seen.append(part)
    )
    train = np.arange(25.0)[:, None], np.arange(25)
    for way in results.WAYS:
        results.member(way, 3, train)
    same, bootstrap, tenths = (part[1] for part in seen)
    assert same.tolist() == list(range(25)) and tenths.tolist() == [3, 13, 23]
    assert len(bootstrap) == 25 > len(set(bootstrap))
