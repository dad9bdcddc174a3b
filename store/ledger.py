"""Ledgers: append-only logs of what belongs to the store and not to one run.

Jobs, studies with their trials, releases. A line names a thing by kind and id and says some of its
fields; folding the lines, the last word on each field wins. Whoever has the file has everything:
the database's table ``item`` is the same, kept by the owner for questions.
"""

import threading
import time
from pathlib import Path
from typing import Any

from store.errors import HomeNotWritableError
from store.events import append_lines, read_events
from store.layout import Home
from store.values import to_json

LEDGER_NAME = "events.jsonl"

Fields = dict[str, Any]
Items = dict[tuple[str, str], Fields]
"""(kind, id) -> fields, ``created_us`` and ``changed_us`` among them."""


class Ledger:
    """One ledger: any process may append; this object reads on from where it was.

    Parameters
    ----------
    path
        The file; made, with its folder, at the first `write`.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset = 0
        self._items: Items = {}
        self._lock = threading.Lock()

    def write(self, kind: str, item_id: str, **fields: Any) -> None:
        """Say something of a thing; it is on the disk when this returns.

        Raises
        ------
        HomeNotWritableError
            If the disk refuses it; nothing was written then.
        """
        line = to_json({"kind": kind, "at_us": time.time_ns() // 1000, "id": item_id, **fields})
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            append_lines(self._path, [line.encode()], sync=True)
        except OSError as error:
            raise HomeNotWritableError(
                f"Expected a file that can be written; got {self._path}. Is the disk full, or the "
                "folder read-only?"
            ) from error

    def items(self, kind: str) -> dict[str, Fields]:
        """Return all things of a kind by id, in order of creation, with what is new taken in."""
        with self._lock:
            self._read_on()
            return {name: dict(body) for (of, name), body in self._items.items() if of == kind}

    def item(self, kind: str, item_id: str) -> Fields | None:
        """Return one thing, or None if nothing was ever said of it."""
        with self._lock:
            self._read_on()
            found = self._items.get((kind, item_id))
            return None if found is None else dict(found)

    def _read_on(self) -> None:
        try:
            size = self._path.stat().st_size
        except OSError:
            size = 0
        if size < self._offset:  # another file has taken its place
            self._offset, self._items = 0, {}
        if size > self._offset:
            events, self._offset, _ = read_events(self._path, self._offset, limit=None)
            fold(self._items, events)


def fold(items: Items, events: list[dict[str, Any]]) -> None:
    """Take events into `items`: the last word on each field wins."""
    for event in events:
        item_id = event.get("id")
        if not isinstance(item_id, str):
            continue
        at_us = event.get("at_us", 0)
        body = items.setdefault((event["kind"], item_id), {"created_us": at_us})
        body.update({key: value for key, value in event.items() if key not in {"kind", "at_us"}})
        body["changed_us"] = at_us


def ledgers(home: Home) -> list[Path]:
    """Return the ledgers of a store: of the queue, the releases and each study."""
    fixed = (home.queue / LEDGER_NAME, home.releases / LEDGER_NAME)
    return [
        *(path for path in fixed if path.exists()),
        *sorted(home.studies.glob(f"*/{LEDGER_NAME}")),
    ]
