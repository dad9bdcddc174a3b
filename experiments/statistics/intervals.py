"""Intervals for proportions, differences of paired proportions, and quantiles."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from experiments.statistics.arrays import check_count, check_level, finite, vector


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """An estimate and the interval around it; NaN where it is not defined."""

    estimate: float
    low: float
    high: float


NOT_DEFINED = Interval(estimate=math.nan, low=math.nan, high=math.nan)


def normal_quantile(level: float) -> float:
    """Return the two-sided standard normal quantile: 1.96 for 0.95."""
    return float(special.ndtri((1 + check_level(level)) / 2))


def t_quantile(level: float, df: float) -> float:
    """Return the two-sided quantile of Student's t; NaN when df is not positive."""
    if math.isinf(df):
        return normal_quantile(level)
    return float(special.stdtrit(df, (1 + check_level(level)) / 2)) if df > 0 else math.nan


def wilson(k: int, n: int, *, level: float = 0.95) -> Interval:
    """Wilson's score interval of a proportion.

    Parameters
    ----------
    k
        Successes, 0 to n
    n
        Trials; 0 gives NaN
    level
        Confidence level

    Notes
    -----
    ``(p + z²/2n ± z·sqrt(p(1 - p)/n + z²/4n²)) / (1 + z²/n)``. Wilson 1927; examples in
    Newcombe 1998, Statistics in Medicine 17:857.
    """
    z = normal_quantile(level)
    k, n = _check_share(k, n)
    if n == 0:
        return NOT_DEFINED
    p = k / n
    middle = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    # At the ends the limit is exactly 0 or 1, whatever rounding makes of it.
    low = 0.0 if k == 0 else max(0.0, middle - half)
    high = 1.0 if k == n else min(1.0, middle + half)
    return Interval(estimate=p, low=low, high=high)


def clopper_pearson(k: int, n: int, *, level: float = 0.95) -> Interval:
    """Clopper and Pearson's exact interval of a proportion: never covers less than `level`.

    Parameters
    ----------
    k
        Successes, 0 to n
    n
        Trials; 0 gives NaN
    level
        Confidence level

    Notes
    -----
    Quantiles of Beta(k, n - k + 1) and Beta(k + 1, n - k). Clopper & Pearson 1934. The one-sided
    upper limit at 95 % is ``high`` at ``level=0.90``: the rule of three when k is 0.
    """
    tail = (1 - check_level(level)) / 2
    k, n = _check_share(k, n)
    if n == 0:
        return NOT_DEFINED
    low = 0.0 if k == 0 else float(special.betaincinv(k, n - k + 1, tail))
    high = 1.0 if k == n else float(special.betaincinv(k + 1, n - k, 1 - tail))
    return Interval(estimate=k / n, low=low, high=high)


def jeffreys(k: int, n: int, *, level: float = 0.95) -> Interval:
    """Jeffreys' interval of a proportion: equal-tailed posterior under Beta(½, ½).

    Parameters
    ----------
    k
        Successes, 0 to n
    n
        Trials; 0 gives NaN
    level
        Credible level

    Notes
    -----
    Brown, Cai & DasGupta 2001, Statistical Science 16:101; ``low`` is 0 for k = 0 and ``high`` is
    1 for k = n, as they advise.
    """
    tail = (1 - check_level(level)) / 2
    k, n = _check_share(k, n)
    if n == 0:
        return NOT_DEFINED
    low = 0.0 if k == 0 else float(special.betaincinv(k + 0.5, n - k + 0.5, tail))
    high = 1.0 if k == n else float(special.betaincinv(k + 0.5, n - k + 0.5, 1 - tail))
    return Interval(estimate=k / n, low=low, high=high)


