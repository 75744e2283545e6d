"""Make statistics.npz: intervals, trimmed means and exact tests of scipy.stats.

    python tests/oracles/make_statistics.py

needs scipy and is run by hand, rarely: the tests read the file. The data are written into it.
"""

import numpy as np
from common import need, save

stats = need("scipy.stats")


def main():
    rng = np.random.default_rng(7)
    data = {
        "ten": rng.standard_normal(10),
        "skewed": rng.lognormal(size=25),
        "ties": rng.integers(0, 4, 12).astype(float),
        "pair": rng.standard_normal((2, 9)),
    }
    arrays = {f"data_{name}": x for name, x in data.items()}
    for name in ("ten", "skewed", "ties"):
        x = data[name]
        for word, statistic in (("mean", np.mean), ("median", np.median), ("std", np.std)):
            for method in ("percentile", "BCa"):
                if (name, word, method) == ("ties", "median", "BCa"):
                    continue  # without any one of them the median is the same: no acceleration
                found = stats.bootstrap(
                    (x,), statistic, vectorized=True, n_resamples=999, method=method,
                    confidence_level=0.9, rng=np.random.default_rng(5),
                ).confidence_interval  # fmt: skip
                arrays[f"interval_{name}_{word}_{method}"] = np.array([found.low, found.high])
        arrays[f"iqm_{name}"] = np.array(stats.trim_mean(x, 0.25))
    for name in ("ten", "ties"):
        found = stats.permutation_test(
            (data[name],), lambda x, axis: x.mean(axis=axis), permutation_type="samples",
            n_resamples=np.inf, vectorized=True, alternative="two-sided",
        )  # fmt: skip
        arrays[f"flips_{name}"] = np.array(found.pvalue)
    save("statistics", ("scipy", "numpy"), **arrays)


if __name__ == "__main__":
    main()
