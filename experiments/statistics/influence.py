"""One number per example and metric: how much the metric would move if the example weighed more.

Everything about uncertainty follows from these values: covariances, intervals, corrections for
groups and for many candidates, without a bootstrap loop.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from experiments.statistics.arrays import (
    BoolArray,
    FloatArray,
    IntArray,
    binary,
    check_size,
    class_index,
    code_classes,
    finite,
    group_index,
    matrix,
    tally,
    vector,
)
from experiments.statistics.gradients import BINARY_METRICS, CLASS_METRICS
from experiments.statistics.probability import brier_losses, log_losses
from experiments.statistics.ranking import Ranks, auc_placements, precision_area, rank
from experiments.statistics.recommendation import LIST_METRICS, list_values
from experiments.statistics.texts import TEXT_METRICS
from experiments.statistics.tokens import TOKEN_METRICS, token_influence

RANK_METRICS = frozenset({"average_precision", "roc_auc"})
LOSS_METRICS = frozenset({"brier", "log_loss"})
REGRESSION_METRICS = frozenset({"mae", "mse", "r2", "rmse"})
LABEL_METRICS = tuple(sorted({*CLASS_METRICS, *RANK_METRICS, *LOSS_METRICS, *REGRESSION_METRICS}))
"""Those of a class or a number beside the true one."""
_OF_TEXTS = (*TEXT_METRICS, *sorted(TOKEN_METRICS))
METRICS = (*LABEL_METRICS, *_OF_TEXTS, *sorted(LIST_METRICS))
"""Names that `influence` and everything built on it understand."""
MEAN_METRICS = frozenset({
    "accuracy", "brier", "log_loss", "mae", "micro_f1", "mse", *LIST_METRICS, *TEXT_METRICS,
})  # fmt: skip
"""Metrics that are plain means over examples."""
LOWER_IS_BETTER = frozenset({
    "brier", "log_loss", "mae", "mse", "perplexity", "rmse", "token_loss",
})  # fmt: skip
ALIASES = {
    "ap": "average_precision",
    "auc": "roc_auc",
    "f1_macro": "macro_f1",
    "f1_micro": "micro_f1",
    "f1_weighted": "weighted_f1",
    "auroc": "roc_auc",
}


def metric_name(metric: str) -> str:
    """Return the metric's own name for a name or an alias such as "auc"."""
    name = ALIASES.get(metric, metric)
    if name not in METRICS:
        told = ", ".join(
            (*LABEL_METRICS, *_OF_TEXTS, "ndcg@10", "recall@10", "hit_rate@10", "mrr@10")
        )
        raise ValueError(f"Expected a metric of {told}; got {metric!r}.")
    return name


def metric_goal(metric: str) -> Literal["max", "min"]:
    """Say whether more ("max") or less ("min") of a metric is better."""
    return "min" if metric_name(metric) in LOWER_IS_BETTER else "max"


