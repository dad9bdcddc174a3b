"""Plotly figures of evaluation results. Pure: arrays in, a figure out; drawn on demand only."""

from collections.abc import Sequence
from dataclasses import dataclass
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
    figure = go.Figure()
    figure.add_trace(_guess([0, 1], [0, 1], mode))
    _add_lines(figure, lines, mode, "false positives %{x:.1%}<br>true positives %{y:.1%}")
    dress(figure, mode)
    unit_axes(figure, "False positive rate", "True positive rate", mode)
    return figure


def precision_recall(lines: Sequence[Line], prevalence: float | None, *, mode: str) -> go.Figure:
    """Return precision-recall curves; with one curve, the level of guessing too."""
    figure = go.Figure()
    if prevalence is not None:
        figure.add_trace(_guess([0, 1], [prevalence, prevalence], mode))
    _add_lines(figure, lines, mode, "recall %{x:.1%}<br>precision %{y:.1%}", shape="hv")
    dress(figure, mode)
    unit_axes(figure, "Recall", "Precision", mode)
    return figure


def _add_lines(
    figure: go.Figure, lines: Sequence[Line], mode: str, hover: str, shape: str = "linear"
) -> None:
    for number, line in enumerate(lines):
        place = number if line.place is None else line.place
        if line.band is not None:
            figure.add_trace(band(line.band, place, mode))
        figure.add_trace(
            go.Scatter(
                x=line.x,
                y=line.y,
                customdata=line.threshold,
                name=line.name,
                mode="lines",
                line={**stroke(place, mode), "shape": shape},
                hovertemplate=f"<b>{line.name}</b><br>{hover}"
                "<br>threshold %{customdata:.4g}<extra></extra>",
            )
        )
        if line.point is not None:
            figure.add_trace(_point(line.point, line.name, place, mode))


def stroke(place: int, mode: str) -> dict[str, Any]:
    """Return the line of the run at a place: its colour, and its strokes beyond the sixth."""
    return {"width": 2, "color": theme.colour(place, mode), "dash": theme.dash(place)}


def band(limits: Band, place: int, mode: str) -> go.Scatter:
    """Return a confidence band in the colour of its run."""
    return go.Scatter(
        x=np.concatenate([limits.x, limits.x[::-1]]),
        y=np.concatenate([limits.high, limits.low[::-1]]),
        fill="toself",
        fillcolor=faded(theme.colour(place, mode)),
        line={"width": 0},
        hoverinfo="skip",
        showlegend=False,
    )


def faded(colour: str, share: float = 0.16) -> str:
    """Return a colour `#rrggbb` that lets most of what is below it through."""
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},{share})"


def _point(point: OperatingPoint, name: str, place: int, mode: str) -> go.Scatter:
    return go.Scatter(
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


def _guess(x: Sequence[float], y: Sequence[float], mode: str) -> go.Scatter:
    line = {"width": 1.2, "dash": "dot", "color": MUTED[mode]}
    return go.Scatter(
        x=np.asarray(x), y=np.asarray(y), mode="lines", line=line, name="guessing", hoverinfo="skip"
    )


def unit_axes(figure: go.Figure, x: str, y: str, mode: str) -> None:
    """Give both axes the range from 0 to 1."""
    unit = {"dtick": 0.2, "tickformat": ".1f"}
    figure.update_xaxes(title=axis_title(x, mode), range=[-0.01, 1.01], **unit)
    figure.update_yaxes(title=axis_title(y, mode), range=[-0.01, 1.02], **unit)


def axis_title(text: str, mode: str) -> dict[str, Any]:
    """Return an axis title as all charts have it."""
    return {"text": text, "font": {"size": 12, "color": MUTED[mode]}, "standoff": 8}


def dress(figure: go.Figure, mode: str, *, height: int = _HEIGHT) -> None:
    """Give a figure the look of the page: no background, quiet grid, legend below."""
    traces: list[Any] = list(figure.data)
    named = sum(trace.showlegend is not False and bool(trace.name) for trace in traces)
    figure.update_layout(
        height=height + _LEGEND_ROW * (named // 4),
        margin={"l": 8, "r": 8, "t": 10, "b": 8},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"family": "Inter, system-ui, sans-serif", "size": 12, "color": INK[mode]},
        legend={"orientation": "h", "y": -0.17, "x": 0, "font": {"color": INK[mode]}},
        hoverlabel={"font": {"family": "Inter, system-ui, sans-serif", "size": 12}},
        dragmode=False,
    )
    axis = {
        "gridcolor": GRID[mode],
        "zeroline": False,
        "automargin": True,
        "tickfont": {"size": 11, "color": MUTED[mode]},
    }
    figure.update_xaxes(**axis)
    figure.update_yaxes(**axis)
