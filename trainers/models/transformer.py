"""A Transformer encoder over time: learned positions, a mask over the padding, mean or CLS.

B batch   T time (tokens or rows, with one more in front for CLS)   E embedding   K outputs
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from trainers.configs import TrainingConfig, TransformerConfig
from trainers.configs.models import EncoderConfig
from trainers.models.fronts import TimeInput, front_for
from trainers.models.lstm import pooled
from trainers.models.over_time import TimeLearner

_INIT_STD = 0.02  # of positions, as in BERT


class Encoder(nn.Module):
    """Pre-norm encoder layers over tokens or rows."""

    def __init__(self, config: EncoderConfig, model_input: TimeInput, front: nn.Module) -> None:
        super().__init__()
        self.has_cls = config.pool == "cls"
        self.embedding = front
        num_positions = model_input.max_length + self.has_cls
        self.position_TE = nn.Parameter(torch.zeros(num_positions, config.embedding))
        self.cls_E = nn.Parameter(torch.zeros(config.embedding))
        for weight in (self.position_TE, self.cls_E):
            nn.init.normal_(weight, std=_INIT_STD)
        self.dropout = nn.Dropout(config.dropout)
        layer = nn.TransformerEncoderLayer(
            config.embedding,
            config.heads,
            config.feedforward,
            dropout=config.dropout,
            activation="gelu",
            batch_first=True,
            norm_first=True,
        )
        layer.self_attn.dropout = 0.0  # it doubles a step's time on a CPU; the rest drops enough
        norm = nn.LayerNorm(config.embedding)
        self.layers = nn.TransformerEncoder(layer, config.layers, norm, enable_nested_tensor=False)

    def forward(self, inputs: Tensor, is_real_BT: Tensor) -> tuple[Tensor, Tensor]:
        """Return x_BTE and where it is real; the extra token, if any, comes first."""
        x_BTE = self.embedding(inputs)
        if self.has_cls:
            first_B1E = self.cls_E.expand(x_BTE.shape[0], 1, -1)  # len() would fix the batch's size
            x_BTE = torch.cat([first_B1E, x_BTE], dim=1)
            is_real_BT = nn.functional.pad(is_real_BT, (1, 0), value=True)
        x_BTE = self.dropout(x_BTE + self.position_TE[: x_BTE.shape[1]])
        return self.layers(x_BTE, src_key_padding_mask=~is_real_BT), is_real_BT


class Transformer(TimeLearner):
    """An encoder, then one linear layer."""

    def __init__(
        self,
        config: TransformerConfig,
        model_input: TimeInput,
        num_outputs: int,
        training: TrainingConfig | None = None,
    ) -> None:
        super().__init__(num_outputs, training or TrainingConfig())
        front = front_for(model_input, config.embedding, config.waves)
        self.is_real = front.is_real
        self.pool = config.pool
        self.encoder = Encoder(config, model_input, front)
        self.head = nn.Linear(config.embedding, num_outputs)
        self.add_ways(config, model_input, num_outputs)

    def read(self, inputs: Tensor) -> Tensor:
        """Return what the network says: outputs_BK."""
        x_BTE, is_real_BT = self.encoder(inputs, self.is_real(inputs))
        state_BE = x_BTE[:, 0] if self.encoder.has_cls else pooled(x_BTE, is_real_BT, self.pool)
        return self.head(state_BE)
