"""Predicting how somebody rates something, and with it what to recommend.

B batch   N ratings   U users   I items
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import torch
from torch import Tensor

from trainers.configs import TrainingConfig
from trainers.data.inputs import RatingInput
from trainers.data.targets import Target
from trainers.tasks.base import Rows, regression_rows
from trainers.tasks.numbers import NumberTask

if TYPE_CHECKING:
    from trainers.data.dataset import Dataset, Split
    from trainers.models.learner import Learner

_SHOWN = 10  # items recommended to everybody


class RatingTask(NumberTask):
    """Ratings as numbers; the order of all items that a user has not rated yet as a list."""

    goals: ClassVar[dict[str, str]] = {
        "loss": "min",
        "mae": "min",
        "rmse": "min",
        "ndcg@10": "max",
        "hit@10": "max",
    }

    def __init__(self, target: Target, training: TrainingConfig, model_input: RatingInput) -> None:
        super().__init__(target, training)
        self._input = model_input
        self._liked_from = target.mean[0]
        self._relevant: dict[str, tuple[Tensor, Tensor]] = {}
        """By split: what users liked there, (U, I), and what they had rated before, (U, I)."""

    def remember(self, data: Dataset) -> None:
        """Keep who rated what."""
        seen_UI = self._table(data.train.inputs)
        for name, split in (("val", data.val), ("test", data.test)):
            liked_UI = self._table(split.inputs[split.labels[:, 0] >= self._liked_from])
            self._relevant[name] = (liked_UI, seen_UI.clone())
            seen_UI |= self._table(split.inputs)

    def _table(self, pairs_N2: Tensor) -> Tensor:
        table_UI = torch.zeros(self._input.num_users, self._input.num_items, dtype=torch.bool)
        table_UI[pairs_N2[:, 0].cpu(), pairs_N2[:, 1].cpu()] = True
        return table_UI

    def scores(self, judged_NK: Tensor, labels: Tensor) -> dict[str, float]:
        """Return the errors of the ratings."""
        found = super().scores(judged_NK, labels)
        return {name: found[name] for name in ("loss", "mae", "rmse")}

    def whole_scores(self, model: Learner, split: str) -> dict[str, float]:
        """Return how good a list of ten recommendations is for users who liked something there."""
        if split not in self._relevant:
            return {}
        liked_UI, seen_UI = self._relevant[split]
        with torch.no_grad():
            scores_UI = model.score_all().float().cpu()  # pyright: ignore[reportCallIssue]
        return ranking_scores(scores_UI.masked_fill(seen_UI, -torch.inf), liked_UI)

    def rows(self, judged_NK: Tensor, split: Split) -> Rows:
        """Return the predicted rating; the ratings of one user are a group."""
        return regression_rows(split, split.labels[:, 0], judged_NK[:, 0])


def ranking_scores(scores_UI: Tensor, liked_UI: Tensor) -> dict[str, float]:
    """Return the mean over users of ``ndcg@10`` and ``hit@10`` (any liked item among ten)."""
    shown = min(_SHOWN, scores_UI.shape[1])
    has_any_U = liked_UI.any(1)
    top_UK = scores_UI[has_any_U].topk(shown, dim=1).indices
    liked_UI = liked_UI[has_any_U]
    hits_UK = liked_UI.gather(1, top_UK).double()
    discount_K = 1 / torch.arange(2, shown + 2).double().log2()
    ideal_U = torch.stack([discount_K[: int(n)].sum() for n in liked_UI.sum(1).clamp_max(shown)])
    return {
        "ndcg@10": ((hits_UK * discount_K).sum(1) / ideal_U).mean().item(),
        "hit@10": hits_UK.any(1).double().mean().item(),
    }
