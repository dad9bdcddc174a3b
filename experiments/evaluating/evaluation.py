"""What stored predictions say about a classifier: confusion, ROC, precision and recall.

Arrays in, frozen values out; NumPy only, so that a page can call it while it is drawn.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class RocCurve:
    """True against false positives, as the threshold falls."""

    false_positive_rate: FloatArray
    """shape (k,), from 0 to 1"""
    true_positive_rate: FloatArray
    """shape (k,), from 0 to 1"""
    threshold: FloatArray
    """shape (k,), falling; the first is infinite: nothing is called positive"""
    area: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PrecisionRecallCurve:
    """Precision against recall, as the threshold falls."""

    recall: FloatArray
    """shape (k,), rising from 0"""
    precision: FloatArray
    """shape (k,); 1 where nothing is called positive"""
    threshold: FloatArray
    """shape (k,), falling; the first is infinite"""
    average_precision: float
    prevalence: float
    """Share of positives: the precision of guessing."""


def confusion(label: IntArray, predicted: IntArray, num_classes: int) -> IntArray:
    """Return how often each class (row) was taken for each class (column).

    Parameters
    ----------
    label, predicted : shape (n,), in [0, num_classes)
        True and predicted class of the same examples.
    num_classes : >= 1

    Returns
    -------
    shape (num_classes, num_classes)

    Raises
    ------
    ValueError
        If the lengths differ or a class is out of range.
    """
    label, predicted = np.asarray(label), np.asarray(predicted)
    if label.shape != predicted.shape:
        raise ValueError(
            f"Expected as many predictions as labels; got {predicted.size} and {label.size}."
        )
    both = np.concatenate([label, predicted])
    if both.size and not 0 <= both.min() <= both.max() < num_classes:
        raise ValueError(f"Expected classes in [0, {num_classes}); got {both.min()}..{both.max()}.")
    cells = np.bincount(label * num_classes + predicted, minlength=num_classes**2)
    return cells.reshape(num_classes, num_classes).astype(np.int64)


def normalised(counts: IntArray) -> FloatArray:
    """Return each row of a confusion matrix as shares of its class; 0 for an empty class."""
    rows = counts.sum(axis=1, keepdims=True)
    return np.divide(counts, rows, out=np.zeros(counts.shape), where=rows > 0)


def roc_curve(is_positive: NDArray[np.bool_], score: FloatArray) -> RocCurve:
    """Return the ROC curve, one point for each distinct score.

    Parameters
    ----------
    is_positive : shape (n,)
    score : shape (n,)
        Higher means more positive. Equal scores share a point, so ties count half.

    Raises
    ------
    ValueError
        If there is no positive or no negative example.
    """
    true, false, threshold = _counts(is_positive, score)
    if true[-1] == 0 or false[-1] == 0:
        raise ValueError("Expected positive and negative examples; got only one kind.")
    tpr, fpr = true / true[-1], false / false[-1]
    return RocCurve(
        false_positive_rate=fpr,
        true_positive_rate=tpr,
        threshold=threshold,
        area=float(np.trapezoid(tpr, fpr)),
    )


def precision_recall_curve(
    is_positive: NDArray[np.bool_], score: FloatArray
) -> PrecisionRecallCurve:
    """Return the precision-recall curve, one point for each distinct score.

    The area is average precision: the sum of precision times the gain in recall, without the
    optimism of straight lines between points.

    Parameters
    ----------
    is_positive : shape (n,)
    score : shape (n,)
        Higher means more positive.

    Raises
    ------
    ValueError
        If there is no positive example.
    """
    true, false, threshold = _counts(is_positive, score)
    if true[-1] == 0:
        raise ValueError("Expected positive examples; got none.")
    called = true + false
    precision = np.divide(true, called, out=np.ones(len(true)), where=called > 0)
    recall = true / true[-1]
    return PrecisionRecallCurve(
        recall=recall,
        precision=precision,
        threshold=threshold,
        average_precision=float(np.sum(np.diff(recall) * precision[1:])),
        prevalence=float(true[-1] / called[-1]),
    )


def thinned(curve_x: FloatArray, curve_y: FloatArray, most: int = 2_000) -> IntArray:
    """Return positions of at most about `most` points that draw the same curve.

    Corners stay where they matter: points are spread evenly along the curve's own length.
    """
    if len(curve_x) <= most:
        return np.arange(len(curve_x))
    length = np.concatenate([[0.0], np.cumsum(np.abs(np.diff(curve_x)) + np.abs(np.diff(curve_y)))])
    keep = np.searchsorted(length, np.linspace(0.0, length[-1], most))
    return np.unique(np.concatenate([[0], np.minimum(keep, len(curve_x) - 1), [len(curve_x) - 1]]))


def _counts(
    is_positive: NDArray[np.bool_], score: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return true and false positives at each distinct threshold, from infinity down."""
    is_positive, score = np.asarray(is_positive, dtype=bool), np.asarray(score, dtype=np.float64)
    if is_positive.shape != score.shape or score.size == 0:
        raise ValueError(
            f"Expected one score for each label, at least one; got {score.size} and "
            f"{is_positive.size}."
        )
    if np.isnan(score).any():
        raise ValueError(f"Expected scores that are numbers; got {np.isnan(score).sum()} NaN.")
    order = np.argsort(score)[::-1]  # equal scores are taken together: their order is free
    ranked = score[order]
    last = np.append(np.flatnonzero(np.diff(ranked)), len(ranked) - 1)
    true = np.cumsum(is_positive[order], dtype=np.float64)[last]
    false = 1.0 + last - true
    zero = np.zeros(1)
    return (
        np.concatenate([zero, true]),
        np.concatenate([zero, false]),
        np.concatenate([[np.inf], ranked[last]]),
    )
