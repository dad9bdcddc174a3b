"""Is a model good on every part of the data? Slices with intervals, against a champion.

Looking at many slices finds a bad one by chance. So a slice counts as worse only on evidence that
holds for the number of slices looked at (Holm), and slices of few examples are not judged at all.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from experiments.evaluating import conditions
from experiments.evaluating.predicted import Predicted, codes_of
from experiments.evaluating.verdict import name_of
from experiments.statistics import (
    Interval,
    MetricInterval,
    PairedDifference,
    holm,
    metric_goal,
    metric_interval,
    paired_difference,
)

MIN_SIZE = 100
"""Slices of fewer examples are shown but not judged."""
MOST_VALUES = 50
"""Slices of one column; of more values the largest are taken."""
FEW_NUMBERS = 12
"""Whole numbers with at most this many values are taken one by one, others in bands."""
_OVER_PRESENT = frozenset({"macro_f1", "weighted_f1", "balanced_accuracy"})


class SliceState(StrEnum):
    """What the evidence says of a slice, given the loss that is tolerated."""

    WORSE = "worse"
    """Worse by more than the margin, also allowing for the number of slices."""
    FINE = "not worse"
    """The interval stays above minus the margin."""
    OPEN = "cannot tell"
    NOT_JUDGED = "not judged"


@dataclass(frozen=True, slots=True, kw_only=True)
class Slice:
    """A part of the examples."""

    column: str
    """what the examples are divided by; "condition" for a condition of one's own"""
    name: str
    """for example ``region = north``"""
    mask: NDArray[np.bool_]
    """shape (n,)"""


@dataclass(frozen=True, slots=True, kw_only=True)
class SliceResult:
    """One slice of one model, and its difference from the champion's."""

    column: str
    name: str
    n: int
    share: float
    """of all examples"""
    value: MetricInterval | None
    """the model's own; None where the metric is not defined here"""
    baseline_value: float
    """the champion's; NaN without one, or where it is not defined"""
    difference: PairedDifference | None
    """model minus champion on the same examples; its interval is for this slice alone"""
    state: SliceState
    note: str
    """why it is not defined, not judged or open; empty when nothing is to be said"""


def slices_of(predicted: Predicted, columns: Sequence[str] | None = None) -> tuple[Slice, ...]:
    """Return the slices by each column: one for each value, bands for numbers.

    Parameters
    ----------
    predicted
        Whose columns divide the examples; for a classifier ``label`` divides them too.
    columns
        Which of them; all by default.
    """
    found: list[Slice] = []
    for name, column in predicted.slices.items():
        if columns is None or name in columns:
            found += _by_column(name, *codes_of(column))
    if predicted.task == "classification" and (columns is None or "label" in columns):
        names: list[Any] = list(predicted.class_names)
        found += _by_column("label", predicted.label.astype(np.int64), names)
    return tuple(found)


def condition_slice(predicted: Predicted, text: str) -> Slice:
    """Return the examples that fulfil a condition of `experiments.evaluating.conditions`.

    Raises
    ------
    experiments.evaluating.conditions.ConditionError
        If it cannot be understood.
    """
    mask = conditions.select(predicted, text)
    return Slice(column="condition", name=text.strip(), mask=mask)


def judge_slices(
    metric: str,
    label: ArrayLike,
    slices: Sequence[Slice],
    scores: NDArray[Any],
    baseline: NDArray[Any] | None = None,
    *,
    group: NDArray[Any] | None = None,
    margin: float = 0.0,
    level: float = 0.95,
    min_size: int = MIN_SIZE,
) -> tuple[SliceResult, ...]:
    """Measure a model on each slice, and compare it with a champion on the same examples.

    Parameters
    ----------
    metric
        One of `experiments.statistics.METRICS`.
    label, scores, baseline
        Labels and outputs as in `experiments.statistics.paired_difference`; the champion's outputs
        are for the same examples.
    slices
        What to look at.
    group
        Which examples belong together, shape (n,).
    margin
        The loss that is tolerated, >= 0, in the metric's unit.
    level
        Confidence level of each interval, and of the evidence of all slices together.
    min_size
        Slices of fewer examples are not judged.

    Returns
    -------
    tuple of SliceResult
        In the order of `slices`, also those that are not judged.
    """
    if not margin >= 0:
        raise ValueError(f"Expected a margin of 0 or more; got {margin}.")
    label = np.asarray(label)
    found = [
        _measure(metric, label, one, scores, baseline, group, level, min_size) for one in slices
    ]
    return _judged(found, 1.0 if metric_goal(metric) == "max" else -1.0, margin, level)


def gain_of(result: SliceResult, metric: str) -> Interval:
    """Return a slice's difference turned so that above 0 is better; NaN where there is none."""
    difference = result.difference
    if difference is None:
        return Interval(estimate=math.nan, low=math.nan, high=math.nan)
    if metric_goal(metric) == "max":
        return Interval(estimate=difference.estimate, low=difference.low, high=difference.high)
    return Interval(estimate=-difference.estimate, low=-difference.high, high=-difference.low)


def _by_column(name: str, codes: NDArray[np.int64], values: list[Any]) -> list[Slice]:
    if _are_numbers(values) and (
        len(values) > FEW_NUMBERS or any(isinstance(one, float) for one in values)
    ):
        return _bands(name, codes, np.array([math.nan if v is None else v for v in values], float))
    counts = np.bincount(codes[codes >= 0], minlength=len(values))
    largest = np.argsort(-counts, kind="stable")[:MOST_VALUES]
    return [
        Slice(column=name, name=f"{name} = {values[code]}", mask=codes == code)
        for code in sorted(largest.tolist())
        if counts[code]
    ]


