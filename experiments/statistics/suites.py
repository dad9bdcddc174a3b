"""Comparisons over several data sets or tasks: ranks and robust means."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from experiments.statistics.arrays import (
    FloatArray,
    check_count,
    check_level,
    finite,
    matrix,
    vector,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Friedman:
    """Friedman's test over data sets, with Iman and Davenport's F."""

    mean_ranks: FloatArray
    """shape (k,), 1 is best"""
    chi2: float
    f: float
    p: float
    """of F with k - 1 and (k - 1)(N - 1) degrees of freedom"""


def friedman(values: ArrayLike, *, goal: str = "max") -> Friedman:
    """Test whether k models differ over N data sets.

    Parameters
    ----------
    values
        One row per data set, one column per model, shape (N, k), N, k >= 2. For given ranks use
        ``goal="min"``
    goal
        "max" when more is better, "min" when less is

    Notes
    -----
    ``χ² = 12N/(k(k + 1))·(ΣR_j² - k(k + 1)²/4)``, ``F = (N - 1)χ²/(N(k - 1) - χ²)`` of the mean
    ranks, ties sharing their rank, without a correction for them: Demšar 2006, JMLR 7:1. F is
    infinite when all data sets rank alike. Round differences that are ties on paper beforehand.
    """
    table = finite("values", matrix("values", values))
    n, k = table.shape
    if min(n, k) < 2:
        raise ValueError(f"Expected at least 2 data sets and 2 models; got {n} and {k}.")
    mean = np.mean([_ranks(-row if goal == "max" else row) for row in table], axis=0)
    chi2 = float(12 * n / (k * (k + 1)) * ((mean**2).sum() - k * (k + 1) ** 2 / 4))
    rest = n * (k - 1) - chi2
    f = (n - 1) * chi2 / rest if rest > 1e-12 else math.inf
    p = float(special.fdtrc(k - 1, (k - 1) * (n - 1), f)) if math.isfinite(f) else 0.0
    return Friedman(mean_ranks=mean, chi2=chi2, f=f, p=p)


def nemenyi_difference(k: int, n: int, *, level: float = 0.95) -> float:
    """Smallest difference of mean ranks that tells two of k models apart over n data sets.

    Parameters
    ----------
    k
        Models, >= 2
    n
        Data sets, >= 1
    level
        Chance of no false difference among all pairs

    Notes
    -----
    ``q·sqrt(k(k + 1)/(6N))`` with q the studentised range quantile over sqrt(2). Demšar 2006.
    """
    from scipy.stats import studentized_range

    k, n = check_count("k", k, least=2), check_count("n", n, least=1)
    q = float(studentized_range.ppf(check_level(level), k, np.inf)) / math.sqrt(2)
    return q * math.sqrt(k * (k + 1) / (6 * n))


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedRanks:
    """Wilcoxon's signed ranks of paired differences."""

    plus: float
    """rank sum of the differences above 0"""
    minus: float
    statistic: float
    """the smaller of both, Wilcoxon's T"""
    p: float
    """two-sided, by the normal approximation; NaN with fewer than 2 pairs"""


def signed_ranks(a: ArrayLike, b: ArrayLike) -> SignedRanks:
    """Wilcoxon's signed-rank test: two models over N data sets.

    Parameters
    ----------
    a, b
        One value per data set, shape (N,); the difference is a minus b

    Notes
    -----
    Ranks of 0 are split evenly between both sums, an odd one is ignored; ``z = (T - N(N + 1)/4) /
    sqrt(N(N + 1)(2N + 1)/24)``: Demšar 2006, section 3.1.3. Differences are rounded to 12 decimals:
    0.768 - 0.763 and 0.936 - 0.931 are ties on paper, and not in floating point.
    """
    first, second = (finite(name, vector(name, x)) for name, x in (("a", a), ("b", b)))
    if len(first) != len(second):
        raise ValueError(f"Expected as many values in a as in b; got {len(first)}, {len(second)}.")
    gap = np.round(first - second, 12)
    if (gap == 0).sum() % 2:
        gap = np.delete(gap, np.flatnonzero(gap == 0)[0])
    n, ranks = len(gap), _ranks(np.abs(gap))
    even = float(ranks[gap == 0].sum()) / 2
    plus, minus = (float(ranks[side].sum()) + even for side in (gap > 0, gap < 0))
    smaller = min(plus, minus)
    z = (smaller - n * (n + 1) / 4) / math.sqrt(n * (n + 1) * (2 * n + 1) / 24) if n > 1 else None
    p = math.nan if z is None else float(2 * special.ndtr(z))
    return SignedRanks(plus=plus, minus=minus, statistic=smaller, p=p)


def interquartile_mean(values: ArrayLike) -> float:
    """Mean of the middle half of the values.

    Parameters
    ----------
    values
        Any shape; with fewer than four values it is their mean

    Notes
    -----
    A quarter of the values, rounded down, is left out at either end, as ``scipy.stats.trim_mean``
    and rliable (Agarwal et al. 2021).
    """
    flat = np.sort(finite("values", vector("values", np.asarray(values).ravel())))
    cut = len(flat) // 4
    return float(flat[cut : len(flat) - cut].mean())


def probability_of_improvement(x: ArrayLike, y: ArrayLike) -> float:
    """Chance that a value of x exceeds a value of y, ties counted half.

    Parameters
    ----------
    x
        Values, shape (n,)
    y
        Values, shape (m,)

    Notes
    -----
    Mann-Whitney: ``P(X > Y) + ½·P(X = Y)``. Agarwal et al. 2021.
    """
    first, second = vector("x", x), np.sort(vector("y", y))
    less = np.searchsorted(second, first, side="left")
    up_to = np.searchsorted(second, first, side="right")
    return float((less + up_to).mean()) / (2 * len(second))


def _ranks(values: FloatArray) -> FloatArray:
    """Return ranks from 1, ties sharing their mean rank."""
    _, index, count = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(count)
    return (last - (count - 1) / 2)[index]
