"""How far predicted values are from the true ones."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from experiments.statistics import MetricInterval, metric_interval

METRICS = ("mae", "rmse", "r2")
_MOST_POINTS = 3_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Residuals:
    """Predicted against true values."""

    true: NDArray[np.float64]
    predicted: NDArray[np.float64]
    """shape (k,): of many examples an even selection by true value, the worst always among them"""
    row: NDArray[np.int64]
    """shape (k,), which example each is"""
    edges: NDArray[np.float64]
    counts: NDArray[np.int64]
    """histogram of predicted minus true, shape (bins,)"""
    bias: float
    """mean of predicted minus true"""
    quantiles: NDArray[np.float64]
    """5th, 50th and 95th percentile of predicted minus true"""
    metrics: dict[str, MetricInterval | str]
    """name -> value with interval, or why it is not defined"""


def residuals(true: NDArray[np.float64], predicted: NDArray[np.float64]) -> Residuals:
    """Return what the residual charts show.

    Raises
    ------
    ValueError
        If there is no example, or a value is NaN.
    """
    true, predicted = np.asarray(true, np.float64), np.asarray(predicted, np.float64)
    if true.shape != predicted.shape or not true.size:
        raise ValueError(
            f"Expected one prediction for each value, at least one; got {predicted.size} and "
            f"{true.size}."
        )
    error = predicted - true
    if not np.isfinite(error).all():
        raise ValueError(f"Expected numbers; got {(~np.isfinite(error)).sum()} that are none.")
    row = _drawn(true, error)
    low, high = float(error.min()), float(error.max())
    # Errors that are all about equal have no range that could be cut into bins.
    pad = max(1e-9, 1e-6 * max(abs(low), abs(high))) if high - low < 1e-9 * max(1.0, high) else 0.0
    bins = min(40, max(5, int(math.sqrt(len(error)))))
    counts, edges = np.histogram(error, bins=bins, range=(low - pad, high + pad))
    metrics: dict[str, MetricInterval | str] = {}
    for name in METRICS:
        found = metric_interval(name, true, predicted)
        metrics[name] = (
            "not defined: all true values are equal" if math.isnan(found.estimate) else found
        )
    return Residuals(
        true=true[row],
        predicted=predicted[row],
        row=row,
        edges=edges,
        counts=counts.astype(np.int64),
        bias=float(error.mean()),
        quantiles=np.quantile(error, [0.05, 0.5, 0.95]),
        metrics=metrics,
    )


def _drawn(true: NDArray[np.float64], error: NDArray[np.float64]) -> NDArray[np.int64]:
    if len(true) <= _MOST_POINTS:
        return np.arange(len(true))
    even = np.argsort(true, kind="stable")[
        np.linspace(0, len(true) - 1, _MOST_POINTS - 100).astype(np.int64)
    ]
    worst = np.argpartition(-np.abs(error), 100)[:100]
    return np.unique(np.concatenate([even, worst]))
