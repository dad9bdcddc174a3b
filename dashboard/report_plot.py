"""One panel of curves as SVG: lines, bands and what cannot be drawn as a height. Pure."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from dashboard import formats
from dashboard.markup import Markup, element

WIDTH: Final = 600
HEIGHT: Final = 272
_LEFT, _RIGHT, _TOP, _BOTTOM = 58, 12, 10, 46
INNER_WIDTH: Final = WIDTH - _LEFT - _RIGHT
_MOST_TICKS: Final = 7
_ROOM: Final = 0.06
_DECADE, _MANY_DECADES = 8.0, 3_000.0

Numbers = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One curve.

    Attributes
    ----------
    place
        Of its run or group: its colour.
    x, y
        Where it goes; NaN is a gap.
    low, high
        Of a band.
    dash
        Lengths of strokes and gaps; empty for a whole line.
    """

    place: int
    x: Numbers
    y: Numbers
    low: Numbers | None = None
    high: Numbers | None = None
    dash: str = ""
    width: float = 1.8
    opacity: float = 1.0
    marks_odd: bool = False
    """Whether NaN and infinity are marked on the axis."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """An axis: places are values, or their logarithms to base 10; pixels run from start to end."""

    low: float
    high: float
    start: float
    end: float
    is_log: bool = False
    words: Callable[[float], str] = field(default=formats.value)

    def at(self, values: Numbers) -> Numbers:
        """Return where values stand; NaN where a logarithmic axis has no place for them."""
        places = np.log10(np.where(values > 0, values, np.nan)) if self.is_log else values
        return self.start + (places - self.low) * (self.end - self.start) / (self.high - self.low)

    def ticks(self) -> Iterator[tuple[float, str]]:
        """Return the pixel and the word of each tick."""
        values = (
            log_ticks(10**self.low, 10**self.high) if self.is_log else ticks(self.low, self.high)
        )
        for value, pixel in zip(values, self.at(np.asarray(values)).tolist(), strict=True):
            yield pixel, self.words(value)

    @classmethod
    def across(
        cls, low: float, high: float, *, is_log: bool, words: Callable[[float], str]
    ) -> Self:
        """Return the horizontal axis between two values."""
        low, high = _ends(low, high, is_log=is_log, room=0.0)
        return cls(low=low, high=high, start=_LEFT, end=WIDTH - _RIGHT, is_log=is_log, words=words)

    @classmethod
    def up(cls, low: float, high: float, *, is_log: bool) -> Self:
        """Return the vertical axis between two values, with some room beyond them."""
        low, high = _ends(low, high, is_log=is_log, room=_ROOM)
        return cls(
            low=low, high=high, start=HEIGHT - _BOTTOM, end=_TOP, is_log=is_log, words=tick_words
        )


def plot(lines: Sequence[Line], x: Scale, y: Scale, *, title: str, label: str, key: str) -> Markup:
    """Return curves as SVG.

    Parameters
    ----------
    lines
        Those that stand behind come first.
    x, y
        The axes.
    title
        Of the horizontal axis.
    label
        What the drawing shows, for those who cannot see it.
    key
        Unlike that of any other drawing in the document.
    """
    clip = f"inside-{key}"
    size = {"width": str(INNER_WIDTH), "height": str(HEIGHT - _TOP - _BOTTOM)}
    window = element("rect", x=str(_LEFT), y=str(_TOP), **size)
    drawn = [part for line in lines for part in _drawn(line, x, y)]
    return element(
        "svg",
        element("clipPath", window, id=clip),
        _grid(x, y, title),
        element("g", *drawn, clip_path=f"url(#{clip})"),
        viewBox=f"0 0 {WIDTH} {HEIGHT}",
        role="img",
        aria_label=label,
        cls="plot",
    )


def _drawn(line: Line, x: Scale, y: Scale) -> Iterator[Markup]:
    across, up = x.at(line.x), y.at(line.y)
    faint = f"{line.opacity:.2g}"
    run = f"run{line.place}"
    if line.low is not None and line.high is not None:
        around = _around(across, y.at(line.low), y.at(line.high))
        yield element("path", d=around, cls=f"band {run}", opacity=f"{line.opacity * 0.2:.2g}")
    look: dict[str, Any] = {"stroke_width": f"{line.width:g}", "opacity": faint}
    if line.dash:
        look["stroke_dasharray"] = line.dash
    known = np.isfinite(up)
    if known.sum() == 1:
        at = int(np.argmax(known))
        dot = {"cx": f"{across[at]:.1f}", "cy": f"{up[at]:.1f}", "r": "3"}
        yield element("circle", cls=f"dot {run}", opacity=faint, **dot)
    else:
        yield element("path", d=_path(across, up), cls=f"curve {run}", fill="none", **look)
    odd = across[~np.isfinite(line.y) & np.isfinite(across)] if line.marks_odd else across[:0]
    if len(odd):
        base = HEIGHT - _BOTTOM - 1
        signs = "".join(f"M{at - 4:.1f} {base}l4 -7l4 7z" for at in odd.tolist())
        yield element("path", d=signs, cls=f"curve {run}", fill="none", opacity=faint)


def _grid(x: Scale, y: Scale, title: str) -> Markup:
    parts = []
    for at, word in y.ticks():
        ends = {"x1": f"{_LEFT}", "x2": f"{WIDTH - _RIGHT}", "y1": f"{at:.1f}", "y2": f"{at:.1f}"}
        parts.append(element("line", **ends))
        parts.append(element("text", word, x=f"{_LEFT - 7}", y=f"{at + 4:.1f}", text_anchor="end"))
    for at, word in x.ticks():
        middle = {"text_anchor": "middle"}
        parts.append(element("text", word, x=f"{at:.1f}", y=f"{HEIGHT - 27}", **middle))
    foot = {"x": f"{_LEFT + INNER_WIDTH / 2:.0f}", "y": f"{HEIGHT - 6}", "text_anchor": "middle"}
    return element("g", *parts, element("text", title, **foot), cls="grid")


def tick_words(value: float) -> str:
    """Return a number beside a tick."""
    return formats.number(value, 3) if abs(value) >= 1_000 else formats.value(float(f"{value:.3g}"))


def ticks(low: float, high: float) -> list[float]:
    """Return round numbers between two ends, at most seven: multiples of 1, 2 or 5 tens."""
    rough = (high - low) / _MOST_TICKS
    ten = 10.0 ** math.floor(math.log10(rough))
    step = next(ten * factor for factor in (1, 2, 5, 10) if ten * factor >= rough)
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return [float(f"{place * step:.12g}") for place in range(first, last + 1)]


def log_ticks(low: float, high: float) -> list[float]:
    """Return ticks of a logarithmic axis: powers of ten, with 2 and 5 between few; even ones below."""
    if high / low < _DECADE:
        return ticks(low, high)
    digits = (1, 2, 5) if high / low < _MANY_DECADES else (1,)
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    listed = [float(f"{digit}e{power}") for power in powers for digit in digits]
    return [value for value in listed if low <= value <= high]


def _path(xs: Numbers, ys: Numbers) -> str:
    """Return an SVG path; a value that is no number lifts the pen."""
    words, is_down = [], False
    for x, y in zip(xs.tolist(), ys.tolist(), strict=True):
        if not (math.isfinite(x) and math.isfinite(y)):
            is_down = False
            continue
        words.append(f"{'L' if is_down else 'M'}{x:.1f} {y:.1f}")
        is_down = True
    return "".join(words)


def _around(xs: Numbers, lows: Numbers, highs: Numbers) -> str:
    """Return the outline of a band, in pieces where it is not known."""
    known = np.isfinite(xs) & np.isfinite(lows) & np.isfinite(highs)
    edges = np.flatnonzero(np.diff(np.concatenate([[False], known, [False]])))
    parts = []
    for start, end in edges.reshape(-1, 2).tolist():
        there = np.concatenate([xs[start:end], xs[start:end][::-1]])
        back = np.concatenate([highs[start:end], lows[start:end][::-1]])
        parts.append(f"{_path(there, back)}z")
    return "".join(parts)


def _ends(low: float, high: float, *, is_log: bool, room: float) -> tuple[float, float]:
    if is_log:
        low, high = math.log10(low), math.log10(high)
    if low == high:
        return low - 0.5, high + 0.5
    return low - room * (high - low), high + room * (high - low)
