"""The SQL page's logic: what can be read, queries that people keep, what a result can be drawn as."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np
import plotly.graph_objects as go

from dashboard import charts, data, settings, theme
from experiments.errors import UsageError
from store.schema import TABLES

if TYPE_CHECKING:
    import pyarrow as pa

MOST_ROWS: Final = 10_000
_SAVED: Final = "sql.saved"
_MOST_NAME, _MOST_SAVED, _MOST_QUERY = 80, 200, 100_000
_MOST_LINES: Final = 12
_FIRST: Final = ("run", "series", "param", "job", "study", "trial", "release", "event", "points")

EXAMPLES: Final[Mapping[str, str]] = {
    "Best runs": """SELECT r.name, r.model, s.best_value, s.best_step
FROM run AS r JOIN series AS s USING (run_key)
WHERE s.name = 'val/acc' AND r.status = 'finished'
ORDER BY s.best_value DESC LIMIT 20""",
    "Mean and spread of each group": """SELECT group_name, count(*) AS runs,
    avg(s.best_value) AS mean, stddev_samp(s.best_value) AS std
FROM run AS r JOIN series AS s USING (run_key)
WHERE s.name = 'val/acc' AND group_name IS NOT NULL
GROUP BY group_name ORDER BY mean DESC""",
    "Learning rate against the result": """SELECT p.number AS lr, s.best_value AS best, r.model
FROM run AS r JOIN param AS p USING (run_key) JOIN series AS s USING (run_key)
WHERE p.key = 'training.lr' AND s.name = 'val/acc' ORDER BY lr""",
    "Hours of training a day": """SELECT date_trunc('day', make_timestamp(created_us)) AS day,
    sum(duration_s) / 3600 AS hours, count(*) AS runs
FROM run GROUP BY day ORDER BY day""",
}
"""Queries to start from."""

Kind = Literal["line", "scatter", "bar"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table or view that can be read."""

    name: str
    columns: tuple[tuple[str, str], ...]
    """Name and type."""
    is_inner: bool = False
    """Whether the other tables are made of it, and hold what it holds."""


def tables() -> list[Table]:
    """Return what can be read, what people ask for most first."""
    return [_table(data.home(), name) for name in (*_FIRST, *sorted(set(TABLES) - set(_FIRST)))]


@lru_cache(maxsize=256)
def _table(_home: str, name: str) -> Table:
    schema = data.sql(f"SELECT * FROM {name} LIMIT 0").schema  # noqa: S608  # our own names
    columns = tuple((field.name, str(field.type)) for field in schema)
    return Table(name=name, columns=columns, is_inner=name not in _FIRST)


def saved() -> dict[str, str]:
    """Return the queries that people keep in this store, by name."""
    kept = settings.read(_SAVED, {})
    return {str(name): text for name, text in kept.items() if isinstance(text, str)}


def save(name: str, query: str) -> None:
    """Keep a query under a name; one of that name is replaced.

    Raises
    ------
    UsageError
        If the name or the query will not do.
    store.HomeNotWritableError
        If the disk refuses it.
    """
    name = name.strip()
    if not name or len(name) > _MOST_NAME:
        raise UsageError(f"Expected a name of 1 to {_MOST_NAME} characters; got {len(name)}.")
    if not query.strip() or len(query) > _MOST_QUERY:
        raise UsageError("Expected a query to keep; got an empty or a very long one.")
    kept = {**saved(), name: query}
    if len(kept) > _MOST_SAVED:
        raise UsageError(f"Expected at most {_MOST_SAVED} kept queries. Delete one first.")
    settings.write(_SAVED, kept)


def forget(name: str) -> None:
    """Delete a kept query."""
    settings.write(_SAVED, {key: text for key, text in saved().items() if key != name})


def numbers(result: "pa.Table") -> list[str]:
    """Return the columns that a chart's vertical axis may show."""
    import pyarrow as pa

    types = (pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal)
    return [field.name for field in result.schema if any(check(field.type) for check in types)]


def chart(
    result: "pa.Table", x: str, y: str, *, kind: Kind, colour: str | None, mode: str
) -> go.Figure:
    """Return a result as a chart.

    Parameters
    ----------
    x, y
        Columns; `y` is one of `numbers`.
    kind
        Lines, points or bars.
    colour
        A column whose values become lines of their own, at most twelve.
    mode
        ``light`` or ``dark``.
    """
    columns = result.to_pydict()
    traces = []
    for place, (name, rows) in enumerate(_parts(columns, colour)):
        shown: dict[str, Any] = {
            "x": [columns[x][row] for row in rows],
            "y": np.array([_number(columns[y][row]) for row in rows], dtype=np.float64),
            "name": name,
        }
        ink = theme.colour(place, mode)
        if kind == "bar":
            traces.append(charts.trace("bar", **shown, marker={"color": ink}))
        else:
            style = "lines+markers" if kind == "line" else "markers"
            look = {"mode": style, "marker": {"color": ink, "size": 7}, "line": {"color": ink}}
            traces.append(charts.trace("scatter", **shown, **look))
    return charts.drawn(traces, mode, titles=(x, y), showlegend=colour is not None)


def _parts(columns: Mapping[str, Sequence[Any]], colour: str | None) -> list[tuple[str, list[int]]]:
    count = len(next(iter(columns.values()), ()))
    if colour is None:
        return [("", list(range(count)))]
    rows: dict[str, list[int]] = {}
    for row, value in enumerate(columns[colour]):
        rows.setdefault(str(value), []).append(row)
    return list(rows.items())[:_MOST_LINES]


def _number(value: Any) -> float:
    return float("nan") if value is None else float(value)
