"""Takes journals and events of all runs into the database, exactly once.

How far each file was read is written in the same transaction as what was read from it: after
any crash the transaction is there as a whole or not at all, and reading goes on from there.
"""

import json
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from store import liveness, record
from store.events import read_events
from store.journal_reader import Block, Position, read_segment
from store.layout import Home, RunFolder
from store.liveness import Status
from store.schema import POINTS_COLUMNS, key_of

if TYPE_CHECKING:
    import duckdb

HOT_POINTS = 2_000_000
"""How many points may lie unsorted before they become a generation."""
_SEEN_STEP_US = 5_000_000
_EVENT_KINDS = frozenset({"status", "describe", "config", "summary", "edit"})

_SERIES = """
INSERT INTO series_base
SELECT run_key, metric_key, count(*), min(step), max(step), arg_max(wall_us, (step, wall_us)),
    arg_max(value, (step, wall_us)),
    min(value) FILTER (isfinite(value)), arg_min(step, (value, step)) FILTER (isfinite(value)),
    max(value) FILTER (isfinite(value)), arg_min(step, (-value, step)) FILTER (isfinite(value)),
    count(*) FILTER (isnan(value)), count(*) FILTER (isinf(value))
FROM batch GROUP BY ALL
ON CONFLICT DO UPDATE SET
    n = n + excluded.n,
    first_step = least(first_step, excluded.first_step),
    last_us = CASE WHEN excluded.last_step >= last_step THEN excluded.last_us ELSE last_us END,
    last_value =
        CASE WHEN excluded.last_step >= last_step THEN excluded.last_value ELSE last_value END,
    last_step = greatest(last_step, excluded.last_step),
    min_step = CASE WHEN min_value IS NULL OR excluded.min_value < min_value
        THEN excluded.min_step ELSE min_step END,
    min_value = least(min_value, excluded.min_value),
    max_step = CASE WHEN max_value IS NULL OR excluded.max_value > max_value
        THEN excluded.max_step ELSE max_step END,
    max_value = greatest(max_value, excluded.max_value),
    n_nan = n_nan + excluded.n_nan,
    n_inf = n_inf + excluded.n_inf
"""

_JOURNAL = """
INSERT INTO journal SELECT * FROM batch
ON CONFLICT DO UPDATE SET consumed = excluded.consumed, key_sets = excluded.key_sets,
    damaged = excluded.damaged, closed = excluded.closed
"""


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


