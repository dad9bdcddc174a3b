"""The questions that can be asked of a store: one function, and its SQL, for each.

Each function gets a cursor of the owner's connection and plain arguments, and returns an Arrow
table. `ANSWERS` names them; the hub answers the same questions to other processes.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from store import (
    group_questions,
    keeping,
    ledger_questions,
    line_questions,
    lineage_questions,
    run_table,
    study_questions,
)
from store.asked import Asked, Reads
from store.console import guarded_select
from store.errors import RunNotFoundError
from store.exact_curves import NONE, Reader
from store.m4 import bands as mean_and_band
from store.m4 import m4
from store.schema import TABLES, key_of

if TYPE_CHECKING:
    import duckdb

_SERIES_COLUMNS = """r.run_id, s.name AS metric, s.goal, s.unit, s.n, s.first_step, s.last_step,
    s.last_value AS last, s.min_value AS min, s.min_step, s.max_value AS max, s.max_step,
    s.best_value AS best, s.best_step, s.n_nan, s.n_inf, make_timestamp(s.last_us) AS last_at"""


def run(asked: Asked, *, run_id: str) -> pa.Table:
    """Return the record of the run whose id is or starts with `run_id`, as JSON in ``record``.

    Raises
    ------
    RunNotFoundError
        If none or several match.
    """
    found = asked.table(
        "SELECT run_id, record, duration_s FROM run WHERE starts_with(run_id, ?) "
        "ORDER BY run_id <> ?, run_id LIMIT 4",
        [run_id, run_id],
    )
    ids = found["run_id"].to_pylist()
    if not ids or not run_id:
        raise RunNotFoundError(f"Expected a run's id; got {run_id!r}. See `bakeoff ls`.")
    if len(ids) > 1 and ids[0] != run_id:
        raise RunNotFoundError(
            f"Expected the start of one run's id; {run_id!r} fits several: {', '.join(ids[:3])}."
        )
    return found.slice(0, 1)


def series(asked: Asked, *, run_ids: Sequence[str] | None, project: str | None) -> pa.Table:
    """Return one row a run and metric."""
    return asked.table(
        f"""SELECT {_SERIES_COLUMNS} FROM newest.series AS s JOIN run AS r USING (run_key)
        WHERE (? IS NULL OR r.run_key IN (SELECT unnest(?))) AND (? IS NULL OR r.project = ?)
        ORDER BY r.created_us, r.run_id, s.name""",  # noqa: S608  # our names
        [*[None if run_ids is None else [key_of(i) for i in run_ids]] * 2, project, project],
    )


def metric_names(asked: Asked, *, run_ids: Sequence[str]) -> pa.Table:
    """Return the names of the metrics that some runs logged, as ``metric``, sorted."""
    run_keys = [key_of(run_id) for run_id in run_ids]
    names = asked.names_waiting(run_keys)  # before: what is written meanwhile is found below
    found = asked.table(
        """SELECT DISTINCT m.name FROM series_base AS s JOIN metric AS m USING (metric_key)
        WHERE s.run_key IN (SELECT unnest(?))""",
        [run_keys],
    )
    return pa.table(
        {"metric": pa.array(sorted(names.union(found["name"].to_pylist())), pa.string())}
    )


def keys(asked: Asked, *, project: str | None) -> pa.Table:
    """Return which parameters and metrics there are, and how many runs have each."""
    return asked.table(
        """SELECT 'metric' AS kind, s.name AS key, count(*) AS num_runs
        FROM newest.series AS s JOIN run AS r USING (run_key) WHERE ? IS NULL OR r.project = ?
        GROUP BY ALL
        UNION ALL SELECT 'param', p.key, count(*)
        FROM param AS p JOIN run AS r USING (run_key) WHERE ? IS NULL OR r.project = ?
        GROUP BY ALL ORDER BY 1, 2""",
        [project, project, project, project],
    )


def projects(asked: Asked) -> pa.Table:
    """Return the projects with the number of their runs, the most recently used first."""
    return asked.table(
        "SELECT project, count(*) AS num_runs, make_timestamp(max(created_us)) AS last_run_at "
        "FROM run GROUP BY project ORDER BY max(created_us) DESC"
    )


def curves(
    asked: Asked,
    *,
    metric: str,
    run_ids: Sequence[str],
    x: str,
    lo: float | None,
    hi: float | None,
    width: int,
) -> pa.Table:
    """Return first, minimum, maximum and last of each pixel column of each run's curve."""
    reader = Reader(asked, metric, x)
    reader.load(run_ids)
    owners, parts = [np.empty(0, np.int32)], [NONE]
    for index, run_id in enumerate(run_ids):
        curve = reader.points(reader.sources(run_id))
        if not len(curve.x):
            continue
        low = curve.x[0] if lo is None else lo
        high = curve.x[-1] if hi is None else hi
        parts.append(curve.at(m4(curve.x, curve.value, low, high, width)))
        owners.append(np.full(len(parts[-1].x), index, np.int32))
    names = pa.DictionaryArray.from_arrays(np.concatenate(owners), pa.array(run_ids, pa.string()))
    xs, values, steps = (np.concatenate(part) for part in zip(*parts, strict=True))
    types = (pa.float64(), pa.float64(), pa.int64())
    arrays = [pa.array(c, t) for c, t in zip((xs, values, steps), types, strict=True)]
    return pa.table([names, *arrays], names=["run_id", "x", "value", "step"])


