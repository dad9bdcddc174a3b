"""Curves that somebody looks at, kept in memory and extended as points arrive."""

import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from store.m4 import last_write_wins

if TYPE_CHECKING:
    import duckdb

_COLUMNS = ("step", "epoch", "wall_us", "elapsed_s", "value")
_ALL = """
SELECT run_key, step, epoch, wall_us, elapsed_s, value FROM all_points
WHERE metric_key = ? AND run_key IN ({})
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
            if key not in self._curves:
                self.load(cursor, [run_key], metric_key)
            self._curves.move_to_end(key)
            return self._curves[key]

    def load(
        self, cursor: "duckdb.DuckDBPyConnection", run_keys: Sequence[int], metric_key: int
    ) -> None:
        """Get the curves of a metric that are not in memory, all with one question.

        They come in the order in which they lie; that is nearly sorted, and sorting the rest here
        costs half of what it costs the database.
        """
        with self.lock:
            missing = sorted({key for key in run_keys if (key, metric_key) not in self._curves})
            if not missing:
                return
            numbers = ", ".join(str(int(key)) for key in missing)
            table = cursor.execute(_ALL.format(numbers), [metric_key]).to_arrow_table()
            columns = {name: table[name].to_numpy() for name in ("run_key", *_COLUMNS)}
            owner = columns.pop("run_key")
            if np.any(owner[1:] < owner[:-1]):
                order = np.argsort(owner, kind="stable")
                owner = owner[order]
                columns = {name: column[order] for name, column in columns.items()}
            empty = Curve({name: column[:0] for name, column in columns.items()})
            for key in missing:
                rows = slice(*np.searchsorted(owner, [key, key + 1]))
                curve = empty.extend({name: column[rows] for name, column in columns.items()})
                self._curves[key, metric_key] = curve
            self._shrink(keep=len(missing))

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

    def _shrink(self, keep: int) -> None:
        """Forget the oldest curves, but not the last `keep`."""
        total = sum(curve.num_bytes for curve in self._curves.values())
        while total > self._capacity and len(self._curves) > keep:
            _, oldest = self._curves.popitem(last=False)
            total -= oldest.num_bytes
