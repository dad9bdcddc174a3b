"""The question of one chart: its lines, smoothed, folded into bands and reduced to its pixels."""

import json
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from store.asked import Asked
from store.line_chart import Chart, LineView
from store.m4 import bands as mean_and_band

FACTS: Final = b"facts"
"""Of the answer's metadata: what the lines are, as JSON."""
NUMBERS: Final = "numbers"
"""The answer's only column."""
_TAIL: Final = 0.02
"""Share of the points at either end that a clipped axis may leave out."""
_MARGIN: Final = 0.1


class _Line(NamedTuple):
    run: str
    metric: str
    kind: str  # raw | smooth | band
    since: float | None
    columns: tuple[NDArray[Any], ...]

    def facts(self) -> dict[str, Any]:
        sizes = {"n": len(self.columns[0]), "columns": len(self.columns)}
        return {
            "run": self.run,
            "metric": self.metric,
            "kind": self.kind,
            "since": self.since,
            **sizes,
        }


def lines(
    asked: Asked,
    *,
    metrics: Sequence[str],
    run_ids: Sequence[str],
    groups: Sequence[Sequence[str]] = (),
    view: Mapping[str, Any] | None = None,
    known: str = "",
) -> pa.Table:
    """Return what one chart draws, or what of it is new.

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
        The ``cursor`` of an earlier answer, to be told what is new since.

    Returns
    -------
    pyarrow.Table
        `NUMBERS`: of one line after the other its columns, one after the other. The metadata
        `FACTS` has ``lines``: run, metric, kind (raw, smooth, band), how many points (n) and
        columns (x and value; then the step where it is not x; of a band x, mean, low, high and
        number of runs), and ``since``: the points replace what was told from this x on, or all of
        the line if it is null. ``is_all``: what is not among the lines is no longer there; else it
        is as it was. Also ``extent`` of all x or null, ``cursor``, ``clip`` (low, high, outside,
        total; left out when nothing is new), ``running`` (runs that may still grow) and
        ``cost_ms``.
    """
    start = time.thread_time()
    look = LineView(**(view or {}))
    wanted = list(dict.fromkeys([*run_ids, *(one for group in groups for one in group)]))
    chart = Chart(asked, metrics, wanted, look, name=(run_ids, groups), known=known)
    listed = [
        line
        for m in metrics
        for line in [*_single(chart, m, run_ids, look), *_bands(chart, m, groups, look)]
    ]
    facts: dict[str, Any] = {
        "extent": chart.extent,
        "cursor": str(chart.cursor),
        "is_all": chart.is_new,
        "lines": [line.facts() for line in listed],
        "running": [run for run in wanted if run in asked.growing],
    }
    if listed or chart.is_new:
        facts["clip"] = _clip(chart) if look.clip else None
    columns = [column for line in listed for column in line.columns]
    numbers = np.concatenate([np.empty(0), *columns])
    facts["cost_ms"] = (time.thread_time() - start) * 1e3
    return pa.table({NUMBERS: numbers}).replace_schema_metadata({FACTS: json.dumps(facts)})


def _single(chart: Chart, metric: str, run_ids: Sequence[str], view: LineView) -> Iterator[_Line]:
    is_smooth = view.weight > 0
    kinds = ["raw"] * (view.ghosts or not is_smooth) + ["smooth"] * is_smooth
    for run in run_ids:
        part = chart.part(metric, run)
        if part is None:
            continue
        for kind in kinds:
            points = chart.reduced(metric, run, part.rows, is_smooth=kind == "smooth")
            columns = points[:2] if view.x == "step" else points
            yield _Line(run, metric, kind, part.since, columns)


def _bands(
    chart: Chart, metric: str, groups: Sequence[Sequence[str]], view: LineView
) -> Iterator[_Line]:
    """Any new point moves a band's columns: it comes whole."""
    for group in groups:
        if all(chart.news[metric, run] == math.inf for run in group):
            continue
        parts = [chart.visible(metric, run, is_smooth=view.weight > 0) for run in group]
        xs, values = [view.places(part.x) for part in parts], [part.value for part in parts]
        made = mean_and_band(xs, values, view.width, view.band)
        x = np.round(10**made.x, 9) if view.log_x else made.x
        yield _Line(group[0], metric, "band", None, (x, made.mean, made.low, made.high, made.n))


def _clip(chart: Chart) -> dict[str, float] | None:
    """Return the range between the tails of all visible points, and how many lie outside."""
    visible = [chart.visible(*key, is_smooth=False).value for key in chart.points]
    pooled = np.concatenate([np.empty(0), *visible])
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


ANSWERS: dict[str, Callable[..., pa.Table]] = {"lines": lines}
