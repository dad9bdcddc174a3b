"""The exact bootstrap of metrics of several models: for the stored record, in the background.

A resample only changes how often each example counts. So every model is sorted and coded once, and
a resample costs a few passes over the examples instead of a new evaluation.
"""

import math
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import ArrayLike

from experiments.statistics.arrays import FloatArray, check_count, check_size
from experiments.statistics.gradients import CLASS_METRICS
from experiments.statistics.influence import (
    LOSS_METRICS,
    RANK_METRICS,
    code_models,
    metric_name,
    ranked_columns,
    text_values,
)
from experiments.statistics.probability import brier_losses, log_losses
from experiments.statistics.ranking import Ranks
from experiments.statistics.recommendation import LIST_METRICS, list_values
from experiments.statistics.resampling import Units
from experiments.statistics.texts import TEXT_METRICS
from experiments.statistics.tokens import TOKEN_METRICS, token_influence

Weighted = Callable[[FloatArray], float]
"""A metric of one model as a function of the examples' weights"""


def bootstrap_metrics(
    metrics: Sequence[str],
    label: ArrayLike,
    models: Sequence[ArrayLike],
    *,
    group: ArrayLike | None = None,
    threshold: float | Sequence[float] = 0.5,
    num_classes: int | None = None,
    resamples: int = 2_000,
    seed: int = 0,
) -> dict[str, FloatArray]:
    """Resample the examples, the same for all models and metrics, and compute every metric anew.

    Parameters
    ----------
    metrics
        Names of `METRICS` (not for regression: use `bootstrap`)
    label
        As in `influence`, shape (n,)
    models
        Each model's scores or predicted classes, all of one kind
    group
        Which examples belong together, shape (n,): whole groups are drawn
    threshold
        As in `influence`; one, or one per model
    num_classes
        As in `influence`
    resamples
        Resamples, R
    seed
        Seed of NumPy's PCG64

    Returns
    -------
    dict of str to FloatArray
        Shape (R, k) each, NaN where a resample leaves the metric undefined (one class drawn). The
        quantiles of ``draws[:, i] - draws[:, j]`` bound the difference of two models

    Notes
    -----
    The n-out-of-n bootstrap of examples (Efron 1979), by weights; for AUC and AP ties count
    exactly.
    """
    outputs = [np.asarray(model) for model in models]
    if not outputs:
        raise ValueError("Expected at least one model; got none.")
    n = len(np.asarray(label))
    for output in outputs:
        check_size("scores", output, n)
    table = {
        metric: _weighted(metric_name(metric), label, outputs, threshold, num_classes)
        for metric in metrics
    }
    units = Units.of(n, group)
    rng = np.random.Generator(np.random.PCG64(seed))
    size = (check_count("resamples", resamples, least=1), len(outputs))
    draws = {metric: np.empty(size) for metric in metrics}
    for i in range(size[0]):
        weight = np.bincount(units.draw(rng), minlength=n).astype(np.float64)
        for metric, calls in table.items():
            draws[metric][i] = [call(weight) for call in calls]
    return draws


def _weighted(
    name: str,
    label: ArrayLike,
    outputs: Sequence[np.ndarray],
    threshold: float | Sequence[float],
    num_classes: int | None,
) -> list[Weighted]:
    if name in RANK_METRICS:
        kernel = _auc if name == "roc_auc" else _average_precision
        return [_mean_of(kernel, ranked_columns(label, output)) for output in outputs]
    if name in LOSS_METRICS:
        losses = brier_losses if name == "brier" else log_losses
        return [_mean(losses(label, output)) for output in outputs]
    if name in LIST_METRICS:
        return [_mean(list_values(name, label, output)) for output in outputs]
    if name in TEXT_METRICS:
        return [_mean(text_values(name, output)) for output in outputs]
    if name in TOKEN_METRICS:
        return [_of_tokens(name, np.asarray(label), output) for output in outputs]
    if name not in CLASS_METRICS:
        raise ValueError(
            f"Expected a metric of classes, scores, lists or texts; got {name!r}. Use bootstrap."
        )
    coded = code_models(label, outputs, threshold, num_classes, [name])
    size, metric = coded.num_classes, CLASS_METRICS[name]

    def of_cells(cell: np.ndarray) -> Weighted:
        def call(weight: FloatArray) -> float:
            counts = np.bincount(cell, weight, size * size).reshape(size, size)
            return metric(counts / counts.sum(), coded.listed)[0]

        return call

    return [of_cells(coded.label * size + predicted) for predicted in coded.predicted]


def _mean(losses: FloatArray) -> Weighted:
    return lambda weight: float(weight @ losses / weight.sum())


def _of_tokens(name: str, tokens: np.ndarray, sums: np.ndarray) -> Weighted:
    def call(weight: FloatArray) -> float:
        drawn = weight > 0
        scaled = sums[drawn] * weight[drawn].reshape(-1, *[1] * (sums.ndim - 1))
        return token_influence(name, tokens[drawn] * weight[drawn], scaled)[0]

    return call


def _mean_of(kernel: Callable[[Ranks, FloatArray], float], columns: Sequence[Ranks]) -> Weighted:
    def call(weight: FloatArray) -> float:
        values = [kernel(ranks, weight) for ranks in columns]
        # A class that was not drawn is left out, as a class that does not occur is.
        kept = [value for value in values if not math.isnan(value)]
        return sum(kept) / len(kept) if kept else math.nan

    return call


def _auc(ranks: Ranks, weight: FloatArray) -> float:
    positives, negatives = _per_score(ranks, weight)
    m, k = positives.sum(), negatives.sum()
    if m == 0 or k == 0:
        return math.nan
    return float(positives @ (k - np.cumsum(negatives) + negatives / 2)) / (m * k)


def _average_precision(ranks: Ranks, weight: FloatArray) -> float:
    positives, negatives = _per_score(ranks, weight)
    above = np.cumsum(positives)
    if above[-1] == 0:
        return math.nan
    reached = above + np.cumsum(negatives)
    precision = np.divide(above, reached, out=np.zeros_like(above), where=reached > 0)
    return float(positives @ precision / above[-1])


def _per_score(ranks: Ranks, weight: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Add up the weights of positives and of negatives at each distinct score."""
    ordered = weight[ranks.order]
    positives = np.where(ranks.positive, ordered, 0.0)
    negatives = ordered - positives
    if len(ranks.size) < len(ordered):
        starts = np.cumsum(ranks.size) - ranks.size
        positives = np.add.reduceat(positives, starts)
        negatives = np.add.reduceat(negatives, starts)
    return positives, negatives
