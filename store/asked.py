"""What a question to the store may use."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from store.curve_cache import CurveCache

if TYPE_CHECKING:
    import duckdb


class Asked:
    """A cursor of the owner's connection, and the curves in memory."""

    def __init__(self, cursor: "duckdb.DuckDBPyConnection", curves: CurveCache) -> None:
        self.cursor = cursor
        self.curves = curves

    def table(self, sql: str, parameters: Sequence[Any] = ()) -> pa.Table:
        """Run a query of ours."""
        return self.cursor.execute(sql, list(parameters)).to_arrow_table()
