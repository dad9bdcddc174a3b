"""A trial that a search has under way, and the run that its values make."""

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from optuna import Trial
from optuna.trial import FrozenTrial

from experiments.search.dimensions import apply
from trainers.spec import RunSpec, load_spec

if TYPE_CHECKING:
    from experiments.queueing.jobs import Job
    from experiments.search.search_spec import StudySpec

_MOST_INTERMEDIATE = 200


@dataclass(slots=True, kw_only=True)
class ActiveTrial:
    """A trial that has not ended."""

    number: int
    trial: Trial
    values: dict[str, Any]
    run_ids: list[str]
    """One a seed; they are trained one after the other."""
    started: float
    place: int = 0
    """Which of them it is at."""
    job: "Job | None" = None
    wanted: str | None = None
    """Why its job was asked to stop: ``prune``, ``pause`` or ``stop``."""
    is_paused: bool = False
    was_lost: bool = False
    results: list[list[float]] = field(default_factory=list)
    course: dict[int, float] = field(default_factory=dict)
    """What was reported to the pruner, by step."""
    looked: float = field(default_factory=time.monotonic)

    @property
    def run_id(self) -> str:
        """The run that it is at."""
        return self.run_ids[self.place]

    @property
    def has_all(self) -> bool:
        """Whether every seed has its result."""
        return self.place >= len(self.run_ids)

    def frozen(self) -> FrozenTrial:
        """Return the trial as Optuna has it stored."""
        return self.trial.storage.get_trial(self.trial._trial_id)  # noqa: SLF001  # only this way


def run_spec(spec: "StudySpec", study_id: str, active: ActiveTrial) -> RunSpec:
    """Return the checked run that a trial is at.

    Raises
    ------
    trainers.spec.SpecError
        If the trial's values do not go together.
    """
    mapping = apply(spec.base, spec.space, active.values)
    name = f"{spec.name} #{active.number}"
    mapping["seed"] = int(mapping.get("seed", 0)) + active.place
    if spec.seeds > 1:
        mapping["group"] = f"{study_id}/{active.number}"
        name += f" seed {mapping['seed']}"
    mapping["name"] = name[:200]
    if spec.trial_budget_s:
        training = dict(mapping.get("training", {}))
        limits = [s for s in (training.get("max_seconds"), spec.trial_budget_s) if s]
        mapping["training"] = training | {"max_seconds": min(limits)}
    return load_spec(mapping)


def mean(values: Sequence[float]) -> float:
    """Return the mean of the seeds' values."""
    return math.fsum(values) / len(values)


def spread(columns: Sequence[Sequence[float]]) -> list[float]:
    """Return the standard deviation among seeds, of each objective; nothing for one seed."""
    if not columns or len(columns[0]) < 2:
        return []
    return [
        math.sqrt(math.fsum((v - mean(column)) ** 2 for v in column) / (len(column) - 1))
        for column in columns
    ]


def thinned(course: Mapping[int, float]) -> list[tuple[int, float]]:
    """Return so many of the reported values, at most, that a chart still shows their course."""
    items = sorted(course.items())
    stride = -(-len(items) // _MOST_INTERMEDIATE)
    return items if stride <= 1 else [*items[:-1:stride], items[-1]]
