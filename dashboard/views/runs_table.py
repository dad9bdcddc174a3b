"""The run table, one run a row or one group a row."""

from collections.abc import Sequence
from typing import Any, cast

import pandas as pd
import streamlit as st

from dashboard import data, folded, formats, navigation, release_data, state, tables, theme
from dashboard.tables import Column, KeyMetric
from dashboard.views import runs_edit
from dashboard.views.runs_filters import Ask

_TABLE = "runs_table"
_SHOWN = "runs_shown"
_FEW = 18
_GATES = Column(
    key=tables.GATES,
    label="Gates",
    kind="text",
    width=76,
    help="How the run stands to the release policy, judged on validation where examples decide: "
    "the test split is kept for the Choose page.",
)


def draw(ask: Ask, keys: Sequence[dict[str, Any]], total: int) -> None:
    """Draw a page of the table, ticked as the address says."""
    opened = st.session_state.pop("runs_opened", None)
    if opened:
        navigation.go("run", {"id": opened})
    last_page = -(-total // data.PAGE_SIZE)
    page_number = _page_number(last_page)
    read = _folded_rows if ask.is_folded else _rows
    frame, columns, shown = read(ask, keys, page_number)
    st.session_state[_SHOWN] = shown
    configured = {c.key: _configured(c, is_pinned=c in columns[: ask.pins + 1]) for c in columns}
    height = "content" if len(shown) <= _FEW else 720
    if ask.is_editing and not ask.is_folded:
        ids = [run_id for (run_id,) in shown]
        runs_edit.draw(frame, [c.key for c in columns], configured, ids, height=height)
        _below(f"{total:,} run{'s' if total != 1 else ''}.", last_page)
        return
    selected = set(state.listed("sel"))
    _place_selection([at for at, ids in enumerate(shown) if ids and selected.issuperset(ids)])
    st.dataframe(
        _styled(frame, columns),
        key=_TABLE,
        on_select=_on_select,
        selection_mode="multi-row",
        column_order=[c.key for c in columns],
        column_config=configured,
        hide_index=True,
        height=height,
        row_height=36,
        placeholder=formats.DASH,
        alt=f"{len(shown)} of {total} {'groups' if ask.is_folded else 'runs'}",
    )
    what = "group" if ask.is_folded else "run"
    many = "s" if total != 1 else ""
    _below(
        f"{total:,} {what}{many}. Tick {what}s to draw or compare them; on the keyboard arrows move "
        "in the table and Shift+Space ticks.",
        last_page,
    )


def _below(said: str, last_page: int) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(said)
        if last_page > 1:
            st.pagination(last_page, key="runs_page", on_change=_on_page)


def _rows(
    ask: Ask, keys: Sequence[dict[str, Any]], page_number: int
) -> tuple[pd.DataFrame, list[Column], list[list[str]]]:
    kinds = {k["key"]: k["kind"] for k in keys}
    wanted = [key for key in ask.columns if kinds.get(key) == "param" and key not in tables.FIXED]
    tried = wanted or ([] if ask.columns else tables.candidates(keys))
    order_by = f"pinned desc, {ask.order_by}"
    first = data.runs(ask.text, order_by, page=page_number)
    series = data.series(first.column("run_id").to_pylist()).to_pylist()
    metrics = _metrics(ask, keys, series)
    spark = tables.spark_metric(series)
    columns = [tables.param_column(p) for p in tried]
    columns += [tables.metric_column(m.name) for m in metrics]
    columns += [tables.spark_column(spark)] if spark else []
    rows = data.runs(ask.text, order_by, page=page_number, columns=columns).to_pydict()
    params = wanted or tables.differing({p: rows[tables.param_column(p)] for p in tried})
    frame = tables.run_frame(rows, params, metrics)
    if not ask.is_editing:
        frame["name"] = tables.marked([str(name) for name in frame["name"]], rows, ask.baseline)
    gates = release_data.gates_column(rows["run_id"], rows["status"])
    frame[_GATES.key] = [told.partition(":")[0] for told in gates]  # Choose says which, and why
    if ask.baseline:
        tables.add_deltas(frame, metrics, _values(ask.baseline))
    listed = tables.run_columns(params, metrics, spark, frame, ask.columns)
    if any(frame[_GATES.key]) and not ask.columns:
        listed.insert(2, _GATES)
    elif _GATES.key in ask.columns:
        listed.insert(1 + ask.columns.index(_GATES.key), _GATES)
    return frame, listed, [[run_id] for run_id in rows["run_id"]]


def _folded_rows(
    ask: Ask, keys: Sequence[dict[str, Any]], page_number: int
) -> tuple[pd.DataFrame, list[Column], list[list[str]]]:
    first = data.runs(ask.text, ask.order_by)
    metrics = _metrics(ask, keys, data.series(first.column("run_id").to_pylist()).to_pylist())
    order = next((m for m in metrics if tables.metric_column(m.name) in ask.order_by), None)
    rows = data.groups(
        ask.text,
        [m.name for m in metrics],
        order_by=order.name if order else None,
        descending=not ask.order_by.endswith(" asc") and ask.order_by != "created_at",
        page=page_number,
    ).to_pylist()
    baseline = _values(ask.baseline) if ask.baseline else {}
    frame = folded.frame(rows, metrics, baseline)
    return frame, folded.columns(metrics, frame), [row["run_ids"] for row in rows]


def _metrics(
    ask: Ask, keys: Sequence[dict[str, Any]], series: Sequence[dict[str, Any]]
) -> list[KeyMetric]:
    measured = {k["key"] for k in keys if k["kind"] == "metric"}
    chosen = [key for key in ask.columns if key in measured]
    if chosen or ask.columns:
        return tables.metrics_named(series, chosen)
    return tables.key_metrics(series)


def _values(run_id: str) -> dict[str, float | None]:
    """Return a run's best (else last) value of each metric."""
    rows = data.series([run_id]).to_pylist()
    return {r["metric"]: r["last"] if r["best"] is None else r["best"] for r in rows}


def _page_number(last_page: int) -> int:
    asked = st.query_params.get("page", "1")
    number = max(1, min(int(asked) if asked.isdigit() else 1, last_page))
    state.seed("runs_page", number)
    return number


def _on_page() -> None:
    number = st.session_state["runs_page"]
    state.put("page", "" if number == 1 else str(number))


def _place_selection(positions: list[int]) -> None:
    """Make the table tick the selected runs wherever they stand after a sort or a new run."""
    current = st.session_state.get(_TABLE)
    if current is None or sorted(current["selection"]["rows"]) != positions:
        st.session_state[_TABLE] = {"selection": {"rows": positions, "columns": [], "cells": []}}


def _on_select() -> None:
    rows = st.session_state[_TABLE]["selection"]["rows"]
    shown = st.session_state.get(_SHOWN, [])
    state.put("sel", folded.selection(rows, shown, state.listed("sel")))


def _styled(frame: pd.DataFrame, columns: Sequence[Column]) -> Any:
    """Colour differences: better is blue, worse is orange."""
    deltas = [column for column in columns if column.kind == "delta"]
    if not deltas and _GATES not in columns:
        return frame
    mode = "dark" if st.context.theme.type == "dark" else "light"
    colours = {
        "better": theme.BETTER[mode],
        "worse": theme.WORSE[mode],
        "neutral": theme.GREY[mode],
    }
    styler = cast("Any", frame.style)
    if _GATES in columns:
        tones = {"✓": theme.PASSED[mode], "✕": theme.FAILED[mode]}
        styler = styler.map(
            lambda told: f"color: {tones.get(str(told)[:1], colours['neutral'])}",
            subset=[_GATES.key],
        )
    for column in deltas:

        def words(value: float, decimals: int | None = column.decimals) -> str:
            return tables.delta_words(value, decimals)

        def css(value: float, goal: str | None = column.goal) -> str:
            return f"color: {colours[tables.delta_verdict(value, goal)]}"

        styler = styler.format(words, subset=[column.key]).map(css, subset=[column.key])
    return styler


def _configured(column: Column, *, is_pinned: bool) -> Any:
    configured = _plain(column)
    if column.kind != "open":
        configured["pinned"] = is_pinned
    return configured


def _plain(column: Column) -> Any:
    config = st.column_config
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
        return config.NumberColumn(column.label, help=column.help, format=form, width=column.width)
    simple = {
        "tags": config.ListColumn(column.label),
        "time": config.DatetimeColumn(
            column.label, format="D MMM, HH:mm", timezone=st.context.timezone
        ),
        "spark": config.LineChartColumn(column.label, width=130),
        "text": config.TextColumn(column.label, help=column.help, width=column.width),
        "delta": config.Column(column.label, help=column.help),
    }
    return simple[column.kind]


def _on_open() -> None:
    row = st.session_state["runs_open"]["row"]
    shown = st.session_state.get(_SHOWN, [])
    if row < len(shown) and shown[row]:
        st.session_state["runs_opened"] = shown[row][0]
