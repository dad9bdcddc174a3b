"""Confidence bands of ROC and precision-recall curves, and the point at which a model is used."""

import math
from dataclasses import dataclass

import numpy as np

from experiments.evaluating.evaluation import FloatArray, PrecisionRecallCurve, RocCurve, thinned

_VERTICES = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    """Where a curve may lie: limits at each of k places, for each place alone."""

    x: FloatArray
    """shape (k,), rising"""
    low: FloatArray
    high: FloatArray
    """shape (k,)"""


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatingPoint:
    """A curve at one threshold."""

    threshold: float
    x: float
    y: float


def roc_band(curve: RocCurve, num_positive: int, num_negative: int, *, level: float = 0.95) -> Band:
    """Return the band of a ROC curve, for each threshold alone.

    Notes
    -----
    At each threshold both rates have Wilson limits, of a level whose square is `level`, so that the
    rectangle holds both rates at once; the band is what the rectangles cover.
    """
    keep = thinned(curve.false_positive_rate, curve.true_positive_rate)
    each = math.sqrt(level)
    tpr = _limits(curve.true_positive_rate[keep], num_positive, each)
    fpr = _limits(curve.false_positive_rate[keep], num_negative, each)
    grid = np.linspace(0, 1, _VERTICES + 1)
    # The upper edge joins the upper left corners, the lower edge the lower right ones.
    left, right = (np.maximum.accumulate(limit) for limit in fpr)
    last = np.append(left[1:] > left[:-1], True)
    first = np.append(True, right[1:] > right[:-1])
    high = np.interp(grid, left[last], tpr[1][last])
    low = np.interp(grid, right[first], tpr[0][first], left=0.0)
    return Band(x=grid, low=low, high=np.maximum(high, low))


def precision_band(curve: PrecisionRecallCurve, num_positive: int, *, level: float = 0.95) -> Band:
    """Return Wilson limits of the precision at each recall, for each threshold alone."""
    keep = thinned(curve.recall, curve.precision, _VERTICES)
    keep = keep[keep > 0]
    hits = curve.recall[keep] * num_positive
    called = np.divide(hits, curve.precision[keep], where=curve.precision[keep] > 0,
                       out=np.ones(len(keep)))  # fmt: skip
    low, high = _wilson(hits, np.maximum(called, hits), level)
    return Band(x=curve.recall[keep], low=low, high=high)


def operating_point(curve: RocCurve | PrecisionRecallCurve, threshold: float) -> OperatingPoint:
    """Return where on a curve a model stands that calls positive what reaches the threshold."""
    # Thresholds fall: the last that is not below the wanted one.
    place = int(np.searchsorted(-curve.threshold, -threshold, side="right")) - 1
    place = max(0, place)
    if isinstance(curve, RocCurve):
        x, y = curve.false_positive_rate[place], curve.true_positive_rate[place]
    else:
        x, y = curve.recall[place], curve.precision[place]
    return OperatingPoint(threshold=threshold, x=float(x), y=float(y))


def _limits(rate: FloatArray, count: int, level: float) -> tuple[FloatArray, FloatArray]:
    return _wilson(rate * count, np.full(len(rate), float(count)), level)


def _wilson(hits: FloatArray, count: FloatArray, level: float) -> tuple[FloatArray, FloatArray]:
    """Return the Wilson limits of many shares; counts may be fractions after thinning."""
    z = _quantile(level)
    share = hits / count
    middle = (share + z * z / (2 * count)) / (1 + z * z / count)
    half = z / (1 + z * z / count) * np.sqrt(share * (1 - share) / count + (z / (2 * count)) ** 2)
    return np.clip(middle - half, 0, 1), np.clip(middle + half, 0, 1)


def _quantile(level: float) -> float:
    from scipy import special

    return float(special.ndtri(0.5 + level / 2))