def wald_paired(b: int, c: int, n: int, *, level: float = 0.95) -> Interval:
    """Wald's interval of a difference of paired proportions, for comparison only.

    Parameters
    ----------
    b
        Pairs that only the first got right
    c
        Pairs that only the second got right
    n
        All pairs; 0 gives NaN
    level
        Confidence level

    Notes
    -----
    ``(b - c)/n ± z·sqrt(b + c - (b - c)²/n)/n``. Too narrow when b + c is small, and of width 0
    when b + c is 0: use `tango_interval`. Fagerland et al. 2014, Statistics in Medicine 33:2850.
    """
    z = normal_quantile(level)
    b, c, n = _check_discordant(b, c, n)
    if n == 0:
        return NOT_DEFINED
    difference = (b - c) / n
    half = z * math.sqrt(max(0.0, b + c - (b - c) ** 2 / n)) / n
    return Interval(estimate=difference, low=difference - half, high=difference + half)


def tango_interval(b: int, c: int, n: int, *, level: float = 0.95) -> Interval:
    """Tango's score interval of a difference of paired proportions, first minus second.

    Parameters
    ----------
    b
        Pairs that only the first got right
    c
        Pairs that only the second got right
    n
        All pairs; 0 gives NaN
    level
        Confidence level

    Notes
    -----
    All d with ``|b - c - n·d| <= z·sqrt(n(2q + d(1 - d)))``, where q is the share of c-pairs most
    likely under d: the larger root of ``2n·q² + (-b - c + (2n - b + c)d)·q - c·d(1 - d) = 0``.
    Tango 1998, Statistics in Medicine 17:891. Has a width even when b + c is 0: ±z²/(n + z²).
    """
    z = normal_quantile(level)
    b, c, n = _check_discordant(b, c, n)
    if n == 0:
        return NOT_DEFINED

    def score(d: float) -> float:
        linear = -b - c + (2 * n - b + c) * d
        root = math.sqrt(max(0.0, linear * linear + 8 * n * c * d * (1 - d)))
        variance = n * ((root - linear) / (2 * n) + d * (1 - d))
        distance = b - c - n * d
        if variance <= 0:
            return math.copysign(math.inf, distance) if distance else 0.0
        return distance / math.sqrt(variance)

    difference = (b - c) / n
    low = _crossing(lambda d: score(d) > z, -1.0, difference)
    high = _crossing(lambda d: score(d) > -z, difference, 1.0)
    return Interval(estimate=difference, low=low, high=high)


def newcombe_paired(a: int, b: int, c: int, d: int, *, level: float = 0.95) -> Interval:
    """Newcombe's square-and-add interval of a difference of paired proportions.

    Parameters
    ----------
    a
        Pairs that both got right
    b
        Pairs that only the first got right
    c
        Pairs that only the second got right
    d
        Pairs that both got wrong
    level
        Confidence level

    Notes
    -----
    Wilson limits of both proportions, joined with the correlation φ, corrected for continuity when
    positive. Method 10 of Newcombe 1998, Statistics in Medicine 17:2635.
    """
    a, b, c, d = (check_count(name, v) for name, v in zip("abcd", (a, b, c, d), strict=True))
    n = a + b + c + d
    if n == 0:
        check_level(level)
        return NOT_DEFINED
    first, second = wilson(a + b, n, level=level), wilson(a + c, n, level=level)
    cross = a * d - b * c
    spread = math.sqrt((a + b) * (c + d)) * math.sqrt((a + c) * (b + d))
    phi = 0.0
    if spread > 0 and (cross < 0 or cross > n / 2):
        phi = (cross - n / 2 if cross > 0 else cross) / spread
    down, up = first.estimate - first.low, first.high - first.estimate
    other_down, other_up = second.estimate - second.low, second.high - second.estimate
    difference = (b - c) / n
    below = math.sqrt(max(0.0, down**2 - 2 * phi * down * other_up + other_up**2))
    above = math.sqrt(max(0.0, up**2 - 2 * phi * up * other_down + other_down**2))
    return Interval(estimate=difference, low=difference - below, high=difference + above)


