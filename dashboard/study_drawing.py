"""Draws each chart of a study: Optuna's own figure where it has one, in the page's colours.

Every clickable point carries its trial's number as the last of its custom data.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import plotly.graph_objects as go

from dashboard import formats, theme
from dashboard.study_dress import BACK, INK, MUTED, SCALE, dress
from experiments.search.replay import importances, replayed

if TYPE_CHECKING:
    import optuna

    from experiments.search.replay import Rows
    from experiments.search.search_spec import StudySpec

_NUMBER = re.compile(r'"number": (\d+)')
_TRIAL = re.compile(r"Trial ?#?(\d+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """What a chart is drawn from."""

    spec: "StudySpec"
    rows: "Rows"
    mode: str
    params: Sequence[str]
    objective: int

    @property
    def label(self) -> str:
        """What the objective is called."""
        return self.spec.objectives[self.objective].metric

    def study(self) -> "optuna.Study":
        """Return the rows as a study of Optuna's."""
        return replayed(self.spec, self.rows)

    def options(self) -> dict[str, Any]:
        """Return the options that most of Optuna's charts take."""
        place = self.objective
        target = (lambda trial: trial.values[place]) if self.spec.is_multi else None
        return {"target": target, "target_name": self.label}

    def number(self, place: int) -> int | None:
        """Return the number of the trial in a row."""
        return self.rows[place]["number"] if 0 <= place < len(self.rows) else None


def _importance(ask: Ask) -> go.Figure | None:
    study = ask.study()
    colours = theme.PALETTE[ask.mode]
    figure = go.Figure()
    methods = (("fanova", "fANOVA", colours[0]), ("ped_anova", "PED-ANOVA", colours[1]))
    for method, name, colour in methods:
        found = importances(study, method, objective=ask.objective)  # type: ignore[arg-type]
        if found:
            figure.add_trace(
                go.Bar(
                    y=[one.name for one in found][::-1],
                    x=[one.share for one in found][::-1],
                    text=[f"{one.share:.0%}" for one in found][::-1],
                    name=name,
                    orientation="h",
                    marker_color=colour,
                    hovertemplate="%{y}: %{x:.1%}<extra>" + name + "</extra>",
                )
            )
    if not figure.data:
        return None
    dress(figure, ask.mode, height=max(240, 110 + 56 * len(ask.spec.space)))
    figure.update_layout(barmode="group", bargap=0.3)
    figure.update_xaxes(title_text="Share of the importance", tickformat=".0%", rangemode="tozero")
    return figure


def _parallel(ask: Ask) -> go.Figure:
    from optuna.visualization import plot_parallel_coordinate

    figure = plot_parallel_coordinate(ask.study(), params=list(ask.params) or None, **ask.options())
    _name_lines(figure, ask)
    dress(figure, ask.mode)
    figure.update_xaxes(showgrid=False)
    figure.update_annotations(font={"size": 11, "color": MUTED[ask.mode]}, bgcolor=BACK[ask.mode])
    return figure


def _colour(share: float, mode: str) -> str:
    """Return the colour of a share, from 0 to 1, on the scale."""
    from plotly.colors import sample_colorscale

    return str(sample_colorscale(SCALE[mode], [min(1.0, max(0.0, share))])[0])


def _name_lines(figure: go.Figure, ask: Ask) -> None:
    """Find each line's trial by its value, which the first axis shows."""
    told = [row for row in ask.rows if row["state"] == "complete"]
    values = [row["values"][ask.objective] for row in told]
    low, high = min(values), max(values)
    is_max = ask.spec.objectives[ask.objective].goal == "max"
    for trace in _traces(figure):
        if trace.mode == "markers" and trace.marker.showscale:
            trace.marker.colorscale = SCALE[ask.mode]
            trace.marker.reversescale = not is_max
        if trace.mode != "lines" or trace.customdata is None:
            continue
        share = float(trace.y[0])
        trace.line.color = _colour(share if is_max else 1 - share, ask.mode)
        value = low + share * (high - low)
        nearest = min(range(len(told)), key=lambda place: abs(values[place] - value))
        number = told[nearest]["number"]
        trace.customdata = [[*item, number] for item in trace.customdata]
        trace.mode = "lines+markers"
        trace.marker = {"size": 5, "color": trace.line.color}
        trace.hovertemplate = f"trial {number}<br>" + trace.hovertemplate


def _slice(ask: Ask) -> go.Figure:
    from optuna.visualization import plot_slice

    figure = plot_slice(ask.study(), params=list(ask.params) or None, **ask.options())
    for trace in _traces(figure):
        colours = trace.marker.color
        if isinstance(colours, Sequence) and not isinstance(colours, str):
            trace.customdata = [[ask.number(int(place))] for place in colours]
            trace.hovertemplate = "trial %{customdata[0]}<br>%{x}: %{y:.5g}<extra></extra>"
            trace.marker.colorscale = SCALE[ask.mode]
    dress(figure, ask.mode)
    return figure


def _contour(ask: Ask) -> go.Figure:
    from optuna.visualization import plot_contour

    figure = plot_contour(ask.study(), params=list(ask.params)[:2], **ask.options())
    _name_pairs(figure, ask)
    for trace in _traces(figure):
        if trace.type == "contour":
            trace.colorscale = SCALE[ask.mode]
        elif trace.marker.color == "black":
            trace.marker = {"color": INK[ask.mode], "size": 6, "line": {"width": 1}}
    dress(figure, ask.mode)
    return figure


