"""What a model says about each example of a split: one Parquet file, written whole."""

import json
import os
from collections.abc import Sized
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from store.errors import PredictionsNotFoundError
from store.layout import RunFolder, check_run_id

if TYPE_CHECKING:
    import pyarrow as pa

METADATA_KEY = b"bakeoff"
TASKS = ("classification", "regression", "ranking", "tokens", "texts")


@dataclass(frozen=True, slots=True, kw_only=True)
class Predictions:
    """Predictions as they were logged; `write` checks them."""

    split: str
    example_id: list[str]
    label: Any
    """shape (n,): class index, true value, items liked, tokens judged, or the wanted text"""
    scores: Any
    """shape (n, classes) or (n,); of texts what was written, n of them"""
    slices: dict[str, list[Any]]
    group: list[str] | None
    classes: list[str] | None
    task: str


def write(files: RunFolder, given: Predictions) -> dict[str, Any]:
    """Write the predictions of one split into the run's folder and return facts about them.

    Raises
    ------
    ValueError
        If lengths differ, ids repeat or labels do not fit the scores.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    if given.task not in TASKS:
        raise ValueError(f"Expected task {' or '.join(map(repr, TASKS))}; got {given.task!r}.")
    label, scores, width = _texts(given) if given.task == "texts" else _numbers(given)
    count = len(given.example_id)
    columns: dict[str, pa.Array] = {
        "example_id": pa.array(given.example_id, pa.string()),
        "label": label,
        "scores": scores,
    }
    if given.group is not None:
        columns["group"] = pa.array(given.group, pa.string())
    for name, values in given.slices.items():
        columns[f"slice.{name}"] = pa.array(values)
    facts = {
        "split": given.split,
        "task": given.task,
        "classes": given.classes,
        "num_examples": count,
        "num_scores": width,
    }
    content = pa.table(columns).replace_schema_metadata({METADATA_KEY: json.dumps(facts)})
    files.predictions.mkdir(exist_ok=True)
    path = files.predictions / f"{check_run_id(given.split)}.parquet"
    temporary = path.with_suffix(f".{os.getpid()}.tmp")
    pq.write_table(content, temporary, compression="zstd")
    temporary.replace(path)
    return facts


def read(files: RunFolder, split: str) -> "pa.Table":
    """Return the predictions of one split.

    Returns
    -------
    pyarrow.Table
        ``example_id`` (string), ``label``, ``scores`` (list of double; of texts a string),
        ``group`` and ``slice.*`` where they were given; the schema's metadata under ``bakeoff`` is JSON.

    Raises
    ------
    PredictionsNotFoundError
        If the run has none for that split.
    """
    import pyarrow.parquet as pq

    known = splits(files)
    if split not in known:
        raise PredictionsNotFoundError(
            f"Expected a split with predictions of run {files.id!r}; got {split!r}. "
            + (f"There are: {', '.join(known)}." if known else "It has logged none.")
        )
    return pq.ParquetFile(files.predictions / f"{split}.parquet").read()


def splits(files: RunFolder) -> list[str]:
    """Return the splits for which a run has predictions."""
    return sorted(path.stem for path in files.predictions.glob("*.parquet"))


def _numbers(given: Predictions) -> tuple["pa.Array", "pa.Array", int]:
    """Return labels, lists of scores and their width, checked against each other."""
    import pyarrow as pa

    label = _array(given.label)
    scores = np.asarray(_array(given.scores), dtype=np.float64)
    if scores.ndim == 1:
        scores = scores[:, None]
    if scores.ndim != 2 or not scores.shape[1]:
        raise ValueError(f"Expected scores of shape (n, classes) or (n,); got {scores.shape}.")
    width = scores.shape[1]
    _check_lengths(given, label, scores)
    if given.task == "classification":
        label = _class_index(label, given.classes, width)
    elif given.task in {"ranking", "tokens"} and len(label) and not label.min() >= 1:
        what = "liked items" if given.task == "ranking" else "tokens"
        raise ValueError(f"Expected at least one of the {what} an example; got {label.min()}.")
    flat = pa.array(scores.ravel(), pa.float64())
    lists = pa.FixedSizeListArray.from_arrays(flat, width).cast(pa.list_(pa.float64()))
    return pa.array(label), lists, width


def _texts(given: Predictions) -> tuple["pa.Array", "pa.Array", int]:
    """Return the wanted and the written texts."""
    import pyarrow as pa

    wanted, written = ([str(text) for text in texts] for texts in (given.label, given.scores))
    _check_lengths(given, wanted, written)
    return pa.array(wanted, pa.string()), pa.array(written, pa.string()), 1


def _check_lengths(given: Predictions, label: Sized, scores: Sized) -> None:
    count = len(given.example_id)
    columns = {"label": label, "scores": scores, "group": given.group, **given.slices}
    if len(set(given.example_id)) != count:
        raise ValueError("Expected every example id once; got some twice. Number them by content.")
    for name, values in columns.items():
        if values is not None and len(values) != count:
            raise ValueError(
                f"Expected {count} values of {name}, one for each example id; got {len(values)}."
            )


def _class_index(label: NDArray[Any], classes: list[str] | None, width: int) -> NDArray[np.int64]:
    """Return labels as class indices, checked against the classes."""
    num_classes = len(classes) if classes else max(width, 2)
    if width not in {1, num_classes}:
        raise ValueError(f"Expected 1 or {num_classes} scores an example; got {width}.")
    index = label.astype(np.int64)
    if index.size and (np.any(index != label) or index.min() < 0 or index.max() >= num_classes):
        raise ValueError(
            f"Expected labels from 0 to {num_classes - 1}; got {label.min()} to {label.max()}."
        )
    return index


def _array(values: Any) -> NDArray[Any]:
    """Return a NumPy array of a sequence, array or tensor, wherever the tensor lives."""
    if hasattr(values, "detach"):
        values = (
            values.detach().cpu().float().numpy()
            if values.is_floating_point()
            else values.cpu().numpy()
        )
    return np.asarray(values)
