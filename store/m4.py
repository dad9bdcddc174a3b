"""Reduces curves for the screen: M4 keeps what a line can show, bands keep every point in a mean."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]
BandKind = Literal["std", "se", "ci95", "minmax"]

FAR = math.nextafter(2.0**63, 0)
"""The last whole number of 64 bits that is a float."""
_FEW = 4
"""Points of a column that are all kept."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Bands:
    """A mean curve with its spread; all arrays have one element per grid point.

    Attributes
    ----------
    x
        Ascending grid.
    mean
        Mean over the series that have a value there.
    low, high
        The band around it; NaN where one series alone says nothing about a spread.
    n
        How many series have a value there.
    """

    x: Floats
    mean: Floats
    low: Floats
    high: Floats
    n: Indices


def m4(x: ArrayLike, y: ArrayLike, lo: float, hi: float, width: int) -> Indices:
    """Return which points draw the same line as all points do.

    The window is cut into ``width`` pixel columns of equal size; the first, lowest, highest and
    last point of each are kept, and one neighbour on either side, so that lines reach the edges.
    All points are kept where they are at most ``4 * width``. NaN and infinity are gaps: they
    never hide the extremes of the finite points, and the first and last gap point of each column
    are kept too, so that at most ``6 * width + 2`` points come back.

    Parameters
    ----------
    x
        (n,) ascending, without NaN; values may repeat.
    y
        (n,) values.
    lo, hi
        The window, both ends inside; infinite ends mean the first and the last point.
    width
        Pixel columns, at least 1.

    Returns
    -------
    NDArray[np.int64]
        Ascending indices without repeats.

    Raises
    ------
    ValueError
        The arrays differ in length, the width is below 1, or ``lo`` is not at most ``hi``.
    """
    places, values = np.asarray(x), np.asarray(y)
    if places.dtype != np.int64:
        places = places.astype(np.float64, copy=False)
    if values.dtype.kind != "f":
        values = values.astype(np.float64)
    if places.ndim != 1 or places.shape != values.shape:
        raise ValueError(
            f"Expected two flat arrays of one length; got {places.shape} and {values.shape}."
        )
    if width < 1 or not lo <= hi:
        raise ValueError(f"Expected width >= 1 and lo <= hi; got {width}, {lo}, {hi}.")
    begin, end = search(places, lo, "left"), search(places, hi, "right")
    if end - begin <= 4 * width:
        return np.arange(max(0, begin - 1), min(len(places), end + 1), dtype=np.int64)
    low = places[begin] if math.isinf(lo) else lo
    high = places[end - 1] if math.isinf(hi) else hi
    edges = _edges(float(low), float(high), width, is_whole=places.dtype == np.int64)
    return kept(places, values, lo, hi, edges)


def kept(x: NDArray[Any], y: NDArray[Any], lo: float, hi: float, edges: NDArray[Any]) -> Indices:
    """Return which points draw the same line as all points do, as `m4`, in given columns.

    Parameters
    ----------
    x, y
        (n,) of floats, x ascending; x may be whole numbers.
    edges
        Where columns begin, ascending and of the kind of x; what lies outside the window does not
        matter. Columns of up to four points keep them all.
    """
    begin, end = search(x, lo, "left"), search(x, hi, "right")
    outer = np.arange(max(0, begin - 1), begin), np.arange(end, min(len(x), end + 1))
    if begin == end:
        return np.concatenate(outer)
    starts = _starts(x[begin:end], edges)
    inner = begin + _keep(y[begin:end], starts)
    return np.concatenate((outer[0], inner, outer[1]))


def last_write_wins(step: ArrayLike, wall: ArrayLike) -> Indices:
    """Return the index of the last arrival of each step, ascending by step.

    Parameters
    ----------
    step
        (n,) steps, in any order, possibly repeated.
    wall
        (n,) times of arrival; of equal times the later position counts as later.
    """
    steps, walls = np.asarray(step), np.asarray(wall)
    if len(steps) == 0 or bool(np.all(steps[1:] > steps[:-1])):
        return np.arange(len(steps), dtype=np.int64)
    order = np.lexsort((walls, steps))
    ordered = steps[order]
    return order[np.concatenate((ordered[1:] != ordered[:-1], [True]))].astype(np.int64, copy=False)


