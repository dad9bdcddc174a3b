"""Who likes what: numbers for every user and item, multiplied, and perhaps read by dense layers.

B batch   U users   I items   F factors
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from trainers.configs import RecommenderConfig, TrainingConfig
from trainers.data.inputs import RatingInput
from trainers.models.learner import Learner
from trainers.tasks.ratings import RankingTask

_INIT_STD = 0.05
_AT_ONCE = 2**18  # pairs that are scored together
_MOST_RIVALS = (512, 256)  # in a step of lists, of factors alone and of dense layers


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

    def answer(self, inputs: Tensor, labels: Tensor) -> Tensor:
        """Return ratings, or where lists are learnt the scores of each item and of its rivals."""
        if not (self.training and isinstance(self.task, RankingTask)):
            return super().answer(inputs, labels)
        rivals_M = self._rivals()
        others_BM = self.score(inputs[:, 0], rivals_M)
        others_BM = others_BM.masked_fill(inputs[:, 1:] == rivals_M, -torch.inf)
        return torch.cat([self.forward(inputs), others_BM], dim=1)

    def _rivals(self) -> Tensor:
        """Return all items, or as many as can be scored in a step, drawn evenly."""
        num_items, most = len(self.biases[1]), _MOST_RIVALS[self.dense is not None]
        if num_items <= most:
            return torch.arange(num_items, device=self.bias.device)
        return torch.randint(num_items, (most,)).to(self.bias.device)

    def score(self, users_U: Tensor, items_M: Tensor) -> Tensor:
        """Return scores (U, M) of each item for each user."""
        user_UF, item_MF = (
            self.dropout(table(ids))
            for table, ids in zip(self.factors, (users_U, items_M), strict=True)
        )
        score_UM = user_UF @ item_MF.T
        score_UM = score_UM + self.biases[0][users_U][:, None] + self.biases[1][items_M] + self.bias
        if self.dense is not None:
            first = self.dense[0]
            of_user, of_item = first.get_parameter("weight").chunk(2, dim=1)  # what reads which
            hidden_UMH = (user_UF @ of_user.T)[:, None] + item_MF @ of_item.T
            hidden_UMH = hidden_UMH + first.get_parameter("bias")
            score_UM = score_UM + self.dense[1:](hidden_UMH)[..., 0]
        return score_UM

    @torch.no_grad()
    def score_all(self) -> Tensor:
        """Return ratings (U, I) of everything by everybody, for lists of recommendations."""
        users_U, items_I = (
            torch.arange(len(biases), device=self.bias.device) for biases in self.biases
        )
        parts = users_U.split(max(1, _AT_ONCE // len(items_I)))
        return torch.cat([self.score(part_U, items_I) for part_U in parts])
