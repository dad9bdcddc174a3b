"""Precision, recall and F1 of each class, and their means under their own names."""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from experiments.evaluating.evaluation import FloatArray, IntArray
from experiments.statistics import wilson
from experiments.statistics.arrays import ratio

Average = Literal["macro", "micro", "weighted"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassRow:
    """One class against all others. NaN is not defined: `note` says why."""

    name: str
    support: int
    """examples of the class"""
    called: int
    """examples that were taken for it"""
    precision: float
    precision_low: float
    precision_high: float
    recall: float
    recall_low: float
    recall_high: float
    """Wilson limits"""
    f1: float
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MeanRow:
    """A mean over the classes."""

    average: Average
    precision: float
    recall: float
    f1: float
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassTable:
    """All classes of the label table, in its order, and three means."""

    rows: tuple[ClassRow, ...]
    means: tuple[MeanRow, ...]
    accuracy: float
    balanced_accuracy: float
    """mean recall of the classes that occur"""

    @property
    def macro_f1(self) -> float:
        """Plain mean of F1 over the label table; a class without examples or calls counts as 0."""
        return self.means[0].f1

    @property
    def worst_recall(self) -> ClassRow | None:
        """The class whose examples are found least often; None when no class occurs."""
        present = [row for row in self.rows if row.support]
        return min(present, key=lambda row: row.recall, default=None)


def class_table(counts: IntArray, names: tuple[str, ...], *, level: float = 0.95) -> ClassTable:
    """Return the table of a confusion matrix.

    Parameters
    ----------
    counts : shape (num_classes, num_classes)
        What `experiments.evaluating.evaluation.confusion` returns.
    names
        One a class.
    level
        Confidence level of the Wilson limits.
    """
    table = np.asarray(counts, dtype=np.float64)
    if len(table) != len(names):
        raise ValueError(f"Expected {len(table)} class names; got {len(names)}.")
    hits, support, called = np.diag(table), table.sum(axis=1), table.sum(axis=0)
    f1 = ratio(2 * hits, support + called)
    precision, recall = ratio(hits, called), ratio(hits, support)
    rows = []
    for place, name in enumerate(names):
        own = _limits(hits[place], called[place], level)
        found = _limits(hits[place], support[place], level)
        rows.append(
            ClassRow(
                name=name,
                support=int(support[place]),
                called=int(called[place]),
                precision=float(precision[place]),
                precision_low=own[0],
                precision_high=own[1],
                recall=float(recall[place]),
                recall_low=found[0],
                recall_high=found[1],
                f1=float(f1[place]),
                note=_note(support[place], called[place]),
            )
        )
    total = table.sum()
    present = support > 0
    return ClassTable(
        rows=tuple(rows),
        means=_means(precision, recall, f1, support, hits.sum() / total if total else math.nan),
        accuracy=float(hits.sum() / total) if total else math.nan,
        balanced_accuracy=float(recall[present].mean()) if present.any() else math.nan,
    )


def _means(
    precision: FloatArray, recall: FloatArray, f1: FloatArray, support: FloatArray, micro: float
) -> tuple[MeanRow, ...]:
    undefined = int(np.isnan(precision).sum() + np.isnan(recall).sum() + np.isnan(f1).sum())
    note = "what is not defined counts as 0" if undefined else ""
    columns = [np.nan_to_num(one) for one in (precision, recall, f1)]
    share = support / support.sum() if support.sum() else np.full(len(support), math.nan)
    macro = [float(one.mean()) for one in columns]
    weighted = [float(one @ share) for one in columns]
    return (
        MeanRow(average="macro", precision=macro[0], recall=macro[1], f1=macro[2], note=note),
        MeanRow(
            average="micro",
            precision=float(micro),
            recall=float(micro),
            f1=float(micro),
            note="equals the accuracy: each example has one class",
        ),
        MeanRow(
            average="weighted", precision=weighted[0], recall=weighted[1], f1=weighted[2], note=note
        ),
    )


def _note(support: float, called: float) -> str:
    if not support and not called:
        return "does not occur and is never predicted: nothing is defined"
    if not support:
        return "does not occur: recall is not defined"
    return "" if called else "is never predicted: precision is not defined"


def _limits(hits: float, whole: float, level: float) -> tuple[float, float]:
    if not whole:
        return math.nan, math.nan
    share = wilson(int(hits), int(whole), level=level)
    return share.low, share.high
