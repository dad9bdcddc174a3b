"""What the run table needs of a series of points, without keeping the points."""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from store.compaction import rows_of, series_starts

if TYPE_CHECKING:
    import pyarrow as pa

Columns = dict[str, NDArray[Any]]

UPSERT = """
INSERT INTO {table} SELECT * FROM {feed}
ON CONFLICT DO UPDATE SET
    n = n + excluded.n,
    first_step = least(first_step, excluded.first_step),
    last_us = CASE WHEN excluded.last_step >= last_step THEN excluded.last_us ELSE last_us END,
    last_value =
        CASE WHEN excluded.last_step >= last_step THEN excluded.last_value ELSE last_value END,
    last_step = greatest(last_step, excluded.last_step),
    min_step = CASE WHEN min_value IS NULL OR excluded.min_value < min_value
        THEN excluded.min_step ELSE min_step END,
    min_value = least(min_value, excluded.min_value),
    max_step = CASE WHEN max_value IS NULL OR excluded.max_value > max_value
        THEN excluded.max_step ELSE max_step END,
    max_value = greatest(max_value, excluded.max_value),
    n_nan = n_nan + excluded.n_nan,
    n_inf = n_inf + excluded.n_inf
"""
"""Adds what `summarise` says of more points to rows of series."""

_NOWHERE = np.iinfo(np.int64).max
_SUMMARISED = ("run_key", "metric_key", "step", "value", "wall_us")


def summarise(points: Columns) -> Columns:
    """Return one row a run and metric, with the columns of ``series_base``, as tables read them.

    The last value is that of the highest step, and of those the one that arrived last. Minimum
    and maximum are of finite values, each with the first step that has it, NaN if there is none.

    Parameters
    ----------
    points
        Columns of ``points``, in order of arrival, at least one row.
    """
    columns = _in_pieces({name: points[name] for name in _SUMMARISED})
    run_key, metric_key, step, value, wall_us = columns.values()
    starts = series_starts(columns)
    lengths = np.diff(np.append(starts, len(step)))
    group = np.repeat(np.arange(len(starts)), lengths)
    finite = np.isfinite(value)
    last_step = np.maximum.reduceat(step, starts)
    at = np.arange(len(step))
    last = np.maximum.reduceat(np.where(step == last_step[group], at, -1), starts)
    minimum = np.minimum.reduceat(np.where(finite, value, np.inf), starts)
    maximum = np.maximum.reduceat(np.where(finite, value, -np.inf), starts)

    def first_step_of(extreme: NDArray[np.float64]) -> NDArray[np.int64]:
        hit = finite & (value == extreme[group])
        return np.minimum.reduceat(np.where(hit, step, _NOWHERE), starts)

    has_finite = np.logical_or.reduceat(finite, starts)
    rows = {
        "run_key": run_key[starts],
        "metric_key": metric_key[starts],
        "n": lengths,
        "first_step": np.minimum.reduceat(step, starts),
        "last_step": last_step,
        "last_us": wall_us[last],
        "last_value": value[last],
        "min_value": np.where(has_finite, minimum, np.nan),
        "min_step": first_step_of(minimum),
        "max_value": np.where(has_finite, maximum, np.nan),
        "max_step": first_step_of(maximum),
        "n_nan": np.add.reduceat(np.isnan(value).astype(np.int64), starts),
        "n_inf": np.add.reduceat(np.isinf(value).astype(np.int64), starts),
    }
    as_read = np.lexsort((rows["run_key"], rows["metric_key"]))
    return {name: column[as_read] for name, column in rows.items()}


def merged(old: Columns, new: Columns) -> Columns:
    """Return rows of series with those of later points added, row by row; NaN stands for NULL."""
    is_later = new["last_step"] >= old["last_step"]
    is_lower = _is_less(new["min_value"], new["min_step"], old["min_value"], old["min_step"])
    is_higher = _is_less(-new["max_value"], new["max_step"], -old["max_value"], old["max_step"])
    chosen = {
        **dict.fromkeys(("last_step", "last_us", "last_value"), is_later),
        **dict.fromkeys(("min_value", "min_step"), is_lower),
        **dict.fromkeys(("max_value", "max_step"), is_higher),
    }
    return {
        **old,
        **{name: old[name] + new[name] for name in ("n", "n_nan", "n_inf")},
        "first_step": np.minimum(old["first_step"], new["first_step"]),
        **{name: np.where(is_new, new[name], old[name]) for name, is_new in chosen.items()},
    }


def _is_less(
    value: NDArray[Any], step: NDArray[Any], other: NDArray[Any], other_step: NDArray[Any]
) -> NDArray[np.bool_]:
    """Where a value is lower than another, or the same at an earlier step, or the only one."""
    is_earlier = (value == other) & (step < other_step)
    return np.isnan(other) | (value < other) | is_earlier


def rows_of_series(columns: Columns) -> "pa.Table":
    """Return rows of ``series_base``, with NULL where there is no finite value."""
    import pyarrow as pa

    is_none = np.isnan(columns["min_value"])
    names = ("min_value", "min_step", "max_value", "max_step")
    return pa.table({**columns, **{name: pa.array(columns[name], mask=is_none) for name in names}})


def _in_pieces(points: Columns) -> Columns:
    """Return points with each series in one piece, in order of arrival."""
    starts = series_starts(points)
    run_key, metric_key = points["run_key"][starts], points["metric_key"][starts]
    stretches = np.lexsort((run_key, metric_key))
    again = series_starts({"run_key": run_key[stretches], "metric_key": metric_key[stretches]})
    if len(again) == len(starts):
        return points
    order = rows_of(starts, len(points["step"]), stretches)
    return {name: column[order] for name, column in points.items()}
