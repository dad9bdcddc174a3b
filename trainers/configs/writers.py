"""The settings of models that write: masked and next-token language models, text to text."""

from __future__ import annotations

from typing import Self

from pydantic import model_validator

from trainers.configs.base import ModelConfig, check_heads
from trainers.configs.models import EncoderConfig
from trainers.fields import number, option


class AttentionConfig(ModelConfig):
    """What all of these have: layers of attention."""

    embedding: int = number(
        64, ge=2, le=8192, text="Numbers per token.", tunable=(32, 256), log=True
    )
    heads: int = number(4, ge=1, le=128, text="Attention heads; must divide the embedding.")
    layers: int = number(2, ge=1, le=96, text="Layers on top of each other.", tunable=(1, 6))

    @model_validator(mode="after")
    def _divide_among_heads(self) -> Self:
        check_heads(self.embedding, self.heads)
        return self


class SamplingConfig(ModelConfig):
    """What models that go on with a text have: samples in the run."""

    prompt: str = option("", text="What samples begin with.", max_length=200)
    num_samples: int = number(3, ge=0, le=100, text="Texts written into the run at the end.")
    temperature: float = number(
        0.8, ge=0.0, le=5.0, text="Of samples: 0 always says the likeliest."
    )


class GptConfig(AttentionConfig, SamplingConfig):
    """Reads from left to right and learns to say what comes next."""

    kind: str = "gpt"
    pairs: bool = option(
        False,
        text="Each token also brings a vector of the pair that it ends; for little text.",
        tunable=(False, True),
    )
    pair_dropout: float = number(
        0.5, ge=0.0, le=0.9, text="Of pairs: share of their numbers that is zeroed in training."
    )


class MaskedConfig(EncoderConfig):
    """The Transformer encoder, learning to fill in hidden tokens (BERT)."""

    kind: str = "masked"
    masked_share: float = number(
        0.15, ge=0.01, le=0.9, unit="share", text="Tokens that are hidden while training."
    )


class Seq2SeqConfig(AttentionConfig):
    """An encoder that reads and a decoder that writes, with relative positions (T5)."""

    kind: str = "seq2seq"
    feedforward: int = number(128, ge=1, le=32_768, text="Width between two layers.")
    beams: int = number(
        1, ge=1, le=32, text="Texts kept in parallel while writing; 1 is greedy.", tunable=(1, 4)
    )