@dataclass(slots=True)
class Batch:
    """What one cycle found."""

    runs: list[LiveRun] = field(default_factory=list)
    new_params: list[LiveRun] = field(default_factory=list)
    blocks: list[tuple[int, Block]] = field(default_factory=list)
    events: list[tuple[Any, ...]] = field(default_factory=list)
    metrics: dict[str, dict[str, Any]] = field(default_factory=dict)
    ledger: list[tuple[Any, ...]] = field(default_factory=list)

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to commit."""
        return not (self.runs or self.blocks or self.events or self.metrics or self.ledger)


Points = dict[str, np.ndarray[Any, Any]]
"""Columns of ``points``, all of one length."""


class Ingest:
    """Reads what runs write and commits it.

    Parameters
    ----------
    connection
        The owner's connection; used by one thread at a time.
    home
        The store's folder.

    Attributes
    ----------
    live : dict
        Runs that may still change, by id.
    """

    def __init__(self, connection: "duckdb.DuckDBPyConnection", home: Home) -> None:
        self._connection = connection
        self._home = home
        self._folder_changed_ns = -1
        self.live: dict[str, LiveRun] = {}
        self._ended: dict[str, int] = {}
        self._metrics: dict[str, dict[str, Any]] = {}
        self._hot = 0
        self.reload()

    def reload(self) -> None:
        """Forget what memory holds: the database is the truth."""
        run = self._connection.execute
        self.live.clear()
        self._folder_changed_ns = -1
        self._metrics = {
            name: {"goal": goal, "unit": unit, "summary": summary, "alarm": alarm}
            for name, goal, unit, summary, alarm in run(
                "SELECT name, goal, unit, summary, alarm FROM metric"
            ).fetchall()
        }
        self._hot = _one(run("SELECT count(*) FROM points_hot"))
        self._ended = dict(
            run(
                "SELECT r.run_id, j.consumed FROM run_base r JOIN journal j "
                "ON j.file = r.run_id || '/events.jsonl' WHERE j.closed"
            ).fetchall()
        )

    def cycle(self) -> tuple[int, Points | None]:
        """Take in what is new.

        Returns
        -------
        int
            How many runs, events and points changed something; 0 when nothing did.
        Points or None
            The new points, for those who keep curves in memory.
        """
        self._find_runs()
        batch = Batch()
        for live in list(self.live.values()):
            self._collect(live, batch)
        points = None if batch.is_empty else self._commit(batch)
        self._settle()
        if batch.is_empty:
            return 0, None
        for live in batch.runs:
            live.is_new = False
        num_points = len(points["step"]) if points else 0
        self._hot += num_points
        return len(batch.runs) + len(batch.events) + num_points or 1, points

    def compact_if_due(self) -> bool:
        """Turn the unsorted points into a sorted generation if there are many."""
        if self._hot < HOT_POINTS:
            return False
        self._connection.execute(
            "BEGIN; INSERT INTO points SELECT * FROM points_hot "
            "ORDER BY run_key, metric_key, step; DROP TABLE points_hot; "
            f"CREATE TABLE points_hot({POINTS_COLUMNS}); COMMIT"
        )
        self._hot = 0
        return True

    def _find_runs(self) -> None:
        """Notice new runs, and ended ones that go on or were edited.

        Whoever starts, resumes or edits a run touches the folder of runs.
        """
        try:
            changed_ns = self._home.runs.stat().st_mtime_ns
        except FileNotFoundError:
            return
        if changed_ns == self._folder_changed_ns:
            return
        is_complete = True
        for path in self._home.runs.iterdir():
            files = RunFolder(path)
            if files.id in self.live:
                continue
            if files.id in self._ended:
                if _size(files) > self._ended[files.id]:
                    self._wake(files)
            elif files.header.exists():
                self._wake(files)
            else:
                is_complete = False
        self._folder_changed_ns = changed_ns if is_complete else -1

    def _wake(self, files: RunFolder) -> None:
        """Load what the database knows of a run, so that reading can go on."""
        try:
            header = json.loads(files.header.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return
        key = key_of(files.id)
        found = self._connection.execute(
            "SELECT record FROM run_base WHERE run_key = ?", [key]
        ).fetchone()
        known = json.loads(found[0]) if found else record.new_record(header)
        live = LiveRun(files=files, key=key, record=known, is_new=found is None)
        rows = self._connection.execute(
            "SELECT file, consumed, key_sets, damaged, closed FROM journal WHERE run_key = ?", [key]
        ).fetchall()
        for file, consumed, key_sets, damaged, closed in rows:
            name = file.rpartition("/")[2]
            if name == files.events.name:
                live.events_read, live.events_damaged = consumed, damaged
            else:
                live.positions[name] = Position(
                    offset=consumed,
                    key_sets={
                        int(kind): tuple(names) for kind, names in json.loads(key_sets).items()
                    },
                    damaged=damaged,
                    closed=closed,
                )
        self.live[files.id] = live
        self._ended.pop(files.id, None)

    def _collect(self, live: LiveRun, batch: Batch) -> None:
        """Add to `batch` what a run has written since the last time."""
        before = live.record
        events, live.events_read, damaged = self._read_events(live, batch)
        live.events_damaged += damaged
        for event in events:
            live.record = record.fold(live.record, event)
            if event["kind"] == "metric" and isinstance(event.get("name"), str):
                batch.metrics[event["name"]] = event
            elif event["kind"] not in _EVENT_KINDS:
                batch.events.append(_event_row(live.key, event))
        found = self._collect_points(live, batch)
        self._judge(live, found_points=found)
        if live.record is not before or live.is_new:
            batch.runs.append(live)
            if live.record["config"] is not before["config"] or live.is_new:
                batch.new_params.append(live)

    def _read_events(self, live: LiveRun, batch: Batch) -> tuple[list[dict[str, Any]], int, int]:
        if _size(live.files) <= live.events_read:
            return [], live.events_read, 0
        events, offset, damaged = read_events(live.files.events, live.events_read)
        if offset > live.events_read:
            damaged_in_all = live.events_damaged + damaged
            batch.ledger.append((_events_key(live), live.key, offset, "{}", damaged_in_all, False))
        return events, offset, damaged

    def _collect_points(self, live: LiveRun, batch: Batch) -> bool:
        """Read the run's segments; return whether there was anything."""
        is_over = live.record["status"] not in {Status.RUNNING, Status.LOST}
        found = False
        for path in live.files.segments():
            before = live.positions.get(path.name, Position())
            if before.closed or (not is_over and path.stat().st_size <= before.offset):
                continue
            blocks, after = read_segment(path, before, final=is_over)
            if after != before:
                found = True
                live.positions[path.name] = after
                batch.blocks.extend((live.key, block) for block in blocks)
                key_sets = json.dumps(after.key_sets)
                row = (after.offset, key_sets, after.damaged, after.closed)
                batch.ledger.append((_file_key(live, path.name), live.key, *row))
        live.has_drained = is_over and not found
        return found

    def _judge(self, live: LiveRun, *, found_points: bool) -> None:
        """Set the true status of a run that has not said that it ended."""
        if live.record["claimed"] not in {Status.RUNNING, None}:
            return
        beat = liveness.last_beat(live.files.heartbeat)
        now = time.time()
        status = liveness.infer(live.record.get("process"), now if found_points else beat, now)
        seen_us = int((now if found_points else beat or 0) * 1e6)
        is_newer = seen_us - (live.record.get("seen_us") or 0) >= _SEEN_STEP_US
        if status != live.record["status"] or is_newer:
            reason = (
                "The process is gone; it did not say why." if status is Status.CRASHED else None
            )
            live.record = {**live.record, "status": status, "seen_us": seen_us, "error": reason}

    def _commit(self, batch: Batch) -> Points | None:
        """Write a batch in one transaction; on any error nothing of it is there."""
        connection = self._connection
        points = _flatten(batch.blocks)
        connection.execute("BEGIN")
        try:
            self._write_metrics(batch)
            self._write_runs(batch)
            if points is not None:
                self._insert("points_hot", pa.table(points))
                connection.register("batch", pa.table(points))
                connection.execute(_SERIES)
                connection.unregister("batch")
            if batch.events:
                self._insert("event", _table(batch.events, _EVENT_TYPES))
            if batch.ledger:
                self._upsert_journal({row[0]: row for row in batch.ledger}.values())
            connection.execute("COMMIT")
        except BaseException:
            _rollback(connection)
            raise
        return points

    def _write_metrics(self, batch: Batch) -> None:
        """Add metrics that appear for the first time, and what runs say about them."""
        names = {name for _, block in batch.blocks for name in block.keys}
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
        for live in batch.runs:
            self._connection.execute("DELETE FROM run_base WHERE run_key = ?", [live.key])
            marks = ", ".join("?" * len(record.RUN_COLUMNS))
            self._connection.execute(
                f"INSERT INTO run_base VALUES ({marks})",  # noqa: S608  # question marks only
                record.run_row(live.record, live.key),
            )
        rows: list[tuple[Any, ...]] = []
        for live in batch.new_params:
            self._connection.execute("DELETE FROM param WHERE run_key = ?", [live.key])
            rows.extend(record.param_rows(live.record, live.key))
        if rows:
            self._insert("param", _table(rows, _PARAM_TYPES))

    def _insert(self, table: str, content: pa.Table) -> None:
        self._connection.register("batch", content)
        self._connection.execute(f"INSERT INTO {table} SELECT * FROM batch")  # noqa: S608  # our names
        self._connection.unregister("batch")

    def _settle(self) -> None:
        """Stop looking at runs that have ended and are read to the end, and write that down."""
        settled = [
            live
            for live in self.live.values()
            if live.has_drained and not live.is_new and _size(live.files) <= live.events_read
        ]
        if not settled:
            return
        rows = [
            (_events_key(live), live.key, live.events_read, "{}", live.events_damaged, True)
            for live in settled
        ]
        self._upsert_journal(rows)
        for live in settled:
            del self.live[live.files.id]
            self._ended[live.files.id] = live.events_read

    def _upsert_journal(self, rows: Iterable[tuple[Any, ...]]) -> None:
        self._connection.register("batch", _table(rows, _JOURNAL_TYPES))
        self._connection.execute(_JOURNAL)
        self._connection.unregister("batch")


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
_JOURNAL_TYPES = {
    "file": pa.string(),
    "run_key": pa.int64(),
    "consumed": pa.int64(),
    "key_sets": pa.string(),
    "damaged": pa.int64(),
    "closed": pa.bool_(),
}


