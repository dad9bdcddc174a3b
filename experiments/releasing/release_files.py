"""Releases on disk: prepared aside, committed by one line of the audit log, then moved into place.

A crash before that line leaves no release, a crash after it a whole one: whoever looks next
finishes what is left to do. What aliases mean follows from the audit log alone; the ledger beside
it mirrors releases and aliases into the database.
"""

import fcntl
import json
import os
import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from experiments.errors import ExperimentError, UsageError
from store import audit
from store.artifacts import sha256
from store.layout import Home
from store.ledger import LEDGER_NAME, Ledger
from store.releases import (
    RECORD_NAME,
    STAGING,
    DamagedReleaseError,
    check_line,
    line_names,
    read_record,
    releasing,
    sync_folder,
    version_folder,
    version_numbers,
)

CHAMPION: Final = "champion"
_ALIAS = re.compile(r"(?!v[0-9]+$)[a-z][a-z0-9_-]{0,29}")
_BUSY: Final = ".busy"


class ReleaseError(ExperimentError):
    """A release that cannot be made, found or trusted."""


class ReleaseNotFoundError(ReleaseError, UsageError):
    """No release goes by that name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Staging:
    """A folder in which a release is prepared."""

    path: Path
    lock: int


def check_alias(name: str) -> str:
    """Return `name` if it can be an alias.

    Raises
    ------
    ReleaseError
        If it cannot.
    """
    if not _ALIAS.fullmatch(name):
        raise ReleaseError(
            "Expected an alias of at most 30 lower-case letters, digits, '_' or '-', starting with "
            f"a letter and not looking like a version; got {name!r}."
        )
    return name


@contextmanager
def staging(home: Home, line: str) -> Iterator[Staging]:
    """Give a folder to prepare a release in; it goes unless it was committed."""
    parent = home.releases / check_line(line)
    with releasing(home):
        parent.mkdir(parents=True, exist_ok=True)
        path = parent / f"{STAGING}{os.urandom(6).hex()}"
        path.mkdir()
        lock = os.open(path / _BUSY, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
        fcntl.flock(lock, fcntl.LOCK_EX)
    try:
        yield Staging(path=path, lock=lock)
    finally:
        os.close(lock)
        if path.exists() and not _is_committed(home, path):
            shutil.rmtree(path, ignore_errors=True)


def commit(home: Home, prepared: Staging, record: Mapping[str, Any]) -> int:
    """Make a release of what was prepared and return its version; numbers never collide.

    Parameters
    ----------
    home
        The store's folder.
    prepared
        The folder with all files of the release except its record.
    record
        Everything that is to be known for ever; version and file hashes are added.
    """
    line = record["line"]
    with releasing(home):
        _finish(home)
        version = _next_version(home, line)
        whole = {
            **record,
            "version": version,
            "ref": f"{line}@v{version}",
            "champion_at_commit": alias_states(home, line)[0].get(CHAMPION),
            "files": _seal(prepared.path),
        }
        path = prepared.path / RECORD_NAME
        _write_once(path, json.dumps(whole, ensure_ascii=False, indent=1, allow_nan=False))
        sync_folder(prepared.path)
        sync_folder(prepared.path.parent)
        audit.append(
            home,
            "release",
            whole["ref"],
            who=record["who"],
            line=line,
            version=version,
            staging=prepared.path.name,
            sha256=sha256(path),
            aliases=list(record["aliases"]),
            override=record["override"],
            reason=record["reason"],
        )
        _finish(home)
    return version


def alias_states(home: Home, line: str) -> tuple[dict[str, int], list[int]]:
    """Return where a line's aliases point, and the champions that led here, the current one last.

    A rollback takes champions off that list, anything else adds to it.
    """
    known = set(version_numbers(home, line))
    points: dict[str, int] = {}
    champions: list[int] = []
    for entry in audit.entries(home):
        details = entry.details
        if details.get("line") != line or entry.action not in {"release", "alias", "rollback"}:
            continue
        version = details.get("version")
        if version is not None and version not in known:
            continue
        for name in details["aliases"]:
            if version is None:
                points.pop(name, None)
            else:
                points[name] = version
        if CHAMPION in details["aliases"]:
            champions = _led_by(champions, version, is_rollback=entry.action == "rollback")
    return points, champions


def point(
    home: Home, line: str, name: str, version: int | None, *, who: str, reason: str, action: str
) -> None:
    """Let an alias point to a version, or to none; the caller holds the lock."""
    audit.append(
        home,
        action,
        f"{line}@{name}",
        who=who,
        line=line,
        version=version,
        aliases=[name],
        reason=reason,
    )
    _mirror(home)


def finish(home: Home) -> None:
    """Finish what a crash left undone, where there is something and the folder can be written."""
    if not home.releases.is_dir() or not os.access(home.releases, os.W_OK):
        return
    is_left = any(not _is_busy(path) for path in home.releases.glob(f"*/{STAGING}*"))
    if is_left or _unmirrored(home):
        with releasing(home):
            _finish(home)


def _finish(home: Home) -> None:
    """Move what was committed into place and clear away what was not; the lock is held."""
    committed = {
        (entry.details["line"], entry.details["staging"]): entry for entry in _releases_in_log(home)
    }
    for path in home.releases.glob(f"*/{STAGING}*"):
        entry = committed.get((path.parent.name, path.name))
        if entry is not None:
            target = version_folder(home, path.parent.name, entry.details["version"])
            if not target.exists() and sha256(path / RECORD_NAME) == entry.details["sha256"]:
                (path / _BUSY).unlink(missing_ok=True)
                path.rename(target)
                sync_folder(target.parent)
        elif not _is_busy(path):
            shutil.rmtree(path, ignore_errors=True)
    _mirror(home)


def _mirror(home: Home) -> None:
    """Write into the ledger what the audit log and the folders have and it has not."""
    ledger = Ledger(home.releases / LEDGER_NAME)
    for kind, item_id, fields in _unmirrored(home):
        ledger.write(kind, item_id, **fields)


def _unmirrored(home: Home) -> list[tuple[str, str, dict[str, Any]]]:
    ledger = Ledger(home.releases / LEDGER_NAME)
    released, aliased = ledger.items("release"), ledger.items("alias")
    missing: list[tuple[str, str, dict[str, Any]]] = []
    for line in line_names(home):
        for version in version_numbers(home, line):
            if f"{line}@v{version}" not in released:
                with suppress(DamagedReleaseError):
                    record = read_record(home, line, version)
                    missing.append(("release", f"{line}@v{version}", _item(record)))
        points, _ = alias_states(home, line)
        known = {
            item["name"]: item["version"]
            for item in aliased.values()
            if item.get("line") == line and item.get("version") is not None
        }
        for name in sorted(points.keys() | known.keys()):
            if points.get(name) != known.get(name):
                fields = {"line": line, "name": name, "version": points.get(name)}
                missing.append(("alias", f"{line}@{name}", fields))
    return missing


def _item(record: Mapping[str, Any]) -> dict[str, Any]:
    names = ("line", "version", "runs", "at", "who", "reason")
    return {
        **{name: record.get(name) for name in names},
        "overridden": bool(record.get("override")),
    }


def _next_version(home: Home, line: str) -> int:
    named = [e.details["version"] for e in _releases_in_log(home) if e.details["line"] == line]
    return max([0, *named, *version_numbers(home, line)]) + 1


def _releases_in_log(home: Home) -> list[audit.Entry]:
    return [entry for entry in audit.entries(home) if entry.action == "release"]


def _is_committed(home: Home, path: Path) -> bool:
    named = {(e.details["line"], e.details["staging"]) for e in _releases_in_log(home)}
    return (path.parent.name, path.name) in named


def _is_busy(path: Path) -> bool:
    """Whether somebody alive is preparing a release there."""
    try:
        descriptor = os.open(path / _BUSY, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def _led_by(champions: list[int], version: int | None, *, is_rollback: bool) -> list[int]:
    if version is None:
        return champions
    if is_rollback and version in champions:
        return champions[: len(champions) - champions[::-1].index(version)]
    return champions if champions and champions[-1] == version else [*champions, version]


def _seal(folder: Path) -> dict[str, str]:
    """Push all files to the disk, take away the right to write them, and return their hashes."""
    sealed: dict[str, str] = {}
    for path in sorted(folder.iterdir()):
        if path.name == _BUSY:
            continue
        with path.open("rb") as file:
            os.fsync(file.fileno())
        path.chmod(0o444)
        sealed[path.name] = sha256(path)
    return sealed


def _write_once(path: Path, text: str) -> None:
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o444)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
