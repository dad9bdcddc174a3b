"""Curves: metrics of the selected runs over time, live while they train."""

from collections.abc import Sequence
from typing import Any

import streamlit as st

from dashboard import cards, data, explorer, folding, frame, state
from dashboard.folding import Panel

_RUNS = "curves_runs"
_METRICS = "curves_metrics"
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
        explorer.draw(runs, panels, key="curves", height=_height(panels))
    ids = [run["run_id"] for run in runs]
    is_live = any(run["status"] in explorer.LIVE for run in runs)
    frame.pulse(lambda: _look(ids), is_running=is_live)


def _look(ids: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return what redraws this page: statuses and metrics; the curves move by themselves."""
    return [run["status"] for run in explorer.rows(ids)], list(panels_of(ids))


def panels_of(run_ids: Sequence[str]) -> dict[str, Panel]:
    """Return the panels of the metrics that some runs logged, system metrics left out."""
    names = data.series(run_ids).column("metric").to_pylist() if run_ids else []
    return folding.panels(sorted({n for n in names if not n.startswith("system/")}))


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
    if missing:
        st.caption(f":orange[:material/search_off: Not in this store: {', '.join(missing)}.]")
    if len(wanted) > state.MOST_RUNS:
        st.caption(f"The first {state.MOST_RUNS} of {len(wanted)} runs are drawn.")


def _choosers(runs: Sequence[dict[str, Any]], newest: Sequence[dict[str, Any]]) -> list[Panel]:
    left, right = st.columns([3, 2], gap="small")
    with left:
        choose_runs(runs, newest, key=_RUNS, most=state.MOST_RUNS)
    available = panels_of([run["run_id"] for run in runs])
    wanted = [key for key in state.listed("metrics") if key in available]
    shown = folding.chosen(available, wanted)
    state.seed(_METRICS, [panel.key for panel in shown])
    with right:
        st.multiselect(
            "Metrics",
            list(dict.fromkeys([*available, *(panel.key for panel in shown)])),
            key=_METRICS,
            on_change=lambda: state.put("metrics", st.session_state[_METRICS]),
            placeholder="Metrics",
            label_visibility="collapsed",
        )
    return shown


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
