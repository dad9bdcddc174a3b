"""The columns of a file that are to be predicted: words become classes or numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainers.configs.base import LabelledFileConfig
from trainers.data.raw import RawHead
from trainers.data.rows import BadRows, Row, number_in, tidy_cell

_MANY_NUMBERS = 20  # different ones: more are taken for numbers to predict, not for classes


@dataclass(frozen=True, slots=True, kw_only=True)
class Labels:
    """What is to be predicted, in the form that raw data have."""

    values: NDArray[Any]
    """int64 (rows,) classes, float32 (rows, 1) numbers, or float32 (rows, heads)."""
    classes: tuple[str, ...]
    heads: tuple[RawHead, ...]


def lacking(row: Row, config: LabelledFileConfig) -> str:
    """Return why a row has nothing to learn from; empty if it has."""
    missing = [name for name in config.target_columns if not tidy_cell(row.get(name))]
    return "" if not missing else f"no {missing[0]}" if config.targets else "no label"


def read_labels(
    rows: list[Row],
    numbers: list[int],
    config: LabelledFileConfig,
    bad: BadRows,
    *,
    task: str = "auto",
) -> Labels:
    """Return the labels; rows that hold a word where numbers are predicted are taken out.

    Parameters
    ----------
    rows, numbers
        The rows, and their lines in the file; both lose the rows that cannot be used.
    task
        ``classes``, ``numbers``, or ``auto``: many different numbers are numbers to predict.
    """
    columns = config.target_columns
    are_numbers = {name: _is_number(_words(rows, name), task) for name in columns}
    for place in reversed(range(len(rows))):
        for name in (name for name in columns if are_numbers[name]):
            word = tidy_cell(rows[place][name])
            if np.isnan(number_in(word)):
                bad.add(numbers[place], f"{word!r} is no number")
                del rows[place], numbers[place]
                break
    parts = [_labels(_words(rows, name), is_number=are_numbers[name]) for name in columns]
    if not config.targets:
        values, classes = parts[0]
        return Labels(values=values, classes=classes, heads=())
    return Labels(
        values=np.column_stack([values for values, _ in parts]).astype(np.float32),
        classes=(),
        heads=tuple(
            RawHead(name=name, classes=classes)
            for name, (_, classes) in zip(columns, parts, strict=True)
        ),
    )


def _words(rows: list[Row], name: str) -> list[str]:
    return [tidy_cell(row[name]) for row in rows]


def _is_number(words: list[str], task: str) -> bool:
    if task != "auto":
        return task == "numbers"
    different = set(words)
    return len(different) > _MANY_NUMBERS and not any(np.isnan(number_in(w)) for w in different)


def _labels(words: list[str], *, is_number: bool) -> tuple[NDArray[Any], tuple[str, ...]]:
    if is_number:
        return np.array([[float(word)] for word in words], dtype=np.float32), ()
    classes = tuple(sorted(set(words)))
    index = {word: label for label, word in enumerate(classes)}
    return np.array([index[word] for word in words], dtype=np.int64), classes
