"""The owner: the one process that has the database open, and what it does with it."""

import ctypes
import logging
import math
import os
import threading
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager, nullcontext, suppress
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as installed_version
from typing import Any

import duckdb
import pyarrow as pa

from store import actions, questions, shrinking, trash
from store.asked import Asked, Reads
from store.backup import keep_copy
from store.claim import Claim
from store.connections import Connections, Gate
from store.console import harden
from store.curve_cache import CurveCache
from store.errors import HomeNotWritableError, QueryError, StoreBusyError, StoreError
from store.ingest import Ingest, News
from store.layout import Home
from store.liveness import LIVE
from store.schema import BLOCK_SIZE, is_outdated, prepare
from store.sealing import write_sealed
from store.storing import Storing
from store.waiting import Waiting

_log = logging.getLogger("bakeoff.store")

_CONFIG: dict[str, Any] = {
    "storage_compatibility_version": "v1.5.0",
    "default_block_size": BLOCK_SIZE,  # of new files; what is there keeps its own
    "checkpoint_threshold": "64MB",  # at 16 most points are written twice before they are sorted
    "memory_limit": "2GB",
    "preserve_insertion_order": False,
    # More threads make big questions faster and every small one dearer, and trainings need cores.
    "threads": max(1, min(4, (os.cpu_count() or 2) // 2)),
}


class Owner:
    """Holds the database, takes in what runs write, and answers questions.

    Parameters
    ----------
    home
        The store's folder; it is made when it is missing.

    Raises
    ------
    StoreBusyError
        If another process has the database open.
    NewerStoreError
        If a newer Bakeoff made the store.
    HomeNotWritableError
        If the folder cannot be written.
    """

    def __init__(self, home: Home) -> None:
        self.home = home.create()
        self._claim = Claim(home)
        self.sealing = threading.Lock()
        """Held while a run's folder is sealed or moved: never both at once."""
        self._storing = threading.RLock()
        """Held while points are written that waited; before the next one, after the one above."""
        self._cycling = threading.Lock()
        self._gate = Gate()
        self._is_shrinking = False
        self._looked_at = 0.0
        self.look_s = 0.0
        """How long the last look at the runs took."""
        self.trouble: str | None = None
        """Why new points cannot be taken in at the moment."""
        self._counted: tuple[int, dict[str, int]] = (-1, {})
        self._growing: set[str] = set()
        self._shape = self._version = time.time_ns() // 1_000_000
        try:
            self._open()
            trash.sweep(home)
        except BaseException:
            self._claim.release()
            raise

    def _open(self) -> None:
        shrinking.remove_copy(self.home)
        connection = _connect(self.home)
        if version := is_outdated(connection):
            connection.close()
            keep_copy(self.home, version)
            connection = _connect(self.home)
        self._connections = Connections(connection)
        try:
            prepare(connection, package_version())
            shrinking.allow_copy(connection, self.home)
            self._waiting = Waiting(connection)
            harden(connection)
            self._curves = CurveCache(self._waiting.of_curve)
            storing = Storing(self._connections.extra(), self._waiting)
            self._ingest = Ingest(connection, self.home, self._waiting, storing, self._curves)
        except BaseException:
            self._connections.close()
            raise

    def refresh(self, max_age_s: float = 0.0, reads: Reads = Reads.CURVES) -> bool:
        """Read what was written before this call; return whether anything was.

        Calls that wait for each other share one look, and a look that is at most `max_age_s` old
        is one for those who say so. A database that refuses (a full disk) is
        left as it was and tried again the next time; one that has broken down is opened anew.

        Parameters
        ----------
        max_age_s
            See above.
        reads
            Where what was read has to be then.
        """
        if self._is_shrinking:
            return False
        called = time.monotonic()
        if self.trouble:
            reads = Reads.POINTS
        with self._storing if reads is Reads.POINTS else nullcontext(), self._cycling:
            connections = self._connections
            is_known = self._looked_at > called - max_age_s
            try:
                changed = not is_known and self._cycle()
                is_there = self._bring(reads)
            except (duckdb.FatalException, duckdb.ConnectionException) as error:
                self._report(error)
            except (duckdb.Error, OSError) as error:
                self._report(error)
                with suppress(duckdb.Error):
                    self._ingest.reload()
                return False
            else:
                if is_there and reads is Reads.POINTS:
                    self.trouble = None
                return changed
        with self._storing, self._cycling:
            if self._connections is connections:
                self._reopen()
        return False

    def _bring(self, reads: Reads) -> bool:
        """Bring points that wait to where a question needs them; False if the database refuses."""
        if reads is Reads.POINTS:
            try:
                with self._curves.lock:
                    self._ingest.store_all()
            except duckdb.ConnectionException:
                raise
            except (duckdb.OperationalError, OSError) as error:  # such as a full disk
                self._report(error)
                self._waiting.count()
                return False
        elif reads is Reads.SERIES:
            self._waiting.count()
        return True

    def drain(self, max_age_s: float = 0.0) -> None:
        """Take in everything that was there `max_age_s` ago, and sort it."""
        while self.refresh(max_age_s) and self._ingest.is_behind:
            pass
        self.compact_if_due()

    def compact_if_due(self) -> None:
        """Write points into a sorted generation if there are many; looks go on meanwhile."""
        try:
            with self._storing:
                if self._ingest.is_due:
                    self._ingest.store(self._locked)
                with self._cycling:
                    self._ingest.compact_if_due()
        except (duckdb.Error, OSError) as error:
            self._report(error)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Keep looks, and whoever reads curves, out."""
        with self._cycling, self._curves.lock:
            yield

    def seal_one(self) -> bool:
        """Write the points of one ended run into one file of its folder; False if none is left."""
        with self.sealing:
            return self._seal_one()

    def _seal_one(self) -> bool:
        with self._cycling:
            live = self._ingest.next_to_seal()
        if live is None:
            return False
        try:
            points = questions.sealed_points(self.cursor(), live.key)
            expected = questions.num_points(self.cursor(), live.key)
            if points.num_rows != expected:
                self._report(f"{live.files.id} has {points.num_rows} of {expected}: not sealed")
                return True
            write_sealed(live.files, points, sorted(live.sealed))
            with self._cycling:
                self._ingest.confirm_seal(live, points.num_rows)
        except (duckdb.Error, OSError) as error:
            self._report(error)
        return True

    def forget(self, run_ids: Collection[str]) -> None:
        """Take runs out of the tables; the next look takes in anew those that have a folder."""
        with self.sealing, self._storing, self._cycling:
            self._ingest.forget(run_ids)
            self._shape = self._version = self._version + 1

    def shrink(self) -> None:
        """Give the space of what was deleted back to the disk; questions are answered meanwhile.

        Raises
        ------
        StoreError
            If there is no room for a copy, or the database refuses; nothing has changed then.
        """
        with self.sealing, self._storing, self._cycling:
            self._is_shrinking = True
            try:
                self._bring(Reads.POINTS)
                shrinking.write_copy(self._connections.main, self.home, package_version())
                with self._gate.shut():
                    self._connections.close()
                    try:
                        shrinking.put_in_place(self.home)
                    finally:
                        self._open()
            except (duckdb.Error, OSError) as error:
                raise StoreError(f"The database stays as it is: {error}") from error
            finally:
                self._is_shrinking = False
                shrinking.remove_copy(self.home)

    def rest(self) -> None:
        """Give back the memory that questions took: curves, and what DuckDB keeps of its file."""
        if not self._curves.is_empty:
            with self.sealing, self._storing, self._cycling:
                self._reopen()
            with suppress(AttributeError, OSError):  # not every C library has it
                ctypes.CDLL(None).malloc_trim(0)  # what is free inside the heap is half of it

    def count_runs(self) -> dict[str, int]:
        """Return how many runs there are, and how many run; counted when some have changed."""
        shape, counts = self._counted
        if shape != self._shape:
            shape, totals = self._shape, self.ask("totals", max_age_s=math.inf).to_pylist()[0]
            counts = {name: totals[name] for name in ("runs", "running")}
            self._counted = shape, counts
        return counts

    @property
    def num_live(self) -> int:
        """How many runs may still change."""
        return len(self._ingest.live)

    def ask(self, question: str, *, max_age_s: float = 0.0, **arguments: Any) -> pa.Table:
        """Answer a question of `store.questions` by what was there `max_age_s` ago, or later.

        Raises
        ------
        StoreError
            What the question raises, or a QueryError around the database's own error.
        """
        self.refresh(max_age_s, questions.reads(question, arguments))
        with self._gate.inside():
            try:
                asked = Asked(self.cursor(), self._curves, self._waiting, self._growing)
                return questions.ANSWERS[question](asked, **arguments)
            except duckdb.Error as error:
                raise QueryError(f"The database could not answer: {error}") from error

    def act(self, action: str, **arguments: Any) -> dict[str, Any]:
        """Do something to the store, by the name it has in `store.actions`."""
        if action not in actions.ACTIONS:
            raise QueryError(f"Expected an action of the store; got {action!r}.")
        return actions.ACTIONS[action](self, **arguments)

    @property
    def version(self) -> int:
        """A number that changes with anything visible."""
        return self._version

    @property
    def shape(self) -> int:
        """A number that changes with anything but more points of metrics that runs had before."""
        return self._shape

    def close(self) -> None:
        """Let go of the database."""
        with self._storing, self._cycling, self._gate.shut():
            with suppress(duckdb.Error):  # the journals have it
                self._ingest.store_all()
            self._connections.close()
            self._claim.release()

    def _cycle(self) -> bool:
        with self._curves.lock:
            self._looked_at = time.monotonic()
            news = self._ingest.cycle()
            self.look_s = time.monotonic() - self._looked_at
        runs = self._ingest.live.values()
        self._growing = {one.files.id for one in runs if one.record["status"] in LIVE}
        self._version += news > News.NONE
        if news is News.MORE:
            self._shape = self._version
        return news > News.NONE

    def _report(self, error: Exception | str) -> None:
        """Say once what is wrong; the journals keep everything until it is over."""
        trouble = f"New points wait in the journals, none is lost: {error}"
        if trouble != self.trouble:
            _log.warning("%s", trouble)
            self.trouble = trouble
            self._version += 1

    def _reopen(self) -> None:
        with self._gate.shut():
            with suppress(duckdb.Error):
                self._connections.close()
            self._open()

    def cursor(self) -> duckdb.DuckDBPyConnection:
        """Return this thread's cursor of the current connection."""
        return self._connections.cursor()


def _connect(home: Home) -> duckdb.DuckDBPyConnection:
    """Open the database for this process alone.

    Raises
    ------
    StoreBusyError
        If another process has it open.
    HomeNotWritableError
        If it cannot be written.
    """
    try:
        return duckdb.connect(str(home.database), config=_CONFIG)
    except duckdb.IOException as error:
        if "could not set lock" in str(error).lower():
            raise StoreBusyError(
                f"Expected the store {home.path} to be free; another process holds its database. "
                "Wait for it, or stop it."
            ) from error
        raise HomeNotWritableError(
            f"Expected a store that can be opened; got {home.database} ({error}). "
            "If the file is damaged, make it anew from the runs: bakeoff doctor --rebuild."
        ) from error
    except duckdb.Error as error:
        raise HomeNotWritableError(
            f"Expected a DuckDB store in {home.database}; it cannot be read ({error}). "
            "Make it anew from the runs: bakeoff doctor --rebuild."
        ) from error


def package_version() -> str:
    """Return Bakeoff's version."""
    try:
        return installed_version("bakeoff")
    except PackageNotFoundError:
        return "unknown"
