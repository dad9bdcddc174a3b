"""Reports: named sequences of texts and panels, one JSON file each in the store's folder."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal, Self
from urllib.parse import parse_qs, urlsplit

from dashboard import data
from experiments.errors import UsageError
from store.errors import HomeNotWritableError
from store.layout import write_json

PAGES: Final = ("curves", "compare", "runs", "sql")
"""Pages whose state can become a panel."""
MOST_BLOCKS: Final = 100
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9 _-]{0,79}")
_MOST_TEXT, _MOST_BYTES = 20_000, 4_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A text, or a panel: the state of a page."""

    kind: Literal["text", "panel"]
    text: str = ""
    """Markdown; of a panel its heading."""
    page: str = ""
    query: Mapping[str, Sequence[str]] = field(default_factory=dict)

    @classmethod
    def of(cls, values: Any) -> Self | None:
        """Return a block from plain values; None for what is none."""
        if not isinstance(values, dict) or values.get("kind") not in {"text", "panel"}:
            return None
        query = values.get("query")
        plain = query if isinstance(query, dict) else {}
        page = str(values.get("page") or "")
        if values["kind"] == "panel" and page not in PAGES:
            return None
        return cls(
            kind=values["kind"],
            text=str(values.get("text") or "")[:_MOST_TEXT],
            page=page,
            query={str(k): [str(i) for i in v] for k, v in plain.items() if isinstance(v, list)},
        )

    def values(self) -> dict[str, Any]:
        """Return plain values that `of` reads."""
        query = {key: list(items) for key, items in self.query.items()}
        return {"kind": self.kind, "text": self.text, "page": self.page, "query": query}

    def first(self, name: str) -> str:
        """Return a parameter of the panel's page; empty if it has none."""
        return next(iter(self.query.get(name, ())), "")


def names() -> list[str]:
    """Return the names of the reports, in alphabetical order."""
    return sorted(path.stem for path in _folder().glob("*.json") if _NAME.fullmatch(path.stem))


def read(name: str) -> list[Block] | None:
    """Return a report's blocks; None if there is no such report."""
    if not _NAME.fullmatch(name):
        return None
    try:
        with (_folder() / f"{name}.json").open("rb") as file:
            values = json.loads(file.read(_MOST_BYTES))
    except (OSError, ValueError):
        return None
    listed = values.get("blocks") if isinstance(values, dict) else None
    found = [Block.of(one) for one in listed] if isinstance(listed, list) else []
    return [block for block in found if block is not None]


def write(name: str, blocks: Sequence[Block]) -> None:
    """Save a report.

    Raises
    ------
    UsageError
        If the name cannot be a file's name in its folder, or it would grow too long.
    store.HomeNotWritableError
        If the disk refuses it.
    """
    path = _folder() / f"{check_name(name)}.json"
    if len(blocks) > MOST_BLOCKS:
        raise UsageError(f"Expected at most {MOST_BLOCKS} parts; got {len(blocks)}. Split it.")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_json(path, {"format": 1, "blocks": [block.values() for block in blocks]})
    except OSError as error:
        raise HomeNotWritableError(
            f"Expected a folder that can be written; got {path.parent} ({error.strerror}). "
            "Is the disk full, or the folder read-only?"
        ) from error


def create(name: str) -> None:
    """Make an empty report.

    Raises
    ------
    UsageError
        If the name will not do or is taken.
    """
    if read(check_name(name)) is not None:
        raise UsageError(f"Expected a new name; got {name!r}, which is taken. Choose another.")
    write(name, [Block(kind="text", text=f"## {name}\n\nWhat this report shows, and why.")])


def delete(name: str) -> None:
    """Remove a report; one that is gone already is no error."""
    (_folder() / f"{check_name(name)}.json").unlink(missing_ok=True)


def add(name: str, block: Block) -> None:
    """Add a block to the end of a report; a new one is made if there is none."""
    write(name, [*(read(name) or []), block])


def check_name(name: str) -> str:
    """Return a report's name.

    Raises
    ------
    UsageError
        If it cannot be a file's name that stays in its folder.
    """
    if not _NAME.fullmatch(name):
        raise UsageError(
            "Expected a report's name of at most 80 letters, digits, blanks, '_' or '-', starting "
            f"with a letter or digit; got {name[:80]!r}. Choose another."
        )
    return name


def panel(address: str, heading: str = "") -> Block:
    """Return the panel that an address of this dashboard stands for.

    Raises
    ------
    UsageError
        If it is none of a page that can be a panel.
    """
    parts = urlsplit(address.strip())
    page = parts.path.rstrip("/").rpartition("/")[2]
    if page not in PAGES:
        raise UsageError(
            f"Expected the address of one of the pages {', '.join(PAGES)}; got {address[:80]!r}. "
            "Copy it from the browser."
        )
    return Block(kind="panel", text=heading, page=page, query=parse_qs(parts.query))


def _folder() -> Path:
    return Path(data.home()) / "reports"
