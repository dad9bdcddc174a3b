"""The first layer of models that read over time, and a short way past all others.

B batch   T time   C columns   W waves of a column   E embedding   K outputs
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from trainers.configs.models import TimeModelConfig
from trainers.data.inputs import PADDING, SequenceInput, TextInput
from trainers.errors import SpecError

TimeInput = TextInput | SequenceInput
_WAVE_STD = 0.3  # of the frequencies at the start, in turns per deviation
_TOKEN_STD = 0.02  # as in BERT; with PyTorch's own 1 a rare token stays the noise that it began as
BUCKETS, _PRIME = 2**16, 1_000_003
_REACH = 16.0  # most n-grams are seen in few steps, so that each has to count


def small_init(width: int) -> float:
    """Return the deviation of first weights that tokens are both read and said with.

    0.023 at GPT-2's width; with that, narrow networks stay for long at how frequent each token is
    (Nguyen and Salazar, "Transformers without tears").
    """
    return math.sqrt(2 / (5 * width))


class Tokens(nn.Embedding):
    """Ids padded on the right with 0, into vectors; one id more than the input has, for a mask."""

    def __init__(self, model_input: TextInput, width: int, *, num_more: int = 0) -> None:
        super().__init__(model_input.num_tokens + num_more, width, PADDING)
        with torch.no_grad():
            self.weight.mul_(_TOKEN_STD)

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


def pairs_of(tokens_BT: Tensor) -> Tensor:
    """Return a number for each token with the one before; before the first stands padding."""
    return F.pad(tokens_BT, (1, 0))[:, :-1] * _PRIME + tokens_BT


def triples_of(tokens_BT: Tensor) -> Tensor:
    """Return a number for each token with the two before."""
    return F.pad(tokens_BT, (2, 0))[:, :-2] * _PRIME**2 + pairs_of(tokens_BT)


class Anchor(nn.Module):
    """The last value of the column to forecast: taken off it, and added to what is said.

    What is learnt then are changes, which stay alike where levels drift (NLinear, Zeng et al. 2023).
    """

    def __init__(self, model_input: SequenceInput) -> None:
        super().__init__()
        self.mean: Tensor
        self.std: Tensor
        self.register_buffer("mean", torch.tensor(model_input.mean[0]))
        self.register_buffer("std", torch.tensor(model_input.std[0]))

    def forward(self, rows_BTC: Tensor) -> tuple[Tensor, Tensor]:
        """Return rows whose first column ends at its mean, and outputs_B1 to be added."""
        last_B = (Columns.is_real(rows_BTC).sum(1) - 1).clamp_min(0)
        end_B11 = rows_BTC[..., :1].gather(1, last_B[:, None, None])
        above_B11 = (end_B11 - self.mean).nan_to_num(0.0)
        level_BTC = torch.cat([rows_BTC[..., :1] - above_B11, rows_BTC[..., 1:]], dim=-1)
        return level_BTC, above_B11[:, 0] / self.std


class Grams(nn.Module):
    """A weight for every token, pair and triple of neighbours, to be added to what a network says.

    The linear model of n-grams that small sets of texts are so well served by (fastText, wide and
    deep); pairs and triples share a table each by their hash. The network then learns what is left.
    """

    def __init__(self, model_input: TextInput, config: TimeModelConfig, num_outputs: int) -> None:
        super().__init__()
        self.num_tokens = model_input.num_tokens
        self.lr = config.highway_lr
        self.dropout = nn.Dropout(config.highway_dropout)
        self.weights = nn.Embedding(self.num_tokens + 2 * BUCKETS, num_outputs)
        nn.init.zeros_(self.weights.weight)

    def forward(self, tokens_BT: Tensor) -> Tensor:
        """Return outputs_BK; the first token's neighbours are the beginning."""
        token_BT = tokens_BT.long()
        pair_BT, triple_BT = pairs_of(token_BT), triples_of(token_BT)
        is_real_BT1 = Tokens.is_real(tokens_BT)[..., None].to(self.weights.weight.dtype)
        places = (
            token_BT,
            self.num_tokens + pair_BT % BUCKETS,
            self.num_tokens + BUCKETS + triple_BT % BUCKETS,
        )
        said_BK = torch.stack(
            [(self.dropout(is_real_BT1) * self.weights(place_BT)).sum(1) for place_BT in places]
        ).sum(0)
        return said_BK * (_REACH / (3 * is_real_BT1.sum(1)).clamp_min(1).sqrt())


def front_for(model_input: TimeInput, width: int, waves: int = 0) -> Tokens | Columns:
    """Return the first layer for an input."""
    if isinstance(model_input, TextInput):
        if waves:
            raise SpecError(["Expected model.waves with rows of numbers; got texts. Leave it out."])
        return Tokens(model_input, width)
    return Columns(model_input, width, waves)


def anchor_for(model_input: TimeInput, config: TimeModelConfig) -> Anchor | None:
    """Return what takes the last value off a window, where the settings want that."""
    if not config.anchor:
        return None
    if isinstance(model_input, TextInput):
        raise SpecError(["Expected model.anchor with a forecast; got texts. Leave it out."])
    return Anchor(model_input)


def highway_for(
    model_input: TimeInput, config: TimeModelConfig, num_outputs: int
) -> Highway | Grams | None:
    """Return the short way past the network, where the settings want one."""
    if not config.highway:
        return None
    if isinstance(model_input, TextInput):
        return Grams(model_input, config, num_outputs)
    return Highway(model_input, config.highway_dropout, num_outputs)
