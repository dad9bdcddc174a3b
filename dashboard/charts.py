"""Plotly figures of evaluation results. Pure: arrays in, a figure out; drawn on demand only."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from types import MappingProxyType
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from dashboard import theme
from experiments.evaluating.bands import Band, OperatingPoint

_HEIGHT = 380
_LEGEND_ROW = 20  # about four names a row
INK = {"light": "#171A21", "dark": "#E7E9EE"}
MUTED = {"light": "#5B6070", "dark": "#A2A7B5"}
GRID = {"light": "#E6E8EE", "dark": "#2A2D37"}

Trace = dict[str, Any]
Axis = Mapping[str, Any]
NO_AXIS: Axis = MappingProxyType({})
_FEW_BANDS, _FEW_BANDS_SHARE, _MANY_BANDS_SHARE = 3, 0.16, 0.06
UNIT_X: Axis = MappingProxyType({"range": [-0.01, 1.01], "dtick": 0.2, "tickformat": ".1f"})
UNIT_Y: Axis = MappingProxyType({**UNIT_X, "range": [-0.01, 1.02]})
"""from 0 to 1, with room for a line at the end"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One curve of a chart."""

    name: str
    x: NDArray[np.float64]
    y: NDArray[np.float64]
    threshold: NDArray[np.float64]
    place: int | None = None
    """Of its run among those that are looked at; by default its place in the chart."""
    band: Band | None = None
    point: OperatingPoint | None = None
    """Where the model stands at the threshold at which it is used."""


def roc(lines: Sequence[Line], *, mode: str) -> go.Figure:
    """Return ROC curves with the diagonal of guessing."""
    hover = "false positives %{x:.1%}<br>true positives %{y:.1%}"
    traces = [_guess([0, 1], [0, 1], mode), *_drawn(lines, mode, hover)]
    titles = ("False positive rate", "True positive rate")
    return drawn(traces, mode, titles=titles, x=UNIT_X, y=UNIT_Y)


def precision_recall(lines: Sequence[Line], prevalence: float | None, *, mode: str) -> go.Figure:
    """Return precision-recall curves; with one curve, the level of guessing too."""
    hover = "recall %{x:.1%}<br>precision %{y:.1%}"
    level = [] if prevalence is None else [_guess([0, 1], [prevalence, prevalence], mode)]
    traces = [*level, *_drawn(lines, mode, hover, shape="hv")]
    return drawn(traces, mode, titles=("Recall", "Precision"), x=UNIT_X, y=UNIT_Y)


def _drawn(lines: Sequence[Line], mode: str, hover: str, shape: str = "linear") -> Iterator[Trace]:
    share = _FEW_BANDS_SHARE if len(lines) <= _FEW_BANDS else _MANY_BANDS_SHARE
    for number, line in enumerate(lines):
        place = number if line.place is None else line.place
        if line.band is not None:
            yield band(line.band, place, mode, share)
        yield trace(
            "scatter",
            x=line.x,
            y=line.y,
            customdata=line.threshold,
            name=line.name,
            mode="lines",
            line={**stroke(place, mode), "shape": shape},
            hovertemplate=f"<b>{line.name}</b><br>{hover}"
            "<br>threshold %{customdata:.4g}<extra></extra>",
        )
        if line.point is not None:
            yield _point(line.point, line.name, place, mode)


def stroke(place: int, mode: str) -> dict[str, Any]:
    """Return the line of the run at a place: its colour, and its strokes beyond the sixth."""
    return {"width": 2, "color": theme.colour(place, mode), "dash": theme.dash(place)}


def band(limits: Band, place: int, mode: str, share: float) -> Trace:
    """Return a confidence band in the colour of its run, of which a share covers what is below."""
    return trace(
        "scatter",
        x=np.concatenate([limits.x, limits.x[::-1]]),
        y=np.concatenate([limits.high, limits.low[::-1]]),
        fill="toself",
        fillcolor=faded(theme.colour(place, mode), share),
        line={"width": 0},
        hoverinfo="skip",
        showlegend=False,
    )


def faded(colour: str, share: float = 0.16) -> str:
    """Return a colour `#rrggbb` that lets most of what is below it through."""
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},{share})"


def _point(point: OperatingPoint, name: str, place: int, mode: str) -> Trace:
    return trace(
        "scatter",
        x=np.array([point.x]),
        y=np.array([point.y]),
        mode="markers",
        marker={
            "size": 10,
            "color": theme.colour(place, mode),
            "line": {"width": 2, "color": INK[mode]},
        },
        hovertemplate=f"<b>{name}</b><br>in use at threshold {point.threshold:.3g}"
        "<br>%{x:.3f}, %{y:.3f}<extra></extra>",
        showlegend=False,
    )


def _guess(x: Sequence[float], y: Sequence[float], mode: str) -> Trace:
    return reference(x, y, "guessing", mode)


def reference(x: Any, y: Any, name: str, mode: str, dash: str = "dot") -> Trace:
    """Return a quiet line that others are read against."""
    return trace(
        "scatter",
        x=np.asarray(x),
        y=np.asarray(y),
        mode="lines",
        line={"width": 1.2, "dash": dash, "color": MUTED[mode]},
        name=name,
        hoverinfo="skip",
    )


def trace(kind: str, **parts: Any) -> Trace:
    """Return one line, band or set of bars, as `drawn` takes it; in its name nothing is markup."""
    if "name" in parts:
        parts["name"] = escape(str(parts["name"]), quote=False)
    return {"type": kind, **parts}


def drawn(
    traces: Sequence[Trace],
    mode: str,
    *,
    titles: tuple[str, str] = ("", ""),
    x: Axis = NO_AXIS,
    y: Axis = NO_AXIS,
    height: int = _HEIGHT,
    **layout: Any,
) -> go.Figure:
    """Return a figure with the look of the page: no background, quiet grid, legend below.

    It is handed to Plotly whole: what is added piece by piece is checked anew with every piece.

    Parameters
    ----------
    titles
        Of the horizontal and the vertical axis.
    x, y
        More about the axes, in Plotly's words.
    layout
        More about the rest, in Plotly's words.
    """
    named = sum(one.get("showlegend") is not False and bool(one.get("name")) for one in traces)
    font = {"family": "Inter, system-ui, sans-serif", "size": 12}
    dress = {
        "height": height + _LEGEND_ROW * (named // 4),
        "margin": {"l": 8, "r": 8, "t": 10, "b": 8},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {**font, "color": INK[mode]},
        "legend": {"orientation": "h", "y": -0.17, "x": 0, "font": {"color": INK[mode]}},
        "hoverlabel": {"font": font},
        "dragmode": False,
        "xaxis": {**_axis(titles[0], mode), **x},
        "yaxis": {**_axis(titles[1], mode), **y},
    }
    return go.Figure({"data": list(traces), "layout": {**dress, **layout}})


def _axis(title: str, mode: str) -> dict[str, Any]:
    font = {"size": 12, "color": MUTED[mode]}
    return {
        "gridcolor": GRID[mode],
        "zeroline": False,
        "automargin": True,
        "tickfont": {"size": 11, "color": MUTED[mode]},
        **({"title": {"text": title, "font": font, "standoff": 8}} if title else {}),
    }
