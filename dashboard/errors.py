"""The error boundary: a sentence and a next step for the viewer, the details in the log."""

import logging
import secrets
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Final

import streamlit as st

import store
from dashboard import cards, data

_log = logging.getLogger("bakeoff.dashboard")
_HOUSE: Final = Path(__file__).resolve().parents[1]


def start_hub_or_say_why() -> None:
    """Start the hub; a store that cannot be opened is the pages' to explain, not a reason to die."""
    try:
        data.start_hub()
    except (store.StoreError, OSError) as error:
        _log.warning("The store cannot be opened yet: %s", error)


def guarded(page: Callable[[], object]) -> None:
    """Draw a page; whatever goes wrong in it becomes a card."""
    try:
        page()
    except Exception as error:  # noqa: BLE001 - the boundary: nothing may reach the viewer raw
        show_unexpected(error)


def show_unexpected(error: Exception) -> bool:
    """Show an error as a card, its details folded, and log it; True tells Streamlit that it has been shown."""
    match error:
        case store.HubUnreachableError() | store.StoreBusyError():
            cards.card(
                "The store does not answer",
                f"{error} The page tries again by itself when it is reloaded; runs that train are "
                "not affected, they write to their own folders.",
                icon="cloud_off",
            )
        case store.StoreError():
            cards.card("The store cannot show this", str(error), icon="error")
        case _:
            name = secrets.token_hex(4)
            _log.error("Error %s while a page was drawn", name, exc_info=error)
            cards.card(
                "Something went wrong on this page",
                "It is our mistake, not yours. Your runs and the store are untouched. Reload the "
                f"page; if it stays, look for **{name}** in the dashboard's log.",
                icon="error",
            )
            with st.expander("Details"):
                # The message may hold what is nobody's business: it stays in the log.
                st.code(f"{type(error).__name__} at {_where(error)}", language=None)
    return True


def _where(error: Exception) -> str:
    """Return the place in our code where an error came up."""
    ours = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if Path(frame.filename).is_relative_to(_HOUSE) and ".venv" not in frame.filename
    ]
    if not ours:
        return "outside of Bakeoff's own code"
    last = ours[-1]
    return f"{Path(last.filename).relative_to(_HOUSE)}, line {last.lineno}, in {last.name}"
