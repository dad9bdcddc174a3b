"""Runs the SQL that users type: one SELECT, over known tables, for a limited time.

DuckDB has no rights inside one database, and a read-only transaction alone still lets some
SELECTs open files, ports or settings. So DuckDB itself parses the statement first, and only what
is known to be harmless passes: tables and table functions from a list, and DuckDB's own functions
that depend on their arguments alone (plus random numbers and the date). This keeps accidents and
pasted queries away from one's own data; it is no wall against a determined attacker.
"""

import functools
import json
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
"""Longest statement, in characters."""
_SOURCES = {
    "BASE_TABLE",
    "EMPTY",
    "EXPRESSION_LIST",
    "JOIN",
    "PIVOT",
    "SHOW_REF",
    "SUBQUERY",
    "TABLE_FUNCTION",
}
_TABLE_FUNCTIONS = {"generate_series", "range", "unnest"}
_UNLISTED = {"count_star", "grouping", "grouping_id", "unnest"}
"""Functions that the parser knows but no catalogue lists."""
_RANDOM = {"error", "gen_random_uuid", "random", "uuid", "uuidv4", "uuidv7"}
_DENIED = {
    "current_query",
    "current_setting",
    "get_block_size",
    "getenv",
    "getvariable",
    "json_deserialize_sql",
    "json_execute_serialized_sql",
    "json_serialize_plan",
    "obj_description",
    "parse_duckdb_log_message",
    "query",
    "query_table",
}
_Scope = frozenset[str]


def harden(connection: "DuckDBPyConnection", temp_directory: Path | None = None) -> None:
    """Take from an instance what no query of the store needs; call it before any user's SQL.

    Extensions do not load by themselves, files and the network are out of reach (of COPY, ATTACH
    and ``read_csv`` too), Python variables are no tables (use ``register``), and the settings
    can no longer be changed. A second call does nothing.

    Parameters
    ----------
    connection
        Any connection of the instance.
    temp_directory
        Where large queries may spill; DuckDB's choice by default.
    """
    locked = connection.execute("SELECT current_setting('lock_configuration')").fetchone()
    if locked and locked[0]:
        return
    if temp_directory is not None:
        place = str(temp_directory).replace("'", "''")
        connection.execute(f"SET temp_directory = '{place}'")
    for name, value in (
        ("autoinstall_known_extensions", "false"),
        ("autoload_known_extensions", "false"),
        ("allow_community_extensions", "false"),
        ("allow_persistent_secrets", "false"),
        ("python_enable_replacements", "false"),
        ("enable_external_access", "false"),
        ("lock_configuration", "true"),
    ):
        connection.execute(f"SET {name} = {value}")


def guarded_select(
    connection: "DuckDBPyConnection",
    query: str,
    params: Sequence[Any] | Mapping[str, Any] | None = None,
    max_rows: int = 10_000,
    timeout_s: float = 10.0,
    *,
    tables: Collection[str],
) -> "pa.Table":
    """Run a user's SELECT and return its first rows.

    Parameters
    ----------
    connection
        A connection of a `harden`-ed instance; the query runs on a cursor of its own.
    query
        One SELECT, WITH, FROM, VALUES, DESCRIBE or SUMMARIZE statement.
    params
        Values of ``?`` or ``$name``.
    max_rows
        Rows returned at most; the schema's metadata has ``truncated`` where there are more.
    timeout_s
        Seconds until the query is interrupted.
    tables
        Tables and views of schema ``main`` that may be read.

    Raises
    ------
    QueryError
        The query is refused, fails, or takes too long.
    """
    check_select(query, tables)
    import duckdb

    cursor = connection.cursor()
    try:
        with _interrupting(cursor, timeout_s) as is_late:
            try:
                cursor.execute("BEGIN TRANSACTION READ ONLY")
                return _first_rows(cursor.execute(query, params), max_rows)
            except duckdb.FatalException:
                raise  # the instance is lost: its owner has to know
            except (duckdb.Error, OSError, ValueError, RuntimeError) as error:
                if is_late.is_set():
                    message = f"The query took longer than {timeout_s:g} s and was stopped."
                    raise QueryError(message) from error
                reason = str(error).split("\n\n", maxsplit=1)[0]
                raise QueryError(f"The query failed: {reason}") from error
    finally:
        with suppress(duckdb.Error):
            cursor.rollback()
        cursor.close()


def check_select(query: str, tables: Collection[str]) -> None:
    """Refuse whatever is not one harmless SELECT over these tables.

    Raises
    ------
    QueryError
        One sentence on what was refused.
    """
    if len(query) > MAX_QUERY:
        raise QueryError(f"Expected at most {MAX_QUERY} characters of SQL; got {len(query)}.")
    tree = _tree(query)
    if tree.get("error", True):
        raise QueryError(_why_unreadable(tree))
    _check_tree(tree["statements"], frozenset(name.lower() for name in tables))


def _tree(query: str) -> dict[str, Any]:
    import duckdb

    parser = _parser().cursor()
    try:
        query.encode()
        count = len(parser.extract_statements(query))
        if count != 1:
            raise QueryError(f"Expected one statement; got {count}.")
        row = parser.execute("SELECT json_serialize_sql(?::VARCHAR)", [query]).fetchone()
        return json.loads(row[0] if row else "{}")
    except RecursionError as error:
        raise QueryError("Expected a simpler query; this one is nested too deeply.") from error
    except (duckdb.Error, UnicodeError) as error:
        raise QueryError(f"The query cannot be read: {error}") from error
    finally:
        parser.close()


def _why_unreadable(tree: dict[str, Any]) -> str:
    if tree.get("error_type") == "parser":
        return f"The query cannot be read: {tree.get('error_message')}"
    return "Expected a SELECT statement; the console only reads."


