"""The first layer of models that read over time, and a short way past all others.

B batch   T time   C columns   W waves of a column   E embedding   K outputs
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from trainers.data.inputs import PADDING, SequenceInput, TextInput
from trainers.errors import SpecError

TimeInput = TextInput | SequenceInput
_WAVE_STD = 0.3  # of the frequencies at the start, in turns per deviation


class Tokens(nn.Embedding):
    """Ids padded on the right with 0, into vectors; one id more than the input has, for a mask."""

    def __init__(self, model_input: TextInput, width: int, *, num_more: int = 0) -> None:
        super().__init__(model_input.num_tokens + num_more, width, PADDING)

    @staticmethod
    def is_real(tokens_BT: Tensor) -> Tensor:
        """Return where there is something to read."""
        return tokens_BT != PADDING


class Rows(nn.Module):
    """Rows of numbers on the scale that the training split gave them; what is missing is the mean."""

    def __init__(self, model_input: SequenceInput) -> None:
        super().__init__()
        self.mean_C: Tensor
        self.std_C: Tensor
        self.register_buffer("mean_C", torch.tensor(model_input.mean))
        self.register_buffer("std_C", torch.tensor(model_input.std))

    def normal(self, rows_BTC: Tensor) -> Tensor:
        """Return numbers of mean 0 and deviation 1."""
        return ((rows_BTC - self.mean_C) / self.std_C).clamp(-10, 10).nan_to_num(0.0)


class Columns(Rows):
    """Rows of numbers into vectors; with waves also sine and cosine of each, of learnt frequencies.

    What a number means need not rise or fall with it: a straight line misses that, waves do not.
    """

    def __init__(self, model_input: SequenceInput, width: int, waves: int = 0) -> None:
        super().__init__(model_input)
        columns = len(model_input.names)
        self.frequency_CW = None
        if waves:
            self.frequency_CW = nn.Parameter(torch.randn(columns, waves) * _WAVE_STD)
        self.linear = nn.Linear(columns * (1 + 2 * waves), width)

    def forward(self, rows_BTC: Tensor) -> Tensor:
        """Return vectors_BTE."""
        normal_BTC = self.normal(rows_BTC)
        if self.frequency_CW is None:
            return self.linear(normal_BTC)
        turns_BTCW = 2 * math.pi * normal_BTC[..., None] * self.frequency_CW
        parts = (normal_BTC, turns_BTCW.sin().flatten(2), turns_BTCW.cos().flatten(2))
        return self.linear(torch.cat(parts, dim=-1))

    @staticmethod
    def is_real(rows_BTC: Tensor) -> Tensor:
        """Return where there is something to read: rows of NaN only come after the end."""
        return ~rows_BTC.isnan().all(-1)


class Highway(Rows):
    """A linear layer over a whole window, to be added to what a network says of it.

    What the network then learns is only where the linear answer is wrong (LSTNet, DLinear).
    """

    def __init__(self, model_input: SequenceInput, dropout: float, num_outputs: int) -> None:
        super().__init__(model_input)
        self.dropout = nn.Dropout(dropout)
        self.linear = nn.Linear(model_input.max_length * len(model_input.names), num_outputs)
        nn.init.zeros_(self.linear.weight)
        nn.init.zeros_(self.linear.bias)

    def forward(self, rows_BTC: Tensor) -> Tensor:
        """Return outputs_BK."""
        return self.linear(self.dropout(self.normal(rows_BTC).flatten(1)))


def front_for(model_input: TimeInput, width: int, waves: int = 0) -> Tokens | Columns:
    """Return the first layer for an input."""
    if isinstance(model_input, TextInput):
        _refuse("waves", is_set=waves > 0)
        return Tokens(model_input, width)
    return Columns(model_input, width, waves)


def highway_for(
    model_input: TimeInput, dropout: float, num_outputs: int, *, is_wanted: bool
) -> Highway | None:
    """Return the short way past the network, where the settings want one."""
    if isinstance(model_input, TextInput):
        _refuse("highway", is_set=is_wanted)
        return None
    return Highway(model_input, dropout, num_outputs) if is_wanted else None


def _refuse(setting: str, *, is_set: bool) -> None:
    if is_set:
        raise SpecError(
            [f"Expected model.{setting} with rows of numbers; got texts. Leave it out."]
        )
