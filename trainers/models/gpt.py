"""GPT: a Transformer that reads from left to right and says what comes next.

B batch   T time (tokens)   E embedding   H heads   D size of a head   V vocabulary
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from trainers.configs import GptConfig, TrainingConfig
from trainers.data.inputs import PADDING, TextInput
from trainers.models.fronts import BUCKETS, pairs_of, small_init
from trainers.models.sampling import NextTokenLearner
from trainers.models.schedule import Part

_PAIRS_RATE = 3.0  # faster, and pairs that were seen once are learnt by heart


class Gpt(NextTokenLearner):
    """Pre-norm blocks of causal attention and a feed-forward, as in GPT-2; tied embeddings."""

    def __init__(
        self,
        config: GptConfig,
        model_input: TextInput,
        num_outputs: int,
        training: TrainingConfig | None = None,
    ) -> None:
        super().__init__(config, model_input, num_outputs, training)
        self.embedding = nn.Embedding(model_input.num_tokens, config.embedding, PADDING)
        self.position_TE = nn.Parameter(torch.zeros(model_input.max_length, config.embedding))
        self.dropout = nn.Dropout(config.dropout)
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.layers))
        self.norm = nn.LayerNorm(config.embedding)
        self.pairs = Pairs(config) if config.pairs else None
        for weight in (self.embedding.weight, self.position_TE):
            nn.init.normal_(weight, std=small_init(config.embedding))

    def forward(self, tokens_BT: Tensor) -> Tensor:
        """Return logits_BTV of what follows each token."""
        x_BTE = self.embedding(tokens_BT) + self.position_TE[: tokens_BT.shape[1]]
        if self.pairs is not None:
            x_BTE = x_BTE + self.pairs(tokens_BT)
        x_BTE = self.dropout(x_BTE)
        for block in self.blocks:
            x_BTE = block(x_BTE)
        return F.linear(self.norm(x_BTE), self.embedding.weight)

    def parts(self) -> list[Part]:
        """Return all, and the pairs that learn apart."""
        whole = Part(module=self)
        return [whole, Part(module=self.pairs, rate=_PAIRS_RATE)] if self.pairs else [whole]


class Pairs(nn.Module):
    """A vector of the pair that a token ends; pairs share a table by their hash.

    Few texts show attention too little of what follows two given tokens, which counting them does.
    """

    def __init__(self, config: GptConfig) -> None:
        super().__init__()
        self.table = nn.Embedding(BUCKETS, config.embedding)
        self.dropout = nn.Dropout(config.pair_dropout)
        nn.init.zeros_(self.table.weight)

    def forward(self, tokens_BT: Tensor) -> Tensor:
        """Return vectors_BTE."""
        return self.dropout(self.table(pairs_of(tokens_BT.long()) % BUCKETS))


class Block(nn.Module):
    """Attention to what came before, then a feed-forward."""

    def __init__(self, config: GptConfig) -> None:
        super().__init__()
        width = config.embedding
        self.heads = config.heads
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.query_key_value = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        self.wide, self.narrow = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)
        self.dropout = nn.Dropout(config.dropout)
        for layer in (self.query_key_value, self.wide):
            nn.init.normal_(layer.weight, std=small_init(width))
        for layer in (self.out, self.narrow):  # so that the sum over layers does not grow
            nn.init.normal_(layer.weight, std=small_init(width) / math.sqrt(2 * config.layers))

    def forward(self, x_BTE: Tensor) -> Tensor:
        """Return x_BTE."""
        batch, time, width = x_BTE.shape
        parts = self.query_key_value(self.norm1(x_BTE)).chunk(3, dim=-1)
        q_BHTD, k_BHTD, v_BHTD = (
            part.view(batch, time, self.heads, -1).transpose(1, 2) for part in parts
        )
        y_BHTD = F.scaled_dot_product_attention(q_BHTD, k_BHTD, v_BHTD, is_causal=True)
        y_BTE = y_BHTD.transpose(1, 2).reshape(batch, time, width)
        x_BTE = x_BTE + self.dropout(self.out(y_BTE))
        wide = F.gelu(self.wide(self.norm2(x_BTE)), approximate="tanh")
        return x_BTE + self.dropout(self.narrow(wide))
