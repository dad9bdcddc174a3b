"""What is to be predicted, read as it is needed: CSV, TSV, JSON lines, Parquet, or images."""

import csv
import json
from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path
from typing import Any, Final

from experiments.errors import UsageError
from experiments.releasing.model_inputs import FileRow, Preprocessing
from experiments.releasing.text_inputs import TextPreprocessing
from experiments.releasing.time_inputs import TimePreprocessing

IMAGES: Final = frozenset({".png", ".jpg", ".jpeg"})
_CHUNK: Final = 1024
_TEXT_NAMES = ("text", "input", "content", "sentence", "review")
_PIXEL_NAMES = ("pixels", "image", "input")
_ROW_NAMES = ("input", "rows", "sequence")
_ID_NAMES = ("id", "example_id", "path")


def items(
    source: Path, prepare: Preprocessing, modality: str, column: str | None
) -> Iterator[tuple[str, Any]]:
    """Return id and input of each example.

    Parameters
    ----------
    source
        A file, or a folder of images.
    prepare
        How the model reads an example.
    modality
        What the model reads.
    column
        Column with the inputs; the usual names are tried if None. In a table without it, all
        columns but the id are the input.

    Raises
    ------
    UsageError
        If it cannot be read; the message names the line.
    """
    suffix = source.suffix.lower()
    if source.is_dir() or suffix in IMAGES:
        return _images(source, modality)
    if not source.is_file():
        raise UsageError(f"Expected a file or a folder; got {source}, which does not exist.")
    readers: dict[str, Callable[[Path], Iterator[tuple[str, dict[str, Any]]]]] = {
        ".csv": _csv_rows,
        ".tsv": _csv_rows,
        ".jsonl": _json_rows,
        ".ndjson": _json_rows,
        ".parquet": _parquet_rows,
    }
    if suffix not in readers:
        raise UsageError(
            f"Expected {', '.join(readers)}, PNG or JPEG, or a folder of images; got {source.name!r}."
        )
    rows = readers[suffix](source)
    if column is None and isinstance(prepare, TimePreprocessing):
        first = next(rows, None)
        rows = rows if first is None else chain([first], rows)
        if first is not None and prepare.time in first[1]:
            return iter(prepare.examples((place, FileRow(row)) for place, row in rows))
    own = prepare.column if isinstance(prepare, TextPreprocessing) else None
    return _inputs(rows, modality, column, own)


def _images(source: Path, modality: str) -> Iterator[tuple[str, bytes]]:
    if modality != "image":
        raise UsageError(f"Expected a file of texts for this model; got the images in {source}.")
    found = [source] if source.is_file() else sorted(source.rglob("*"))
    for path in found:
        if path.is_file() and path.suffix.lower() in IMAGES:
            name = path.name if path == source else path.relative_to(source).as_posix()
            yield name, path.read_bytes()


def _inputs(
    rows: Iterator[tuple[str, dict[str, Any]]], modality: str, column: str | None, own: str | None
) -> Iterator[tuple[str, Any]]:
    for place, row in rows:
        name = next((str(row[key]) for key in _ID_NAMES if row.get(key) not in (None, "")), place)
        yield name, _input(place, row, modality, column, own)


def _input(
    place: str, row: dict[str, Any], modality: str, column: str | None, own: str | None
) -> Any:
    if column is not None:
        if column not in row:
            raise UsageError(
                f"Expected the column {column!r} in {place}; got {', '.join(row) or 'none'}."
            )
        return row[column]
    if modality in {"table", "ratings"}:
        inner = row.get("input")
        return FileRow(inner if isinstance(inner, dict) else row)
    names = {"text": _TEXT_NAMES, "image": _PIXEL_NAMES}.get(modality, _ROW_NAMES)
    names = names if own is None else tuple(dict.fromkeys((own, *names)))
    found = next((row[key] for key in names if key in row), None)
    if found is not None:
        return found
    if modality in {"text", "sequence"}:
        raise UsageError(
            f"Expected a column named {' or '.join(names)} in {place}; got {', '.join(row)}. "
            "Name it with --column."
        )
    try:
        return [float(value) for key, value in row.items() if key not in _ID_NAMES]
    except (TypeError, ValueError):
        raise UsageError(
            f"Expected pixels as numbers in {place}; got other columns as well. Name the column of "
            "the images with --column."
        ) from None


def _csv_rows(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    csv.field_size_limit(10_000_000)
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(
                file, delimiter="\t" if path.suffix.lower() == ".tsv" else ",", strict=True
            )
            for row in reader:
                if None in row or None in row.values():
                    raise UsageError(
                        f"Expected {len(reader.fieldnames or ())} columns in line "
                        f"{reader.line_num} of {path}; got another number."
                    )
                yield f"line-{reader.line_num}", row
    except (csv.Error, UnicodeDecodeError) as error:
        raise UsageError(f"Expected {path} to be a CSV file in UTF-8; got {error}.") from error


def _json_rows(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    with path.open(encoding="utf-8", errors="replace") as file:
        for number, line in enumerate(file, start=1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
            except (ValueError, RecursionError) as error:
                raise UsageError(
                    f"Expected a JSON object in line {number} of {path}; got {error!s:.120}."
                ) from None
            yield f"line-{number}", row if isinstance(row, dict) else {"input": row, "text": row}


def _parquet_rows(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        number = 0
        for batch in pq.ParquetFile(path).iter_batches(batch_size=_CHUNK):
            for row in batch.to_pylist():
                number += 1
                yield f"line-{number}", row
    except pa.ArrowException as error:
        raise UsageError(f"Expected {path} to be a Parquet file; got {error!s:.120}.") from error
