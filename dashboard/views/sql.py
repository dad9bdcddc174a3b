"""SQL: ask the store anything, read-only; keep queries; see the result as a table or a chart."""

import time
from typing import TYPE_CHECKING

import streamlit as st

import store
from dashboard import cards, data, doing, formats, frame, markup, sql_console, state
from dashboard.sql_console import Kind
from dashboard.views import plots

if TYPE_CHECKING:
    import pyarrow as pa


def page() -> None:
    """Draw the page."""
    frame.title("SQL", "Read-only: one SELECT over the store's tables.", by_project=False)
    doing.say()
    left, right = st.columns([7, 3], gap="large")
    with right:
        _queries()
        _schema()
    with left:
        query = _editor()
        if query.strip():
            _result(query)
        else:
            cards.card(
                "Ask the store anything",
                "Choose an example at the right, or write a SELECT. Nothing can be changed from "
                "here, and a query ends after ten seconds.",
                icon="database",
            )


def _editor() -> str:
    query = st.text_area(
        "Query",
        key="query",
        bind="query-params",
        height=190,
        placeholder="SELECT name, status, model FROM run ORDER BY created_us DESC LIMIT 20",
        label_visibility="collapsed",
    )
    st.caption("Ctrl+Enter runs it. The address holds the query: the link is the result.")
    return query or ""


def _queries() -> None:
    kept = sql_console.saved()
    everything = {**sql_console.EXAMPLES, **kept}
    st.selectbox(
        "Start from",
        list(everything),
        index=None,
        placeholder="An example or a kept query",
        key="sql_pick",
        on_change=lambda: _write(everything.get(st.session_state["sql_pick"] or "", "")),
    )
    with st.popover("Keep this query", icon=":material/bookmark_add:", width="stretch"):
        name = st.text_input("Name", key="sql_name")
        st.button(
            "Keep",
            type="primary",
            disabled=not name.strip(),
            on_click=lambda: doing.attempt(
                sql_console.save, name, st.session_state.get("query") or "", done="Kept."
            ),
        )
        if kept:
            gone = st.selectbox("Kept queries", list(kept), key="sql_gone")
            st.button("Delete it", on_click=lambda: doing.attempt(sql_console.forget, gone or ""))


def _write(query: str) -> None:
    if query:
        st.session_state["query"] = query


def _schema() -> None:
    st.subheader("Tables", anchor=False)
    everything = sql_console.tables()
    for table in everything:
        if not table.is_inner:
            with st.expander(table.name):
                lines = [f"{markup.plain(name)} :gray[{kind}]" for name, kind in table.columns]
                st.markdown("  \n".join(lines))
    with st.expander("Inner tables"):
        st.caption("What the tables above are made of.")
        for table in everything:
            if table.is_inner:
                columns = ", ".join(markup.plain(name) for name, _ in table.columns)
                st.markdown(f"**{markup.plain(table.name)}** :gray[{columns}]")


def _result(query: str) -> None:
    began = time.perf_counter()
    try:
        result = data.sql(query, max_rows=sql_console.MOST_ROWS)
    except store.StoreError as error:
        sentence, _, where = str(error).partition("\n")
        st.markdown(f":red[:material/error: {markup.plain(sentence)}]")
        if where.strip():
            st.code(where.strip("\n"), language=None)
        return
    took = formats.duration(time.perf_counter() - began)
    cut = (
        f", the first {sql_console.MOST_ROWS:,}" if result.num_rows == sql_console.MOST_ROWS else ""
    )
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(f"{result.num_rows:,} row{'s' if result.num_rows != 1 else ''}{cut}, {took}")
        st.space("stretch")
        shown = _view()
        st.download_button(
            "CSV",
            data=lambda: result.to_pandas().to_csv(index=False),
            file_name="result.csv",
            mime="text/csv",
            icon=":material/download:",
            on_click="ignore",
        )
    if shown == "Chart":
        _chart(result)
    else:
        st.dataframe(
            result.to_pandas(),
            hide_index=True,
            height="content" if result.num_rows <= 15 else 520,
            placeholder=formats.DASH,
            alt="The result of the query",
            key="sql_result",
        )


def _view() -> str:
    state.seed("sql_view", "Chart" if st.query_params.get("view") == "Chart" else "Table")
    return (
        st.segmented_control(
            "Show as",
            ["Table", "Chart"],
            key="sql_view",
            label_visibility="collapsed",
            required=True,
            on_change=lambda: state.put(
                "view", "Chart" if st.session_state["sql_view"] == "Chart" else ""
            ),
        )
        or "Table"
    )


def _chart(result: "pa.Table") -> None:
    numbers = sql_console.numbers(result)
    if not numbers or not result.num_rows:
        st.caption("A chart needs at least one row and one column of numbers.")
        return
    names = result.column_names
    kinds: dict[Kind, str] = {"scatter": "Points", "line": "Line", "bar": "Bars"}
    columns = st.columns(4)
    kind = columns[0].selectbox(
        "Draw", list(kinds), format_func=lambda k: kinds[k], key="kind", bind="query-params"
    )
    x = columns[1].selectbox("Across", names, key="sql_x")
    rest = [name for name in numbers if name != x] or numbers
    y = columns[2].selectbox("Up", rest, key="sql_y")
    by = columns[3].selectbox("Colour by", [None, *names], key="sql_by", format_func=_or_nothing)
    if x is None or y is None:
        return
    figure = sql_console.chart(result, x, y, kind=kind, colour=by, mode=plots.mode())
    plots.plot(figure, key="sql_chart", alt=f"{y} over {x}, {result.num_rows} rows")


def _or_nothing(name: str | None) -> str:
    return name or "nothing"
