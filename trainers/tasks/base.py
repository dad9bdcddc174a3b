"""What every task answers: how wrong outputs are, what of them is kept, how a split is judged.

B batch   N examples of a split   K numbers kept per example
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from torch import Tensor

if TYPE_CHECKING:
    from trainers.data.dataset import Dataset, Split
    from trainers.models.learner import Learner


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """Predictions in the form that the store keeps: `Run.log_predictions` takes them."""

    ids: list[str]
    label: Any
    scores: Any
    slices: dict[str, list[str]]
    group: list[str] | None
    classes: tuple[str, ...] | None
    task: str
    """``classification`` or ``regression``"""


class Task:
    """The base of all tasks; a subclass says how outputs are judged."""

    goals: Mapping[str, str] = {"loss": "min"}
    """Metric -> ``max`` or ``min``; without the name of a split."""
    units: Mapping[str, str] = {}
    monitor: str = "loss"
    """The metric that names the best epoch where the spec leaves it open."""
    train_metric: ClassVar[str | None] = None
    """What `hits` counts, as a share of the examples."""
    num_outputs: int = 1

    def prepare(self, inputs: Tensor, labels: Tensor, *, training: bool) -> tuple[Tensor, Tensor]:
        """Return what the network reads and what it should say."""
        del training
        return inputs, labels

    def loss(self, outputs: Tensor, labels: Tensor) -> Tensor:
        """Return the mean loss of a batch."""
        raise NotImplementedError

    def hits(self, outputs: Tensor, labels: Tensor) -> Tensor | None:
        """Return the sum over the batch of what `train_metric` is the mean of."""
        del outputs, labels
        return None

    def judge(self, outputs: Tensor, labels: Tensor) -> Tensor:
        """Return what has to be kept of each example, (B, K)."""
        raise NotImplementedError

    def scores(self, judged_NK: Tensor, labels: Tensor) -> dict[str, float]:
        """Return the metrics of a split."""
        raise NotImplementedError

    def remember(self, data: Dataset) -> None:
        """Keep of the training data what judging needs."""

    def whole_scores(self, model: Learner, split: str) -> dict[str, float]:
        """Return metrics that need the model itself, not only its outputs."""
        del model, split
        return {}

    def rows(self, judged_NK: Tensor, split: Split) -> Rows:
        """Return the predictions of a split."""
        raise NotImplementedError

    def tables(
        self, model: Learner, judged_NK: Tensor, split: Split, name: str
    ) -> Iterator[tuple[str, Rows]]:
        """Yield the predictions to keep, each with the name under which they are kept."""
        del model
        yield name, self.rows(judged_NK, split)

    def report(self, model: Learner, split: Split, run: Any) -> dict[str, float]:
        """Write into the run what numbers cannot show, at the end; return further scores."""
        del model, split, run
        return {}


def regression_rows(split: Split, label: Tensor, scores: Tensor) -> Rows:
    """Return one number an example beside the true one."""
    return Rows(
        ids=list(split.ids),
        label=label.double().cpu().numpy(),
        scores=scores.double().cpu().numpy(),
        slices=split.slices,
        group=split.groups,
        classes=None,
        task="regression",
    )


def mean_of(sums: Tensor, counts: Tensor) -> float:
    """Return a mean in double precision."""
    return float((sums.double().sum() / counts.double().sum().clamp_min(1)).item())


def concatenated(parts: list[Tensor]) -> Tensor:
    """Return parts of one split as one tensor."""
    return torch.cat(parts)
