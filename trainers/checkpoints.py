"""From a spec, or from a checkpoint file alone, to a model that can be used.

A checkpoint holds weights and plain values only, so it is loaded without unpickling any code.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from trainers.catalog import MODELS
from trainers.data.dataset import ModelInput, model_input_from_mapping, model_input_to_mapping
from trainers.models.classifier import Classifier
from trainers.spec import RunSpec, load_spec


def build_model(spec: RunSpec, model_input: ModelInput, classes: tuple[str, ...]) -> Classifier:
    """Return a new model with random weights.

    Raises
    ------
    SpecError
        If the model does not fit the size of the input.
    """
    network = MODELS[spec.model.kind].load()
    model: Classifier = network(spec.model, model_input, len(classes), spec.training)
    model.card = {
        "format": 1,
        "spec": spec.to_mapping(),
        "input": model_input_to_mapping(model_input),
        "classes": list(classes),
    }
    return model


def load_model(path: Path) -> Classifier:
    """Return the model of a checkpoint, ready to predict; its ``card`` says what it knows."""
    checkpoint = read_checkpoint(path)
    card = checkpoint["bakeoff"]
    model_input = model_input_from_mapping(card["input"])
    model = build_model(load_spec(card["spec"]), model_input, tuple(card["classes"]))
    model.load_state_dict(checkpoint["state_dict"])
    return model.eval()


def read_checkpoint(path: Path) -> dict[str, Any]:
    """Return what a checkpoint file holds; nothing in it can run code."""
    return torch.load(path, map_location="cpu", weights_only=True)
