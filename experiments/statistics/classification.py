"""Metrics of predicted classes, all from the table of labels against predictions."""

import math
from dataclasses import dataclass
from typing import Literal, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from experiments.statistics.arrays import (
    BoolArray,
    FloatArray,
    IntArray,
    check_count,
    class_index,
    code_classes,
    matrix,
    ratio,
    tally,
)
from experiments.statistics.intervals import Interval, normal_quantile
from experiments.statistics.paired import square_table

Average = Literal["macro", "micro", "weighted", "binary", "per_class"]


def accuracy(label: ArrayLike, predicted: ArrayLike) -> float:
    """Share of examples whose class was predicted.

    Parameters
    ----------
    label
        Classes: numbers or any values that can be sorted, shape (n,)
    predicted
        Predicted classes, shape (n,)
    """
    codes = code_classes([label, predicted])
    return float((codes.columns[0] == codes.columns[1]).mean())


def top_k_accuracy(label: ArrayLike, scores: ArrayLike, k: int) -> float:
    """Share of examples whose class has one of the k highest scores.

    Parameters
    ----------
    label
        Class numbers, shape (n,)
    scores
        One column per class, shape (n, C)
    k
        1 to C

    Notes
    -----
    The class counts as found when fewer than k classes score strictly higher: a tie at the edge is
    decided in favour of the label, so the column order plays no part.
    """
    table = matrix("scores", scores)
    index = class_index(label, table.shape[1])
    if len(index) != len(table):
        raise ValueError(f"Expected one row of scores per label; got {len(table)}, {len(index)}.")
    if not 1 <= check_count("k", k) <= table.shape[1]:
        raise ValueError(f"Expected k from 1 to {table.shape[1]}; got {k}.")
    own = table[np.arange(len(table)), index]
    return float(((table > own[:, None]).sum(axis=1) < k).mean())


@dataclass(frozen=True, slots=True, kw_only=True)
class F1:
    """F1 of each class and its three means."""

    per_class: FloatArray
    """shape (C,); `zero_division` where `defined` is false"""
    micro: float
    """pooled over classes: the accuracy, when each example has one class"""
    macro: float
    """plain mean over classes"""
    weighted: float
    """mean weighted by the number of examples of each class"""
    classes: NDArray
    """shape (C,), the classes in order"""
    support: IntArray
    """shape (C,), examples of each class"""
    defined: BoolArray
    """shape (C,), false where a class neither occurs nor is predicted: 0/0, shown as a dash, not as 0"""