def _check_tree(tree: Any, tables: frozenset[str]) -> None:
    """Visit every node with the names that WITH defines there; a loop, as trees may be deep."""
    waiting: list[tuple[Any, _Scope]] = [(tree, frozenset())]
    while waiting:
        node, scope = waiting.pop()
        if isinstance(node, list):
            waiting.extend((item, scope) for item in node)
        elif isinstance(node, dict):
            _check_sources(node)
            if node.get("type") == "BASE_TABLE":
                _check_table(node, scope, tables)
            elif node.get("type") == "TABLE_FUNCTION":
                _check_table_function(node)
            elif node.get("type") == "SHOW_REF":
                scope = frozenset()  # DESCRIBE and SUMMARIZE look past the WITH around them
                _check_show(node)
            if node.get("class") in {"FUNCTION", "WINDOW"}:
                _check_function(node)
            waiting.extend(_children(node, scope))


def _children(node: dict[str, Any], scope: _Scope) -> Iterator[tuple[Any, _Scope]]:
    """Yield what is below a node; each WITH query sees those before it (itself if recursive)."""
    for entry in (node.get("cte_map") or {}).get("map", ()):
        name = frozenset([entry["key"].lower()])
        body = (entry["value"].get("query") or {}).get("node") or {}
        is_recursive = body.get("type") == "RECURSIVE_CTE_NODE"
        yield entry["value"], scope | name if is_recursive else scope
        scope |= name
    yield from ((child, scope) for key, child in node.items() if key != "cte_map")


def _check_sources(node: dict[str, Any]) -> None:
    keys = ["from_table"]
    if node.get("type") == "JOIN":
        keys = ["left", "right"]
    elif node.get("type") == "PIVOT":
        keys = ["source"]
    for source in (node.get(key) for key in keys):
        kind = source.get("type") if isinstance(source, dict) else None
        if kind is not None and kind not in _SOURCES:
            raise QueryError(f"Expected tables and subqueries to read from; got {kind}.")


def _check_table(node: dict[str, Any], scope: _Scope, tables: frozenset[str]) -> None:
    name, schema = node["table_name"], node.get("schema_name") or ""
    catalog = node.get("catalog_name") or ""
    if not schema and not catalog and name.lower() in scope:
        return
    if catalog or schema.lower() not in {"", "main"} or name.lower() not in tables:
        full = ".".join(part for part in (catalog, schema, name) if part)
        raise QueryError(f"Expected a table out of {', '.join(sorted(tables))}; got {full!r}.")


def _check_table_function(node: dict[str, Any]) -> None:
    function = node.get("function") or {}
    name = function.get("function_name", "")
    if name.lower() not in _TABLE_FUNCTIONS or function.get("schema") or function.get("catalog"):
        allowed = ", ".join(sorted(_TABLE_FUNCTIONS))
        raise QueryError(f"Expected a table function out of {allowed}; got {name!r}.")


def _check_show(node: dict[str, Any]) -> None:
    if not node.get("query"):
        raise QueryError("Expected DESCRIBE or SUMMARIZE with a table; SHOW lists everything.")


def _check_function(node: dict[str, Any]) -> None:
    name = node.get("function_name", "").lower()
    is_ranking = node["class"] == "WINDOW" and node.get("type") != "WINDOW_AGGREGATE"
    is_elsewhere = node.get("schema", "") not in {"", "main"} or node.get("catalog", "")
    if is_elsewhere or not (is_ranking or name in _functions()):
        raise QueryError(f"Expected a function of DuckDB that only computes; got {name!r}.")


@functools.lru_cache(maxsize=1)
def _parser() -> "DuckDBPyConnection":
    """Return a connection to an empty instance, which parses and knows no data."""
    import duckdb

    return duckdb.connect(config={"threads": 1, "memory_limit": "200MB"})


@functools.lru_cache(maxsize=1)
def _functions() -> frozenset[str]:
    """Return DuckDB's own functions that only compute; macros of the store are not among them."""
    with _parser().cursor() as cursor:
        rows = cursor.execute(
            "SELECT DISTINCT lower(function_name) FROM duckdb_functions()"
            " WHERE function_type IN ('scalar', 'aggregate', 'macro')"
            " AND stability IS DISTINCT FROM 'VOLATILE'"
            " AND (function_name = 'pg_typeof' OR NOT starts_with(function_name, 'pg_'))"
        ).fetchall()
    return (frozenset(row[0] for row in rows) | _RANDOM | _UNLISTED) - _DENIED


@contextmanager
def _interrupting(cursor: "DuckDBPyConnection", timeout_s: float) -> Iterator[threading.Event]:
    """Interrupt the cursor when the time is up, again and again, until the block ends."""
    is_late, is_over = threading.Event(), threading.Event()

    def watch() -> None:
        wait = timeout_s
        while not is_over.wait(wait):
            is_late.set()
            cursor.interrupt()
            wait = 0.05

    thread = threading.Thread(target=watch, name="bakeoff-sql-timeout", daemon=True)
    thread.start()
    try:
        yield is_late
    finally:
        is_over.set()
        thread.join()


def _first_rows(result: "DuckDBPyConnection", max_rows: int) -> "pa.Table":
    import pyarrow as pa

    reader = result.to_arrow_reader(min(max_rows + 1, 100_000))
    batches, count = [], 0
    for batch in reader:
        batches.append(batch)
        count += batch.num_rows
        if count > max_rows:
            break
    table = pa.Table.from_batches(batches, reader.schema)
    if count > max_rows:
        table = table.slice(0, max_rows).replace_schema_metadata({"truncated": "true"})
    return table
