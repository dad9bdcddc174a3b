"""What all classifiers share: the training and validation step, the optimizer, the schedule.

A network subclasses :class:`Classifier` and adds its layers and ``forward(inputs) -> logits_BC``.

    B batch   C classes
"""

from __future__ import annotations

import math
import time
from typing import Any

import lightning as L
import torch
from torch import Tensor
from torch.nn import functional as F
from torch.optim.lr_scheduler import LambdaLR

from trainers.configs import TrainingConfig
from trainers.cost import TrainingCost
from trainers.errors import TrainingFailedError

_FINAL_SHARE = 1e-3  # of the peak learning rate, at the end of cosine and one_cycle


class Classifier(L.LightningModule):
    """Learns to name the class of an example.

    Logs ``train/loss``, ``train/acc`` and ``lr`` every ``log_every`` steps (averages since the
    last point, summed on the device: one synchronisation per point, not per step) and ``val/*``,
    ``epoch_s`` and ``examples_per_s`` once an epoch.
    """

    def __init__(self, num_classes: int, training: TrainingConfig) -> None:
        super().__init__()
        self.num_classes = num_classes
        self.training_config = training
        self.card: dict[str, Any] = {}
        """Plain values that let a checkpoint be used without anything beside it."""
        self.meter: TrainingCost | None = None
        self._sums: Tensor | None = None  # loss, hits, examples since the last point
        self.last_point: dict[str, float] = {}
        """The newest ``train/*`` values."""
        self._validated: list[tuple[Tensor, Tensor]] = []
        self._epoch_started = self._training_ended = 0.0
        self._num_seen = self._num_steps = 0
        self._has_point = False

    def training_step(self, batch: tuple[Tensor, Tensor]) -> Tensor:
        """Return the mean cross-entropy of a batch, in nats."""
        inputs, labels_B = batch
        logits_BC = self(inputs)
        loss = F.cross_entropy(logits_BC, labels_B)
        self._num_seen += len(labels_B)
        self._num_steps = self.global_step + 1
        with torch.no_grad():
            hits = (logits_BC.argmax(1) == labels_B).sum()
            size = len(labels_B)
            sums = torch.stack(
                [loss.detach().float() * size, hits.float(), hits.new_tensor(size).float()]
            )
            self._sums = sums if self._sums is None else self._sums + sums
        is_due = self._num_steps % self.training_config.log_every == 0
        if is_due or (self.trainer.is_last_batch and not self._has_point):
            self._log_training_point()
        return loss

    def _log_training_point(self) -> None:
        if self._sums is None:
            return
        loss, hits, size = self._sums.tolist()
        self._sums, self._has_point = None, True
        rate = self.trainer.optimizers[0].param_groups[0]["lr"]
        self.last_point = {"train/loss": loss / size, "train/acc": hits / size, "lr": rate}
        if self.logger:  # at once: what waits for the end of the step is lost if a stop comes first
            point = {**self.last_point, "epoch": self._position()}
            self.logger.log_metrics(point, step=self.global_step)
        self._refuse_nan("train/loss", loss)

    def on_train_start(self) -> None:
        """Start the clock of an epoch that goes on in the middle."""
        self._epoch_started = time.perf_counter()
        if self._sums is not None:
            self._sums = self._sums.to(self.device)

    def on_train_epoch_start(self) -> None:
        """Start the clock."""
        self._epoch_started = time.perf_counter()
        self._num_seen, self._has_point = 0, False

    def on_validation_epoch_start(self) -> None:
        """Stop the clock of the training part."""
        self._training_ended = time.perf_counter()

    def validation_step(self, batch: tuple[Tensor, Tensor]) -> None:
        """Keep logits and labels; they are judged together at the end of the epoch."""
        inputs, labels_B = batch
        self._validated.append((self(inputs).float(), labels_B))

    def on_validation_epoch_end(self) -> None:
        """Log what the whole validation split says."""
        logits_BC, labels_B = (torch.cat(part) for part in zip(*self._validated, strict=True))
        self._validated.clear()
        scores = classification_scores(logits_BC, labels_B)
        metrics = {f"val/{name}": value for name, value in scores.items()}
        if self._num_seen:
            train_s = max(self._training_ended - self._epoch_started, 1e-9)
            metrics["epoch_s"] = time.perf_counter() - self._epoch_started
            metrics["examples_per_s"] = self._num_seen / train_s
        self.log_dict({**metrics, "epoch": self._position()})
        self._refuse_nan("val/loss", scores["loss"])

    def _position(self) -> float:
        """Return the epochs trained so far, parts of one included; Lightning counts whole ones."""
        return self._num_steps / max(1, self.trainer.num_training_batches)

    def _refuse_nan(self, name: str, loss: float) -> None:
        if not math.isfinite(loss):
            config = self.training_config
            raise TrainingFailedError(
                f"Expected {name} to stay finite; got {loss} at step {self._num_steps}. "
                f"Lower training.lr (now {config.lr}) or training.grad_clip (now {config.grad_clip})."
            )

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Put the card beside the weights, and what the next point is made of."""
        checkpoint["bakeoff"] = self.card
        checkpoint["progress"] = {
            "sums": self._sums,
            "num_seen": self._num_seen,
            "num_steps": self._num_steps,
            "has_point": self._has_point,
            "spent": self.meter.state() if self.meter else None,
        }

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Go on in the middle of an epoch, if that is where it was left."""
        progress = checkpoint["progress"]
        self._sums = progress["sums"]
        self._num_seen, self._num_steps = progress["num_seen"], progress["num_steps"]
        self._has_point = progress["has_point"]
        if self.meter and progress["spent"]:
            self.meter.load_state(progress["spent"])

    def configure_optimizers(self) -> Any:
        """Return the optimizer and its schedule, advanced every step."""
        optimizer = build_optimizer(self, self.training_config)
        total = max(1, int(self.trainer.estimated_stepping_batches))
        config = self.training_config
        schedule = LambdaLR(
            optimizer,
            lambda step: lr_share(step, total, config.schedule, config.warmup),
        )
        return {
            "optimizer": optimizer,
            "lr_scheduler": {"scheduler": schedule, "interval": "step"},
        }


