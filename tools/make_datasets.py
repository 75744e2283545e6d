"""Make the data files of the package from the copies that scikit-learn bundles (BSD-3).

Run once by whoever adds a data set, with scikit-learn installed: python tools/make_datasets.py
"""

import pathlib

import numpy as np
import sklearn
from sklearn.datasets import load_diabetes

OUT = pathlib.Path(__file__).parent.parent / "optlib" / "datasets"

raw = load_diabetes(scaled=False)
np.savez_compressed(
    OUT / "diabetes.npz",
    X=raw.data,
    y=raw.target,
    features=np.array(raw.feature_names),
    source=f"Efron, Hastie, Johnstone & Tibshirani 2004; scikit-learn {sklearn.__version__}",
)
