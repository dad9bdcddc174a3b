"""The audit log of releases: append-only, each entry holding the SHA-256 of the one before.

``releases/audit.jsonl`` is the log, ``releases/audit.head`` how far it is known to reach. Changing,
removing or reordering entries breaks the chain; cutting the end off contradicts the head. Whoever
can write every file can write a new chain: copy the head's hash elsewhere to notice that as well.
"""

import fcntl
import getpass
import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from store.errors import HomeNotWritableError, StoreError
from store.layout import Home, write_json

GENESIS: Final = "0" * 64
_FIELDS: Final = ("n", "at", "who", "action", "subject", "details", "previous", "hash")


class AuditError(StoreError):
    """The audit log was changed, so nothing may be added to it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One thing that somebody did."""

    n: int
    """counted from 1"""
    at: str
    """UTC, ISO 8601"""
    who: str
    action: str
    """``release``, ``rollback``, ``alias``, ``policy``, ``card``, ..."""
    subject: str
    """what it was done to: ``digits@v3``"""
    details: Mapping[str, Any]
    previous: str
    """hash of the entry before"""
    hash: str
    """SHA-256 of all of the above"""


def append(
    home: Home, action: str, subject: str, *, who: str | None = None, **details: Any
) -> Entry:
    """Write one entry behind the last; it is on the disk when this returns.

    A last line that a crash cut short was never acknowledged and gives way.

    Raises
    ------
    AuditError
        If the last entry is not what its hash says, or entries are missing at the end.
    HomeNotWritableError
        If the disk refuses it.
    """
    path = _log(home)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            return _append_locked(home, descriptor, action, subject, who or _user(), details)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise HomeNotWritableError(
            f"Expected a file that can be written; got {path} ({error.strerror}). "
            "Is the disk full, or the folder read-only?"
        ) from error


def entries(home: Home) -> tuple[Entry, ...]:
    """Return all entries that can be read, oldest first, whether their hashes are right or not."""
    found = (_parse(line) for line in _lines(home))
    return tuple(entry for entry in found if entry is not None)


def head(home: Home) -> tuple[int, str]:
    """Return number and hash of the last entry that is known to have been written."""
    try:
        known = json.loads(_head(home).read_text(encoding="utf-8"))
        return int(known["n"]), str(known["hash"])
    except FileNotFoundError:
        return 0, GENESIS
    except (OSError, ValueError, KeyError, TypeError):
        return -1, ""


def verify(home: Home) -> list[str]:
    """Return what is wrong with the log, one sentence each; nothing if it is whole."""
    problems: list[str] = []
    previous, count = GENESIS, 0
    hashes = {0: GENESIS}
    for number, line in enumerate(_lines(home), start=1):
        entry = _parse(line)
        if entry is None:
            problems.append(f"Entry {number} of the audit log cannot be read.")
            break
        if entry.n != number or entry.previous != previous:
            problems.append(
                f"Entry {number} of the audit log does not follow the one before: "
                "an entry was removed, added or moved."
            )
            break
        if digest(_content(entry)) != entry.hash:
            problems.append(
                f"Entry {number} of the audit log ({entry.action} {entry.subject}) was changed."
            )
            break
        previous, count = entry.hash, number
        hashes[number] = entry.hash
    known, known_hash = head(home)
    if known < 0:
        problems.append(f"The end of the audit log is not known: {_head(home)} cannot be read.")
    elif not problems and (known > count or hashes[known] != known_hash):
        problems.append(
            f"The audit log ends with entry {count}, but entry {known} had been written: "
            "its end was cut off or replaced."
        )
    return problems


def digest(value: Any) -> str:
    """Return the SHA-256 of a value's one and only JSON text."""
    text = json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _append_locked(  # noqa: PLR0917  # one call, right above
    home: Home, descriptor: int, action: str, subject: str, who: str, details: dict[str, Any]
) -> Entry:
    content = os.pread(descriptor, os.fstat(descriptor).st_size, 0)
    end = content.rfind(b"\n") + 1
    lines = content[:end].splitlines()
    last = _parse(lines[-1]) if lines else None
    known, known_hash = head(home)
    is_sound = not lines or (last is not None and digest(_content(last)) == last.hash)
    if (
        not is_sound
        or known > len(lines)
        or (known == len(lines) and last and last.hash != known_hash)
    ):
        raise AuditError(
            f"Expected an audit log that nobody changed; got {_log(home)}, whose end is not what "
            "was written. See what is wrong: bakeoff doctor."
        )
    fields: dict[str, Any] = {
        "n": len(lines) + 1,
        "at": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "who": who,
        "action": action,
        "subject": subject,
        "details": json.loads(json.dumps(details, allow_nan=False)),
        "previous": last.hash if last else GENESIS,
    }
    fields["hash"] = digest(fields)
    line = json.dumps(fields, ensure_ascii=False).encode("utf-8", "surrogatepass") + b"\n"
    if end != len(content):
        os.ftruncate(descriptor, end)
    if os.pwrite(descriptor, line, end) != len(line):
        os.ftruncate(descriptor, end)
        raise OSError(28, os.strerror(28), str(_log(home)))
    os.fsync(descriptor)
    write_json(_head(home), {"n": fields["n"], "hash": fields["hash"]})
    return Entry(**{**fields, "details": MappingProxyType(fields["details"])})


def _lines(home: Home) -> list[bytes]:
    try:
        content = _log(home).read_bytes()
    except FileNotFoundError:
        return []
    return content[: content.rfind(b"\n") + 1].splitlines()


def _parse(line: bytes) -> Entry | None:
    try:
        fields = json.loads(line)
        details = MappingProxyType(dict(fields["details"]))
        return Entry(
            **{name: fields[name] for name in _FIELDS if name != "details"}, details=details
        )
    except (ValueError, KeyError, TypeError):
        return None


def _content(entry: Entry) -> dict[str, Any]:
    fields = {name: getattr(entry, name) for name in _FIELDS if name != "hash"}
    return {**fields, "details": dict(entry.details)}


def _log(home: Home) -> Path:
    return home.releases / "audit.jsonl"


def _head(home: Home) -> Path:
    return home.releases / "audit.head"


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return "unknown"
