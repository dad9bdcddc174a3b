"""All points of a curve on any axis, of a metric or of a formula, from the curves in memory."""

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


def load(asked: Asked, run_ids: Sequence[str], metric: str, x: str) -> None:
    """Get the curves that `points` will need, all runs with one question a metric."""
    names = [part.name for part in _tree(metric)[1]]
    keys = [key_of(run_id) for run_id in run_ids]
    for name in dict.fromkeys(names if x in AXES else [*names, x]):
        asked.curves.load(asked.cursor, keys, key_of(name), _time_axis(x))


def points(asked: Asked, run_id: str, metric: str, x: str) -> Points:
    """Return every point of a curve, the last write of each step.

    A formula has a value at the steps that all of its metrics have. On the axis of a metric a
    point stands at that metric's value at its step, or else its last value before.

    Raises
    ------
    FormulaError
        If the metric begins with ``=`` and the rest is no formula.
    """
    tree, parts = _tree(metric)
    curves = [_curve(asked, run_id, part.name, _time_axis(x)) for part in parts]
    first, value, rows = curves[0], curves[0].columns["value"], slice(None)
    if isinstance(tree, formulas.Call):
        rows, value = _joined(tree, parts, curves)
    step = first.columns["step"][rows]
    if x == "step":
        return Points(step, value, step)
    if x in AXES:
        xs = first.axis(x)[rows]
    else:
        other = _curve(asked, run_id, x, "step").columns
        xs = _last(other["step"], other["value"], step)
    known = np.flatnonzero(np.isfinite(xs))
    order = known[np.argsort(xs[known], kind="stable")]
    return Points(xs[order], value[order], step[order])


def _tree(metric: str) -> tuple[formulas.Node, list[formulas.Metric]]:
    if not metric.startswith(formulas.MARK):
        plain = formulas.Metric(metric)
        return plain, [plain]
    tree = formulas.parse(metric.removeprefix(formulas.MARK))
    parts = formulas.metrics(tree)
    parts.sort(key=lambda part: part.is_last)  # the first one's steps are those of the formula
    return tree, parts


def _curve(asked: Asked, run_id: str, metric: str, x: str) -> Curve:
    return asked.curves.get(asked.cursor, key_of(run_id), key_of(metric), x)


def _time_axis(x: str) -> str:
    """Return what the curves need besides step and value: a metric as the axis is another curve."""
    return x if x in AXES else "step"


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
