"""What models that say what comes next have in common: their task, and texts that they go on with.

T time (tokens)   V vocabulary
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from trainers.configs import TrainingConfig
from trainers.configs.writers import SamplingConfig
from trainers.data.encoding import encode_texts
from trainers.data.inputs import NUM_SPECIAL, PADDING, ModelInput, TextInput
from trainers.data.targets import Target
from trainers.models.learner import Learner
from trainers.tasks.base import Task
from trainers.tasks.language import NextTokenTask


class NextTokenLearner(Learner):
    """A subclass says logits (B, T, V) of what follows each token."""

    first_token = NUM_SPECIAL
    """Ids below it are never written."""

    def __init__(
        self,
        config: SamplingConfig,
        model_input: TextInput,
        num_outputs: int,
        training: TrainingConfig | None = None,
    ) -> None:
        super().__init__(num_outputs, training or TrainingConfig())
        self.config = config
        self.model_input = model_input

    @classmethod
    def task_of(
        cls, config: Any, model_input: ModelInput, target: Target, training: TrainingConfig
    ) -> Task:
        """Return the task of going on, whatever labels the texts have."""
        del config, target, training
        assert isinstance(model_input, TextInput)  # noqa: S101 - the catalog lets no other through
        return NextTokenTask(model_input)

    @torch.no_grad()
    def sample(self) -> Iterator[Tensor]:
        """Yield texts that begin with the prompt, as ids (1, T); the same ones every time."""
        generator = torch.Generator().manual_seed(0)
        start = encode_texts([self.config.prompt], self.model_input).to(self.device)
        start = start[:, : int((start != PADDING).sum())]
        if not start.shape[1]:
            start = torch.full((1, 1), self.first_token, dtype=torch.int32, device=self.device)
        for _ in range(self.config.num_samples):
            ids = start
            while ids.shape[1] < self.model_input.max_length:
                logits_V = self(ids)[0, -1].float().cpu()
                logits_V[: self.first_token] = -torch.inf
                ids = torch.cat([ids, self._choose(logits_V, generator).to(ids)[None, None]], dim=1)
            yield ids

    def _choose(self, logits_V: Tensor, generator: torch.Generator) -> Tensor:
        if not self.config.temperature:
            return logits_V.argmax()
        probability_V = (logits_V / self.config.temperature).softmax(0)
        return torch.multinomial(probability_V, 1, generator=generator)[0]
