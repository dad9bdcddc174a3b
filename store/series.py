"""What the run table needs of a series of points, without keeping the points."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

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
    order = np.lexsort((points["run_key"], points["metric_key"]))  # tables are read by metric
    run_key, metric_key = points["run_key"][order], points["metric_key"][order]
    step, value = points["step"][order], points["value"][order]
    is_first = np.concatenate(
        [[True], (run_key[1:] != run_key[:-1]) | (metric_key[1:] != metric_key[:-1])]
    )
    starts = np.flatnonzero(is_first)
    group = np.cumsum(is_first) - 1
    finite = np.isfinite(value)
    last_step = np.maximum.reduceat(step, starts)
    at = np.arange(len(order))
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
        "n": np.diff(np.append(starts, len(order))),
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


def _or_null(values: NDArray[Any], is_known: NDArray[np.bool_]) -> Any:
    """Return values with NULL where none is known."""
    import pyarrow as pa

    return pa.array(values, mask=~is_known)
