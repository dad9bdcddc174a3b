"""The run table: filtered, ordered, one page of it, with the columns that somebody asked for.

One query finds the runs of the page; what is shown of them is then read for these alone, with
one query for all metrics and one for all parameters.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np
import pyarrow as pa

from store import filters
from store.asked import Asked
from store.filters import Compiled
from store.schema import key_of

SPARK_VALUES: Final = 40
_LONG_PAGE: Final = 500

_COLUMNS = """r.run_id, r.project, r.name, r.group_name AS "group", r.status,
    make_timestamp(r.created_us) AS created_at, make_timestamp(r.ended_us) AS ended_at,
    r.duration_s, make_timestamp(r.seen_us) AS seen_at, r.seed, r.tags, r.notes, r.host, r.model,
    r.error, r.pinned"""

_SPARK = """
SELECT run_key, bucket, arg_max(value, step) AS value
FROM (
    SELECT p.run_key, p.step, p.value,
        ((p.step - s.first_step) * ?) // (s.last_step - s.first_step + 1) AS bucket
    FROM all_points AS p JOIN series AS s USING (run_key, metric_key)
    WHERE p.metric_key = ? AND p.run_key IN (SELECT unnest(?))
)
GROUP BY ALL ORDER BY run_key, bucket
"""


def runs(
    asked: Asked,
    *,
    filter: str | None,  # noqa: A002  # the contract's name
    order_by: str | None,
    limit: int | None,
    offset: int,
    columns: Sequence[str],
) -> pa.Table:
    """Return the run table, filtered, ordered, one page of it, with extra columns."""
    sources = filters.Sources()
    condition = filters.compile_filter(filter, sources)
    order = filters.compile_order(order_by, sources)
    extra = filters.compile_columns(columns)
    own = [column for column in extra if column.kind == "value"]
    values = "".join(f", {column.sql} AS extra_{index}" for index, column in enumerate(own))
    window = (
        f"LIMIT {int(limit)} OFFSET {int(offset)}" if limit is not None else f"OFFSET {int(offset)}"
    )
    page = asked.table(
        f"""SELECT r.run_key, {_COLUMNS}{values} FROM run AS r {sources.sql}
        WHERE {condition.sql} ORDER BY {order.sql} {window}""",  # noqa: S608  # compiled
        [
            *(value for column in own for value in column.params),
            *sources.params,
            *condition.params,
            *order.params,
        ],
    )
    keys = page["run_key"]
    found = {id(column): page[f"extra_{index}"] for index, column in enumerate(own)}
    found |= _metrics(asked, [column for column in extra if column.kind == "metric"], keys)
    found |= _params(asked, [column for column in extra if column.kind == "param"], keys)
    page = page.drop_columns(["run_key", *(f"extra_{index}" for index in range(len(own)))])
    for name, column in zip(columns, extra, strict=True):
        if column.kind == "spark":
            found[id(column)] = _sparks(asked, column.name, keys.to_pylist())
        page = page.append_column(name, found[id(column)])
    return page


def count_runs(asked: Asked, *, filter: str | None) -> pa.Table:  # noqa: A002
    """Return how many runs a filter lets through, as ``n``."""
    sources = filters.Sources()
    condition = filters.compile_filter(filter, sources)
    return asked.table(
        f"SELECT count(*) AS n FROM run AS r {sources.sql} WHERE {condition.sql}",  # noqa: S608  # compiled
        [*sources.params, *condition.params],
    )


ANSWERS: Final[dict[str, Callable[..., pa.Table]]] = {"runs": runs, "count_runs": count_runs}


def _metrics(asked: Asked, columns: list[Compiled], keys: pa.ChunkedArray) -> dict[int, Any]:
    """Return the values of columns that come from ``series``, by the columns' identities."""
    if not columns:
        return {}
    picks = ", ".join(f"{column.sql} AS c{index}" for index, column in enumerate(columns))
    names = sorted({key_of(column.name) for column in columns})
    table = asked.table(
        f"""SELECT s.run_key, s.metric_key, {picks} FROM newest.series AS s
        WHERE s.metric_key IN {_among(names)} AND s.run_key IN {_among(keys.to_pylist())}""",  # noqa: S608  # compiled
    )
    metric_key = table["metric_key"].to_numpy()
    found: dict[int, Any] = {}
    for index, column in enumerate(columns):
        of_metric = table.take(pa.array(np.flatnonzero(metric_key == key_of(column.name))))
        found[id(column)] = of_metric[f"c{index}"].take(_rows(keys, of_metric["run_key"]))
    return found


def _among(keys: Sequence[int]) -> str:
    """Return what belongs behind ``IN``; a short list of constants prunes rows, a long one is slow.

    Numbers as parameters cost more than the query: DuckDB looks for pandas at each.
    """
    numbers = ", ".join(map(str, keys)) or "NULL"
    return f"({numbers})" if len(keys) <= _LONG_PAGE else f"(SELECT unnest([{numbers}]))"


def _params(asked: Asked, columns: list[Compiled], keys: pa.ChunkedArray) -> dict[int, Any]:
    """Return the values of columns that come from ``param``, by the columns' identities."""
    if not columns:
        return {}
    table = asked.table(
        f"""SELECT run_key, key, number, text FROM param
        WHERE key IN (SELECT unnest(?)) AND run_key IN {_among(keys.to_pylist())}""",  # noqa: S608  # numbers
        [sorted({column.name for column in columns})],
    )
    found: dict[int, Any] = {}
    names = np.array(table["key"].to_pylist(), dtype=object)
    for column in columns:
        of_key = table.take(pa.array(np.flatnonzero(names == column.name)))
        rows = _rows(keys, of_key["run_key"])
        parts = [of_key[name].take(rows).combine_chunks() for name in ("number", "text")]
        found[id(column)] = filters.param_values(*parts)
    return found


def _rows(wanted: pa.ChunkedArray, keys: pa.ChunkedArray) -> pa.Array:
    """Return at which place of `keys` each wanted key is, NULL where it is not."""
    place = {key: index for index, key in enumerate(keys.to_pylist())}
    return pa.array([place.get(key) for key in wanted.to_pylist()], pa.int64())


def _sparks(asked: Asked, metric: str, run_keys: list[int]) -> pa.Array:
    """Return a short list of values a run: the last of each of `SPARK_VALUES` equal parts."""
    rows = asked.cursor.execute(_SPARK, [SPARK_VALUES, key_of(metric), run_keys]).fetchall()
    lists: dict[int, list[float]] = {run_key: [] for run_key in run_keys}
    for run_key, _, value in rows:
        lists[run_key].append(value)
    return pa.array([lists[run_key] or None for run_key in run_keys], pa.list_(pa.float64()))
