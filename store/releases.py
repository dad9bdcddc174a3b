"""Where releases lie on disk: ``releases/<line>/v<N>/``, whole or not there at all."""

import fcntl
import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from store.errors import HomeNotWritableError, StoreError
from store.layout import Home

RECORD_NAME: Final = "release.json"
_LINE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,59}")
_VERSION = re.compile(r"v([1-9][0-9]{0,5})")
_RESERVED: Final = frozenset({"policy"})


class LineNameError(StoreError):
    """The name of a model line cannot be a folder's name."""


def check_line(line: str) -> str:
    """Return `line` if it can name a model line, and so a folder inside the releases.

    Raises
    ------
    LineNameError
        If it holds anything but letters, digits, ``_`` and ``-``, is too long or is reserved.
    """
    if not _LINE.fullmatch(line) or line in _RESERVED:
        raise LineNameError(
            "Expected a model line of at most 60 letters, digits, '_' or '-', starting with a "
            f"letter or digit and not 'policy'; got {line!r}. Choose another name."
        )
    return line


def line_names(home: Home) -> tuple[str, ...]:
    """Return the model lines that have a release."""
    if not home.releases.is_dir():
        return ()
    folders = sorted(path for path in home.releases.iterdir() if path.is_dir())
    names = [path.name for path in folders if _LINE.fullmatch(path.name)]
    return tuple(name for name in names if name not in _RESERVED and version_numbers(home, name))


def version_numbers(home: Home, line: str) -> tuple[int, ...]:
    """Return the versions of a line that are whole, ascending."""
    folder = home.releases / check_line(line)
    if not folder.is_dir():
        return ()
    matches = (_VERSION.fullmatch(path.name) for path in folder.iterdir() if path.is_dir())
    return tuple(sorted(int(match[1]) for match in matches if match))


def version_folder(home: Home, line: str, version: int) -> Path:
    """Return the folder of a release, which need not exist."""
    return home.releases / check_line(line) / f"v{version}"


def released_runs(home: Home) -> frozenset[str]:
    """Return the runs that some release stands on; nothing may delete them.

    Raises
    ------
    StoreError
        If a release's record cannot be read: what it stands on is not known then.
    """
    found: set[str] = set()
    for line in line_names(home):
        for version in version_numbers(home, line):
            path = version_folder(home, line, version) / RECORD_NAME
            try:
                record: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
                found.update(record["runs"], record.get("protects", ()))
            except (OSError, ValueError, KeyError, TypeError) as error:
                raise StoreError(
                    f"Expected a release's record; got {path}, which cannot be read ({error}). "
                    "Restore it from a backup: until then no run may be deleted."
                ) from error
    return frozenset(found)


@contextmanager
def releasing(home: Home) -> Iterator[None]:
    """Hold the lock of the releases: one person at a time decides.

    Raises
    ------
    HomeNotWritableError
        If the folder cannot be written.
    """
    try:
        home.releases.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(home.releases / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise HomeNotWritableError(
            f"Expected a folder that can be written; got {home.releases} ({error.strerror})."
        ) from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def sync_folder(path: Path) -> None:
    """Push a folder's entries to the disk: a rename or a new file in it survives a power cut."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
