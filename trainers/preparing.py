"""From a checked spec to everything that a training starts from; nothing is recorded yet."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import lightning as L

from trainers.checkpoints import build_model, load_model
from trainers.configs import PretrainedConfig, PretrainedGptConfig, TextDataConfig
from trainers.data.dataset import Dataset, load_dataset
from trainers.data.inputs import ModelInput
from trainers.errors import DataError, SpecError
from trainers.models.learner import Learner
from trainers.models.pretrained import Pretrained, PretrainedGpt, pretrained_input
from trainers.models.transfer import Transfer
from trainers.parents import Parents, begin_with, parents_of
from trainers.resuming import checkpoint_to_resume
from trainers.spec import RunSpec
from trainers.stopping import StopSwitch
from trainers.tasks.base import Task

_OF_TWO = frozenset({"auc", "ap"})
"""Metrics that need two classes, and examples of both."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Everything that a training starts from."""

    spec: RunSpec
    data: Dataset
    model: Learner
    stop: StopSwitch
    parents: Parents
    start: Path | None
    """The checkpoint to go on from."""


def prepare(
    spec: RunSpec,
    stop: StopSwitch,
    *,
    home: str | Path | None,
    run_id: str | None,
    resume: bool,
) -> Plan:
    """Read the data, build the model, find the parents.

    Raises
    ------
    SpecError
        If model, data, loss, metric or parents do not fit each other.
    DataError
        If the data or weights cannot be had or used.
    """
    parents = parents_of(spec, home)
    known = parents.start.input if parents.start else _brought_along(spec)
    data = load_dataset(spec.data, known=known)
    L.seed_everything(spec.seed, workers=True, verbose=False)
    model = build_model(spec, data.input, data.target)
    model.task.remember(data)
    _give_weights(model, parents)
    spec = _with_monitor(spec, model.task)
    _need_what_is_watched(spec, data)
    model.training_config = spec.training
    model.card.update(spec=spec.to_mapping(), data_hash=data.hash)
    start = checkpoint_to_resume(spec, data, home=home, run_id=run_id) if resume else None
    if spec.training.compile:
        model.compile_network()
    return Plan(spec=spec, data=data, model=model, stop=stop, parents=parents, start=start)


def _brought_along(spec: RunSpec) -> ModelInput | None:
    """Return how a checkpoint from elsewhere reads texts."""
    if isinstance(spec.data, TextDataConfig) and isinstance(
        spec.model, PretrainedConfig | PretrainedGptConfig
    ):
        return pretrained_input(spec.model.checkpoint, spec.data.max_length)
    return None


def is_helper() -> bool:
    """Return whether this process trains beside another that keeps the record."""
    return int(os.environ.get("LOCAL_RANK", "0")) > 0


def _give_weights(model: Learner, parents: Parents) -> None:
    if isinstance(model, Transfer):
        model.start(parents.backbone.path if parents.backbone else None)
    if isinstance(model, Pretrained | PretrainedGpt) and not parents.start:
        model.start()
    if parents.start:
        begin_with(model, parents.start)
    if parents.teacher:
        teacher = load_model(parents.teacher.path)
        if teacher.task.num_outputs != model.task.num_outputs:
            raise SpecError(
                [
                    (
                        f"Expected training.distil_from to name a model with "
                        f"{model.task.num_outputs} outputs; got {teacher.task.num_outputs}. Name one "
                        "that learnt from the same data."
                    )
                ]
            )
        model.learn_from(teacher)


def _with_monitor(spec: RunSpec, task: Task) -> RunSpec:
    """Return the spec with the metric that names the best epoch, by name."""
    monitor = spec.training.monitor
    if monitor == "auto":
        monitor = f"val/{task.monitor}"
    elif not _is_scored(monitor.removeprefix("val/"), task):
        known = ", ".join(f"val/{name}" for name in task.goals if _is_scored(name, task))
        raise SpecError([f"Expected training.monitor to be auto or one of {known}; got {monitor}."])
    training = spec.training.model_copy(update={"monitor": monitor})
    return spec.model_copy(update={"training": training})


def _need_what_is_watched(spec: RunSpec, data: Dataset) -> None:
    """Refuse to pick the best epoch by a curve that one class alone does not have."""
    metric = spec.training.monitor.removeprefix("val/")
    if metric in _OF_TWO and data.val.labels.unique().numel() < 2:
        raise DataError(
            f"Expected both classes in the {len(data.val):,} validation examples for val/{metric}; "
            "got one. Add examples of the rare class, or set training.monitor to val/loss."
        )


def _is_scored(name: str, task: Task) -> bool:
    needs_two = name in _OF_TWO
    return name in task.goals and not (needs_two and task.num_outputs != 2)