def _are_numbers(values: Sequence[Any]) -> bool:
    known = [one for one in values if one is not None]
    return bool(known) and all(
        isinstance(one, int | float) and not isinstance(one, bool) for one in known
    )


def _bands(name: str, codes: NDArray[np.int64], values: NDArray[np.float64]) -> list[Slice]:
    """Cut numbers at their quartiles."""
    each = np.append(values, math.nan)[codes]
    finite = each[np.isfinite(each)]
    if not finite.size:
        return []
    edges = np.unique(np.quantile(finite, [0, 0.25, 0.5, 0.75, 1], method="inverted_cdf"))
    if len(edges) < 3:
        return [
            Slice(column=name, name=f"{name} = {edge:.4g}", mask=each == edge) for edge in edges
        ]
    found = []
    for low, high in pairwise(edges.tolist()):
        is_last = high == edges[-1]
        mask = (each >= low) & ((each <= high) if is_last else (each < high))
        end = f"{'≤' if is_last else '<'} {high:.4g}"
        found.append(Slice(column=name, name=f"{low:.4g} ≤ {name} {end}", mask=mask))
    return found


def _measure(  # noqa: PLR0917  # one call, in judge_slices
    metric: str,
    label: NDArray[Any],
    one: Slice,
    scores: NDArray[Any],
    baseline: NDArray[Any] | None,
    group: NDArray[Any] | None,
    level: float,
    min_size: int,
) -> SliceResult:
    rows = np.flatnonzero(one.mask)
    result = SliceResult(
        column=one.column,
        name=one.name,
        n=len(rows),
        share=len(rows) / len(label),
        value=None,
        baseline_value=math.nan,
        difference=None,
        state=SliceState.NOT_JUDGED,
        note="",
    )
    if not len(rows):
        return replace(result, note="no example: nothing is defined here")
    part = label[rows]
    own_group = None if group is None else group[rows]
    try:
        value = metric_interval(metric, part, scores[rows], group=own_group, level=level)
    except ValueError as error:
        return replace(result, note=f"not defined: {error}")
    if math.isnan(value.estimate):
        return replace(result, note=f"{name_of(metric)} is not defined here: {_reason(part)}")
    result = replace(result, value=value, note=_absent(metric, part, scores))
    if baseline is None:
        return result
    difference = paired_difference(
        metric, part, scores[rows], baseline[rows], group=own_group, level=level
    )
    return _compared(result, difference, min_size)


def _compared(result: SliceResult, difference: PairedDifference, min_size: int) -> SliceResult:
    result = replace(result, difference=difference, baseline_value=difference.value_b)
    if result.n < min_size:
        note = f"{result.n:,} examples: fewer than {min_size:,} are not judged"
        return replace(result, note=note)
    if math.isnan(difference.low):
        return replace(result, note=difference.note)
    return replace(result, state=SliceState.OPEN)


def _reason(label: NDArray[Any]) -> str:
    classes = np.unique(label)
    if len(classes) == 1:
        return "only one class occurs"
    return "what it divides by is 0"


def _absent(metric: str, label: NDArray[Any], scores: NDArray[Any]) -> str:
    """Say when classes do not occur in a slice and count all the same, or do not count."""
    if metric not in _OVER_PRESENT:
        return ""
    size = scores.shape[1] if scores.ndim == 2 else 2
    missing = size - len(np.unique(label))
    if not missing:
        return ""
    counted = "are left out" if metric == "balanced_accuracy" else "count as 0 or not at all"
    return f"{missing} of {size} classes do not occur here and {counted}"


def _judged(
    found: Sequence[SliceResult], sign: float, margin: float, level: float
) -> tuple[SliceResult, ...]:
    judged = [place for place, one in enumerate(found) if one.state is SliceState.OPEN]
    results = list(found)
    if not judged:
        return tuple(results)
    p = holm([_p_worse(found[place].difference, sign, margin, level) for place in judged])
    for place, adjusted in zip(judged, p, strict=True):
        one = results[place]
        low, high = _gain_limits(one.difference, sign)
        if adjusted < (1 - level) / 2:
            results[place] = replace(one, state=SliceState.WORSE)
        elif low >= -margin:
            results[place] = replace(one, state=SliceState.FINE)
        elif high < -margin:
            note = f"looks worse, but of {len(judged)} slices one may look so by chance"
            results[place] = replace(one, note=note)
        else:
            results[place] = replace(one, note=one.note or "more examples would tell")
    return tuple(results)


def _gain_limits(difference: PairedDifference | None, sign: float) -> tuple[float, float]:
    if difference is None:
        return math.nan, math.nan
    low, high = sorted((sign * difference.low, sign * difference.high))
    return low, high


def _p_worse(
    difference: PairedDifference | None, sign: float, margin: float, level: float
) -> float:
    """Return how surprising the difference is if the true loss were just the margin, one-sided."""
    if difference is None:
        return 1.0
    low, high = _gain_limits(difference, sign)
    distance = sign * difference.estimate + margin
    if difference.method == "t":
        if difference.se <= 0:
            return 0.0 if distance < 0 else 1.0
        return float(special.stdtr(min(difference.df, 1e300), distance / difference.se))
    # Tango's interval is not symmetric: the side that faces minus the margin says how wide it is.
    reach = high - sign * difference.estimate if distance < 0 else sign * difference.estimate - low
    if reach <= 0:
        return 0.0 if distance < 0 else 1.0
    return float(special.ndtr(distance / reach * special.ndtri(0.5 + level / 2)))