def _flatten(blocks: list[tuple[int, Block]]) -> Points | None:
    """Return one row a point from blocks of several metrics a call."""
    parts: list[tuple[np.ndarray[Any, Any], ...]] = []
    for run_key, block in blocks:
        count, width = block.values.shape
        keys = np.array([key_of(name) for name in block.keys], dtype=np.int64)
        parts.append(
            (
                np.full(count * width, run_key, dtype=np.int64),
                np.tile(keys, count),
                np.repeat(block.step, width),
                np.repeat(block.epoch, width),
                np.repeat(block.wall_us, width),
                np.repeat(block.elapsed_s, width),
                block.values.ravel(),
            )
        )
    if not parts:
        return None
    names = ("run_key", "metric_key", "step", "epoch", "wall_us", "elapsed_s", "value")
    return dict(zip(names, map(np.concatenate, zip(*parts, strict=True)), strict=True))


def _event_row(run_key: int, event: dict[str, Any]) -> tuple[Any, ...]:
    body = {
        key: value for key, value in event.items() if key not in {"kind", "at_us", "name", "step"}
    }
    step = event.get("step")
    name = event.get("name")
    return (
        run_key,
        int(event.get("at_us") or 0),
        event["kind"],
        name if isinstance(name, str) else None,
        step if isinstance(step, int) else None,
        json.dumps(body, ensure_ascii=False),
    )


def _table(rows: Iterable[tuple[Any, ...]], types: dict[str, pa.DataType]) -> pa.Table:
    columns = zip(*rows, strict=True)
    arrays = [pa.array(column, kind) for column, kind in zip(columns, types.values(), strict=True)]
    return pa.table(arrays, names=list(types))


def _rollback(connection: "duckdb.DuckDBPyConnection") -> None:
    import duckdb

    try:
        connection.execute("ROLLBACK")
    except duckdb.Error:
        pass  # there is no transaction any more, or no database


def _file_key(live: LiveRun, name: str) -> str:
    return f"{live.files.id}/{name}"


def _events_key(live: LiveRun) -> str:
    return _file_key(live, live.files.events.name)


def _size(files: RunFolder) -> int:
    try:
        return files.events.stat().st_size
    except OSError:
        return 0


def _one(result: "duckdb.DuckDBPyConnection") -> Any:
    row = result.fetchone()
    return row[0] if row else None
