"""What the database knows of runs that are to be looked at again, read for all of them at once."""

import json
import os
from collections.abc import Collection, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from store import record
from store.batch import LiveRun
from store.journal_reader import Position
from store.layout import Home, RunFolder
from store.schema import key_of

if TYPE_CHECKING:
    import duckdb

_RECORDS = "SELECT run_key, record FROM run_base WHERE run_key IN (SELECT unnest(?))"
_FILES = """
SELECT run_key, file, consumed, vocabulary, damaged, closed FROM journal
WHERE run_key IN (SELECT unnest(?))
"""


def load_runs(
    connection: "duckdb.DuckDBPyConnection", folders: Sequence[RunFolder], known: Collection[str]
) -> list[LiveRun]:
    """Return the runs as the database has them, so that reading can go on from there.

    Parameters
    ----------
    connection
        The owner's connection.
    folders
        The runs' folders; those without a header that says who the run is are left out.
    known
        Ids of the runs that the database has.
    """
    runs = [run for files in folders if (run := _new_run(files)) is not None]
    by_key = {run.key: run for run in runs if run.files.id in known}
    if by_key:
        for run_key, text in connection.execute(_RECORDS, [list(by_key)]).fetchall():
            by_key[run_key].record = json.loads(text)
            by_key[run_key].is_new = False
        for run_key, *row in connection.execute(_FILES, [list(by_key)]).fetchall():
            _restore(by_key[run_key], row)
    for run in runs:
        run.has_unread_seal = not run.sealed and not run.positions and run.files.sealed.exists()
    return runs


def event_sizes(home: Home) -> Iterator[tuple[str, int]]:
    """Yield the id of each run's folder and how long its event log is; -1 if it has none."""
    with os.scandir(home.runs) as entries:
        for entry in entries:
            try:
                yield entry.name, os.stat(f"{entry.path}/events.jsonl").st_size  # noqa: PTH116  # 10,000 at once: no objects
            except OSError:
                yield entry.name, -1


def _new_run(files: RunFolder) -> LiveRun | None:
    try:
        header = json.loads(files.header.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    if not record.is_header(header) or header["id"] != files.id:
        return None
    return LiveRun(files=files, key=key_of(files.id), record=record.new_record(header), is_new=True)


def _restore(run: LiveRun, row: Sequence[Any]) -> None:
    """Set how far one of the run's files has been taken in."""
    file, consumed, vocabulary, damaged, closed = row
    name = file.rpartition("/")[2]
    if name == run.files.events.name:
        run.events_read, run.events_damaged = consumed, damaged
    elif name == run.files.sealed.name:
        run.sealed = frozenset(json.loads(vocabulary))
    else:
        run.positions[name] = Position.restore(
            offset=consumed, vocabulary=vocabulary, damaged=damaged, closed=closed
        )
