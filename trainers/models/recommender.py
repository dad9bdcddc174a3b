"""Who likes what: numbers for every user and item, multiplied, and perhaps read by dense layers.

B batch   U users   I items   F factors
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from trainers.configs import RecommenderConfig, TrainingConfig
from trainers.data.inputs import RatingInput
from trainers.models.learner import Learner

_INIT_STD = 0.05


class Recommender(Learner):
    """Biases of user and item, the product of their factors, and in `neural` dense layers beside."""

    def __init__(
        self,
        config: RecommenderConfig,
        model_input: RatingInput,
        num_outputs: int,
        training: TrainingConfig | None = None,
    ) -> None:
        super().__init__(num_outputs, training or TrainingConfig())
        sizes = (model_input.num_users, model_input.num_items)
        self.factors = nn.ModuleList(nn.Embedding(size, config.factors) for size in sizes)
        self.biases = nn.ParameterList(torch.zeros(size) for size in sizes)
        self.bias = nn.Parameter(torch.zeros(()))
        for weight in self.factors.parameters():
            nn.init.normal_(weight, std=_INIT_STD)
        self.dropout = nn.Dropout(config.dropout)
        self.dense = None
        if config.variant == "neural":
            self.dense = nn.Sequential(
                nn.Linear(2 * config.factors, config.hidden),
                nn.ReLU(),
                nn.Dropout(config.dropout),
                nn.Linear(config.hidden, 1),
            )

    def forward(self, pairs_B2: Tensor) -> Tensor:
        """Return ratings (B, 1) on the normalised scale."""
        users_B, items_B = pairs_B2[:, 0], pairs_B2[:, 1]
        user_BF, item_BF = (
            self.dropout(table(ids))
            for table, ids in zip(self.factors, (users_B, items_B), strict=True)
        )
        rating_B = (user_BF * item_BF).sum(1)
        rating_B = rating_B + self.biases[0][users_B] + self.biases[1][items_B] + self.bias
        if self.dense is not None:
            rating_B = rating_B + self.dense(torch.cat([user_BF, item_BF], dim=1))[:, 0]
        return rating_B[:, None]

    @torch.no_grad()
    def score_all(self) -> Tensor:
        """Return ratings (U, I) of everything by everybody, for lists of recommendations."""
        num_items = len(self.biases[1])
        items_I = torch.arange(num_items, device=self.bias.device)
        rows = [
            self(torch.stack([items_I.new_full((num_items,), user), items_I], dim=1))[:, 0]
            for user in range(len(self.biases[0]))
        ]
        return torch.stack(rows)
