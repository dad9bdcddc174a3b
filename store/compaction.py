"""Makes generations: many points in the order in which curves are read.

They arrive as short stretches of one metric of one run, each nearly sorted. Ordering the
stretches, and only then what still lies wrong inside a series, costs a tenth of sorting points.
"""

from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

Points = dict[str, NDArray[Any]]
"""Columns of points, all of one length."""

STORED: Final = ("run_key", "metric_key", "step", "epoch", "wall_us", "value", "start_us")
"""Columns as `points_hot` has them; epoch is NaN where none was given."""


def generation(points: Points) -> pa.Table:
    """Return points as rows of ``points``: sorted by run, metric, step and time, and packed.

    Columns that hold nothing are left out.

    Parameters
    ----------
    points
        Columns of `STORED`, at least one row. Of equal steps and times the earlier row stays first.
    """
    table = {name: points[name] for name in STORED}
    if not _is_sorted(table):
        order = sort_order(table)
        table = {name: column[order] for name, column in table.items()}
    starts = series_starts(table)
    value, single = _by_precision(table["value"], starts)
    columns = {**table, "epoch": nullable(table["epoch"]), "value": value, "single": single}
    known = {name: column for name, column in columns.items() if _holds_any(column)}
    return pa.table(known)


def nullable(column: NDArray[np.float64]) -> pa.Array:
    """Return a column with NULL in place of NaN, which would take 6 bytes each."""
    return pa.array(column, mask=np.isnan(column))


def is_minus_zero(value: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Where a value is -0.0, which is stored as NULL: see `store.schema`."""
    return (value == 0) & np.signbit(value)


def _holds_any(column: Any) -> bool:
    """Whether there is anything but NULL: leaving a column out otherwise is cheaper."""
    return getattr(column, "null_count", 0) < len(column)


def series_starts(points: Points) -> NDArray[np.int64]:
    """Return where each stretch of points of one metric of one run begins."""
    run_key, metric_key = points["run_key"], points["metric_key"]
    is_new = (run_key[1:] != run_key[:-1]) | (metric_key[1:] != metric_key[:-1])
    return np.concatenate([[0], np.flatnonzero(is_new) + 1])


def _is_sorted(points: Points) -> bool:
    """Whether series are in order, each with rising steps."""
    starts = series_starts(points)
    run_key, metric_key = points["run_key"][starts], points["metric_key"][starts]
    is_back = (run_key[1:] < run_key[:-1]) | (
        (run_key[1:] == run_key[:-1]) & (metric_key[1:] <= metric_key[:-1])
    )
    is_rising = points["step"][1:] > points["step"][:-1]
    is_rising[starts[1:] - 1] = True
    return not is_back.any() and bool(is_rising.all())


def sort_order(points: Points) -> NDArray[np.int64]:
    """Return the order of the rows by run, metric, step, time and arrival."""
    starts = series_starts(points)
    keys = ("step", "metric_key", "run_key")
    stretches = np.lexsort([points[name][starts] for name in keys])
    order = rows_of(starts, len(points["step"]), stretches)
    step, wall_us = points["step"][order], points["wall_us"][order]
    is_back = _is_back(step, _is_back(wall_us, _is_back(order)))
    begin = series_starts({name: points[name][order] for name in ("run_key", "metric_key")})
    is_back[begin[1:] - 1] = False
    if not is_back.any():
        return order
    end = np.append(begin[1:], len(order))
    for index in np.unique(np.searchsorted(begin, np.flatnonzero(is_back), "right") - 1).tolist():
        rows = np.sort(order[begin[index] : end[index]])  # as they arrived
        again = np.lexsort((points["wall_us"][rows], points["step"][rows]))
        order[begin[index] : end[index]] = rows[again]
    return order


def _is_back(column: NDArray[np.int64], of_equals: Any = False) -> NDArray[np.bool_]:
    """Where an element is less than the one before it; `of_equals` decides where they are equal."""
    after, before = column[1:], column[:-1]
    return (after < before) | ((after == before) & of_equals)


def rows_of(
    starts: NDArray[np.int64], count: int, stretches: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Return the rows of all stretches, one stretch after the other."""
    lengths = np.diff(np.append(starts, count))[stretches]
    ends = np.cumsum(lengths)
    return np.arange(count) + np.repeat(starts[stretches] - (ends - lengths), lengths)


def _by_precision(
    value: NDArray[np.float64], starts: NDArray[np.int64]
) -> tuple[pa.Array, pa.Array]:
    """Return the values of series that need double precision, and of those that do not.

    A whole series goes to one side: both sides would pay for a series that is divided.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        single = value.astype(np.float32)
        is_same = single.astype(np.float64).view(np.int64) == value.view(np.int64)
    lengths = np.diff(np.append(starts, len(value)))
    is_single = np.repeat(np.logical_and.reduceat(is_same, starts), lengths)
    is_below = is_minus_zero(value)
    return (
        pa.array(value, mask=is_single | is_below),
        pa.array(single, mask=~is_single | is_below),
    )
