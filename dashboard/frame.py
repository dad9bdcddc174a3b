"""The frame around every page: its title, what it is about, and the project chooser."""

from collections.abc import Callable
from urllib.parse import urlsplit

import streamlit as st

from dashboard import cards, data, doing, report_files
from dashboard.report_files import Block

ALL_PROJECTS = "All projects"
_PROJECT = "project"


def title(text: str, subtitle: str = "", *, by_project: bool = True) -> str | None:
    """Draw a page's head; return the chosen project, None for all.

    Parameters
    ----------
    by_project
        Whether the page asks for one; what was chosen elsewhere is remembered for other pages.
    """
    chosen = _head(text, subtitle, data.projects(), by_project=by_project)
    doing.say()
    show_trouble()
    return chosen


def show_trouble() -> None:
    """Say so when the store lags behind."""
    words = data.state().trouble
    if words:
        cards.trouble(words)


def _head(text: str, subtitle: str, projects: list[str], *, by_project: bool) -> str | None:
    with st.container(horizontal=True, vertical_alignment="bottom", key="page_head"):
        with st.container(width="stretch", gap=None):
            st.title(text, anchor=False)
            if subtitle:
                st.caption(subtitle)
        if projects:
            _into_report()
        if not by_project:
            if _PROJECT in st.session_state:  # Streamlit forgets what a page does not draw
                st.session_state[_PROJECT] = st.session_state[_PROJECT]
            return None
        if len(projects) < 2:
            return projects[0] if projects else None
        chosen = st.selectbox(
            "Project",
            [ALL_PROJECTS, *projects],
            key=_PROJECT,
            bind="query-params",
            width=210,
            label_visibility="collapsed",
        )
    return None if chosen == ALL_PROJECTS else chosen


def _into_report() -> None:
    """Offer to keep what is on the page as a panel of a report, where that can be one."""
    page = urlsplit(st.context.url or "").path.rstrip("/").rpartition("/")[2]
    if page not in report_files.PAGES:
        return
    with st.popover("Report", icon=":material/post_add:", help="Add this view to a report."):
        name = st.selectbox(
            "Report",
            report_files.names(),
            index=None,
            accept_new_options=True,
            placeholder="Choose one, or type a new name",
            key="report_into",
        )
        heading = st.text_input("Heading", key="report_as")
        query = {key: st.query_params.get_all(key) for key in st.query_params}
        st.button(
            "Add this view",
            type="primary",
            disabled=not name,
            on_click=doing.attempt,
            args=(
                report_files.add,
                name or "",
                Block(kind="panel", text=heading or "", page=page, query=query),
            ),
            kwargs={"done": f"Added to the report {name}."},
        )


def pulse(look: Callable[[], object], *, is_running: bool, drawn: object = None) -> None:
    """Look at the store every 2 s (5 s when nothing runs); redraw the page when the look changed.

    The look is small and asks only for what this page shows: curves, for one, move by themselves.
    `drawn` is the look of what the page shows, where that may have changed while it was drawn.
    """
    seen = look() if drawn is None else drawn

    @st.fragment(run_every=2.0 if is_running else 5.0)
    def watch() -> None:
        if look() != seen:
            st.rerun()

    watch()


def version() -> int:
    """Return the look of a page that shows everything: the store's version."""
    return data.state().version
