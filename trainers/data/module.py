"""A Lightning data module over a dataset whose tensors live on the training device."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import lightning as L
import torch

from trainers.configs import DataConfig, ImageDataConfig, TrainingConfig
from trainers.data.dataset import Dataset, Split
from trainers.data.loader import (
    Augment,
    TensorLoader,
    ordered_loader,
    shift_turn_scale,
    train_loader,
)

_EVALUATION_BATCH = 512


class ResidentData(L.LightningDataModule):
    """Train and validation batches; the tensors move to the device once, not batch by batch."""

    def __init__(
        self, data: Dataset, config: DataConfig, training: TrainingConfig, *, seed: int
    ) -> None:
        super().__init__()
        self._data = data
        self._augment = _augmentation(config)
        self._batch_size = training.batch_size
        self._seed = seed
        self._loader: TensorLoader | None = None
        self._position: dict[str, int] | None = None

    def setup(self, stage: str) -> None:  # noqa: ARG002 - Lightning names it
        """Move the tensors to where the model is."""
        if self.trainer is not None:
            device = self.trainer.strategy.root_device
            train, val = (_to(split, device) for split in (self._data.train, self._data.val))
            self._data = replace(self._data, train=train, val=val)

    def train_dataloader(self) -> TensorLoader:
        """Return shuffled, perhaps augmented batches."""
        self._loader = train_loader(
            self._data, batch_size=self._batch_size, seed=self._seed, augment=self._augment
        )
        if self._position is not None:  # Lightning restores its loops too late for a loader
            self._loader.load_state_dict(self._position)
        return self._loader

    def state_dict(self) -> dict[str, int]:
        """Return where in the epoch the training is."""
        return self._loader.state_dict() if self._loader else {}

    def load_state_dict(self, state_dict: dict[str, int]) -> None:
        """Let the next loader go on there."""
        self._position = state_dict

    def val_dataloader(self) -> TensorLoader:
        """Return large batches in order."""
        return ordered_loader(self._data.val, batch_size=_EVALUATION_BATCH)


def _augmentation(config: DataConfig) -> Augment | None:
    if isinstance(config, ImageDataConfig) and config.augment:
        return partial(shift_turn_scale, flip=config.flip)
    return None


def _to(split: Split, device: torch.device) -> Split:
    return replace(split, inputs=split.inputs.to(device), labels=split.labels.to(device))
