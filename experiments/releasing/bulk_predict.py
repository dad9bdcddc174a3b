"""Predicts a whole file or folder with a bundle: CSV, TSV, JSON lines, Parquet, or images."""

import csv
import json
import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

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
    ids: list[str] = []
    parts: list[NDArray[np.float64]] = []
    for chunk in _chunks(items(source, predictor.modality, column)):
        parts.append(_scores(predictor, chunk))
        ids += [name for name, _ in chunk]
        on_progress(len(ids))
    if not ids:
        raise UsageError(f"Expected at least one example in {source}; got none.")
    rows = _rows(ids, np.concatenate(parts), predictor)
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
    counts = Counter(row["label"] for row in rows) if predictor.is_classifier else {}
    return Written(path=target, num_rows=len(ids), counts=dict(sorted(counts.items())))


def _rows(
    ids: Sequence[str], scores: NDArray[np.float64], predictor: Predictor
) -> list[dict[str, Any]]:
    """Return what is written of each example: its label and all scores, or its values."""
    found: list[dict[str, Any]] = []
    for name, row in zip(ids, scores, strict=True):
        values = dict(zip(predictor.labels, (round(float(one), 6) for one in row), strict=True))
        if predictor.is_classifier:
            label = predictor.labels[int(row.argmax())]
            prefixed = {f"score.{key}": value for key, value in values.items()}
            found.append({"id": name, "label": label, "score": values[label], **prefixed})
        else:
            found.append({"id": name, **values})
    return found


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
        table = csv.DictWriter(file, list(rows[0]))
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
