"""Several things to learn at once from the same examples: one network, a head for each.

B batch   N examples   H heads   K outputs of all heads together
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from trainers.configs import TrainingConfig
from trainers.data.targets import Target
from trainers.errors import SpecError
from trainers.tasks.base import Rows, Task
from trainers.tasks.classes import ClassTask
from trainers.tasks.numbers import NumberTask

if TYPE_CHECKING:
    from trainers.data.dataset import Split
    from trainers.models.learner import Learner


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """One of the things to learn."""

    name: str
    task: Task
    outputs: slice
    """Which of the network's outputs are its own."""
    column: int
    """Which column of the labels is its own."""
    weight: float

    def labels(self, labels_NH: Tensor) -> Tensor:
        """Return its labels in the form that its task reads."""
        own_N = labels_NH[:, self.column]
        return own_N.long() if isinstance(self.task, ClassTask) else own_N[:, None]

    @property
    def file_name(self) -> str:
        """The name with nothing in it that a file's name cannot hold."""
        return re.sub(r"[^A-Za-z0-9_-]+", "-", self.name).strip("-") or str(self.column)


class SeveralTask(Task):
    """Classes and numbers side by side; the loss is the weighted sum of theirs.

    Metrics carry the head's name (``val/price/mae``). The first head's predictions are kept as
    those of the split, each other's under its own name (``test_price``).
    """

    def __init__(self, target: Target, training: TrainingConfig) -> None:
        weights = _weights(target.heads, training)
        if training.loss != "auto":
            raise SpecError(
                [f"Expected training.loss auto with several targets; got {training.loss}."]
            )
        self._heads: list[Head] = []
        first = 0
        for column, (part, weight) in enumerate(zip(target.heads, weights, strict=True)):
            task = (ClassTask if part.kind == "classes" else NumberTask)(part, training)
            outputs = slice(first, first + task.num_outputs)
            self._heads.append(
                Head(name=part.names[0], task=task, outputs=outputs, column=column, weight=weight)
            )
            first = outputs.stop
        self.num_outputs = first
        self.goals = {
            "loss": "min",
            **{
                f"{head.name}/{metric}": goal
                for head in self._heads
                for metric, goal in head.task.goals.items()
            },
        }
        self.units = {
            f"{head.name}/{metric}": unit
            for head in self._heads
            for metric, unit in head.task.units.items()
        }

    def loss(self, outputs: Tensor, labels: Tensor) -> Tensor:
        """Return the weighted sum of the heads' losses."""
        losses = [
            head.weight * head.task.loss(outputs[:, head.outputs], head.labels(labels))
            for head in self._heads
        ]
        return torch.stack(losses).sum()

    def judge(self, outputs: Tensor, labels: Tensor) -> Tensor:
        """Return what each head keeps, side by side."""
        parts = [
            head.task.judge(outputs[:, head.outputs], head.labels(labels)) for head in self._heads
        ]
        return torch.cat(parts, dim=1)

    def scores(self, judged_NK: Tensor, labels: Tensor) -> dict[str, float]:
        """Return each head's metrics under its name, and the weighted loss."""
        found = {"loss": 0.0}
        for head in self._heads:
            own = head.task.scores(judged_NK[:, head.outputs], head.labels(labels))
            found["loss"] += head.weight * own["loss"]
            found.update({f"{head.name}/{metric}": value for metric, value in own.items()})
        return found

    def rows(self, judged_NK: Tensor, split: Split) -> Rows:
        """Return the predictions of the first head."""
        return self._rows_of(self._heads[0], judged_NK, split)

    def tables(
        self, model: Learner, judged_NK: Tensor, split: Split, name: str
    ) -> Iterator[tuple[str, Rows]]:
        """Yield the predictions of each head."""
        del model
        for place, head in enumerate(self._heads):
            kept_as = f"{name}_{head.file_name}" if place else name
            yield kept_as, self._rows_of(head, judged_NK, split)

    def _rows_of(self, head: Head, judged_NK: Tensor, split: Split) -> Rows:
        own = replace(split, labels=head.labels(split.labels))
        return head.task.rows(judged_NK[:, head.outputs], own)


def _weights(heads: Sequence[Target], training: TrainingConfig) -> Sequence[float]:
    given = training.target_weights
    if given and len(given) != len(heads):
        raise SpecError(
            [f"Expected {len(heads)} training.target_weights, one a target; got {len(given)}."]
        )
    if given and not any(given):
        raise SpecError(["Expected a target with a weight above 0; got none."])
    return given or [1.0] * len(heads)
