"""Predicts with a network that answers several questions at once."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from experiments.releasing.predictor import ScorePredictor, scores_of, told


class SeveralPredictor(ScorePredictor):
    """Classes and numbers side by side; the first question's answers are those that are checked."""

    @property
    def is_classifier(self) -> bool:
        """Whether the first question is about classes."""
        return self._heads[0]["kind"] == "softmax"

    def answers(self, items: Sequence[Any]) -> list[dict[str, Any]]:
        """Return the answer to each question, by its name."""
        parts = self._split(self.outputs(self.prepare(items)))
        columns = [
            told(scores_of(outputs, head), head["labels"], are_classes=head["kind"] == "softmax")
            for outputs, head in zip(parts, self._heads, strict=True)
        ]
        names = [head["name"] for head in self._heads]
        return [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]

    def scores(self, items: Sequence[Any]) -> NDArray[np.float64]:
        """Return the scores of the first question."""
        return scores_of(self._split(self.outputs(self.prepare(items)))[0], self._heads[0])

    @property
    def _heads(self) -> list[dict[str, Any]]:
        return self.facts["scores"]["heads"]

    def _split(self, outputs: NDArray[Any]) -> list[NDArray[Any]]:
        ends = np.cumsum([len(head["labels"]) for head in self._heads])[:-1]
        return np.split(outputs, ends, axis=1)
