"""A recurrent network over time that never reads padding, from the left or from both sides.

B batch   T time (tokens or rows)   E embedding   H hidden   S state (H or 2 H)   K outputs
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from trainers.configs import LstmConfig, TrainingConfig
from trainers.models.fronts import TimeInput, front_for
from trainers.models.over_time import TimeLearner


class Lstm(TimeLearner):
    """Embedding, LSTM layers, one state read from all real ones, a linear head.

    Reading from the right must not start in the padding, so each text is turned round within its
    own length and read by a second forward LSTM: exact, and simpler to export than packing.
    """

    def __init__(
        self,
        config: LstmConfig,
        model_input: TimeInput,
        num_outputs: int,
        training: TrainingConfig | None = None,
    ) -> None:
        super().__init__(num_outputs, training or TrainingConfig())
        directions = 2 if config.bidirectional else 1
        width = config.hidden * directions
        self.embedding = front_for(model_input, config.embedding, config.waves)
        self.pool = config.pool
        self.dropout = nn.Dropout(config.dropout)
        inputs = [config.embedding, *[width] * (config.layers - 1)]
        self.forwards = nn.ModuleList(_reader(size, config.hidden) for size in inputs)
        self.backwards = nn.ModuleList(
            _reader(size, config.hidden) for size in inputs if config.bidirectional
        )
        self.head = nn.Linear(width, num_outputs)
        self.add_ways(config, model_input, num_outputs)

    def read(self, inputs: Tensor) -> Tensor:
        """Return what the network says: outputs_BK."""
        is_real_BT = self.embedding.is_real(inputs)
        mirror_BT = mirrored_positions(is_real_BT)
        x_BTE = self.dropout(self.embedding(inputs))
        for layer, reader in enumerate(self.forwards):
            states = [reader(x_BTE)[0]]
            if self.backwards:
                turned_BTH, _ = self.backwards[layer](turn(x_BTE, mirror_BT))
                states.append(turn(turned_BTH, mirror_BT))
            x_BTE = self.dropout(torch.cat(states, dim=-1))
        return self.head(pooled(x_BTE, is_real_BT, self.pool))


def pooled(x_BTS: Tensor, is_real_BT: Tensor, pool: str) -> Tensor:
    """Return one state for each example, from its real places only."""
    if pool == "last":
        last_B = (is_real_BT.sum(1) - 1).clamp_min(0)
        return x_BTS[torch.arange(len(x_BTS), device=x_BTS.device), last_B]
    if pool == "mean":
        weight_BT1 = is_real_BT[..., None].to(x_BTS.dtype)
        return (x_BTS * weight_BT1).sum(1) / weight_BT1.sum(1)
    return x_BTS.masked_fill(~is_real_BT[..., None], torch.finfo(x_BTS.dtype).min).amax(1)


def mirrored_positions(is_real_BT: Tensor) -> Tensor:
    """Return, for each position, its mirror image within the text; padding stays where it is."""
    positions_T = torch.arange(is_real_BT.shape[1], device=is_real_BT.device)
    lengths_B1 = is_real_BT.sum(1, keepdim=True)
    return torch.where(is_real_BT, lengths_B1 - 1 - positions_T, positions_T)


def turn(x_BTE: Tensor, mirror_BT: Tensor) -> Tensor:
    """Turn each text round within its own length."""
    return x_BTE.gather(1, mirror_BT[..., None].expand_as(x_BTE))


def _reader(size: int, hidden: int) -> nn.LSTM:
    return nn.LSTM(size, hidden, batch_first=True)
