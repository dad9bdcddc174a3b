"""Reliability curves without bins, by isotonic regression (CORP)."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from experiments.statistics.arrays import FloatArray, IntArray, check_level, probabilities
from experiments.statistics.calibration import by_forecast, event_of
from experiments.statistics.probability import CLIP

_SHORT = 5_000
"""Values up to which our own isotonic regression is used."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Corp:
    """CORP reliability curve and the parts of the score: score = mcb - dsc + unc."""

    score: float
    """mean score of the forecasts"""
    miscalibration: float
    """MCB: what recalibration would save, >= 0"""
    discrimination: float
    """DSC: what the recalibrated forecasts save over the base rate, >= 0"""
    uncertainty: float
    """UNC: score of the base rate"""
    forecast: FloatArray
    """shape (k,), distinct forecasts, rising"""
    recalibrated: FloatArray
    """shape (k,), event frequency at each forecast by isotonic regression: the curve"""
    count: IntArray
    """shape (k,), examples with each forecast"""

    @property
    def mcb(self) -> float:
        """Miscalibration, under the paper's name."""
        return self.miscalibration

    @property
    def dsc(self) -> float:
        """Discrimination, under the paper's name."""
        return self.discrimination

    @property
    def unc(self) -> float:
        """Uncertainty, under the paper's name."""
        return self.uncertainty


def corp(
    probability: ArrayLike, label: ArrayLike, *, score: Literal["brier", "log"] = "brier"
) -> Corp:
    """Fit the reliability curve without bins, and split the score by it.

    Parameters
    ----------
    probability
        P(class 1), shape (n,); two columns, shape (n, 2), mean the second; with more columns the
        highest probability and whether it was right
    label
        0 or 1, shape (n,); class numbers when there are more columns
    score
        Brier score, or log loss in nats with probabilities kept 1e-7 from 0 and 1

    Notes
    -----
    Pool-adjacent-violators on the distinct forecasts. Dimitriadis, Gneiting & Jordan 2021, PNAS
    118(8). With one class MCB is the whole score and DSC = UNC = 0.
    """
    chance, happened = event_of(probability, label)
    value, count, frequency, index = by_forecast(chance, happened)
    fitted = _isotonic(frequency, count.astype(np.float64))
    base = np.full(len(chance), happened.mean())
    if score not in {"brier", "log"}:
        raise ValueError(f"Expected score 'brier' or 'log'; got {score!r}.")
    measure = _mean_brier if score == "brier" else _mean_log
    raw, best, flat = (measure(p, happened) for p in (chance, fitted[index], base))
    return Corp(
        score=raw,
        miscalibration=raw - best,
        discrimination=flat - best,
        uncertainty=flat,
        forecast=value,
        recalibrated=fitted,
        count=count,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class CorpBand:
    """Where the CORP curve would lie by chance if the forecasts were calibrated."""

    forecast: FloatArray
    """shape (k,), distinct forecasts, rising"""
    low: FloatArray
    """shape (k,)"""
    high: FloatArray
    """shape (k,)"""


def corp_band(
    probability: ArrayLike, *, level: float = 0.95, resamples: int = 200, seed: int = 0
) -> CorpBand:
    """Return the pointwise consistency band of the CORP curve.

    Parameters
    ----------
    probability
        P(class 1), shape (n,)
    level
        Share of calibrated curves inside the band at each forecast
    resamples
        Outcomes drawn from the forecasts
    seed
        Seed of NumPy's PCG64

    Notes
    -----
    Outcomes drawn as Bernoulli(p), fitted again, quantiles at each distinct forecast. Dimitriadis
    et al. 2021, section "Uncertainty quantification".
    """
    tail = (1 - check_level(level)) / 2
    chance = probabilities(probability)
    if chance.ndim != 1:
        raise ValueError(f"Expected probability of shape (n,); got shape {chance.shape}.")
    value, count = np.unique(chance, return_counts=True)
    rng = np.random.Generator(np.random.PCG64(seed))
    drawn = rng.binomial(count, value, size=(resamples, len(value))) / count
    curves = np.stack([_isotonic(row, count.astype(np.float64)) for row in drawn])
    low, high = np.quantile(curves, [tail, 1 - tail], axis=0)
    return CorpBand(forecast=value, low=low, high=high)


def _isotonic(frequency: FloatArray, weight: FloatArray) -> FloatArray:
    """Pool adjacent violators: the nearest rising curve, by weighted squares.

    Our own for short curves: to import SciPy's takes a second, on the page that shows one.
    """
    if len(frequency) > _SHORT:
        from scipy.optimize import isotonic_regression

        return np.asarray(isotonic_regression(frequency, weights=weight).x)
    values: list[float] = []
    weights: list[float] = []
    sizes: list[int] = []
    for first, heavy in zip(frequency.tolist(), weight.tolist(), strict=True):
        level, total, size = first, heavy, 1
        while values and values[-1] >= level:
            below, other = values.pop(), weights.pop()
            level = (level * total + below * other) / (total + other)
            total += other
            size += sizes.pop()
        values.append(level)
        weights.append(total)
        sizes.append(size)
    return np.repeat(values, sizes)


def _mean_brier(chance: FloatArray, happened: FloatArray) -> float:
    return float(((chance - happened) ** 2).mean())


def _mean_log(chance: FloatArray, happened: FloatArray) -> float:
    own = np.where(happened == 1, chance, 1 - chance)
    return float(-np.log(np.maximum(own, CLIP)).mean())
