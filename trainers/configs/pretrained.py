"""The settings of models that begin with a Hugging Face checkpoint."""

from __future__ import annotations

from typing import Any, Literal

from trainers.configs.base import ModelConfig
from trainers.configs.writers import SamplingConfig
from trainers.fields import number, option


def _checkpoint() -> Any:
    return option(
        text="A folder with config.json, model.safetensors and a tokenizer, or a name on the hub.",
        max_length=500,
    )


class PretrainedConfig(ModelConfig):
    """An encoder that has learnt elsewhere (BERT and its like), and a new head."""

    kind: str = "pretrained"
    checkpoint: str = _checkpoint()
    pool: Literal["mean", "cls"] = option(
        "mean", text="Read the mean of all tokens, or the first one.", tunable=("mean", "cls")
    )
    backbone_lr: float = number(
        0.1, ge=0.0, le=1.0, unit="share", text="Learning rate of the encoder, of the head's."
    )


class PretrainedGptConfig(SamplingConfig):
    """A model that has learnt elsewhere to say what comes next (GPT-2 and its like)."""

    kind: str = "pretrained_gpt"
    checkpoint: str = _checkpoint()
