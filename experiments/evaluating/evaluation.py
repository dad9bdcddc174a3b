"""What stored predictions say about a classifier: confusion, ROC, precision and recall.

Arrays in, frozen values out; NumPy only, so that a page can call it while it is drawn.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from experiments.statistics.ranking import Ranks, precision_area, rank

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
    separation: float
    """Kolmogorov-Smirnov: the largest distance between the two rates"""

    def at(self, places: IntArray) -> "RocCurve":
        """Return some of its points; area and separation stay those of all."""
        return RocCurve(
            false_positive_rate=self.false_positive_rate[places],
            true_positive_rate=self.true_positive_rate[places],
            threshold=self.threshold[places],
            area=self.area,
            separation=self.separation,
        )


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

    def at(self, places: IntArray) -> "PrecisionRecallCurve":
        """Return some of its points; the average precision stays that of all."""
        return PrecisionRecallCurve(
            recall=self.recall[places],
            precision=self.precision[places],
            threshold=self.threshold[places],
            average_precision=self.average_precision,
            prevalence=self.prevalence,
        )


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
    return roc_of(ranked(is_positive, score))


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
    return precision_recall_of(ranked(is_positive, score))


def ranked(is_positive: NDArray[np.bool_], score: FloatArray) -> Ranks:
    """Return scores in falling order, for every curve that is drawn of them.

    Raises
    ------
    ValueError
        If there is no score, one without a label, or one that is NaN.
    """
    is_positive, score = np.asarray(is_positive, dtype=bool), np.asarray(score, dtype=np.float64)
    if is_positive.shape != score.shape or score.size == 0:
        raise ValueError(
            f"Expected one score for each label, at least one; got {score.size} and "
            f"{is_positive.size}."
        )
    if np.isnan(score).any():
        raise ValueError(f"Expected scores that are numbers; got {np.isnan(score).sum()} NaN.")
    return rank(is_positive, score)


def roc_of(ranks: Ranks) -> RocCurve:
    """Return the ROC curve of `ranked` scores; see `roc_curve`."""
    if ranks.num_positive == 0 or ranks.num_negative == 0:
        raise ValueError("Expected positive and negative examples; got only one kind.")
    tpr = _from(0.0, ranks.above / ranks.num_positive)
    fpr = _from(0.0, ranks.below / ranks.num_negative)
    return RocCurve(
        false_positive_rate=fpr,
        true_positive_rate=tpr,
        threshold=_from(np.inf, ranks.value),
        area=float(np.trapezoid(tpr, fpr)),
        separation=float(np.abs(tpr - fpr).max()),
    )


def precision_recall_of(ranks: Ranks) -> PrecisionRecallCurve:
    """Return the precision-recall curve of `ranked` scores; see `precision_recall_curve`."""
    if ranks.num_positive == 0:
        raise ValueError("Expected positive examples; got none.")
    called = ranks.above + ranks.below
    return PrecisionRecallCurve(
        recall=_from(0.0, ranks.above / ranks.num_positive),
        precision=_from(1.0, ranks.above / called),
        threshold=_from(np.inf, ranks.value),
        average_precision=precision_area(ranks),
        prevalence=float(ranks.num_positive / called[-1]),
    )


def thinned(curve_x: FloatArray, curve_y: FloatArray, most: int = 2_000) -> IntArray:
    """Return positions of at most about `most` points that draw the same curve.

    Corners stay where they matter: points are spread evenly along the curve's own length. Its
    `curve_x` never falls.
    """
    if len(curve_x) <= most:
        return np.arange(len(curve_x))
    steps = np.diff(curve_y, prepend=curve_y[0])
    length = np.cumsum(np.abs(steps, out=steps), out=steps)
    length += curve_x
    keep = np.searchsorted(length, np.linspace(length[0], length[-1], most))
    return np.unique(np.concatenate([[0], np.minimum(keep, len(curve_x) - 1), [len(curve_x) - 1]]))


def _from(first: float, rest: FloatArray) -> FloatArray:
    return np.concatenate([[first], rest])
