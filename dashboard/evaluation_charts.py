"""Plotly figures of calibration, thresholds, lift, residuals and trade-offs. Pure: arrays in."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from dashboard import theme
from dashboard.charts import (
    GRID,
    INK,
    MUTED,
    UNIT_X,
    UNIT_Y,
    Trace,
    drawn,
    faded,
    reference,
    stroke,
    trace,
)
from dashboard.evaluation_data import Entry
from experiments.evaluating.answers import Places
from experiments.evaluating.bands import Band
from experiments.evaluating.calibration import Calibration
from experiments.evaluating.costs import Front
from experiments.evaluating.lift import Gain, Histogram
from experiments.evaluating.regression import Residuals
from experiments.evaluating.thresholds import Prices, Sweep

FloatArray = NDArray[np.float64]
_WHOLE = MappingProxyType({"range": [0, 1]})


def reliability(found: Mapping[Entry, Calibration], *, mode: str) -> go.Figure:
    """Return reliability diagrams: the isotonic curve, binned shares, and chance for one model."""
    traces: list[Trace] = []
    traces.append(reference([0, 1], [0, 1], "perfect", mode))
    for entry, one in found.items():
        if one.band is not None:
            limits = Band(x=one.band.forecast, low=one.band.low, high=one.band.high)
            traces.append(_neutral_band(limits, "calibrated, by chance", mode))
        traces.append(
            trace(
                "scatter",
                x=one.curve.forecast,
                y=one.curve.recalibrated,
                name=entry.name,
                mode="lines",
                line=stroke(entry.place, mode),
                hovertemplate=f"<b>{entry.name}</b><br>says %{{x:.1%}}<br>happens %{{y:.1%}}"
                "<extra></extra>",
            )
        )
        bins = one.bins
        traces.append(
            trace(
                "scatter",
                x=bins.mean_probability,
                y=bins.frequency,
                customdata=bins.count,
                mode="markers",
                marker={"size": 6, "color": theme.colour(entry.place, mode)},
                error_y={
                    "type": "data",
                    "array": bins.high - bins.frequency,
                    "arrayminus": bins.frequency - bins.low,
                    "thickness": 1,
                    "width": 0,
                    "color": faded(theme.colour(entry.place, mode), 0.6),
                },
                hovertemplate=f"<b>{entry.name}</b><br>says %{{x:.1%}}<br>happens %{{y:.1%}}"
                "<br>%{customdata:,} examples<extra></extra>",
                showlegend=False,
            )
        )
    titles = ("What the model says", "How often it happens")
    return drawn(traces, mode, titles=titles, x=UNIT_X, y=UNIT_Y)


def costs(
    found: Mapping[Entry, Sweep], prices: Prices, threshold: float, *, mode: str
) -> go.Figure:
    """Return the expected cost an example at every threshold."""
    traces: list[Trace] = []
    for entry, one in found.items():
        traces.append(_line(entry, one.threshold, one.cost(prices), mode, "cost %{y:.4g}"))
    titles = ("Threshold", "Expected cost an example")
    cut = [_cut(threshold, mode)]
    return drawn(traces, mode, titles=titles, x=_WHOLE, y={"rangemode": "tozero"}, shapes=cut)


def rates(found: Mapping[Entry, Sweep], what: str, threshold: float, *, mode: str) -> go.Figure:
    """Return precision, recall, F1 or accuracy at every threshold."""
    traces: list[Trace] = []
    for entry, one in found.items():
        values = {
            "Precision": one.precision,
            "Recall": one.recall,
            "F1": one.f1,
            "Accuracy": one.accuracy,
        }[what]
        traces.append(_line(entry, one.threshold, values, mode, what + " %{y:.3f}"))
    cut = [_cut(threshold, mode)]
    return drawn(traces, mode, titles=("Threshold", what), x=UNIT_X, y=UNIT_Y, shapes=cut)


def decision(found: Mapping[Entry, Sweep], threshold: float, *, mode: str) -> go.Figure:
    """Return decision curves: the net benefit of acting, against acting always and never."""
    traces: list[Trace] = []
    any_sweep = next(iter(found.values()))
    shown = any_sweep.threshold < 0.995
    x = any_sweep.threshold[shown]
    traces.append(reference(x, any_sweep.net_benefit_of_all()[shown], "act always", mode))
    traces.append(reference([0, 1], [0, 0], "act never", mode, dash="solid"))
    top = any_sweep.num_positive / any_sweep.n
    for entry, one in found.items():
        if len(found) <= 2:
            low, high = one.benefit_limits()
            band = Band(x=x, low=low[shown], high=high[shown])
            traces.append(_band(band, entry, mode))
        traces.append(_line(entry, x, one.net_benefit()[shown], mode, "net benefit %{y:.4f}"))
    titles = ("Threshold", "Net benefit an example")
    limits = {"range": [-0.25 * top, 1.1 * top]}
    return drawn(traces, mode, titles=titles, x=_WHOLE, y=limits, shapes=[_cut(threshold, mode)])


def gains(found: Mapping[Entry, Gain], *, mode: str, as_lift: bool) -> go.Figure:
    """Return cumulative gain, or lift, when the highest scores are taken first."""
    traces: list[Trace] = []
    level = [1, 1] if as_lift else [0, 1]
    traces.append(reference([0, 1], level, "guessing", mode))
    for entry, one in found.items():
        y = one.lift if as_lift else one.found
        hover = "lift %{y:.2f}" if as_lift else "%{y:.1%} of the positives"
        traces.append(_line(entry, one.taken, y, mode, "taken %{x:.1%}<br>" + hover))
    what = "Lift" if as_lift else "Positives found"
    titles = ("Share of examples taken, highest scores first", what)
    return drawn(traces, mode, titles=titles, x=_WHOLE)


def histogram(found: Histogram, classes: Sequence[str], event: str, *, mode: str) -> go.Figure:
    """Return one model's scores, class by class, as shares of each class."""
    traces: list[Trace] = []
    middle = (found.edges[1:] + found.edges[:-1]) / 2
    for place, name in enumerate(classes):
        count = found.counts[place]
        if not count.sum():
            continue
        traces.append(
            trace(
                "bar",
                x=middle,
                y=count / count.sum(),
                customdata=count,
                name=name,
                marker={"color": faded(theme.colour(place, mode), 0.65)},
                hovertemplate=f"<b>{name}</b><br>%{{x:.2f}}: %{{customdata:,}} examples, "
                "%{y:.1%} of the class<extra></extra>",
            )
        )
    titles = (event, "Share of the class")
    share = {"tickformat": ".0%"}
    return drawn(traces, mode, titles=titles, y=share, barmode="overlay", bargap=0.03)


