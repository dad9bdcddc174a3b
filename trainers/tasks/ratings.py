"""Predicting how somebody rates something, or what somebody will like: lists of recommendations.

B batch   N ratings   U users   I items   K places   M a liked item and its rivals
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn import functional as F

from trainers.configs import TrainingConfig
from trainers.data.inputs import RatingInput
from trainers.data.targets import Target
from trainers.tasks.base import Rows, regression_rows
from trainers.tasks.numbers import NumberTask

if TYPE_CHECKING:
    from trainers.data.dataset import Dataset, Split
    from trainers.models.learner import Learner

_SHOWN = 10  # items recommended to everybody
_PLACES = 20  # of a list, kept for comparisons
RANKING_LOSSES = ("softmax", "bpr")


class RatingTask(NumberTask):
    """Ratings as numbers; the order of all items that a user has not rated yet as a list."""

    goals: Mapping[str, str] = {
        "loss": "min",
        "mae": "min",
        "rmse": "min",
        "ndcg@10": "max",
        "hit@10": "max",
        "coverage@10": "max",
    }

    def __init__(self, target: Target, training: TrainingConfig, model_input: RatingInput) -> None:
        super().__init__(target, training)
        self._input = model_input
        self._liked_from = target.mean[0]
        self._relevant: dict[str, tuple[Tensor, Tensor]] = {}
        """By split: what users liked there, (U, I), and what they had rated before, (U, I)."""
        self._popular: dict[str, float] = {}
        """By split: NDCG of the items that most users had liked before, the same for everybody."""

    def remember(self, data: Dataset) -> None:
        """Keep who rated what."""
        seen_UI, before_UI = self._table(data.train.inputs), self._liked(data.train)
        for name, split in (("val", data.val), ("test", data.test)):
            liked_UI = self._liked(split)
            self._relevant[name] = (liked_UI, seen_UI.clone())
            most_UI = before_UI.sum(0).double().expand(seen_UI.shape)
            lists_UI = most_UI.masked_fill(seen_UI, -torch.inf)
            self._popular[name] = ranking_scores(lists_UI, liked_UI)["ndcg@10"]
            seen_UI |= self._table(split.inputs)
            before_UI |= liked_UI

    def _liked(self, split: Split) -> Tensor:
        return self._table(split.inputs[split.labels[:, 0] >= self._liked_from])

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
        return self._list_scores(split, *self._judged_lists(model, split))

    def _list_scores(self, split: str, scores_UI: Tensor, liked_UI: Tensor) -> dict[str, float]:
        """Return how good lists are, and how good one list for everybody would be."""
        found = ranking_scores(scores_UI, liked_UI)
        return {**found, "popular_ndcg@10": self._popular[split]}

    def _judged_lists(self, model: Learner, split: str) -> tuple[Tensor, Tensor]:
        """Return everybody's scores of what they had not rated before, and what they liked then."""
        liked_UI, seen_UI = self._relevant[split]
        with torch.no_grad():
            scores_UI = model.score_all().float().cpu()  # pyright: ignore[reportCallIssue]
        return scores_UI.masked_fill(seen_UI, -torch.inf), liked_UI

    def rows(self, judged_NK: Tensor, split: Split) -> Rows:
        """Return the predicted rating; the ratings of one user are a group."""
        rows = regression_rows(split, split.labels[:, 0], judged_NK[:, 0])
        names = self._names_of_users
        return replace(rows, group=[names[user] for user in split.inputs[:, 0].long().tolist()])

    @property
    def _names_of_users(self) -> tuple[str, ...]:
        return self._input.users or tuple(map(str, range(self._input.num_users)))

    def tables(
        self, model: Learner, judged_NK: Tensor, split: Split, name: str
    ) -> Iterator[tuple[str, Rows]]:
        """Yield also one row a user: how many items were liked, and which places named one."""
        yield name, self.rows(judged_NK, split)
        scores_UI, liked_UI = self._judged_lists(model, name)
        users = liked_UI.any(1).nonzero()[:, 0].tolist()
        names = self._names_of_users
        top_UK = scores_UI[users].topk(min(_PLACES, scores_UI.shape[1]), dim=1).indices
        yield (
            f"{name}_lists",
            Rows(
                ids=[names[user] for user in users],
                label=liked_UI[users].sum(1).numpy(),
                scores=liked_UI[users].gather(1, top_UK).double().numpy(),
                slices={},
                group=None,
                classes=None,
                task="ranking",
            ),
        )


class RankingTask(RatingTask):
    """What somebody likes (a rating of at least the mean) before what nobody has looked at.

    `softmax` is the cross-entropy of the liked item among its rivals; `bpr` compares it with each
    of them alone. Scores keep the scale of ratings, so that they are used alike, but only order.
    """

    goals: Mapping[str, str] = {
        "loss": "min",
        "ndcg@10": "max",
        "hit@10": "max",
        "coverage@10": "max",
    }
    units: Mapping[str, str] = {"loss": "nats"}

    def __init__(self, target: Target, training: TrainingConfig, model_input: RatingInput) -> None:
        super().__init__(target, training.model_copy(update={"loss": "auto"}), model_input)
        self.monitor = "ndcg@10"
        self._is_softmax = training.loss == "softmax"

    def prepare(self, inputs: Tensor, labels: Tensor, *, training: bool) -> tuple[Tensor, Tensor]:
        """Return, to learn from, the liked items alone; if a batch has none, the best of it."""
        if not training:
            return inputs, labels
        enough = labels.max().clamp_max(self._liked_from)
        is_liked_B = labels[:, 0] >= enough
        return inputs[is_liked_B], labels[is_liked_B]

    def loss(self, outputs: Tensor, labels: Tensor) -> Tensor:
        """Return the mean loss; the first output is the liked item's, the others its rivals'."""
        del labels
        scores_BM = outputs.float()
        if self._is_softmax:
            return -F.log_softmax(scores_BM, dim=1)[:, 0].mean()
        return F.softplus(scores_BM[:, 1:] - scores_BM[:, :1]).mean()

    def scores(self, judged_NK: Tensor, labels: Tensor) -> dict[str, float]:
        """Return nothing: a list is judged as a whole."""
        del judged_NK, labels
        return {}

    def whole_scores(self, model: Learner, split: str) -> dict[str, float]:
        """Return also the cross-entropy of what was liked among all that was not rated before."""
        if split not in self._relevant:
            return {}
        scores_UI, liked_UI = self._judged_lists(model, split)
        loss = -F.log_softmax(scores_UI, dim=1)[liked_UI].double().mean().item()
        return {"loss": loss, **self._list_scores(split, scores_UI, liked_UI)}


def ranking_scores(scores_UI: Tensor, liked_UI: Tensor) -> dict[str, float]:
    """Return the mean over users of ``ndcg@10`` and ``hit@10`` (any liked item among ten).

    ``coverage@10`` is the share of all items that anybody is shown.
    """
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
        "coverage@10": top_UK.unique().numel() / scores_UI.shape[1],
    }
