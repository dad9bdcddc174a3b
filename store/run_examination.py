"""Looks one run's folder over, reading each file once."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from store import artifacts
from store.events import read_events
from store.findings import Finding, Severity
from store.journal_reader import read_ended
from store.layout import RunFolder
from store.sealing import read_sealed, sealed_segments
from store.starting import FORMAT

_SLACK_US = 2_000_000


@dataclass(slots=True)
class Checksums:
    """SHA-256 of files, each content read once however many runs have it."""

    _known: dict[tuple[int, int], str] = field(default_factory=dict)

    def of(self, path: Path) -> str:
        """Return a file's checksum."""
        facts = path.stat()
        key = (facts.st_dev, facts.st_ino)
        if key not in self._known:
            self._known[key] = artifacts.sha256(path)
        return self._known[key]


def examine_run(files: RunFolder, checksums: Checksums) -> tuple[list[Finding], int | None]:
    """Return what is wrong with a run's folder, and how many points it has, if that is known."""
    if not files.header.exists():
        return [_no_run(files)], None
    findings = list(_examine_header(files))
    events, _, damaged_lines = read_events(files.events, 0, limit=None)
    if damaged_lines:
        findings.append(damage(files.id, f"{damaged_lines} lines of {files.events.name}"))
    findings += _examine_artifacts(files, events, checksums)
    try:
        count, segments = _count_sealed(files)
    except (OSError, ValueError) as error:
        sealed = Finding(
            code="F04",
            severity=Severity.ERROR,
            subject=files.id,
            message=f"{files.sealed.name} cannot be read: {error}",
            remedy="Restore it from a backup; the database still has its points.",
        )
        return [*findings, sealed], None
    for path in files.segments():
        damaged = 0
        for blocks, position in read_ended(path):
            damaged = max(damaged, position.damaged)
            if path.name not in segments:
                count += sum(block.values.size for block in blocks)
        if damaged:
            findings.append(damage(files.id, f"{damaged} bytes of {path.name}"))
    is_known = not any(finding.severity is Severity.ERROR for finding in findings)
    return findings, count if is_known else None


def damage(subject: str, what: str) -> Finding:
    """Return the finding of parts that were left out."""
    return Finding(
        code="F03",
        severity=Severity.WARNING,
        subject=subject,
        message=f"{what} are damaged and were left out; the rest is there.",
        remedy="None: a power cut or a broken disk took them.",
    )


def _no_run(files: RunFolder) -> Finding:
    is_empty = files.path.is_dir() and not any(files.path.iterdir())
    return Finding(
        code="F02",
        severity=Severity.WARNING,
        subject=files.id,
        message="This folder has no run.json: no run, or one that died before it began.",
        remedy="Delete it if you do not know it.",
        fix="remove the empty folder" if is_empty else "",
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


def _count_sealed(files: RunFolder) -> tuple[int, set[str]]:
    """Return how many points the sealed file has, and which segments they come from."""
    if not files.sealed.exists():
        return 0, set()
    return read_sealed(files).num_rows, set(sealed_segments(files))


def _examine_artifacts(
    files: RunFolder, events: list[dict[str, Any]], checksums: Checksums
) -> Iterator[Finding]:
    """Compare each artifact with what was said of it last."""
    said = {event.get("path"): event for event in events if event["kind"] == "artifact"}
    dropped = {event.get("name") for event in events if event["kind"] == "dropped"}
    for name, event in said.items():
        if not isinstance(name, str) or name.split("/")[0] in dropped:
            continue
        path = (files.path / name).resolve()
        if not path.is_relative_to(files.path.resolve()) or not path.is_file():
            yield Finding(
                code="A02",
                severity=Severity.WARNING,
                subject=files.id,
                message=f"The artifact {name} is gone.",
                remedy="Bring it back from a backup; the run's record still names it.",
            )
        elif checksums.of(path) != event.get("sha256"):
            yield _changed(files, name, path, event)


def _changed(files: RunFolder, name: str, path: Path, event: dict[str, Any]) -> Finding:
    was_written = path.stat().st_mtime_ns // 1000 > event.get("at_us", 0) + _SLACK_US
    return Finding(
        code="A01",
        severity=Severity.WARNING if was_written else Severity.ERROR,
        subject=files.id,
        message=f"The artifact {name} "
        + ("was written again after it was registered." if was_written else "is damaged."),
        remedy="Register it again if that was meant: run.log_artifact()."
        if was_written
        else "Restore it from a backup: its content is not what was registered.",
    )
