r"""Statistics of a comparison: who is how often how near to the fastest, and how sure that is.

Rows are methods, columns problems or seeds, and a run that failed has the time ``inf``: it counts
against its method and is never dropped.

>>> times = [[10, 30, 40, np.inf], [20, 15, 40, 100]]  # two methods on four problems
>>> profile(times, [1, 2])
array([[0.5 , 0.75],
       [0.75, 1.  ]])

Everything that is random takes a generator, and draws whole columns: the runs of one seed stay
together, so that what a lucky seed gives to all methods cancels in their differences.
"""

import math
from statistics import NormalDist
from typing import NamedTuple

import numpy as np

NORMAL = NormalDist()


class Interval(NamedTuple):
    """A value and the two ends of its interval."""

    value: float
    low: float
    high: float


# ------------------------------------------------------------------------------------ profiles


def _times(times):
    times = np.asarray(times, dtype=float)
    if times.ndim < 2 or not times.size:
        raise ValueError(f"times need axes of methods and problems, not shape {times.shape}")
    if np.isnan(times).any() or (times <= 0).any():
        raise ValueError("a time is greater than 0, and inf where a method failed; never nan")
    return times


def ratios(times):
    r"""How many times longer than the fastest each method took on each problem.

    .. math::

        r_{p,s} = \frac{t_{p,s}}{\min_{s'} t_{p,s'}}

    Parameters
    ----------
    times : array of shape (methods, problems, ...), greater than 0, inf for a failure.

    Returns
    -------
    Array of the same shape, 1 where a method is fastest or as fast as the fastest, inf where it
    failed: for all methods where all failed.

    References
    ----------
    Dolan & Moré, "Benchmarking optimization software with performance profiles", Mathematical
    Programming 91, 2002, 201-213.

    >>> ratios([[10.0, np.inf], [20.0, np.inf]])
    array([[ 1., inf],
           [ 2., inf]])
    """
    times = _times(times)
    fastest = times.min(axis=0)
    return np.divide(times, fastest, out=np.full(times.shape, np.inf), where=np.isfinite(times))


def profile(times, taus):
    r"""Performance profile: the share of problems on which a method is within tau of the fastest.

    .. math::

        \rho_s(\tau) = \frac1P \,\#\{\, p : r_{p,s} \le \tau \,\}

    with the :func:`ratios` r. At tau = 1 it is the share of problems on which the method is fastest
    (ties count for all who share them), for large tau the share that it solves at all.

    Parameters
    ----------
    times : array of shape (methods, problems), greater than 0, inf for a failure.
    taus : one tau or a list of them.

    Returns
    -------
    Array of shape (methods, taus), or (methods,) for one tau.

    The profile of a method depends on who else runs: a newcomer that is faster on one problem
    changes the ratios of all others there.

    References
    ----------
    Dolan & Moré 2002, equation 2.1: see :func:`ratios`.
    """
    found = ratios(times)
    taus = np.asarray(taus, dtype=float)
    within = (found[..., None] <= taus.reshape(-1)) & np.isfinite(found[..., None])
    return within.mean(axis=1).reshape(len(found), *taus.shape)


def area(times, tau=4.0):
    r"""The mean height of the performance profile between 1 and tau.

    .. math::

        \frac{1}{\tau - 1} \int_1^\tau \rho_s(u)\, du
        = \frac1P \sum_p \frac{\max(0, \tau - r_{p,s})}{\tau - 1}

    The profile is a staircase, so the integral is this sum, exactly.

    Parameters
    ----------
    times : array of shape (methods, problems, ...).
    tau : where the profile ends, greater than 1. AlgoPerf takes 4.

    Returns
    -------
    A number from 0 to 1 for each method.

    References
    ----------
    Dahl et al., "Benchmarking neural network training algorithms", arXiv:2306.07179, 2023: the
    benchmark score of AlgoPerf.

    >>> area([[10, 30, 40, np.inf], [20, 15, 40, 100]])
    array([0.66666667, 0.91666667])
    """
    if not 1 < tau < np.inf:
        raise ValueError(f"tau={tau!r} must be greater than 1, and finite")
    return (np.maximum(0, tau - ratios(times)) / (tau - 1)).mean(axis=1)


