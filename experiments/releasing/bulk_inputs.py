"""What is to be predicted, read as it is needed: CSV, TSV, JSON lines, Parquet, or images."""

import csv
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

from experiments.errors import UsageError

IMAGES: Final = frozenset({".png", ".jpg", ".jpeg"})
_CHUNK: Final = 1024
_TEXT_NAMES = ("text", "input", "content", "sentence", "review")
_PIXEL_NAMES = ("pixels", "image", "input")
_ROW_NAMES = ("input", "rows", "sequence")
_ID_NAMES = ("id", "example_id", "path")


def items(source: Path, modality: str, column: str | None) -> Iterator[tuple[str, Any]]:
    """Return id and input of each example.

    Parameters
    ----------
    source
        A file, or a folder of images.
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
    return _inputs(readers[suffix](source), modality, column)


def _images(source: Path, modality: str) -> Iterator[tuple[str, bytes]]:
    if modality != "image":
        raise UsageError(f"Expected a file of texts for this model; got the images in {source}.")
    found = [source] if source.is_file() else sorted(source.rglob("*"))
    for path in found:
        if path.is_file() and path.suffix.lower() in IMAGES:
            name = path.name if path == source else path.relative_to(source).as_posix()
            yield name, path.read_bytes()


def _inputs(
    rows: Iterator[tuple[str, dict[str, Any]]], modality: str, column: str | None
) -> Iterator[tuple[str, Any]]:
    for place, row in rows:
        name = next((str(row[key]) for key in _ID_NAMES if row.get(key) not in (None, "")), place)
        yield name, _input(place, row, modality, column)


def _input(place: str, row: dict[str, Any], modality: str, column: str | None) -> Any:
    if column is not None:
        if column not in row:
            raise UsageError(
                f"Expected the column {column!r} in {place}; got {', '.join(row) or 'none'}."
            )
        return row[column]
    names = {"text": _TEXT_NAMES, "image": _PIXEL_NAMES}.get(modality, _ROW_NAMES)
    found = next((row[key] for key in names if key in row), None)
    if found is not None:
        return found
    if modality in {"table", "ratings"}:
        return {key: value for key, value in row.items() if key not in _ID_NAMES}
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
                yield f"line {reader.line_num}", row
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
            yield f"line {number}", row if isinstance(row, dict) else {"input": row, "text": row}


def _parquet_rows(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        number = 0
        for batch in pq.ParquetFile(path).iter_batches(batch_size=_CHUNK):
            for row in batch.to_pylist():
                number += 1
                yield f"row {number}", row
    except pa.ArrowException as error:
        raise UsageError(f"Expected {path} to be a Parquet file; got {error!s:.120}.") from error