@dataclass(frozen=True, slots=True, kw_only=True)
class Influence:
    """A metric on one model's outputs, and each example's influence on it."""

    metric: str
    estimate: float
    """NaN where the metric is not defined"""
    values: FloatArray
    """shape (n,), mean 0; NaN where the metric is not defined or has no derivative"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Influences:
    """A metric on several models' outputs, and each example's influence on each."""

    metric: str
    estimate: FloatArray
    """shape (k,)"""
    values: FloatArray
    """shape (n, k), each column with mean 0"""


def influence(
    metric: str,
    label: ArrayLike,
    scores: ArrayLike,
    *,
    threshold: float = 0.5,
    num_classes: int | None = None,
) -> Influence:
    """Compute a metric and the influence of each example on it.

    Parameters
    ----------
    metric
        One of `METRICS`, or an alias of `ALIASES`
    label
        0 or 1, class numbers 0 .. C - 1, or real numbers for regression; shape (n,)
    scores
        P(class 1) or any score, shape (n,); one column per class, shape (n, C): the highest is the
        prediction; whole numbers, shape (n,): predicted classes; or predictions for regression.
        Lists, tokens and texts: see `list_values`, `token_influence` and `text_scores`
    threshold
        Score from which class 1 is predicted, for scores of shape (n,)
    num_classes
        Length of the label table for predicted classes of shape (n,); else the classes that occur

    Returns
    -------
    Influence
        NaN when the metric is not defined: AUC with one class, AP without positives, F1, precision
        or recall without a denominator, R² of a constant target. MCC with an empty row or column
        keeps its estimate of 0, and has no influence values

    Notes
    -----
    The infinitesimal jackknife: ``d metric/d weight`` at equal weights, times n, mean 0, so that
    ``Σψ²/(n(n - 1))`` is the delta-method variance (for AUC: DeLong's up to n/(n - 1)). AUC and AP
    with C > 2 are means of one-against-rest over the classes that occur; two columns mean the
    second.
    """
    found = influences([metric], label, [scores], threshold=threshold, num_classes=num_classes)[
        metric
    ]
    return Influence(
        metric=found.metric, estimate=float(found.estimate[0]), values=found.values[:, 0]
    )


def influences(
    metrics: Sequence[str],
    label: ArrayLike,
    models: Sequence[ArrayLike],
    *,
    threshold: float | Sequence[float] = 0.5,
    num_classes: int | None = None,
) -> dict[str, Influences]:
    """Compute several metrics of several models and all influence values; each score sorts once.

    Parameters
    ----------
    metrics
        Names, as in `influence`
    label
        As in `influence`, shape (n,)
    models
        Each model's scores, as in `influence`, all of one kind
    threshold
        As in `influence`; one for all models or one per model
    num_classes
        As in `influence`

    Returns
    -------
    dict of str to Influences
        By the names given in `metrics`
    """
    names = {metric: metric_name(metric) for metric in metrics}
    if not models:
        raise ValueError("Expected at least one model; got none.")
    outputs = [np.asarray(model) for model in models]
    n = len(np.asarray(label))
    for output in outputs:
        check_size("scores", output, n)
    wanted = list(dict.fromkeys(names.values()))
    estimate = {name: np.empty(len(outputs)) for name in wanted}
    # One contiguous row per model: each is written and read whole.
    values = {name: np.empty((len(outputs), n)) for name in wanted}
    by_class = [name for name in wanted if name in CLASS_METRICS]
    coded = code_models(label, outputs, threshold, num_classes, by_class) if by_class else None
    for model, output in enumerate(outputs):
        results = _score_influences(wanted, label, output)
        if coded is not None:
            results |= _class_influences(by_class, coded, coded.predicted[model])
        for name, result in results.items():
            estimate[name][model], values[name][model] = result
    return {
        metric: Influences(metric=name, estimate=estimate[name], values=values[name].T)
        for metric, name in names.items()
    }


def influence_covariance(values: ArrayLike, *, group: ArrayLike | None = None) -> FloatArray:
    """Covariance of estimates from their influence values.

    Parameters
    ----------
    values
        Influence values with mean 0, one column per estimate, shape (n, k)
    group
        Which examples belong together (one patient, one document), shape (n,): the values are
        added up inside each group first

    Returns
    -------
    FloatArray
        shape (k, k); NaN for one example or one group

    Notes
    -----
    ``ΨᵀΨ/(n(n - 1))``; with G groups ``G/(G - 1)·SᵀS/n²``, the cluster-robust sandwich (CR1, Liang &
    Zeger 1986), which is the same when every group has one example.
    """
    psi = np.asarray(values, dtype=np.float64)
    if psi.ndim != 2:
        raise ValueError(f"Expected values of shape (n, k); got shape {psi.shape}.")
    n = len(psi)
    if group is None:
        return psi.T @ psi / (n * (n - 1)) if n > 1 else np.full((psi.shape[1],) * 2, math.nan)
    index, size = group_index(group, n)
    if size < 2:
        return np.full((psi.shape[1],) * 2, math.nan)
    sums = np.stack([np.bincount(index, column, size) for column in psi.T], axis=1)
    return sums.T @ sums * (size / (size - 1)) / n**2


@dataclass(frozen=True, slots=True, kw_only=True)
class CodedModels:
    """Labels and predictions of several models, numbered by one list of classes."""

    label: IntArray
    predicted: list[IntArray]
    num_classes: int
    listed: BoolArray


def code_models(
    label: ArrayLike,
    outputs: Sequence[np.ndarray],
    threshold: float | Sequence[float],
    num_classes: int | None,
    metrics: Sequence[str],
) -> CodedModels:
    """Return labels and every model's predictions, numbered by one list of classes."""
    first = outputs[0]
    if any(output.ndim != first.ndim for output in outputs):
        raise ValueError("Expected scores of one shape for all models; got (n,) and (n, C).")
    if first.ndim == 2:
        size = first.shape[1]
        if any(output.shape[1] != size for output in outputs):
            raise ValueError(f"Expected {size} classes in every model; got other numbers too.")
        predicted = [matrix("scores", output).argmax(axis=1) for output in outputs]
        index, listed = class_index(label, size), np.ones(size, bool)
    elif first.dtype.kind == "f":
        index = binary(label).astype(np.int64)
        for output in outputs:
            vector("scores", output)
        # Compared in the scores' own precision: a stored 0.7 reaches a threshold of 0.7.
        cuts = np.broadcast_to(threshold, len(outputs)).tolist()
        predicted = [
            (output >= cut).astype(np.int64) for output, cut in zip(outputs, cuts, strict=True)
        ]
        size, listed = 2, np.ones(2, bool)
    else:
        coded = code_classes([label, *outputs], num_classes)
        index, *predicted = coded.columns
        size, listed = coded.num_classes, coded.listed
        if size == 1:
            size, listed = 2, np.array([True, False])
    binary_only = BINARY_METRICS.intersection(metrics)
    if binary_only and size > 2:
        name = min(binary_only)
        advice = " Use macro_f1." if name == "f1" else ""
        raise ValueError(f"Expected 2 classes for metric {name!r}; got {size}.{advice}")
    return CodedModels(label=index, predicted=predicted, num_classes=size, listed=listed)


def _class_influences(
    names: Sequence[str], coded: CodedModels, predicted: IntArray
) -> dict[str, tuple[float, FloatArray]]:
    share = tally(coded.label, predicted, coded.num_classes) / len(predicted)
    cell = coded.label * coded.num_classes + predicted
    results = {}
    for name in names:
        estimate, slope = CLASS_METRICS[name](share, coded.listed)
        centred = slope - (share * slope).sum()
        results[name] = estimate, centred.ravel()[cell]
    return results


def _score_influences(
    names: Sequence[str], label: ArrayLike, scores: np.ndarray
) -> dict[str, tuple[float, FloatArray]]:
    results: dict[str, tuple[float, FloatArray]] = {}
    columns = ranked_columns(label, scores) if RANK_METRICS.intersection(names) else []
    for name in names:
        if name in RANK_METRICS:
            kernel = _auc if name == "roc_auc" else _average_precision
            parts = [kernel(ranks) for ranks in columns]
            estimate = sum(part[0] for part in parts) / len(parts)
            results[name] = estimate, np.mean([part[1] for part in parts], axis=0)
        elif name in LOSS_METRICS:
            losses = brier_losses if name == "brier" else log_losses
            results[name] = _mean(losses(label, scores))
        elif name in REGRESSION_METRICS:
            results[name] = _regression(name, label, scores)
        elif name in TOKEN_METRICS:
            results[name] = token_influence(name, label, scores)
        elif name in LIST_METRICS:
            results[name] = _mean(list_values(name, label, scores))
        elif name in TEXT_METRICS:
            results[name] = _mean(text_values(name, scores))
    return results


def text_values(name: str, scores: ArrayLike) -> FloatArray:
    """Return a metric's column of `text_scores`."""
    table = matrix("scores", scores)
    if table.shape[1] != len(TEXT_METRICS):
        raise ValueError(f"Expected one score for each of {', '.join(TEXT_METRICS)}.")
    return table[:, TEXT_METRICS.index(name)]


def ranked_columns(label: ArrayLike, scores: np.ndarray) -> list[Ranks]:
    """Sort a model's column of scores; with more than two classes each class against the rest."""
    if scores.ndim == 1:
        return [rank(binary(label), vector("scores", scores))]
    table = matrix("scores", scores)
    index = class_index(label, table.shape[1])
    present = np.flatnonzero(np.bincount(index, minlength=table.shape[1]))
    chosen = [1] if table.shape[1] == 2 else present
    return [rank(index == c, table[:, c]) for c in chosen]


def _auc(ranks: Ranks) -> tuple[float, FloatArray]:
    area, if_positive, if_negative = auc_placements(ranks)
    n = len(ranks.order)
    if math.isnan(area):
        return math.nan, np.full(n, math.nan)
    if_positive = (if_positive - area) * (n / ranks.num_positive)
    if_negative = (if_negative - area) * (n / ranks.num_negative)
    return area, ranks.spread(if_positive, if_negative)


def _average_precision(ranks: Ranks) -> tuple[float, FloatArray]:
    area = precision_area(ranks)
    n = len(ranks.order)
    if math.isnan(area):
        return math.nan, np.full(n, math.nan)
    prevalence = ranks.num_positive / n
    reached = ranks.above + ranks.below
    precision = ranks.above / reached
    gained = np.diff(ranks.above, prepend=0.0)
    # An example also moves the precision at every positive that scores no higher than itself.
    pull = np.cumsum((gained / reached)[::-1])[::-1] / prevalence
    drag = np.cumsum((gained * precision / reached)[::-1])[::-1] / prevalence
    if_positive = (precision - area) / prevalence + pull - drag
    values = ranks.spread(if_positive, -drag)
    return area, values - values.mean()


def _mean(losses: FloatArray) -> tuple[float, FloatArray]:
    mean = float(losses.mean())
    return mean, losses - mean


def _regression(name: str, label: ArrayLike, scores: np.ndarray) -> tuple[float, FloatArray]:
    target = finite("label", vector("label", label))
    error = finite("scores", vector("scores", scores, size=len(target))) - target
    if name == "mae":
        return _mean(np.abs(error))
    mean, values = _mean(error**2)
    if name == "mse":
        return mean, values
    if name == "rmse":
        root = math.sqrt(mean)
        return root, values / (2 * root) if root > 0 else np.zeros(len(values))
    spread, spread_values = _mean((target - target.mean()) ** 2)
    if spread == 0:
        return math.nan, np.full(len(target), math.nan)
    return 1 - mean / spread, mean * spread_values / spread**2 - values / spread
