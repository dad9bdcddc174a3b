"""Takes the ledgers into the table ``item``, exactly once, as `store.ingest` does with journals."""

from typing import TYPE_CHECKING, Any

import pyarrow as pa

from store.events import read_events
from store.layout import Home
from store.ledger import Items, fold, ledgers
from store.values import to_json

if TYPE_CHECKING:
    import duckdb

_OFFSETS = "SELECT file, consumed FROM journal WHERE run_key = 0"
_UPSERT_OFFSET = """
INSERT INTO journal VALUES (?, 0, ?, '{}', ?, FALSE)
ON CONFLICT DO UPDATE SET consumed = excluded.consumed, damaged = damaged + excluded.damaged
"""
_UPSERT_ITEMS = """
INSERT INTO item SELECT * FROM batch
ON CONFLICT DO UPDATE SET body = json_merge_patch(body, excluded.body),
    changed_us = excluded.changed_us
"""


class LedgerIngest:
    """Reads ledgers on from where the database has them.

    Parameters
    ----------
    connection
        The owner's connection; used by one thread at a time.
    home
        The store's folder.
    """

    def __init__(self, connection: "duckdb.DuckDBPyConnection", home: Home) -> None:
        self._connection = connection
        self._home = home
        self._offsets: dict[str, int] = {}
        self.reload()

    def reload(self) -> None:
        """Forget what memory holds: the database is the truth."""
        self._offsets = dict(self._connection.execute(_OFFSETS).fetchall())

    def cycle(self) -> int:
        """Take in what is new; return how many things changed."""
        items: Items = {}
        read: list[tuple[str, int, int]] = []
        for path in ledgers(self._home):
            name = path.relative_to(self._home.path).as_posix()
            events, offset, damaged = read_events(path, self._offsets.get(name, 0))
            if offset > self._offsets.get(name, 0):
                fold(items, events)
                read.append((name, offset, damaged))
        if read:
            self._commit(items, read)
        return len(items)

    def _commit(self, items: Items, read: list[tuple[str, int, int]]) -> None:
        run = self._connection.execute
        run("BEGIN")
        try:
            if items:
                self._connection.register("batch", _table(items))
                run(_UPSERT_ITEMS)
                self._connection.unregister("batch")
            for row in read:
                run(_UPSERT_OFFSET, list(row))
            run("COMMIT")
        except BaseException:
            run("ROLLBACK")
            raise
        self._offsets |= {name: offset for name, offset, _ in read}


def _table(items: Items) -> pa.Table:
    columns: dict[str, list[Any]] = {
        "kind": [kind for kind, _ in items],
        "id": [item_id for _, item_id in items],
        "created_us": [body["created_us"] for body in items.values()],
        "changed_us": [body["changed_us"] for body in items.values()],
        "body": [
            to_json({k: v for k, v in body.items() if not k.endswith("d_us")})
            for body in items.values()
        ],
    }
    return pa.table(columns)
