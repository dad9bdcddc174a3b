"""Predicting numbers: one for each example, or several for the next steps of a series.

B batch   N examples   H numbers an example
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn import functional as F

from trainers.configs import TrainingConfig
from trainers.data.targets import Target
from trainers.errors import SpecError
from trainers.tasks.base import Rows, Task, regression_rows

if TYPE_CHECKING:
    from trainers.data.dataset import Split

_LOSSES = {"auto": F.mse_loss, "mse": F.mse_loss, "mae": F.l1_loss, "huber": F.smooth_l1_loss}


class NumberTask(Task):
    """Numbers; the network works on those of mean 0 and deviation 1, scores are in real units."""

    goals: Mapping[str, str] = {"loss": "min", "mae": "min", "rmse": "min", "r2": "max"}

    def __init__(self, target: Target, training: TrainingConfig) -> None:
        if training.loss not in _LOSSES:
            raise SpecError(
                [f"Expected a training.loss for numbers; got {training.loss}. Use auto."]
            )
        self.num_outputs = len(target.mean)
        self._names = target.names
        self._mean_H = torch.tensor(target.mean)
        self._std_H = torch.tensor(target.std)
        self._loss = _LOSSES[training.loss]

    def loss(self, outputs: Tensor, labels: Tensor) -> Tensor:
        """Return the mean loss on the normalised scale."""
        mean_H, std_H = self._mean_H.to(outputs.device), self._std_H.to(outputs.device)
        return self._loss(outputs.float(), (labels - mean_H) / std_H)

    def judge(self, outputs: Tensor, labels: Tensor) -> Tensor:
        """Return the predicted numbers in their own unit."""
        del labels
        return outputs.float() * self._std_H.to(outputs.device) + self._mean_H.to(outputs.device)

    def scores(self, judged_NK: Tensor, labels: Tensor) -> dict[str, float]:
        """Return the loss (normalised), errors in real units, and the share that is explained."""
        mean_H, std_H = self._mean_H.to(labels.device), self._std_H.to(labels.device)
        error_NH = (judged_NK - labels).double()
        around = (labels - labels.mean(0)).double().square().sum()
        loss = self._loss((judged_NK - mean_H) / std_H, (labels - mean_H) / std_H)
        return {
            "loss": loss.item(),
            "mae": error_NH.abs().mean().item(),
            "rmse": error_NH.square().mean().sqrt().item(),
            "r2": (1 - error_NH.square().sum() / around.clamp_min(1e-12)).item(),
        }

    def rows(self, judged_NK: Tensor, split: Split) -> Rows:
        """Return one row an example, or one for each of its numbers, tied together as a group."""
        if self.num_outputs == 1:
            return regression_rows(split, split.labels[:, 0], judged_NK[:, 0])
        width = self.num_outputs
        slices = {
            key: [v for v in values for _ in range(width)] for key, values in split.slices.items()
        }
        slices["output"] = list(self._names) * len(split)
        return Rows(
            ids=[f"{example}/{name}" for example in split.ids for name in self._names],
            label=split.labels.double().cpu().numpy().ravel(),
            scores=judged_NK.double().cpu().numpy().ravel(),
            slices=slices,
            group=[example for example in split.ids for _ in range(width)],
            classes=None,
            task="regression",
        )