def bands(
    x_list: Sequence[ArrayLike],
    y_list: Sequence[ArrayLike],
    width: int = 1000,
    kind: BandKind = "ci95",
) -> Bands:
    """Return the mean of several series and a band around it, computed on all their points.

    Every series counts once at each grid point, however many points it has there, and nothing is
    interpolated. Where the series have the same x (some may start late or end early) and these fit
    into ``width``, they are the grid and the result is exact. Otherwise the range is cut into
    equal columns: at most ``width``, and no more than the median series has points, so that each
    column holds a point of most series. Each series is averaged inside a column first; the grid is
    the mean x there. Values that are not finite are left out, and so are columns without a value.

    Parameters
    ----------
    x_list, y_list
        One pair of (n_i,) arrays for each series; x ascending and finite.
    width
        The most grid points.
    kind
        ``std`` (n - 1), ``se``, ``ci95`` (Student's t interval of the mean), or ``minmax`` (of all
        points, not of the averages).

    Raises
    ------
    ValueError
        The band is unknown or the width is below 1.
    """
    if kind not in {"std", "se", "ci95", "minmax"} or width < 1:
        raise ValueError(f"Expected std, se, ci95 or minmax and width >= 1; got {kind!r}, {width}.")
    series = [_finite(x, y) for x, y in zip(x_list, y_list, strict=True)]
    series = [pair for pair in series if len(pair[0])]
    if not series:
        none = np.empty(0)
        return Bands(x=none, mean=none, low=none, high=none, n=np.empty(0, np.int64))
    places, bounds = _grid([x for x, _ in series], width)
    with np.errstate(over="ignore", invalid="ignore"):
        return _summary(places, bounds, [y for _, y in series], kind)


def search(x: NDArray[Any], edge: float, side: Literal["left", "right"]) -> int:
    """Return the place of an edge in ascending x, whose whole numbers stay what they are."""
    if x.dtype == np.int64:
        edge = min(max(edge, -FAR), FAR)
        edge = math.ceil(edge) if side == "left" else math.floor(edge)
    return int(np.searchsorted(x, edge, side))


def _starts(x: NDArray[Any], edges: NDArray[Any]) -> Indices:
    """Return where each column that has points begins in x."""
    first, after = np.searchsorted(edges, x[0], "right"), np.searchsorted(edges, x[-1], "right")
    starts = np.concatenate(([0], np.searchsorted(x, edges[first:after], "left")))
    return starts[np.concatenate((starts[1:] > starts[:-1], [True]))]


@lru_cache(maxsize=4)
def _edges(lo: float, hi: float, width: int, *, is_whole: bool) -> NDArray[Any]:
    """Return where columns begin; the curves of one chart mostly have the same."""
    part = np.arange(1, width) / width
    edges = np.maximum.accumulate(lo * (1 - part) + hi * part)  # never hi - lo: it may overflow
    return np.ceil(np.clip(edges, -FAR, FAR)).astype(np.int64) if is_whole else edges


def _keep(y: NDArray[Any], starts: Indices) -> Indices:
    """Return first, last, lowest, highest and gap points of the columns, ascending."""
    ends = np.append(starts[1:], len(y))
    sizes = ends - starts
    if np.max(sizes) <= _FEW:
        return np.arange(len(y))
    is_finite = np.isfinite(y)
    is_gapless = bool(is_finite.all())
    below = y if is_gapless else np.where(is_finite, y, np.inf)
    above = y if is_gapless else np.where(is_finite, y, -np.inf)
    lowest, highest = _extremes(below, above, starts, ends)
    if np.min(sizes) <= _FEW:
        lowest = np.where(sizes > _FEW, lowest, np.minimum(starts + 1, ends - 1))
        highest = np.where(sizes > _FEW, highest, np.maximum(ends - 2, starts))
    if is_gapless:
        kept = [starts, np.minimum(lowest, highest), np.maximum(lowest, highest), ends - 1]
    else:
        gaps = _gaps(np.flatnonzero(~is_finite), starts, ends)
        kept = list(np.sort([starts, lowest, highest, *gaps, ends - 1], axis=0))
    ordered = np.stack(kept, axis=1).ravel()  # one column is behind the other
    return ordered[np.concatenate(([True], ordered[1:] != ordered[:-1]))]