@overload
def f1(
    label: ArrayLike,
    predicted: ArrayLike,
    *,
    average: None = None,
    positive: object = 1,
    num_classes: int | None = None,
    zero_division: float = 0.0,
) -> F1: ...
@overload
def f1(
    label: ArrayLike,
    predicted: ArrayLike,
    *,
    average: Literal["macro", "micro", "weighted", "binary"],
    positive: object = 1,
    num_classes: int | None = None,
    zero_division: float = 0.0,
) -> float: ...
@overload
def f1(
    label: ArrayLike,
    predicted: ArrayLike,
    *,
    average: Literal["per_class"],
    positive: object = 1,
    num_classes: int | None = None,
    zero_division: float = 0.0,
) -> FloatArray: ...
def f1(
    label: ArrayLike,
    predicted: ArrayLike,
    *,
    average: Average | None = None,
    positive: object = 1,
    num_classes: int | None = None,
    zero_division: float = 0.0,
) -> F1 | FloatArray | float:
    """F1: the harmonic mean of precision and recall.

    Parameters
    ----------
    label
        Classes: numbers or any values that can be sorted, shape (n,)
    predicted
        Predicted classes, shape (n,)
    average
        Which figure to return alone; None: all of them. "binary" is the F1 of `positive`
    positive
        The class of average="binary"
    num_classes
        Length of the label table. Without it the means run over the classes that occur in either
        array, so two slices may not be comparable
    zero_division
        F1 of a class that neither occurs nor is predicted; NaN leaves it out of the macro mean

    Notes
    -----
    ``2·TP/(2·TP + FP + FN)`` per class. As scikit-learn with `zero_division`.
    """
    codes = code_classes([label, predicted], num_classes)
    keep = np.flatnonzero(codes.listed)
    table = tally(codes.columns[0], codes.columns[1], codes.num_classes)[np.ix_(keep, keep)]
    hits, support = np.diag(table), table.sum(axis=1)
    total = support + table.sum(axis=0)
    fallback = np.full(len(keep), float(zero_division))
    per_class = np.divide(2 * hits, total, out=fallback, where=total > 0)
    counted = per_class[~np.isnan(per_class)]
    result = F1(
        per_class=per_class,
        micro=float(hits.sum() / table.sum()),
        macro=float(counted.mean()) if len(counted) else math.nan,
        weighted=float(np.nansum(per_class * support) / support.sum()),
        classes=codes.names[keep],
        support=support.astype(np.int64),
        defined=total > 0,
    )
    if average is None:
        return result
    if average == "binary":
        found = np.flatnonzero(result.classes == positive)
        return float(per_class[found[0]]) if len(found) else float(zero_division)
    figures = {
        "macro": result.macro,
        "micro": result.micro,
        "weighted": result.weighted,
        "per_class": per_class,
    }
    if average not in figures:
        raise ValueError(f"Expected average in {[*figures, 'binary']}; got {average!r}.")
    return figures[average]


@dataclass(frozen=True, slots=True, kw_only=True)
class PrecisionRecall:
    """Precision, recall and specificity of each class against the rest."""

    precision: FloatArray
    """shape (C,); NaN where the class is never predicted"""
    recall: FloatArray
    """shape (C,); NaN where the class never occurs"""
    specificity: FloatArray
    """shape (C,), share of the other examples not taken for the class; NaN when there are none"""
    classes: NDArray
    """shape (C,)"""


def precision_recall(
    label: ArrayLike, predicted: ArrayLike, *, num_classes: int | None = None
) -> PrecisionRecall:
    """Precision ``TP/(TP + FP)``, recall ``TP/(TP + FN)``, specificity ``TN/(TN + FP)`` per class.

    Parameters
    ----------
    label
        Classes, shape (n,)
    predicted
        Predicted classes, shape (n,)
    num_classes
        Length of the label table; without it the classes that occur in either array
    """
    codes = code_classes([label, predicted], num_classes)
    keep = np.flatnonzero(codes.listed)
    table = tally(codes.columns[0], codes.columns[1], codes.num_classes)[np.ix_(keep, keep)]
    hits, support, called = np.diag(table), table.sum(axis=1), table.sum(axis=0)
    others = table.sum() - support
    return PrecisionRecall(
        precision=ratio(hits, called),
        recall=ratio(hits, support),
        specificity=ratio(others - (called - hits), others),
        classes=codes.names[keep],
    )


def mcc(label: ArrayLike, predicted: ArrayLike) -> float:
    """Matthews correlation coefficient; for more than two classes Gorodkin's R_K.

    Parameters
    ----------
    label
        Classes, shape (n,)
    predicted
        Predicted classes, shape (n,)

    Returns
    -------
    float
        -1 to 1; 0 when only one class occurs or only one is predicted (the formula is 0/0)

    Notes
    -----
    ``(c·s - Σ t_k·p_k)/sqrt((s² - Σ p_k²)(s² - Σ t_k²))`` with c hits of s examples, t_k examples
    and p_k predictions of class k. Gorodkin 2004; as scikit-learn.
    """
    codes = code_classes([label, predicted])
    return mcc_of(tally(codes.columns[0], codes.columns[1], codes.num_classes))


