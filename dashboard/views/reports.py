"""Reports: texts and panels under a name, read here or exported as one HTML file."""

from collections.abc import Sequence
from datetime import UTC, datetime

import streamlit as st

import store
from dashboard import (
    cards,
    doing,
    frame,
    markup,
    navigation,
    report_export,
    report_files,
    report_panels,
    state,
)
from dashboard.components import sheet
from dashboard.markup import Markup, element
from dashboard.report_files import Block
from dashboard.views import plots, report_verdict


def page() -> None:
    """Draw the page."""
    frame.title("Reports", "Findings with their evidence, under a name.", by_project=False)
    doing.say()
    names = report_files.names()
    bar = st.container(horizontal=True, vertical_alignment="bottom")
    with bar:
        name = _choose(names)
    blocks = report_files.read(name) if name else None
    if blocks is None:
        cards.card(
            "No report yet" if not names else "Choose a report",
            "A report holds texts and panels: the state of the Curves, Compare, Runs or SQL page. "
            "Make one above, then add panels by the address of a page.",
            icon="article",
        )
        return
    is_editing = st.query_params.get("edit") == "1"
    with bar:
        _tools(name, blocks, is_editing=is_editing)
    for place, block in enumerate(blocks):
        _block(name, blocks, place, block, is_editing=is_editing)
    if is_editing:
        _add(name)


def _choose(names: list[str]) -> str:
    asked = st.query_params.get("name", "")
    state.seed("report_name", asked if asked in names else None)
    st.selectbox(
        "Report",
        names,
        key="report_name",
        placeholder="Choose a report",
        on_change=lambda: state.put("name", st.session_state["report_name"] or ""),
        width=320,
    )
    with st.popover("New report", icon=":material/add:"):
        fresh = st.text_input("Name", key="report_new")
        st.button(
            "Make it", type="primary", disabled=not fresh.strip(), on_click=_make, args=(fresh,)
        )
    return asked if asked in names else ""


def _make(name: str) -> None:
    if doing.succeeded(report_files.create, name.strip()):
        state.put("name", name.strip())
        state.put("edit", "1")


def _tools(name: str, blocks: Sequence[Block], *, is_editing: bool) -> None:
    st.button(
        "Done" if is_editing else "Edit",
        icon=":material/check:" if is_editing else ":material/edit:",
        on_click=state.put,
        args=("edit", "" if is_editing else "1"),
    )
    st.download_button(
        "Export HTML",
        data=lambda: report_export.document(name, blocks, _panel, now=datetime.now(UTC)),
        file_name=f"{name}.html",
        mime="text/html",
        icon=":material/download:",
        on_click="ignore",
        help="One file that opens without a server.",
    )
    if is_editing:
        with st.popover("Delete…", icon=":material/delete:"):
            st.caption("Its texts and panels go; the runs in it stay.")
            st.button("Delete report", type="primary", on_click=_delete, args=(name,))


def _delete(name: str) -> None:
    if doing.succeeded(report_files.delete, name, done=f"{name} is deleted."):
        state.put("name", "")
        state.put("edit", "")


def _panel(block: Block) -> Markup:
    """Return a panel's content; what cannot be asked for any more says so in its place."""
    try:
        judged = report_verdict.draw(block) if block.page == "compare" else Markup()
        return Markup(judged + report_panels.draw(block))
    except store.StoreError as error:
        return element("p", str(error), cls="missing")


def _block(
    name: str, blocks: Sequence[Block], place: int, block: Block, *, is_editing: bool
) -> None:
    with st.container(border=is_editing):
        if is_editing:
            _arrange(name, blocks, place, block)
        if block.kind == "text":
            st.markdown(block.text)
            return
        if block.text:
            st.subheader(markup.plain(block.text), anchor=False)
        style = element(
            "style", Markup(f"{report_export.PLOT_CSS} {report_export.colours(plots.mode())}")
        )
        sheet(Markup(style + _panel(block)), key=f"report_{name}_{place}")
        if not is_editing:
            st.page_link(
                navigation.page(block.page),
                label="Open this view",
                icon=":material/open_in_new:",
                query_params=[(key, item) for key, items in block.query.items() for item in items],
            )


def _arrange(name: str, blocks: Sequence[Block], place: int, block: Block) -> None:
    label = "Text (Markdown)" if block.kind == "text" else "Heading of the panel"
    key = f"report_text_{name}_{place}"
    state.seed(key, block.text)
    draw = st.text_area if block.kind == "text" else st.text_input
    draw(
        label,
        key=key,
        on_change=lambda: _put(name, blocks, place, st.session_state[key]),
    )
    with st.container(horizontal=True):
        for word, icon, target in (
            ("Up", "arrow_upward", place - 1),
            ("Down", "arrow_downward", place + 1),
        ):
            st.button(
                word,
                icon=f":material/{icon}:",
                key=f"report_{word}_{place}",
                disabled=not 0 <= target < len(blocks),
                on_click=_swap,
                args=(name, blocks, place, target),
            )
        st.button(
            "Remove",
            icon=":material/close:",
            key=f"report_remove_{place}",
            on_click=lambda: doing.attempt(
                report_files.write, name, [*blocks[:place], *blocks[place + 1 :]]
            ),
        )


def _put(name: str, blocks: Sequence[Block], place: int, words: str) -> None:
    old = blocks[place]
    fresh = Block(kind=old.kind, text=words, page=old.page, query=old.query)
    doing.attempt(report_files.write, name, [*blocks[:place], fresh, *blocks[place + 1 :]])


def _swap(name: str, blocks: Sequence[Block], place: int, target: int) -> None:
    moved = list(blocks)
    moved[place], moved[target] = moved[target], moved[place]
    doing.attempt(report_files.write, name, moved)


def _add(name: str) -> None:
    with st.container(border=True, key="report_add"):
        st.button(
            "Add a text",
            icon=":material/notes:",
            on_click=doing.attempt,
            args=(report_files.add, name, Block(kind="text", text="New text.")),
        )
        address = st.text_input(
            "Address of a Curves, Compare, Runs or SQL page",
            key="report_address",
            placeholder="/curves?runs=…&metrics=loss",
        )
        heading = st.text_input("Heading", key="report_heading")
        st.button(
            "Add the panel",
            type="primary",
            disabled=not address.strip(),
            on_click=lambda: doing.attempt(
                lambda: report_files.add(name, report_files.panel(address, heading.strip()))
            ),
        )
