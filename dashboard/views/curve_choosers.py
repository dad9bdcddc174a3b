"""What the Curves page shows: which panels, formulae among them, and layouts under a name."""

from collections.abc import Callable, Mapping, Sequence

import streamlit as st

import store
from dashboard import doing, explorer, folding, layouts, markup, state
from dashboard.folding import Panel
from store import formulas

_METRICS = "curves_metrics"
_FORMULA = "curves_formula"
_REFUSED = "curves_formula:refused"
_LAYOUT = "curves_layout"
_NAME = "curves_layout_name"
_HELP = (
    "Metrics of these runs with `+ - * / ^`, parentheses and the functions "
    f"{', '.join(f'`{name}`' for name in formulas.FUNCTIONS)}. It has a value at the steps that all "
    "of its metrics have; `last(metric)` takes the last value before. Put blanks around `/`."
)


def panels(available: Mapping[str, Panel], shown: Sequence[Panel]) -> None:
    """Draw the field of panels; they stand in the order in which they were chosen."""
    state.seed(_METRICS, [panel.key for panel in shown])
    st.multiselect(
        "Metrics",
        list(dict.fromkeys([*available, *folding.sections(available), *(p.key for p in shown)])),
        key=_METRICS,
        on_change=lambda: arrange(st.session_state[_METRICS]),
        format_func=lambda key: str(key).removeprefix(formulas.MARK),
        placeholder="Metrics",
        label_visibility="collapsed",
    )


def arrange(keys: Sequence[str]) -> None:
    """Keep the panels and their order in the address."""
    state.put("metrics", keys)


def formula(metrics: Sequence[str], shown: Sequence[Panel]) -> None:
    """Draw the field that adds a panel computed from metrics."""
    with st.popover("Formula", icon=":material/function:", help="Compute a curve from others."):
        st.text_input(
            "Formula",
            key=_FORMULA,
            placeholder=_example(metrics),
            on_change=_add_formula,
            args=(list(metrics), [panel.key for panel in shown]),
        )
        refusal = st.session_state.get(_REFUSED)
        if refusal:
            st.caption(f":red[:material/error: {markup.plain(refusal)}]")
        st.caption(_HELP)


def _example(metrics: Sequence[str]) -> str:
    if {"val/loss", "train/loss"} <= set(metrics):
        return "val/loss - train/loss"
    return f"log10({metrics[0]})" if metrics else "log10(loss)"


def _add_formula(metrics: Sequence[str], shown: Sequence[str]) -> None:
    text = " ".join(st.session_state[_FORMULA].split())
    st.session_state[_REFUSED] = ""
    if not text:
        return
    try:
        formulas.check(text, metrics)
    except store.FormulaError as error:
        st.session_state[_REFUSED] = str(error)
        return
    st.session_state[_FORMULA] = ""
    arrange([*shown, formulas.MARK + text.replace(",", ";")])  # commas part what is in the address


def layout(shown: Sequence[Panel]) -> None:
    """Draw the layouts: load one, or keep, rename and delete them."""
    with st.popover("Layouts", icon=":material/dashboard:", help="Panels and how they are drawn."):
        names = layouts.names()
        chosen = names[0] if names else ""
        if names:
            chosen = st.selectbox("Layout", names, key=_LAYOUT)
            st.button("Load", type="primary", on_click=_load, args=(chosen,), width="stretch")
        view = st.query_params.to_dict() | {"metrics": ",".join(panel.key for panel in shown)}
        typed = st.text_input("Name", key=_NAME, placeholder="A name for what is shown")
        with st.container(horizontal=True):
            _button(
                "Save this view", layouts.save, typed, view,
                off=not typed, done="Saved.",
            )  # fmt: skip
            if names:
                _button("Rename", layouts.rename, chosen, typed, off=not typed, done="Renamed.")
                _button("Delete", layouts.delete, chosen, done="Deleted.")
        st.caption(
            "For everybody who opens this store: metrics, groups, axes, smoothing, formulae."
        )


def _button(
    label: str, action: Callable[..., object], *arguments: object, done: str, off: bool = False
) -> None:
    def act() -> None:
        if doing.succeeded(action, *arguments, done=done):
            st.session_state[_NAME] = ""
            st.session_state.pop(_LAYOUT, None)

    st.button(label, on_click=act, disabled=off, help="Type a name first." if off else None)


def _load(name: str) -> None:
    kept = layouts.read(name)
    if kept is None:
        doing.note(f"Expected a layout; got {name!r}, which is gone. Choose another.")
        return
    for key in (*kept, "zoom", "hide", "pin"):
        state.put(key, kept.get(key, ""))
    explorer.redraw()
