"""A learner whose outputs are the logits of classes, or numbers: one row of outputs an example."""

from __future__ import annotations

from trainers.models.learner import Learner


class Classifier(Learner):
    """``forward(inputs) -> outputs_BK``."""
