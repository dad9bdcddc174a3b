"""Do what a button asks; what is refused becomes a sentence on the page, never a traceback."""

from collections.abc import Callable
from typing import Any

import streamlit as st

import store
from dashboard import markup
from experiments.errors import ExperimentError

_SAID = "said"


def attempt(action: Callable[..., object], *arguments: Any, done: str = "", **options: Any) -> None:
    """Call an action, in a button's callback; keep what it refuses, or `done`, for `say`."""
    succeeded(action, *arguments, done=done, **options)


def succeeded(
    action: Callable[..., object], *arguments: Any, done: str = "", **options: Any
) -> bool:
    """Do the same, and return whether it was done."""
    try:
        action(*arguments, **options)
    except (ExperimentError, store.StoreError) as error:
        note(str(error))
        return False
    if done:
        st.session_state[_SAID] = [*st.session_state.get(_SAID, []), (done, True)]
    return True


def note(sentence: str) -> None:
    """Keep a sentence about something that was refused for `say`."""
    st.session_state[_SAID] = [*st.session_state.get(_SAID, []), (sentence, False)]


def say() -> None:
    """Show what the last click came to, once."""
    for sentence, is_done in dict.fromkeys(st.session_state.pop(_SAID, [])):
        if is_done:
            st.toast(markup.plain(sentence), icon=":material/check:")
        else:
            st.warning(markup.plain(sentence), icon=":material/error:")
