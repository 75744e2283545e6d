"""The bundled data are what their source says, and standardize does what it promises."""

import numpy as np
import pytest

from optlib import data


def test_diabetes_is_the_published_table():
    d = data.diabetes()
    assert d.X.shape == (442, 10) and d.y.shape == (442,)
    assert d.features == ("age", "sex", "bmi", "bp", "s1", "s2", "s3", "s4", "s5", "s6")
    assert d.X[0].tolist() == [59, 2, 32.1, 101, 157, 93.2, 38, 4, 4.8598, 87]
    assert (d.y.min(), d.y.max()) == (25, 346)
    assert np.isclose(d.y.mean(), 152.133484, rtol=1e-8)
    assert "Efron" in d.source


def test_standardize_gives_mean_0_and_spread_1_and_leaves_its_argument():
    X = data.diabetes().X
    before = X.copy()
    Z = data.standardize(X)
    assert np.allclose(Z.mean(axis=0), 0) and np.allclose(Z.std(axis=0), 1)
    assert (X == before).all()


def test_a_column_that_does_not_vary_is_named():
    with pytest.raises(ValueError, match=r"column \[1\]"):
        data.standardize([[1, 5], [2, 5]])
