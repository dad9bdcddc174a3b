"""Takes journals and events of all runs into the database, exactly once.

How far each file was read is written in the same transaction as what was read from it: after
any crash the transaction is there as a whole or not at all, and reading goes on from there.
"""

import time
from collections.abc import Callable, Collection
from contextlib import AbstractContextManager, nullcontext
from enum import IntEnum
from typing import TYPE_CHECKING, Any

from store import liveness, record
from store.batch import Batch, BatchWriter, LiveRun, event_row
from store.events import read_events
from store.journal_reader import POLL_BYTES, Position, has_news, read_segment
from store.keeping import forget
from store.known_runs import event_sizes, load_runs
from store.layout import Home, RunFolder
from store.ledger_ingest import LedgerIngest
from store.liveness import Status, is_held
from store.point_writer import is_generation
from store.schema import key_of
from store.sealing import read_sealed, sealed_segments
from store.trash import lying_in_trash

if TYPE_CHECKING:
    import duckdb

    from store.curve_cache import CurveCache
    from store.storing import Storing
    from store.waiting import Waiting

MOST_WAITING = 2_000_000
"""How many points may wait at most, so that memory is bounded."""
_WAIT_S = 30.0
"""How long points may wait for more that go to the database with them."""
HOT_POINTS = 2_000_000
"""How many points may lie unsorted before they become a generation."""
_SEEN_STEP_US = 5_000_000
_JUDGE_S = 0.25
"""How often a silent run's process is looked for."""
_SURE_S = 2.0
"""The same while its points come in."""
_EVENT_KINDS = frozenset({"status", "describe", "config", "summary", "edit"})


_SETTLED = """
SELECT r.run_id, j.consumed
FROM run_base AS r JOIN journal AS j ON j.file = r.run_id || '/events.jsonl'
WHERE j.closed
"""
_UNSEALED = """
SELECT r.run_id
FROM run_base AS r JOIN journal AS j USING (run_key)
GROUP BY r.run_id
HAVING bool_or(j.closed AND j.file = r.run_id || '/events.jsonl')
    AND bool_or(ends_with(j.file, '.bin'))
"""


class News(IntEnum):
    """What a look found."""

    NONE = 0
    POINTS = 1
    """More points of metrics that their runs had before."""
    MORE = 2


