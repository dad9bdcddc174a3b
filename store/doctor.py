"""Looks a store over: what is damaged, what is left behind, and what to do about it.

Codes are stable::

    D01 error    the database cannot be opened          rebuild it from the run folders
    D02 warning  a run is in the database but its folder is gone
    D03 error    a run has other points in the database than in its folder
    F01 error    a run's header cannot be read
    F02 warning  a folder among the runs is no run
    F03 warning  parts of a journal or of an event log are damaged
    F04 error    a sealed file cannot be read
    H01 warning  a hub's address is left behind
    S01 warning  the disk is almost full
"""

import json
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from store.client import hub_facts
from store.errors import NewerStoreError, StoreBusyError, StoreError
from store.events import read_events
from store.journal_reader import read_ended
from store.layout import Home, RunFolder
from store.owner import Owner
from store.sealing import read_sealed, sealed_segments
from store.starting import FORMAT

_LITTLE_SPACE = 1 << 30


class Severity(StrEnum):
    """How much a finding matters."""

    WARNING = "warning"
    """Nothing is lost, something is left behind or was cut."""
    ERROR = "error"
    """Something cannot be read or is not as it should be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that is not as it should be."""

    code: str
    severity: Severity
    subject: str
    """The run, file or folder."""
    message: str
    remedy: str


def examine(home: Home) -> list[Finding]:
    """Return what is wrong with a store; nothing is changed.

    Raises
    ------
    StoreBusyError
        If another process holds the database: stop the hub first.
    NewerStoreError
        If a newer Bakeoff made the store.
    """
    findings = list(_examine_place(home))
    counts: dict[str, int] = {}
    for path in sorted(home.runs.iterdir()) if home.runs.exists() else []:
        files = RunFolder(path)
        found = list(_examine_run(files))
        findings += found
        if not any(finding.severity is Severity.ERROR for finding in found):
            counts[files.id] = _count_points(files)
    return findings + list(_examine_database(home, counts))


def rebuild(home: Home) -> Path | None:
    """Make the database anew from the run folders; return where the old one is kept.

    Raises
    ------
    StoreBusyError
        If another process holds the database.
    """
    kept = None
    if home.database.exists():
        try:
            Owner(home).close()
        except (StoreBusyError, NewerStoreError):
            raise
        except StoreError:
            pass  # it cannot be opened, which is why it is made anew
        kept = home.database.with_name(f"store-{time.strftime('%Y%m%d-%H%M%S')}.duckdb.bak")
        home.database.replace(kept)
        for leftover in home.path.glob("store.duckdb.*"):
            if leftover.name == "store.duckdb.wal":
                leftover.replace(kept.with_name(f"{kept.name}.wal"))
    owner = Owner(home)
    owner.drain()
    owner.close()
    return kept


def _examine_place(home: Home) -> Iterator[Finding]:
    if home.hub.exists() and hub_facts(home) is None:
        yield Finding(
            code="H01",
            severity=Severity.WARNING,
            subject=str(home.hub),
            message="The address of a hub that is gone.",
            remedy="None needed: the next hub replaces it.",
        )
    free = shutil.disk_usage(home.path).free
    if free < _LITTLE_SPACE:
        yield Finding(
            code="S01",
            severity=Severity.WARNING,
            subject=str(home.path),
            message=f"Only {free >> 20} MiB are free.",
            remedy="Make space: without it points wait in memory.",
        )


def _examine_run(files: RunFolder) -> Iterator[Finding]:
    if not files.header.exists():
        yield Finding(
            code="F02",
            severity=Severity.WARNING,
            subject=files.id,
            message="This folder has no run.json: no run, or one that died before it began.",
            remedy="Delete it if you do not know it.",
        )
        return
    yield from _examine_header(files)
    _, _, damaged_lines = read_events(files.events, 0, limit=None)
    if damaged_lines:
        yield _damage(files.id, f"{damaged_lines} lines of {files.events.name}")
    for path in files.segments():
        damaged = max(position.damaged for _, position in read_ended(path))
        if damaged:
            yield _damage(files.id, f"{damaged} bytes of {path.name}")
    try:
        if files.sealed.exists():
            read_sealed(files)
    except (OSError, ValueError) as error:
        yield Finding(
            code="F04",
            severity=Severity.ERROR,
            subject=files.id,
            message=f"{files.sealed.name} cannot be read: {error}",
            remedy="Restore it from a backup; the database still has its points.",
        )


def _examine_header(files: RunFolder) -> Iterator[Finding]:
    message = None
    try:
        header = json.loads(files.header.read_text(encoding="utf-8"))
        if header["format"] > FORMAT:
            message = f"It has format {header['format']}; this Bakeoff knows {FORMAT}."
    except (OSError, ValueError, KeyError, TypeError) as error:
        message = f"run.json cannot be read: {error}"
    if message:
        yield Finding(
            code="F01",
            severity=Severity.ERROR,
            subject=files.id,
            message=message,
            remedy="Restore run.json from a backup, or update Bakeoff.",
        )


def _examine_database(home: Home, counts: dict[str, int]) -> Iterator[Finding]:
    """Compare the database with the points that each run's folder has."""
    try:
        owner = Owner(home)
    except (StoreBusyError, NewerStoreError):
        raise
    except StoreError as error:
        yield Finding(
            code="D01",
            severity=Severity.ERROR,
            subject=str(home.database),
            message=str(error),
            remedy="Make it anew: bakeoff doctor --rebuild. The run folders have everything.",
        )
        return
    try:
        owner.drain()
        rows = owner.ask("points_of_runs").to_pylist()
    finally:
        owner.close()
    for row in rows:
        run_id, n = row["run_id"], row["n"]
        if not home.run(run_id).header.exists():
            yield Finding(
                code="D02",
                severity=Severity.WARNING,
                subject=run_id,
                message="It is in the database, but its folder is gone.",
                remedy="Bring the folder back, or forget it: bakeoff doctor --rebuild.",
            )
        elif run_id in counts and counts[run_id] != n:
            yield Finding(
                code="D03",
                severity=Severity.ERROR,
                subject=run_id,
                message=f"The database has {n} points, the folder {counts[run_id]}.",
                remedy="Make the database anew: bakeoff doctor --rebuild.",
            )


def _count_points(files: RunFolder) -> int:
    sealed = sealed_segments(files)
    count = read_sealed(files).num_rows if files.sealed.exists() else 0
    for path in files.segments():
        if path.name not in sealed:
            for blocks, _ in read_ended(path):
                count += sum(block.values.size for block in blocks)
    return count


def _damage(run_id: str, what: str) -> Finding:
    return Finding(
        code="F03",
        severity=Severity.WARNING,
        subject=run_id,
        message=f"{what} are damaged and were left out; the rest is there.",
        remedy="None: a power cut or a broken disk took them.",
    )
