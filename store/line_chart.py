"""A chart as its asker looks at it: all points of its curves, and which of them are news to him."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from store.asked import Asked
from store.curve_cache import Curve
from store.exact_curves import Points, Reader
from store.grid import Grid
from store.line_cursor import Cursor, fingerprint
from store.m4 import BandKind, kept, search
from store.smoothing import ema


@dataclass(frozen=True, slots=True, kw_only=True)
class LineView:
    """How a chart looks at its lines.

    Attributes
    ----------
    x
        ``step``, ``epoch``, ``elapsed``, ``wall`` or a metric's name.
    lo, hi, width, log_x
        The visible part of x, and how many pixel columns it has at least: of equal size on the
        axis as it is drawn. On a logarithmic one points from 0 down are left out.
    weight
        Of the moving average over all points of a curve; with it raw lines come along. Bands are
        those of the smoothed curves.
    ghosts
        Whether raw lines come with smoothed ones; who has them of an earlier answer can do without.
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
    ghosts: bool = True
    band: BandKind = "ci95"
    clip: bool = False

    @property
    def ends(self) -> tuple[float, float]:
        """The visible part; infinite where it has no end."""
        low, high = self.lo, self.hi
        return -math.inf if low is None else low, math.inf if high is None else high

    def places(self, x: NDArray[Any]) -> NDArray[Any]:
        """Return where x stands on the axis."""
        return np.log10(x) if self.log_x else x


class Part(NamedTuple):
    """Some rows of a curve.

    Attributes
    ----------
    since
        What the asker has from this x on is replaced by them; None: all that he has.
    """

    rows: slice
    since: float | None


class Chart:
    """The curves of a chart, and what of them its asker needs.

    Parameters
    ----------
    asked
        Where the curves are.
    metrics, run_ids, view
        What is looked at.
    name
        Of the chart among those of the same curves.
    known
        The cursor of an earlier answer.

    Attributes
    ----------
    points
        All points of each curve, by metric and run.
    news
        The x from which on they are other than the asker has them; infinity where none are.
    is_new
        Whether he has nothing of it.
    extent
        Of all x.
    cursor
        What he has when he has drawn all of this.
    """

    def __init__(
        self,
        asked: Asked,
        metrics: Sequence[str],
        run_ids: Sequence[str],
        view: LineView,
        *,
        name: object,
        known: str,
    ) -> None:
        self._view = view
        readers = {metric: Reader(asked, metric, view.x) for metric in metrics}
        for reader in readers.values():
            reader.load(run_ids)
        clock = asked.curves.clock  # what comes in from here on is news the next time
        sources = {(m, run): readers[m].sources(run) for m in metrics for run in run_ids}
        self.points = {key: self._read(readers[key[0]], found) for key, found in sources.items()}
        xs = [points.x for points in self.points.values() if len(points.x)]
        self.extent = [min(x[0].item() for x in xs), max(x[-1].item() for x in xs)] if xs else None
        low, high = self._range()
        self._grid = Grid.over(low, high, view.width, is_log=view.log_x)
        self._edges = self._grid.edges(low, high, is_whole=view.x == "step")
        self.cursor = Cursor(
            chart=fingerprint(name, metrics, run_ids, view, self._grid, asked.curves.origin),
            clock=clock,
            counts=tuple(curve.num_points for found in sources.values() for curve in found),
        )
        self.news = dict.fromkeys(self.points, -math.inf)
        before = Cursor.parse(known)
        self.is_new = not (before and before.is_of(self.cursor))
        if before and not self.is_new:
            seen = iter(before.counts)
            self.news = {
                (m, run): readers[m].news(
                    found, self.points[m, run], [next(seen) for _ in found], before.clock
                )
                for (m, run), found in sources.items()
            }

    def part(self, metric: str, run: str) -> Part | None:
        """Return the visible rows that are news, with a neighbour on either side; None: no news.

        They begin with the column in which the news do: it may have another lowest and highest
        point now. What is left of it stays as it was.
        """
        x, news = self.points[metric, run].x, self.news[metric, run]
        begin, end = self._window(x)
        first, stop = max(0, begin - 1), min(len(x), end + 1)
        if news == -math.inf:
            return Part(slice(first, stop), None)
        changed = search(x, news, "left")
        if changed >= stop:
            return None
        if changed < begin:
            return Part(slice(first, stop), None)
        if changed < end:
            changed = search(x, self._grid.start(x[changed].item()), "left")
        first = max(first, changed)
        return Part(slice(first, stop), float(x[first]))

    def reduced(self, metric: str, run: str, rows: slice, *, is_smooth: bool) -> Points:
        """Return the points of some rows that draw the same line as all of them."""
        part = self._rows(metric, run, rows, is_smooth=is_smooth)
        return part.at(kept(part.x, part.value, *self._view.ends, self._edges))

    def visible(self, metric: str, run: str, *, is_smooth: bool) -> Points:
        """Return all points that are seen."""
        rows = slice(*self._window(self.points[metric, run].x))
        return self._rows(metric, run, rows, is_smooth=is_smooth)

    def _rows(self, metric: str, run: str, rows: slice, *, is_smooth: bool) -> Points:
        points = self.points[metric, run]
        if not is_smooth:
            return points.at(rows)
        smooth = ema(points.value, self._view.weight, rows.start, rows.stop)
        return points.at(rows)._replace(value=smooth)

    def _read(self, reader: Reader, sources: Sequence[Curve]) -> Points:
        points = reader.points(sources)
        if self._view.log_x:
            return points.at(slice(search(points.x, 0, "right"), None))
        return points

    def _range(self) -> tuple[float, float]:
        """Return the ends of the axis."""
        least = 0.0 if self._view.log_x else -math.inf
        low, high = self.extent or (1, 1)
        start, end = self._view.ends
        return (start if start > least else low), (end if least < end < math.inf else high)

    def _window(self, x: NDArray[Any]) -> tuple[int, int]:
        low, high = self._view.ends
        return search(x, low, "left"), search(x, high, "right")
