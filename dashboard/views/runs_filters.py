"""What the Runs page asks of the store: filter, order, columns, folding, baseline."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import streamlit as st

from dashboard import data, doing, filter_builder, markup, settings, state, tables, theme
from dashboard.filter_builder import FilterField

_SORTS = {
    "created_at desc": "Newest first",
    "created_at": "Oldest first",
    "name": "Name",
    "duration_s desc": "Longest first",
}
_COLUMNS = "runs.columns"
_PINS = "runs.pins"
_MOST_PINS = 4
_MOST_VALUES = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """What the page asks of the store."""

    text: str | None
    order_by: str
    columns: tuple[str, ...]
    """Chosen columns in their order; empty for those that tell the runs apart."""
    is_folded: bool
    is_editing: bool
    """Whether tags and notes are typed into the table."""
    pins: int
    """How many columns after the name stay in place when the table is scrolled."""
    baseline: str


def draw(project: str | None, keys: Sequence[dict[str, Any]]) -> Ask:
    """Draw the filter bar and return what it asks for."""
    overview = data.overview().select(["status", "model", "project", "tags"]).to_pylist()
    mine = [row for row in overview if project in {None, row["project"]}]
    known = filter_builder.fields(keys, _values(mine))
    metrics = [k["key"] for k in keys if k["kind"] == "metric"]
    with st.container(horizontal=True, vertical_alignment="bottom"):
        text = _text()
        _builder(known)
        order_by = _sort(metrics)
        columns = _columns(keys)
        is_folded = _fold()
        is_editing = _edit()
    _completions(text, known)
    with st.container(horizontal=True, gap="medium", vertical_alignment="center"):
        status = _pills("Status", "status", _statuses(mine), lambda w: theme.status(w).label)
        model = _pills("Model", "model", sorted({r["model"] for r in mine if r["model"]}), str)
        baseline = _baseline()
    parts = [f"({text})"] if text.strip() else []
    parts += [
        f"{field} in ({', '.join(data.quoted(v) for v in values)})"
        for field, values in (("status", status), ("model", model))
        if values
    ]
    return Ask(
        text=data.within(project, " and ".join(parts)),
        order_by=order_by,
        columns=columns,
        is_folded=is_folded,
        is_editing=is_editing,
        pins=_pins(),
        baseline=baseline,
    )


def _values(rows: Sequence[dict[str, Any]]) -> dict[str, list[str]]:
    """Return the values there are of what can be chosen from a list."""
    tags = {tag for row in rows for tag in row["tags"] or ()}
    return {
        "status": _statuses(rows),
        "model": sorted({row["model"] for row in rows if row["model"]}),
        "tag": sorted(tags)[:_MOST_VALUES],
        "pinned": ["yes", "no"],
    }


def _statuses(rows: Sequence[dict[str, Any]]) -> list[str]:
    there = {row["status"] for row in rows}
    return [word for word in theme.STATUSES if word in there]


def _text() -> str:
    return (
        st.text_input(
            "Filter",
            key="q",
            bind="query-params",
            placeholder='Words, or: metrics."val/acc" > 0.9 and params.model.lr < 0.01 and tag = best',
            icon=":material/search:",
            label_visibility="collapsed",
            width="stretch",
            live="100ms",
        )
        or ""
    )


def _completions(text: str, known: Sequence[FilterField]) -> None:
    """Offer fields for the word that is being typed."""
    offered = filter_builder.completions(text, known)
    if not offered:
        return
    with st.container(horizontal=True, gap="xsmall", key="completions"):
        for path in offered:
            st.button(
                markup.plain(path),
                type="tertiary",
                key=f"complete_{path}",
                on_click=_write_text,
                args=(filter_builder.completed(text, path),),
            )


def _write_text(text: str) -> None:
    st.session_state["q"] = text


def _builder(known: Sequence[FilterField]) -> None:
    with st.popover("Add filter", icon=":material/filter_alt:"):
        field = st.selectbox(
            "Field", known, format_func=lambda f: f.label, key="build_field", width=300
        )
        if field is None:
            return
        operator = st.segmented_control(
            "How",
            list(field.operators),
            format_func=lambda o: field.operators[o],
            default=next(iter(field.operators)),
            key=f"build_how_{field.kind}",
            required=True,
        )
        value = _value(field)
        built = filter_builder.condition(field, operator or "", value)
        text = st.session_state.get("q") or ""
        st.code(built or "Choose a value.", language=None)
        with st.container(horizontal=True):
            _add_button("Add", text, built, "and")
            if text.strip():
                _add_button("Add as an alternative", text, built, "or")


def _value(field: FilterField) -> str:
    if field.values:
        chosen = st.selectbox("Value", field.values, key=f"build_value_{field.path}")
        return chosen or ""
    hint = {"number": "a number", "span": "such as 2h"}.get(field.kind, "")
    return st.text_input("Value", key=f"build_value_{field.kind}", placeholder=hint)


def _add_button(label: str, text: str, built: str, joint: Literal["and", "or"]) -> None:
    st.button(
        label,
        type="primary" if joint == "and" else "secondary",
        disabled=not built,
        on_click=_write_text,
        args=(filter_builder.joined(text, built, joint),),
        key=f"build_{joint}",
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
        orders[f"{column} desc"] = f"{name}, highest first"
        orders[f"{column} asc"] = f"{name}, lowest first"
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


def _fold() -> bool:
    return st.toggle(
        "Fold seeds",
        key="fold",
        bind="query-params",
        help="One row a group, with mean ± standard deviation (number of runs) of each metric.",
    )


def _edit() -> bool:
    return st.toggle(
        "Edit",
        key="edit",
        bind="query-params",
        help="Type tags and notes into the table, one run a row.",
    )


def _pins() -> int:
    asked = st.query_params.get("pins", "")
    return min(int(asked), _MOST_PINS) if asked.isdigit() else settings.read(_PINS, 0)


def _columns(keys: Sequence[dict[str, Any]]) -> tuple[str, ...]:
    """Draw the chooser of columns; return the chosen ones, in their order."""
    options = [*tables.FIXED, tables.COURSE, tables.GATES]
    options += [k["key"] for k in keys if not k["key"].startswith("system/")]
    options = list(dict.fromkeys(options))
    own = tuple(c for c in state.listed("cols") if c in options)
    kept = tuple(c for c in settings.read(_COLUMNS, []) if c in options)
    chosen = own or kept
    with st.popover("Columns", icon=":material/view_column:"):
        state.seed("runs_cols", list(chosen))
        st.multiselect(
            "Columns, in this order",
            options,
            key="runs_cols",
            on_change=lambda: state.put("cols", st.session_state["runs_cols"]),
            placeholder="What differs among the runs, and the key metrics",
            width=440,
        )
        if chosen:
            _order(chosen)
        _stay()
        if chosen or _pins():
            _keep(chosen, is_kept=chosen == kept and _pins() == settings.read(_PINS, 0))
    return chosen


def _stay() -> None:
    state.seed("runs_pins", _pins())
    st.number_input(
        "Columns that stay when scrolling",
        min_value=0,
        max_value=_MOST_PINS,
        key="runs_pins",
        on_change=lambda: state.put("pins", str(st.session_state["runs_pins"])),
        help="As many of the first columns, the run's name not counted.",
    )


def _order(chosen: tuple[str, ...]) -> None:
    place = st.selectbox(
        "Move a column",
        chosen,
        key="runs_col_move",
        help="The run's name always comes first.",
    )
    at = chosen.index(place) if place in chosen else 0
    with st.container(horizontal=True):
        for label, icon, target in (
            ("Left", "arrow_back", at - 1),
            ("Right", "arrow_forward", at + 1),
            ("First", "first_page", 0),
        ):
            st.button(
                label,
                icon=f":material/{icon}:",
                on_click=_move,
                args=(chosen, at, target),
                disabled=not 0 <= target < len(chosen) or target == at,
                key=f"runs_col_{label}",
            )


def _move(chosen: tuple[str, ...], source: int, target: int) -> None:
    rest = [*chosen[:source], *chosen[source + 1 :]]
    state.put("cols", [*rest[:target], chosen[source], *rest[target:]])


def _keep(chosen: tuple[str, ...], *, is_kept: bool) -> None:
    with st.container(horizontal=True):
        st.button(
            "Keep for everybody",
            icon=":material/bookmark:",
            disabled=is_kept,
            on_click=_write_columns,
            args=(chosen,),
            help="Anybody who opens this store sees these columns, unless a link says otherwise.",
        )
        st.button("Reset", on_click=_reset, type="tertiary")


def _write_columns(chosen: tuple[str, ...]) -> None:
    pins = _pins()
    if doing.succeeded(settings.write, _COLUMNS, list(chosen)):
        done = "The table opens with these columns now."
        doing.attempt(settings.write, _PINS, pins, done=done)


def _reset() -> None:
    state.put("cols", "")
    state.put("pins", "")
    doing.attempt(settings.write, _COLUMNS, None)
    doing.attempt(settings.write, _PINS, None)


def _baseline() -> str:
    """Show what the differences refer to; return the run's id, empty without a baseline."""
    run_id = st.query_params.get("base", "")
    if not run_id:
        return ""
    found = data.named((run_id,)).to_pylist()
    if not found:
        st.caption(":orange[The baseline is not in this store.]")
        return ""
    name = found[0]["name"] or run_id
    st.button(
        f"Baseline: **{markup.plain(name)}**",
        icon=":material/close:",
        icon_position="right",
        on_click=state.put,
        args=("base", ""),
        help="Differences (Δ) refer to this run. Click to let go of it.",
        key="drop_baseline",
    )
    return run_id
