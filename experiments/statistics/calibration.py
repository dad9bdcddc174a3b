"""Do predicted probabilities mean what they say? Probability first, label second throughout."""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from experiments.statistics.arrays import (
    FloatArray,
    IntArray,
    binary,
    check_count,
    check_size,
    probabilities,
)
from experiments.statistics.intervals import wilson
from experiments.statistics.probability import column_of

Scheme = Literal["width", "mass", "distinct"]


@dataclass(frozen=True, slots=True, kw_only=True)
class BrierDecomposition:
    """Murphy's parts of the Brier score: score = reliability - resolution + uncertainty."""

    score: float
    """the Brier score, 0 to 1"""
    reliability: float
    """miscalibration, 0 is best"""
    resolution: float
    """how far the forecasts tell cases apart, more is better"""
    uncertainty: float
    """variance of the outcome: what no forecast can change"""

    @property
    def skill(self) -> float:
        """Brier skill score against the base rate; NaN when only one class occurs."""
        return 1 - self.score / self.uncertainty if self.uncertainty > 0 else math.nan


def brier_decomposition(probability: ArrayLike, label: ArrayLike) -> BrierDecomposition:
    """Split the Brier score on the distinct forecast values, so that the parts add up exactly.

    Parameters
    ----------
    probability
        P(class 1), shape (n,), or two columns, shape (n, 2)
    label
        0 or 1, shape (n,)

    Notes
    -----
    ``REL = Σ n_k (p_k - ō_k)²/n``, ``RES = Σ n_k (ō_k - ō)²/n``, ``UNC = ō(1 - ō)``. Murphy 1973,
    Journal of Applied Meteorology 12:595. With continuous forecasts nearly every value is its own
    group: use `corp`.
    """
    chance, happened = event_of(probability, label)
    value, count, frequency, _ = by_forecast(chance, happened)
    base = float(happened.mean())
    share = count / len(chance)
    return BrierDecomposition(
        score=float(((chance - happened) ** 2).mean()),
        reliability=float(share @ (value - frequency) ** 2),
        resolution=float(share @ (frequency - base) ** 2),
        uncertainty=base * (1 - base),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Reliability:
    """A binned reliability diagram: the bins that hold examples, k of them."""

    count: IntArray
    """shape (k,), examples in the bin"""
    mean_probability: FloatArray
    """shape (k,), mean forecast of the bin"""
    frequency: FloatArray
    """shape (k,), share of events in the bin"""
    low: FloatArray
    """shape (k,), Wilson limit of the frequency"""
    high: FloatArray
    """shape (k,), Wilson limit of the frequency"""


def reliability(
    probability: ArrayLike,
    label: ArrayLike,
    *,
    n_bins: int = 15,
    scheme: Scheme = "width",
    level: float = 0.95,
) -> Reliability:
    """Compare the mean forecast with the frequency of the event, bin by bin.

    Parameters
    ----------
    probability
        As in `corp`, shape (n,) or (n, C)
    label
        As in `corp`, shape (n,)
    n_bins
        Bins, >= 1; ignored for "distinct"
    scheme
        "width": equal steps of probability, each (low, high], the first with 0; "mass": equal
        numbers of examples, equal forecasts together; "distinct": one bin per forecast value
    level
        Confidence level of the limits
    """
    chance, happened = event_of(probability, label)
    count, said, events = _bins(chance, happened, n_bins, scheme)
    limits = [wilson(round(k), int(n), level=level) for k, n in zip(events, count, strict=True)]
    return Reliability(
        count=count,
        mean_probability=said / count,
        frequency=events / count,
        low=np.array([limit.low for limit in limits]),
        high=np.array([limit.high for limit in limits]),
    )


def calibration_error(
    probability: ArrayLike,
    label: ArrayLike,
    *,
    n_bins: int = 15,
    norm: Literal["l1", "l2", "max"] = "l1",
    scheme: Scheme = "width",
    debiased: bool = False,
    class_wise: bool = False,
) -> float:
    """Binned calibration error (ECE): a description, not a measure to decide on.

    Parameters
    ----------
    probability
        P(class 1), shape (n,); two columns, shape (n, 2), mean the second; with more columns the
        highest probability and whether it was right (top label), unless `class_wise`
    label
        0 or 1, shape (n,); class numbers when there are more columns
    n_bins
        Bins, >= 1; ignored for "distinct"
    norm
        "l1": mean absolute gap (ECE); "l2": root of the mean squared gap; "max": largest gap (MCE)
    scheme
        "width", "mass" or "distinct", as in `reliability`
    debiased
        Subtract from each bin's squared gap what chance adds, a(1 - a)/(n_b - 1); "l2" only; bins
        of one example are left out and a negative sum counts as 0
    class_wise
        Mean over the columns of each class's own error

    Returns
    -------
    float
        0 to 1. Biased upwards when few examples fall in a bin: see `calibration_error_floor`

    Notes
    -----
    Guo et al. 2017; debiased as Bröcker 2012 and Kumar, Liang & Ma 2019.
    """
    if debiased and norm != "l2":
        raise ValueError(f"Expected norm 'l2' when debiased; got {norm!r}.")
    if norm not in {"l1", "l2", "max"}:
        raise ValueError(f"Expected norm 'l1', 'l2' or 'max'; got {norm!r}.")
    if class_wise:
        chance = probabilities(probability)
        if chance.ndim != 2:
            raise ValueError(f"Expected probability of shape (n, C); got shape {chance.shape}.")
        index = column_of(label, chance.shape[1], len(chance))
        columns = [(chance[:, c], (index == c).astype(float)) for c in range(chance.shape[1])]
    else:
        columns = [event_of(probability, label)]
    errors = []
    for chance, happened in columns:
        count, said, events = _bins(chance, happened, n_bins, scheme)
        errors.append(_norm(count, np.abs(events - said) / count, events / count, norm, debiased))
    return float(np.mean(errors))


def calibration_error_floor(
    probability: ArrayLike, *, n_bins: int = 15, scheme: Scheme = "width"
) -> float:
    """Return the ECE (l1) to expect by chance alone if the forecasts were calibrated.

    Parameters
    ----------
    probability
        P(class 1) or the probability of the top label, shape (n,)
    n_bins
        Bins, as in `calibration_error`
    scheme
        As in `calibration_error`

    Notes
    -----
    Normal approximation of each bin's gap: ``Σ_b (n_b/n)·sqrt(2·v_b/π)`` with
    ``v_b = Σ p(1 - p)/n_b²``. Show it beside the ECE: a calibrated model does not have 0.
    """
    chance = probabilities(probability)
    if chance.ndim != 1:
        raise ValueError(f"Expected probability of shape (n,); got shape {chance.shape}.")
    _, _, variance = _bins(chance, chance * (1 - chance), n_bins, scheme)
    return float(np.sqrt(2 * np.maximum(variance, 0) / math.pi).sum() / len(chance))


@dataclass(frozen=True, slots=True, kw_only=True)
class Spiegelhalter:
    """Spiegelhalter's test of calibration."""

    z: float
    p: float
    """two-sided"""


def spiegelhalter(probability: ArrayLike, label: ArrayLike) -> Spiegelhalter:
    """Test whether the Brier score is what calibrated forecasts would get.

    Parameters
    ----------
    probability
        P(class 1), shape (n,)
    label
        0 or 1, shape (n,)

    Notes
    -----
    ``z = Σ (y - p)(1 - 2p) / sqrt(Σ (1 - 2p)² p(1 - p))``. Spiegelhalter 1986, Statistics in
    Medicine 5:421. NaN when every forecast is 0, ½ or 1: the variance is 0.
    """
    chance, happened = event_of(probability, label)
    tilt = 1 - 2 * chance
    variance = float((tilt**2 * chance * (1 - chance)).sum())
    if variance <= 0:
        return Spiegelhalter(z=math.nan, p=math.nan)
    z = float(((happened - chance) * tilt).sum()) / math.sqrt(variance)
    return Spiegelhalter(z=z, p=2 * float(special.ndtr(-abs(z))))


def event_of(probability: ArrayLike, label: ArrayLike) -> tuple[FloatArray, FloatArray]:
    """Return the probability of one event per example and whether it happened, 0 or 1."""
    chance = probabilities(probability)
    if chance.ndim == 1:
        happened = binary(label)
        check_size("label", happened, len(chance))
        return chance, happened.astype(np.float64)
    index = column_of(label, chance.shape[1], len(chance))
    if chance.shape[1] == 2:
        return chance[:, 1], index.astype(np.float64)
    return chance.max(axis=1), (chance.argmax(axis=1) == index).astype(np.float64)


def by_forecast(
    chance: FloatArray, happened: FloatArray
) -> tuple[FloatArray, IntArray, FloatArray, IntArray]:
    """Return distinct forecasts, their counts, their event frequencies, and each example's."""
    if _is_rising(chance):
        starts = np.flatnonzero(np.diff(chance, prepend=-1.0))
        count = np.diff(starts, append=len(chance))
        value, index = chance[starts], np.repeat(np.arange(len(starts)), count)
    else:
        value, index, count = np.unique(chance, return_inverse=True, return_counts=True)
    return value, count, np.bincount(index, happened) / count, index


def _bins(
    chance: FloatArray, happened: FloatArray, n_bins: int, scheme: Scheme
) -> tuple[IntArray, FloatArray, FloatArray]:
    """Return count, sum of forecasts and sum of events of each bin that holds examples."""
    n_bins = check_count("n_bins", n_bins, least=1)
    if scheme == "distinct":
        edges = np.unique(chance)[:-1]
    elif scheme == "mass":
        edges = np.unique(_quantiles(chance, np.linspace(0, 1, n_bins + 1)[1:-1]))
    elif scheme == "width":
        edges = np.linspace(0, 1, n_bins + 1)[1:-1]
    else:
        raise ValueError(f"Expected scheme 'width', 'mass' or 'distinct'; got {scheme!r}.")
    if _is_rising(chance):  # then a bin is a piece: no example needs to be looked up
        ends = np.append(np.searchsorted(chance, edges, side="right"), len(chance))
        count = np.diff(ends, prepend=0)
        starts = (ends - count)[count > 0]
        said, events = (np.add.reduceat(weight, starts) for weight in (chance, happened))
        return count[count > 0], said, events
    index = np.searchsorted(edges, chance, side="left")
    size = len(edges) + 1
    count = np.bincount(index, minlength=size)
    held = count > 0
    said, events = (
        np.bincount(index, weight, size).astype(np.float64) for weight in (chance, happened)
    )
    return count[held], said[held], events[held]


def _is_rising(values: FloatArray) -> bool:
    return bool((values[1:] >= values[:-1]).all())


def _quantiles(values: FloatArray, shares: FloatArray) -> FloatArray:
    """Return quantiles as `numpy.quantile` has them, of rising values without sorting again."""
    if not _is_rising(values):
        return np.quantile(values, shares)
    at = shares * (len(values) - 1)
    below = at.astype(np.int64)
    above = np.minimum(below + 1, len(values) - 1)
    return values[below] + (values[above] - values[below]) * (at - below)


def _norm(
    count: IntArray, gap: FloatArray, frequency: FloatArray, norm: str, debiased: bool
) -> float:
    share = count / count.sum()
    if norm == "max":
        return float(gap.max())
    if norm == "l1":
        return float(share @ gap)
    if not debiased:
        return math.sqrt(share @ gap**2)
    use = count > 1
    chance = frequency[use] * (1 - frequency[use]) / (count[use] - 1)
    return math.sqrt(max(0.0, float(share[use] @ (gap[use] ** 2 - chance))))
