"""Keeps a copy of the database before a newer Bakeoff changes its tables."""

import os
import shutil
from pathlib import Path

from store.errors import HomeNotWritableError
from store.layout import Home
from store.schema import is_outdated


def backup_path(home: Home, version: int) -> Path:
    """Return where the copy of a database of schema `version` lies."""
    return home.database.with_name(f"{home.database.name}.v{version}.bak")


def backups(home: Home) -> list[Path]:
    """Return every old database that is kept, of changes of the schema and of rebuilds."""
    return sorted(path for path in home.path.glob("store*.bak") if path.is_file())


def delete_backups(home: Home) -> int:
    """Delete every old database that is kept; return how many bytes became free."""
    freed = 0
    for path in [*backups(home), *home.path.glob("store*.bak.wal")]:
        freed += path.stat().st_blocks * 512
        path.unlink()
    return freed


def older_version(home: Home) -> int | None:
    """Return the version of the tables that an older Bakeoff made, without changing them.

    None if they are current, or if that cannot be seen: no database, damaged, or held by others.
    """
    import duckdb

    if not home.database.exists():
        return None
    try:
        with duckdb.connect(str(home.database), read_only=True) as connection:
            return is_outdated(connection)
    except duckdb.Error:
        return None


def keep_copy(home: Home, version: int) -> Path:
    """Copy a closed database to its place.

    Nobody may have the database open: closing the copied file would drop this process's locks.

    Raises
    ------
    HomeNotWritableError
        If there is no room for it; nothing has changed then.
    """
    kept = backup_path(home, version)
    partial = kept.with_suffix(".partial")
    try:
        shutil.copyfile(home.database, partial)
        with partial.open("rb+") as file:
            os.fsync(file.fileno())
        partial.replace(kept)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise HomeNotWritableError(
            f"Expected room for a backup of the database beside {home.database}; got "
            f"{error.strerror}. Make space: its tables change with this Bakeoff."
        ) from error
    return kept
