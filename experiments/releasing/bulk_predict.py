"""Predicts a whole file or folder with a bundle: CSV, TSV, JSON lines, Parquet, or images."""

import csv
import json
import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from experiments.errors import UsageError
from experiments.releasing.bulk_inputs import items
from experiments.releasing.model_inputs import InputError
from experiments.releasing.predictor import Predictor

_CHUNK: Final = 1024


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
    rows: list[dict[str, Any]] = []
    for chunk in _chunks(items(source, predictor.prepare, predictor.modality, column)):
        told = _answers(predictor, chunk)
        rows += [_row(name, one) for (name, _), one in zip(chunk, told, strict=True)]
        on_progress(len(rows))
    if not rows:
        raise UsageError(f"Expected at least one example in {source}; got none.")
    temporary = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        write(temporary, rows)
        temporary.replace(target)
    except OSError as error:
        raise UsageError(
            f"Expected a file that can be written; got {target} ({error.strerror})."
        ) from error
    finally:
        temporary.unlink(missing_ok=True)
    counts = Counter(row["label"] for row in rows if "label" in row)
    return Written(path=target, num_rows=len(rows), counts=dict(sorted(counts.items())))


def _row(name: str, answer: Mapping[str, Any]) -> dict[str, Any]:
    """Return an answer as a row: a column for each score or value, lists as JSON."""
    return {"id": name, **_columns(answer)}


def _columns(answer: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in answer.items():
        if key == "values":
            found |= value
        elif key == "scores":
            found |= {f"score.{each}": score for each, score in value.items()}
        elif isinstance(value, Mapping):  # the answer to one of several questions
            found |= {f"{key}.{each}": one for each, one in _columns(value).items()}
        else:
            is_plain = isinstance(value, str | int | float)
            found[key] = value if is_plain else json.dumps(value, ensure_ascii=False)
    return found


def _answers(predictor: Predictor, chunk: Sequence[tuple[str, Any]]) -> list[dict[str, Any]]:
    try:
        return predictor.answers([item for _, item in chunk])
    except InputError:
        for name, item in chunk:  # find the one
            try:
                predictor.answers([item])
            except InputError as error:
                text = str(error).replace("as input 0", f"in {name}")
                raise InputError(text) from None
        raise


def _chunks(given: Iterator[tuple[str, Any]]) -> Iterator[list[tuple[str, Any]]]:
    chunk: list[tuple[str, Any]] = []
    for item in given:
        chunk.append(item)
        if len(chunk) == _CHUNK:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


def _write_csv(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, list(dict.fromkeys(key for row in rows for key in row)))
        table.writeheader()
        table.writerows(rows)


def _write_json(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    with path.open("w", encoding="utf-8") as file:
        for row in rows:
            file.write(json.dumps(row, ensure_ascii=False) + "\n")


def _write_parquet(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.Table.from_pylist(list(rows)), path, compression="zstd")


_WRITERS: Final = {".csv": _write_csv, ".jsonl": _write_json, ".parquet": _write_parquet}
