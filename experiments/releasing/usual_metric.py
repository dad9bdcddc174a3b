"""What decides where a policy leaves it open: accuracy of classes, the mean error of numbers, ..."""

import math
from dataclasses import replace
from typing import Final

from experiments.evaluating.overview import metrics_for
from experiments.evaluating.predicted import Predicted
from experiments.releasing.measured import Measured, Model, measure
from experiments.releasing.policy import AUTO, Policy
from experiments.statistics import metric_goal

_SHARE: Final = 0.05
"""Of a mean error: a smaller difference does not matter where nobody has said what does."""


def settled(policy: Policy, model: Model) -> Policy:
    """Return a policy with the metric that suits a model, and a margin in that metric's unit.

    Parameters
    ----------
    policy
        As people wrote it.
    model
        The champion, or what shall become the first.
    """
    if policy.metric != AUTO:
        return policy
    table = model.predictions(policy.split)
    if table is None or not model.says_numbers(policy.split):
        return replace(policy, metric="accuracy")
    metric = metrics_for(Predicted.of(table))[0]
    if metric_goal(metric) == "max":  # a share between 0 and 1, as accuracy: the same margin
        return replace(policy, metric=metric)
    found = measure(model, f"{policy.split}/{metric}", split=policy.split, level=policy.level)
    error = found.value if isinstance(found, Measured) else 0.0
    return replace(policy, metric=metric, margin=_short(_SHARE * error) or policy.margin)


def _short(value: float) -> float:
    """Return a number with two digits that count."""
    return float(f"{value:.2g}") if math.isfinite(value) else 0.0
