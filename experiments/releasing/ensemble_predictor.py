"""Predicts with several models: their mean, or weighed as the ensemble has learnt it."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from experiments.releasing.bundle import BundleError
from experiments.releasing.predictor import Predictor, ScorePredictor, softmax

_SMALLEST = 1e-12  # as in the training: the logarithm of less is no number


class EnsemblePredictor(ScorePredictor):
    """Classes or numbers, of members that each prepare an example in their own way.

    Parameters
    ----------
    files, facts, threads
        As of `Predictor`.
    members
        The models that are asked, in the order in which they were weighed.
    """

    networks = ()

    def __init__(
        self,
        files: Mapping[str, bytes],
        facts: Mapping[str, Any],
        members: Sequence[Predictor],
        *,
        threads: int = 1,
    ) -> None:
        super().__init__(files, facts, threads=threads)
        self._members = tuple(members)
        try:
            self._outputs: str = facts["scores"]["outputs"]
            weights = facts["scores"]["weights"]
            self._weights = None if weights is None else np.array(weights["weights"])
            self._offsets = None if weights is None else np.array(weights["offsets"])
        except (KeyError, TypeError, ValueError) as error:
            raise BundleError(
                f"Expected the weights of an ensemble; got a mistake in {error}."
            ) from error

    @property
    def is_classifier(self) -> bool:
        """Whether scores are probabilities of classes."""
        return self._outputs == "softmax"

    def scores(self, items: Sequence[Any]) -> NDArray[np.float64]:
        """Return one row an example, in the order of `labels`: probabilities, or numbers."""
        if not len(items):
            return np.empty((0, len(self.labels)))
        parts = np.stack([member.recorded(items) for member in self._members])
        if self._weights is None:
            return parts.mean(axis=0)
        if not self.is_classifier:
            return np.tensordot(self._weights, parts, axes=1) + self._offsets
        known = np.log(np.maximum(parts, _SMALLEST)).transpose(1, 0, 2).reshape(len(items), -1)
        return softmax(known @ self._weights.T + self._offsets)
