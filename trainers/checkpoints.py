"""From a spec, or from a checkpoint file alone, to a model that can be used.

A checkpoint holds weights and plain values only, so it is loaded without unpickling any code.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from trainers.catalog import MODELS
from trainers.data.inputs import ModelInput, model_input_from_mapping, model_input_to_mapping
from trainers.data.targets import Target, target_from_mapping
from trainers.errors import DataError
from trainers.models.learner import Learner
from trainers.models.weights import load_into, read_plain
from trainers.spec import RunSpec, load_spec


def build_model(spec: RunSpec, model_input: ModelInput, target: Target) -> Learner:
    """Return a new model with random weights.

    Raises
    ------
    SpecError
        If the model does not fit the input, or the loss what is to be learnt.
    """
    network = MODELS[spec.model.kind].load()
    task = network.task_of(spec.model, model_input, target, spec.training)
    model: Learner = network(spec.model, model_input, task.num_outputs, spec.training)
    model.task = task
    model.card = {
        "format": 1,
        "spec": spec.to_mapping(),
        "input": model_input_to_mapping(model_input),
        "classes": list(target.classes),
        "target": target.to_mapping(),
    }
    return model


def load_model(path: Path) -> Learner:
    """Return the model of a checkpoint, ready to predict; its ``card`` says what it knows.

    Raises
    ------
    DataError
        If the file is no checkpoint of ours, or holds more than weights and plain values.
    """
    checkpoint = read_checkpoint(path)
    card = checkpoint["bakeoff"]
    classes = tuple(card["classes"])
    target = (
        target_from_mapping(card["target"])
        if "target" in card
        else Target(kind="classes", classes=classes)
    )
    model = build_model(load_spec(card["spec"]), model_input_from_mapping(card["input"]), target)
    load_into(model, checkpoint["state_dict"], path)
    model.card.update(card)
    return model.eval()


def read_checkpoint(path: Path) -> dict[str, Any]:
    """Return what a checkpoint of ours holds; nothing in it can run code.

    Raises
    ------
    DataError
        If it is none.
    """
    content = read_plain(path)
    if "bakeoff" not in content or "state_dict" not in content:
        raise DataError(
            f"Expected a checkpoint that Bakeoff wrote; got {path}. Name a run's best.ckpt."
        )
    return content
