"""What one look at the journals found, and how it gets into the database in one transaction."""

import itertools
import json
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from store import record
from store.compaction import STORED
from store.flattening import flatten_sealed
from store.journal_reader import Position
from store.layout import RunFolder
from store.point_writer import LedgerRow, PointWriter, is_generation, table_of
from store.schema import HOT_COLUMNS, key_of
from store.series import rows_of_series, summarise

if TYPE_CHECKING:
    import duckdb

_EMPTY_HOT = f"DROP TABLE points_hot; CREATE TABLE points_hot({HOT_COLUMNS})"
"""TRUNCATE under readers leaks the blocks."""

_FOLDER_TICK_NS = 1_000_000_000
"""A folder that changed more recently may change again without its time showing it."""

_KEY = itemgetter(1)


@dataclass(slots=True)
class LiveRun:
    """A run that may still change: what is known of it in memory."""

    files: RunFolder
    key: int
    record: dict[str, Any]
    events_read: int = 0
    events_damaged: int = 0
    positions: dict[str, Position] = field(default_factory=dict)
    is_new: bool = False
    has_drained: bool = False
    has_unread_seal: bool = False
    sealed: frozenset[str] = frozenset()
    """Journal segments that ``points.parquet`` holds."""
    judged_at: float = 0.0
    """When its process was looked for last, by the monotonic clock."""
    folder_changed_ns: int = -1
    segments: list[Path] = field(default_factory=list)
    """Its journal segments, as its folder had them at that time."""

    def list_segments(self) -> list[Path]:
        """Return the run's journal segments; only a folder that changed is listed again."""
        changed_ns = self.files.path.stat().st_mtime_ns
        is_settled = time.time_ns() - changed_ns > _FOLDER_TICK_NS
        if changed_ns != self.folder_changed_ns or not is_settled:
            self.segments = self.files.segments()
            self.folder_changed_ns = changed_ns
        return self.segments

    def file_key(self, name: str) -> str:
        """Return the name of one of the run's files in the ledger."""
        return f"{self.files.id}/{name}"

    def seal_row(self, num_points: int) -> LedgerRow:
        """Return the ledger's row of ``points.parquet``."""
        name = self.file_key(self.files.sealed.name)
        return (name, self.key, num_points, json.dumps(sorted(self.sealed)), 0, True)

    def events_row(self, *, is_settled: bool) -> LedgerRow:
        """Return the ledger's row of the event log."""
        name = self.file_key(self.files.events.name)
        return (name, self.key, self.events_read, "{}", self.events_damaged, is_settled)


