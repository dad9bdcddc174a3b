"""Ranking metrics: how well scores put positives above negatives. Equal scores tie exactly."""

import math
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from experiments.statistics.arrays import (
    BoolArray,
    FloatArray,
    IntArray,
    binary,
    check_level,
    class_index,
    matrix,
    vector,
)
from experiments.statistics.intervals import Interval, normal_quantile


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranks:
    """One score column in falling order, equal scores grouped; one sort serves every metric.

    n examples, m positives, g distinct scores.
    """

    order: IntArray
    """shape (n,), positions of the examples from the highest score to the lowest"""
    positive: BoolArray
    """shape (n,), labels in that order"""
    size: IntArray
    """shape (g,), examples in each group of equal scores"""
    above: FloatArray
    """shape (g,), positives up to and with the group"""
    below: FloatArray
    """shape (g,), negatives up to and with the group"""
    value: FloatArray
    """shape (g,), the distinct scores, falling"""

    @property
    def num_positive(self) -> float:
        """Positives among all examples."""
        return float(self.above[-1])

    @property
    def num_negative(self) -> float:
        """Negatives among all examples."""
        return float(self.below[-1])

    def spread(self, if_positive: FloatArray, if_negative: FloatArray) -> FloatArray:
        """Hand each example its group's value, shape (n,), in the order of the caller's arrays."""
        if len(self.size) < len(self.order):
            if_positive = np.repeat(if_positive, self.size)
            if_negative = np.repeat(if_negative, self.size)
        out = np.empty(len(self.order))
        out[self.order] = np.where(self.positive, if_positive, if_negative)
        return out


def rank(positive: BoolArray, score: FloatArray) -> Ranks:
    """Sort scores of shape (n,) once, falling, with equal scores grouped."""
    order = np.argsort(score)[::-1]
    ordered, label = score[order], positive[order]
    above = np.cumsum(label, dtype=np.int32)
    is_last = ordered[1:] != ordered[:-1]
    if is_last.all():  # no two are equal: each is a group of its own
        last = np.arange(len(ordered))
        size = np.ones(len(ordered), np.int64)
    else:
        last = np.append(np.flatnonzero(is_last), len(ordered) - 1)
        size = np.diff(last, prepend=-1)
        above, ordered = above[last], ordered[last]
    return Ranks(
        order=order,
        positive=label,
        size=size,
        above=above.astype(np.float64),
        below=(last + 1 - above).astype(np.float64),
        value=ordered,
    )


def auc_placements(ranks: Ranks) -> tuple[float, FloatArray, FloatArray]:
    """Return the AUC and per group DeLong's placements of its positives and of its negatives.

    A positive's placement is the share of negatives below it, a negative's the share of positives
    above it, ties counted half. NaN when a class is absent.
    """
    m, k = ranks.num_positive, ranks.num_negative
    if m == 0 or k == 0:
        nothing = np.full(len(ranks.size), math.nan)
        return math.nan, nothing, nothing
    positives = np.diff(ranks.above, prepend=0.0)
    negatives = np.diff(ranks.below, prepend=0.0)
    if_positive = (k - ranks.below + negatives / 2) / k
    if_negative = (ranks.above - positives / 2) / m
    # Whole and half counts add up exactly, so the order of the examples cannot change the area.
    area = float(positives @ (k - ranks.below + negatives / 2)) / (m * k)
    return area, if_positive, if_negative


def precision_area(ranks: Ranks) -> float:
    """Return the average precision; NaN without positives."""
    if ranks.num_positive == 0:
        return math.nan
    gained = np.diff(ranks.above, prepend=0.0)
    return float(gained @ (ranks.above / (ranks.above + ranks.below)) / ranks.num_positive)


def roc_auc(
    label: ArrayLike, score: ArrayLike, *, multiclass: Literal["ovr", "ovo"] = "ovr"
) -> float:
    """Area under the ROC curve: chance that a positive scores above a negative, ties half.

    Parameters
    ----------
    label
        0 or 1, shape (n,); with scores of shape (n, C) the class numbers 0 .. C - 1
    score
        Any real numbers, higher for class 1, shape (n,); or one column per class, shape (n, C)
    multiclass
        For C > 2: "ovr", the mean of one-against-rest over the classes that occur; "ovo", Hand and
        Till's mean over pairs of classes that occur, which prevalence does not change

    Returns
    -------
    float
        0 to 1; 0.5 when all scores are equal; NaN when only one class occurs: not defined

    Notes
    -----
    Mann-Whitney: ``mean over pairs of 1[s+ > s-] + ½·1[s+ = s-]``. Hand & Till 2001, Machine
    Learning 45:171.
    """
    scores = np.asarray(score)
    if scores.ndim == 1:
        positive = binary(label)
        return auc_placements(rank(positive, vector("score", scores, size=len(positive))))[0]
    index, scores = _one_against_rest(label, scores)
    if multiclass == "ovo":
        return _hand_till(index, scores)
    if multiclass != "ovr":
        raise ValueError(f"Expected multiclass 'ovr' or 'ovo'; got {multiclass!r}.")
    if scores.shape[1] == 2:
        return auc_placements(rank(index == 1, scores[:, 1]))[0]
    present = np.flatnonzero(np.bincount(index, minlength=scores.shape[1]))
    return float(np.mean([auc_placements(rank(index == c, scores[:, c]))[0] for c in present]))


