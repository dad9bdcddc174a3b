"""Where releases lie on disk: ``releases/<line>/v<N>/``, whole or not there at all."""

import fcntl
import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from store import audit
from store.artifacts import sha256
from store.errors import HomeNotWritableError, StoreError
from store.layout import Home

RECORD_NAME: Final = "release.json"
STAGING: Final = ".staging-"
"""How folders begin in which a release is prepared."""
_LINE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,59}")
_VERSION = re.compile(r"v([1-9][0-9]{0,5})")
_RESERVED: Final = frozenset({"policy"})


class LineNameError(StoreError):
    """The name of a model line cannot be a folder's name."""


class DamagedReleaseError(StoreError):
    """A release whose record cannot be read."""


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
    for line in sorted(home.releases.glob("*/")):
        for folder in line.iterdir():
            path = folder / RECORD_NAME
            is_coming = folder.name.startswith(STAGING) and path.exists()
            if not is_coming and not _VERSION.fullmatch(folder.name):
                continue
            try:
                record: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
                found.update(record["runs"], record.get("protects", ()))
            except (OSError, ValueError, KeyError, TypeError) as error:
                raise StoreError(
                    f"Expected a release's record; got {path}, which cannot be read ({error}). "
                    "Restore it from a backup: until then no run may be deleted."
                ) from error
    return frozenset(found)


def read_record(home: Home, line: str, version: int) -> dict[str, Any]:
    """Return the record of a release.

    Raises
    ------
    DamagedReleaseError
        If it is not there or is no JSON.
    """
    path = version_folder(home, line, version) / RECORD_NAME
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DamagedReleaseError(
            f"Expected the record of {line}@v{version}; got {path}, which cannot be read ({error}). "
            "Restore it from a backup."
        ) from error


def check_files(home: Home, line: str, version: int) -> list[str]:
    """Return what is wrong with a release's files, one sentence each; nothing if they are whole."""
    ref, folder = f"{line}@v{version}", version_folder(home, line, version)
    entries = audit.entries(home)
    found = next((one for one in entries if (one.action, one.subject) == ("release", ref)), None)
    if found is None:
        return [f"{ref} is not in the audit log: nobody released it."]
    if not folder.is_dir():
        return [f"{ref} is in the audit log, but its folder is gone."]
    try:
        record = read_record(home, line, version)
    except DamagedReleaseError as error:
        return [str(error)]
    problems: list[str] = []
    if sha256(folder / RECORD_NAME) != found.details.get("sha256"):
        problems.append(f"{ref}: its record was changed after the release.")
    for name, expected in record.get("files", {}).items():
        path = folder / Path(name).name
        if not path.is_file():
            problems.append(f"{ref}: its {name} is gone.")
        elif sha256(path) != expected:
            problems.append(f"{ref}: its {name} was changed after the release.")
    return problems


def problems_of(home: Home) -> list[str]:
    """Return what is wrong with the audit log and with all releases, one sentence each."""
    problems = audit.verify(home)
    named = {entry.subject for entry in audit.entries(home) if entry.action == "release"}
    there = {f"{line}@v{n}" for line in line_names(home) for n in version_numbers(home, line)}
    for ref in sorted(named | there):
        line, _, version = ref.partition("@v")
        if _LINE.fullmatch(line) and version.isdigit():
            problems += check_files(home, line, int(version))
        else:
            problems.append(f"The audit log names {ref!r}, which cannot be a release.")
    return problems


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