@dataclass(slots=True)
class Batch:
    """What one cycle found."""

    runs: list[LiveRun] = field(default_factory=list)
    new_params: list[LiveRun] = field(default_factory=list)
    names: set[str] = field(default_factory=set)
    """Of metrics that have points in journals."""
    sealed: list[tuple[int, pa.Table]] = field(default_factory=list)
    num_sealed: int = 0
    """How many points these have."""
    events: list[tuple[Any, ...]] = field(default_factory=list)
    metrics: dict[str, dict[str, Any]] = field(default_factory=dict)
    ledger: list[LedgerRow] = field(default_factory=list)

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to commit."""
        return not (self.runs or self.events or self.metrics or self.ledger)


class BatchWriter:
    """Commits batches; knows which metrics are in the database.

    Parameters
    ----------
    connection
        The owner's connection.
    """

    def __init__(self, connection: "duckdb.DuckDBPyConnection") -> None:
        self._connection = connection
        self._points = PointWriter(connection)
        self._metrics: dict[str, dict[str, Any]] = {}

    def reload(self) -> None:
        """Forget what memory holds: the database is the truth."""
        rows = self._connection.execute(
            "SELECT name, goal, unit, summary, alarm FROM metric"
        ).fetchall()
        self._metrics = {
            name: {"goal": goal, "unit": unit, "summary": summary, "alarm": alarm}
            for name, goal, unit, summary, alarm in rows
        }

    def knows(self, batch: Batch) -> bool:
        """Whether there is nothing in a batch that the database has not."""
        return batch.is_empty and batch.names <= self._metrics.keys()

    def commit(self, batch: Batch) -> int:
        """Write a batch in one transaction; return how many points were not sorted at once."""
        points = flatten_sealed(batch.sealed)
        is_sorted = is_generation(batch.num_sealed)
        with self._points.transaction():
            self._write_metrics(batch)
            self._write_runs(batch)
            if points is not None:
                self._points.write(points, is_sorted=is_sorted)
                self._points.add_series(rows_of_series(summarise(points)))
            if batch.events:
                self._insert("event", table_of(batch.events, _EVENT_TYPES))
            if batch.ledger:
                self.upsert_ledger({row[0]: row for row in batch.ledger}.values())
        return 0 if is_sorted else batch.num_sealed

    def _write_metrics(self, batch: Batch) -> None:
        """Add metrics that appear for the first time, and what runs say about them."""
        names = set(batch.names)
        for _, table in batch.sealed:
            names |= set(table["metric"].cast(pa.string()).unique().to_pylist())
        for name in names | set(batch.metrics):
            known = self._metrics.get(name)
            said = batch.metrics.get(name)
            if known is not None and said is None:
                continue
            facts = {
                "goal": record.guess_goal(name),
                "unit": None,
                "summary": "best",
                "alarm": None,
            }
            facts = {**facts, **(known or {})}
            if said is not None:
                facts = {fact: said.get(fact) for fact in facts}
            if facts != known:
                self._metrics[name] = facts
                self._connection.execute(
                    "INSERT OR REPLACE INTO metric VALUES (?, ?, ?, ?, ?, ?)",
                    [key_of(name), name, *facts.values()],
                )

    def _write_runs(self, batch: Batch) -> None:
        """Replace the rows of runs that changed."""
        if batch.runs:
            self._forget("run_base", batch.runs)
            rows = [record.run_row(live.record, live.key) for live in batch.runs]
            self._insert("run_base", table_of(rows, _RUN_TYPES))
        if batch.new_params:
            self._forget("param", batch.new_params)
            params = [record.param_rows(live.record, live.key) for live in batch.new_params]
            rows = sorted(itertools.chain.from_iterable(params), key=_KEY)  # as tables read them
            self._insert("param", table_of(rows, _PARAM_TYPES))

    def _forget(self, table: str, runs: list[LiveRun]) -> None:
        """Delete the rows of runs that have some."""
        keys = [live.key for live in runs if not live.is_new]
        if keys:
            self._connection.execute(
                f"DELETE FROM {table} WHERE run_key IN (SELECT unnest(?))",  # noqa: S608  # ours
                [keys],
            )

    def _insert(self, table: str, content: pa.Table) -> None:
        self._connection.register("batch", content)
        self._connection.execute(f"INSERT INTO {table} SELECT * FROM batch")  # noqa: S608  # our names
        self._connection.unregister("batch")

    def confirm_seal(self, live: LiveRun, num_points: int) -> None:
        """Replace a run's segments in the ledger by its sealed file."""
        segments = [live.file_key(name) for name in live.sealed]
        with self._points.transaction():
            self._connection.execute(
                "DELETE FROM journal WHERE file IN (SELECT unnest(?))", [segments]
            )
            self.upsert_ledger([live.seal_row(num_points)])

    def compact(self) -> None:
        """Turn the unsorted points into a sorted generation, in one transaction."""
        run = self._connection.execute
        with self._points.transaction():
            hot = run("SELECT * FROM points_hot").to_arrow_table()
            if hot.num_rows:
                hot = hot.set_column(
                    hot.column_names.index("value"), "value", hot["value"].fill_null(-0.0)
                )
                points = {name: hot[name].to_numpy() for name in STORED}
                del hot  # half of the memory that this takes
                self._points.write(points, is_sorted=True)
            run(_EMPTY_HOT)

    def upsert_ledger(self, rows: Iterable[LedgerRow]) -> None:
        """Write how far files have been taken in."""
        self._points.upsert_ledger(rows)


_RUN_TYPES = {
    "run_key": pa.int64(),
    "run_id": pa.string(),
    "project": pa.string(),
    "name": pa.string(),
    "group_name": pa.string(),
    "status": pa.string(),
    "claimed": pa.string(),
    "model": pa.string(),
    "host": pa.string(),
    "seed": pa.int64(),
    "notes": pa.string(),
    "tags": pa.list_(pa.string()),
    "error": pa.string(),
    "created_us": pa.int64(),
    "ended_us": pa.int64(),
    "seen_us": pa.int64(),
    "record": pa.string(),
    "pinned": pa.bool_(),
}
_PARAM_TYPES = {
    "run_key": pa.int64(),
    "key": pa.string(),
    "number": pa.float64(),
    "text": pa.string(),
}
_EVENT_TYPES = {
    "run_key": pa.int64(),
    "at_us": pa.int64(),
    "kind": pa.string(),
    "name": pa.string(),
    "step": pa.int64(),
    "body": pa.string(),
}


def event_row(run_key: int, event: dict[str, Any]) -> tuple[Any, ...]:
    """Return the values of the ``event`` table for an event of a run."""
    body = {
        key: value for key, value in event.items() if key not in {"kind", "at_us", "name", "step"}
    }
    at_us, step, name = event.get("at_us"), event.get("step"), event.get("name")
    return (
        run_key,
        at_us if isinstance(at_us, int) else 0,
        event["kind"],
        name if isinstance(name, str) else None,
        step if isinstance(step, int) else None,
        json.dumps(body, ensure_ascii=False),
    )
