"""Rewrites the database without what was deleted: DuckDB alone gives little back to the disk.

The smaller copy is written beside the database while its owner goes on answering, checked, pushed
to the disk, and takes the database's name by one rename. A crash before the rename leaves the old
database and a copy that the next owner removes; after it there is the new one.
"""

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Final

from store.errors import StoreError
from store.layout import Home
from store.releases import sync_folder
from store.schema import BLOCK_SIZE, prepare

if TYPE_CHECKING:
    import duckdb

_TABLES: Final = "SELECT table_name FROM duckdb_tables() WHERE database_name = ? ORDER BY ALL"
_BASE: Final = "store"
"""The name under which DuckDB knows ``store.duckdb``."""


def allow_copy(connection: "duckdb.DuckDBPyConnection", home: Home) -> None:
    """Let an instance write its smaller copy; to be called before it is hardened."""
    connection.execute("SET allowed_paths = ?", [[str(path) for path in _files(home)]])


def remove_copy(home: Home) -> None:
    """Remove what a crash left of a smaller copy."""
    for path in _files(home):
        path.unlink(missing_ok=True)


def write_copy(connection: "duckdb.DuckDBPyConnection", home: Home, version: str) -> None:
    """Write the smaller copy of an open database beside it; nobody may write meanwhile.

    Raises
    ------
    StoreError
        If there is no room for it, or it is not the same; nothing has changed then.
    duckdb.Error
        If the database refuses.
    """
    _check_room(connection, home)
    remove_copy(home)
    path = str(_files(home)[0]).replace("'", "''")
    cursor = connection.cursor()
    cursor.execute(f"ATTACH '{path}' AS fresh (STORAGE_VERSION 'v1.5.0', BLOCK_SIZE {BLOCK_SIZE})")
    try:
        cursor.execute("USE fresh")
        prepare(cursor, version)
        for table in _tables(cursor, _BASE):
            _copy(cursor, table)
        cursor.execute("CHECKPOINT fresh")
    finally:
        cursor.execute(f"USE {_BASE}")
        cursor.execute("DETACH fresh")
        cursor.close()


def put_in_place(home: Home) -> None:
    """Give the copy the database's name; nobody may have either open.

    Raises
    ------
    StoreError
        If either was not closed properly; nothing has changed then.
    """
    copy, *leftovers = _files(home)
    leftovers.append(_wal(home))
    if found := [path for path in leftovers if path.exists()]:
        raise StoreError(f"Expected a database that was closed; got {found[0]}. Try again.")
    with copy.open("rb+") as file:
        os.fsync(file.fileno())
    copy.replace(home.database)
    sync_folder(home.path)


def _files(home: Home) -> list[Path]:
    copy = f"{home.database.name}.new"
    return [home.path / f"{copy}{suffix}" for suffix in ("", ".wal", ".wal.checkpoint")]


def _wal(home: Home) -> Path:
    return home.database.with_name(f"{home.database.name}.wal")


def _check_room(connection: "duckdb.DuckDBPyConnection", home: Home) -> None:
    used = connection.execute(
        "SELECT used_blocks * block_size FROM pragma_database_size() WHERE database_name = ?",
        [_BASE],
    ).fetchall()[0][0]
    needed = used + _wal(home).stat().st_size if _wal(home).exists() else used
    free = shutil.disk_usage(home.path).free
    if free < needed * 1.1:
        raise StoreError(
            f"Expected room for a copy of the database, {needed >> 20} MiB; got {free >> 20} MiB. "
            "Empty the trash first, or remove old databases."
        )


def _tables(cursor: "duckdb.DuckDBPyConnection", database: str) -> list[str]:
    return [name for (name,) in cursor.execute(_TABLES, [database]).fetchall()]


def _copy(cursor: "duckdb.DuckDBPyConnection", table: str) -> None:
    old, new = f'{_BASE}.main."{table}"', f'fresh.main."{table}"'
    verb = "INSERT OR REPLACE" if table == "meta" else "INSERT"
    cursor.execute(f"{verb} INTO {new} BY NAME SELECT * FROM {old}")  # noqa: S608  # ours
    counts = f"SELECT (SELECT count(*) FROM {old}), (SELECT count(*) FROM {new})"  # noqa: S608  # ours
    expected, found = cursor.execute(counts).fetchall()[0]
    if expected != found:
        raise StoreError(
            f"Expected {expected} rows of {table} in the smaller database; got {found}. "
            "The database stays as it is."
        )
