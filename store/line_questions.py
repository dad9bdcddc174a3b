"""The question of one chart: its lines, smoothed, folded into bands and reduced to its pixels."""

import json
import math
import time
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from store import exact_curves
from store.asked import Asked
from store.exact_curves import Points
from store.m4 import BandKind, m4
from store.m4 import bands as mean_and_band
from store.smoothing import ema

FACTS: Final = b"facts"
"""Of the answer's metadata: what the lines are, as JSON."""
_SCHEMA: Final = pa.schema(
    {
        "x": pa.float64(),
        "value": pa.float64(),
        "step": pa.float64(),
        "low": pa.float64(),
        "high": pa.float64(),
        "n": pa.float64(),
    }
)
_TAIL: Final = 0.02
"""Share of the points at either end that a clipped axis may leave out."""
_MARGIN: Final = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class LineView:
    """How a chart looks at its lines.

    Attributes
    ----------
    x
        ``step``, ``epoch``, ``elapsed``, ``wall`` or a metric's name.
    lo, hi, width, log_x
        The visible part of x, and its pixel columns: of equal size on the axis as it is drawn. On
        a logarithmic one points from 0 down are left out.
    weight
        Of the moving average over all points of a curve; with it raw lines come along. Bands are
        those of the smoothed curves.
    band
        Of groups; see `store.m4.bands`.
    clip
        Whether to say which range of values holds all but outliers.
    """

    x: str = "step"
    lo: float | None = None
    hi: float | None = None
    width: int = 1000
    log_x: bool = False
    weight: float = 0.0
    band: BandKind = "ci95"
    clip: bool = False

    def places(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return where x stands on the axis."""
        return np.log10(x) if self.log_x else x

    @property
    def ends(self) -> tuple[float, float]:
        """The visible part, as places."""
        low, high = -math.inf if self.lo is None else self.lo, self.hi
        if not self.log_x:
            return low, math.inf if high is None else high
        return _log(low), math.inf if high is None else _log(high)


class _Line(NamedTuple):
    run: str
    metric: str
    kind: str  # raw | smooth | band
    columns: tuple[NDArray[Any], ...]  # x, value, step; of a band x, value, low, high, n


class _Curves(NamedTuple):
    metric: str
    of_run: dict[str, Points]


class _Seen:
    """What is known of all points while lines are made: extent, and whether anything is new."""

    def __init__(self) -> None:
        self.ends: list[float] = []
        self.marks: list[float] = []

    def note(self, points: Points) -> None:
        if len(points.x):
            self.ends += [float(points.x[0]), float(points.x[-1])]
        last = points.value[-1:].tolist()
        self.marks += [len(points.x), *points.x[-1:].tolist(), *last]

    @property
    def extent(self) -> list[float] | None:
        return [min(self.ends), max(self.ends)] if self.ends else None

    @property
    def mark(self) -> str:
        """Text that differs when any curve grew."""
        return f"{zlib.crc32(np.asarray(self.marks).tobytes()):x}"


def lines(
    asked: Asked,
    *,
    metrics: Sequence[str],
    run_ids: Sequence[str],
    groups: Sequence[Sequence[str]] = (),
    view: Mapping[str, Any] | None = None,
    known: str = "",
) -> pa.Table:
    """Return what one chart draws.

    Parameters
    ----------
    metrics
        Names, or formulae that begin with ``=``.
    run_ids, groups
        Runs that are drawn alone, and groups of which the mean and a band are drawn, both computed
        from all points. A group goes by its first run.
    view
        Fields of a `LineView`.
    known
        The ``mark`` of an earlier answer; when nothing is new, no line comes.

    Returns
    -------
    pyarrow.Table
        x, value, step (raw and smooth), low, high, n (bands), one line after the other. The
        metadata `FACTS` has ``lines`` (run, metric, kind, n: points), ``extent`` of all x or
        null, ``mark``, ``clip`` (low, high, outside, total) and ``cost_ms``.
    """
    start = time.thread_time()
    look = LineView(**(view or {}))
    wanted = list(dict.fromkeys([*run_ids, *(one for group in groups for one in group)]))
    seen, drawn = _Seen(), list[_Curves]()
    for metric in metrics:
        exact_curves.load(asked, wanted, metric, look.x)
        curves = {run: exact_curves.points(asked, run, metric, look.x) for run in wanted}
        if look.log_x:
            curves = {run: curve.at(curve.x > 0) for run, curve in curves.items()}
        for curve in curves.values():
            seen.note(curve)
        drawn.append(_Curves(metric, curves))
    facts: dict[str, Any] = {"extent": seen.extent, "mark": seen.mark}
    listed: list[_Line] = []
    if seen.mark != known:
        listed = [line for curves in drawn for line in _lines_of(curves, run_ids, groups, look)]
        facts["clip"] = _clip(drawn, look) if look.clip else None
    facts["lines"] = [
        {"run": line.run, "metric": line.metric, "kind": line.kind, "n": len(line.columns[0])}
        for line in listed
    ]
    facts["cost_ms"] = (time.thread_time() - start) * 1e3
    return _table(listed).replace_schema_metadata({FACTS: json.dumps(facts)})


def _lines_of(
    curves: _Curves, run_ids: Sequence[str], groups: Sequence[Sequence[str]], view: LineView
) -> Iterator[_Line]:
    metric, raw = curves
    smooth = raw
    if view.weight > 0:
        smooth = {run: c._replace(value=ema(c.value, view.weight)) for run, c in raw.items()}
    for run in run_ids:
        yield _Line(run, metric, "raw", _reduced(raw[run], view))
        if view.weight > 0:
            yield _Line(run, metric, "smooth", _reduced(smooth[run], view))
    for group in groups:
        yield _Line(group[0], metric, "band", _band([smooth[run] for run in group], view))


def _reduced(curve: Points, view: LineView) -> Points:
    if not len(curve.x):
        return curve
    return curve.at(m4(view.places(curve.x), curve.value, *view.ends, view.width))


def _band(group: Sequence[Points], view: LineView) -> tuple[NDArray[Any], ...]:
    parts = [_inside(curve, view) for curve in group]
    made = mean_and_band(
        [view.places(part.x) for part in parts],
        [part.value for part in parts],
        view.width,
        view.band,
    )
    x = np.round(10**made.x, 9) if view.log_x else made.x
    return x, made.mean, made.low, made.high, made.n


def _log(end: float) -> float:
    return math.log10(end) if end > 0 else -math.inf


def _inside(curve: Points, view: LineView) -> Points:
    low, high = view.ends
    places = view.places(curve.x)
    return curve.at(
        slice(np.searchsorted(places, low, "left"), np.searchsorted(places, high, "right"))
    )


def _clip(drawn: Sequence[_Curves], view: LineView) -> dict[str, float] | None:
    """Return the range between the tails of all visible points, and how many lie outside."""
    visible = [_inside(c, view).value for curves in drawn for c in curves.of_run.values()]
    pooled = np.concatenate(visible) if visible else np.empty(0)
    finite = pooled[np.isfinite(pooled)]
    if not len(finite):
        return None
    place = math.floor(_TAIL * (len(finite) - 1))
    ordered = np.partition(finite, [place, len(finite) - 1 - place])
    low, high = float(ordered[place]), float(ordered[len(finite) - 1 - place])
    room = _MARGIN * (high - low)
    low, high = low - room, high + room
    outside = int(np.count_nonzero((finite < low) | (finite > high)))
    return {"low": low, "high": high, "outside": outside, "total": len(finite)}


def _table(listed: Sequence[_Line]) -> pa.Table:
    if not listed:
        return _SCHEMA.empty_table()
    columns: list[list[NDArray[Any]]] = [[] for _ in _SCHEMA]
    for line in listed:
        none = np.full(len(line.columns[0]), np.nan)
        x, value, *rest = line.columns
        full = [x, value, none, *rest] if line.kind == "band" else [x, value, *rest, *[none] * 3]
        for column, part in zip(columns, full, strict=True):
            column.append(np.asarray(part, np.float64))
    return pa.table([pa.array(np.concatenate(parts)) for parts in columns], schema=_SCHEMA)


ANSWERS: dict[str, Callable[..., pa.Table]] = {"lines": lines}