def iqm(x, axis=-1):
    """Interquartile mean: the mean of the middle half.

    Of n sorted values, the floor(n / 4) smallest and as many of the largest are left out; fewer
    outliers than that on either side, inf included, do not move it far, and it wastes less of the
    data than the median.

    References
    ----------
    Agarwal et al., "Deep reinforcement learning at the edge of the statistical precipice", NeurIPS
    2021, arXiv:2108.13264.

    >>> iqm([1.0, 2.0, 3.0, np.inf])
    np.float64(2.5)
    """
    x = np.sort(np.asarray(x, dtype=float), axis=axis)
    n = x.shape[axis]
    return np.take(x, range(n // 4, n - n // 4), axis=axis).mean(axis=axis)


# ----------------------------------------------------------------------------------- bootstrap


def resamples(rng, n, draws):
    """Indices of shape (draws, n): n draws out of n, with replacement, ``draws`` times over."""
    return np.random.default_rng(rng).integers(n, size=(draws, n))


def bootstrap(x, statistic=np.mean, draws=2000, level=0.95, method="BCa", rng=0):
    r"""A statistic and a bootstrap interval for it.

    Draw the columns anew, with replacement, as many as there are; compute the statistic; do that
    ``draws`` times. The *percentile* interval cuts off the same share :math:`\alpha / 2` of the
    results at both ends. *BCa* (bias corrected and accelerated) cuts off at

    .. math::

        \alpha_\pm = \Phi\!\left(z_0 + \frac{z_0 \pm z}{1 - a\,(z_0 \pm z)}\right), \qquad
        z = \Phi^{-1}(1 - \alpha/2)

    instead, where :math:`\Phi(z_0)` is the share of results below the statistic itself, and the
    acceleration a is a sixth of the skewness of what the statistic becomes without one column.

    Parameters
    ----------
    x : values, the last axis that of seeds (or of problems). Rows are drawn together: for a paired
        comparison of two methods take their differences, or a statistic of both rows.
    statistic : called as ``statistic(x, axis=-1)`` on arrays with an axis of draws before the last
        one, (..., draws, n); returns shape (draws,).
    draws, level : how many, and how much the interval shall cover.
    method : "BCa" or "percentile".
    rng : a seed or generator.

    Returns
    -------
    :class:`Interval`. If all values are equal, both ends are that value.

    With ten seeds an interval of either kind is somewhat too short: see the chapter.

    References
    ----------
    Efron, "Better bootstrap confidence intervals", Journal of the American Statistical Association
    82, 1987, 171-185.

    >>> bootstrap([1.0, 2.0, 3.0, 4.0, 10.0], method="percentile")
    Interval(value=4.0, low=1.8, high=7.2)
    """
    x = np.asarray(x, dtype=float)
    n = x.shape[-1] if x.ndim else 0
    if n < 2 or np.isnan(x).any():
        raise ValueError(f"a bootstrap needs two or more columns without nan, not {x.shape}")
    if method not in ("BCa", "percentile"):
        raise ValueError(f'method={method!r} must be "BCa" or "percentile"')
    value = float(statistic(x[..., None, :], axis=-1)[..., 0])
    found = statistic(x[..., resamples(rng, n, draws)], axis=-1)
    tail = (1 - level) / 2
    shares = [tail, 1 - tail]
    if method == "BCa":
        without = np.array([np.delete(np.arange(n), i) for i in range(n)])
        shares = bca_shares(value, found, statistic(x[..., without], axis=-1), tail)
    between = "linear" if np.isfinite(found).all() else "nearest"  # inf - inf is no number
    low, high = np.quantile(found, shares, method=between)
    return Interval(value, float(low), float(high))


def bca_shares(value, found, jackknife, tail):
    """The two shares at which BCa cuts off; those of the percentile interval where it has none."""
    below = ((found < value).mean() + (found <= value).mean()) / 2
    apart = jackknife.mean() - jackknife
    spread = (apart**2).sum() ** 1.5
    if not (0 < below < 1 and np.isfinite(spread) and spread > 0):
        return [tail, 1 - tail]
    z0, a = NORMAL.inv_cdf(below), (apart**3).sum() / (6 * spread)
    moved = [z0 + z for z in (NORMAL.inv_cdf(tail), NORMAL.inv_cdf(1 - tail))]
    return [NORMAL.cdf(z0 + z / (1 - a * z)) for z in moved]


def profile_bands(times, taus, draws=2000, level=0.95, rng=0):
    """Percentile bands of performance profiles, from runs with several seeds.

    Each draw takes seeds with replacement, the same for all methods and problems; a method's time
    on a problem is then the median over the seeds drawn (inf where half of them failed), and the
    profile is that of these medians. So the band says how far other *seeds* would move the curve,
    on these problems. It does not say what other problems would do.

    Parameters
    ----------
    times : array of shape (methods, problems, seeds).
    taus : list of tau.

    Returns
    -------
    Three arrays of shape (methods, taus): profile, low, high.

    References
    ----------
    Agarwal et al. 2021 (see :func:`iqm`) draw runs within each task; here the seeds are paired, so
    they are drawn once for all.
    """
    times, taus = _times(times), np.atleast_1d(np.asarray(taus, dtype=float))
    picks = resamples(rng, times.shape[2], draws)
    found = np.array([profile(middle(times[..., pick]), taus) for pick in picks])
    tail = (1 - level) / 2
    low, high = np.quantile(found, [tail, 1 - tail], axis=0)
    return profile(middle(times), taus), low, high


def middle(times):
    """The upper median over the last axis: a value that occurs, and inf if half of them are."""
    times = np.sort(np.asarray(times, dtype=float), axis=-1)
    return times[..., times.shape[-1] // 2]


# ----------------------------------------------------------------------------- budgets and luck


def expected_best(losses, k, replace=True):
    r"""The expected lowest of k losses drawn from those observed.

    .. math::

        \mathbb{E}\Big[\min_{i \le k} V_i\Big] = \sum_j v_{(j)} \left[
        \Big(\frac{n - j + 1}{n}\Big)^{\!k} - \Big(\frac{n - j}{n}\Big)^{\!k} \right]

    with the losses in order, :math:`v_{(1)} \le v_{(2)} \le \dots`: what a search with k random
    trials would have found on average.

    Parameters
    ----------
    losses : of n random trials; inf for a run that was lost.
    k : how many trials, a whole number or an array of them.
    replace : False draws without replacement, which has no bias: the probabilities are then
        :math:`\binom{n-j}{k-1} / \binom nk`.

    Returns
    -------
    A number or an array like k. It is inf as long as all k may have been lost.

    References
    ----------
    Dodge et al., "Show your work: improved reporting of experimental results", EMNLP 2019,
    arXiv:1909.03004, for the highest score; Tang et al., "Showing your work doesn't always work",
    ACL 2020, arXiv:2004.13705, for the bias of drawing with replacement.

    >>> expected_best([3.0, 1.0, 2.0], k=np.array([1, 2, 3]), replace=False)
    array([2.        , 1.33333333, 1.        ])
    """
    v, k = np.sort(np.asarray(losses, dtype=float)), np.asarray(k)
    n = len(v)
    if (k < 1).any() or (not replace and (k > n).any()):
        raise ValueError(f"k={k!r} must be at least 1, and without replacement at most {n}")
    flat, j = k.reshape(-1, 1), np.arange(1, n + 1)
    if replace:
        chance = ((n - j + 1) / n) ** flat - ((n - j) / n) ** flat
    else:
        chance = np.array([[math.comb(n - i, int(m) - 1) / math.comb(n, int(m)) for i in j]
                           for m in flat[:, 0]])  # fmt: skip
    terms = np.where(chance > 0, v * np.where(chance > 0, chance, 1), 0)
    return terms.sum(axis=1).reshape(k.shape)[()]


def sign_flips(differences):
    r"""How often chance alone would make a mean as large: an exact paired test.

    If two methods are the same, each difference could as well have had the other sign. Of all
    :math:`2^n` choices of signs, this is the share whose mean is at least as far from 0. With n
    seeds it cannot be less than :math:`2 / 2^n`: 0.002 for ten.

    Parameters
    ----------
    differences : one for each seed (or problem), at most 20, finite.

    References
    ----------
    Fisher, "The design of experiments", 1935, section 21.

    >>> sign_flips([1.0, 2.0, 3.0, 4.0])
    0.125
    """
    d = np.asarray(differences, dtype=float)
    if d.ndim != 1 or not 1 <= len(d) <= 20 or not np.isfinite(d).all():
        raise ValueError("sign_flips takes 1 to 20 finite differences, one for each seed")
    sums = np.zeros(1)
    for one in d:
        sums = np.concatenate([sums + one, sums - one])
    least = abs(d.sum()) - 1e-12 * abs(d).sum()  # in another order the same sum may round down
    return float((abs(sums) >= least).mean())


def holm(p):
    r"""p-values adjusted for there being several (Holm): smaller than your level is significant.

    .. math::

        \tilde p_{(i)} = \max_{j \le i}\, \min\big(1,\; (m - j + 1)\, p_{(j)}\big)

    with the m p-values in order. The chance of even one false alarm stays below the level, whatever
    depends on what; and nothing is lost against multiplying all by m (Bonferroni).

    References
    ----------
    Holm, "A simple sequentially rejective multiple test procedure", Scandinavian Journal of
    Statistics 6, 1979, 65-70.

    >>> holm([0.01, 0.04, 0.03])
    array([0.03, 0.06, 0.06])
    """
    p = np.asarray(p, dtype=float)
    if p.ndim != 1 or np.isnan(p).any() or (p < 0).any() or (p > 1).any():
        raise ValueError("p-values are a list of numbers from 0 to 1")
    order = np.argsort(p, kind="stable")
    raised = np.minimum(1, p[order] * np.arange(len(p), 0, -1))
    adjusted = np.empty(len(p))
    adjusted[order] = np.maximum.accumulate(raised)
    return adjusted


def seeds_needed(effect, sd, power=0.8, level=0.05, paired=False):
    r"""How many seeds for each method find a difference of that size.

    .. math::

        n = c\, \big(z_{1-\alpha/2} + z_{\text{power}}\big)^2
        \left(\frac{\sigma}{\delta}\right)^{\!2}, \qquad c = 2, \text{ or } 1 \text{ if paired}

    rounded up. The normal approximation: for fewer than about 20 seeds, one or two more.

    Parameters
    ----------
    effect : delta, the smallest difference of two means that matters.
    sd : sigma, the standard deviation over seeds of one method; with ``paired``, of the difference.
    power : how often it shall be found.
    level : alpha, how often chance alone may look like it, on both sides.

    References
    ----------
    Cohen, "Statistical power analysis for the behavioral sciences", 2nd edition, 1988, chapter 2.

    >>> seeds_needed(0.003, 0.0063)
    70
    """
    if not (effect > 0 and sd > 0 and 0 < power < 1 and 0 < level < 1):
        raise ValueError("effect and sd are greater than 0, power and level between 0 and 1")
    z = NORMAL.inv_cdf(1 - level / 2) + NORMAL.inv_cdf(power)
    return math.ceil((1 if paired else 2) * (z * sd / effect) ** 2)


def binomial_error(share, n):
    r"""Standard error of a share measured on n cases: :math:`\sqrt{q(1 - q)/n}`.

    >>> round(binomial_error(0.97, 540), 4)
    0.0073
    """
    return math.sqrt(share * (1 - share) / n)