def average_precision(label: ArrayLike, score: ArrayLike) -> float:
    """Average precision: area under the precision-recall steps at the distinct thresholds.

    Parameters
    ----------
    label
        0 or 1, shape (n,); with scores of shape (n, C) the class numbers 0 .. C - 1
    score
        Any real numbers, higher for class 1, shape (n,); or one column per class, shape (n, C):
        two columns mean the second class, more the mean over the classes that occur

    Returns
    -------
    float
        Prevalence (equal scores) to 1 (perfect), less when worse than chance; NaN without
        positives: not defined

    Notes
    -----
    ``Σ (R_k - R_{k-1})·P_k``, without interpolation, as scikit-learn.
    """
    scores = np.asarray(score)
    if scores.ndim == 1:
        positive = binary(label)
        return precision_area(rank(positive, vector("score", scores, size=len(positive))))
    index, scores = _one_against_rest(label, scores)
    if scores.shape[1] == 2:
        return precision_area(rank(index == 1, scores[:, 1]))
    present = np.flatnonzero(np.bincount(index, minlength=scores.shape[1]))
    return float(np.mean([precision_area(rank(index == c, scores[:, c])) for c in present]))


def partial_auc(
    label: ArrayLike, score: ArrayLike, low: float, high: float, *, scaled: bool = False
) -> float:
    """Area under the ROC curve inside a window of the false-positive rate.

    Parameters
    ----------
    label
        0 or 1, shape (n,)
    score
        Any real numbers, higher for class 1, shape (n,)
    low
        Left end of the window, a false-positive rate
    high
        Right end of the window, above `low`, at most 1
    scaled
        Scale to 0.5 for chance and 1 for a perfect ranking, as McClish 1989, Medical Decision
        Making 9:190: ``½(1 + (A - min)/(max - min))``

    Returns
    -------
    float
        0 to high - low (0 to 1 when scaled); NaN when only one class occurs

    Notes
    -----
    Trapezia between the points of the curve, cut at the window's ends; ties make diagonals.
    """
    if not 0 <= low < high <= 1:
        raise ValueError(f"Expected 0 <= low < high <= 1; got low = {low}, high = {high}.")
    positive = binary(label)
    ranks = rank(positive, vector("score", score, size=len(positive)))
    if ranks.num_positive == 0 or ranks.num_negative == 0:
        return math.nan
    hits = np.concatenate([[0.0], ranks.above / ranks.num_positive])
    alarms = np.concatenate([[0.0], ranks.below / ranks.num_negative])
    left, right = np.maximum(alarms[:-1], low), np.minimum(alarms[1:], high)
    inside = np.flatnonzero(left < right)
    step = alarms[inside + 1] - alarms[inside]
    slope = (hits[inside + 1] - hits[inside]) / step
    left, right = left[inside], right[inside]
    middle = hits[inside] + slope * ((left + right) / 2 - alarms[inside])
    area = float(((right - left) * middle).sum())
    if not scaled:
        return area
    least, most = (high**2 - low**2) / 2, high - low
    return (1 + (area - least) / (most - least)) / 2 if most > least else math.nan


@dataclass(frozen=True, slots=True, kw_only=True)
class AucCovariance:
    """AUCs of several models on the same examples and how they vary together."""

    auc: FloatArray
    """shape (k,)"""
    covariance: FloatArray
    """shape (k, k)"""


