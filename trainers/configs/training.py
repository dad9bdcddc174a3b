"""How a model is trained, whatever it is."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from trainers.fields import Config, number, option

Weight = Annotated[float, Field(ge=0.0, le=1000.0)]


class TrainingConfig(Config):
    """How a model is trained, whatever it is."""

    epochs: int = number(10, ge=1, le=10_000, text="Passes over the training examples.")
    batch_size: int = number(
        64, ge=1, le=65_536, text="Examples per step.", tunable=(16, 256), log=True
    )
    accumulate: int = number(
        1, ge=1, le=1024, unit="batches", text="Batches whose gradients are added up to one step."
    )
    optimizer: Literal["adamw", "adam", "sgd"] = option(
        "adamw", text="Rule that turns gradients into steps.", tunable=("adamw", "sgd")
    )
    lr: float = number(
        1e-3, ge=1e-6, le=1.0, text="Peak learning rate.", tunable=(1e-4, 1e-2), log=True
    )
    momentum: float = number(
        0.9, ge=0.0, le=0.999, text="Of sgd: how much of the last step is kept; 0 is plain SGD."
    )
    weight_decay: float = number(
        1e-2, ge=0.0, le=1.0, text="Shrinks weight matrices (L2); never biases or norms."
    )
    l1: float = number(
        0.0, ge=0.0, le=1.0, text="Weight of the sum of absolute weights in the loss; 0 is none."
    )
    schedule: Literal["constant", "cosine", "one_cycle", "plateau"] = option(
        "one_cycle",
        text="Course of the learning rate; plateau halves it when the best epoch is 2 epochs ago.",
        tunable=("constant", "cosine", "one_cycle"),
    )
    warmup: float = number(
        0.2, ge=0.0, le=0.9, unit="share of steps", text="Rise to the peak learning rate first."
    )
    grad_clip: float = number(
        1.0, ge=0.0, le=1000.0, unit="L2 norm", text="Longest gradient allowed; 0 never clips."
    )
    loss: Literal[
        "auto", "cross_entropy", "bce", "focal", "mse", "mae", "huber", "softmax", "bpr"
    ] = option(
        "auto",
        text="What is minimised: auto is cross-entropy for classes and squares for numbers; "
        "bce (one logit) and focal are for two classes; softmax and bpr order recommendations.",
    )
    target_weights: tuple[Weight, ...] = number(
        (),
        ge=0.0,
        le=1000.0,
        text="With data.targets: what each counts in the loss, in their order; empty is 1 each.",
    )
    label_smoothing: float = number(
        0.0, ge=0.0, le=0.5, text="Share of each label that is spread over all classes."
    )
    class_weights: Literal["none", "balanced"] = option(
        "none", text="Let rare classes count as much in the loss as frequent ones."
    )
    average: Literal["none", "ema", "swa"] = option(
        "none", text="Judge and keep averaged weights: exponential (ema) or of the last part (swa)."
    )
    ema_decay: float = number(
        0.99, ge=0.5, le=0.99999, text="Of ema: how much of the average is kept at each step."
    )
    swa_start: float = number(
        0.75, ge=0.0, le=0.99, unit="share of epochs", text="Of swa: when averaging begins."
    )
    keep: Literal["best", "last"] = option(
        "best",
        text="Whose weights are kept: the best epoch's, or the last's, for few validation examples.",
    )
    patience: int = number(
        0, ge=0, le=1000, unit="epochs", text="Stop after so many without a better one; 0 never."
    )
    monitor: Literal[
        "auto", "val/loss", "val/acc", "val/f1", "val/auc", "val/ap", "val/mae", "val/ndcg@10"
    ] = option("auto", text="Metric that names the best epoch; auto is the one of the task.")
    log_every: int = number(
        10, ge=1, le=10_000, unit="steps", text="Steps between two points of train/loss."
    )
    precision: Literal["32-true", "bf16-mixed"] = option(
        "32-true", text="Number format of the computation; bf16-mixed is for GPUs."
    )
    compile: bool = option(
        False, text="Compile the network with torch.compile; says so where that fails."
    )
    devices: int = number(
        1, ge=1, le=64, text="GPUs (or CPU processes) that share every batch among them."
    )
    threads: int = number(0, ge=0, le=256, text="CPU threads; 0 leaves the choice to torch.")
    max_seconds: float = number(
        0.0, ge=0.0, le=31_536_000.0, unit="s", text="End the training after this time; 0 never."
    )
    deterministic: bool = option(
        False, text="Refuse operations whose result varies on a GPU (slower)."
    )
    start_from: str | None = option(
        None,
        text="Begin with the weights of a run (id or name) or of a file (.ckpt, .safetensors).",
        max_length=500,
    )
    distil_from: str | None = option(
        None, text="Learn from the scores of this run's model too (id or name).", max_length=500
    )
    distil_weight: float = number(
        0.5, ge=0.0, le=1.0, text="With distil_from: share of the teacher's scores in the loss."
    )
    distil_temperature: float = number(
        2.0, ge=0.5, le=20.0, text="With distil_from: how much the scores are softened."
    )

    @model_validator(mode="after")
    def _smooth_only_what_has_classes(self) -> Self:
        if self.label_smoothing and self.loss not in {"auto", "cross_entropy"}:
            raise PydanticCustomError(
                "smoothing",
                "Expected training.label_smoothing with loss auto or cross_entropy; got loss "
                "{loss}. Set one of the two.",
                {"loss": self.loss},
            )
        return self
