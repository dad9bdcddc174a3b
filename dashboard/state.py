"""The address is the view: what a page shows, as query parameters, read and written in one place."""

from collections.abc import Iterable, Sequence
from typing import Final

import streamlit as st

from dashboard import wire

MOST_RUNS = wire.MAX_RUNS
MOST_COMPARED = 10
CURVE_VIEW: Final = ("x", "smooth", "log", "logx", "clip", "zoom", "hide", "pin", "by", "band",
                     "traces", "closed", "big")  # fmt: skip
"""How curves are drawn: the browser reads and writes these parameters."""


def split(value: str) -> tuple[str, ...]:
    """Return the parts of a comma-separated parameter, each once, in order."""
    return tuple(dict.fromkeys(part.strip() for part in value.split(",") if part.strip()))


def listed(key: str) -> tuple[str, ...]:
    """Return a list in the address."""
    return split(st.query_params.get(key, ""))


def put(key: str, value: str | Iterable[str]) -> None:
    """Write a parameter, or drop it when empty; an unchanged address is left alone."""
    joined = value if isinstance(value, str) else ",".join(value)
    if joined == st.query_params.get(key, ""):
        return
    if joined:
        st.query_params[key] = joined
    else:
        del st.query_params[key]


def seed(widget: str, value: object) -> None:
    """Make a widget show what the address says, also after Back and Forward.

    A keyed widget keeps its own value. So the value that the address had when the widget was last
    fed is remembered, and a new one replaces the widget's.
    """
    memory = f"{widget}:address"
    if st.session_state.get(memory) != value or widget not in st.session_state:
        st.session_state[memory] = value
        st.session_state[widget] = value


def selection(rows: Sequence[int], shown: Sequence[str], before: Sequence[str]) -> list[str]:
    """Return the selected runs: old ones in their order, then new ones; other pages' stay.

    Parameters
    ----------
    rows
        Positions of the selected rows.
    shown
        Runs of the rows on this page.
    before
        Runs that were selected, on any page.
    """
    now = {shown[row] for row in rows if row < len(shown)}
    kept = [run for run in before if run in now or run not in set(shown)]
    return kept + [
        shown[row] for row in sorted(rows) if row < len(shown) and shown[row] not in kept
    ]
