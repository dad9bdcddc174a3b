"""The frame around every page: its title, what it is about, and the project chooser."""

from collections.abc import Callable

import streamlit as st

from dashboard import cards, data

ALL_PROJECTS = "All projects"


def title(text: str, subtitle: str = "") -> str | None:
    """Draw a page's head with the project chooser; return the chosen project, None for all."""
    projects = data.projects()
    chosen = _head(text, subtitle, projects)
    show_trouble()
    return chosen


def show_trouble() -> None:
    """Say so when the store lags behind."""
    words = data.state().trouble
    if words:
        cards.trouble(words)


def _head(text: str, subtitle: str, projects: list[str]) -> str | None:
    with st.container(horizontal=True, vertical_alignment="bottom", key="page_head"):
        with st.container(width="stretch", gap=None):
            st.title(text, anchor=False)
            if subtitle:
                st.caption(subtitle)
        if len(projects) < 2:
            return projects[0] if projects else None
        chosen = st.selectbox(
            "Project",
            [ALL_PROJECTS, *projects],
            key="project",
            bind="query-params",
            width=210,
            label_visibility="collapsed",
        )
    return None if chosen == ALL_PROJECTS else chosen


def pulse(look: Callable[[], object], *, is_running: bool) -> None:
    """Look at the store every 2 s (5 s when nothing runs); redraw the page when the look changed.

    The look is small and asks only for what this page shows: curves, for one, move by themselves.
    """
    seen = look()

    @st.fragment(run_every=2.0 if is_running else 5.0)
    def watch() -> None:
        if look() != seen:
            st.rerun()

    watch()


def version() -> int:
    """Return the look of a page that shows everything: the store's version."""
    return data.state().version
