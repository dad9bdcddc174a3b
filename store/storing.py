"""Writes points that waited, beside the looks at the journals.

Writing a million takes a second in which looks and questions go on: it needs no lock, as nobody
sees what is written until it is committed. All of it is one transaction, as DuckDB fills its row
groups over all statements of one, and would write those again that several left half empty.
"""

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from store.point_writer import PointWriter
from store.series import rows_of_series

if TYPE_CHECKING:
    import duckdb

    from store.waiting import Portion, Waiting

_LOT_POINTS = 250_000
"""How many points are counted, and turned into columns, at a time: memory is bounded, so are waits."""
_TURN_S = 0.002
"""Who waits for a lock gets it only if the one who had it does not want it again at once."""


class Storing:
    """Has points that wait written; one portion at a time.

    Parameters
    ----------
    connection
        A cursor that nobody else uses.
    waiting
        Where points are until they are written.
    """

    def __init__(self, connection: "duckdb.DuckDBPyConnection", waiting: "Waiting") -> None:
        self._writer = PointWriter(connection)
        self._waiting = waiting
        self._portion: Portion | None = None

    @property
    def is_busy(self) -> bool:
        """Whether points are on their way."""
        return self._portion is not None

    def forget(self) -> None:
        """Have points that are on their way not arrive: they will be read again."""
        if self._portion is not None:
            self._portion.is_void = True

    def store(self, locked: Callable[[], AbstractContextManager[object]]) -> int:
        """Write all that waits; return how many points are in the database unsorted now.

        Parameters
        ----------
        locked
            Keeps looks at the journals and the reading of curves out, for a moment.
        """
        while not self._count(locked):
            time.sleep(_TURN_S)
        with locked():
            self._portion = portion = self._waiting.take()
        is_written = False
        try:
            self._write(portion)
            is_written = True
        finally:
            with locked():
                self._portion = None
                is_there = is_written and self._commit(portion)
                if not is_there:
                    self._writer.undo()
        return portion.num_points if is_there and not portion.is_sorted else 0

    def _count(self, locked: Callable[[], AbstractContextManager[object]]) -> bool:
        with locked():
            return self._waiting.count(_LOT_POINTS)

    def _write(self, portion: "Portion") -> None:
        self._writer.begin()
        for points in portion.lots(_LOT_POINTS):
            self._writer.write(points, is_sorted=portion.is_sorted)

    def _commit(self, portion: "Portion") -> bool:
        """Let what was written take the place of what waited; False if it must not."""
        if portion.is_void:
            return False
        try:
            if portion.series:
                self._writer.replace_series(rows_of_series(portion.series))
            self._writer.upsert_ledger(portion.ledger())
            self._writer.commit()
        except BaseException:
            self._writer.undo()
            raise
        self._waiting.let_go(portion)
        return True
