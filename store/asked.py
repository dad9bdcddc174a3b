"""What a question to the store may use."""

from collections.abc import Collection, Iterable, Sequence
from enum import IntEnum
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from store.curve_cache import CurveCache

if TYPE_CHECKING:
    import duckdb

    from store.waiting import Waiting


class Reads(IntEnum):
    """What of the newest points has to be where for a question."""

    CURVES = 0
    """Curves in memory are enough."""
    SERIES = 1
    """The rows of series have to count all points."""
    POINTS = 2
    """All points have to be in the database."""


class Asked:
    """A cursor of the owner's connection, and what the owner has in memory.

    Parameters
    ----------
    cursor
        Of the owner's connection.
    curves
        Those that were asked for lately.
    waiting
        The points that are not in the database.
    growing
        Ids of the runs that may still get points.
    """

    def __init__(
        self,
        cursor: "duckdb.DuckDBPyConnection",
        curves: CurveCache,
        waiting: "Waiting | None" = None,
        growing: Collection[str] = (),
    ) -> None:
        self.cursor = cursor
        self.curves = curves
        self.growing = growing
        self._waiting = waiting

    @property
    def num_waiting(self) -> int:
        """How many points are not in the database; hold the lock of the curves meanwhile."""
        return self._waiting.num_points if self._waiting else 0

    def names_waiting(self, run_keys: Iterable[int]) -> set[str]:
        """Return the metrics of points of some runs that are not in the database."""
        return self._waiting.names(run_keys) if self._waiting else set()

    def table(self, sql: str, parameters: Sequence[Any] = ()) -> pa.Table:
        """Run a query of ours."""
        return self.cursor.execute(sql, list(parameters)).to_arrow_table()
