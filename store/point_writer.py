"""Writes points, rows of series and how far files were taken in, on one connection."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from store.compaction import STORED, Points, generation, is_minus_zero, nullable
from store.feeds import Feed
from store.series import UPSERT

if TYPE_CHECKING:
    import duckdb

GENERATION_POINTS = 1_000_000
LedgerRow = tuple[Any, ...]
"""File, run's key, bytes consumed, vocabulary, bytes damaged, whether it is closed."""

_ADD_GENERATION = "INSERT INTO points BY NAME SELECT * FROM generation_feed"
_ADD_HOT = "INSERT INTO points_hot BY NAME SELECT * FROM points_feed"
_ADD_SERIES = UPSERT.format(table="series_base", feed="series_feed")
_REPLACE_SERIES = """
INSERT OR REPLACE INTO series_base SELECT * FROM series_feed ORDER BY metric_key, run_key
"""
"""In the order in which tables read them."""
_JOURNAL = """
INSERT INTO journal SELECT * FROM journal_feed
ON CONFLICT DO UPDATE SET consumed = excluded.consumed, vocabulary = excluded.vocabulary,
    damaged = excluded.damaged, closed = excluded.closed
"""
_JOURNAL_TYPES = {
    "file": pa.string(),
    "run_key": pa.int64(),
    "consumed": pa.int64(),
    "vocabulary": pa.string(),
    "damaged": pa.int64(),
    "closed": pa.bool_(),
}


def is_generation(num_points: int) -> bool:
    """Whether so many points are sorted at once, and not written as they are before."""
    return num_points >= GENERATION_POINTS


class PointWriter:
    """Statements that add points and what belongs to them.

    Parameters
    ----------
    connection
        Where they run; used by one thread at a time.
    """

    def __init__(self, connection: "duckdb.DuckDBPyConnection") -> None:
        self._connection = connection
        self._points = Feed(connection, "points_feed")
        self._generation = Feed(connection, "generation_feed")
        self._series = Feed(connection, "series_feed")
        self._journal = Feed(connection, "journal_feed")

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Commit what is done inside, or nothing of it."""
        self.begin()
        try:
            yield
            self.commit()
        except BaseException:
            self.undo()
            raise

    def begin(self) -> None:
        """Begin a transaction."""
        self._connection.execute("BEGIN")

    def commit(self) -> None:
        """Commit the transaction."""
        self._connection.execute("COMMIT")

    def undo(self) -> None:
        """End the transaction as if it had not been."""
        import duckdb

        with suppress(duckdb.Error):  # there may be no transaction any more, or no database
            self._connection.execute("ROLLBACK")
        for feed in (self._points, self._generation, self._series, self._journal):
            feed.forget()

    def write(self, points: Points, *, is_sorted: bool) -> None:
        """Add points to the unsorted ones, or as a part of a sorted generation."""
        if is_sorted:
            self._generation.run(_ADD_GENERATION, generation(points))
            return
        stored = {name: points[name] for name in STORED}
        value = pa.array(points["value"], mask=is_minus_zero(points["value"]))
        table = pa.table({**stored, "epoch": nullable(points["epoch"]), "value": value})
        self._points.run(_ADD_HOT, table)

    def add_series(self, rows: pa.Table) -> None:
        """Have rows of series count more points."""
        self._series.run(_ADD_SERIES, rows)

    def replace_series(self, rows: pa.Table) -> None:
        """Put rows of series in place of those that are there."""
        self._series.run(_REPLACE_SERIES, rows)

    def upsert_ledger(self, rows: Iterable[LedgerRow]) -> None:
        """Write how far files have been taken in."""
        self._journal.run(_JOURNAL, table_of(rows, _JOURNAL_TYPES))


def table_of(rows: Iterable[tuple[Any, ...]], types: dict[str, pa.DataType]) -> pa.Table:
    """Return rows as a table with the given columns."""
    columns = list(zip(*rows, strict=True)) or [()] * len(types)
    arrays = [pa.array(column, kind) for column, kind in zip(columns, types.values(), strict=True)]
    return pa.table(arrays, names=list(types))
