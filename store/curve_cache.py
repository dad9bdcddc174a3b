"""Curves that somebody looks at, kept in memory and extended as points arrive."""

import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterable, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from store.flattening import curve_columns
from store.journal_reader import Block
from store.m4 import last_write_wins
from store.schema import key_of

if TYPE_CHECKING:
    import duckdb

_COLUMNS: Final = {
    "step": "step",
    "epoch": "epoch",
    "elapsed": "elapsed_s AS elapsed",
    "wall": "wall_us / 1e6 AS wall",
    "value": "value",
}
"""What a curve may have, and how the database says it: an axis has its column's name."""
_POINTS = "SELECT run_key, {} FROM all_points WHERE metric_key = ? AND run_key IN ({})"
_LONG_PIECE = 64

Columns = dict[str, NDArray[Any]]


class Curve:
    """All points of one metric of one run, sorted by step, the last write of each step.

    Parameters
    ----------
    columns
        ``step`` (int64) and ``value``; of ``epoch``, ``wall`` (s since 1970) and ``elapsed`` (s)
        those that somebody needed.
    written_over_at
        See the attribute.
    room
        Arrays that begin with the columns, and where later points go.

    Attributes
    ----------
    columns
        As given.
    written_over_at
        The cache's clock when anything but points at the end last changed.
    """

    __slots__ = ("_is_ordered", "_room", "columns", "written_over_at")

    def __init__(self, columns: Columns, written_over_at: int, room: Columns | None = None) -> None:
        self.columns = columns
        self.written_over_at = written_over_at
        self._room = room or columns
        self._is_ordered: dict[str, bool] = {"step": True}

    @property
    def num_points(self) -> int:
        """How many points there are."""
        return len(self.columns["step"])

    @property
    def num_bytes(self) -> int:
        """How much memory the arrays take."""
        return sum(array.nbytes for array in self._room.values())

    def has(self, x: str) -> bool:
        """Whether an axis can be drawn."""
        return x in self.columns

    def is_ordered(self, x: str) -> bool:
        """Whether an axis is finite and never goes back from step to step."""
        if x not in self._is_ordered:
            self._is_ordered[x] = _is_rising(self.columns[x])
        return self._is_ordered[x]

    def extend(self, new: Columns, clock: int) -> "Curve | None":
        """Return the curve with points that came later; None if it lacks their times for that."""
        steps = np.concatenate([self.columns["step"][-1:], new["step"]])
        if self.num_points and bool(np.all(steps[1:] > steps[:-1])):
            return self._grown(new)
        joined = {name: np.concatenate([c, new[name]]) for name, c in self.columns.items()}
        return _sorted(joined, clock)

    def _grown(self, new: Columns) -> "Curve":
        """Return the curve with points behind its last; whoever reads the old one sees the old."""
        start = self.num_points
        end = start + len(new["step"])
        if end > len(self._room["step"]):
            room = {name: np.empty(end + end // 4, c.dtype) for name, c in self.columns.items()}
            for name, column in self.columns.items():
                room[name][:start] = column
        else:
            room = self._room
        for name, column in room.items():
            column[start:end] = new[name]
        columns = {name: column[:end] for name, column in room.items()}
        curve = Curve(columns, self.written_over_at, room)
        for x, was_ordered in self._is_ordered.items():
            curve._is_ordered[x] = was_ordered and _is_rising(columns[x][start - 1 :])
        return curve


Newest = Callable[[int, int], Iterable[Columns]]


def _none(_run_key: int, _metric_key: int) -> Iterable[Columns]:
    return ()


class CurveCache:
    """The most recently used curves, up to a number of bytes.

    Parameters
    ----------
    newest
        Gives points of a run's metric that are not in the database yet, with all columns.
    capacity_bytes
        How much memory the arrays may take.
    """

    def __init__(self, newest: "Newest | None" = None, capacity_bytes: int = 256 << 20) -> None:
        self._newest = newest or _none
        self._capacity = capacity_bytes
        self._curves: OrderedDict[tuple[int, int], Curve] = OrderedDict()
        self.lock = threading.RLock()
        """Hold it while points come in or go to the database: then no curve misses any."""
        self.origin = secrets.token_hex(4)
        """Of the clock: another cache has another one."""
        self.clock = 0
        """Goes on whenever points come in."""

    @property
    def is_empty(self) -> bool:
        """Whether no curve is in memory."""
        return not self._curves

    def get(
        self, cursor: "duckdb.DuckDBPyConnection", run_key: int, metric_key: int, x: str = "step"
    ) -> Curve:
        """Return a curve that has an axis, from memory or from the database."""
        key = (run_key, metric_key)
        with self.lock:
            self.load(cursor, [run_key], metric_key, x)
            self._curves.move_to_end(key)
            return self._curves[key]

    def load(
        self,
        cursor: "duckdb.DuckDBPyConnection",
        run_keys: Sequence[int],
        metric_key: int,
        x: str = "step",
    ) -> None:
        """Get the curves of a metric that are not in memory, all with one question."""
        with self.lock:
            known = {key: self._curves.get((key, metric_key)) for key in run_keys}
            missing = {key: curve for key, curve in known.items() if not (curve and curve.has(x))}
            if not missing:
                return
            self.clock += 1
            names = dict.fromkeys(("step", "value", x))
            for curve in filter(None, missing.values()):
                names |= dict.fromkeys(curve.columns)
            found = {
                key: _sorted(columns, self.clock)
                for key, columns in self._read(cursor, missing, metric_key, list(names)).items()
            }
            repeating = [key for key, curve in found.items() if curve is None]
            if repeating:
                timed = self._read(cursor, repeating, metric_key, list(names | {"wall": None}))
                found |= {key: _sorted(columns, self.clock) for key, columns in timed.items()}
            for key, curve in found.items():
                if curve is not None:
                    self._curves[key, metric_key] = curve
            self._shrink(keep=len(missing))

    def add(self, run_key: int, blocks: Iterable[Block]) -> None:
        """Extend the curves in memory by points that a run's journal has brought."""
        if self.is_empty:
            return
        found: dict[tuple[int, int], list[Columns]] = {}
        for block in blocks:
            for place, name in enumerate(block.keys):
                key = (run_key, key_of(name))
                if key in self._curves:
                    found.setdefault(key, []).append(curve_columns(block, place))
        if found:
            self.clock += 1
        for key, parts in found.items():
            curve = self._curves[key]
            new = {name: np.concatenate([part[name] for part in parts]) for name in curve.columns}
            curve = curve.extend(new, self.clock)
            if curve is None:  # it is read anew when somebody looks
                del self._curves[key]
            else:
                self._curves[key] = curve

    def clear(self) -> None:
        """Forget everything."""
        with self.lock:
            self._curves.clear()

    def _read(
        self,
        cursor: "duckdb.DuckDBPyConnection",
        run_keys: Collection[int],
        metric_key: int,
        names: Sequence[str],
    ) -> dict[int, Columns]:
        """Return the points of each run, in the order in which they lie: that is nearly sorted."""
        numbers = ", ".join(str(int(key)) for key in run_keys)
        asked = cursor.execute(
            _POINTS.format(", ".join(_COLUMNS[name] for name in names), numbers), [metric_key]
        )
        pieces: dict[int, list[Columns]] = {key: [] for key in run_keys}
        for batch in asked.to_arrow_reader():
            if not batch.num_rows:
                continue
            columns = {name: batch[name].to_numpy(zero_copy_only=False) for name in names}
            owner = batch["run_key"].to_numpy()
            ends = np.flatnonzero(owner[1:] != owner[:-1]) + 1
            if len(ends) * _LONG_PIECE > len(owner):  # as they arrived, one run's between another's
                order = np.argsort(owner, kind="stable")
                owner = owner[order]
                columns = {name: column[order] for name, column in columns.items()}
                ends = np.flatnonzero(owner[1:] != owner[:-1]) + 1
            for start, end in pairwise([0, *ends.tolist(), len(owner)]):
                piece = {name: column[start:end] for name, column in columns.items()}
                pieces[int(owner[start])].append(piece)
        for key, parts in pieces.items():
            parts.extend(self._newest(key, metric_key))
        empty = {name: np.empty(0, np.int64 if name == "step" else np.float64) for name in names}
        return {
            key: {name: np.concatenate([part[name] for part in parts or [empty]]) for name in names}
            for key, parts in pieces.items()
        }

    def _shrink(self, keep: int) -> None:
        """Forget the oldest curves, but not the last `keep`."""
        total = sum(curve.num_bytes for curve in self._curves.values())
        while total > self._capacity and len(self._curves) > keep:
            _, oldest = self._curves.popitem(last=False)
            total -= oldest.num_bytes


def _is_rising(x: NDArray[Any]) -> bool:
    return bool(np.isfinite(x).all() and np.all(x[1:] >= x[:-1]))


def _sorted(columns: Columns, clock: int) -> Curve | None:
    """Return the points by step, the last write of each; None if that takes their times."""
    step = columns["step"]
    if bool(np.all(step[1:] > step[:-1])):
        return Curve(columns, clock)
    if "wall" in columns:
        keep = last_write_wins(step, columns["wall"])
    else:
        keep = np.argsort(step, kind="stable")
        step = step[keep]
        if bool(np.any(step[1:] == step[:-1])):
            return None
    return Curve({name: column[keep] for name, column in columns.items()}, clock)
