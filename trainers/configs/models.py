"""The settings of models that judge: classes, numbers, ratings."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from trainers.configs.base import ModelConfig, check_heads
from trainers.fields import number, option

Width = Annotated[int, Field(ge=1, le=1024)]


class CnnConfig(ModelConfig):
    """Blocks of convolution, pooling and dropout, then a dense layer."""

    kind: str = "cnn"
    channels: tuple[Width, ...] = number(
        (16, 32),
        ge=1,
        le=1024,
        text="Channels of each block; every block halves the image.",
        tunable=((16, 32), (32, 64), (16, 32, 64)),
    )
    dense: int = number(
        128, ge=1, le=8192, text="Width of the dense layer.", tunable=(32, 256), log=True
    )

    @model_validator(mode="after")
    def _have_a_block(self) -> Self:
        if not 1 <= len(self.channels) <= 8:
            raise PydanticCustomError(
                "channels",
                "Expected model.channels to name 1 to 8 blocks; got {count}.",
                {"count": len(self.channels)},
            )
        return self


class TimeModelConfig(ModelConfig):
    """What models that read over time can have beside their network."""

    waves: int = number(
        0,
        ge=0,
        le=64,
        text="Of numbers over time: sines and cosines of each column, of learnt frequencies.",
        tunable=(0, 8),
    )
    anchor: bool = option(
        False,
        text="Of forecasts: read and say how far from the last value, for levels that drift.",
        tunable=(False, True),
    )
    highway: bool = option(
        False,
        text="A linear layer beside the network: over the window of numbers, or over the tokens, "
        "pairs and triples of neighbours of a text; for few examples.",
        tunable=(False, True),
    )
    highway_dropout: float = number(
        0.5, ge=0.0, le=0.9, text="Share of what the linear layer reads that is zeroed in training."
    )
    highway_lr: float = number(
        2e-3, ge=1e-6, le=1.0, text="Of texts: the linear layer's own peak learning rate."
    )


class LstmConfig(TimeModelConfig):
    """A recurrent network that reads a text or a sequence from left to right, or from both sides."""

    kind: str = "lstm"
    embedding: int = number(
        64, ge=1, le=2048, text="Numbers per character.", tunable=(32, 128), log=True
    )
    hidden: int = number(
        96, ge=1, le=4096, text="Width of the state, per direction.", tunable=(32, 256), log=True
    )
    layers: int = number(1, ge=1, le=8, text="Layers on top of each other.", tunable=(1, 2))
    bidirectional: bool = option(
        True, text="Read from right to left as well.", tunable=(False, True)
    )
    pool: Literal["max", "mean", "last"] = option(
        "max", text="Read the maximum or mean over all states, or the last state."
    )


class EncoderConfig(ModelConfig):
    """What all encoders have in which every character looks at all others."""

    embedding: int = number(
        64, ge=2, le=4096, text="Numbers per character.", tunable=(32, 128), log=True
    )
    heads: int = number(4, ge=1, le=64, text="Attention heads; must divide the embedding.")
    layers: int = number(2, ge=1, le=48, text="Encoder layers.", tunable=(1, 4))
    feedforward: int = number(
        128, ge=1, le=16_384, text="Width between two layers.", tunable=(64, 512), log=True
    )
    pool: Literal["mean", "cls", "last"] = option(
        "mean",
        text="Read the mean of all places, one extra token, or the last place (for forecasts).",
        tunable=("mean", "cls"),
    )

    @model_validator(mode="after")
    def _divide_among_heads(self) -> Self:
        check_heads(self.embedding, self.heads)
        return self


class TransformerConfig(EncoderConfig, TimeModelConfig):
    """An encoder in which every character looks at all others."""

    kind: str = "transformer"


class MultiScaleConfig(ModelConfig):
    """Residual blocks that look at several scales at once, as for medical images."""

    kind: str = "multiscale"
    channels: tuple[Width, ...] = number(
        (16, 32, 64),
        ge=4,
        le=1024,
        text="Channels of each stage; every stage but the first halves the image.",
        tunable=((16, 32), (16, 32, 64), (32, 64, 128)),
    )
    blocks: int = number(1, ge=1, le=16, text="Residual blocks in each stage.", tunable=(1, 3))

    @model_validator(mode="after")
    def _have_stages_that_divide(self) -> Self:
        if not 1 <= len(self.channels) <= 6 or any(width % 4 for width in self.channels):
            raise PydanticCustomError(
                "stages",
                "Expected model.channels to name 1 to 6 stages, each a multiple of 4; got {got}.",
                {"got": str(list(self.channels))},
            )
        return self


class TransferConfig(ModelConfig):
    """A backbone that has learnt elsewhere, and a new head: first the head alone, then both."""

    kind: str = "transfer"
    backbone: str = option(
        "multiscale",
        text="multiscale (our own), or timm:NAME or torchvision:NAME where these are installed.",
    )
    weights: str = option(
        "builtin",
        text="Weight file (.safetensors, .ckpt), a run's id or name, 'hub', or 'builtin' (MNIST).",
    )
    frozen_epochs: int = number(
        2, ge=0, le=1000, unit="epochs", text="The backbone stays as it is for so long."
    )
    backbone_lr: float = number(
        0.1, ge=0.0, le=1.0, unit="share", text="Learning rate of the backbone, of the head's."
    )


class MlpConfig(ModelConfig):
    """Dense layers over the columns of a table."""

    kind: str = "mlp"
    widths: tuple[Width, ...] = number(
        (64, 64), ge=1, le=1024, text="Width of each layer.", tunable=((32,), (64, 64), (128, 64))
    )
    skip: bool = option(
        False, text="Add a linear layer from the columns to the answer.", tunable=(False, True)
    )


class RecommenderConfig(ModelConfig):
    """A user's and an item's numbers, multiplied (mf) or read by dense layers as well (neural)."""

    kind: str = "recommender"
    variant: Literal["mf", "neural"] = option(
        "mf", text="Matrix factorisation, or with dense layers beside it.", tunable=("mf", "neural")
    )
    factors: int = number(
        32, ge=1, le=1024, text="Numbers per user and item.", tunable=(8, 64), log=True
    )
    hidden: int = number(64, ge=1, le=4096, text="Of neural: width of the dense layers.")
