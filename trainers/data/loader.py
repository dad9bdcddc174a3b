"""Batches from tensors that stay where the training is: one index per batch, no workers.

B batch   C channels   H height   W width   T time (characters)
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn import functional as F

from trainers.data.dataset import PADDING, Dataset, Split

Augment = Callable[[Tensor, torch.Generator], Tensor]
_BATCHES_PER_BUCKET = 50
_MAX_SHIFT, _MAX_TURN, _MAX_SCALE = 0.12, 0.17, 0.1  # of half the image, radians, of the size


class TensorLoader:
    """Yields ``(inputs, labels)`` batches of one split; what an epoch holds depends on seed only.

    Parameters
    ----------
    split
        On the device that the batches are wanted on.
    seed
        Shuffles anew every epoch, from seed and epoch alone. None: in order.
    augment
        Applied to each batch of inputs; needs a seed.
    is_text
        Cut each batch to its longest text; with a seed, batch texts of similar length.
    """

    batch_sampler: ClassVar[None] = None
    """Lightning looks for it wherever there is a ``sampler``."""

    def __init__(
        self,
        split: Split,
        *,
        batch_size: int,
        seed: int | None = None,
        augment: Augment | None = None,
        is_text: bool = False,
    ) -> None:
        self._split = split
        self._batch_size = batch_size
        self._seed = seed
        self._augment = augment
        self._lengths = (split.inputs != PADDING).sum(1).cpu() if is_text else None
        self._num_served = self._num_to_skip = 0
        self.epoch = 0

    @property
    def sampler(self) -> TensorLoader:
        """What Lightning calls ``set_epoch`` on."""
        return self

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch of the next iteration, so that a resumed training sees new orders."""
        self.epoch = epoch

    def state_dict(self) -> dict[str, int]:
        """Return where in the epoch it is; a whole epoch served is the beginning of the next."""
        return {"num_served": self._num_served % len(self)}

    def load_state_dict(self, state: dict[str, int]) -> None:
        """Leave out of the next iteration what was served before the checkpoint."""
        self._num_to_skip = state["num_served"]

    def __len__(self) -> int:
        return math.ceil(len(self._split) / self._batch_size)

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        generator = torch.Generator()
        base = ((self._seed or 0) << 20) + self.epoch
        generator.manual_seed(base)
        self.epoch += 1
        device = self._split.inputs.device
        batches = self._batches(generator)
        first, self._num_to_skip = self._num_to_skip, 0
        for number, index in enumerate(batches[first:], start=first):
            rows = index.to(device)
            inputs = self._split.inputs[rows]
            if self._lengths is not None:
                inputs = inputs[:, : int(self._lengths[index].max())]
            if self._augment is not None:  # by the batch's number: a resumed epoch draws the same
                inputs = self._augment(inputs, generator.manual_seed((base << 20) + number))
            self._num_served = number + 1
            yield inputs, self._split.labels[rows]

    def _batches(self, generator: torch.Generator) -> list[Tensor]:
        """Return the row numbers of each batch of this epoch."""
        if self._seed is None:
            return list(torch.arange(len(self._split)).split(self._batch_size))
        order = torch.randperm(len(self._split), generator=generator)
        if self._lengths is None:
            return list(order.split(self._batch_size))
        buckets = order.split(self._batch_size * _BATCHES_PER_BUCKET)
        batches = [
            batch
            for bucket in buckets
            for batch in bucket[self._lengths[bucket].argsort(stable=True)].split(self._batch_size)
        ]
        return [batches[i] for i in torch.randperm(len(batches), generator=generator).tolist()]


def train_loader(
    data: Dataset, *, batch_size: int, seed: int, augment: Augment | None
) -> TensorLoader:
    """Serve the training split, shuffled every epoch."""
    is_text = data.train.inputs.dim() == 2
    return TensorLoader(
        data.train, batch_size=batch_size, seed=seed, augment=augment, is_text=is_text
    )


def ordered_loader(split: Split, *, batch_size: int) -> TensorLoader:
    """Serve a split in its own order, for validation and predictions."""
    return TensorLoader(split, batch_size=batch_size, is_text=split.inputs.dim() == 2)


def shift_turn_scale(
    images_BCHW: Tensor, generator: torch.Generator, *, flip: bool = False
) -> Tensor:
    """Return float images, each moved a little at random; all in one affine resampling."""
    batch = len(images_BCHW)
    draw = torch.rand(4, batch, generator=generator) * 2 - 1
    turn, size = draw[0] * _MAX_TURN, 1 + draw[1] * _MAX_SCALE
    mirror = torch.ones(batch)
    if flip:
        mirror = torch.randint(0, 2, (batch,), generator=generator) * 2.0 - 1.0
    cos, sin = turn.cos() * size, turn.sin() * size
    theta = torch.stack(
        [cos * mirror, -sin, draw[2] * _MAX_SHIFT, sin * mirror, cos, draw[3] * _MAX_SHIFT], dim=1
    ).view(batch, 2, 3)
    images = images_BCHW.float()
    grid = F.affine_grid(theta.to(images.device), list(images.shape), align_corners=False)
    return F.grid_sample(images, grid, padding_mode="border", align_corners=False)
