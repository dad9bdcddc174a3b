"""BERT's way of learning from text alone: say what stood where tokens are hidden.

B batch   T time (tokens)   E embedding   V vocabulary   M hidden tokens
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from trainers.configs import MaskedConfig, TrainingConfig
from trainers.data.inputs import PADDING, ModelInput, TextInput
from trainers.data.targets import Target
from trainers.models.fronts import Tokens, small_init
from trainers.models.learner import Learner
from trainers.models.transformer import Encoder
from trainers.tasks.base import Task
from trainers.tasks.language import MaskedTask


class Masked(Learner):
    """The encoder of the Transformer classifier, which can begin with what this one has learnt."""

    def __init__(
        self,
        config: MaskedConfig,
        model_input: TextInput,
        num_outputs: int,
        training: TrainingConfig | None = None,
    ) -> None:
        super().__init__(num_outputs, training or TrainingConfig())
        self.encoder = Encoder(
            config, model_input, Tokens(model_input, config.embedding, num_more=1)
        )
        for name in ("embedding.weight", "position_TE"):
            weight = self.encoder.get_parameter(name)
            nn.init.normal_(weight, std=small_init(config.embedding))
        self.norm = nn.Sequential(
            nn.Linear(config.embedding, config.embedding), nn.GELU(), nn.LayerNorm(config.embedding)
        )
        self.bias_V = nn.Parameter(torch.zeros(num_outputs))

    @classmethod
    def task_of(
        cls, config: Any, model_input: ModelInput, target: Target, training: TrainingConfig
    ) -> Task:
        """Return the task of filling in, whatever labels the texts have."""
        del target, training
        assert isinstance(model_input, TextInput)  # noqa: S101 - the catalog lets no other through
        return MaskedTask(model_input, config.masked_share)

    def forward(self, tokens_BT: Tensor) -> Tensor:
        """Return logits_BTV; the embedding's own weights say which token a vector is nearest."""
        return self._say(self._read(tokens_BT))

    def answer(self, inputs: Tensor, labels: Tensor) -> Tensor:
        """Return logits_MV for the places that are asked for alone: a seventh of the work."""
        return self._say(self._read(inputs)[labels != PADDING])

    def _read(self, tokens_BT: Tensor) -> Tensor:
        x_BTE, _ = self.encoder(tokens_BT, Tokens.is_real(tokens_BT))
        return x_BTE[:, int(self.encoder.has_cls) :]

    def _say(self, x: Tensor) -> Tensor:
        weight_VE = self.encoder.get_parameter("embedding.weight")[: len(self.bias_V)]
        return nn.functional.linear(self.norm(x), weight_VE, self.bias_V)
