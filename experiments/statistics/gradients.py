"""How each metric of predicted classes changes when a cell of its table gains weight.

A metric that depends on the table of labels against predictions alone has the same influence for
every example of a cell: the derivative of the metric by the cell's share, centred. So one table of
C² numbers gives all n influence values.
"""

import math
from collections.abc import Callable

import numpy as np

from experiments.statistics.arrays import BoolArray, FloatArray
from experiments.statistics.classification import mcc_of

Gradient = tuple[float, FloatArray]
"""A metric's value and its derivative by each cell, shape (C, C); NaN where not differentiable"""


def accuracy(share: FloatArray, _listed: BoolArray) -> Gradient:
    """Share of the diagonal."""
    return float(np.trace(share)), np.eye(len(share))


def balanced_accuracy(share: FloatArray, _listed: BoolArray) -> Gradient:
    """Mean over the classes with examples of ``P_cc/t_c``."""
    true = share.sum(axis=1)
    present = true > 0
    weight = np.divide(1, true, out=np.zeros_like(true), where=present) / present.sum()
    recall = np.diag(share) * weight * present.sum()
    return float(recall[present].mean()), weight[:, None] * (np.eye(len(share)) - recall[:, None])


def macro_f1(share: FloatArray, listed: BoolArray) -> Gradient:
    """Mean over the listed classes of ``2·P_cc/(t_c + p_c)``."""
    score, total = _f1(share)
    weight = np.divide(1, total, out=np.zeros_like(total), where=total > 0) / listed.sum()
    pull = weight * score
    slope = np.diag(2 * weight) - pull[:, None] - pull[None, :]
    return float(score[listed].mean()), slope


def weighted_f1(share: FloatArray, _listed: BoolArray) -> Gradient:
    """Mean of F1 weighted by each class's examples."""
    score, total = _f1(share)
    true = share.sum(axis=1)
    weight = np.divide(true, total, out=np.zeros_like(total), where=total > 0)
    pull = weight * score
    slope = np.diag(2 * weight) - pull[:, None] - pull[None, :] + score[:, None]
    return float(true @ score), slope


def mcc(share: FloatArray, _listed: BoolArray) -> Gradient:
    """Gorodkin's R_K; where it is 0 by convention it has no derivative."""
    true, called = share.sum(axis=1), share.sum(axis=0)
    spread_true, spread_called = 1 - float(true @ true), 1 - float(called @ called)
    value = mcc_of(share)
    if min(spread_true, spread_called) <= 1e-15:
        return 0.0, np.full_like(share, math.nan)
    scale = math.sqrt(spread_true * spread_called)
    slope = (np.eye(len(share)) - called[:, None] - true[None, :]) / scale
    slope += value * (true[:, None] / spread_true + called[None, :] / spread_called)
    return value, slope


def kappa(share: FloatArray, _listed: BoolArray) -> Gradient:
    """Cohen's unweighted kappa between label and prediction."""
    true, called = share.sum(axis=1), share.sum(axis=0)
    observed, chance = float(np.trace(share)), float(true @ called)
    if 1 - chance <= 1e-12:
        return math.nan, np.full_like(share, math.nan)
    lean = called[:, None] + true[None, :]
    slope = np.eye(len(share)) * (1 - chance) - lean * (1 - observed)
    return (observed - chance) / (1 - chance), slope / (1 - chance) ** 2


def f1(share: FloatArray, _listed: BoolArray) -> Gradient:
    """F1 of class 1."""
    part = np.array([[0.0, 0.0], [0.0, 2.0]])
    return _ratio(share, part, np.array([[0.0, 1.0], [1.0, 2.0]]))


def precision(share: FloatArray, _listed: BoolArray) -> Gradient:
    """Precision of class 1."""
    return _ratio(share, np.array([[0.0, 0.0], [0.0, 1.0]]), np.array([[0.0, 1.0], [0.0, 1.0]]))


def recall(share: FloatArray, _listed: BoolArray) -> Gradient:
    """Recall of class 1."""
    return _ratio(share, np.array([[0.0, 0.0], [0.0, 1.0]]), np.array([[0.0, 0.0], [1.0, 1.0]]))


def specificity(share: FloatArray, _listed: BoolArray) -> Gradient:
    """Recall of class 0."""
    return _ratio(share, np.array([[1.0, 0.0], [0.0, 0.0]]), np.array([[1.0, 1.0], [0.0, 0.0]]))


CLASS_METRICS: dict[str, Callable[[FloatArray, BoolArray], Gradient]] = {
    "accuracy": accuracy,
    "balanced_accuracy": balanced_accuracy,
    "f1": f1,
    "kappa": kappa,
    "macro_f1": macro_f1,
    "mcc": mcc,
    "micro_f1": accuracy,
    "precision": precision,
    "recall": recall,
    "specificity": specificity,
    "weighted_f1": weighted_f1,
}
BINARY_METRICS = frozenset({"f1", "precision", "recall", "specificity"})


def _f1(share: FloatArray) -> tuple[FloatArray, FloatArray]:
    total = share.sum(axis=1) + share.sum(axis=0)
    score = np.divide(2 * np.diag(share), total, out=np.zeros_like(total), where=total > 0)
    return score, total


def _ratio(share: FloatArray, part: FloatArray, whole: FloatArray) -> Gradient:
    """Return a ratio of two sums of cells and its derivative; NaN for 0/0."""
    size = float((whole * share).sum())
    if size <= 0:
        return math.nan, np.full_like(share, math.nan)
    value = float((part * share).sum()) / size
    return value, (part - value * whole) / size
