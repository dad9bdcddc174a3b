"""Many comparisons at once: simultaneous intervals, who could be best, adjusted p-values."""

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from experiments.statistics.arrays import (
    BoolArray,
    FloatArray,
    check_count,
    check_level,
    check_size,
    finite,
    matrix,
    vector,
)
from experiments.statistics.intervals import Interval, t_quantile

DRAWS = 100_000
"""Normal draws behind a simultaneous critical value: good to about 0.01."""
_MOST_KEPT = 2_000_000
"""Normal numbers drawn at once."""


def max_t_critical(
    correlation: ArrayLike,
    *,
    level: float = 0.95,
    df: float = math.inf,
    one_sided: bool = False,
    unseen: int = 0,
    draws: int = DRAWS,
    seed: int = 0,
) -> float:
    """Critical value that all of several correlated t-statistics stay below together.

    Parameters
    ----------
    correlation
        Of the compared estimates, shape (k, k), k >= 1
    level
        Chance that none of them exceeds the value
    df
        Degrees of freedom of the common t distribution; infinite: normal
    one_sided
        Bound Z instead of |Z|
    unseen
        Further comparisons whose correlation is not known; they count as independent, which never
        makes the value too small (Šidák 1967)
    draws
        Random draws; the value is exact, without draws, for a single comparison
    seed
        Seed of NumPy's PCG64

    Notes
    -----
    The `level` quantile of ``max |Z_i|`` with Z ~ N(0, R), over ``sqrt(χ²_df/df)`` for finite df:
    Dunnett 1955 for any correlation; Hothorn, Bretz & Westfall 2008, Biometrical Journal 50:346.
    """
    check_level(level)
    table = finite("correlation", matrix("correlation", correlation))
    k, unseen = len(table), check_count("unseen", unseen)
    if table.shape != (k, k) or not np.allclose(np.diag(table), 1, atol=1e-6):
        raise ValueError(f"Expected a correlation matrix; got shape {table.shape}.")
    if k == 1 and unseen == 0:
        return t_quantile(2 * level - 1 if one_sided else level, df)
    rng = np.random.Generator(np.random.PCG64(seed))
    largest = np.empty(check_count("draws", draws, least=1))
    # In pieces: hundreds of candidates would fill the memory.
    size = max(1, _MOST_KEPT // k)
    for start in range(0, draws, size):
        drawn = _correlated(table, min(size, draws - start), seed, start)
        if not one_sided:
            np.abs(drawn, out=drawn)
        # Column by column: a maximum along short rows is three times as slow.
        part = largest[start : start + size]
        part[:] = drawn[:, 0]
        for column in range(1, k):
            np.maximum(part, drawn[:, column], out=part)
    if unseen:
        share = rng.random(draws) ** (1 / unseen)
        other = special.ndtri(share if one_sided else (1 + share) / 2)
        largest = np.maximum(largest, other)
    if not math.isinf(df):
        largest /= np.sqrt(rng.chisquare(df, draws) / df)
    return float(np.quantile(largest, level))


@dataclass(frozen=True, slots=True, kw_only=True)
class MaxT:
    """Simultaneous intervals: all of them hold together at the level."""

    critical: float
    """how many standard errors each interval reaches to either side"""
    intervals: tuple[Interval, ...]
    """one per comparison, in order"""


def max_t_intervals(
    estimates: ArrayLike,
    covariance: ArrayLike,
    *,
    control: int = 0,
    contrasts: ArrayLike | None = None,
    level: float = 0.95,
    df: float = math.inf,
    unseen: int = 0,
    draws: int = DRAWS,
    seed: int = 0,
) -> MaxT:
    """Intervals of every candidate minus the control, corrected for their number.

    Parameters
    ----------
    estimates
        One per model, shape (k,)
    covariance
        Of the estimates, shape (k, k): see `influence_covariance`
    control
        Position of the model that the others are compared with
    contrasts
        Other comparisons instead, one per row, shape (r, k)
    level
        Chance that all intervals hold together
    df
        Degrees of freedom of the standard errors
    unseen
        Candidates that were looked at as well but are not among the estimates
    draws
        As in `max_t_critical`
    seed
        As in `max_t_critical`

    Returns
    -------
    MaxT
        k - 1 intervals in the order of the estimates, the control left out; or r. A comparison
        without variance has width 0 and plays no part in the correction

    Notes
    -----
    ``L·θ ± c·sqrt(diag(L·Σ·Lᵀ))`` with c of `max_t_critical`.
    """
    theta, sigma = _gains(estimates, covariance)
    if contrasts is None:
        rows = control_contrasts(len(theta), control)
    else:
        rows = matrix("contrasts", contrasts)
        check_size("contrasts' columns", rows.T, len(theta))
    spread, correlation = _correlation(rows @ sigma @ rows.T)
    critical = 0.0
    if len(correlation):
        critical = max_t_critical(
            correlation, level=level, df=df, unseen=unseen, draws=draws, seed=seed
        )
    intervals = tuple(
        Interval(estimate=float(d), low=float(d - critical * s), high=float(d + critical * s))
        for d, s in zip(rows @ theta, spread, strict=True)
    )
    return MaxT(critical=critical, intervals=intervals)


def control_contrasts(size: int, control: int) -> FloatArray:
    """Return one row per candidate, candidate minus control, shape (size - 1, size)."""
    if size < 2 or not 0 <= control < size:
        raise ValueError(f"Expected a control among two or more models; got {control} of {size}.")
    rows = np.delete(np.eye(size), control, axis=0)
    rows[:, control] = -1
    return rows


@dataclass(frozen=True, slots=True, kw_only=True)
class CouldBeBest:
    """Which models cannot be excluded as the best, with each one's interval against the best."""

    member: BoolArray
    """shape (k,), true where the model could be the best"""
    low: FloatArray
    """shape (k,), lower limit, <= 0, of the model minus the best of the others"""
    high: FloatArray
    """shape (k,), upper limit, >= 0"""


def could_be_best(
    estimates: ArrayLike,
    covariance: ArrayLike,
    *,
    goal: Literal["max", "min"] = "max",
    level: float = 0.95,
    draws: int = 20_000,
    seed: int = 0,
) -> CouldBeBest:
    """Find the models that the data cannot exclude as the best.

    Parameters
    ----------
    estimates
        One per model, shape (k,)
    covariance
        Of the estimates, shape (k, k)
    goal
        Whether the largest or the smallest is best; the limits of `CouldBeBest` are of better
        minus worse in either case
    level
        Chance that the set holds the truly best model
    draws
        Normal draws, shared by all models
    seed
        Seed of NumPy's PCG64

    Notes
    -----
    Constrained multiple comparisons with the best (Hsu 1984, Annals of Statistics 12:1136) with
    one-sided simultaneous critical values under the estimated covariance. Models that are equal
    without variance stay together.
    """
    theta, sigma = _gains(estimates, covariance, goal)
    k = len(theta)
    if k == 1:
        check_level(level)
        return CouldBeBest(member=np.ones(1, bool), low=np.zeros(1), high=np.zeros(1))
    gap = theta[:, None] - theta[None, :]
    variance = np.diag(sigma)
    spread2 = variance[:, None] + variance[None, :] - 2 * sigma
    spread = np.sqrt(np.where(spread2 > 1e-14 * variance.max(), spread2, 0.0))
    reach = spread * _best_critical(sigma, spread, level, draws, seed)[:, None]
    others = ~np.eye(k, dtype=bool)
    upper = np.where(others, gap + reach, math.inf).min(axis=1)
    member = upper >= 0
    low = np.zeros(k)
    for i in range(k):
        rivals = others[i] & member
        if rivals.any():
            low[i] = min(0.0, float((gap[i] - reach[i])[rivals].min()))
    return CouldBeBest(member=member, low=low, high=np.maximum(upper, 0.0))


def best_without_optimism(
    estimates: ArrayLike,
    covariance: ArrayLike,
    *,
    goal: Literal["max", "min"] = "max",
    draws: int = 20_000,
    seed: int = 0,
) -> float:
    """Return what the best of several models is worth without the optimism of having picked it.

    Parameters
    ----------
    estimates
        One per model, shape (k,)
    covariance
        Of the estimates, shape (k, k)
    goal
        Whether the largest or the smallest is best
    draws
        Normal draws
    seed
        Seed of NumPy's PCG64

    Notes
    -----
    The normal limit of `selection_optimism`: when a resample moves the estimates by Z, the examples
    it left out move them by -Z on average, so the winner J of ``θ + Z`` is worth
    ``mean(θ_J - Z_J)``. It needs no pass over the examples.
    """
    theta, sigma = _gains(estimates, covariance, goal)
    moved = _correlated(sigma, draws, seed)
    winner = (theta + moved).argmax(axis=1)
    value = float((theta[winner] - moved[np.arange(draws), winner]).mean())
    return value if goal == "max" else -value


def holm(p: ArrayLike) -> FloatArray:
    """Adjust p-values so that the chance of any false alarm stays below the level.

    Parameters
    ----------
    p
        p-values, shape (m,)

    Returns
    -------
    FloatArray
        shape (m,), adjusted p-values in the order given

    Notes
    -----
    Step-down: running maximum of ``(m - i + 1)·p_(i)``, at most 1. Holm 1979.
    """
    values, order = _sorted_p(p)
    m = len(values)
    adjusted = np.maximum.accumulate((m - np.arange(m)) * values[order])
    return _unsorted(np.minimum(adjusted, 1.0), order)


def benjamini_hochberg(p: ArrayLike) -> FloatArray:
    """Adjust p-values so that the expected share of false alarms among alarms stays bounded.

    Parameters
    ----------
    p
        p-values, shape (m,)

    Returns
    -------
    FloatArray
        shape (m,), adjusted p-values in the order given

    Notes
    -----
    Step-up: running minimum from the largest of ``m/i·p_(i)``, at most 1. Benjamini & Hochberg
    1995. For exploring; use `holm` where an alarm decides something.
    """
    values, order = _sorted_p(p)
    m = len(values)
    scaled = values[order] * (m / np.arange(1, m + 1))
    adjusted = np.minimum.accumulate(scaled[::-1])[::-1]
    return _unsorted(np.minimum(adjusted, 1.0), order)


def marginal_level(critical: float) -> float:
    """Return the level at which a single normal interval reaches `critical` standard errors."""
    return 2 * float(special.ndtr(critical)) - 1


def _sorted_p(p: ArrayLike) -> tuple[FloatArray, np.ndarray]:
    values = np.asarray(p, dtype=np.float64)
    if values.ndim != 1:
        raise ValueError(f"Expected p of shape (m,); got shape {values.shape}.")
    if not ((values >= 0) & (values <= 1)).all():
        raise ValueError("Expected p-values in [0, 1]; got others or NaN.")
    return values, np.argsort(values, kind="stable")


def _unsorted(adjusted: FloatArray, order: np.ndarray) -> FloatArray:
    out = np.empty(len(order))
    out[order] = adjusted
    return out


def _gains(
    estimates: ArrayLike, covariance: ArrayLike, goal: Literal["max", "min"] = "max"
) -> tuple[FloatArray, FloatArray]:
    """Return estimates turned so that more is better, and their covariance, both checked."""
    theta = finite("estimates", vector("estimates", estimates))
    sigma = finite("covariance", np.asarray(covariance, dtype=np.float64))
    if sigma.shape != (len(theta), len(theta)):
        raise ValueError(
            f"Expected covariance of shape {(len(theta), len(theta))}; got {sigma.shape}."
        )
    return theta if goal == "max" else -theta, sigma


def _correlation(covariance: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return standard errors of all rows and the correlation of those that have one."""
    variance = np.diag(covariance).copy()
    variance[variance <= 1e-14 * max(variance.max(), 0.0)] = 0.0
    spread = np.sqrt(variance)
    held = np.flatnonzero(spread > 0)
    scale = spread[held]
    correlation = covariance[np.ix_(held, held)] / np.outer(scale, scale)
    np.fill_diagonal(correlation, 1.0)
    return spread, correlation


def _best_critical(
    sigma: FloatArray, spread: FloatArray, level: float, draws: int, seed: int
) -> FloatArray:
    """Return each model's one-sided critical value against all others, from the same draws."""
    drawn = _correlated(sigma, check_count("draws", draws, least=1), seed)
    drawn = np.ascontiguousarray(drawn.T)
    critical = np.zeros(len(sigma))
    for i, row in enumerate(spread):
        rivals = np.flatnonzero(row > 0)
        if len(rivals):
            largest = ((drawn[i] - drawn[rivals]) / row[rivals, None]).max(axis=0)
            critical[i] = np.quantile(largest, check_level(level))
    return critical


def _correlated(covariance: FloatArray, draws: int, seed: int, part: int = 0) -> FloatArray:
    """Draw from N(0, covariance), which may be singular, shape (draws, k)."""
    value, direction = np.linalg.eigh((covariance + covariance.T) / 2)
    root = direction * np.sqrt(np.clip(value, 0.0, None))
    return _normals(seed, part, draws, len(value)) @ root.T


@lru_cache(maxsize=4)
def _normals(seed: int, part: int, rows: int, columns: int) -> FloatArray:
    """Return standard normal numbers; kept, because every metric of a table needs the same."""
    rng = np.random.Generator(np.random.PCG64([seed, part]))
    drawn = rng.standard_normal((rows, columns))
    drawn.flags.writeable = False
    return drawn
