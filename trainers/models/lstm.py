"""A recurrent network for texts that never reads padding, from the left or from both sides.

B batch   T time (characters)   E embedding   H hidden   S summed state (H or 2 H)   K classes
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from trainers.configs import LstmConfig, TrainingConfig
from trainers.data.dataset import PADDING, TextInput
from trainers.models.classifier import Classifier


class Lstm(Classifier):
    """Embedding, LSTM layers, the maximum over the real characters, a linear head.

    Reading from the right must not start in the padding, so each text is turned round within its
    own length and read by a second forward LSTM: exact, and simpler to export than packing.
    """

    def __init__(
        self,
        config: LstmConfig,
        model_input: TextInput,
        num_classes: int,
        training: TrainingConfig | None = None,
    ) -> None:
        super().__init__(num_classes, training or TrainingConfig())
        directions = 2 if config.bidirectional else 1
        width = config.hidden * directions
        self.embedding = nn.Embedding(model_input.num_tokens, config.embedding, PADDING)
        self.dropout = nn.Dropout(config.dropout)
        inputs = [config.embedding, *[width] * (config.layers - 1)]
        self.forwards = nn.ModuleList(_reader(size, config.hidden) for size in inputs)
        self.backwards = nn.ModuleList(
            _reader(size, config.hidden) for size in inputs if config.bidirectional
        )
        self.head = nn.Linear(width, num_classes)

    def forward(self, tokens_BT: Tensor) -> Tensor:
        """Return logits_BK for ids padded on the right with 0."""
        is_real_BT = tokens_BT != PADDING
        mirror_BT = mirrored_positions(is_real_BT)
        x_BTE = self.dropout(self.embedding(tokens_BT))
        for layer, reader in enumerate(self.forwards):
            states = [reader(x_BTE)[0]]
            if self.backwards:
                turned_BTH, _ = self.backwards[layer](turn(x_BTE, mirror_BT))
                states.append(turn(turned_BTH, mirror_BT))
            x_BTE = self.dropout(torch.cat(states, dim=-1))
        lowest = torch.finfo(x_BTE.dtype).min
        pooled_BS = x_BTE.masked_fill(~is_real_BT[..., None], lowest).amax(1)
        return self.head(pooled_BS)


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
