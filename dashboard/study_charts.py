"""Plotly figures of a study: Optuna's own where it has one, dressed for the theme, clickable.

Drawn on demand, never in a timer. Every clickable point carries its trial's number as the last of
its custom data.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import plotly.graph_objects as go

from dashboard import theme
from dashboard.study_dress import dress

if TYPE_CHECKING:
    import pyarrow as pa

    from experiments.search.replay import Rows
    from experiments.search.search_spec import StudySpec


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """One kind of chart."""

    title: str
    help: str
    most: int
    """Trials beyond which it shows a sample."""
    least: int = 2
    """Trials below which there is nothing to see."""
    is_fair: bool = False
    """Whether the sample must not prefer the best."""


CHARTS: Final[Mapping[str, Chart]] = {
    "history": Chart(
        title="History", help="Every trial's value, and the best so far.", most=400, least=1
    ),
    "importance": Chart(
        title="Importance",
        help="How much of the differences each parameter explains: in general (fANOVA), and among "
        "the best tenth against all (PED-ANOVA).",
        most=300,
        least=8,
        is_fair=True,
    ),
    "parallel": Chart(
        title="Parallel", help="A line a trial; the stronger its colour, the better.", most=250
    ),
    "slice": Chart(title="Slice", help="The value over each parameter.", most=1500),
    "contour": Chart(title="Contour", help="The value over two parameters.", most=400, least=4),
    "rank": Chart(title="Rank", help="The rank over two parameters.", most=800),
    "edf": Chart(
        title="EDF", help="Which share of the trials did as well or worse.", most=4000, is_fair=True
    ),
    "timeline": Chart(title="Timeline", help="When each trial ran, and how it ended.", most=300),
    "pareto": Chart(title="Pareto", help="The trials that no other beats in all.", most=2000),
    "intermediate": Chart(
        title="Intermediate", help="The metric over the epochs of each trial.", most=100
    ),
}


def history(points: "pa.Table", label: str, *, mode: str) -> go.Figure:
    """Return the value of each trial and the line of the best so far.

    Parameters
    ----------
    points
        As the store's ``study_history`` gives them.
    """
    # NumPy's arrays pass Plotly unchecked; of lists it looks at every element.
    number, value, best, state, is_feasible = (
        points[name].to_numpy() for name in ("number", "value", "best", "state", "is_feasible")
    )
    figure = go.Figure()
    groups = (
        ("complete", True, "complete", theme.PALETTE[mode][0], "circle"),
        ("complete", False, "breaks a limit", theme.PALETTE[mode][3], "x"),
        ("pruned", None, "pruned", theme.GREY[mode], "triangle-down"),
    )
    for word, feasible, name, colour, symbol in groups:
        chosen = state == word
        if feasible is not None:
            chosen &= is_feasible == feasible
        if not chosen.any():
            continue
        figure.add_trace(
            go.Scatter(
                x=number[chosen],
                y=value[chosen],
                customdata=number[chosen],
                mode="markers",
                name=name,
                marker={"size": 7, "color": colour, "symbol": symbol, "opacity": 0.75},
                hovertemplate="trial %{x}<br>%{y:.5g}<extra></extra>",
            )
        )
    steps = _steps(best)
    figure.add_trace(
        go.Scatter(
            x=number[steps],
            y=best[steps],
            mode="lines",
            name="best so far",
            line={"width": 2, "color": theme.PALETTE[mode][1], "shape": "hv"},
            hovertemplate="best so far %{y:.5g}<extra></extra>",
        )
    )
    dress(figure, mode)
    # Room for labels of known size: to measure them Plotly would draw everything twice.
    figure.update_layout(margin={"l": 72, "r": 12, "t": 26, "b": 46})
    figure.update_xaxes(title_text="Trial", automargin=False)
    figure.update_yaxes(title_text=label, automargin=False)
    return figure


def _steps(best: np.ndarray) -> np.ndarray:
    """Return the places where the best so far changes, and the last one: the whole staircase."""
    changes = np.flatnonzero(best[1:] != best[:-1]) + 1
    return np.unique(np.concatenate(([0], changes, [len(best) - 1])))


def chart(
    kind: str,
    spec: "StudySpec",
    rows: "Rows",
    *,
    mode: str,
    params: Sequence[str] = (),
    objective: int = 0,
) -> tuple[go.Figure | None, str]:
    """Return a figure from all rows of a study, and what has to be said about it.

    Parameters
    ----------
    kind
        One of `CHARTS`, but ``history``.
    params
        Parameters to show, where the chart takes them.
    objective
        Which of several objectives.
    """
    from dashboard.study_drawing import DRAWN, Ask  # loads Optuna, which the history does without
    from experiments.search.replay import sampled

    shape = CHARTS[kind]
    sign = 1 if spec.objectives[objective].goal == "max" else -1
    complete = sum(row["state"] == "complete" for row in rows)
    if complete < shape.least:
        return None, f"Needs {shape.least} trials that came to their end; {complete} have so far."
    states = {"timeline": None, "intermediate": {"complete", "pruned"}}.get(kind, {"complete"})
    usable = [row for row in rows if states is None or row["state"] in states]
    order = 0 if shape.is_fair else sign
    shown = usable[-shape.most :] if kind == "timeline" else sampled(usable, shape.most, order)
    figure = DRAWN[kind](Ask(spec=spec, rows=shown, mode=mode, params=params, objective=objective))
    if figure is None:
        return None, "The trials do not differ enough to say anything."
    note = ""
    if len(shown) < len(usable):
        which = "by chance" if shape.is_fair else "the best, and others by chance"
        which = "the latest" if kind == "timeline" else which
        note = f"A sample of {len(shown):,} of {len(usable):,} trials: {which}."
    return figure, note


def trial_of(point: Mapping[str, Any]) -> int | None:
    """Return the number of the trial that a clicked point stands for."""
    data = point.get("customdata")
    while isinstance(data, list | tuple | dict) and data:
        data = data[-1] if isinstance(data, list | tuple) else list(data.values())[-1]
    return int(data) if isinstance(data, int | float) else None
