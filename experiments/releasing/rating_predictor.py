"""Predicts with a recommender: how a user rates an item, or what to recommend to a user."""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from experiments.releasing.predictor import ScorePredictor
from experiments.releasing.rating_inputs import RatingPreprocessing

_LISTED: Final = 10


class RatingPredictor(ScorePredictor):
    """Ratings by user and item."""

    prepare: RatingPreprocessing

    @property
    def expectation(self) -> str:
        """What an input looks like, in words."""
        return self.prepare.asking

    def answers(self, items: Sequence[Any]) -> list[dict[str, Any]]:
        """Return a rating for each pair, and ten items for each user who is given alone."""
        alone = [self.prepare.user(row, item) for row, item in enumerate(items)]
        rated = iter(
            super().answers([item for item, user in zip(items, alone, strict=True) if user is None])
        )
        return [next(rated) if user is None else self._listed(user) for user in alone]

    def _listed(self, user: int) -> dict[str, Any]:
        count = self.prepare.sizes[1]
        pairs = np.column_stack([np.full(count, user), np.arange(count)])
        scores = self.scored(pairs)[:, 0]
        best = np.argsort(-scores, kind="stable")[:_LISTED]
        name = self.labels[0]
        return {
            "recommendations": [
                {"item": self.prepare.items[place], name: round(float(scores[place]), 6)}
                for place in best
            ]
        }
