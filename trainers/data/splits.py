"""Who goes where: duplicates dropped, examples limited, then a stratified split with a seed.

All choices follow from an example's content and the seed, never from the order of a file: shuffle
the lines of a CSV and the same texts are in the test split. Data may bring a split of their own
(a time series, folders named train and test); groups stay together where there are any.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from trainers.configs import DataConfig
from trainers.data.raw import RawData
from trainers.errors import DataError

SPLITS = ("train", "val", "test")
_MIN_PER_CLASS = len(SPLITS)
_PRIORITY = {"test": 0, "val": 1, "train": 2}

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
    num_leaks: int = 0
    """Of the duplicates: those that the data itself had put into two splits."""


def partition(raw: RawData, config: DataConfig) -> Partition:
    """Split the data.

    Raises
    ------
    DataError
        If there are fewer than two classes, or too few examples of one.
    """
    digests = [hashlib.sha256(raw.content_bytes(i)).hexdigest() for i in range(len(raw.ids))]
    kept, num_contradictions = _distinct(raw, digests)
    done = Partition(
        splits={},
        digests=digests,
        num_duplicates=len(digests) - len(kept) - num_contradictions,
        num_contradictions=num_contradictions,
        num_leaks=_count_leaks(raw, digests),
    )
    rng = np.random.default_rng(config.split_seed)
    if raw.classes:
        by_class = _shuffled_classes(raw, kept, digests, rng)
    else:
        by_class = [_shuffled(kept, digests, rng)]
        _require(raw, len(kept))
    if config.max_examples is not None:
        by_class = _limit(by_class, config.max_examples, in_order=raw.given_split is not None)
    if raw.given_split is not None:
        return replace(done, splits=_given(raw, np.concatenate(by_class), raw.given_split))
    if raw.groups is not None:
        return replace(done, splits=_by_group(raw, by_class, config, rng))
    parts: dict[str, list[Indices]] = {name: [] for name in SPLITS}
    for members in by_class:
        for name, chosen in _split_class(members, raw.is_test, config).items():
            parts[name].append(chosen)
    return replace(
        done,
        splits={name: np.sort(np.concatenate(chosen)) for name, chosen in parts.items()},
    )


def _distinct(raw: RawData, digests: list[str]) -> tuple[list[int], int]:
    """Return the first example of each content, test examples first, and the contradictions."""
    labels_of: dict[str, set[int]] = {}
    if raw.classes:
        for digest, label in zip(digests, raw.labels.tolist(), strict=True):
            labels_of.setdefault(digest, set()).add(label)
    kept: list[int] = []
    seen: set[str] = set()
    num_contradictions = 0
    for index in _test_first(raw, len(digests)):
        digest = digests[index]
        if len(labels_of.get(digest, ())) > 1:
            num_contradictions += 1
        elif digest not in seen:
            seen.add(digest)
            kept.append(index)
    return kept, num_contradictions


def _test_first(raw: RawData, count: int) -> list[int]:
    """Return all examples in the order in which they are kept: a known test split stays whole."""
    if raw.given_split is not None:
        rank = np.array([_PRIORITY[str(name)] for name in raw.given_split])
        return np.argsort(rank, kind="stable").tolist()
    if raw.is_test is not None:
        return np.argsort(~raw.is_test, kind="stable").tolist()
    return list(range(count))


def _count_leaks(raw: RawData, digests: list[str]) -> int:
    """Return the examples whose content is in a split of higher rank as well."""
    if raw.given_split is not None:
        names = [str(name) for name in raw.given_split]
    elif raw.is_test is not None:
        names = ["test" if is_test else "train" for is_test in raw.is_test]
    else:
        return 0
    best: dict[str, int] = {}
    for digest, name in zip(digests, names, strict=True):
        best[digest] = min(best.get(digest, len(SPLITS)), _PRIORITY[name])
    return sum(_PRIORITY[n] > best[d] for d, n in zip(digests, names, strict=True))


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


def _shuffled(kept: list[int], digests: list[str], rng: np.random.Generator) -> Indices:
    return rng.permutation(np.array(sorted(kept, key=digests.__getitem__), dtype=np.int64))


def _require(raw: RawData, count: int) -> None:
    if count < _MIN_PER_CLASS:
        raise DataError(
            f"Expected at least {_MIN_PER_CLASS} different examples in {_source(raw)}; got {count}. "
            "Add some."
        )


def _limit(by_class: list[Indices], max_examples: int, *, in_order: bool) -> list[Indices]:
    """Keep the same share of every class, and never fewer than a split needs."""
    share = max_examples / sum(len(members) for members in by_class)
    if share >= 1:
        return by_class
    sizes = [max(_MIN_PER_CLASS, round(share * len(members))) for members in by_class]
    if in_order:  # a series is shortened evenly
        step = 1 / share
        return [np.sort(m)[(np.arange(n) * step).astype(int)] for m, n in zip(by_class, sizes, strict=True)]  # fmt: skip
    return [members[:size] for members, size in zip(by_class, sizes, strict=True)]


def _given(raw: RawData, members: Indices, names: NDArray[np.str_]) -> dict[str, Indices]:
    splits = {name: np.sort(members[names[members] == name]) for name in SPLITS}
    empty = [name for name, chosen in splits.items() if not len(chosen)]
    if empty:
        raise DataError(
            f"Expected examples in each of train, val and test of {_source(raw)}; got none in "
            f"{empty[0]}. Add some."
        )
    return splits


def _by_group(
    raw: RawData, by_class: list[Indices], config: DataConfig, rng: np.random.Generator
) -> dict[str, Indices]:
    """Deal whole groups out, those that hold the rarest class first, so that each split has some."""
    assert raw.groups is not None  # noqa: S101 - the caller looked
    members = np.concatenate(by_class)
    rarest = min(range(len(by_class)), key=lambda label: len(by_class[label]))
    rare_counts = Counter(raw.groups[int(i)] for i in by_class[rarest])
    sizes = Counter(raw.groups[int(i)] for i in members)
    names = sorted(sizes, key=lambda name: hashlib.sha256(name.encode()).digest())
    if len(names) < _MIN_PER_CLASS:
        raise DataError(
            f"Expected at least {_MIN_PER_CLASS} groups in {_source(raw)}; got {len(names)}. "
            "Split by example instead, or add groups."
        )
    order = [names[i] for i in rng.permutation(len(names))]
    order.sort(key=lambda name: name not in rare_counts)
    shares = {"test": config.test_share, "val": config.val_share}
    split_of: dict[str, str] = {}
    for has_rare in (True, False):
        part = [name for name in order if (name in rare_counts) == has_rare]
        total, done = sum(sizes[name] for name in part), 0
        for name in part:
            place = done / max(1, total)
            split_of[name] = (
                "test" if place < shares["test"]
                else "val" if place < shares["test"] + shares["val"]
                else "train"
            )  # fmt: skip
            done += sizes[name]
    chosen = np.array([split_of[raw.groups[int(i)]] for i in members])
    return _given(raw, members, _spread(chosen, members, len(raw.ids)))


def _spread(chosen: NDArray[np.str_], members: Indices, count: int) -> NDArray[np.str_]:
    names = np.full(count, "", dtype="<U5")
    names[members] = chosen
    return names


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
