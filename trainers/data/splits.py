"""Who goes where: duplicates dropped, examples limited, then a stratified split with a seed.

All choices follow from an example's content and the seed, never from the order of a file: shuffle
the lines of a CSV and the same texts are in the test split.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trainers.configs import DataConfig
from trainers.data.raw import RawData
from trainers.errors import DataError

SPLITS = ("train", "val", "test")
_MIN_PER_CLASS = len(SPLITS)

Indices = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Partition:
    """The examples of each split, as sorted indices into the raw data, and what was left out."""

    splits: dict[str, Indices]
    digests: list[str]
    """SHA-256 of every raw example's content."""
    num_duplicates: int
    num_contradictions: int
    """Examples dropped because the same content also carries another label."""


def partition(raw: RawData, config: DataConfig) -> Partition:
    """Split the data.

    Raises
    ------
    DataError
        If there are fewer than two classes, or too few examples of one.
    """
    digests = [hashlib.sha256(raw.content_bytes(i)).hexdigest() for i in range(len(raw.labels))]
    kept, num_contradictions = _distinct(raw, digests)
    num_duplicates = len(digests) - len(kept) - num_contradictions
    rng = np.random.default_rng(config.split_seed)
    by_class = _shuffled_classes(raw, kept, digests, rng)
    if config.max_examples is not None:
        by_class = _limit(by_class, config.max_examples)
    parts: dict[str, list[Indices]] = {name: [] for name in SPLITS}
    for members in by_class:
        for name, chosen in _split_class(members, raw.is_test, config).items():
            parts[name].append(chosen)
    return Partition(
        splits={name: np.sort(np.concatenate(chosen)) for name, chosen in parts.items()},
        digests=digests,
        num_duplicates=num_duplicates,
        num_contradictions=num_contradictions,
    )


def _distinct(raw: RawData, digests: list[str]) -> tuple[list[int], int]:
    """Return the first example of each content, test examples first, and the contradictions."""
    labels_of: dict[str, set[int]] = {}
    for digest, label in zip(digests, raw.labels.tolist(), strict=True):
        labels_of.setdefault(digest, set()).add(label)
    order = range(len(digests))
    if raw.is_test is not None:  # a test split that others know too stays whole
        order = np.argsort(~raw.is_test, kind="stable").tolist()
    kept: list[int] = []
    seen: set[str] = set()
    num_contradictions = 0
    for index in order:
        digest = digests[index]
        if len(labels_of[digest]) > 1:
            num_contradictions += 1
        elif digest not in seen:
            seen.add(digest)
            kept.append(index)
    return kept, num_contradictions


def _shuffled_classes(
    raw: RawData, kept: list[int], digests: list[str], rng: np.random.Generator
) -> list[Indices]:
    """Return each class's examples in an order that only content and seed decide."""
    kept = sorted(kept, key=digests.__getitem__)
    labels = raw.labels[kept]
    present = np.unique(labels)
    if len(present) < 2:
        names = [raw.classes[label] for label in present]
        raise DataError(
            f"Expected at least two classes in {_source(raw)}; got {len(present)} {names}. "
            "Add examples of another class."
        )
    classes = [np.array(kept, dtype=np.int64)[labels == label] for label in range(len(raw.classes))]
    for name, members in zip(raw.classes, classes, strict=True):
        if len(members) < _MIN_PER_CLASS:
            raise DataError(
                f"Expected at least {_MIN_PER_CLASS} different examples of each class in "
                f"{_source(raw)}; got {len(members)} of {name!r}. Add some or remove the class."
            )
    return [rng.permutation(members) for members in classes]


def _limit(by_class: list[Indices], max_examples: int) -> list[Indices]:
    """Keep the same share of every class, and never fewer than a split needs."""
    share = max_examples / sum(len(members) for members in by_class)
    if share >= 1:
        return by_class
    return [members[: max(_MIN_PER_CLASS, round(share * len(members)))] for members in by_class]


def _split_class(
    members: Indices, is_test: NDArray[np.bool_] | None, config: DataConfig
) -> dict[str, Indices]:
    if is_test is None:
        num_test = max(1, round(config.test_share * len(members)))
        test, rest = members[:num_test], members[num_test:]
    else:
        test, rest = members[is_test[members]], members[~is_test[members]]
    num_val = min(max(1, round(config.val_share * len(members))), len(rest) - 1)
    return {"train": rest[num_val:], "val": rest[:num_val], "test": test}


def _source(raw: RawData) -> str:
    return str(raw.facts.get("source", "the data"))
