"""Looks a store over: what is damaged, what is left behind, and what to do about it.

`examine` changes nothing but what every look does: new points are taken in. `repair` does what
the findings say that it would. The codes are in `store.findings`.
"""

import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from store import artifacts, releases
from store.backup import backups, older_version
from store.errors import NewerStoreError, StoreBusyError, StoreError
from store.events import read_events
from store.findings import Finding, Severity
from store.hub_address import hub_facts
from store.layout import Home, RunFolder
from store.ledger import ledgers
from store.owner import Owner
from store.run_examination import Checksums, damage, examine_run

_LITTLE_SPACE = 1 << 30


def examine(home: Home) -> list[Finding]:
    """Return what is wrong with a store.

    Raises
    ------
    StoreBusyError
        If another process holds the database: stop the hub first.
    NewerStoreError
        If a newer Bakeoff made the store.
    HomeNotWritableError
        If the folder cannot be written.
    """
    home.create()  # says so where nothing can be written
    findings = [*_examine_place(home), *_examine_shared(home)]
    counts: dict[str, int] = {}
    checksums = Checksums()
    for path in sorted(home.runs.iterdir()) if home.runs.exists() else []:
        found, count = examine_run(RunFolder(path), checksums)
        findings += found
        if count is not None:
            counts[path.name] = count
    damaged = {finding.subject for finding in findings if finding.code == "F03"}
    return findings + list(_examine_database(home, counts, damaged))


def repair(home: Home, findings: Sequence[Finding]) -> list[Finding]:
    """Do what the findings say about themselves in `fix`; return those that were put right.

    Raises
    ------
    StoreBusyError
        If another process holds the database.
    """
    chosen = [finding for finding in findings if finding.fix]
    of_code: dict[str, list[str]] = {}
    for finding in chosen:
        of_code.setdefault(finding.code, []).append(finding.subject)
    if "H01" in of_code:
        home.hub.unlink(missing_ok=True)
    if "A03" in of_code:
        artifacts.sweep(home)
    for name in of_code.get("F02", ()):
        with suppress(OSError):
            home.run(name).path.rmdir()
    if wrong := [*of_code.get("D02", ()), *of_code.get("D03", ())]:
        owner = Owner(home)
        try:
            owner.forget(wrong)
            owner.drain()
        finally:
            owner.close()
    return chosen


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
            fix="remove it",
        )
    free = shutil.disk_usage(home.path).free
    if free < _LITTLE_SPACE:
        yield Finding(
            code="S01",
            severity=Severity.WARNING,
            subject=str(home.path),
            message=f"Only {free >> 20} MiB are free.",
            remedy="Make space: without it points wait in memory. See `bakeoff gc --dry-run`.",
        )
    if kept := backups(home):
        size = sum(path.stat().st_size for path in kept)
        yield Finding(
            code="V02",
            severity=Severity.NOTE,
            subject=", ".join(path.name for path in kept),
            message=f"Old databases are kept, {size >> 20} MiB of them.",
            remedy="When the store is well, delete them: bakeoff gc --backups.",
        )


def _examine_shared(home: Home) -> Iterator[Finding]:
    """Look at what belongs to no run: ledgers, the audit log, artifacts without a run."""
    for path in ledgers(home):
        _, _, damaged_lines = read_events(path, 0, limit=None)
        if damaged_lines:
            name = path.relative_to(home.path).as_posix()
            yield damage(name, f"{damaged_lines} lines")
    for problem in releases.problems_of(home):
        yield Finding(
            code="L01",
            severity=Severity.ERROR,
            subject=str(home.releases),
            message=problem,
            remedy="Somebody changed the log by hand, or the disk did: compare with a backup.",
        )
    if left := artifacts.orphans(home):
        size = sum(path.stat().st_size for path in left)
        yield Finding(
            code="A03",
            severity=Severity.WARNING,
            subject=str(home.artifacts),
            message=f"{len(left)} files that no run has any more, {size >> 20} MiB.",
            remedy="Delete them: bakeoff gc.",
            fix="delete them",
        )


def _examine_database(home: Home, counts: dict[str, int], damaged: set[str]) -> Iterator[Finding]:
    """Compare the database with the points that each run's folder has."""
    if version := older_version(home):
        yield Finding(
            code="V01",
            severity=Severity.NOTE,
            subject=str(home.database),
            message=f"An older Bakeoff made the database (version {version} of its tables).",
            remedy="None needed: the next command that opens it keeps a copy and brings it up "
            "to date. Run doctor again then: its rows were not looked at.",
        )
        return
    try:
        owner = Owner(home)
    except (StoreBusyError, NewerStoreError):
        raise
    except StoreError as error:
        yield _unreadable(home, error)
        return
    try:
        owner.drain()
        rows = owner.ask("points_of_runs").to_pylist()
    except StoreError as error:
        yield _unreadable(home, error)
        return
    finally:
        owner.close()
    for row in rows:
        run_id, count, expected = row["run_id"], row["n"], counts.get(row["run_id"])
        if not home.run(run_id).header.exists():
            yield _without_folder(run_id)
        elif expected is not None and expected != count:
            yield _other_points(run_id, count, expected, is_damaged=run_id in damaged)


def _without_folder(run_id: str) -> Finding:
    return Finding(
        code="D02",
        severity=Severity.WARNING,
        subject=run_id,
        message="It is in the database, but its folder is gone.",
        remedy="Bring the folder back, or forget the run.",
        fix="take it out of the database",
    )


def _other_points(run_id: str, count: int, expected: int, *, is_damaged: bool) -> Finding:
    remedy = "Take the run in anew from its folder."
    if is_damaged:
        remedy = "Restore the folder from a backup: the database has what the folder lost."
    return Finding(
        code="D03",
        severity=Severity.ERROR,
        subject=run_id,
        message=f"The database has {count} points, the folder {expected}.",
        remedy=remedy,
        fix="" if is_damaged else "take it in anew from its folder",
    )


def _unreadable(home: Home, error: Exception) -> Finding:
    return Finding(
        code="D01",
        severity=Severity.ERROR,
        subject=str(home.database),
        message=str(error),
        remedy="Make it anew: bakeoff doctor --rebuild. The run folders have everything.",
    )