def mcc_of(table: FloatArray) -> float:
    """Return the MCC of a table of labels (rows) against predictions (columns)."""
    true, called, total = table.sum(axis=1), table.sum(axis=0), table.sum()
    spread_called = float(total**2 - called @ called)
    spread_true = float(total**2 - true @ true)
    if spread_called <= 0 or spread_true <= 0:
        return 0.0
    covariance = float(np.trace(table) * total - true @ called)
    return covariance / (math.sqrt(spread_called) * math.sqrt(spread_true))


def balanced_accuracy(label: ArrayLike, predicted: ArrayLike) -> float:
    """Mean recall over the classes that occur in the labels.

    Parameters
    ----------
    label
        Classes, shape (n,)
    predicted
        Predicted classes, shape (n,)

    Notes
    -----
    With one class it is that class's recall. As scikit-learn's balanced_accuracy_score.
    """
    codes = code_classes([label, predicted])
    table = tally(codes.columns[0], codes.columns[1], codes.num_classes)
    support = table.sum(axis=1)
    present = support > 0
    return float((np.diag(table)[present] / support[present]).mean())


@dataclass(frozen=True, slots=True, kw_only=True)
class Kappa(Interval):
    """Cohen's kappa with its standard errors."""

    se: float
    """asymptotic standard error, for the interval"""
    se_null: float
    """asymptotic standard error when there is no agreement beyond chance, for the test"""
    z: float
    """estimate / se_null"""


def kappa(
    table: ArrayLike,
    *,
    weights: Literal["linear", "quadratic"] | None = None,
    level: float = 0.95,
) -> Kappa:
    """Cohen's kappa: agreement beyond chance.

    Parameters
    ----------
    table
        Counts, shape (C, C): first rater's class (row) and second's (column)
    weights
        Credit for near misses: None, "linear" ``1 - |i - j|/(C - 1)`` or "quadratic"
        ``1 - (i - j)²/(C - 1)²``
    level
        Confidence level

    Returns
    -------
    Kappa
        All NaN when chance agreement is 1 (a single class): not defined; z is NaN when `se_null`
        is 0

    Notes
    -----
    Standard errors of Fleiss, Cohen & Everitt 1969, Psychological Bulletin 72:323.
    """
    z_level = normal_quantile(level)
    counts = square_table(table)
    total = counts.sum()
    if total == 0:
        raise ValueError("Expected at least one example in table; got none.")
    share = counts / total
    credit = _credit(len(share), weights)
    rows, columns = share.sum(axis=1), share.sum(axis=0)
    chance_table = np.outer(rows, columns)
    observed, chance = float((credit * share).sum()), float((credit * chance_table).sum())
    rest = 1 - chance
    if rest <= 1e-12:
        nan = math.nan
        return Kappa(estimate=nan, low=nan, high=nan, se=nan, se_null=nan, z=nan)
    estimate = (observed - chance) / rest
    margin = (credit @ columns)[:, None] + (rows @ credit)[None, :]
    spread = (share * (credit - margin * (1 - estimate)) ** 2).sum()
    spread -= (estimate - chance * (1 - estimate)) ** 2
    spread_null = (chance_table * (credit - margin) ** 2).sum() - chance**2
    se = math.sqrt(max(0.0, spread) / total) / rest
    se_null = math.sqrt(max(0.0, spread_null) / total) / rest
    return Kappa(
        estimate=estimate,
        low=estimate - z_level * se,
        high=estimate + z_level * se,
        se=se,
        se_null=se_null,
        z=estimate / se_null if se_null > 0 else math.nan,
    )


def _credit(size: int, weights: str | None) -> FloatArray:
    if weights is None or size == 1:
        return np.eye(size)
    gap = np.abs(np.subtract.outer(np.arange(size), np.arange(size))) / (size - 1)
    if weights == "linear":
        return 1 - gap
    if weights == "quadratic":
        return 1 - gap**2
    raise ValueError(f"Expected weights None, 'linear' or 'quadratic'; got {weights!r}.")