def _extremes(
    below: NDArray[Any], above: NDArray[Any], starts: Indices, ends: Indices
) -> tuple[Indices, Indices]:
    """Return the first lowest place of `below` and the first highest of `above` in each column."""
    sizes = ends - starts
    if len(starts) > 2 and np.ptp(sizes[1:-1]) == 0:
        return _of_equals(below, starts, np.argmin), _of_equals(above, starts, np.argmax)
    longest = int(np.max(sizes))
    if longest * len(starts) <= 2 * len(below):
        low = _rows(below, starts, ends, longest)
        high = low if above is below else _rows(above, starts, ends, longest)
        return starts + low.argmin(axis=1), starts + high.argmax(axis=1)
    chunk = 8 + 2 * math.isqrt(len(below) // len(starts))
    cuts = _distinct(np.concatenate((starts, np.arange(0, len(below), chunk))))
    lowest = _positions(below, np.minimum.reduceat(below, cuts), cuts, starts, np.minimum)
    highest = _positions(above, np.maximum.reduceat(above, cuts), cuts, starts, np.maximum)
    return lowest, highest


def _of_equals(y: NDArray[Any], starts: Indices, place: Callable[..., Any]) -> Indices:
    """Return a place in each column, where all but the first and the last are equally long."""
    second, last = starts[1], starts[-1]
    inner = place(y[second:last].reshape(len(starts) - 2, -1), axis=1)
    return starts + np.concatenate(([place(y[:second])], inner, [place(y[last:])]))


def _rows(y: NDArray[Any], starts: Indices, ends: Indices, longest: int) -> NDArray[Any]:
    """Return the columns, about equally long, as rows; short ones repeat their first value."""
    shortest = int(np.min(ends - starts))
    shape, strides = (len(y) - longest + 1, longest), (y.itemsize, y.itemsize)
    windows = np.ndarray(shape, y.dtype, np.ascontiguousarray(y), strides=strides)
    rows = windows[np.minimum(starts, len(y) - longest)]
    for row in range(np.searchsorted(starts, len(y) - longest, "right"), len(starts)):
        rows[row, : len(y) - starts[row]] = y[starts[row] :]
    if shortest < longest:
        is_beyond = np.arange(shortest, longest) >= (ends - starts)[:, None]
        np.copyto(rows[:, shortest:], rows[:, :1], where=is_beyond)
    return rows


def _positions(
    y: NDArray[Any], extremes: NDArray[Any], cuts: Indices, starts: Indices, extreme: np.ufunc
) -> Indices:
    """Return the first index of each column's lowest or highest value, from its chunks' extremes."""
    first_chunk = np.searchsorted(cuts, starts)
    of_column = extreme.reduceat(extremes, first_chunk)
    chunks = np.diff(np.append(first_chunk, len(cuts)))
    hits = np.flatnonzero(extremes == np.repeat(of_column, chunks))
    chunk = hits[np.searchsorted(hits, first_chunk)]
    begins, ends = cuts[chunk], np.append(cuts[1:], len(y))[chunk]
    inside = y[np.minimum(begins[:, None] + np.arange(np.max(ends - begins)), ends[:, None] - 1)]
    return begins + np.argmax(inside == of_column[:, None], axis=1)


def _distinct(values: NDArray[Any]) -> NDArray[Any]:
    """Sort and drop repeats; for integers five times as fast as np.unique, which hashes."""
    ordered = np.sort(values, kind="stable")
    return ordered[np.concatenate(([True], ordered[1:] != ordered[:-1]))]


def _gaps(gap: Indices, starts: Indices, ends: Indices) -> list[Indices]:
    """Return the first and the last gap of each column, or its start where it has none."""
    first, after = np.searchsorted(gap, starts), np.searchsorted(gap, ends)
    last = len(gap) - 1
    return [
        np.where(after > first, gap[np.minimum(first, last)], starts),
        np.where(after > first, gap[after - 1], starts),
    ]


def _finite(x: ArrayLike, y: ArrayLike) -> tuple[Floats, Floats]:
    places, values = np.asarray(x, np.float64), np.asarray(y, np.float64)
    keep = np.isfinite(values)
    return (places, values) if keep.all() else (places[keep], values[keep])


def _grid(xs: list[Floats], width: int) -> tuple[Floats, list[Indices]]:
    """Return the grid's x, and for each series where its points of each grid point begin.

    Behind the last beginning stands the end.
    """
    is_shared = all(np.array_equal(x, xs[0]) for x in xs)
    union = _distinct(xs[0] if is_shared else np.concatenate(xs))
    several = xs[:1] if is_shared else xs
    if len(union) <= width and all(_covers(x, union) for x in several):
        bounds = [np.append(np.searchsorted(x, union), len(x)) for x in several]
        return union, bounds * (len(xs) // len(bounds))
    count = min(width, max(1, int(np.median([len(_distinct(x)) for x in several]))))
    edges = np.linspace(union[0], union[-1], count + 1)[1:-1]
    bounds = [np.concatenate(([0], np.searchsorted(x, edges), [len(x)])) for x in several]
    sizes = np.sum([np.diff(bound) for bound in bounds], axis=0)
    sums = np.nansum(
        [_reduced(np.add, x, bound) for x, bound in zip(several, bounds, strict=True)], axis=0
    )
    is_used = sizes > 0
    bounds = [bound[np.append(is_used, True)] for bound in bounds]
    return sums[is_used] / sizes[is_used], bounds * (len(xs) // len(bounds))


def _covers(x: Floats, union: Floats) -> bool:
    """Return whether a series has every x of the union between its own first and last."""
    inside = np.searchsorted(union, x[-1], "right") - np.searchsorted(union, x[0], "left")
    return len(_distinct(x)) == inside


def _reduced(reduce: np.ufunc, values: Floats, bounds: Indices) -> Floats:
    """Return a series' sum, lowest or highest value of each grid point; NaN where it has none."""
    out = np.full(len(bounds) - 1, np.nan)
    has_points = bounds[1:] > bounds[:-1]
    out[has_points] = reduce.reduceat(values, bounds[:-1][has_points])
    return out


def _summary(places: Floats, bounds: list[Indices], values: list[Floats], kind: BandKind) -> Bands:
    pairs = list(zip(values, bounds, strict=True))
    sizes = np.diff(bounds, axis=1)
    means = np.stack([_reduced(np.add, y, bound) for y, bound in pairs]) / np.maximum(sizes, 1)
    n = np.sum(~np.isnan(means), axis=0)
    mean = np.nansum(means, axis=0) / n
    if kind == "minmax":
        low = np.fmin.reduce([_reduced(np.minimum, y, bound) for y, bound in pairs])
        high = np.fmax.reduce([_reduced(np.maximum, y, bound) for y, bound in pairs])
    else:
        half = _half_width(means, mean, n, kind)
        low, high = mean - half, mean + half
    return Bands(x=places, mean=mean, low=low, high=high, n=n.astype(np.int64, copy=False))


def _half_width(means: Floats, mean: Floats, n: Indices, kind: BandKind) -> Floats:
    squares = np.nansum((means - mean) ** 2, axis=0)
    half = np.full(len(mean), np.nan)
    several = n > 1
    half[several] = np.sqrt(squares[several] / (n[several] - 1))
    if kind != "std":
        half[several] /= np.sqrt(n[several])
    if kind == "ci95":
        quantiles = {int(k): _t_975(int(k) - 1) for k in np.unique(n[several])}
        half[several] *= [quantiles[int(k)] for k in n[several]]
    return half


_T_975 = (12.7062047, 4.3026527, 3.1824463, 2.7764451, 2.5705818, 2.4469119, 2.3646243, 2.3060041)


def _t_975(freedom: int) -> float:
    """Return the 97.5 % point of Student's t: a table, then Fisher's expansion (error < 2e-5)."""
    if freedom <= len(_T_975):
        return _T_975[freedom - 1]
    z = 1.959963984540054
    terms = (
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
        (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / 92160,
    )
    return z + sum(term / freedom**power for power, term in enumerate(terms, 1))
