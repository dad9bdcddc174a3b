"""The optimizer, and the course of its learning rate."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from trainers.configs import TrainingConfig

_FINAL_SHARE = 1e-3  # of the peak learning rate, at the end of cosine and one_cycle


class Plateau:
    """Halves the learning rate when what is watched has not become smaller for a while."""

    patience = 2
    cut = 0.5

    def __init__(self) -> None:
        self.factor = 1.0
        self._best = math.inf
        self._num_bad = 0

    def step(self, value: float) -> None:
        """Look at the value of another epoch; the smaller the better."""
        if value < self._best:
            self._best, self._num_bad = value, 0
            return
        self._num_bad += 1
        if self._num_bad >= self.patience:
            self.factor, self._num_bad = self.factor * self.cut, 0

    def state(self) -> dict[str, Any]:
        """Return what a checkpoint has to hold."""
        return {"factor": self.factor, "best": self._best, "num_bad": self._num_bad}

    def load_state(self, state: dict[str, Any]) -> None:
        """Undo :meth:`state`."""
        self.factor, self._best = state["factor"], state["best"]
        self._num_bad = state["num_bad"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A part of a network, and how it learns."""

    module: nn.Module
    lr_share: float = 1.0
    """Of the learning rate."""
    rate: float | None = None
    """Of weights that few examples touch. Adam moves a weight that was seen once as far as one that
    is always seen; with an epsilon of lr / rate, small gradients are followed as by gradient descent
    of this rate."""


def build_optimizer(parts: list[Part], config: TrainingConfig) -> torch.optim.Optimizer:
    """Return the optimizer; weight matrices decay, biases and norms do not.

    Parameters
    ----------
    parts
        A later one takes what it has in common with earlier ones; the first one's learning rate is
        the one that is shown.
    """
    part_of = {p: part for part in parts for p in part.module.parameters() if p.requires_grad}
    groups: list[dict[str, Any]] = []
    for part in parts:
        own = [p for p, owner in part_of.items() if owner is part]
        for decay, chosen in (
            (config.weight_decay, [p for p in own if p.dim() >= 2]),
            (0.0, [p for p in own if p.dim() < 2]),
        ):
            if chosen:
                group = {"params": chosen, "weight_decay": decay, "lr": config.lr * part.lr_share}
                if part.rate and config.optimizer != "sgd":
                    group["eps"] = config.lr / part.rate
                groups.append(group)
    match config.optimizer:
        case "adamw":
            return torch.optim.AdamW(groups, lr=config.lr, fused=True)
        case "adam":
            return torch.optim.Adam(groups, lr=config.lr, fused=True)
        case "sgd":
            momentum = config.momentum
            return torch.optim.SGD(groups, lr=config.lr, momentum=momentum, nesterov=momentum > 0)


def lr_share(step: int, total: int, schedule: str, warmup: float) -> float:
    """Return the learning rate at a step as a share of its peak.

    constant and plateau stay at the peak after the warm-up; cosine rises in a line and falls along
    a cosine; one_cycle rises and falls along cosines.
    """
    rise = round(warmup * total)
    if step < rise:
        share = (step + 1) / rise
        return (1 - math.cos(math.pi * share)) / 2 if schedule == "one_cycle" else share
    if schedule in {"constant", "plateau"}:
        return 1.0
    done = min(1.0, (step - rise) / max(1, total - rise))
    return _FINAL_SHARE + (1 - _FINAL_SHARE) * (1 + math.cos(math.pi * done)) / 2
