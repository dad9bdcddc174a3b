"""What the settings of all data and of all models have in common."""

from __future__ import annotations

from typing import Self

from pydantic import model_validator
from pydantic_core import PydanticCustomError

from trainers.fields import Config, number, option


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


class FileDataConfig(DataConfig):
    """What all files of the user's own have: rows that cannot be used."""

    path: str = option(text="The file, or hub:OWNER/NAME/FILE; .csv, .tsv, .jsonl or .parquet.")
    max_bad: int = number(
        100, ge=0, le=10_000_000, unit="rows", text="Unusable rows to skip before giving up."
    )


class LabelledFileConfig(FileDataConfig):
    """What files with labels in columns have: one column to predict, or several at once."""

    label_column: str = option("label", text="Column to predict.")
    targets: tuple[str, ...] = option(
        (),
        text="Several columns to predict at once, instead of label_column; the first is the main one.",
    )

    @property
    def target_columns(self) -> tuple[str, ...]:
        """The columns to predict."""
        return self.targets or (self.label_column,)

    @model_validator(mode="after")
    def _name_each_target_once(self) -> Self:
        if len(self.targets) == 1 or len(set(self.targets)) < len(self.targets):
            raise PydanticCustomError(
                "targets",
                "Expected data.targets to name several columns, each once; got {got}. Use "
                "data.label_column for one.",
                {"got": ", ".join(self.targets)},
            )
        return self


class ModelConfig(Config):
    """What all models have."""

    kind: str
    dropout: float = number(
        0.2, ge=0.0, le=0.9, text="Share of values zeroed while training.", tunable=(0.0, 0.5)
    )


def check_heads(embedding: int, heads: int) -> None:
    """Refuse a number of attention heads that the embedding cannot be divided among.

    Raises
    ------
    pydantic_core.PydanticCustomError
        Within a validator: the sentence that the form and the terminal show.
    """
    if embedding % heads:
        raise PydanticCustomError(
            "heads",
            "Expected model.embedding to be a multiple of model.heads; got {width} and {heads}.",
            {"width": embedding, "heads": heads},
        )