class Ingest:
    """Reads what runs write and commits it.

    Parameters
    ----------
    connection
        The owner's connection; used by one thread at a time.
    home
        The store's folder.
    waiting
        Where points are until they are written.
    storing
        Writes them.
    curves
        Told of what comes in.

    Attributes
    ----------
    live : dict
        Runs that may still change, by id.
    is_behind : bool
        The last look left much unread.
    """

    def __init__(
        self,
        connection: "duckdb.DuckDBPyConnection",
        home: Home,
        waiting: "Waiting",
        storing: "Storing",
        curves: "CurveCache",
    ) -> None:
        self._connection = connection
        self._home = home
        self._waiting = waiting
        self._storing = storing
        self._curves = curves
        self._folder_changed_ns = -1
        self.live: dict[str, LiveRun] = {}
        self.is_behind = False
        self._trash_changed_ns = -1
        self._ended: dict[str, int] = {}
        self._unsealed: list[str] = []
        self._known: set[str] = set()
        self._writer = BatchWriter(connection)
        self._ledgers = LedgerIngest(connection, home)
        self._hot = 0
        self.reload()

    def reload(self) -> None:
        """Forget what memory holds: the database is the truth."""
        run = self._connection.execute
        self.live.clear()
        with self._curves.lock:
            self._storing.forget()
            self._waiting.clear()
            self._curves.clear()
        self._folder_changed_ns = self._trash_changed_ns = -1
        self._writer.reload()
        self._ledgers.reload()
        [(self._hot,)] = run("SELECT count(*) FROM points_hot").fetchall()
        self._known = {run_id for (run_id,) in run("SELECT run_id FROM run_base").fetchall()}
        self._ended = dict(run(_SETTLED).fetchall())
        self._unsealed = [run_id for (run_id,) in run(_UNSEALED).fetchall()]

    def cycle(self) -> News:
        """Read what is new; return what is.

        Points wait in memory for more, everything else is written at once. Whoever calls holds
        the lock of the curves.
        """
        is_more = self._ledgers.cycle() + self._forget_trashed() > 0
        news = News.MORE if is_more else News.NONE
        self._find_runs()
        self.is_behind = False
        batch = Batch()
        for live in list(self.live.values()):
            news = max(news, self._collect(live, batch))
            if batch.num_sealed + self._waiting.num_points >= MOST_WAITING:
                self._commit(batch)
                batch = Batch()
                if self._storing.is_busy:
                    self.is_behind = True
                    break
                self.store_all()
        self._commit(batch)
        self._settle()
        return news

    def _commit(self, batch: Batch) -> None:
        """Write what one look found, apart from points that wait."""
        if self._writer.knows(batch):
            return
        self._hot += self._writer.commit(batch)
        if batch.sealed:
            self._curves.clear()
        for live in batch.runs:
            live.is_new = False
            self._known.add(live.files.id)

    @property
    def is_due(self) -> bool:
        """Whether points that wait should be written now."""
        return self._waiting.age_s > _WAIT_S or is_generation(self._waiting.num_points)

    def store(self, locked: Callable[[], AbstractContextManager[object]]) -> None:
        """Write all points that wait; see `Storing.store`."""
        self._hot += self._storing.store(locked)

    def store_all(self) -> None:
        """Write all points that wait. Whoever calls holds the lock of the curves."""
        if self._waiting.files:
            self.store(nullcontext)

    def next_to_seal(self) -> LiveRun | None:
        """Return an ended run whose points still lie in journals; each run once."""
        while self._unsealed:
            run_id = self._unsealed.pop()
            if run_id in self._ended:
                for live in load_runs(self._connection, [self._home.run(run_id)], self._known):
                    live.sealed = live.sealed | frozenset(live.positions)
                    return live
        return None

    def confirm_seal(self, live: LiveRun, num_points: int) -> None:
        """Let the sealed file of a run stand for its journals, and remove these."""
        if live.files.id in self._ended:
            self._writer.confirm_seal(live, num_points)
            for path in live.files.segments():
                if path.name in live.sealed:
                    path.unlink(missing_ok=True)

    def compact_if_due(self) -> bool:
        """Turn the unsorted points into a sorted generation if there are many."""
        if self._hot < HOT_POINTS:
            return False
        self._writer.compact()
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
        woken: list[RunFolder] = []
        for run_id, size in event_sizes(self._home):
            if run_id in self.live or size <= self._ended.get(run_id, -2):
                continue
            files = RunFolder(self._home.runs / run_id)
            if run_id in self._ended or files.header.exists():
                woken.append(files)
            else:
                is_complete = False
        for live in load_runs(self._connection, woken, self._known):
            self.live[live.files.id] = live
            self._ended.pop(live.files.id, None)
        self._folder_changed_ns = changed_ns if is_complete else -1

    def _forget_trashed(self) -> int:
        """Take runs that lie in the trash out of the tables; return how many."""
        try:
            changed_ns = self._home.trash.stat().st_mtime_ns
        except FileNotFoundError:
            return 0
        if changed_ns == self._trash_changed_ns or self._storing.is_busy:
            return 0
        gone = [run_id for run_id in lying_in_trash(self._home) if run_id in self._known]
        if gone:
            self.forget(gone)
        self._trash_changed_ns = changed_ns
        return len(gone)

    def forget(self, run_ids: Collection[str]) -> None:
        """Take runs out of the tables; where a folder is, the next look takes it in anew."""
        forget(self._connection, run_ids)
        with self._curves.lock:
            self._waiting.forget([key_of(run_id) for run_id in run_ids])
            self._curves.clear()
        self._folder_changed_ns = -1
        for run_id in run_ids:
            self.live.pop(run_id, None)
            self._ended.pop(run_id, None)
            self._known.discard(run_id)

    def _collect(self, live: LiveRun, batch: Batch) -> News:
        """Add to `batch`, and to what waits, what a run has written; return what that is."""
        before, events_read = live.record, live.events_read
        is_new = live.is_new or live.has_unread_seal
        for event in self._read_events(live, batch):
            try:
                live.record = record.fold(live.record, event)
            except (AttributeError, KeyError, TypeError, ValueError):
                live.events_damaged += 1  # it reads as JSON, but makes no sense
                continue
            if event["kind"] == "metric" and isinstance(event.get("name"), str):
                batch.metrics[event["name"]] = event
            elif event["kind"] not in _EVENT_KINDS:
                batch.events.append(event_row(live.key, event))
        news = self._collect_points(live, batch)
        self._judge(live, found_points=news > News.NONE)
        if live.record is not before or live.is_new:
            batch.runs.append(live)
            if live.record["config"] is not before["config"] or live.is_new:
                batch.new_params.append(live)
            news = max(news, News.POINTS)
        is_told = live.events_read > events_read or live.record["status"] != before["status"]
        return News.MORE if is_new or is_told else news

    def _read_events(self, live: LiveRun, batch: Batch) -> list[dict[str, Any]]:
        if _size(live.files) <= live.events_read:
            return []
        events, offset, damaged = read_events(live.files.events, live.events_read)
        if offset > live.events_read:
            live.events_read = offset
            live.events_damaged += damaged
            batch.ledger.append(live.events_row(is_settled=False))
        return events

    def _collect_points(self, live: LiveRun, batch: Batch) -> News:
        """Read the run's segments; return what there was."""
        is_over = live.record["status"] not in {Status.RUNNING, Status.LOST}
        news = News.MORE if live.has_unread_seal else News.NONE
        is_held_open = False
        if live.has_unread_seal:
            self._collect_seal(live, batch)
        for path in live.list_segments():
            if path.name in live.sealed:
                continue
            before = live.positions.get(path.name, Position())
            if before.closed or (not is_over and not has_news(path, before)):
                continue
            held = is_over and is_held(path)
            is_held_open |= held
            blocks, after = read_segment(path, before, final=is_over and not held)
            if after != before:
                is_named = after.key_sets != before.key_sets
                news = max(news, News.MORE if is_named else News.POINTS)
                self.is_behind |= after.offset - before.offset > POLL_BYTES // 2
                live.positions[path.name] = after
                self._waiting.add(live.key, live.file_key(path.name), blocks, after)
                self._curves.add(live.key, blocks)
                batch.names.update(name for block in blocks for name in block.keys)
        live.has_drained = is_over and news is News.NONE and not is_held_open
        return news

    def _collect_seal(self, live: LiveRun, batch: Batch) -> None:
        """Take in a sealed run that this database has never seen."""
        table = read_sealed(live.files)
        live.sealed = frozenset(sealed_segments(live.files))
        live.has_unread_seal = False
        batch.sealed.append((live.key, table))
        batch.num_sealed += table.num_rows
        batch.ledger.append(live.seal_row(table.num_rows))

    def _judge(self, live: LiveRun, *, found_points: bool) -> None:
        """Set the true status of a run that has not said that it ended."""
        if live.record["claimed"] not in {Status.RUNNING, None}:
            return
        pause_s = _SURE_S if found_points else _JUDGE_S
        if time.monotonic() - live.judged_at < pause_s:
            return
        live.judged_at = time.monotonic()
        beat = liveness.last_beat(live.files.heartbeat)
        now = time.time()
        status = liveness.infer(live.record.get("process"), now if found_points else beat, now)
        seen_us = int((now if found_points else beat or 0) * 1e6)
        # All runs at once: one transaction, and not one for each look.
        is_newer = seen_us // _SEEN_STEP_US > (live.record.get("seen_us") or 0) // _SEEN_STEP_US
        if status != live.record["status"] or is_newer:
            reason = (
                "The process is gone; it did not say why." if status is Status.CRASHED else None
            )
            live.record = {**live.record, "status": status, "seen_us": seen_us, "error": reason}

    def _settle(self) -> None:
        """Stop looking at runs that have ended and are read to the end, and write that down."""
        settled = [
            live
            for live in self.live.values()
            if live.has_drained and not live.is_new and _size(live.files) <= live.events_read
        ]
        if not settled or self._storing.is_busy:
            return
        self.store_all()
        self._writer.upsert_ledger(live.events_row(is_settled=True) for live in settled)
        for live in settled:
            del self.live[live.files.id]
            self._ended[live.files.id] = live.events_read
            if live.positions:
                self._unsealed.append(live.files.id)


def _size(files: RunFolder) -> int:
    try:
        return files.events.stat().st_size
    except OSError:
        return 0
