"""What predictions say of lists, tokens and texts: values with intervals, and how they spread."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from experiments.evaluating.predicted import Predicted, codes_of
from experiments.statistics import MetricInterval, metric_interval

FloatArray = NDArray[np.float64]
_MOST_POINTS = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """A metric of lists, cut after each place."""

    k: FloatArray
    """1, 2, ... up to the length of the lists"""
    value: FloatArray
    low: FloatArray
    high: FloatArray
    """95 %; NaN where there is no interval"""


def at_each_place(one: Predicted, kind: str) -> Places:
    """Return ``ndcg``, ``recall``, ``hit_rate`` or ``mrr`` of lists cut at every k.

    Each user counts once, so that the interval is one over users.
    """
    k = np.arange(1, one.scores.shape[1] + 1)
    found = [metric_interval(f"{kind}@{place}", one.label, one.output) for place in k]
    return Places(
        k=k.astype(np.float64),
        value=np.array([each.estimate for each in found]),
        low=np.array([each.low for each in found]),
        high=np.array([each.high for each in found]),
    )


def intervals(one: Predicted, metrics: Sequence[str]) -> dict[str, MetricInterval | str]:
    """Return a model's metrics with 95 % intervals, or why one cannot be computed."""
    group = None if one.group is None else codes_of(one.group)[0]
    found: dict[str, MetricInterval | str] = {}
    for metric in metrics:
        try:
            found[metric] = metric_interval(metric, one.label, one.output, group=group)
        except ValueError as error:
            found[metric] = str(error)
    return found


def cumulative(values: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return sorted values, and the share of all that is at most each; some hundred points."""
    ranked = np.sort(values)
    keep = np.unique(np.linspace(0, len(ranked) - 1, _MOST_POINTS).astype(np.int64))
    return ranked[keep], (keep + 1) / len(ranked)
