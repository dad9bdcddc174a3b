"""What can be done with the ticked runs, in the bar at the bottom of the Runs page."""

from collections.abc import Callable, Sequence
from typing import Any

import streamlit as st

from dashboard import data, doing, navigation, state
from experiments import run_actions
from store import trash


def draw(selected: Sequence[str]) -> None:
    """Draw the bar; nothing without a selection."""
    if not selected:
        return
    count = len(selected)
    with (
        st.bottom,
        st.container(horizontal=True, vertical_alignment="center", key="bulk", gap="small"),
    ):
        st.markdown(f"**{count} selected**", width="content")
        runs = ",".join(selected)
        if st.button(
            "Curves of selected", type="primary", icon=":material/show_chart:", shortcut="V"
        ):
            navigation.go("curves", {"runs": runs})
        _compare(runs, count)
        if count == 1:
            _one(selected[0])
        with st.popover("Tag", icon=":material/label:"):
            _tag(selected)
        with st.popover("More", icon=":material/more_horiz:"):
            _more(selected)
        st.button("Clear", type="tertiary", on_click=state.put, args=("sel", ""))


def _one(run_id: str) -> None:
    if st.button("Open run", icon=":material/open_in_full:", shortcut="O"):
        navigation.go("run", {"id": run_id})
    st.button(
        "Baseline",
        icon=":material/flag:",
        on_click=state.put,
        args=("base", run_id),
        help="The table shows differences to it.",
        shortcut="B",
    )
    if st.button("Clone…", icon=":material/content_copy:"):
        navigation.go("launch", {"from": f"run:{run_id}"})


def _compare(runs: str, count: int) -> None:
    too_few = "Choose at least two runs." if count < 2 else None
    too_many = f"Choose at most {state.MOST_COMPARED}." if count > state.MOST_COMPARED else None
    if st.button(
        "Compare selected",
        icon=":material/compare_arrows:",
        disabled=bool(too_few or too_many),
        help=too_few or too_many,
        shortcut="X",
    ):
        navigation.go("compare", {"runs": runs})


def _tag(selected: Sequence[str]) -> None:
    there = data.named(tuple(selected)).select(["tags"]).to_pylist()
    have = sorted({tag for row in there for tag in row["tags"] or ()})
    known = sorted(
        {tag for row in data.overview().select(["tags"]).to_pylist() for tag in row["tags"] or ()}
    )
    added = st.multiselect(
        "Add", known, accept_new_options=True, key="bulk_add", placeholder="Type and press Enter"
    )
    removed = st.multiselect("Remove", have, key="bulk_remove") if have else []
    st.button(
        "Save",
        type="primary",
        key="bulk_tag",
        disabled=not (added or removed),
        on_click=_save_tags,
        args=(selected, added, removed),
    )


def _save_tags(selected: Sequence[str], added: list[str], removed: list[str]) -> None:
    _change(
        lambda s: run_actions.tag_runs(s, selected, add=added, remove=removed),
        f"Tagged {_runs(len(selected))}.",
    )
    st.session_state["bulk_add"] = []
    if "bulk_remove" in st.session_state:
        st.session_state["bulk_remove"] = []


def _more(selected: Sequence[str]) -> None:
    wide: dict[str, Any] = {"width": "stretch"}
    for label, pinned in (("Pin", True), ("Unpin", False)):
        st.button(
            label,
            icon=":material/keep:" if pinned else ":material/keep_off:",
            on_click=_change,
            args=(lambda s, p=pinned: run_actions.pin_runs(s, selected, p),),
            help="A pinned run stays on top of the table and is never deleted." if pinned else None,
            **wide,
        )
    st.button("Stop", icon=":material/stop:", on_click=_stop, args=(selected,), **wide)
    for form in ("csv", "json"):
        st.download_button(
            f"Export {form.upper()}",
            data=_export(selected, form),
            file_name=f"runs.{form}",
            mime="text/csv" if form == "csv" else "application/json",
            icon=":material/download:",
            on_click="ignore",
            **wide,
        )
    st.button("Move to trash", icon=":material/delete:", on_click=_trash, args=(selected,), **wide)


def _export(selected: Sequence[str], form: Any) -> Callable[[], str]:
    """Return a function: the file is made when somebody asks for it."""
    return lambda: data.ask(lambda s: run_actions.export_runs(s, selected, form))


def _change(write: Callable[[Any], object], done: str = "") -> None:
    doing.attempt(data.change, write, done=done)


def _stop(selected: Sequence[str]) -> None:
    refused: list[str] = []
    doing.attempt(lambda: refused.extend(run_actions.stop_runs(data.home(), selected)))
    for sentence in refused:
        doing.note(sentence)


def _trash(selected: Sequence[str]) -> None:
    done = f"Moved {_runs(len(selected))} to the trash."
    if doing.succeeded(data.change, lambda s: trash.trash(s, selected), done=done):
        state.put("sel", "")


def _runs(count: int) -> str:
    return f"{count} run{'s' if count != 1 else ''}"
