"""What models that read over time have beside their network: an anchor before, a way past it.

B batch   K outputs
"""

from __future__ import annotations

from typing import Any

from torch import Tensor

from trainers.configs import TrainingConfig
from trainers.configs.models import TimeModelConfig
from trainers.data.inputs import ModelInput
from trainers.data.targets import Target
from trainers.errors import SpecError
from trainers.models.fronts import Anchor, Grams, Highway, TimeInput, anchor_for, highway_for
from trainers.models.learner import Learner
from trainers.models.schedule import Part
from trainers.tasks.base import Task

_GRAMS_RATE = 4.0  # rare n-grams are to be learnt as far as they are worth, and not by heart


class TimeLearner(Learner):
    """A subclass has a network (:meth:`read`), and calls :meth:`add_ways` once that is built."""

    anchor: Anchor | None
    highway: Highway | Grams | None

    def add_ways(self, config: TimeModelConfig, model_input: TimeInput, num_outputs: int) -> None:
        """Add what the settings want beside the network."""
        self.highway = highway_for(model_input, config, num_outputs)
        self.anchor = anchor_for(model_input, config)

    @classmethod
    def task_of(
        cls, config: Any, model_input: ModelInput, target: Target, training: TrainingConfig
    ) -> Task:
        """Return what is learnt from data with such a target.

        Raises
        ------
        SpecError
            If there is nothing to learn, or an anchor and no forecast.
        """
        if config.anchor and target.kind != "numbers":
            raise SpecError(
                [f"Expected model.anchor with a forecast; got {target.kind}. Leave it out."]
            )
        return super().task_of(config, model_input, target, training)

    def read(self, inputs: Tensor) -> Tensor:
        """Return what the network says: outputs_BK."""
        raise NotImplementedError

    def forward(self, inputs: Tensor) -> Tensor:
        """Return outputs_BK for ids padded on the right with 0, or rows with NaN after the end."""
        level_B1 = None
        if self.anchor is not None:
            inputs, level_B1 = self.anchor(inputs)
        outputs_BK = self.read(inputs)
        if self.highway is not None:
            outputs_BK = outputs_BK + self.highway(inputs)
        return outputs_BK if level_B1 is None else outputs_BK + level_B1

    def parts(self) -> list[Part]:
        """Return the network, and its way past where that learns differently."""
        whole = Part(module=self)
        if not isinstance(self.highway, Grams):
            return [whole]
        share = self.highway.lr / self.training_config.lr
        return [whole, Part(module=self.highway, lr_share=share, rate=_GRAMS_RATE)]
