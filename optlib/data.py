"""Data sets that travel inside the package: nothing is downloaded."""

import pathlib
from typing import NamedTuple

import numpy as np

HERE = pathlib.Path(__file__).parent / "datasets"


class Dataset(NamedTuple):
    """X of shape (N, d), y of shape (N,), the names of the d features, and the source."""

    X: np.ndarray
    y: np.ndarray
    features: tuple
    source: str


def diabetes():
    """442 patients, 10 measurements, and the progress of their diabetes one year later.

    Raw units: age in years, sex coded 1 or 2, body mass index in kg/m^2, mean blood pressure in
    mm Hg,
    and six blood serum measurements; the target is a score from 25 to 346.

    Efron, Hastie, Johnstone & Tibshirani, "Least angle regression", Annals of Statistics 32, 2004.
    """
    with np.load(HERE / "diabetes.npz") as file:
        return Dataset(file["X"], file["y"], tuple(map(str, file["features"])), str(file["source"]))


def standardize(X):
    """Each column shifted to mean 0 and scaled to standard deviation 1 over the N rows.

    Raises ValueError for a column that does not vary: it has no scale.
    """
    X = np.asarray(X, dtype=float)
    spread = X.std(axis=0)
    if (still := np.flatnonzero(spread == 0)).size:
        raise ValueError(f"column {still.tolist()} does not vary and has no scale; drop it")
    return (X - X.mean(axis=0)) / spread
