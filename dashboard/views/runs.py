"""Runs: every run in one table, filtered and sorted by the store, selected for the other pages."""

import streamlit as st

import store
from dashboard import cards, data, doing, frame, release_data, state
from dashboard.views import runs_bulk, runs_filters, runs_table


def page() -> None:
    """Draw the page."""
    now = data.state()
    project = frame.title("Runs")
    if not now.runs:
        cards.first_run()
        frame.pulse(frame.version, is_running=True)
        return
    doing.say()
    keys = data.keys(project).to_pylist()
    ask = runs_filters.draw(project, keys)
    try:
        total = data.count_groups(ask.text) if ask.is_folded else data.count_runs(ask.text)
    except store.FilterError as error:
        st.markdown(f":red[:material/error: {error}]")
        return
    if total == 0:
        _nothing_found(project)
    else:
        runs_table.draw(ask, keys, total)
        if not ask.is_editing:
            runs_bulk.draw(state.listed("sel"))
    if ask.is_editing:  # a table that is redrawn would take the cell away that is typed into
        return
    frame.pulse(lambda: (frame.version(), release_data.num_judged()), is_running=now.running > 0)


def _nothing_found(project: str | None) -> None:
    where = f" in **{project}**" if project else ""
    cards.card(
        "No run fits these filters",
        f"Nothing{where} matches. Take away a condition or clear the field above. "
        f"A filter is plain words or conditions, such as `status = finished and "
        f'metrics."val/acc" > 0.9`.',
        icon="filter_alt_off",
    )
