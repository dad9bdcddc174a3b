"""A release as it is on record."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from experiments.releasing.gate_case import GateResult
from experiments.releasing.release_bundle import BUNDLE
from experiments.releasing.release_files import ReleaseError
from store.layout import Home
from store.releases import read_record, version_folder


class ReleaseBlockedError(ReleaseError):
    """Gates are not passed, and nobody wrote why that should not matter.

    Attributes
    ----------
    results : tuple of GateResult
        All gates.
    """

    def __init__(self, results: Sequence[GateResult]) -> None:
        self.results = tuple(results)
        closed = [result for result in results if result.passed is not True]
        told = (
            f"Expected all gates to be passed; {len(closed)} of {len(results)} are not. "
            "Settle them, or override them with a written reason."
        )
        lines = [f"{one.gate} ({one.word}): {one.reason}" for one in closed]
        super().__init__("\n".join([told, *lines]))


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """A released version of a model line."""

    line: str
    version: int
    runs: tuple[str, ...]
    """the first is the released checkpoint"""
    at: str
    """UTC, ISO 8601"""
    who: str
    reason: str
    override: str | None
    """why gates that were not passed did not matter; None if all were"""
    gates: tuple[GateResult, ...]
    record: Mapping[str, Any]
    """all of ``release.json``"""
    folder: Path

    @property
    def ref(self) -> str:
        """Its name: ``digits@v3``."""
        return f"{self.line}@v{self.version}"

    @property
    def bundle(self) -> Path | None:
        """The exported model, if it was exported."""
        path = self.folder / BUNDLE
        return path if path.exists() else None


def load(home: Home, line: str, version: int) -> Release:
    """Return a release of a line.

    Raises
    ------
    ReleaseError
        If its record cannot be read or is not complete.
    """
    record = read_record(home, line, version)
    try:
        return Release(
            line=line,
            version=version,
            runs=tuple(record["runs"]),
            at=record["at"],
            who=record["who"],
            reason=record["reason"],
            override=record["override"],
            gates=tuple(GateResult(**gate) for gate in record["gates"]),
            record=record,
            folder=version_folder(home, line, version),
        )
    except (KeyError, TypeError) as error:
        raise ReleaseError(
            f"Expected the record of {line}@v{version} to be complete; got one without {error}. "
            "Restore it from a backup."
        ) from error
