"""Averaged weights: often better than the last ones, judged and kept in their place."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import lightning as L
from torch import Tensor

from trainers.configs import TrainingConfig


class WeightAverage(L.Callback):
    """Averages weights after every step (ema) or over the last epochs (swa).

    The average stands in for the weights while validating and in ``best.ckpt``; training goes on
    with the weights themselves, which checkpoints hold under ``raw_weights``.
    """

    def __init__(self, config: TrainingConfig) -> None:
        self._is_ema = config.average == "ema"
        self._decay = config.ema_decay
        self._first_epoch = 0 if self._is_ema else round(config.swa_start * config.epochs)
        self._average: dict[str, Tensor] | None = None
        self._num_averaged = 0
        self._is_swapped = False

    def on_train_batch_end(
        self, trainer: L.Trainer, pl_module: L.LightningModule, *_args: Any, **_kwargs: Any
    ) -> None:
        """Let the new weights into the average."""
        if trainer.current_epoch < self._first_epoch or self._does_wait(trainer):
            return
        weights = dict(_weights(pl_module))
        if self._average is None:
            self._average = {name: value.clone() for name, value in weights.items()}
            self._num_averaged = 1
            return
        self._num_averaged += 1
        # A young average must not remember the first, random weights for long.
        young = (1 + self._num_averaged) / (10 + self._num_averaged)
        kept = min(self._decay, young) if self._is_ema else 1 - 1 / self._num_averaged
        for name, value in weights.items():
            if value.is_floating_point():
                self._average[name].lerp_(value, 1 - kept)
            else:
                self._average[name].copy_(value)

    @staticmethod
    def _does_wait(trainer: L.Trainer) -> bool:
        return trainer.fit_loop.epoch_loop._should_accumulate()  # noqa: SLF001 - nothing public says it

    def on_validation_epoch_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Judge the average."""
        del trainer
        self._swap(pl_module, to_average=True)

    def on_validation_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Go on with the weights themselves."""
        del trainer
        self._swap(pl_module, to_average=False)

    def on_save_checkpoint(
        self, trainer: L.Trainer, pl_module: L.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Keep both; the average under the name that everybody reads."""
        del trainer
        if self._average is None:
            return
        now = {name: value.clone() for name, value in _weights(pl_module)}
        raw, average = (self._average, now) if self._is_swapped else (now, self._average)
        checkpoint["raw_weights"] = dict(raw)
        checkpoint["state_dict"] = {**checkpoint["state_dict"], **average}
        checkpoint["num_averaged"] = self._num_averaged

    def on_load_checkpoint(
        self, trainer: L.Trainer, pl_module: L.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Take both up again."""
        del trainer
        if "raw_weights" not in checkpoint:
            return
        raw = checkpoint["raw_weights"]
        device = pl_module.device
        self._average = {name: checkpoint["state_dict"][name].to(device).clone() for name in raw}
        self._num_averaged = checkpoint["num_averaged"]
        pl_module.load_state_dict(raw, strict=False)

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        """Follow the model to its device."""
        del trainer
        if self._average is not None:
            self._average = {name: v.to(pl_module.device) for name, v in self._average.items()}

    def _swap(self, pl_module: L.LightningModule, *, to_average: bool) -> None:
        if self._average is None or self._is_swapped == to_average:
            return
        for name, value in _weights(pl_module):
            kept = value.clone()
            value.copy_(self._average[name])
            self._average[name] = kept
        self._is_swapped = to_average


def _weights(pl_module: L.LightningModule) -> Iterator[tuple[str, Tensor]]:
    """Yield parameters and buffers that belong to the model, as they are."""
    for name, value in pl_module.state_dict().items():
        yield name, value.detach()
