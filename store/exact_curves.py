"""All points of a curve on any axis, of a metric or of a formula, from the curves in memory."""

import math
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from store import formulas
from store.asked import Asked
from store.curve_cache import Curve
from store.schema import key_of

AXES: Final = ("step", "epoch", "elapsed", "wall")
"""Any other axis is a metric's name."""


class Points(NamedTuple):
    """Some points of a curve, ascending in x, which is finite (and whole where it is the step)."""

    x: NDArray[Any]
    value: NDArray[np.float64]
    step: NDArray[Any]

    def at(self, rows: Any) -> "Points":
        """Return some of the points."""
        x = self.x[rows]
        return Points(x, self.value[rows], x if self.step is self.x else self.step[rows])


NONE: Final = Points(np.empty(0), np.empty(0), np.empty(0, np.int64))


class Reader:
    """Reads the points of one metric, or formula, on one axis.

    Parameters
    ----------
    asked
        Where the curves are.
    metric
        A name, or a formula behind ``=``.
    x
        One of `AXES`, or a metric's name.

    Raises
    ------
    FormulaError
        If the metric begins with ``=`` and the rest is no formula.
    """

    def __init__(self, asked: Asked, metric: str, x: str) -> None:
        self._asked = asked
        self._x = x
        self._axis = x if x in AXES else "step"  # what curves need: a metric is a curve of its own
        self._tree, self._parts = _tree(metric)

    def load(self, run_ids: Sequence[str]) -> None:
        """Get what `sources` will need, all runs with one question a metric."""
        keys = [key_of(run_id) for run_id in run_ids]
        for name in dict.fromkeys(self._names):
            self._asked.curves.load(self._asked.cursor, keys, key_of(name), self._axis)

    def sources(self, run_id: str) -> list[Curve]:
        """Return the curves of a run of which its points are made."""
        cursor, run_key = self._asked.cursor, key_of(run_id)
        return [
            self._asked.curves.get(cursor, run_key, key_of(name), self._axis)
            for name in self._names
        ]

    def points(self, sources: Sequence[Curve]) -> Points:
        """Return every point, the last write of each step.

        A formula has a value at the steps that all of its metrics have. On the axis of a metric a
        point stands at that metric's value at its step, or else its last value before.
        """
        first = sources[0]
        step, value = first.columns["step"], first.columns["value"]
        rows: Any = slice(None)
        if isinstance(self._tree, formulas.Call):
            rows, value = _joined(self._tree, self._parts, sources[: len(self._parts)])
            step = step[rows]
        if self._x == "step":
            return Points(step, value, step)
        if self._x in AXES:
            xs = first.columns[self._axis][rows]
            if first.is_ordered(self._axis):
                return Points(xs, value, step)
        else:
            other = sources[-1].columns
            xs = _last(other["step"], other["value"], step)
        known = np.flatnonzero(np.isfinite(xs))
        order = known[np.argsort(xs[known], kind="stable")]
        return Points(xs[order], value[order], step[order])

    def news(self, sources: Sequence[Curve], points: Points, seen: Sequence[int], at: int) -> float:
        """Return the x from which on points are other than somebody saw them; infinity if none are.

        Parameters
        ----------
        sources, points
            As they are now.
        seen, at
            How many points the sources had then, and the clock of the curves.
        """
        if any(curve.written_over_at > at for curve in sources):
            return -math.inf
        grown = [
            int(curve.columns["step"][number])
            for curve, number in zip(sources, seen, strict=True)
            if curve.num_points > number
        ]
        if not grown or self._x not in AXES:  # on a metric as axis, points that were there may move
            return -math.inf if grown else math.inf
        if sources[0].is_ordered(self._axis):
            x = points.x[np.searchsorted(points.step, min(grown)) :][:1]
        else:
            x = points.x[points.step >= min(grown)][:1]
        return x.item() if len(x) else math.inf

    @property
    def _names(self) -> list[str]:
        names = [part.name for part in self._parts]
        return names if self._x in AXES else [*names, self._x]


def _tree(metric: str) -> tuple[formulas.Node, list[formulas.Metric]]:
    if not metric.startswith(formulas.MARK):
        plain = formulas.Metric(metric)
        return plain, [plain]
    tree = formulas.parse(metric.removeprefix(formulas.MARK))
    parts = formulas.metrics(tree)
    parts.sort(key=lambda part: part.is_last)  # the first one's steps are those of the formula
    return tree, parts


def _joined(
    tree: formulas.Node, parts: Sequence[formulas.Metric], curves: Sequence[Curve]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return the rows of the first curve at which the formula has a value, and its values."""
    common = curves[0].columns["step"]
    for part, curve in zip(parts, curves, strict=True):
        step = curve.columns["step"]
        if not part.is_last and not np.array_equal(step, common):
            common = np.intersect1d(common, step, assume_unique=True)
    values = {
        part: _last(curve.columns["step"], curve.columns["value"], common)
        for part, curve in zip(parts, curves, strict=True)
    }
    rows = np.searchsorted(curves[0].columns["step"], common)
    return rows, np.asarray(formulas.evaluate(tree, values), np.float64)


def _last(step: NDArray[Any], value: NDArray[np.float64], at: NDArray[Any]) -> NDArray[np.float64]:
    """Return the value at each step of `at`, or the last one before; NaN before the first."""
    if step is at or np.array_equal(step, at):
        return value
    place = np.searchsorted(step, at, "right") - 1
    found = np.full(len(at), np.nan)
    found[place >= 0] = value[place[place >= 0]]
    return found