def classification_scores(logits_BC: Tensor, labels_B: Tensor) -> dict[str, float]:
    """Return ``loss`` (nats), ``acc`` and ``f1`` (macro, absent classes left out)."""
    num_classes = logits_BC.shape[1]
    pairs = labels_B * num_classes + logits_BC.argmax(1)
    table_CC = torch.bincount(pairs, minlength=num_classes**2).view(num_classes, num_classes)
    hits_C = table_CC.diagonal().float()
    seen_C = (table_CC.sum(0) + table_CC.sum(1)).float()  # twice where label and answer agree
    f1_C = 2 * hits_C[seen_C > 0] / seen_C[seen_C > 0]
    return {
        "loss": F.cross_entropy(logits_BC, labels_B).item(),
        "acc": (hits_C.sum() / len(labels_B)).item(),
        "f1": f1_C.mean().item(),
    }


def build_optimizer(module: torch.nn.Module, config: TrainingConfig) -> torch.optim.Optimizer:
    """Return the optimizer; weight matrices decay, biases and norms do not."""
    parameters = [p for p in module.parameters() if p.requires_grad]
    groups = [
        {"params": [p for p in parameters if p.dim() >= 2], "weight_decay": config.weight_decay},
        {"params": [p for p in parameters if p.dim() < 2], "weight_decay": 0.0},
    ]
    fused = config.precision == "32-true" or not config.grad_clip  # Lightning cannot clip both
    match config.optimizer:
        case "adamw":
            return torch.optim.AdamW(groups, lr=config.lr, fused=fused)
        case "adam":
            return torch.optim.Adam(groups, lr=config.lr, fused=fused)
        case "sgd":
            return torch.optim.SGD(groups, lr=config.lr, momentum=0.9, nesterov=True)


def lr_share(step: int, total: int, schedule: str, warmup: float) -> float:
    """Return the learning rate at a step as a share of its peak.

    constant stays at the peak after the warm-up; cosine rises in a line and falls along a cosine;
    one_cycle rises and falls along cosines.
    """
    rise = round(warmup * total)
    if step < rise:
        share = (step + 1) / rise
        return (1 - math.cos(math.pi * share)) / 2 if schedule == "one_cycle" else share
    if schedule == "constant":
        return 1.0
    done = min(1.0, (step - rise) / max(1, total - rise))
    return _FINAL_SHARE + (1 - _FINAL_SHARE) * (1 + math.cos(math.pi * done)) / 2
