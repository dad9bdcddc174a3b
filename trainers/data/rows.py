"""Rows of a user's own file: CSV, TSV, JSON lines or Parquet, each row by column name.

A row that cannot be used is skipped and counted, up to a limit; the first ones are named.
"""

from __future__ import annotations

import csv
import io
import json
import math
import re
import sys
from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from trainers.errors import DataError

_DELIMITERS = {".csv": ",", ".tsv": "\t"}
_JSON_ENDINGS = {".jsonl", ".ndjson"}
_PARQUET_ENDINGS = {".parquet", ".pq"}
ENDINGS = {*_DELIMITERS, *_JSON_ENDINGS, *_PARQUET_ENDINGS}
_MAX_FIELD = 10_000_000  # characters in one CSV field
_NAMED = 20
_SURROGATE = re.compile("[\ud800-\udfff]")
_FIRST_BYTE, _LAST_BYTE = 0xDC80, 0xDCFF  # what surrogateescape makes of bytes that are not UTF-8

Row = dict[str, Any]


class BadRows:
    """Rows that were left out, and when there are too many of them.

    Parameters
    ----------
    source
        Where the rows come from.
    limit
        How many may be left out.
    """

    def __init__(self, source: str | Path, limit: int) -> None:
        self._source, self._limit = source, limit
        self._reasons: list[str] = []
        self.count = 0

    def add(self, number: int, reason: str) -> None:
        """Leave a row out.

        Raises
        ------
        DataError
            If that is one too many.
        """
        self.count += 1
        if len(self._reasons) < _NAMED:
            self._reasons.append(f"line {number}: {reason}")
        if self.count > self._limit:
            raise DataError(
                f"Expected at most {self._limit} unusable rows in {self._source}; got more, the "
                f"first is {self._reasons[0]}. Repair them, or raise data.max_bad."
            )

    def close(self, num_good: int, what: str) -> dict[str, Any]:
        """Say what was left out, and return it as facts for the run's record.

        Raises
        ------
        DataError
            If nothing was left in.
        """
        if not num_good:
            if self._reasons:
                raise DataError(
                    f"Expected {what} in {self._source}; got {self.count} that cannot be used, the "
                    f"first is {self._reasons[0]}. Repair them."
                )
            raise DataError(f"Expected {what} in {self._source}; got none. Add some.")
        if self.count:
            shown = "; ".join(self._reasons[:3])
            sys.stdout.write(f"skipped {self.count:,} unusable rows of {self._source}: {shown}\n")
        return {"incomplete_rows": self.count, "incomplete_examples": list(self._reasons)}


def read_rows(path: Path, bad: BadRows) -> Iterator[tuple[int, Row]]:
    """Yield (line number, row by column name).

    Raises
    ------
    DataError
        If the file is missing, empty, malformed, or of an unknown kind, or if its columns' names
        are not UTF-8.
    """
    ending = path.suffix.lower()
    if ending in _JSON_ENDINGS:
        return _json_rows(path, bad)
    if ending in _PARQUET_ENDINGS:
        return _parquet_rows(path)
    if ending in _DELIMITERS:
        return _csv_rows(path, bad, _DELIMITERS[ending])
    raise DataError(
        f"Expected data.path to end in .csv, .tsv or .jsonl (or .parquet); got {str(path)!r}. "
        "Rename the file."
    )


def require_columns(path: Path, row: Row, columns: tuple[str, ...]) -> None:
    """Check the first row for the columns that the settings name.

    Raises
    ------
    DataError
        If one is missing; the nearest is suggested.
    """
    known = [name for name in row if isinstance(name, str)]
    for column in columns:
        if column not in row:
            near = get_close_matches(column, known, n=1)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            raise DataError(
                f"Expected the column {column!r} in {path}; got the columns {', '.join(known)}.{hint}"
            )


def number_in(value: Any) -> float:
    """Return a cell as a number; NaN where it is none, or infinite."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        return math.nan
    return number if math.isfinite(number) else math.nan


def _csv_rows(path: Path, bad: BadRows, delimiter: str) -> Iterator[tuple[int, Row]]:
    csv.field_size_limit(_MAX_FIELD)
    text = read_text(path)
    is_foreign = bool(not_utf8(text))
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        _check_names(path, reader.fieldnames or ())
        for row in reader:
            if None in row:
                bad.add(reader.line_num, f"{len(row[None])} values more than columns")
            elif is_foreign and (reason := _foreign_in(row)):
                bad.add(reader.line_num, reason)
            else:
                yield reader.line_num, row
    except csv.Error as error:
        raise DataError(
            f"Expected {path} to be well-formed; got {error} in line {reader.line_num + 1}. "
            "Repair the line."
        ) from error


def _json_rows(path: Path, bad: BadRows) -> Iterator[tuple[int, Row]]:
    for number, line in enumerate(read_text(path).split("\n"), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            bad.add(number, f"no JSON object ({error})")
            continue
        if not isinstance(row, dict):
            bad.add(number, f"no JSON object but {line[:40]!r}")
        elif reason := _foreign_in(row):
            bad.add(number, reason)
        else:
            yield number, row


def _parquet_rows(path: Path) -> Iterator[tuple[int, Row]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    _check_there(path)
    try:
        rows = pq.read_table(path).to_pylist()
    except (pa.ArrowInvalid, UnicodeDecodeError, OSError) as error:
        raise DataError(f"Expected {path} to be a Parquet file; got {error}. Check it.") from error
    yield from enumerate(rows, start=1)


def read_text(path: Path) -> str:
    """Return the content of a text file; what is not UTF-8 in it is for :func:`not_utf8` to find.

    Raises
    ------
    DataError
        If it is missing or empty.
    """
    _check_there(path)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataError(
            f"Expected to read {path} (data.path); got {error.strerror}. Check what it is."
        ) from error
    if not content.strip():
        raise DataError(f"Expected rows in {path}; the file is empty. Add some.")
    return content.decode("utf-8-sig", errors="surrogateescape")


def not_utf8(text: str) -> str:
    """Return what of a text cannot be written in UTF-8, or nothing."""
    foreign = None if text.isascii() else _SURROGATE.search(text)
    if not foreign:
        return ""
    code = ord(foreign[0])
    if _FIRST_BYTE <= code <= _LAST_BYTE:
        return f"the byte 0x{code & 0xFF:02x} is not UTF-8"
    return f"half a character, \\u{code:04x}"


def _foreign_in(row: Row) -> str:
    texts = (text for text in (*row, *row.values()) if isinstance(text, str))
    return next(filter(None, map(not_utf8, texts)), "")


def _check_names(path: Path, names: Iterable[str]) -> None:
    for name in names:
        if foreign := not_utf8(name):
            raise DataError(
                f"Expected {path} in UTF-8; got column names in which {foreign}. Save the file as "
                "UTF-8."
            )


def _check_there(path: Path) -> None:
    if not path.exists():
        raise DataError(f"Expected the file {path} (data.path); it does not exist.")


def tidy(text: str) -> str:
    """Return a text with every run of white space made one blank, and none at the ends."""
    return " ".join(text.split())


def tidy_cell(value: Any) -> str:
    """Return a cell of a table as a tidy text; nothing is an empty one."""
    return "" if value is None else tidy(str(value))
