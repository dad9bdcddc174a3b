"""Users' own read-only SQL."""

from typing import Any


def harden(connection: Any) -> None:
    """Set what must be set before any user SQL."""


def guarded_select(
    connection: Any, query: str, params: Any, *, max_rows: int, timeout_s: float, tables: Any
) -> Any:
    """Run it."""
    return connection.execute(query, params or []).to_arrow_table()
