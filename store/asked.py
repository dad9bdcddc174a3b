"""What a question to the store may use."""

from collections.abc import Iterable, Sequence
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
    """A cursor of the owner's connection, the curves in memory, and the points that wait."""

    def __init__(
        self,
        cursor: "duckdb.DuckDBPyConnection",
        curves: CurveCache,
        waiting: "Waiting | None" = None,
    ) -> None:
        self.cursor = cursor
        self.curves = curves
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
