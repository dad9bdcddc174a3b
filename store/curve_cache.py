"""Curves that somebody looks at, kept in memory and extended as points arrive."""

import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from store.m4 import last_write_wins

if TYPE_CHECKING:
    import duckdb

_COLUMNS = ("step", "epoch", "wall_us", "elapsed_s", "value")
_ALL = """
SELECT step, epoch, wall_us, elapsed_s, value FROM all_points
WHERE run_key = ? AND metric_key = ? ORDER BY step, wall_us
"""

Columns = dict[str, NDArray[Any]]


@dataclass(slots=True)
class Curve:
    """All points of one metric of one run, sorted by step, the last write of each step.

    Attributes
    ----------
    columns : dict
        ``step`` (int64), ``epoch``, ``wall_us`` (int64), ``elapsed_s``, ``value`` (float64).
    """

    columns: Columns

    @property
    def num_bytes(self) -> int:
        """How much memory the arrays take."""
        return sum(array.nbytes for array in self.columns.values())

    def axis(self, x: str) -> NDArray[np.float64]:
        """Return the x of every point: step, epoch, elapsed (s) or wall (s since 1970)."""
        match x:
            case "step":
                return self.columns["step"].astype(np.float64)
            case "epoch":
                return self.columns["epoch"]
            case "elapsed":
                return self.columns["elapsed_s"]
            case "wall":
                return self.columns["wall_us"] / 1e6
            case _:
                raise ValueError(f"Expected x 'step', 'epoch', 'elapsed' or 'wall'; got {x!r}.")

    def extend(self, new: Columns) -> "Curve":
        """Return the curve with points that came later."""
        joined = {name: np.concatenate([self.columns[name], new[name]]) for name in _COLUMNS}
        step = joined["step"]
        if len(step) > 1 and bool(np.all(step[1:] > step[:-1])):
            return Curve(joined)
        keep = last_write_wins(step, joined["wall_us"])
        return Curve({name: array[keep] for name, array in joined.items()})


class CurveCache:
    """The most recently used curves, up to a number of bytes.

    Parameters
    ----------
    capacity_bytes
        How much memory the arrays may take.
    """

    def __init__(self, capacity_bytes: int = 256 << 20) -> None:
        self._capacity = capacity_bytes
        self._curves: OrderedDict[tuple[int, int], Curve] = OrderedDict()
        self.lock = threading.RLock()
        """Hold it while points are committed and `add` is called: then no curve misses any."""

    def get(self, cursor: "duckdb.DuckDBPyConnection", run_key: int, metric_key: int) -> Curve:
        """Return a curve, from memory or from the database."""
        key = (run_key, metric_key)
        with self.lock:
            curve = self._curves.get(key)
            if curve is None:
                table = cursor.execute(_ALL, [run_key, metric_key]).to_arrow_table()
                empty = Curve({name: table[name].to_numpy()[:0] for name in _COLUMNS})
                curve = empty.extend({name: table[name].to_numpy() for name in _COLUMNS})
                self._curves[key] = curve
            self._curves.move_to_end(key)
            self._shrink()
            return curve

    def add(self, points: Columns) -> None:
        """Extend the curves in memory by points that were just committed."""
        if not self._curves:
            return
        order = np.lexsort((points["metric_key"], points["run_key"]))
        run_key, metric_key = points["run_key"][order], points["metric_key"][order]
        changes = (np.diff(run_key) != 0) | (np.diff(metric_key) != 0)
        starts = np.concatenate([[0], np.flatnonzero(changes) + 1])
        for start, end in zip(starts, [*starts[1:], len(order)], strict=True):
            key = (int(run_key[start]), int(metric_key[start]))
            if key in self._curves:
                rows = order[start:end]
                new = {name: points[name][rows] for name in _COLUMNS}
                self._curves[key] = self._curves[key].extend(new)

    def clear(self) -> None:
        """Forget everything."""
        with self.lock:
            self._curves.clear()

    def _shrink(self) -> None:
        total = sum(curve.num_bytes for curve in self._curves.values())
        while total > self._capacity and len(self._curves) > 1:
            _, oldest = self._curves.popitem(last=False)
            total -= oldest.num_bytes
