"""GPT: a Transformer that reads from left to right and says what comes next.

B batch   T time (tokens)   E embedding   H heads   D size of a head   V vocabulary
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from trainers.configs import GptConfig, TrainingConfig
from trainers.data.encoding import encode_texts
from trainers.data.inputs import NUM_SPECIAL, PADDING, ModelInput, TextInput
from trainers.data.targets import Target
from trainers.models.learner import Learner
from trainers.tasks.base import Task
from trainers.tasks.language import NextTokenTask

_INIT_STD = 0.02


class Gpt(Learner):
    """Pre-norm blocks of causal attention and a feed-forward, as in GPT-2; tied embeddings."""

    def __init__(
        self,
        config: GptConfig,
        model_input: TextInput,
        num_outputs: int,
        training: TrainingConfig | None = None,
    ) -> None:
        super().__init__(num_outputs, training or TrainingConfig())
        self.config = config
        self.model_input = model_input
        self.embedding = nn.Embedding(model_input.num_tokens, config.embedding, PADDING)
        self.position_TE = nn.Parameter(torch.zeros(model_input.max_length, config.embedding))
        self.dropout = nn.Dropout(config.dropout)
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.layers))
        self.norm = nn.LayerNorm(config.embedding)
        for weight in (self.embedding.weight, self.position_TE):
            nn.init.normal_(weight, std=_INIT_STD)

    @classmethod
    def task_of(
        cls, config: Any, model_input: ModelInput, target: Target, training: TrainingConfig
    ) -> Task:
        """Return the task of going on, whatever labels the texts have."""
        del config, target, training
        assert isinstance(model_input, TextInput)  # noqa: S101 - the catalog lets no other through
        return NextTokenTask(model_input)

    def forward(self, tokens_BT: Tensor) -> Tensor:
        """Return logits_BTV of what follows each token."""
        x_BTE = self.embedding(tokens_BT) + self.position_TE[: tokens_BT.shape[1]]
        x_BTE = self.dropout(x_BTE)
        for block in self.blocks:
            x_BTE = block(x_BTE)
        return F.linear(self.norm(x_BTE), self.embedding.weight)

    @torch.no_grad()
    def sample(self) -> Iterator[Tensor]:
        """Yield texts that begin with the prompt, as ids (1, T); the same ones every time."""
        generator = torch.Generator().manual_seed(0)
        start = encode_texts([self.config.prompt], self.model_input).to(self.device)
        start = start[:, : int((start != PADDING).sum())]
        if not start.shape[1]:
            start = torch.full((1, 1), NUM_SPECIAL, dtype=torch.int32, device=self.device)
        for _ in range(self.config.num_samples):
            ids = start
            while ids.shape[1] < self.model_input.max_length:
                logits_V = self(ids)[0, -1].float().cpu()
                logits_V[:NUM_SPECIAL] = -torch.inf
                ids = torch.cat([ids, self._choose(logits_V, generator).to(ids)[None, None]], dim=1)
            yield ids

    def _choose(self, logits_V: Tensor, generator: torch.Generator) -> Tensor:
        if not self.config.temperature:
            return logits_V.argmax()
        probability_V = (logits_V / self.config.temperature).softmax(0)
        return torch.multinomial(probability_V, 1, generator=generator)[0]


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
            nn.init.normal_(layer.weight, std=_INIT_STD)
        for layer in (self.out, self.narrow):  # so that the sum over layers does not grow
            nn.init.normal_(layer.weight, std=_INIT_STD / math.sqrt(2 * config.layers))

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
