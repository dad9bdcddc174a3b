"""What a model has to know of its input, measured on the training split alone.

image      uint8 (num_examples, channels, height, width), 0 to 255
text       int32 (num_examples, max_length), 0 is padding, 1 an unknown token
table      float32 (num_examples, columns): a number, or the index of a category; NaN is missing
sequence   float32 (num_examples, time, columns), rows of NaN after the end
ratings    int64 (num_examples, 2): user, item

Models normalise what they read themselves.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, Literal

PADDING, UNKNOWN = 0, 1
NUM_SPECIAL = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageInput:
    """What an image model has to know of its input; means and deviations from train only."""

    channels: int
    height: int
    width: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    """Per channel, on the scale 0 to 255."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TextInput:
    """What a text model has to know of its input; the vocabulary comes from train only."""

    max_length: int
    vocabulary: tuple[str, ...]
    """The character or word of id 2, 3, ..."""
    tokens: Literal["characters", "words"] = "characters"

    @property
    def num_tokens(self) -> int:
        """Ids that can occur: padding, unknown, and the vocabulary."""
        return NUM_SPECIAL + len(self.vocabulary)


@dataclass(frozen=True, slots=True, kw_only=True)
class PretrainedInput(TextInput):
    """Text as a Hugging Face checkpoint reads it; our ids are its ids and one more, 0 is padding."""

    tokenizer: str
    """The text of its tokenizer.json."""
    architecture: str
    """The text of its config.json."""
    size: int
    """Tokens that its vocabulary holds."""

    @property
    def num_tokens(self) -> int:
        """Ids that can occur."""
        return self.size + 1


@dataclass(frozen=True, slots=True, kw_only=True)
class TableInput:
    """What a model of tables has to know of its columns."""

    names: tuple[str, ...]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    num_categories: tuple[int, ...]
    """Of each column; 0 for a number."""
    categories: dict[str, tuple[str, ...]]
    """The words of index 0, 1, ... by column."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SequenceInput:
    """What a model of sequences has to know of its columns."""

    max_length: int
    names: tuple[str, ...]
    mean: tuple[float, ...]
    std: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RatingInput:
    """What a recommender has to know."""

    num_users: int
    num_items: int
    users: tuple[str, ...] = ()
    """What user 0, 1, ... is called in the data; checkpoints of old know numbers only."""
    items: tuple[str, ...] = ()


ModelInput = ImageInput | TextInput | TableInput | SequenceInput | RatingInput
_TYPES: dict[str, type[Any]] = {
    "image": ImageInput,
    "pretrained": PretrainedInput,  # before the class that it is a kind of
    "text": TextInput,
    "table": TableInput,
    "sequence": SequenceInput,
    "ratings": RatingInput,
}


def model_input_to_mapping(model_input: ModelInput) -> dict[str, Any]:
    """Return plain values for a checkpoint: no class of ours is pickled."""
    kind = next(name for name, type_ in _TYPES.items() if isinstance(model_input, type_))
    return {"type": kind, **_plain(dataclasses.asdict(model_input))}


def model_input_from_mapping(mapping: dict[str, Any]) -> ModelInput:
    """Undo :func:`model_input_to_mapping`; the oldest checkpoints know images and texts only."""
    kind = mapping.get("type") or ("text" if "vocabulary" in mapping else "image")
    values = {key: _frozen(value) for key, value in mapping.items() if key != "type"}
    return _TYPES[kind](**values)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, tuple | list) else value


def _frozen(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _frozen(item) for key, item in value.items()}
    return tuple(_frozen(item) for item in value) if isinstance(value, tuple | list) else value
