"""Batches from tensors that stay where the training is: one index per batch, no workers.

B batch   T time (tokens)
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import ClassVar

import torch
from torch import Tensor

from trainers.data.dataset import PADDING, Split

Augment = Callable[[Tensor, torch.Generator], Tensor]
_BATCHES_PER_BUCKET = 50


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
    rank, world
        Of processes that train together: each serves its share of every batch. With a seed all
        serve equally many, the last of them some examples twice; without, each example is served
        by one of them alone.
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
        rank: int = 0,
        world: int = 1,
    ) -> None:
        self._split = split
        self._rank, self._world = rank, world
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
        if self._seed is None:
            return math.ceil(
                len(range(self._rank, len(self._split), self._world)) / self._batch_size
            )
        return math.ceil(len(self._split) / (self._batch_size * self._world))

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        generator = torch.Generator()
        base = ((self._seed or 0) << 20) + self.epoch
        generator.manual_seed(base)
        self.epoch += 1
        batches = self._batches(generator)
        first, self._num_to_skip = self._num_to_skip, 0
        for number, index, read in self._read(batches[first:], first):
            inputs = read
            if self._lengths is not None:
                inputs = inputs[:, : int(self._lengths[index].max())]
            if self._augment is not None:  # by the batch's number: a resumed epoch draws the same
                inputs = self._augment(inputs, generator.manual_seed((base << 20) + number))
            labels = self._split.labels[index.to(self._split.labels.device)]
            if labels.dtype == torch.int32:
                labels = labels[:, : int((labels != PADDING).sum(1).max())]
            self._num_served = number + 1
            yield inputs, labels

    def _read(self, batches: list[Tensor], first: int) -> Iterator[tuple[int, Tensor, Tensor]]:
        """Yield the number, the rows and the inputs of each batch."""
        source, device = self._split.inputs, self._split.labels.device
        if isinstance(source, Tensor):
            for number, index in enumerate(batches, start=first):
                rows = index.pin_memory() if device.type == "cuda" else index
                yield number, index, source[rows.to(device, non_blocking=True)]
        else:
            parts = zip(batches, source.stream(batches), strict=True)
            for number, (index, inputs) in enumerate(parts, start=first):
                yield number, index, inputs.to(device)

    def _batches(self, generator: torch.Generator) -> list[Tensor]:
        """Return the row numbers of each batch of this epoch, of this process's share."""
        if self._seed is None:
            rows = torch.arange(self._rank, len(self._split), self._world)
            return list(rows.split(self._batch_size))
        order = torch.randperm(len(self._split), generator=generator)
        together = self._batch_size * self._world
        if self._lengths is None:
            batches = list(order.split(together))
        else:
            buckets = order.split(together * _BATCHES_PER_BUCKET)
            sorted_ = [
                batch
                for bucket in buckets
                for batch in bucket[self._lengths[bucket].argsort(stable=True)].split(together)
            ]
            mixed = torch.randperm(len(sorted_), generator=generator).tolist()
            batches = [sorted_[i] for i in mixed]
        return [self._share(batch) for batch in batches] if self._world > 1 else batches

    def _share(self, batch: Tensor) -> Tensor:
        """Return this process's part of a batch; all parts are of one size."""
        size = math.ceil(len(batch) / self._world)
        whole = batch[torch.arange(size * self._world) % len(batch)]
        return whole[self._rank :: self._world]


def is_text(split: Split) -> bool:
    """Return whether the inputs are ids with padding on the right."""
    return isinstance(split.inputs, Tensor) and split.inputs.dtype == torch.int32


def ordered_loader(split: Split, *, batch_size: int, rank: int = 0, world: int = 1) -> TensorLoader:
    """Serve a split in its own order, for validation and predictions."""
    return TensorLoader(
        split, batch_size=batch_size, is_text=is_text(split), rank=rank, world=world
    )
