"""The evidence of a comparison: predictions of all candidates on the same examples, or why not."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from store import PredictionsNotFoundError

if TYPE_CHECKING:
    import pyarrow as pa

MAX_DROPPED = 0.01
"""Share of examples that may lack a prediction of some candidate; beyond it nothing is compared."""


class Readable(Protocol):
    """The part of a `store.Store` that a comparison reads."""

    def predictions(self, run_id: str, split: str) -> "pa.Table":
        """Return predictions."""
        ...

    def run(self, run_id: str) -> dict[str, Any]:
        """Return a record."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A model that could be released: a run, or several seeds of one recipe.

    The first run is the checkpoint that would be released.
    """

    name: str
    run_ids: tuple[str, ...]


class Severity(StrEnum):
    """What a problem means for the comparison."""

    BLOCKS = "blocks"
    WARNS = "warns"


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Why candidates cannot be compared, or only with care."""

    severity: Severity
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Predictions of all runs on the examples that all of them have."""

    label: NDArray[Any]
    scores: dict[str, NDArray[np.float64]]
    """run id -> shape (n,) or (n, classes), in the order of the examples"""
    group: NDArray[Any] | None


@dataclass(slots=True)
class Guard:
    """Collects what speaks against a comparison."""

    problems: list[Problem] = field(default_factory=list)

    def block(self, text: str) -> None:
        """Note why there can be no comparison."""
        self.problems.append(Problem(severity=Severity.BLOCKS, text=text))

    def warn(self, text: str) -> None:
        """Note what makes the comparison weaker."""
        self.problems.append(Problem(severity=Severity.WARNS, text=text))

    @property
    def is_blocked(self) -> bool:
        """Whether anything blocks."""
        return any(problem.severity is Severity.BLOCKS for problem in self.problems)


def check_records(store: Readable, candidates: Sequence[Candidate], guard: Guard) -> None:
    """Look for differences in what the runs were evaluated on."""
    hashes: dict[str | None, list[str]] = {}
    for candidate in candidates:
        for run_id in candidate.run_ids:
            record = store.run(run_id)
            names = hashes.setdefault(record.get("data_hash"), [])
            names.append(record["name"])
            if record["status"] != "finished":
                guard.warn(f"{record['name']} is {record['status']}: its predictions may be old.")
    if len(hashes) > 1:
        told = "; ".join(
            f"{(key or 'not recorded')[:8]}: {', '.join(sorted(set(names)))}"
            for key, names in hashes.items()
        )
        guard.block(f"The candidates saw different data ({told}). Evaluate them on the same data.")


def gather(
    store: Readable, candidates: Sequence[Candidate], split: str, guard: Guard
) -> Evidence | None:
    """Read and align the predictions of all runs; None when that is not possible."""
    tables: dict[str, pa.Table] = {}
    for candidate in candidates:
        for run_id in candidate.run_ids:
            try:
                tables[run_id] = store.predictions(run_id, split)
            except PredictionsNotFoundError as error:
                guard.block(f"{candidate.name} has no {split} predictions. {error}")
    if guard.is_blocked:
        return None
    facts = {run_id: _facts(table) for run_id, table in tables.items()}
    for what in ("task", "classes"):
        if len({json.dumps(fact.get(what)) for fact in facts.values()}) > 1:
            guard.block(f"The candidates differ in {what}: their scores do not mean the same.")
            return None
    rows = _common_rows(tables, guard)
    if guard.is_blocked:
        return None
    return _aligned(tables, rows, guard)


def _common_rows(tables: "dict[str, pa.Table]", guard: Guard) -> dict[str, NDArray[np.int64]]:
    """Return, for each run, the rows of the examples that all runs have, in one order."""
    ids = {run_id: table["example_id"].to_pylist() for run_id, table in tables.items()}
    common = sorted(set.intersection(*(set(found) for found in ids.values())))
    most = max(len(found) for found in ids.values())
    dropped = most - len(common)
    if not common:
        guard.block("The candidates have no example in common. Evaluate them on the same split.")
    elif dropped > MAX_DROPPED * most:
        guard.block(
            f"{dropped:,} of {most:,} examples lack a prediction of some candidate; "
            f"at most {MAX_DROPPED:.0%} may. Evaluate all on the same split."
        )
    elif dropped:
        guard.warn(f"{dropped:,} of {most:,} examples are left out: not all candidates have them.")
    rows: dict[str, NDArray[np.int64]] = {}
    for run_id, found in ids.items():
        place = {example: row for row, example in enumerate(found)}
        rows[run_id] = np.array([place[example] for example in common], dtype=np.int64)
    return rows


def _aligned(
    tables: "dict[str, pa.Table]", rows: dict[str, NDArray[np.int64]], guard: Guard
) -> Evidence | None:
    labels: list[NDArray[Any]] = []
    scores: dict[str, NDArray[np.float64]] = {}
    group: NDArray[Any] | None = None
    for run_id, table in tables.items():
        picked = table.take(rows[run_id])
        labels.append(picked["label"].to_numpy())
        width = len(picked["scores"][0].as_py())
        flat = picked["scores"].combine_chunks().flatten().to_numpy(zero_copy_only=False)
        scores[run_id] = _model_output(flat.reshape(-1, width))
        if not np.all(np.isfinite(flat)):
            guard.block(f"Run {run_id} has scores that are not finite. Evaluate it again.")
        if "group" in picked.column_names:
            group = np.array(picked["group"].to_pylist())
    if any(not np.array_equal(label, labels[0]) for label in labels[1:]):
        guard.block("The candidates have different labels for the same examples.")
    return Evidence(label=labels[0], scores=scores, group=group)


def _model_output(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return P(class 1) of two classes, all columns of more, values of a regression."""
    if scores.shape[1] == 1:
        return scores[:, 0]
    return scores[:, 1] if scores.shape[1] == 2 else scores


def _facts(table: "pa.Table") -> dict[str, Any]:
    metadata = table.schema.metadata or {}
    return json.loads(metadata.get(b"bakeoff", b"{}"))