def _rank(ask: Ask) -> go.Figure:
    from optuna.visualization import plot_rank

    figure = plot_rank(ask.study(), params=list(ask.params)[:2], **ask.options())
    _name_texts(figure, ask)
    dress(figure, ask.mode)
    return figure


def _name_pairs(figure: go.Figure, ask: Ask) -> None:
    """Find the trial of a point by its two parameters."""
    first, second = [*ask.params, "", ""][:2]
    known = {
        (json.dumps(_seen(row, first)), json.dumps(_seen(row, second))): row["number"]
        for row in ask.rows
    }
    for trace in _traces(figure):
        if trace.type == "scatter" and trace.x is not None:
            pairs = zip(trace.x, trace.y, strict=True)
            numbers = [
                known.get((json.dumps(x), json.dumps(y)))
                or known.get((json.dumps(y), json.dumps(x)))
                for x, y in pairs
            ]
            trace.customdata = [[number] for number in numbers]
            trace.hovertemplate = "trial %{customdata[0]}<br>%{x}, %{y}<extra></extra>"


def _seen(row: Mapping[str, Any], name: str) -> Any:
    value = row["params"].get(name)
    return str(value) if isinstance(value, str | list | bool) else value


def _edf(ask: Ask) -> go.Figure:
    from optuna.visualization import plot_edf

    figure = plot_edf(ask.study(), **ask.options())
    figure.update_traces(line={"color": theme.PALETTE[ask.mode][0], "width": 2})
    dress(figure, ask.mode)
    return figure


def _timeline(ask: Ask) -> go.Figure:
    from optuna.visualization import plot_timeline

    figure = plot_timeline(ask.study())
    _name_texts(figure, ask)
    palette = theme.PALETTE[ask.mode]
    colours = {"COMPLETE": palette[2], "PRUNED": palette[4], "FAIL": palette[3]}
    for trace in _traces(figure):
        trace.marker.color = colours.get(trace.name, palette[0])
        trace.name = str(trace.name).lower()
    dress(figure, ask.mode)
    return figure


def _pareto(ask: Ask) -> go.Figure | None:
    from optuna.visualization import plot_pareto_front

    if not 2 <= len(ask.spec.objectives) <= 3:
        return None
    names = [objective.metric for objective in ask.spec.objectives]
    figure = plot_pareto_front(ask.study(), target_names=names)
    fronts = ["Best Trial" in str(trace.hovertemplate) for trace in _traces(figure)]
    _name_texts(figure, ask)
    for trace, is_front in zip(_traces(figure), fronts, strict=True):
        colour = theme.PALETTE[ask.mode][1] if is_front else theme.GREY[ask.mode]
        trace.marker = {"color": colour, "size": 10 if is_front else 6, "opacity": 0.85}
        trace.name = "no other is better in all" if is_front else "another is better in all"
        trace.showlegend = True
    dress(figure, ask.mode)
    return figure


def _intermediate(ask: Ask) -> go.Figure:
    from optuna.visualization import plot_intermediate_values

    figure = plot_intermediate_values(ask.study())
    for trace in _traces(figure):
        number = ask.number(int(_TRIAL.findall(trace.name or "")[0]))
        trace.customdata = [[number]] * len(trace.x)
        trace.name = f"trial {number}"
        trace.line = {"width": 1.2}
        trace.opacity = 0.75
        trace.hovertemplate = "%{y:.5g} at %{x}<extra>" + f"trial {number}</extra>"
    dress(figure, ask.mode)
    figure.update_xaxes(title_text="Epoch" if ask.spec.seeds == 1 else "Seeds trained")
    figure.update_yaxes(title_text=ask.label)
    return figure


def _traces(figure: go.Figure) -> list[Any]:
    """Return a figure's traces; Plotly's own types know nothing of them."""
    return list(figure.data)


def _name_texts(figure: go.Figure, ask: Ask) -> None:
    """Read the trial of a point out of what Optuna writes beside it."""
    for trace in _traces(figure):
        texts = trace.hovertext if trace.hovertext is not None else trace.text
        if texts is None or isinstance(texts, str):
            continue
        found = [_NUMBER.search(str(text)) or _TRIAL.search(str(text)) for text in texts]
        numbers = [ask.number(int(match[1])) if match else None for match in found]
        trace.customdata = [[number] for number in numbers]
        rows = {row["number"]: row for row in ask.rows}
        words = [_words(rows.get(number or 0), number) for number in numbers]
        trace.text, trace.hovertext = words, words
        trace.hovertemplate = "%{text}<extra></extra>"


def _words(row: Mapping[str, Any] | None, number: int | None) -> str:
    if row is None:
        return f"trial {number}"
    values = ", ".join(formats.number(value) for value in row["values"] or ())
    params = "<br>".join(f"{name} {formats.value(value)}" for name, value in row["params"].items())
    return f"<b>trial {number}</b> {row['state']} {values}<br>{params}"


DRAWN: Final[Mapping[str, Callable[[Ask], go.Figure | None]]] = {
    "importance": _importance,
    "parallel": _parallel,
    "slice": _slice,
    "contour": _contour,
    "rank": _rank,
    "edf": _edf,
    "timeline": _timeline,
    "pareto": _pareto,
    "intermediate": _intermediate,
}
