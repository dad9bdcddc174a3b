"""Several candidates against one control, on the same examples, in several metrics."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from experiments.statistics.arrays import FloatArray, check_level
from experiments.statistics.difference import Case, PairedDifference, same_outputs
from experiments.statistics.influence import influence_covariance, influences
from experiments.statistics.multiple import control_contrasts, marginal_level, max_t_intervals


@dataclass(frozen=True, slots=True, kw_only=True)
class ManyDifferences:
    """Several candidates against a control, with intervals that hold together."""

    metric: str
    values: FloatArray
    """shape (k,), the metric of each model, the control too"""
    covariance: FloatArray
    """shape (k, k), of the values: for `could_be_best`"""
    differences: tuple[PairedDifference, ...]
    """k - 1 of them, candidate minus control, in the order of the models"""
    critical: float
    """simultaneous critical value on the normal scale: 1.96 for one candidate"""


def difference_table(
    metrics: Sequence[str],
    label: ArrayLike,
    models: Sequence[ArrayLike],
    *,
    group: ArrayLike | None = None,
    level: float = 0.95,
    threshold: float | Sequence[float] = 0.5,
    num_classes: int | None = None,
    unseen: int = 0,
    seed: int = 0,
) -> dict[str, ManyDifferences]:
    """Compare several candidates with a control in several metrics, corrected for their number.

    Parameters
    ----------
    metrics
        Names of `METRICS`; each is corrected for the candidates, not for the number of metrics
    label
        As in `paired_difference`
    models
        Each model's scores or predicted classes, all of one kind; the first is the control
    group
        As in `paired_difference`
    level
        Chance that all intervals of one metric hold together
    threshold
        As in `paired_difference`; one, or one per model
    num_classes
        As in `paired_difference`
    unseen
        Candidates that were looked at on these examples but are not among the models
    seed
        Seed of NumPy's PCG64, for the critical value

    Notes
    -----
    The simultaneous critical value of `max_t_intervals` is turned into the level at which a single
    interval reaches as far; each difference then takes the interval of `paired_difference` at that
    level, with its own degrees of freedom or Tango's.
    """
    check_level(level)
    outputs = [np.asarray(model) for model in models]
    rows = control_contrasts(len(outputs), 0)
    cuts = np.broadcast_to(threshold, len(outputs))
    same = [same_outputs(m, outputs[0], (c, cuts[0])) for m, c in zip(outputs, cuts, strict=True)]
    found = influences(metrics, label, outputs, threshold=threshold, num_classes=num_classes)
    table = {}
    for metric, values in found.items():
        case = Case.of(values, label, group)
        covariance = influence_covariance(values.values, group=group)
        critical = _critical(values.estimate, covariance, rows, level, unseen=unseen, seed=seed)
        single = marginal_level(critical) if critical > 0 else level
        table[metric] = ManyDifferences(
            metric=case.name,
            values=values.estimate,
            covariance=covariance,
            differences=tuple(
                case.difference(k, 0, single, identical=same[k]) for k in range(1, len(outputs))
            ),
            critical=critical,
        )
    return table


def _critical(
    estimate: FloatArray,
    covariance: FloatArray,
    rows: FloatArray,
    level: float,
    *,
    unseen: int,
    seed: int,
) -> float:
    """Return the simultaneous critical value over the models on which the metric is defined."""
    usable = np.isfinite(estimate) & np.isfinite(np.diag(covariance))
    kept = rows[(rows[:, ~usable] == 0).all(axis=1)][:, usable]
    if len(kept) == 0:
        return math.nan
    return max_t_intervals(
        estimate[usable],
        covariance[np.ix_(usable, usable)],
        contrasts=kept,
        level=level,
        unseen=unseen,
        seed=seed,
    ).critical
