"""Which task a target stands for."""

from __future__ import annotations

from trainers.configs import TrainingConfig
from trainers.data.inputs import ModelInput, RatingInput, TextInput
from trainers.data.targets import Target
from trainers.errors import SpecError
from trainers.tasks.base import Task
from trainers.tasks.classes import ClassTask
from trainers.tasks.language import TextToTextTask
from trainers.tasks.numbers import NumberTask
from trainers.tasks.ratings import RANKING_LOSSES, RankingTask, RatingTask
from trainers.tasks.several import SeveralTask


def task_for(target: Target, model_input: ModelInput, training: TrainingConfig) -> Task:
    """Return the task of data with such a target.

    Raises
    ------
    SpecError
        If the loss does not fit, or there is nothing to learn but the texts themselves.
    """
    if target.kind == "classes":
        return ClassTask(target, training)
    if target.kind == "several":
        return SeveralTask(target, training)
    if target.kind == "numbers":
        return NumberTask(target, training)
    if target.kind == "ratings" and isinstance(model_input, RatingInput):
        ranks = training.loss in RANKING_LOSSES
        return (RankingTask if ranks else RatingTask)(target, training, model_input)
    if target.kind == "tokens" and isinstance(model_input, TextInput):
        return TextToTextTask(target, model_input)
    raise SpecError(
        ["Expected data with labels; got texts alone. Choose model.kind gpt or masked."]
    )


def default_task(num_outputs: int, training: TrainingConfig) -> Task:
    """Return the task of a network that nobody gave another: as many classes as it has outputs."""
    classes = tuple(str(number) for number in range(num_outputs))
    return ClassTask(
        Target(kind="classes", classes=classes),
        training.model_copy(update={"loss": "auto", "class_weights": "none"}),
    )
