"""Plotly figures of evaluation results. Pure: arrays in, a figure out; drawn on demand only."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from dashboard import theme

_HEIGHT = 380
_SCALE = {
    "light": [[0, "#FFFFFF"], [0.02, "#EEF0FA"], [0.5, "#8F95D3"], [1, "#343997"]],
    "dark": [[0, "#191B22"], [0.02, "#22253A"], [0.5, "#3A4190"], [1, "#5F68DE"]],
}
_INK = {"light": "#171A21", "dark": "#E7E9EE"}
_MUTED = {"light": "#5B6070", "dark": "#A2A7B5"}
_GRID = {"light": "#E6E8EE", "dark": "#2A2D37"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One curve of a chart."""

    name: str
    x: NDArray[np.float64]
    y: NDArray[np.float64]
    threshold: NDArray[np.float64]


def confusion(
    counts: NDArray[np.int64],
    shares: NDArray[np.float64],
    classes: Sequence[str],
    *,
    mode: str,
    as_shares: bool,
) -> go.Figure:
    """Return a confusion matrix: true classes as rows, coloured by the share of the row.

    Colour by share, also when counts are written: a rare class must not look fine because it
    is pale.
    """
    written = np.char.mod("%.2f", shares) if as_shares else np.char.mod("%d", counts)
    hints = np.stack([counts, shares * 100], axis=-1)
    labels = [f"{name} " for name in classes]
    figure = go.Figure(
        go.Heatmap(
            z=shares,
            x=labels,
            y=labels,
            text=np.where(counts == 0, "", written),
            texttemplate="%{text}" if len(classes) <= 20 else None,
            customdata=hints,
            hovertemplate="true %{y}taken for %{x}<br>%{customdata[0]:,} examples, "
            "%{customdata[1]:.1f} % of the class<extra></extra>",
            colorscale=_SCALE[mode],
            zmin=0,
            zmax=1,
            showscale=False,
            xgap=2,
            ygap=2,
        )
    )
    _dress(figure, mode, height=max(_HEIGHT, min(760, 150 + 34 * len(classes))))
    plain = {"type": "category", "showgrid": False, "ticks": ""}
    figure.update_xaxes(title=_title("Predicted", mode), **plain)
    figure.update_yaxes(title=_title("True", mode), autorange="reversed", **plain)
    return figure


def roc(lines: Sequence[Line], *, mode: str) -> go.Figure:
    """Return ROC curves with the diagonal of guessing."""
    figure = go.Figure()
    figure.add_trace(_guess([0, 1], [0, 1], mode))
    _add_lines(figure, lines, mode, "false positives %{x:.1%}<br>true positives %{y:.1%}")
    _dress(figure, mode)
    _unit_axes(figure, "False positive rate", "True positive rate", mode)
    return figure


def precision_recall(lines: Sequence[Line], prevalence: float | None, *, mode: str) -> go.Figure:
    """Return precision-recall curves; with one curve, the level of guessing too."""
    figure = go.Figure()
    if prevalence is not None:
        figure.add_trace(_guess([0, 1], [prevalence, prevalence], mode))
    _add_lines(figure, lines, mode, "recall %{x:.1%}<br>precision %{y:.1%}", shape="hv")
    _dress(figure, mode)
    _unit_axes(figure, "Recall", "Precision", mode)
    return figure


def _add_lines(
    figure: go.Figure, lines: Sequence[Line], mode: str, hover: str, shape: str = "linear"
) -> None:
    for place, line in enumerate(lines):
        figure.add_trace(
            go.Scatter(
                x=line.x,
                y=line.y,
                customdata=line.threshold,
                name=line.name,
                mode="lines",
                line={"width": 2, "color": theme.colour(place, mode), "shape": shape},
                hovertemplate=f"<b>{line.name}</b><br>{hover}"
                "<br>threshold %{customdata:.4g}<extra></extra>",
            )
        )


def _guess(x: Sequence[float], y: Sequence[float], mode: str) -> go.Scatter:
    line = {"width": 1.2, "dash": "dot", "color": _MUTED[mode]}
    return go.Scatter(
        x=np.asarray(x), y=np.asarray(y), mode="lines", line=line, name="guessing", hoverinfo="skip"
    )


def _unit_axes(figure: go.Figure, x: str, y: str, mode: str) -> None:
    unit = {"dtick": 0.2, "tickformat": ".1f"}
    figure.update_xaxes(title=_title(x, mode), range=[-0.01, 1.01], **unit)
    figure.update_yaxes(title=_title(y, mode), range=[-0.01, 1.02], **unit)


def _title(text: str, mode: str) -> dict[str, Any]:
    return {"text": text, "font": {"size": 12, "color": _MUTED[mode]}, "standoff": 8}


def _dress(figure: go.Figure, mode: str, *, height: int = _HEIGHT) -> None:
    figure.update_layout(
        height=height,
        margin={"l": 8, "r": 8, "t": 10, "b": 8},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"family": "Inter, system-ui, sans-serif", "size": 12, "color": _INK[mode]},
        legend={"orientation": "h", "y": -0.17, "x": 0, "font": {"color": _INK[mode]}},
        hoverlabel={"font": {"family": "Inter, system-ui, sans-serif", "size": 12}},
        dragmode=False,
    )
    axis = {
        "gridcolor": _GRID[mode],
        "zeroline": False,
        "automargin": True,
        "tickfont": {"size": 11, "color": _MUTED[mode]},
    }
    figure.update_xaxes(**axis)
    figure.update_yaxes(**axis)