def bands(
    asked: Asked, *, metric: str, groups: Mapping[str, Sequence[str]], x: str, width: int, band: Any
) -> pa.Table:
    """Return the mean curve of each group and a band around it, from all points."""
    tables: list[pa.Table] = []
    reader = Reader(asked, metric, x)
    for name, run_ids in groups.items():
        members = [reader.points(reader.sources(run_id)) for run_id in run_ids]
        result = mean_and_band(
            [curve.x for curve in members], [curve.value for curve in members], width, band
        )
        columns = {"x": result.x, "mean": result.mean, "low": result.low, "high": result.high}
        counted = {"group": [name] * len(result.x), **columns, "n": result.n}
        tables.append(pa.table(counted, schema=_BANDS))
    return pa.concat_tables(tables) if tables else _BANDS.empty_table()


def points(asked: Asked, *, metric: str, run_ids: Sequence[str]) -> pa.Table:
    """Return every point of a metric, repeated steps included, in order of step."""
    return asked.table(
        """SELECT r.run_id, p.step, p.epoch, p.wall_us / 1e6 AS wall, p.elapsed_s AS elapsed,
            p.value
        FROM all_points AS p JOIN run_base AS r USING (run_key)
        WHERE p.metric_key = ? AND p.run_key IN (SELECT unnest(?))
        ORDER BY r.created_us, r.run_id, p.step, p.wall_us""",
        [key_of(metric), [key_of(run_id) for run_id in run_ids]],
    )


def num_points(cursor: "duckdb.DuckDBPyConnection", run_key: int) -> int:
    """Return how many points of a run were taken in, as counted while they were."""
    total = "SELECT coalesce(sum(n), 0)::BIGINT FROM series_base WHERE run_key = ?"
    return cursor.execute(total, [run_key]).fetchall()[0][0]


def sealed_points(cursor: "duckdb.DuckDBPyConnection", run_key: int) -> pa.Table:
    """Return all points of a run, as `store.sealing.POINTS` has them."""
    return cursor.execute(
        """SELECT m.name AS metric, p.step, p.epoch, p.wall_us, p.elapsed_s, p.value
        FROM all_points AS p JOIN metric AS m USING (metric_key)
        WHERE p.run_key = ? ORDER BY m.name, p.step, p.wall_us""",
        [run_key],
    ).to_arrow_table()


def events(asked: Asked, *, run_id: str, kinds: Sequence[str] | None) -> pa.Table:
    """Return texts, images, alerts, artifacts and the like of one run, oldest first."""
    return asked.table(
        """SELECT make_timestamp(at_us) AS at, kind, name, step, body FROM event
        WHERE run_key = ? AND (? IS NULL OR kind IN (SELECT unnest(?))) ORDER BY at_us""",
        [key_of(run_id), *[None if kinds is None else list(kinds)] * 2],
    )


def sql(
    asked: Asked, *, query: str, params: Sequence[Any] | None, max_rows: int, timeout_s: float
) -> pa.Table:
    """Return what a user's own SELECT gives."""
    return guarded_select(
        asked.cursor, query, params, max_rows=max_rows, timeout_s=timeout_s, tables=TABLES
    )


def totals(asked: Asked) -> pa.Table:
    """Return how many runs there are, how many run, and how many points they have."""
    with asked.curves.lock:  # what waits is not written in between
        return asked.table(
            f"""SELECT count(*) AS runs, count(*) FILTER (status = 'running') AS running,
            (SELECT coalesce(sum(n), 0)::BIGINT FROM series_base) + {asked.num_waiting} AS points
            FROM run_base"""  # noqa: S608  # a number
        )


_BANDS = pa.schema(
    {
        "group": pa.string(),
        "x": pa.float64(),
        "mean": pa.float64(),
        "low": pa.float64(),
        "high": pa.float64(),
        "n": pa.int64(),
    }
)


def points_of_runs(asked: Asked) -> pa.Table:
    """Return run_id and how many points the database has of each run."""
    return asked.table(
        "SELECT r.run_id, count(p.step) AS n FROM run_base AS r "
        "LEFT JOIN all_points AS p USING (run_key) GROUP BY r.run_id ORDER BY r.run_id"
    )


ANSWERS: dict[str, Callable[..., pa.Table]] = (
    keeping.ANSWERS
    | ledger_questions.ANSWERS
    | study_questions.ANSWERS
    | line_questions.ANSWERS
    | lineage_questions.ANSWERS
    | group_questions.ANSWERS
    | run_table.ANSWERS
    | {
        answer.__name__: answer
        for answer in (
            bands,
            curves,
            events,
            keys,
            metric_names,
            points,
            points_of_runs,
            projects,
            run,
            series,
            sql,
            totals,
        )
    }
)


_OF_POINTS = frozenset({"points", "points_of_runs", "sql"})
_OF_CURVES = frozenset(
    {"bands", "curves", "events", "keeping", "lines", "metric_names", "projects", "run", "totals"}
)


_OF_RUNS = frozenset(run_table.ANSWERS)


def reads(question: str, arguments: Mapping[str, Any]) -> Reads:
    """Return what of the newest points a question needs."""
    if question in _OF_POINTS or any("spark" in name for name in arguments.get("columns") or ()):
        return Reads.POINTS
    if question in _OF_CURVES or (question in _OF_RUNS and "metrics." not in repr(arguments)):
        return Reads.CURVES
    return Reads.SERIES


def parse_record(table: pa.Table) -> dict[str, Any]:
    """Return the dict inside the answer to `run`."""
    record = json.loads(table["record"][0].as_py())
    return {**record, "run_id": record["id"], "duration_s": table["duration_s"][0].as_py()}
