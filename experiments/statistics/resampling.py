"""Resampling: bootstrap intervals, the jackknife, and the optimism of picking the best of many."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from experiments.statistics.arrays import (
    FloatArray,
    check_count,
    check_level,
    check_size,
    finite,
    group_index,
    matrix,
)
from experiments.statistics.intervals import Interval

GENERATOR = "PCG64"
"""NumPy's bit generator behind every random number here."""
MOST_LEFT_OUT = 1000
"""Up to here the jackknife leaves out one example at a time, beyond it one of 200 blocks."""
BLOCKS = 200

Statistic = Callable[..., float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bootstrap(Interval):
    """A bootstrap interval with what it takes to repeat it."""

    se: float
    """standard deviation of the resampled statistics"""
    bias: float
    """their mean minus the estimate"""
    method: str
    resamples: int
    """resamples on which the statistic was defined"""
    seed: int
    generator: str


def bootstrap(
    data: ArrayLike | tuple[ArrayLike, ...],
    statistic: Statistic,
    *,
    level: float = 0.95,
    resamples: int = 10_000,
    method: Literal["bca", "percentile", "basic"] = "bca",
    group: ArrayLike | None = None,
    influence: ArrayLike | None = None,
    seed: int = 0,
) -> Bootstrap:
    """Bootstrap interval of any statistic of examples.

    Parameters
    ----------
    data
        One array of n examples, or a tuple of arrays that are resampled together (paired)
    statistic
        Called with the resampled arrays; NaN where it is not defined: such resamples are left out
    level
        Confidence level
    resamples
        Resamples: 2,000 for a screen, 10,000 for a record
    method
        "bca" (bias-corrected and accelerated), "percentile" or "basic"
    group
        Which examples belong together, shape (n,): whole groups are drawn
    influence
        Influence values, shape (n,), for the acceleration of "bca"; without them the jackknife
    seed
        Seed of NumPy's PCG64

    Returns
    -------
    Bootstrap
        NaN limits when the statistic is not defined, or on fewer than two resamples; width 0 when
        all resamples agree. Never resample three seeds: see `seeds_and_examples`

    Notes
    -----
    Efron & Tibshirani 1993, chapters 13 and 14; DiCiccio & Efron 1996. BCa limits are the
    quantiles at ``Φ(z0 + (z0 + z)/(1 - a(z0 + z)))`` with acceleration ``a = Σψ³/(6(Σψ²)^1.5)``.
    """
    tail = (1 - check_level(level)) / 2
    arrays = tuple(np.asarray(part) for part in (data if isinstance(data, tuple) else (data,)))
    for array in arrays:
        check_size("data", array, len(arrays[0]))
    if method not in {"bca", "percentile", "basic"}:
        raise ValueError(f"Expected method 'bca', 'percentile' or 'basic'; got {method!r}.")
    units = Units.of(len(arrays[0]), group)
    estimate = float(statistic(*arrays))
    rng = np.random.Generator(np.random.PCG64(seed))
    drawn = np.empty(check_count("resamples", resamples, least=1))
    for i in range(len(drawn)):
        rows = units.draw(rng)
        drawn[i] = statistic(*(array[rows] for array in arrays))
    drawn = drawn[~np.isnan(drawn)]
    low = high = se = bias = math.nan
    if len(drawn) > 1 and not math.isnan(estimate):
        se, bias = float(drawn.std(ddof=1)), float(drawn.mean()) - estimate
        shares = (tail, 1 - tail)
        if method == "bca":
            psi = units.sums(influence) if influence is not None else None
            psi = _jackknife(arrays, statistic, units) if psi is None else psi
            shares = _bca_shares(drawn, estimate, psi, tail)
        low, high = (float(limit) for limit in np.quantile(drawn, shares))
        if method == "basic":
            low, high = 2 * estimate - high, 2 * estimate - low
    return Bootstrap(
        estimate=estimate,
        low=low,
        high=high,
        se=se,
        bias=bias,
        method=method,
        resamples=len(drawn),
        seed=seed,
        generator=GENERATOR,
    )


def jackknife_se(data: ArrayLike | tuple[ArrayLike, ...], statistic: Statistic) -> float:
    """Jackknife standard error of a statistic of n examples; NaN for one example.

    Parameters
    ----------
    data
        One array of n examples, or a tuple of arrays that belong together
    statistic
        Called with the arrays less one example, n times

    Notes
    -----
    ``sqrt((n - 1)/n · Σ(θ_(i) - mean θ)²)``. Tukey 1958; Efron & Tibshirani 1993, chapter 11.
    """
    arrays = tuple(np.asarray(part) for part in (data if isinstance(data, tuple) else (data,)))
    n = len(arrays[0])
    for array in arrays:
        check_size("data", array, n)
    if n < 2:
        return math.nan
    left_out = np.array(
        [float(statistic(*(np.delete(array, i, axis=0) for array in arrays))) for i in range(n)]
    )
    return math.sqrt((n - 1) / n * float(((left_out - left_out.mean()) ** 2).sum()))


@dataclass(frozen=True, slots=True, kw_only=True)
class SelectionOptimism(Interval):
    """What picking the best of many on one test set is worth.

    The estimate and its interval are of the winner's value without the optimism.
    """

    winner: int
    """column that is best on all examples"""
    apparent: float
    """the winner's value on the examples that chose it"""
    optimism: float
    """how much too good that looks, >= 0 but for resampling noise, in the metric's unit"""
    win_share: FloatArray
    """shape (k,), share of resamples that each column wins"""
    resamples: int
    seed: int


def selection_optimism(
    contributions: ArrayLike,
    *,
    goal: Literal["max", "min"] = "max",
    group: ArrayLike | None = None,
    level: float = 0.95,
    resamples: int = 500,
    seed: int = 0,
) -> SelectionOptimism:
    """Remove the optimism from the value of the best of many models.

    Parameters
    ----------
    contributions
        What each example adds to each model's metric, shape (n, k): hits, losses, or estimate plus
        influence (`contributions` transposed)
    goal
        Whether the largest or the smallest mean wins
    group
        Which examples belong together, shape (n,): whole groups are drawn
    level
        Confidence level of the percentile interval
    resamples
        At least 200
    seed
        Seed of NumPy's PCG64

    Returns
    -------
    SelectionOptimism
        One model has no optimism. NaN with a single example or group

    Notes
    -----
    Bootstrap bias-corrected selection: in each resample the winner on the drawn examples is scored
    on those not drawn; the mean is the estimate. Tsamardinos, Greasidou & Borboudakis 2018, Machine
    Learning 107:1895.
    """
    tail = (1 - check_level(level)) / 2
    values = finite("contributions", matrix("contributions", contributions))
    signed = values if goal == "max" else -values
    means = signed.mean(axis=0)
    winner = int(means.argmax())
    columns = np.ascontiguousarray(signed.T)
    units = Units.of(len(values), group)
    rng = np.random.Generator(np.random.PCG64(seed))
    total, wins, scores = signed.sum(axis=0), np.zeros(values.shape[1]), []
    for _ in range(check_count("resamples", resamples, least=1)):
        count = np.bincount(units.draw(rng), minlength=len(values)).astype(np.float64)
        best = int((columns @ count).argmax())
        wins[best] += 1
        outside = count == 0
        left = int(outside.sum())
        if left:
            scores.append(float(columns[best][outside].sum()) / left)
    sign = 1.0 if goal == "max" else -1.0
    apparent = float(total[winner]) / len(values)
    estimate, low, high = math.nan, math.nan, math.nan
    if scores:
        estimate = float(np.mean(scores)) if values.shape[1] > 1 else apparent
        low, high = (float(limit) for limit in np.quantile(scores, [tail, 1 - tail]))
    low, high = (low, high) if goal == "max" else (-high, -low)
    return SelectionOptimism(
        estimate=sign * estimate,
        low=low,
        high=high,
        winner=winner,
        apparent=sign * apparent,
        optimism=apparent - estimate,
        win_share=wins / wins.sum(),
        resamples=len(scores),
        seed=seed,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Units:
    """What is drawn: examples, or whole groups of them."""

    n: int
    index: NDArray[np.int64] | None
    rows: tuple[NDArray[np.int64], ...]

    @classmethod
    def of(cls, n: int, group: ArrayLike | None) -> "Units":
        """Collect the rows of each group; without groups each example is its own."""
        if group is None:
            return cls(n=n, index=None, rows=())
        index, size = group_index(group, n)
        order = np.argsort(index, kind="stable")
        edges = np.cumsum(np.bincount(index, minlength=size))[:-1]
        return cls(n=n, index=index, rows=tuple(np.split(order, edges)))

    def draw(self, rng: np.random.Generator) -> NDArray[np.int64]:
        """Draw as many units as there are, with replacement, and return their rows."""
        if self.index is None:
            return rng.integers(0, self.n, self.n)
        chosen = rng.integers(0, len(self.rows), len(self.rows))
        return np.concatenate([self.rows[i] for i in chosen])

    def sums(self, influence: ArrayLike) -> FloatArray:
        """Add up influence values inside each unit."""
        psi = np.asarray(influence, dtype=np.float64)
        check_size("influence", psi, self.n)
        if self.index is None:
            return psi
        return np.bincount(self.index, psi, len(self.rows)).astype(np.float64)

    def blocks(self) -> list[NDArray[np.int64]]:
        """Return the rows that the jackknife leaves out, one set at a time."""
        if self.index is not None:
            return list(self.rows)
        if self.n <= MOST_LEFT_OUT:
            return list(np.arange(self.n)[:, None])
        return [np.arange(start, self.n, BLOCKS) for start in range(BLOCKS)]


def _jackknife(arrays: tuple[np.ndarray, ...], statistic: Statistic, units: Units) -> FloatArray:
    left_out = np.array(
        [
            statistic(*(np.delete(array, block, axis=0) for array in arrays))
            for block in units.blocks()
        ]
    )
    left_out = left_out[~np.isnan(left_out)]
    return left_out.mean() - left_out if len(left_out) else np.zeros(1)


def _bca_shares(
    drawn: FloatArray, estimate: float, psi: FloatArray, tail: float
) -> tuple[float, float]:
    # A statistic on a grid ties with the estimate; half of the ties count as below.
    below = float((drawn < estimate).mean() + (drawn == estimate).mean() / 2)
    shift = float(special.ndtri(np.clip(below, 1 / (2 * len(drawn)), 1 - 1 / (2 * len(drawn)))))
    power = float((psi**2).sum()) ** 1.5
    acceleration = float((psi**3).sum()) / (6 * power) if power > 0 else 0.0
    low, high = (
        shift + (shift + z) / (1 - acceleration * (shift + z))
        for z in (float(special.ndtri(tail)), float(special.ndtri(1 - tail)))
    )
    return float(special.ndtr(low)), float(special.ndtr(high))
