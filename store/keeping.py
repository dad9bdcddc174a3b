"""Which runs may not be deleted, and which a rule keeps."""

import time
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final

from store.errors import RunNotFoundError, RunProtectedError
from store.layout import Home
from store.liveness import Status
from store.releases import released_runs
from store.schema import key_of

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

    from store.asked import Asked

LOST_FOR_GOOD_S: Final = 3600.0
"""After how long without a sign of life a lost run counts as ended."""

_FACTS: Final = """
SELECT run_id, name, project, status, pinned, created_us, ended_us, seen_us,
    json_extract_string(record, '$.parents[*]') AS parents
FROM run_base
"""


def keeping(asked: "Asked") -> "pa.Table":
    """Return one row a run with what decides about it: status, pin, parents, last sign of life."""
    return asked.table(_FACTS)


ANSWERS: Final = {"keeping": keeping}


def needed_by_releases(home: Home, facts: Mapping[str, Mapping[str, Any]]) -> frozenset[str]:
    """Return the runs that releases stand on, and all that those grew from.

    Raises
    ------
    StoreError
        If a release cannot be read.
    """
    needed: set[str] = set()
    more = set(released_runs(home))
    while more:
        needed |= more
        parents = (facts[run_id]["parents"] or () for run_id in more if run_id in facts)
        more = {parent for listed in parents for parent in listed} - needed
    return frozenset(needed)


def protection(facts: Mapping[str, Any], needed: frozenset[str]) -> str | None:
    """Return why a run may not go, in one word; None if it may."""
    if facts["status"] == Status.RUNNING:
        return "running"
    if facts["run_id"] in needed:
        return "released"
    if facts["pinned"]:
        return "pinned"
    silent_s = time.time() - (facts["seen_us"] or 0) / 1e6
    if facts["status"] == Status.LOST and silent_s < LOST_FOR_GOOD_S:
        return "lost"
    return None


_REFUSALS: Final = {
    "running": "Expected a run that has ended; {} is running. Stop it first.",
    "released": "Expected a run that no release needs; {} belongs to one. It stays.",
    "pinned": "Expected a run that is not pinned; {} is. Unpin it first.",
    "lost": "Expected a run that has ended; {} lost contact and may come back. "
    "Try again an hour after its last sign of life.",
}


def check_free(home: Home, cursor: "duckdb.DuckDBPyConnection", run_ids: Iterable[str]) -> None:
    """Raise unless every one of these runs may be deleted.

    Raises
    ------
    RunProtectedError
        If one is running, released or pinned.
    RunNotFoundError
        If there is no such run.
    """
    rows = cursor.execute(_FACTS).to_arrow_table().to_pylist()
    facts = {row["run_id"]: row for row in rows}
    needed = needed_by_releases(home, facts)
    for run_id in run_ids:
        if run_id not in facts:
            raise RunNotFoundError(f"Expected a run's id; got {run_id!r}. See `bakeoff ls`.")
        if reason := protection(facts[run_id], needed):
            raise RunProtectedError(_REFUSALS[reason].format(repr(run_id)))


_TABLES_OF_RUNS: Final = (
    "run_base",
    "param",
    "series_base",
    "event",
    "points",
    "points_hot",
    "journal",
)


def forget(connection: "duckdb.DuckDBPyConnection", run_ids: Iterable[str]) -> None:
    """Take runs out of every table, in one transaction; their folders are not touched."""
    keys = [key_of(run_id) for run_id in run_ids]
    connection.execute("BEGIN")
    try:
        for table in _TABLES_OF_RUNS:
            connection.execute(
                f"DELETE FROM {table} WHERE run_key IN (SELECT unnest(?))",  # noqa: S608  # ours
                [keys],
            )
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise
