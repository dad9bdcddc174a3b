"""Answer one panel's question: M4 from the store, smoothed on all points when asked.

Smoothing what is on screen would change a line with every zoom; so the whole curve is smoothed
first, and only then cut and reduced.
"""

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from dashboard import data
from dashboard.smoothing import ema
from dashboard.wire import CurveQuery, Series, encode
from store.m4 import m4

if TYPE_CHECKING:
    import pyarrow as pa

Columns = tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]
"""x, value and step of one curve."""

_LIVE = frozenset({"running", "lost"})


def answer(query: CurveQuery) -> bytes | None:
    """Return the encoded curves, or None when the browser has drawn the newest already.

    Raises
    ------
    store.StoreError
        If a run is unknown or the store cannot be reached.
    """
    version = data.state().version
    if query.version == version:
        return None
    drawn = [s for metric in query.metrics for s in _raw(metric, query)]
    if query.weight > 0:
        drawn += [s for metric in query.metrics for s in _smooth(metric, query, version)]
    return encode(drawn, {"version": version, "running": running(query.runs)})


def running(run_ids: tuple[str, ...]) -> list[str]:
    """Return those of the runs that may still grow."""
    rows = data.named(run_ids).select(["run_id", "status"]).to_pylist()
    return [row["run_id"] for row in rows if row["status"] in _LIVE]


def _raw(metric: str, query: CurveQuery) -> list[Series]:
    table = data.ask(
        lambda s: s.curves(
            metric, query.runs, x=query.x, lo=query.low, hi=query.high, width=query.pixels
        )
    )
    curves = split_by_run(table, "x")
    return [_line(run, metric, columns, query.x) for run, columns in curves.items()]


def _smooth(metric: str, query: CurveQuery, version: int) -> list[Series]:
    lines = []
    for run in query.runs:
        columns = _all_points(data.home(), version, metric, run, query.x)
        if columns is None:
            continue
        x, value, step = columns
        smooth = ema(value, query.weight)
        low = -np.inf if query.low is None else query.low
        high = np.inf if query.high is None else query.high
        keep = m4(x, smooth, low, high, query.pixels)
        part = (x[keep], smooth[keep], step[keep])
        lines.append(_line(run, metric, part, query.x, is_smooth=True))
    return lines


@lru_cache(maxsize=24)
def _all_points(_home: str, _version: int, metric: str, run: str, x: str) -> Columns | None:
    """Return a whole curve, ascending in x; 24 of a million points each are 400 MB at worst."""
    table = data.ask(lambda s: s.points(metric, [run]))
    return split_by_run(table, x).get(run)


def split_by_run(table: "pa.Table", x: str) -> dict[str, Columns]:
    """Return the table's curves, in the table's order of runs, each ascending in x."""
    names = table.column("run_id").combine_chunks()
    if len(names) == 0:
        return {}
    codes = names.dictionary_encode() if not hasattr(names, "dictionary") else names
    index = codes.indices.to_numpy(zero_copy_only=False)
    columns = [_floats(table, name) for name in (x, "value")]
    columns.append(columns[0] if x == "step" else _floats(table, "step"))
    curves: dict[str, Columns] = {}
    for code, run in enumerate(codes.dictionary.to_pylist()):
        rows = np.flatnonzero(index == code)
        if not len(rows):
            continue
        rows = rows[np.isfinite(columns[0][rows])]
        order = rows[np.argsort(columns[0][rows], kind="stable")]
        curves[run] = (columns[0][order], columns[1][order], columns[2][order])
    return curves


def _floats(table: "pa.Table", name: str) -> NDArray[np.float64]:
    return table.column(name).to_numpy().astype(np.float64, copy=False)


def _line(run: str, metric: str, columns: Columns, axis: str, *, is_smooth: bool = False) -> Series:
    x, value, step = columns
    steps = None if axis == "step" else step
    return Series(run=run, metric=metric, x=x, value=value, step=steps, is_smooth=is_smooth)
