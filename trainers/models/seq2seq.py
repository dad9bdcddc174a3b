"""T5's way from text to text: an encoder reads, a decoder writes; positions are relative.

B batch   S source time   T target time   E embedding   H heads   D size of a head   V vocabulary
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from trainers.configs import Seq2SeqConfig, TrainingConfig
from trainers.data.encoding import END
from trainers.data.inputs import PADDING, TextInput
from trainers.models.learner import Learner
from trainers.tasks.language import TextToTextTask

_BUCKETS, _FARTHEST = 32, 128
_START = PADDING  # the decoder begins with it, as in T5


class Seq2Seq(Learner):
    """Encoder and decoder layers of equal number, with T5's norms and position biases."""

    def __init__(
        self,
        config: Seq2SeqConfig,
        model_input: TextInput,
        num_outputs: int,
        training: TrainingConfig | None = None,
    ) -> None:
        super().__init__(num_outputs, training or TrainingConfig())
        self.beams = config.beams
        width = config.embedding
        self.source = nn.Embedding(model_input.num_tokens, width, PADDING)
        self.target = nn.Embedding(num_outputs, width)
        self.encoder = nn.ModuleList(Layer(config, reads_other=False) for _ in range(config.layers))
        self.decoder = nn.ModuleList(Layer(config, reads_other=True) for _ in range(config.layers))
        self.encoder_bias = PositionBias(config.heads, both_ways=True)
        self.decoder_bias = PositionBias(config.heads, both_ways=False)
        self.norms = nn.ModuleList(nn.RMSNorm(width) for _ in range(2))
        self.dropout = nn.Dropout(config.dropout)
        self.head = nn.Linear(width, num_outputs, bias=False)

    def forward(self, source_BS: Tensor, written_BT: Tensor | None = None) -> Tensor:
        """Return logits_BTV of what follows each written token, the start included.

        Without `written_BT` the texts are written greedily: logits_BTV of what was chosen.
        """
        memory = self.read(source_BS)
        if written_BT is None:
            written_BT = self._greedy(memory)[:, 1:]
        start_B1 = torch.full_like(written_BT[:, :1], _START)
        return self._say(torch.cat([start_B1, written_BT[:, :-1]], dim=1), memory)

    def answer(self, inputs: Tensor, labels: Tensor) -> Tensor:
        """Return logits_BTV for the true text, each token after those before it."""
        return self.forward(inputs, labels)

    def read(self, source_BS: Tensor) -> Memory:
        """Return what the decoder looks at."""
        is_real_BS = source_BS != PADDING
        allowed_B11S = is_real_BS[:, None, None, :]
        time = source_BS.shape[1]
        bias = self.encoder_bias(time).masked_fill(~allowed_B11S, -torch.inf)
        x_BSE = self.dropout(self.source(source_BS))
        for layer in self.encoder:
            x_BSE = layer(x_BSE, bias)
        return Memory(self.dropout(self.norms[0](x_BSE)), allowed_B11S)

    def _say(self, written_BT: Tensor, memory: Memory) -> Tensor:
        time = written_BT.shape[1]
        later_TT = torch.ones(time, time, dtype=torch.bool, device=written_BT.device).triu(1)
        bias = self.decoder_bias(time).masked_fill(later_TT, -torch.inf)
        x_BTE = self.dropout(self.target(written_BT))
        for layer in self.decoder:
            x_BTE = layer(x_BTE, bias, memory)
        return self.head(self.dropout(self.norms[1](x_BTE)))

    @property
    def _longest(self) -> int:
        assert isinstance(self.task, TextToTextTask)  # noqa: S101 - its data have texts to write
        return self.task.target.max_length

    @torch.no_grad()
    def write(self, source_BS: Tensor) -> Tensor:
        """Return the texts that the model writes, as ids_BT without the start."""
        memory = self.read(source_BS)
        return self._greedy(memory)[:, 1:] if self.beams == 1 else self._beam(memory)[:, 1:]

    @torch.no_grad()
    def _greedy(self, memory: Memory) -> Tensor:
        batch, device = len(memory.states), memory.states.device
        ids_BT = torch.full((batch, 1), _START, dtype=torch.long, device=device)
        is_done_B = torch.zeros(batch, dtype=torch.bool, device=device)
        while ids_BT.shape[1] <= self._longest and not is_done_B.all():
            next_B = self._say(ids_BT, memory)[:, -1].argmax(-1).masked_fill(is_done_B, PADDING)
            ids_BT = torch.cat([ids_BT, next_B[:, None]], dim=1)
            is_done_B |= next_B == END
        return ids_BT

    @torch.no_grad()
    def _beam(self, memory: Memory) -> Tensor:
        """Keep the likeliest beginnings; of the finished texts the best mean log-likelihood wins."""
        batch, width, device = len(memory.states), self.beams, memory.states.device
        memory = Memory(*(part.repeat_interleave(width, dim=0) for part in memory))
        ids = torch.full((batch * width, 1), _START, dtype=torch.long, device=device)
        sums_BW = torch.full((batch, width), -torch.inf, device=device)
        sums_BW[:, 0] = 0.0  # all begin alike: only one of them may grow at first
        is_done_BW = torch.zeros(batch, width, dtype=torch.bool, device=device)
        lengths_BW = torch.ones(batch, width, device=device)
        first_B1 = torch.arange(batch, device=device)[:, None] * width
        while ids.shape[1] <= self._longest and not is_done_BW.all():
            more = self._say(ids, memory)[:, -1].float().log_softmax(-1).view(batch, width, -1)
            done = torch.full_like(more, -torch.inf)
            done[..., PADDING] = 0.0
            totals = sums_BW[..., None] + torch.where(is_done_BW[..., None], done, more)
            sums_BW, flat_BW = totals.flatten(1).topk(width, dim=1)
            parent_BW, token_BW = flat_BW // more.shape[-1], flat_BW % more.shape[-1]
            ids = torch.cat([ids[(first_B1 + parent_BW).flatten()], token_BW.reshape(-1, 1)], dim=1)
            is_done_BW = is_done_BW.gather(1, parent_BW)
            lengths_BW = lengths_BW.gather(1, parent_BW) + ~is_done_BW
            is_done_BW = is_done_BW | (token_BW == END)
        best_B = (sums_BW / lengths_BW).argmax(1)
        return ids.view(batch, width, -1)[torch.arange(batch, device=device), best_B]


