"""Make sklearn.npz: what SGDClassifier does with the breast cancer data, raw and standardized.

    python tests/oracles/make_sklearn.py

needs scikit-learn and is run by hand, rarely. Kept are the weights and the intercept after some
epochs without shuffling, which another program can repeat, and the test accuracies of ten splits,
which depend on scikit-learn's own random numbers.
"""

import numpy as np
from common import need, save

linear_model, selection, preprocessing = need(
    "sklearn.linear_model", "sklearn.model_selection", "sklearn.preprocessing"
)

from optlib import data  # noqa: E402

EPOCHS = {"raw": (1, 5), "standardized": (1, 5)}


def weights(X, y, epochs):
    model = linear_model.SGDClassifier(
        loss="log_loss", learning_rate="optimal", shuffle=False, max_iter=epochs, tol=None
    ).fit(X, y)
    return np.append(model.coef_, model.intercept_)


def accuracy(X, y, seed, scaled):
    X, X_test, y, y_test = selection.train_test_split(X, y, stratify=y, random_state=seed)
    if scaled:
        scaler = preprocessing.StandardScaler().fit(X)
        X, X_test = scaler.transform(X), scaler.transform(X_test)
    model = linear_model.SGDClassifier(
        loss="log_loss", learning_rate="optimal", random_state=seed
    )
    return model.fit(X, y).score(X_test, y_test)


def main():
    tumours = data.breast_cancer()
    units = {"raw": tumours.X, "standardized": data.standardize(tumours.X)}
    made = {
        f"{name}, {epochs} epochs": weights(units[name], tumours.y, epochs)
        for name in units
        for epochs in EPOCHS[name]
    }
    for name, scaled in (("raw", False), ("standardized", True)):
        scores = [accuracy(tumours.X, tumours.y, seed, scaled) for seed in range(10)]
        made[f"accuracy, {name}"] = np.array(scores)
    save("sklearn", ("scikit-learn", "numpy"), **made)


if __name__ == "__main__":
    main()