def predicted_true(found: Mapping[Entry, Residuals], *, mode: str) -> go.Figure:
    """Return predicted against true values."""
    traces: list[Trace] = []
    ends = [
        float(end)
        for one in found.values()
        for values in (one.true, one.predicted)
        for end in (values.min(), values.max())
    ]
    traces.append(reference([min(ends), max(ends)], [min(ends), max(ends)], "exact", mode))
    for entry, one in found.items():
        traces.append(_dots(entry, one.true, one.predicted, mode, "true %{x:.4g}, said %{y:.4g}"))
    return drawn(traces, mode, titles=("True", "Predicted"))


def residuals(found: Mapping[Entry, Residuals], *, mode: str) -> go.Figure:
    """Return predicted minus true, over the true values."""
    traces: list[Trace] = []
    for entry, one in found.items():
        error = one.predicted - one.true
        traces.append(_dots(entry, one.true, error, mode, "true %{x:.4g}, off by %{y:.4g}"))
    line = {"width": 1, "dash": "dot", "color": MUTED[mode]}
    level = {"type": "line", "xref": "x domain", "x0": 0, "x1": 1, "y0": 0, "y1": 0, "line": line}
    return drawn(traces, mode, titles=("True", "Predicted minus true"), shapes=[level])


def places(found: Mapping[Entry, Places], title: str, *, mode: str) -> go.Figure:
    """Return a metric of lists cut at every place; bands for up to three models."""
    traces: list[Trace] = []
    for entry, one in found.items():
        known = np.isfinite(one.low)
        if len(found) <= 3 and known.any():
            limits = Band(x=one.k[known], low=one.low[known], high=one.high[known])
            traces.append(_band(limits, entry, mode))
        traces.append(_line(entry, one.k, one.value, mode, f"{title} %{{y:.4f}}"))
    titles = ("k: length of the list", title)
    return drawn(traces, mode, titles=titles, x={"dtick": 1}, y={"rangemode": "tozero"})


