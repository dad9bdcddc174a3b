"""The first layer of models that read over time: tokens or rows of numbers become vectors.

B batch   T time   C columns   E embedding
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from trainers.data.inputs import PADDING, SequenceInput, TextInput

TimeInput = TextInput | SequenceInput


class Tokens(nn.Embedding):
    """Ids padded on the right with 0, into vectors; one id more than the input has, for a mask."""

    def __init__(self, model_input: TextInput, width: int, *, num_more: int = 0) -> None:
        super().__init__(model_input.num_tokens + num_more, width, PADDING)

    @staticmethod
    def is_real(tokens_BT: Tensor) -> Tensor:
        """Return where there is something to read."""
        return tokens_BT != PADDING


class Columns(nn.Module):
    """Rows of numbers, normalised, into vectors; a missing number counts as the mean."""

    def __init__(self, model_input: SequenceInput, width: int) -> None:
        super().__init__()
        self.mean_C: Tensor
        self.std_C: Tensor
        self.register_buffer("mean_C", torch.tensor(model_input.mean))
        self.register_buffer("std_C", torch.tensor(model_input.std))
        self.linear = nn.Linear(len(model_input.names), width)

    def forward(self, rows_BTC: Tensor) -> Tensor:
        """Return vectors_BTE."""
        normal_BTC = ((rows_BTC - self.mean_C) / self.std_C).clamp(-10, 10)
        return self.linear(normal_BTC.nan_to_num(0.0))

    @staticmethod
    def is_real(rows_BTC: Tensor) -> Tensor:
        """Return where there is something to read: rows of NaN only come after the end."""
        return ~rows_BTC.isnan().all(-1)


def front_for(model_input: TimeInput, width: int) -> Tokens | Columns:
    """Return the first layer for an input."""
    if isinstance(model_input, TextInput):
        return Tokens(model_input, width)
    return Columns(model_input, width)
