"""A Transformer encoder for texts: learned positions, a mask over the padding, mean or CLS.

B batch   T time (characters, with one more in front for CLS)   E embedding   K classes
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from trainers.configs import TrainingConfig, TransformerConfig
from trainers.data.dataset import PADDING, TextInput
from trainers.models.classifier import Classifier

_INIT_STD = 0.02  # of embeddings and positions, as in BERT


class Transformer(Classifier):
    """Pre-norm encoder layers over characters, then one linear layer."""

    def __init__(
        self,
        config: TransformerConfig,
        model_input: TextInput,
        num_classes: int,
        training: TrainingConfig | None = None,
    ) -> None:
        super().__init__(num_classes, training or TrainingConfig())
        self.has_cls = config.pool == "cls"
        self.embedding = nn.Embedding(model_input.num_tokens, config.embedding, PADDING)
        num_positions = model_input.max_length + self.has_cls
        self.position_TE = nn.Parameter(torch.zeros(num_positions, config.embedding))
        self.cls_E = nn.Parameter(torch.zeros(config.embedding))
        for weight in (self.embedding.weight, self.position_TE, self.cls_E):
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
        self.encoder = nn.TransformerEncoder(layer, config.layers, norm, enable_nested_tensor=False)
        self.head = nn.Linear(config.embedding, num_classes)

    def forward(self, tokens_BT: Tensor) -> Tensor:
        """Return logits_BK for ids padded on the right with 0."""
        x_BTE = self.embedding(tokens_BT)
        is_real_BT = tokens_BT != PADDING
        if self.has_cls:
            x_BTE = torch.cat([self.cls_E.expand(len(x_BTE), 1, -1), x_BTE], dim=1)
            is_real_BT = nn.functional.pad(is_real_BT, (1, 0), value=True)
        x_BTE = self.dropout(x_BTE + self.position_TE[: x_BTE.shape[1]])
        x_BTE = self.encoder(x_BTE, src_key_padding_mask=~is_real_BT)
        if self.has_cls:
            return self.head(x_BTE[:, 0])
        weight_BT1 = is_real_BT[..., None].to(x_BTE.dtype)
        return self.head((x_BTE * weight_BT1).sum(1) / weight_BT1.sum(1))
