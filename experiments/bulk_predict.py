"""Predicts a whole file or folder with a bundle: CSV, TSV, JSON lines, Parquet, or images."""

import csv
import json
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from experiments.errors import UsageError
from experiments.predictor import Predictor
from experiments.preprocessing import InputError

IMAGES: Final = frozenset({".png", ".jpg", ".jpeg"})
_CHUNK: Final = 1024
_TEXT_NAMES = ("text", "input", "content", "sentence", "review")
_PIXEL_NAMES = ("pixels", "image", "input")
_ID_NAMES = ("id", "example_id", "path")


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """What became of it."""

    path: Path
    num_rows: int
    counts: dict[str, int]
    """label -> how often it was predicted"""


def predict_file(
    predictor: Predictor,
    source: Path,
    target: Path,
    *,
    column: str | None = None,
    on_progress: Callable[[int], None] = lambda _: None,
) -> Written:
    """Predict every example of a source and write ids, labels and scores.

    Parameters
    ----------
    predictor
        The model.
    source
        A ``.csv``, ``.tsv``, ``.jsonl`` or ``.parquet`` file, an image, or a folder of images.
    target
        A ``.csv``, ``.jsonl`` or ``.parquet`` file; written whole or not at all.
    column
        Column with the inputs; the usual names are tried if None. In a CSV without it, all columns
        but the id are the pixels of an image.
    on_progress
        Told how many examples are done.

    Raises
    ------
    UsageError
        If the source cannot be read, or an example in it; the message names the line.
    """
    write = _WRITERS.get(target.suffix.lower())
    if write is None:
        raise UsageError(
            f"Expected --out to end in {', '.join(_WRITERS)}; got {target.name!r}. Rename it."
        )
    ids: list[str] = []
    parts: list[NDArray[np.float64]] = []
    for chunk in _chunks(_items(source, predictor.modality, column)):
        parts.append(_scores(predictor, chunk))
        ids += [name for name, _ in chunk]
        on_progress(len(ids))
    if not ids:
        raise UsageError(f"Expected at least one example in {source}; got none.")
    scores = np.concatenate(parts)
    labels = [predictor.labels[best] for best in scores.argmax(axis=1)]
    temporary = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        write(temporary, ids, labels, scores, predictor.labels)
        temporary.replace(target)
    except OSError as error:
        raise UsageError(
            f"Expected a file that can be written; got {target} ({error.strerror})."
        ) from error
    finally:
        temporary.unlink(missing_ok=True)
    counts = {label: labels.count(label) for label in predictor.labels if label in set(labels)}
    return Written(path=target, num_rows=len(ids), counts=counts)


def _scores(predictor: Predictor, chunk: Sequence[tuple[str, Any]]) -> NDArray[np.float64]:
    try:
        return predictor.scores([item for _, item in chunk])
    except InputError:
        for name, item in chunk:  # find the one
            try:
                predictor.scores([item])
            except InputError as error:
                text = str(error).replace("as input 0", f"in {name}")
                raise InputError(text) from None
        raise


def _chunks(items: Iterator[tuple[str, Any]]) -> Iterator[list[tuple[str, Any]]]:
    chunk: list[tuple[str, Any]] = []
    for item in items:
        chunk.append(item)
        if len(chunk) == _CHUNK:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


def _items(source: Path, modality: str, column: str | None) -> Iterator[tuple[str, Any]]:
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
    names = _TEXT_NAMES if modality == "text" else _PIXEL_NAMES
    found = next((row[key] for key in names if key in row), None)
    if found is not None:
        return found
    if modality == "text":
        raise UsageError(
            f"Expected a column of texts ({', '.join(names)}) in {place}; got {', '.join(row)}. "
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


def _write_csv(
    path: Path, ids: list[str], labels: list[str], scores: NDArray[np.float64], names: list[str]
) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["id", "label", "score", *(f"score.{name}" for name in names)])
        for name, label, row in zip(ids, labels, scores, strict=True):
            rows.writerow([name, label, f"{row.max():.6f}", *(f"{one:.6f}" for one in row)])


def _write_json(
    path: Path, ids: list[str], labels: list[str], scores: NDArray[np.float64], names: list[str]
) -> None:
    with path.open("w", encoding="utf-8") as file:
        for name, label, row in zip(ids, labels, scores, strict=True):
            values = {known: round(float(one), 6) for known, one in zip(names, row, strict=True)}
            line = {
                "id": name,
                "label": label,
                "score": round(float(row.max()), 6),
                "scores": values,
            }
            file.write(json.dumps(line, ensure_ascii=False) + "\n")


def _write_parquet(
    path: Path, ids: list[str], labels: list[str], scores: NDArray[np.float64], names: list[str]
) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    columns: dict[str, Any] = {"id": ids, "label": labels, "score": scores.max(axis=1)}
    columns |= {f"score.{name}": scores[:, place] for place, name in enumerate(names)}
    pq.write_table(pa.table(columns), path, compression="zstd")


_WRITERS: Final = {".csv": _write_csv, ".jsonl": _write_json, ".parquet": _write_parquet}
