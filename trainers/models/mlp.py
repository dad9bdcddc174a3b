"""Dense layers over the columns of a table; numbers are normalised, categories one-hot.

B batch   C columns   W width of all columns together   K outputs
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from trainers.configs import MlpConfig, TrainingConfig
from trainers.data.inputs import TableInput
from trainers.models.learner import Learner


class Mlp(Learner):
    """Layers of linear, ReLU and dropout, and perhaps one linear layer past them (wide and deep)."""

    def __init__(
        self,
        config: MlpConfig,
        model_input: TableInput,
        num_outputs: int,
        training: TrainingConfig | None = None,
    ) -> None:
        super().__init__(num_outputs, training or TrainingConfig())
        self.mean_C: Tensor
        self.std_C: Tensor
        self.register_buffer("mean_C", torch.tensor(model_input.mean))
        self.register_buffer("std_C", torch.tensor(model_input.std))
        self.num_categories = model_input.num_categories
        width = sum(size + 1 if size else 1 for size in self.num_categories)
        total, layers = width, list[nn.Module]()
        for wide in config.widths:
            layers += [nn.Linear(width, wide), nn.ReLU(), nn.Dropout(config.dropout)]
            width = wide
        self.layers = nn.Sequential(*layers, nn.Linear(width, num_outputs))
        self.skip = nn.Linear(total, num_outputs, bias=False) if config.skip else None

    def forward(self, rows_BC: Tensor) -> Tensor:
        """Return outputs_BK; a missing number counts as the mean, a missing word as none."""
        normal_BC = ((rows_BC - self.mean_C) / self.std_C).clamp(-10, 10).nan_to_num(0.0)
        parts = [
            F.one_hot((rows_BC[:, place].nan_to_num(-1.0).long() + 1).clamp(0, size), size + 1).to(
                normal_BC.dtype
            )
            if size
            else normal_BC[:, place : place + 1]
            for place, size in enumerate(self.num_categories)
        ]
        wide_BW = torch.cat(parts, dim=1)
        outputs_BK = self.layers(wide_BW)
        return outputs_BK if self.skip is None else outputs_BK + self.skip(wide_BW)