@dataclass(frozen=True, slots=True, kw_only=True)
class QuantileRanks:
    """Which order statistics bound a quantile."""

    low: int | None
    """1-based rank in rising order; None: too few values for a lower bound"""
    high: int | None
    """1-based rank in rising order; None: too few values for an upper bound"""
    coverage: float
    """Exact chance that the two order statistics hold the quantile between them"""


def quantile_ranks(n: int, q: float, *, level: float = 0.95) -> QuantileRanks:
    """Ranks of the order statistics that bound a quantile, whatever the distribution.

    Parameters
    ----------
    n
        Number of values, >= 1
    q
        Quantile, between 0 and 1: 0.95 for p95
    level
        Confidence level; the exact coverage is at least this when both ranks exist

    Notes
    -----
    Binomial(n, q) quantiles at both tails; David & Nagaraja 2003, section 7.1.
    """
    n = check_count("n", n, least=1)
    tail = (1 - check_level(level)) / 2
    if not 0 < q < 1:
        raise ValueError(f"Expected a quantile between 0 and 1; got {q}.")
    below = special.bdtr(np.arange(n + 1), n, q)
    low = int(np.searchsorted(below, tail * (1 - 1e-12)))
    high = int(np.searchsorted(below, (1 - tail) * (1 - 1e-12))) + 1
    reach = 1.0 if high > n else float(below[high - 1])
    missed = 0.0 if low < 1 else float(below[low - 1])
    return QuantileRanks(
        low=low if low >= 1 else None, high=high if high <= n else None, coverage=reach - missed
    )


def quantile_interval(values: ArrayLike, q: float, *, level: float = 0.95) -> Interval:
    """Interval of a quantile (a latency percentile) from order statistics.

    Parameters
    ----------
    values
        Measurements in any unit, shape (n,)
    q
        Quantile, between 0 and 1: 0.95 for p95
    level
        Confidence level

    Notes
    -----
    The estimate is NumPy's default (linear) quantile. A limit is NaN where `quantile_ranks` has no
    rank for it: a two-sided 95 % interval of p99 needs 368 values.
    """
    ordered = np.sort(finite("values", vector("values", values)))
    ranks = quantile_ranks(len(ordered), q, level=level)
    low = math.nan if ranks.low is None else float(ordered[ranks.low - 1])
    high = math.nan if ranks.high is None else float(ordered[ranks.high - 1])
    return Interval(estimate=float(np.quantile(ordered, q)), low=low, high=high)


def conformal_rank(n: int, *, level: float = 0.9) -> int | None:
    """Rank of the calibration score that bounds a split conformal set.

    Parameters
    ----------
    n
        Calibration examples, >= 0
    level
        Share of new examples whose label the set holds, at least

    Returns
    -------
    int or None
        1-based, in rising order of the scores. None: so few examples that only the set of all
        labels keeps the promise

    Notes
    -----
    ``⌈(n + 1)·level⌉``. Angelopoulos & Bates 2023, Foundations and Trends in ML 16:494.
    """
    n = check_count("n", n)
    rank = math.ceil((n + 1) * check_level(level) * (1 - 1e-12))
    return rank if rank <= n else None


def _check_share(k: int, n: int) -> tuple[int, int]:
    k, n = check_count("k", k), check_count("n", n)
    if k > n:
        raise ValueError(f"Expected k <= n; got k = {k}, n = {n}.")
    return k, n


def _check_discordant(b: int, c: int, n: int) -> tuple[int, int, int]:
    b, c, n = check_count("b", b), check_count("c", c), check_count("n", n)
    if b + c > n:
        raise ValueError(f"Expected b + c <= n; got b = {b}, c = {c}, n = {n}.")
    return b, c, n


def _crossing(above: Callable[[float], bool], low: float, high: float) -> float:
    """Bisect for the point where a falling condition turns false.

    The condition is judged inside (low, high); if it never changes there, the matching end is the
    answer.
    """
    for _ in range(100):
        middle = (low + high) / 2
        if above(middle):
            low = middle
        else:
            high = middle
    return (low + high) / 2
