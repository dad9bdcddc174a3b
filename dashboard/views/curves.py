"""Curves: metrics of the selected runs over time, live while they train."""

from collections.abc import Sequence
from typing import Any

import streamlit as st

from dashboard import cards, data, explorer, folding, frame, state
from dashboard.folding import Panel
from dashboard.views import curve_choosers

_RUNS = "curves_runs"
_DEFAULT_RUNS = 4


def page() -> None:
    """Draw the page."""
    now = data.state()
    project = frame.title("Curves")
    if not now.runs:
        cards.first_run()
        frame.pulse(frame.version, is_running=True)
        return
    newest = data.newest(project).to_pylist()
    wanted = state.listed("runs")
    runs = explorer.rows(wanted[: state.MOST_RUNS])
    if not wanted:
        runs = _first_choice(newest)
    _say_missing(wanted, runs)
    panels = _choosers(runs, newest)
    if not runs:
        cards.nothing_selected(len(newest))
    elif not panels:
        cards.card(
            "No curves yet",
            "These runs have not logged a metric so far. The page shows the first one by itself.",
            icon="hourglass_empty",
        )
    else:
        explorer.draw(
            runs,
            panels,
            key="curves",
            height=_height(panels),
            on_arrange=curve_choosers.arrange,
        )
    ids = [run["run_id"] for run in runs]
    frame.pulse(lambda: data.outline(ids), is_running=False)  # the curves move by themselves


def panels_of(run_ids: Sequence[str]) -> dict[str, Panel]:
    """Return the panels of the metrics that some runs logged, system metrics left out."""
    names = data.metric_names(run_ids) if run_ids else []
    return folding.panels([name for name in names if not name.startswith("system/")])


def _height(panels: Sequence[Panel]) -> int:
    return 420 if len(panels) == 1 else 270


def _first_choice(newest: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Choose what somebody who asks for nothing wants to see: what runs, else the newest."""
    live = [run for run in newest if run["status"] in explorer.LIVE]
    chosen = (live or list(newest))[:_DEFAULT_RUNS]
    state.put("runs", [run["run_id"] for run in chosen])
    return chosen


def _say_missing(wanted: Sequence[str], runs: Sequence[dict[str, Any]]) -> None:
    known = {run["run_id"] for run in runs}
    missing = [run_id for run_id in wanted[: state.MOST_RUNS] if run_id not in known]
    cards.left_out("Not in this store", missing)
    if len(wanted) > state.MOST_RUNS:
        st.caption(f"The first {state.MOST_RUNS} of {len(wanted)} runs are drawn.")


def _choosers(runs: Sequence[dict[str, Any]], newest: Sequence[dict[str, Any]]) -> list[Panel]:
    ids = [run["run_id"] for run in runs]
    available = panels_of(ids)
    shown = folding.chosen(available, state.listed("metrics"))
    with st.container(horizontal=True, key="curves_choosers"):
        with st.popover(_counted(len(runs)), icon=":material/stacked_line_chart:"):
            choose_runs(runs, newest, key=_RUNS, most=state.MOST_RUNS)
            st.button("Add the other seeds of their groups", on_click=_add_seeds, args=(runs,))
        with st.container(width="stretch"):
            curve_choosers.panels(available, shown)
        names = [m.name for panel in available.values() for m in panel.metrics]
        curve_choosers.formula(names, shown)
        curve_choosers.layout(shown)
    return shown


def _counted(number: int) -> str:
    return "1 run" if number == 1 else f"{number} runs"


def _add_seeds(runs: Sequence[dict[str, Any]]) -> None:
    """Add every run that shares the group of one that is shown."""
    wanted = [run["run_id"] for run in runs]
    groups = dict.fromkeys((run["project"], run["group"]) for run in runs if run["group"])
    for project, group in groups:
        text = data.within(project, f"group = {data.quoted(group)}")
        wanted += data.runs(text)["run_id"].to_pylist()
    state.put("runs", list(dict.fromkeys(wanted))[: state.MOST_RUNS])


def choose_runs(
    runs: Sequence[dict[str, Any]], newest: Sequence[dict[str, Any]], *, key: str, most: int
) -> None:
    """Draw a field that adds and removes runs, and keeps them in the address."""
    known = {run["run_id"]: run for run in [*runs, *newest]}
    names = dict(zip(known, explorer.names(list(known.values())), strict=True))
    state.seed(key, [run["run_id"] for run in runs])
    st.multiselect(
        "Runs",
        list(known),
        format_func=lambda run_id: names.get(str(run_id), str(run_id)),
        key=key,
        max_selections=most,
        on_change=lambda: state.put("runs", st.session_state[key]),
        placeholder="Runs",
        label_visibility="collapsed",
    )
