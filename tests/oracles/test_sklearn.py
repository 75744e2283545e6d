"""Gradient descent, one example per step, against scikit-learn's SGDClassifier."""

import json
from pathlib import Path

import numpy as np
import pytest

from optlib import GD, InverseTime, data


@pytest.fixture(scope="module")
def oracle():
    with np.load(Path(__file__).parent / "sklearn.npz") as file:
        return dict(file)


def test_the_file_says_what_made_it(oracle):
    assert set(json.loads(str(oracle["made_with"]))) == {"scikit-learn", "numpy", "python"}


@pytest.mark.parametrize("epochs", [1, 5])
@pytest.mark.parametrize("units", ["raw", "standardized"])
def test_the_rate_called_optimal_is_one_over_t(oracle, units, epochs):
    tumours = data.breast_cancer()
    X = tumours.X if units == "raw" else data.standardize(tumours.X)
    X, penalty = np.c_[X, np.ones(len(X))], np.append(np.full(30, 1e-4), 0.0)
    opt = GD(np.zeros(31), lr=InverseTime(10.0, steps=1000))
    for _ in range(epochs):
        for row, label in zip(X, tumours.y):
            with np.errstate(over="ignore"):
                p = 1 / (1 + np.exp(-row @ opt.x))
            opt.step((p - label) * row + penalty * opt.x)
    want = oracle[f"{units}, {epochs} epochs"]
    assert np.abs(opt.x - want).max() < 1e-8 * np.abs(want).max()


def test_the_chapter_quotes_its_accuracies(oracle):
    raw, scaled = oracle["accuracy, raw"], oracle["accuracy, standardized"]
    said = [f"{a:.3f}" for b in (raw, scaled) for a in (b.mean(), b.min(), b.max())]
    assert said == ["0.859", "0.706", "0.930", "0.964", "0.951", "0.979"]
    chapter = Path(__file__).parents[2] / "chapters" / "sgd.ipynb"
    text = "".join(
        "".join(cell["source"]) for cell in json.loads(chapter.read_text("utf-8"))["cells"]
    )
    assert all(number in text for number in said)
