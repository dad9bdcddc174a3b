"""Runs: every run in one table, filtered and sorted by the store, selected for the other pages."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st

import store
from dashboard import cards, data, formats, frame, navigation, state, tables, theme
from dashboard.tables import Column, KeyMetric

_TABLE = "runs_table"
_SHOWN = "runs_shown"
_SORTS = {
    "created_at desc": "Newest first",
    "created_at": "Oldest first",
    "name": "Name",
    "duration_s desc": "Longest first",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """What the page asks of the store."""

    text: str | None
    order_by: str
    columns: tuple[str, ...]


def page() -> None:
    """Draw the page."""
    now = data.state()
    project = frame.title("Runs")
    if not now.runs:
        cards.first_run()
        frame.pulse(frame.version, is_running=True)
        return
    keys = data.keys(project).to_pylist()
    ask = _filters(project, keys)
    try:
        total = data.count_runs(ask.text)
    except store.FilterError as error:
        st.markdown(f":red[:material/error: {error}]")
        return
    if total == 0:
        _nothing_found(project)
    else:
        _table(ask, keys, total)
    frame.pulse(frame.version, is_running=now.running > 0)


def _filters(project: str | None, keys: Sequence[dict[str, Any]]) -> Ask:
    overview = data.overview().select(["status", "model", "project"]).to_pylist()
    mine = [row for row in overview if project in {None, row["project"]}]
    with st.container(horizontal=True, vertical_alignment="bottom"):
        text = st.text_input(
            "Filter",
            key="q",
            bind="query-params",
            placeholder='Words, or: metrics."val/acc" > 0.9 and params.model.lr < 0.01 and tag = best',
            icon=":material/search:",
            label_visibility="collapsed",
            width="stretch",
        )
        metrics = [k["key"] for k in keys if k["kind"] == "metric"]
        order_by = _sort(metrics)
        columns = _columns(keys)
    statuses = [word for word in theme.STATUSES if any(r["status"] == word for r in mine)]
    models = sorted({row["model"] for row in mine if row["model"]})
    with st.container(horizontal=True, gap="medium"):
        status = _pills("Status", "status", statuses, lambda w: theme.status(w).label)
        model = _pills("Model", "model", models, str)
    parts = [f"({text})"] if text and text.strip() else []
    parts += [
        f"{field} in ({', '.join(data.quoted(v) for v in values)})"
        for field, values in (("status", status), ("model", model))
        if values
    ]
    return Ask(
        text=data.within(project, " and ".join(parts)), order_by=order_by, columns=tuple(columns)
    )


def _pills(
    label: str, parameter: str, options: list[str], format_func: Callable[[str], str]
) -> list[str]:
    # Not bound to the address by Streamlit: that would write the labels, symbols and all.
    if len(options) < 2:
        return []
    widget = f"runs_{parameter}"
    state.seed(widget, [word for word in state.listed(parameter) if word in options])
    return st.pills(
        label,
        options,
        selection_mode="multi",
        format_func=format_func,
        key=widget,
        on_change=lambda: state.put(parameter, st.session_state[widget]),
        label_visibility="collapsed",
    )


def _sort(metrics: Sequence[str]) -> str:
    orders = dict(_SORTS)
    for name in metrics:
        if name.startswith(("system/", "train/")):
            continue
        column = tables.metric_column(name)
        orders[f"{column} desc"] = f"{name}, highest best first"
        orders[f"{column} asc"] = f"{name}, lowest best first"
    asked = st.query_params.get("sort", "")
    newest = next(iter(orders))
    state.seed("runs_sort", asked if asked in orders else newest)
    return st.selectbox(
        "Sort",
        list(orders),
        format_func=lambda order: orders.get(str(order), str(order)),
        key="runs_sort",
        on_change=lambda: state.put(
            "sort", "" if st.session_state["runs_sort"] == newest else st.session_state["runs_sort"]
        ),
        label_visibility="collapsed",
        width=200,
    )


def _columns(keys: Sequence[dict[str, Any]]) -> list[str]:
    with st.popover("Columns", icon=":material/view_column:"):
        return st.multiselect(
            "Parameters and metrics to show",
            [k["key"] for k in keys if not k["key"].startswith("system/")],
            key="cols",
            bind="query-params",
            placeholder="What differs among the runs, and the key metrics",
            width=420,
        )


def _nothing_found(project: str | None) -> None:
    where = f" in **{project}**" if project else ""
    cards.card(
        "No run fits these filters",
        f"Nothing{where} matches. Take away a condition or clear the field above. "
        f"A filter is plain words or conditions, such as `status = finished and "
        f'metrics."val/acc" > 0.9`.',
        icon="filter_alt_off",
    )


def _table(ask: Ask, keys: Sequence[dict[str, Any]], total: int) -> None:
    last_page = -(-total // data.PAGE_SIZE)
    opened = st.session_state.pop("runs_opened", None)
    if opened:
        navigation.go("run", {"id": opened})
    page_number = _page_number(last_page)
    rows, params, metrics, spark = _read(ask, keys, page_number)
    shown = rows["run_id"]
    st.session_state[_SHOWN] = shown
    selected = list(state.listed("sel"))
    frame_ = tables.run_frame(rows, params, metrics)
    columns = tables.run_columns(params, metrics, spark, frame_)
    positions = [place for place, run_id in enumerate(shown) if run_id in selected]
    _place_selection(positions)
    st.dataframe(
        frame_,
        key=_TABLE,
        on_select=_on_select,
        selection_mode="multi-row",
        column_order=[c.key for c in columns],
        column_config={c.key: _configured(c) for c in columns},
        hide_index=True,
        height="content" if len(shown) <= 18 else 720,
        row_height=36,
        placeholder=formats.DASH,
        alt=f"{len(shown)} of {total} runs",
    )
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(f"{total:,} run{'s' if total != 1 else ''}. Tick runs to draw or compare them.")
        if last_page > 1:
            st.pagination(last_page, key="runs_page", on_change=_on_page)
    _actions(selected)


def _page_number(last_page: int) -> int:
    asked = st.query_params.get("page", "1")
    number = max(1, min(int(asked) if asked.isdigit() else 1, last_page))
    state.seed("runs_page", number)
    return number


def _on_page() -> None:
    number = st.session_state["runs_page"]
    state.put("page", "" if number == 1 else str(number))


def _read(
    ask: Ask, keys: Sequence[dict[str, Any]], page_number: int
) -> tuple[dict[str, list[Any]], list[str], list[KeyMetric], str | None]:
    kinds = {k["key"]: k["kind"] for k in keys}
    wanted = [key for key in ask.columns if kinds.get(key) == "param"]
    tried = wanted or tables.candidates(keys)
    first = data.runs(ask.text, ask.order_by, page=page_number)
    series = data.series(first.column("run_id").to_pylist()).to_pylist()
    chosen = [key for key in ask.columns if kinds.get(key) == "metric"]
    metrics = tables.metrics_named(series, chosen) if chosen else tables.key_metrics(series)
    spark = tables.spark_metric(series)
    columns = [tables.param_column(p) for p in tried]
    columns += [tables.metric_column(m.name) for m in metrics]
    columns += [tables.spark_column(spark)] if spark else []
    rows = data.runs(ask.text, ask.order_by, page=page_number, columns=columns).to_pydict()
    params = wanted or tables.differing({p: rows[tables.param_column(p)] for p in tried})
    return rows, params, metrics, spark


def _place_selection(positions: list[int]) -> None:
    """Make the table tick the selected runs wherever they stand after a sort or a new run."""
    current = st.session_state.get(_TABLE)
    if current is None or sorted(current["selection"]["rows"]) != positions:
        st.session_state[_TABLE] = {"selection": {"rows": positions, "columns": [], "cells": []}}


def _on_select() -> None:
    rows = st.session_state[_TABLE]["selection"]["rows"]
    shown = st.session_state.get(_SHOWN, [])
    state.put("sel", state.selection(rows, shown, state.listed("sel")))


def _configured(column: Column) -> Any:
    config = st.column_config
    simple = {
        "tags": config.ListColumn(column.label),
        "time": config.DatetimeColumn(
            column.label, format="D MMM, HH:mm", timezone=st.context.timezone
        ),
        "spark": config.LineChartColumn(column.label, width=130),
        "text": config.TextColumn(column.label, help=column.help),
    }
    if column.kind == "open":
        return config.ButtonColumn(
            column.label,
            type="tertiary",
            pinned=True,
            alignment="left",
            key="runs_open",
            on_click=_on_open,
            width=190,
        )
    if column.kind == "status":
        labels = [s.label for s in theme.STATUSES.values()]
        colours = [s.colour for s in theme.STATUSES.values()]
        return config.MultiselectColumn(column.label, options=labels, color=colours, width=112)
    if column.kind == "number":
        form = "%.4g" if column.decimals is None else f"%.{column.decimals}f"
        return config.NumberColumn(column.label, help=column.help, format=form)
    return simple[column.kind]


def _on_open() -> None:
    row = st.session_state["runs_open"]["row"]
    shown = st.session_state.get(_SHOWN, [])
    if row < len(shown):
        st.session_state["runs_opened"] = shown[row]


def _actions(selected: list[str]) -> None:
    if not selected:
        return
    with st.bottom, st.container(horizontal=True, vertical_alignment="center"):
        count = len(selected)
        st.markdown(f"**{count} selected**", width="content")
        runs = ",".join(selected)
        if st.button("Curves of selected", type="primary", icon=":material/show_chart:"):
            navigation.go("curves", {"runs": runs})
        too_few = "Choose at least two runs." if count < 2 else None
        too_many = f"Choose at most {state.MOST_COMPARED}." if count > state.MOST_COMPARED else None
        if st.button(
            "Compare selected",
            icon=":material/compare_arrows:",
            disabled=bool(too_few or too_many),
            help=too_few or too_many,
        ):
            navigation.go("compare", {"runs": runs})
        if st.button("Open run", icon=":material/open_in_full:", disabled=count != 1):
            navigation.go("run", {"id": selected[0]})
        st.button("Clear", type="tertiary", on_click=state.put, args=("sel", ""))
