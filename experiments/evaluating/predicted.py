"""Stored predictions as arrays, and several runs' on the same examples in the same order."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from experiments.statistics import (
    LABEL_METRICS,
    LIST_METRICS,
    TEXT_METRICS,
    TOKEN_METRICS,
    list_values,
    mean_losses,
    text_scores,
)

if TYPE_CHECKING:
    import pyarrow as pa

_METADATA_KEY = b"bakeoff"
_SLICE = "slice."
_OF_TASK = {"ranking": LIST_METRICS, "tokens": TOKEN_METRICS, "texts": frozenset(TEXT_METRICS)}
"""Metrics of the tasks whose examples have neither a class nor a true number."""


_CALLED = {"ranking": "lists", "regression": "numbers", "classification": "classes"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Predicted:
    """What a run says about each example of a split."""

    example_id: "pa.ChunkedArray"
    label: NDArray[Any]
    """shape (n,): class index, true value, items liked, tokens judged, or the wanted text"""
    scores: NDArray[np.float64]
    """shape (n, width); of texts how near they are, `experiments.statistics.TEXT_METRICS`"""
    task: str
    classes: tuple[str, ...] | None
    group: "pa.ChunkedArray | None"
    slices: dict[str, "pa.ChunkedArray"]
    written: "pa.ChunkedArray | None" = None
    """what was written, of texts"""

    @classmethod
    def of(cls, table: "pa.Table") -> "Predicted":
        """Return a table of `store.Store.predictions` as arrays, without a Python object a row."""
        facts = json.loads((table.schema.metadata or {}).get(_METADATA_KEY, b"{}"))
        task = facts.get("task", "classification")
        names = table.column_names
        classes = facts.get("classes")
        return cls(
            example_id=table.column("example_id"),
            label=table.column("label").to_numpy(),
            scores=_nearness(table) if task == "texts" else _numbers(table),
            task=task,
            classes=None if classes is None else tuple(str(name) for name in classes),
            group=table.column("group") if "group" in names else None,
            slices={
                name.removeprefix(_SLICE): table.column(name)
                for name in names
                if name.startswith(_SLICE)
            },
            written=table.column("scores") if task == "texts" else None,
        )

    def __len__(self) -> int:
        return len(self.label)

    @property
    def num_classes(self) -> int:
        """Length of the label table; 0 for a regression."""
        if self.task != "classification":
            return 0
        return len(self.classes) if self.classes else max(self.scores.shape[1], 2)

    @property
    def class_names(self) -> tuple[str, ...]:
        """Name of each class; its number where none was given."""
        return self.classes or tuple(str(place) for place in range(self.num_classes))

    @property
    def output(self) -> NDArray[np.float64]:
        """P(class 1) of two classes, all columns of more, values of a regression."""
        if self.scores.shape[1] == 1:
            return self.scores[:, 0]
        is_pair = self.scores.shape[1] == 2 and self.task not in _OF_TASK
        return self.scores[:, 1] if is_pair else self.scores

    @property
    def table(self) -> NDArray[np.float64]:
        """One column for each class, also where only P(class 1) was stored."""
        if self.scores.shape[1] == 1:
            return np.concatenate([1 - self.scores, self.scores], axis=1)
        return self.scores

    @property
    def predicted(self) -> NDArray[np.int64]:
        """Class with the highest score; of equal ones the second of two, as a threshold of ½ has it."""
        output = self.output
        if output.ndim == 1:
            return (output >= 0.5).astype(np.int64)
        return output.argmax(axis=1)

    @property
    def quality(self) -> NDArray[np.float64]:
        """How good each example is, shape (n,), more is better: for finding the worst."""
        if self.task == "tokens":
            return -mean_losses(self.label, self.scores)
        if self.task == "texts":
            return self.scores[:, TEXT_METRICS.index("edit_similarity")]
        if self.task == "ranking":
            return list_values(f"ndcg@{self.scores.shape[1]}", self.label, self.scores)
        if self.task == "regression":
            return -np.abs(self.output - self.label)
        return self.table[np.arange(len(self)), self.label.astype(np.int64)]

    @property
    def is_right(self) -> NDArray[np.bool_]:
        """Whether the answer on each example is right, of classes and texts; shape (n,)."""
        if self.task == "texts":
            return self.scores[:, TEXT_METRICS.index("exact_match")] == 1
        return self.predicted == self.label

    def check_metric(self, metric: str) -> None:
        """Raise unless a metric can be computed of such predictions.

        Raises
        ------
        ValueError
            If it is one of another task.
        """
        suiting = _OF_TASK.get(self.task, frozenset(LABEL_METRICS))
        if metric not in suiting:
            some = sorted(suiting - LIST_METRICS) or ["ndcg@10", "recall@10", "hit_rate@10"]
            raise ValueError(
                f"Expected a metric of {_CALLED.get(self.task, self.task)}, such as "
                f"{', '.join(some[:4])}; got {metric}."
            )

    @property
    def num_not_finite(self) -> int:
        """Examples with a score that is NaN or infinite."""
        finite = np.isfinite(self.scores)
        return 0 if finite.all() else int((~finite).any(axis=1).sum())

    def take(self, rows: NDArray[np.int64]) -> "Predicted":
        """Return some examples, in the order of `rows`."""
        return replace(
            self,
            example_id=self.example_id.take(rows),
            label=self.label[rows],
            scores=self.scores[rows],
            group=None if self.group is None else self.group.take(rows),
            slices={name: column.take(rows) for name, column in self.slices.items()},
            written=None if self.written is None else self.written.take(rows),
        )


def _numbers(table: "pa.Table") -> NDArray[np.float64]:
    flat = table.column("scores").combine_chunks().flatten().to_numpy(zero_copy_only=False)
    return flat.reshape(table.num_rows, -1)


def _nearness(table: "pa.Table") -> NDArray[np.float64]:
    return text_scores(table.column("scores").to_pylist(), table.column("label").to_pylist())


def common_rows(
    found: Mapping[str, Predicted],
) -> dict[str, NDArray[np.int64] | None]:
    """Return each run's rows of the examples that all runs have, in the first one's order.

    None stands for all rows as they are: the usual case, which costs one comparison of ids.
    """
    import pyarrow as pa
    from pyarrow import compute

    pc: Any = compute  # it makes its functions when it is imported: type checkers see none
    first, *others = found.values()
    if all(other.example_id.equals(first.example_id) for other in others):
        return dict.fromkeys(found, None)
    places = {
        run_id: pc.index_in(first.example_id, value_set=one.example_id.combine_chunks())
        for run_id, one in found.items()
    }
    known = [np.asarray(pc.is_valid(place)) for place in places.values()]
    keep = np.logical_and.reduce(known)
    return {
        run_id: np.asarray(pc.fill_null(place, pa.scalar(-1, pa.int32())))[keep].astype(np.int64)
        for run_id, place in places.items()
    }


def codes_of(column: "pa.ChunkedArray | pa.Array") -> tuple[NDArray[np.int64], list[Any]]:
    """Return a column as numbers of its distinct values, -1 for missing ones, and those values."""
    import pyarrow as pa
    import pyarrow.compute as pc

    whole = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    encoded = whole if pa.types.is_dictionary(whole.type) else whole.dictionary_encode()
    codes = np.asarray(pc.fill_null(encoded.indices, -1)).astype(np.int64)
    return codes, encoded.dictionary.to_pylist()
