"""What an exported model reads: a description for those who serve it, and examples to check it."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from trainers.data.inputs import (
    NUM_SPECIAL,
    PADDING,
    UNKNOWN,
    ImageInput,
    ModelInput,
    RatingInput,
    SequenceInput,
    TableInput,
    TextInput,
)
from trainers.data.raw import RawArrays, RawData, RawTexts


@dataclass(frozen=True, slots=True, kw_only=True)
class Described:
    """An input, for tracing and for serving."""

    batch: Tensor
    """two examples"""
    preprocessing: dict[str, Any]
    vocabulary: tuple[str, ...] | None = None


def describe(model_input: ModelInput, data: Mapping[str, Any]) -> Described:
    """Return a batch of two for tracing, and how an example becomes such an input.

    Parameters
    ----------
    model_input
        What the model knows of its input.
    data
        The spec's data: which columns of the user's files mean what.
    """
    generator = torch.Generator().manual_seed(0)
    match model_input:
        case ImageInput(channels=channels, height=height, width=width):
            size = (2, channels, height, width)
            return Described(
                batch=torch.randint(0, 256, size, dtype=torch.uint8, generator=generator),
                preprocessing={
                    "modality": "image",
                    "channels": channels,
                    "height": height,
                    "width": width,
                },
            )
        case TextInput():
            return _describe_text(model_input, generator, data)
        case TableInput():
            return _describe_table(model_input)
        case SequenceInput(max_length=length, names=names):
            rows = torch.randn(2, length, len(names), generator=generator)
            rows[1, max(1, length // 2) :] = math.nan
            return Described(
                batch=rows,
                preprocessing={
                    "modality": "sequence",
                    "max_length": length,
                    "names": list(names),
                    "source": _time_columns(data),
                },
            )
        case RatingInput(num_users=users, num_items=items):
            return Described(
                batch=torch.tensor([[0, 0], [users - 1, items - 1]], dtype=torch.int64),
                preprocessing={
                    "modality": "ratings",
                    "num_users": users,
                    "num_items": items,
                    "users": list(model_input.users),
                    "items": list(model_input.items),
                    "columns": [data.get("user_column", "user"), data.get("item_column", "item")],
                },
            )


def _time_columns(data: Mapping[str, Any]) -> dict[str, str] | None:
    """Return how rows of the user's own file become sequences; None where data are built in."""
    match data.get("kind"):
        case "series_csv":
            return {"kind": "series", "time": data["time_column"]}
        case "transactions_csv":
            columns = {"time": data["time_column"], "customer": data["customer_column"]}
            return {"kind": "events", **columns}
    return None


def _describe_text(
    model_input: TextInput, generator: torch.Generator, data: Mapping[str, Any]
) -> Described:
    length = model_input.max_length
    tokens = torch.randint(1, model_input.num_tokens, (2, length), generator=generator)
    tokens[1, max(1, length // 2) :] = PADDING
    return Described(
        batch=tokens.to(torch.int32),
        preprocessing={
            "modality": "text",
            "tokens": model_input.tokens,
            "max_length": length,
            "padding": PADDING,
            "unknown": UNKNOWN,
            "first": NUM_SPECIAL,
            "column": data.get("text_column") or data.get("source_column"),
        },
        vocabulary=model_input.vocabulary,
    )


def _describe_table(model_input: TableInput) -> Described:
    row = [0.0 if size else mean for mean, size in zip(model_input.mean, model_input.num_categories, strict=True)]  # fmt: skip
    return Described(
        batch=torch.tensor([row, row], dtype=torch.float32),
        preprocessing={
            "modality": "table",
            "names": list(model_input.names),
            "categories": {name: list(words) for name, words in model_input.categories.items()},
        },
    )


def write_inputs(raw: RawData, found: Sequence[tuple[str, int]], folder: Path) -> None:
    """Write examples as their source has them, before any preprocessing.

    Parameters
    ----------
    raw
        The data as they were read.
    found
        Id and index of each example.
    folder
        Where ``inputs.json`` goes, and ``inputs.npy`` for pixels.
    """
    rows = [index for _, index in found]
    described: dict[str, Any] = {"ids": [example for example, _ in found]}
    if isinstance(raw, RawTexts):
        described |= {"kind": "items", "items": [raw.contents[index] for index in rows]}
    elif isinstance(raw, RawArrays):
        described |= {"kind": "items", "items": [_plain_row(raw, index) for index in rows]}
    else:
        root = Path(str(raw.facts.get("source", "")))
        paths = [root / example for example in described["ids"]]
        if all(path.is_file() for path in paths):
            described |= {"kind": "path", "items": [str(path.resolve()) for path in paths]}
        else:
            pixels = np.stack([np.asarray(raw.contents[index]) for index in rows])
            np.save(folder / "inputs.npy", pixels, allow_pickle=False)
            described |= {"kind": "array"}
    text = json.dumps(described, ensure_ascii=False)
    (folder / "inputs.json").write_text(text, encoding="utf-8")


def _plain_row(raw: RawArrays, index: int) -> Any:
    """Return an example of numbers as people write it: words for categories, null for nothing."""
    content = np.asarray(raw.contents[index])
    if content.ndim == 2:
        last = np.flatnonzero(~np.isnan(content).all(axis=1))
        kept = content[: last[-1] + 1] if len(last) else content[:0]
        return [[_number(value) for value in row] for row in kept]
    return {
        name: _word(value, raw.categories.get(name))
        for name, value in zip(raw.names, content.tolist(), strict=True)
    }


def _word(value: float, words: Sequence[str] | None) -> Any:
    if words is None or math.isnan(value):
        return _number(value)
    return words[int(value)]


def _number(value: float) -> float | int | None:
    if isinstance(value, int):
        return value
    return None if math.isnan(value) else float(value)
