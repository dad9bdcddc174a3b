"""What changed from one run to another: configuration, code, packages, data, machine."""

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

Area = Literal["configuration", "code", "packages", "data", "machine"]
AREAS: Final[tuple[Area, ...]] = ("configuration", "code", "packages", "data", "machine")
_IDENTITY: Final = frozenset({"name", "project", "group", "notes", "tags"})
_DIFF_FILE: Final = "code.diff"
_MOST_DIFF: Final = 4_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One thing that is not the same."""

    area: Area
    what: str
    before: Any
    """of the baseline; None: it has no such thing"""
    after: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """Everything that is not the same."""

    changes: tuple[Change, ...]
    code: str
    """unified difference of the two runs' uncommitted changes; empty where there is none"""

    def of(self, area: Area) -> tuple[Change, ...]:
        """Return the changes of one area."""
        return tuple(change for change in self.changes if change.area == area)

    def sentence(self) -> str:
        """Say in one line what kind of change it is."""
        counts = {area: len(self.of(area)) for area in AREAS}
        told = [f"{count} in {area}" for area, count in counts.items() if count]
        if not told:
            return "Nothing that was recorded differs."
        settings = self.of("configuration")
        only = settings[0].what if len(settings) == 1 and len(told) == 1 else ""
        if only == "seed":
            return "Only the seed differs."
        if only:
            return f"Only {only} differs."
        return f"{sum(counts.values())} things differ: {', '.join(told)}."


def changed(
    before: Mapping[str, Any],
    after: Mapping[str, Any],
    *,
    folders: tuple[Path, Path] | None = None,
) -> Changes:
    """Compare two runs' records.

    Parameters
    ----------
    before, after
        What `store.Store.run` returns; `before` is the baseline.
    folders
        The runs' folders, where their uncommitted changes lie.
    """
    found = [
        *_different("configuration", _settings(before), _settings(after)),
        *_different("code", _code(before), _code(after)),
        *_different("packages", before.get("packages") or {}, after.get("packages") or {}),
        *_different("data", _data(before), _data(after)),
        *_different("machine", _machine(before), _machine(after)),
    ]
    return Changes(changes=tuple(found), code=_code_difference(folders) if folders else "")


def _different(area: Area, before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Change]:
    return [
        Change(area=area, what=key, before=before.get(key), after=after.get(key))
        for key in dict.fromkeys([*before, *after])
        if before.get(key) != after.get(key)
    ]


def _settings(record: Mapping[str, Any]) -> dict[str, Any]:
    params = {key: v for key, v in (record.get("params") or {}).items() if key not in _IDENTITY}
    if "seed" not in params and record.get("seed") is not None:
        params["seed"] = record["seed"]
    return params


def _code(record: Mapping[str, Any]) -> dict[str, Any]:
    git = record.get("git") or {}
    return {
        "commit": git.get("commit"),
        "branch": git.get("branch"),
        "uncommitted changes": git.get("dirty"),
    }


def _data(record: Mapping[str, Any]) -> dict[str, Any]:
    data = record.get("data") or {}
    found: dict[str, Any] = {"hash": record.get("data_hash"), "source": data.get("source")}
    for group, name in (("sizes", "size"), ("hashes", "hash")):
        for split, value in (data.get(group) or {}).items():
            found[f"{name} of {split}"] = value
    return found


def _machine(record: Mapping[str, Any]) -> dict[str, Any]:
    keys = ("host", "device", "python", "platform", "cpus")
    return {key: record.get(key) for key in keys}


def _code_difference(folders: tuple[Path, Path]) -> str:
    texts = [_uncommitted(folder) for folder in folders]
    if texts[0] == texts[1]:
        return ""
    lines = difflib.unified_diff(
        texts[0].splitlines(), texts[1].splitlines(), "baseline", "candidate", lineterm="", n=1
    )
    shown = []
    for count, line in enumerate(lines):
        if count >= _MOST_DIFF:
            shown.append(f"... more than {_MOST_DIFF:,} lines")
            break
        shown.append(line)
    return "\n".join(shown)


def _uncommitted(folder: Path) -> str:
    try:
        return (folder / _DIFF_FILE).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
