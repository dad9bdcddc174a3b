"""What the run table needs of a series of points, without keeping the points."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from store.compaction import rows_of, series_starts

Columns = dict[str, NDArray[Any]]

_NOWHERE = np.iinfo(np.int64).max


def summarise(points: Columns) -> Columns:
    """Return one row a run and metric, with the columns of ``series_base``.

    The last value is that of the highest step, and of those the one that arrived last. Minimum
    and maximum are of finite values, each with the first step that has it, NULL if there is none.

    Parameters
    ----------
    points
        Columns of ``points``, in order of arrival, at least one row.
    """
    order = _order(points)
    columns = {name: points[name][order] for name in ("run_key", "metric_key", "step", "value")}
    run_key, metric_key, step, value = columns.values()
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
    return {
        "run_key": run_key[starts],
        "metric_key": metric_key[starts],
        "n": lengths,
        "first_step": np.minimum.reduceat(step, starts),
        "last_step": last_step,
        "last_us": points["wall_us"][order][last],
        "last_value": value[last],
        "min_value": _or_null(minimum, has_finite),
        "min_step": _or_null(first_step_of(minimum), has_finite),
        "max_value": _or_null(maximum, has_finite),
        "max_step": _or_null(first_step_of(maximum), has_finite),
        "n_nan": np.add.reduceat(np.isnan(value).astype(np.int64), starts),
        "n_inf": np.add.reduceat(np.isinf(value).astype(np.int64), starts),
    }


def _order(points: Columns) -> NDArray[np.int64]:
    """Return the rows by metric, as tables are read, and run; equals in order of arrival."""
    starts = series_starts(points)
    return rows_of(
        starts,
        len(points["step"]),
        np.lexsort((points["run_key"][starts], points["metric_key"][starts])),
    )


def _or_null(values: NDArray[Any], is_known: NDArray[np.bool_]) -> Any:
    """Return values with NULL where none is known."""
    import pyarrow as pa

    return pa.array(values, mask=~is_known)
