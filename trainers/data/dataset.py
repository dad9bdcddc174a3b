"""Data ready to train on: tensors per split, what they mean, ids, and a fingerprint of it all."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from trainers.catalog import DATA
from trainers.configs import DataConfig, TextDataConfig
from trainers.data.encoding import encode_targets, encode_texts, tokens_of, vocabulary_of
from trainers.data.inputs import (
    PADDING,
    UNKNOWN,
    ImageInput,
    ModelInput,
    RatingInput,
    SequenceInput,
    TableInput,
    TextInput,
    model_input_from_mapping,
    model_input_to_mapping,
)
from trainers.data.raw import RawArrays, RawData, RawHead, RawImages, RawTexts
from trainers.data.splits import Indices, Partition, partition
from trainers.data.targets import Target

__all__ = [
    "PADDING",
    "UNKNOWN",
    "Dataset",
    "ImageInput",
    "ModelInput",
    "Split",
    "TextInput",
    "build_dataset",
    "encode_texts",
    "load_dataset",
    "model_input_from_mapping",
    "model_input_to_mapping",
]

_LENGTH_BANDS = ((16, "up to 16"), (32, "17 to 32"), (64, "33 to 64"), (2**62, "over 64"))
_MEASURED = 2000  # images that are read from disk to measure colours


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """The examples of one split, in a fixed order."""

    inputs: Any
    """A tensor, or something that reads the examples of given rows."""
    labels: Tensor
    """int64 (num_examples,) classes, float32 (num_examples, numbers) or int32 tokens"""
    ids: tuple[str, ...]
    slices: dict[str, list[str]]
    """Named groupings of the examples, for a closer look at weak spots."""
    groups: list[str] | None = None
    texts: list[str] | None = field(default=None, repr=False)
    """What is to be written, where the labels are tokens."""

    def __len__(self) -> int:
        return len(self.ids)


@dataclass(frozen=True, slots=True, kw_only=True)
class Dataset:
    """Three splits without a common example."""

    input: ModelInput
    target: Target
    train: Split
    val: Split
    test: Split
    hash: str
    """SHA-256 of content, labels, split and preprocessing."""
    facts: dict[str, Any]
    """For the run's record: sizes, source, what was dropped, hash of each split."""

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes; none where something else is learnt."""
        return self.target.classes


def load_dataset(config: DataConfig, *, known: ModelInput | None = None) -> Dataset:
    """Read, clean, split and encode the data of a spec.

    Parameters
    ----------
    known
        What a model that is trained further knows of its input: texts keep its vocabulary.

    Raises
    ------
    DataError
        If the data are missing or unfit; one sentence says what to do.
    """
    return build_dataset(DATA[config.kind].load()(config), config, known=known)


def build_dataset(raw: RawData, config: DataConfig, *, known: ModelInput | None = None) -> Dataset:
    """Clean, split and encode data that have been read.

    Raises
    ------
    DataError
        If there are fewer than two classes, or too few examples of one.
    """
    parts = partition(raw, config)
    _warn_of_leaks(parts)
    train = parts.splits["train"]
    model_input = _model_input(raw, train, config, known)
    target = _target(raw, train, config)
    splits = {
        name: _split(raw, chosen, model_input, target) for name, chosen in parts.splits.items()
    }
    hashes = {name: _hash_split(raw, parts, chosen) for name, chosen in parts.splits.items()}
    names = {"users", "items", "architecture"}  # they do not change what is learnt
    mapping = model_input_to_mapping(model_input)
    preprocessing = {key: value for key, value in mapping.items() if key not in names}
    learnt = target.to_mapping()
    if not target.heads:
        del learnt["heads"]  # data that have one target keep the hash that they always had
    return Dataset(
        input=model_input,
        target=target,
        **splits,
        hash=_sha256([json.dumps([hashes, preprocessing, learnt], sort_keys=True)]),
        facts={
            **raw.facts,
            "kind": config.kind,
            "sizes": {name: len(split) for name, split in splits.items()},
            "hashes": hashes,
            "duplicates_dropped": parts.num_duplicates,
            "contradictions_dropped": parts.num_contradictions,
            "leaks_dropped": parts.num_leaks,
        },
    )


def _warn_of_leaks(parts: Partition) -> None:
    if parts.num_leaks:
        sys.stdout.write(
            f"warning: {parts.num_leaks:,} examples were in more than one of the given splits; they "
            "stay in the test or validation split only\n"
        )


def _model_input(
    raw: RawData, train: Indices, config: DataConfig, known: ModelInput | None
) -> ModelInput:
    if isinstance(raw, RawImages):
        return _measure(raw, train)
    if isinstance(raw, RawArrays):
        return _measure_columns(raw, train)
    if not isinstance(config, TextDataConfig):
        raise TypeError(f"Expected a TextDataConfig for texts; got {type(config).__name__}.")
    if isinstance(known, TextInput):
        return known
    texts = (raw.contents[int(index)] for index in train)
    vocabulary = vocabulary_of(texts, config.tokens, config.vocab_size)
    return TextInput(max_length=config.max_length, vocabulary=vocabulary, tokens=config.tokens)


def _measure(raw: RawImages, train: Indices) -> ImageInput:
    shown = train if isinstance(raw.contents, np.ndarray) else train[:: len(train) // _MEASURED + 1]
    pixels = np.asarray(raw.contents[shown])
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


def _measure_columns(raw: RawArrays, train: Indices) -> ModelInput:
    if raw.shape == "ratings":
        users, items = (raw.categories.get(name, ()) for name in raw.names)
        sizes = {"num_users": raw.sizes[0], "num_items": raw.sizes[1]}
        return RatingInput(**sizes, users=users, items=items)
    rows = raw.contents[train].reshape(-1, raw.contents.shape[-1]).astype(np.float64)
    is_known = np.isfinite(rows)
    count = np.maximum(is_known.sum(axis=0), 1)
    mean = np.where(is_known, rows, 0.0).sum(axis=0) / count
    spread = np.sqrt(np.where(is_known, (rows - mean) ** 2, 0.0).sum(axis=0) / count)
    spread = np.where(spread > 1e-9, spread, 1.0)
    mean_std: dict[str, Any] = {
        "names": raw.names,
        "mean": tuple(float(f"{value:.6g}") for value in mean),
        "std": tuple(float(f"{value:.6g}") for value in spread),
    }
    if raw.shape == "sequence":
        return SequenceInput(max_length=raw.contents.shape[1], **mean_std)
    sizes = tuple(len(raw.categories.get(name, ())) for name in raw.names)
    return TableInput(**mean_std, num_categories=sizes, categories=dict(raw.categories))


def _target(raw: RawData, train: Indices, config: DataConfig) -> Target:
    if isinstance(raw, RawTexts) and raw.targets is not None and isinstance(config, TextDataConfig):
        texts = [raw.targets[int(index)] for index in train]
        vocabulary = vocabulary_of(texts, config.tokens, config.vocab_size)
        longest = max(len(tokens_of(text, config.tokens)) for text in texts) + 1
        length = min(longest, config.max_length * 2)
        return Target(kind="tokens", vocabulary=vocabulary, max_length=length)
    if not isinstance(raw, RawImages) and raw.heads:
        heads = tuple(
            _head(head, raw.labels[train][:, place]) for place, head in enumerate(raw.heads)
        )
        main = heads[0]
        return Target(kind="several", classes=main.classes, counts=main.counts, heads=heads)
    if raw.classes:
        counts = np.bincount(raw.labels[train], minlength=len(raw.classes)).tolist()
        return Target(kind="classes", classes=raw.classes, counts=tuple(counts))
    if not isinstance(raw, RawArrays):
        return Target(kind="nothing")
    labels = raw.labels[train].astype(np.float64)
    std = np.maximum(labels.std(axis=0), 1e-9)
    return Target(
        kind="ratings" if raw.shape == "ratings" else "numbers",
        names=raw.target_names,
        mean=tuple(float(f"{value:.6g}") for value in labels.mean(axis=0)),
        std=tuple(float(f"{value:.6g}") for value in std),
    )


def _head(head: RawHead, labels: NDArray[Any]) -> Target:
    if head.classes:
        counts = np.bincount(labels.astype(np.int64), minlength=len(head.classes)).tolist()
        return Target(
            kind="classes", names=(head.name,), classes=head.classes, counts=tuple(counts)
        )
    mean, std = labels.mean(dtype=np.float64), max(labels.std(dtype=np.float64), 1e-9)
    return Target(
        kind="numbers",
        names=(head.name,),
        mean=(float(f"{mean:.6g}"),),
        std=(float(f"{std:.6g}"),),
    )


def _split(raw: RawData, chosen: Indices, model_input: ModelInput, target: Target) -> Split:
    rows = [int(index) for index in chosen]
    slices = {name: [values[row] for row in rows] for name, values in raw.slices.items()}
    texts = None
    labels = torch.from_numpy(np.ascontiguousarray(raw.labels[chosen]))
    if isinstance(raw, RawTexts) and isinstance(model_input, TextInput):
        read = [raw.contents[row] for row in rows]
        inputs: Any = encode_texts(read, model_input)
        slices["length"] = [_length_band(len(text)) for text in read]
        if raw.targets is not None:
            texts = [raw.targets[row] for row in rows]
            labels = encode_targets(texts, target, model_input.tokens)
    elif isinstance(raw, RawImages) and not isinstance(raw.contents, np.ndarray):
        inputs = raw.contents.subset(chosen)
    else:
        inputs = torch.from_numpy(np.ascontiguousarray(np.asarray(raw.contents)[chosen]))
    return Split(
        inputs=inputs,
        labels=labels,
        ids=tuple(raw.ids[row] for row in rows),
        slices=slices,
        groups=None if raw.groups is None else [raw.groups[row] for row in rows],
        texts=texts,
    )


def _length_band(length: int) -> str:
    return next(name for limit, name in _LENGTH_BANDS if length <= limit)


def _hash_split(raw: RawData, parts: Partition, chosen: Indices) -> str:
    if isinstance(raw, RawTexts) and raw.targets is not None:
        labels = [raw.targets[index] for index in chosen]
    elif raw.classes:
        labels = [raw.classes[raw.labels[index]] for index in chosen]
    else:
        labels = [str(np.asarray(raw.labels[index]).tolist()) for index in chosen]
    pairs = zip(chosen, labels, strict=True)
    return _sha256(sorted(f"{parts.digests[i]} {label}\n" for i, label in pairs))


def _sha256(lines: Iterable[str]) -> str:
    digest = hashlib.sha256()
    for line in lines:
        digest.update(line.encode("utf-8", "surrogatepass"))
    return digest.hexdigest()