def auc_covariance(label: ArrayLike, scores: ArrayLike) -> AucCovariance:
    """DeLong's covariance of the AUCs of several models.

    Parameters
    ----------
    label
        0 or 1, shape (n,)
    scores
        One column per model, shape (n, k)

    Returns
    -------
    AucCovariance
        Both NaN when a class is absent; the covariance NaN when a class has one example only

    Notes
    -----
    ``S10/m + S01/(n - m)`` with the sample covariances of the placements. DeLong, DeLong &
    Clarke-Pearson 1988, Biometrics 44:837; by ranks as Sun & Xu 2014.
    """
    positive = binary(label)
    columns = matrix("scores", scores, rows=len(positive))
    m = int(positive.sum())
    areas, placements = [], []
    for column in columns.T:
        ranks = rank(positive, column)
        area, if_positive, if_negative = auc_placements(ranks)
        areas.append(area)
        placements.append(ranks.spread(if_positive, if_negative))
    placed = np.stack(placements)
    if min(m, len(positive) - m) < 2:
        shape = (len(areas), len(areas))
        return AucCovariance(auc=np.array(areas), covariance=np.full(shape, math.nan))
    covariance = np.atleast_2d(np.cov(placed[:, positive])) / m
    covariance = covariance + np.atleast_2d(np.cov(placed[:, ~positive])) / (len(positive) - m)
    return AucCovariance(auc=np.array(areas), covariance=covariance)


def auc_interval(label: ArrayLike, score: ArrayLike, *, level: float = 0.95) -> Interval:
    """AUC of one model with DeLong's normal interval, cut at 0 and 1.

    Parameters
    ----------
    label
        0 or 1, shape (n,)
    score
        Any real numbers, shape (n,)
    level
        Confidence level

    Notes
    -----
    ``A ± z·sqrt(var)``. With few positives `metric_interval` covers better: logit scale and t.
    """
    z = normal_quantile(level)
    both = auc_covariance(label, np.asarray(score)[:, None])
    area, half = float(both.auc[0]), z * math.sqrt(both.covariance[0, 0])
    return Interval(estimate=area, low=max(0.0, area - half), high=min(1.0, area + half))


@dataclass(frozen=True, slots=True, kw_only=True)
class Delong:
    """DeLong's comparison of two AUCs on the same examples."""

    auc_a: float
    auc_b: float
    difference: float
    """a minus b"""
    se: float
    z: float
    p: float
    """two-sided"""
    low: float
    high: float


def delong(
    label: ArrayLike, score_a: ArrayLike, score_b: ArrayLike, *, level: float = 0.95
) -> Delong:
    """Compare the AUCs of two models on the same examples.

    Parameters
    ----------
    label
        0 or 1, shape (n,)
    score_a
        Scores of the first model, shape (n,)
    score_b
        Scores of the second model, shape (n,)
    level
        Confidence level

    Returns
    -------
    Delong
        The difference is first minus second. Without variance: z = 0, p = 1 when the AUCs are
        equal. Everything is NaN when a class is absent; se, z, p and the limits are NaN when a
        class has one example only and the AUCs differ

    Notes
    -----
    See `auc_covariance`.
    """
    z_level = normal_quantile(check_level(level))
    first = vector("score_a", score_a)
    second = vector("score_b", score_b, size=len(first))
    both = auc_covariance(label, np.column_stack([first, second]))
    auc_a, auc_b = (float(area) for area in both.auc)
    difference = auc_a - auc_b
    contrast = np.array([1.0, -1.0])
    variance = float(contrast @ both.covariance @ contrast)
    # What remains of a variance of 0 after rounding is not evidence.
    if variance <= 1e-14 * float(np.trace(both.covariance)):
        variance = 0.0
    if np.array_equal(first, second) and not math.isnan(difference):
        variance = 0.0
    se = math.sqrt(variance)
    z = math.nan
    if se > 0:
        z = difference / se
    elif variance == 0 and not math.isnan(difference):
        z = math.copysign(math.inf, difference) if difference else 0.0
    return Delong(
        auc_a=auc_a,
        auc_b=auc_b,
        difference=difference,
        se=se,
        z=z,
        p=2 * float(special.ndtr(-abs(z))),
        low=difference - z_level * se,
        high=difference + z_level * se,
    )


def _one_against_rest(label: ArrayLike, score: ArrayLike) -> tuple[IntArray, FloatArray]:
    scores = matrix("score", score)
    index = class_index(label, scores.shape[1])
    if len(index) != len(scores):
        raise ValueError(f"Expected one row of score per label; got {len(scores)}, {len(index)}.")
    return index, scores


def _hand_till(index: IntArray, scores: FloatArray) -> float:
    areas = []
    for first, second in combinations(np.unique(index), 2):
        rows = (index == first) | (index == second)
        one = auc_placements(rank(index[rows] == first, scores[rows, first]))[0]
        other = auc_placements(rank(index[rows] == second, scores[rows, second]))[0]
        areas.append((one + other) / 2)
    return float(np.mean(areas)) if areas else math.nan
