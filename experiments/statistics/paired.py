"""Tests on counts of paired outcomes: two or more models on the same examples."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from experiments.statistics.arrays import check_count, finite, matrix, vector

MOST_ENUMERATED = 20
"""Up to 2²⁰ sign patterns are enumerated; beyond, they are sampled."""


@dataclass(frozen=True, slots=True, kw_only=True)
class McNemar:
    """McNemar's test in its four forms; all p-values are two-sided."""

    exact: float
    """exact conditional p: conservative"""
    mid_p: float
    """mid-p: the default"""
    chi2: float
    """(b - c)²/(b + c), without continuity correction"""
    chi2_p: float
    corrected_p: float
    """p of (|b - c| - 1)²/(b + c)"""


def mcnemar(b: int, c: int) -> McNemar:
    """Test whether two models are right equally often, from the pairs on which they differ.

    Parameters
    ----------
    b
        Pairs that only the first got right
    c
        Pairs that only the second got right

    Notes
    -----
    With X ~ Binomial(b + c, ½): exact ``2·P(X <= min(b, c))``, mid-p ``exact - P(X = min(b, c))``
    and ``1 - ½·P(X = b)`` when b = c. No discordant pair gives p = 1 in every form. Fagerland,
    Lydersen & Laake 2013, BMC Medical Research Methodology 13:91, who advise mid-p.
    """
    b, c = check_count("b", b), check_count("c", c)
    n, least = b + c, min(b, c)
    if n == 0:
        return McNemar(exact=1.0, mid_p=1.0, chi2=0.0, chi2_p=1.0, corrected_p=1.0)
    point = math.comb(n, least) / 2**n
    exact = min(1.0, 2 * float(special.bdtr(least, n, 0.5)))
    chi2 = (b - c) ** 2 / n
    corrected = max(0, abs(b - c) - 1) ** 2 / n
    return McNemar(
        exact=exact,
        mid_p=1 - point / 2 if b == c else exact - point,
        chi2=chi2,
        chi2_p=float(special.chdtrc(1, chi2)),
        corrected_p=float(special.chdtrc(1, corrected)),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ChiSquareTest:
    """A statistic that follows a chi-square distribution when nothing differs."""

    statistic: float
    df: int
    p: float


def bowker(table: ArrayLike) -> ChiSquareTest:
    """Bowker's test that a square table of paired classes is symmetric.

    Parameters
    ----------
    table
        Counts of pairs, shape (C, C): first rater's class (row) and second's (column)

    Notes
    -----
    ``sum over i < j of (n_ij - n_ji)²/(n_ij + n_ji)``, df C(C - 1)/2; empty pairs of cells add
    nothing. Bowker 1948. With two classes it is McNemar's test without correction.
    """
    counts = square_table(table)
    gap, total = counts - counts.T, counts + counts.T
    terms = np.divide(gap**2, total, out=np.zeros_like(gap), where=total > 0)
    statistic = float(np.triu(terms, 1).sum())
    df = len(counts) * (len(counts) - 1) // 2
    p = float(special.chdtrc(df, statistic)) if df else math.nan
    return ChiSquareTest(statistic=statistic, df=df, p=p)


def cochran_q(correct: ArrayLike) -> ChiSquareTest:
    """Test with Cochran's Q whether k models are right equally often on the same examples.

    Parameters
    ----------
    correct
        1 where a model is right and 0 where it is wrong, shape (n, k), k >= 2

    Notes
    -----
    ``(k - 1)(k·ΣC_j² - N²)/(k·N - ΣR_i²)`` with column sums C, row sums R, total N; df k - 1.
    Cochran 1950. When every row is all right or all wrong nothing differs: Q = 0, p = 1.
    """
    hit = matrix("correct", correct)
    k = hit.shape[1]
    if k < 2 or not np.isin(hit, (0, 1)).all():
        raise ValueError("Expected 0 and 1 in at least two columns; got something else.")
    columns, rows, total = hit.sum(0), hit.sum(1), hit.sum()
    spread = k * total - (rows**2).sum()
    if spread == 0:
        return ChiSquareTest(statistic=0.0, df=k - 1, p=1.0)
    statistic = float((k - 1) * (k * (columns**2).sum() - total**2) / spread)
    return ChiSquareTest(statistic=statistic, df=k - 1, p=float(special.chdtrc(k - 1, statistic)))


def sign_flip_p(a: ArrayLike, b: ArrayLike, *, permutations: int = 100_000, seed: int = 0) -> float:
    """Two-sided p of the paired permutation test of equal means.

    Parameters
    ----------
    a
        Values of the first, shape (n,)
    b
        Values of the second on the same examples or seeds, shape (n,)
    permutations
        Random sign patterns when n > 20; up to 20 pairs all 2ⁿ are taken
    seed
        Seed of NumPy's PCG64 for random patterns

    Notes
    -----
    Share of sign patterns whose absolute sum is at least the observed one (Fisher 1935); with
    random patterns ``(hits + 1)/(permutations + 1)``.
    """
    first = finite("a", vector("a", a))
    gap = first - finite("b", vector("b", b, size=len(first)))
    n = len(gap)
    # Rounding must not turn a tie with the observed sum into a miss.
    bar = abs(gap.sum()) - 1e-9 * max(np.abs(gap).max(), np.finfo(float).tiny) * n
    if n <= MOST_ENUMERATED:
        sums = np.zeros(1)
        for value in gap:
            sums = np.concatenate([sums + value, sums - value])
        return float((np.abs(sums) >= bar).mean())
    rng = np.random.Generator(np.random.PCG64(seed))
    hits, done = 0, 0
    while done < permutations:
        size = min(permutations - done, max(1, 4_000_000 // n))
        signs = rng.integers(0, 2, size=(size, n), dtype=np.int8) * 2.0 - 1.0
        hits += int((np.abs(signs @ gap) >= bar).sum())
        done += size
    return (hits + 1) / (permutations + 1)


def square_table(table: ArrayLike) -> np.ndarray:
    """Return counts of shape (C, C), none negative."""
    counts = matrix("table", table)
    if counts.shape[0] != counts.shape[1] or (counts < 0).any():
        raise ValueError(
            f"Expected a square table of counts >= 0; got shape {counts.shape}, "
            f"least value {counts.min():g}."
        )
    return counts
