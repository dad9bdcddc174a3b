"""What the Run page says beyond numbers: its family, what changed, its files. Pure."""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from dashboard import formats, markup
from dashboard.comparing import IDENTITY
from dashboard.markup import Markup, element

MOST_FILES: Final = 2_000
_KINDS: Final[dict[str, str]] = {
    **dict.fromkeys((".png", ".jpg", ".jpeg", ".gif", ".webp"), "image"),
    **dict.fromkeys((".csv", ".tsv", ".parquet"), "table"),
    **dict.fromkeys(
        (".txt", ".log", ".json", ".jsonl", ".yaml", ".yml", ".md", ".py", ".diff", ".toml"), "text"
    ),
}
Preview = Literal["image", "table", "text", "none"]


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """A file of a run."""

    name: str
    """Its path inside the run's folder."""
    size_bytes: int
    changed: float
    preview: Preview


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """A setting that two runs do not share."""

    key: str
    before: Any
    after: Any


def files(folder: Path) -> list[File]:
    """Return the files of a run, links that lead out of its folder left out, at most 2,000."""
    root = folder.resolve()
    found = []
    for path in _walk(root):
        info = path.stat()
        preview = _KINDS.get(path.suffix.lower(), "none")
        found.append(
            File(
                name=str(path.relative_to(root)),
                size_bytes=info.st_size,
                changed=info.st_mtime,
                preview=preview,  # type: ignore[arg-type]
            )
        )
        if len(found) == MOST_FILES:
            break
    return found


def size(num_bytes: int) -> str:
    """Return a file's size as people read it."""
    value = float(num_bytes)
    for unit in ("B", "kB", "MB", "GB"):
        if value < 1000 or unit == "GB":
            return f"{value:.0f} {unit}" if unit == "B" or value >= 100 else f"{value:.1f} {unit}"
        value /= 1000
    return formats.DASH


def parents(record: Mapping[str, Any]) -> list[str]:
    """Return the ids of the runs that a run grew from."""
    cloned = (record.get("labels") or {}).get("cloned_from")
    return list(dict.fromkeys([*(record.get("parents") or []), *([cloned] if cloned else [])]))


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Difference]:
    """Return the parameters that differ; what a run is called does not count."""
    keys = [key for key in dict.fromkeys([*after, *before]) if key not in IDENTITY]
    return [
        Difference(key=key, before=before.get(key), after=after.get(key))
        for key in keys
        if before.get(key) != after.get(key)
    ]


def facts_that_changed(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Difference]:
    """Return what changed around a run: its code, its data, the machine, the packages."""

    def facts(record: Mapping[str, Any]) -> dict[str, Any]:
        git = record.get("git") or {}
        packages = record.get("packages") or {}
        return {
            "commit": (git.get("commit") or "")[:12] or None,
            "uncommitted changes": git.get("dirty"),
            "data hash": record.get("data_hash"),
            "host": record.get("host"),
            "device": record.get("device"),
            "Python": record.get("python"),
            **{f"{name} (package)": packages.get(name) for name in sorted(packages)},
        }

    old, new = facts(before), facts(after)
    return [
        Difference(key=key, before=old.get(key), after=new.get(key))
        for key in dict.fromkeys([*new, *old])
        if old.get(key) != new.get(key)
    ]


def differences_table(rows: Sequence[Difference], before: str, after: str) -> Markup:
    """Return settings that differ as a table."""
    head = [element("th", name, scope="col") for name in ("Setting", before, after)]
    body = [
        element(
            "tr",
            element("th", row.key, scope="row"),
            element("td", formats.value(row.before), cls="wrap"),
            element("td", element("b", formats.value(row.after)), cls="wrap"),
        )
        for row in rows
    ]
    return markup.table(head, body, label=f"What differs between {before} and {after}")


def family_table(rows: Sequence[Mapping[str, Any]], timezone: str | None) -> Markup:
    """Return runs of a family as a table; ``relation`` says how each is related."""
    names = ("Run", "Relation", "Status", "Model", "Seed", "Started")
    head = [element("th", name, scope="col") for name in names]
    body = [
        element(
            "tr",
            element("td", markup.run_link(row["run_id"], row["name"] or row["run_id"])),
            element("td", row["relation"]),
            element("td", markup.status(row["status"])),
            element("td", row["model"] or formats.DASH),
            element("td", formats.value(row["seed"]), data_label="seed"),
            element(
                "td",
                markup.moment(formats.moment(row["created_at"], timezone), row["created_at"]),
            ),
        )
        for row in rows
    ]
    return markup.table(head, body, label="Related runs", stacks=True)


def _walk(root: Path) -> Iterator[Path]:
    for folder, folders, names in os.walk(root):
        folders.sort()
        for name in sorted(names):
            path = Path(folder) / name
            if path.is_file() and path.resolve().is_relative_to(root) and name[0] != ".":
                yield path
