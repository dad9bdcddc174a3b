"""What decides where a policy leaves it open: accuracy of classes, the mean error of numbers."""

import math
from dataclasses import replace
from typing import Final

from experiments.releasing.measured import Measured, Model, measure
from experiments.releasing.policy import AUTO, Policy

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
    if not model.says_numbers(policy.split):
        return replace(policy, metric="accuracy")
    found = measure(model, f"{policy.split}/mae", split=policy.split, level=policy.level)
    error = found.value if isinstance(found, Measured) else 0.0
    return replace(policy, metric="mae", margin=_short(_SHARE * error) or policy.margin)


def _short(value: float) -> float:
    """Return a number with two digits that count."""
    return float(f"{value:.2g}") if math.isfinite(value) else 0.0
