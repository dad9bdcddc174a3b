"""Data ready to train on: tensors per split, class names, ids, and a fingerprint of it all.

images   uint8 (num_examples, channels, height, width), 0 to 255; models normalise themselves
texts    int32 (num_examples, max_length), 0 is padding, 1 an unknown character
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from trainers.catalog import DATA
from trainers.configs import DataConfig, TextDataConfig
from trainers.data.raw import RawData, RawImages, RawTexts
from trainers.data.splits import Indices, Partition, partition

PADDING, UNKNOWN = 0, 1
_NUM_SPECIAL = 2
_LENGTH_BANDS = ((16, "up to 16"), (32, "17 to 32"), (64, "33 to 64"), (2**62, "over 64"))


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
    """The character of id 2, 3, ..."""

    @property
    def num_tokens(self) -> int:
        """Ids that can occur: padding, unknown, and the vocabulary."""
        return _NUM_SPECIAL + len(self.vocabulary)


ModelInput = ImageInput | TextInput


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """The examples of one split, in a fixed order."""

    inputs: Tensor
    labels: Tensor
    """int64 (num_examples,)"""
    ids: tuple[str, ...]
    slices: dict[str, list[str]]
    """Named groupings of the examples, for a closer look at weak spots."""

    def __len__(self) -> int:
        return len(self.ids)


@dataclass(frozen=True, slots=True, kw_only=True)
class Dataset:
    """Three splits without a common example."""

    input: ModelInput
    classes: tuple[str, ...]
    train: Split
    val: Split
    test: Split
    hash: str
    """SHA-256 of content, labels, split and preprocessing."""
    facts: dict[str, Any]
    """For the run's record: sizes, source, what was dropped, hash of each split."""


def load_dataset(config: DataConfig) -> Dataset:
    """Read, clean, split and encode the data of a spec.

    Raises
    ------
    DataError
        If the data are missing or unfit; one sentence says what to do.
    """
    return build_dataset(DATA[config.kind].load()(config), config)


def build_dataset(raw: RawData, config: DataConfig) -> Dataset:
    """Clean, split and encode data that have been read.

    Raises
    ------
    DataError
        If there are fewer than two classes, or too few examples of one.
    """
    parts = partition(raw, config)
    if isinstance(raw, RawImages):
        model_input: ModelInput = _measure(raw, parts.splits["train"])
    else:
        model_input = _vocabulary(raw, parts.splits["train"], config)
    splits = {name: _split(raw, chosen, model_input) for name, chosen in parts.splits.items()}
    hashes = {name: _hash_split(raw, parts, chosen) for name, chosen in parts.splits.items()}
    preprocessing = model_input_to_mapping(model_input)
    return Dataset(
        input=model_input,
        classes=raw.classes,
        **splits,
        hash=_sha256([json.dumps([hashes, preprocessing, raw.classes], sort_keys=True)]),
        facts={
            **raw.facts,
            "kind": config.kind,
            "sizes": {name: len(split) for name, split in splits.items()},
            "hashes": hashes,
            "duplicates_dropped": parts.num_duplicates,
            "contradictions_dropped": parts.num_contradictions,
        },
    )


def encode_texts(texts: Sequence[str], model_input: TextInput) -> Tensor:
    """Return int32 ids of shape (num_texts, max_length), padded on the right."""
    index = {c: i for i, c in enumerate(model_input.vocabulary, start=_NUM_SPECIAL)}
    ids = np.full((len(texts), model_input.max_length), PADDING, dtype=np.int32)
    for row, text in enumerate(texts):
        cut = text[: model_input.max_length]
        ids[row, : len(cut)] = [index.get(character, UNKNOWN) for character in cut]
    return torch.from_numpy(ids)


def model_input_to_mapping(model_input: ModelInput) -> dict[str, Any]:
    """Return plain values for a checkpoint: no class of ours is pickled."""
    if isinstance(model_input, ImageInput):
        return {
            "channels": model_input.channels,
            "height": model_input.height,
            "width": model_input.width,
            "mean": list(model_input.mean),
            "std": list(model_input.std),
        }
    return {"max_length": model_input.max_length, "vocabulary": list(model_input.vocabulary)}


def model_input_from_mapping(mapping: dict[str, Any]) -> ModelInput:
    """Undo :func:`model_input_to_mapping`."""
    if "vocabulary" in mapping:
        vocabulary = tuple(mapping["vocabulary"])
        return TextInput(max_length=mapping["max_length"], vocabulary=vocabulary)
    sizes = {key: mapping[key] for key in ("channels", "height", "width")}
    return ImageInput(**sizes, mean=tuple(mapping["mean"]), std=tuple(mapping["std"]))


def _measure(raw: RawImages, train: Indices) -> ImageInput:
    pixels = raw.contents[train]
    _, channels, height, width = pixels.shape
    per_channel = pixels.transpose(1, 0, 2, 3).reshape(channels, -1)
    std = np.maximum(per_channel.std(axis=1), 1.0)  # a channel of one colour stays finite
    return ImageInput(
        channels=channels,
        height=height,
        width=width,
        mean=tuple(round(float(value), 4) for value in per_channel.mean(axis=1)),
        std=tuple(round(float(value), 4) for value in std),
    )


def _vocabulary(raw: RawTexts, train: Indices, config: DataConfig) -> TextInput:
    if not isinstance(config, TextDataConfig):
        raise TypeError(f"Expected a TextDataConfig for texts; got {type(config).__name__}.")
    counts = Counter(character for index in train for character in raw.contents[index])
    ranked = sorted(counts, key=lambda character: (-counts[character], character))
    vocabulary = tuple(ranked[: config.vocab_size - _NUM_SPECIAL])
    return TextInput(max_length=config.max_length, vocabulary=vocabulary)


def _split(raw: RawData, chosen: Indices, model_input: ModelInput) -> Split:
    slices: dict[str, list[str]] = {}
    if isinstance(raw, RawTexts) and isinstance(model_input, TextInput):
        texts = [raw.contents[int(index)] for index in chosen]
        inputs = encode_texts(texts, model_input)
        slices["length"] = [_length_band(len(text)) for text in texts]
    else:
        inputs = torch.from_numpy(np.ascontiguousarray(np.asarray(raw.contents)[chosen]))
    return Split(
        inputs=inputs,
        labels=torch.from_numpy(raw.labels[chosen]),
        ids=tuple(raw.ids[int(index)] for index in chosen),
        slices=slices,
    )


def _length_band(length: int) -> str:
    return next(name for limit, name in _LENGTH_BANDS if length <= limit)


def _hash_split(raw: RawData, parts: Partition, chosen: Indices) -> str:
    lines = (f"{parts.digests[i]} {raw.classes[raw.labels[i]]}\n" for i in chosen)
    return _sha256(sorted(lines))


def _sha256(lines: Iterable[str]) -> str:
    digest = hashlib.sha256()
    for line in lines:
        digest.update(line.encode("utf-8", "surrogatepass"))
    return digest.hexdigest()
