"""Runs the SQL that users type: one SELECT, over known tables, for a limited time.

DuckDB has no rights inside one database, and a read-only transaction alone still lets some
SELECTs open files, ports or settings. So the statement is parsed by DuckDB itself first, and
only what is known to be harmless passes: tables from a list, table functions from a list, and
functions whose result depends on nothing but their arguments (plus random numbers and the date).
This guards one's own data against accidents and pasted queries; it is no wall against an attacker.
"""

import json
import re
import threading
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from store.errors import QueryError

if TYPE_CHECKING:
    import pyarrow as pa
    from duckdb import DuckDBPyConnection

MAX_QUERY = 100_000
"""Longest statement in characters."""
_TABLE_FUNCTIONS = {"generate_series", "range", "unnest"}
_SOURCES = {
    "BASE_TABLE", "EMPTY", "EXPRESSION_LIST", "JOIN", "PIVOT", "SHOW_REF", "SUBQUERY", "TABLE_FUNCTION",
}  # fmt: skip
_HARMLESS_VOLATILE = {
    "error", "gen_random_uuid", "random", "uuid", "uuidv4", "uuidv7",
}  # fmt: skip
_DENIED_FUNCTIONS = {
    "current_setting", "getenv", "getvariable", "json_execute_serialized_sql", "json_serialize_plan",
    "parse_duckdb_log_message", "query", "query_table",
}  # fmt: skip
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
