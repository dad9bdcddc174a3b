"""A Lightning data module over a dataset whose tensors live on the training device."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import lightning as L
import torch
from torch import Tensor

from trainers.configs import DataConfig, ImageDataConfig, TrainingConfig
from trainers.data.augmentation import shift_turn_scale
from trainers.data.dataset import Dataset, Split
from trainers.data.loader import Augment, TensorLoader, is_text, ordered_loader

_EVALUATION_BATCH = 512
_MAX_NUMBERS = 2**24
"""Outputs of one evaluation batch: language models say a vocabulary at every place."""


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
        self._rank, self._world = 0, 1
        self._loader: TensorLoader | None = None
        self._position: dict[str, int] | None = None

    def setup(self, stage: str) -> None:  # noqa: ARG002 - Lightning names it
        """Move the tensors to where the model is, and learn who trains together."""
        if self.trainer is not None:
            device = self.trainer.strategy.root_device
            train, val = (split_to(split, device) for split in (self._data.train, self._data.val))
            self._data = replace(self._data, train=train, val=val)
            self._rank, self._world = self.trainer.global_rank, self.trainer.world_size

    def train_dataloader(self) -> TensorLoader:
        """Return shuffled, perhaps augmented batches."""
        self._loader = TensorLoader(
            self._data.train,
            batch_size=self._batch_size,
            seed=self._seed,
            augment=self._augment,
            is_text=is_text(self._data.train),
            rank=self._rank,
            world=self._world,
        )
        if self._position is not None:  # Lightning restores its loops too late for a loader
            self._loader.load_state_dict(self._position)
        return self._loader

    def val_dataloader(self) -> TensorLoader:
        """Return large batches in order."""
        size = evaluation_batch(self._data)
        return ordered_loader(self._data.val, batch_size=size, rank=self._rank, world=self._world)

    def transfer_batch_to_device(
        self, batch: Any, device: torch.device, dataloader_idx: int
    ) -> tuple[Tensor, Tensor]:
        """Return the batch, which its loader has put there already."""
        del device, dataloader_idx
        return batch

    def state_dict(self) -> dict[str, int]:
        """Return where in the epoch the training is."""
        return self._loader.state_dict() if self._loader else {}

    def load_state_dict(self, state_dict: dict[str, int]) -> None:
        """Let the next loader go on there."""
        self._position = state_dict


def evaluation_batch(data: Dataset) -> int:
    """Return how many examples are judged at once."""
    outputs = getattr(data.input, "num_tokens", 1) * getattr(data.input, "max_length", 1)
    return max(8, min(_EVALUATION_BATCH, _MAX_NUMBERS // outputs))


def split_to(split: Split, device: torch.device) -> Split:
    """Return a split whose tensors are on a device."""
    inputs = split.inputs.to(device) if isinstance(split.inputs, Tensor) else split.inputs
    return replace(split, inputs=inputs, labels=split.labels.to(device))


def _augmentation(config: DataConfig) -> Augment | None:
    if isinstance(config, ImageDataConfig) and config.augment:
        return partial(shift_turn_scale, flip=config.flip, shear=config.shear, zoom=config.zoom)
    return None