def spread(
    found: Mapping[Entry, tuple[FloatArray, FloatArray]], x: str, y: str, *, mode: str
) -> go.Figure:
    """Return cumulative shares: how a value of each example spreads."""
    traces: list[Trace] = []
    for entry, (values, shares) in found.items():
        traces.append(_line(entry, values, shares, mode, "%{y:.0%} of them"))
    return drawn(traces, mode, titles=(x, y), y={"range": [-0.01, 1.02], "tickformat": ".0%"})


@dataclass(frozen=True, slots=True, kw_only=True)
class TradeOff:
    """Quality against cost, one of each a model."""

    entries: tuple[Entry, ...]
    cost: FloatArray
    quality: FloatArray
    reach: FloatArray
    """half of each quality's interval"""
    front: Front
    cost_title: str
    quality_title: str


def trade_off(shown: TradeOff, *, mode: str) -> go.Figure:
    """Return quality against cost; hollow where it is not sure that a model is on the front."""
    traces: list[Trace] = []
    cost, quality, front = shown.cost, shown.quality, shown.front
    order = [k for k in np.argsort(cost, kind="stable") if front.on_front[k]]
    if len(order) > 1:
        traces.append(
            trace(
                "scatter",
                x=cost[order],
                y=quality[order],
                mode="lines",
                line={"width": 1.2, "dash": "dot", "color": MUTED[mode], "shape": "hv"},
                name="nothing beats these",
                hoverinfo="skip",
            )
        )
    for place, entry in enumerate(shown.entries):
        if not (np.isfinite(cost[place]) and np.isfinite(quality[place])):
            continue
        colour = theme.colour(entry.place, mode)
        sure = bool(front.is_sure[place])
        traces.append(
            trace(
                "scatter",
                x=cost[[place]],
                y=quality[[place]],
                mode="markers+text",
                text=[theme.letter(entry.place)],
                textposition="top center",
                textfont={"size": 13, "color": INK[mode]},
                error_y={
                    "type": "data",
                    "array": shown.reach[[place]],
                    "thickness": 1.2,
                    "width": 4,
                    "color": colour,
                },
                marker={
                    "size": 13,
                    "symbol": "circle" if sure else "circle-open",
                    "color": colour,
                    "line": {"width": 2, "color": colour},
                },
                name=entry.name,
                hovertemplate=f"<b>{entry.name}</b><br>{shown.cost_title} %{{x:.4g}}<br>{shown.quality_title} "
                f"%{{y:.4g}}<br>on the front in {front.chance[place]:.0%} of draws<extra></extra>",
                showlegend=False,
            )
        )
    return drawn(traces, mode, titles=(shown.cost_title, shown.quality_title), x={"type": "log"})


def _line(entry: Entry, x: FloatArray, y: FloatArray, mode: str, hover: str) -> Trace:
    return trace(
        "scatter",
        x=x,
        y=y,
        name=entry.name,
        mode="lines",
        line=stroke(entry.place, mode),
        hovertemplate=f"<b>{entry.name}</b><br>at %{{x:.3f}}<br>{hover}<extra></extra>",
    )


def _dots(entry: Entry, x: FloatArray, y: FloatArray, mode: str, hover: str) -> Trace:
    return trace(
        "scattergl",
        x=x,
        y=y,
        name=entry.name,
        mode="markers",
        marker={"size": 4, "opacity": 0.5, "color": theme.colour(entry.place, mode)},
        hovertemplate=f"<b>{entry.name}</b><br>{hover}<extra></extra>",
    )


def _band(limits: Band, entry: Entry, mode: str) -> Trace:
    return _fill(limits, faded(theme.colour(entry.place, mode)), "", is_named=False)


def _neutral_band(limits: Band, name: str, mode: str) -> Trace:
    return _fill(limits, GRID[mode], name, is_named=True)


def _fill(limits: Band, colour: str, name: str, *, is_named: bool) -> Trace:
    return trace(
        "scatter",
        x=np.concatenate([limits.x, limits.x[::-1]]),
        y=np.concatenate([limits.high, limits.low[::-1]]),
        fill="toself",
        fillcolor=colour,
        line={"width": 0},
        name=name,
        hoverinfo="skip",
        showlegend=is_named,
    )


def _cut(threshold: float, mode: str) -> dict[str, Any]:
    line = {"width": 1.5, "dash": "dash", "color": INK[mode]}
    at = {"x0": threshold, "x1": threshold, "yref": "y domain", "y0": 0, "y1": 1}
    return {"type": "line", **at, "line": line}
