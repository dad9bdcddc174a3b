"""Naming the class of an example: losses for balanced and for rare classes, scores.

B batch   N examples   C classes
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

import torch
from torch import Tensor
from torch.nn import functional as F

from trainers.configs import TrainingConfig
from trainers.data.targets import Target
from trainers.errors import SpecError
from trainers.tasks.base import Rows, Task

if TYPE_CHECKING:
    from trainers.data.dataset import Split

_FOCUS = 2.0  # of the focal loss, as its authors recommend


class ClassTask(Task):
    """One of several classes; `bce` and `focal` look at two."""

    goals: Mapping[str, str] = {
        "loss": "min",
        "acc": "max",
        "f1": "max",
        "auc": "max",
        "ap": "max",
    }
    units: Mapping[str, str] = {"loss": "nats"}
    train_metric: ClassVar[str | None] = "acc"

    def __init__(self, target: Target, training: TrainingConfig) -> None:
        self.num_outputs = len(target.classes)
        self.monitor = "f1"
        self._classes = target.classes
        self._loss = training.loss
        self._smoothing = training.label_smoothing
        self._weights_C: Tensor | None = None
        if self._loss in {"mse", "mae", "huber", "softmax", "bpr"}:
            raise SpecError([f"Expected a training.loss for classes; got {self._loss}. Use auto."])
        if self._loss in {"bce", "focal"} and self.num_outputs != 2:
            raise SpecError(
                [
                    (
                        f"Expected two classes for training.loss {self._loss}; got {self.num_outputs}. "
                        "Use cross_entropy."
                    )
                ]
            )
        if training.class_weights == "balanced" and target.counts:
            counts = torch.tensor(target.counts, dtype=torch.float32).clamp_min(1)
            self._weights_C = counts.sum() / (len(counts) * counts)
        if self._loss == "focal" or training.class_weights == "balanced":
            self.monitor = "ap" if self.num_outputs == 2 else "f1"

    def loss(self, outputs: Tensor, labels: Tensor) -> Tensor:
        """Return the mean loss of a batch, in nats where it is not weighted."""
        weights = None if self._weights_C is None else self._weights_C.to(outputs.device)
        if self._loss in {"auto", "cross_entropy"}:
            return F.cross_entropy(outputs, labels, weights, label_smoothing=self._smoothing)
        odds_B = outputs[:, 1] - outputs[:, 0]
        truth_B = labels.to(odds_B.dtype)
        weight_B = None if weights is None else weights[labels]
        loss_B = F.binary_cross_entropy_with_logits(odds_B, truth_B, reduction="none")
        if self._loss == "focal":
            loss_B = loss_B * (1 - torch.exp(-loss_B)) ** _FOCUS
        if weight_B is None:
            return loss_B.mean()
        return (loss_B * weight_B).sum() / weight_B.sum()

    def hits(self, outputs: Tensor, labels: Tensor) -> Tensor | None:
        """Return how many classes are named rightly."""
        return (outputs.argmax(1) == labels).sum()

    def judge(self, outputs: Tensor, labels: Tensor) -> Tensor:
        """Return the logits."""
        del labels
        return outputs.float()

    def scores(self, judged_NK: Tensor, labels: Tensor) -> dict[str, float]:
        """Return loss, accuracy, F1, and for two classes the areas under two curves."""
        return classification_scores(judged_NK, labels)

    def rows(self, judged_NK: Tensor, split: Split) -> Rows:
        """Return the probability of each class."""
        return Rows(
            ids=list(split.ids),
            label=split.labels.cpu().numpy(),
            scores=judged_NK.double().softmax(1).cpu().numpy(),
            slices=split.slices,
            group=split.groups,
            classes=self._classes,
            task="classification",
        )


def classification_scores(logits_NC: Tensor, labels_N: Tensor) -> dict[str, float]:
    """Return ``loss`` (nats), ``acc``, ``f1`` (macro, absent classes left out).

    For two classes also ``auc`` (under the ROC curve) and ``ap`` (average precision of the second
    class, the area under the precision-recall curve).
    """
    num_classes = logits_NC.shape[1]
    pairs = labels_N * num_classes + logits_NC.argmax(1)
    table_CC = torch.bincount(pairs, minlength=num_classes**2).view(num_classes, num_classes)
    hits_C = table_CC.diagonal().float()
    seen_C = (table_CC.sum(0) + table_CC.sum(1)).float()  # twice where label and answer agree
    f1_C = 2 * hits_C[seen_C > 0] / seen_C[seen_C > 0]
    scores = {
        "loss": F.cross_entropy(logits_NC, labels_N).item(),
        "acc": (hits_C.sum() / len(labels_N)).item(),
        "f1": f1_C.mean().item(),
    }
    if num_classes == 2 and 0 < int(labels_N.sum()) < len(labels_N):
        scores.update(_areas(logits_NC[:, 1] - logits_NC[:, 0], labels_N == 1))
    return scores


def _areas(score_N: Tensor, is_positive_N: Tensor) -> dict[str, float]:
    """Return the areas under both curves; equal scores are one point of a curve."""
    _, place_N, count_U = score_N.unique(return_inverse=True, return_counts=True)
    positive_U = torch.zeros(len(count_U), dtype=torch.float64, device=score_N.device)
    positive_U.index_add_(0, place_N, is_positive_N.double())
    negative_U = count_U.double() - positive_U
    num_positive, num_negative = positive_U.sum(), negative_U.sum()
    below_U = negative_U.cumsum(0) - negative_U
    auc = (positive_U * (below_U + negative_U / 2)).sum() / (num_positive * num_negative)
    found_U, named_U = positive_U.flip(0).cumsum(0), count_U.double().flip(0).cumsum(0)
    ap = (positive_U.flip(0) * found_U / named_U).sum() / num_positive
    return {"auc": auc.item(), "ap": ap.item()}