class Memory(NamedTuple):
    """What the encoder has understood, and where it is real."""

    states: Tensor
    """x_BSE"""
    allowed: Tensor
    """bool (B, 1, 1, S)"""


class Layer(nn.Module):
    """Attention to itself, perhaps to the source, and a feed-forward, each after an RMS norm."""

    def __init__(self, config: Seq2SeqConfig, *, reads_other: bool) -> None:
        super().__init__()
        width = config.embedding
        self.own = Attention(width, config.heads)
        self.other = Attention(width, config.heads) if reads_other else None
        self.wide = nn.Linear(width, config.feedforward, bias=False)
        self.narrow = nn.Linear(config.feedforward, width, bias=False)
        self.norms = nn.ModuleList(nn.RMSNorm(width) for _ in range(3 if reads_other else 2))
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, x_BTE: Tensor, bias: Tensor, memory: Memory | None = None) -> Tensor:
        """Return x_BTE."""
        normed = self.norms[0](x_BTE)
        x_BTE = x_BTE + self.dropout(self.own(normed, normed, bias))
        if self.other is not None and memory is not None:
            read = self.other(self.norms[2](x_BTE), memory.states, memory.allowed)
            x_BTE = x_BTE + self.dropout(read)
        wide = torch.relu(self.wide(self.norms[1](x_BTE)))
        return x_BTE + self.dropout(self.narrow(self.dropout(wide)))


class Attention(nn.Module):
    """Several heads; `mask` is a bias that is added, or bool: where to look."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query, self.key, self.value, self.out = (
            nn.Linear(width, width, bias=False) for _ in range(4)
        )

    def forward(self, x_BTE: Tensor, other_BSE: Tensor, mask: Tensor) -> Tensor:
        """Return y_BTE."""
        q, k, v = (
            layer(part).unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for layer, part in ((self.query, x_BTE), (self.key, other_BSE), (self.value, other_BSE))
        )
        if mask.dtype != torch.bool:
            mask = mask.to(q.dtype)
        y_BHTD = F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
        return self.out(y_BHTD.transpose(1, 2).flatten(2))


class PositionBias(nn.Module):
    """What a head adds for a distance: near ones one by one, far ones in growing buckets."""

    def __init__(self, heads: int, *, both_ways: bool) -> None:
        super().__init__()
        self.both_ways = both_ways
        self.table = nn.Embedding(_BUCKETS, heads)

    def forward(self, time: int) -> Tensor:
        """Return bias (1, H, T, T)."""
        places_T = torch.arange(time, device=self.table.weight.device)
        ahead_TT = places_T[None, :] - places_T[:, None]
        return self.table(self._bucket(ahead_TT)).permute(2, 0, 1)[None]

    def _bucket(self, ahead_TT: Tensor) -> Tensor:
        size = _BUCKETS
        first_TT = torch.zeros_like(ahead_TT)
        if self.both_ways:
            size //= 2
            first_TT = (ahead_TT > 0).long() * size
            away_TT = ahead_TT.abs()
        else:
            away_TT = (-ahead_TT).clamp_min(0)
        near = size // 2
        growth = (away_TT.clamp_min(1) / near).log() / math.log(_FARTHEST / near)
        far_TT = (near + growth * (size - near)).long().clamp_max(size - 1)
        return first_TT + torch.where(away_TT < near, away_TT, far_TT)
