"""How one page leads to another, without any page knowing the others."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, NoReturn

import streamlit as st

if TYPE_CHECKING:
    from streamlit.navigation.page import Page

_PAGES = "pages_by_name"


def announce(pages: Mapping[str, "Page"]) -> None:
    """Keep the pages of this script run: Streamlit wants them made anew in each."""
    st.session_state[_PAGES] = dict(pages)


def page(name: str) -> "Page":
    """Return a page by its name, for a link to it."""
    return st.session_state[_PAGES][name]


def go(name: str, parameters: Mapping[str, str]) -> NoReturn:
    """Switch to a page with these parameters in the address."""
    st.switch_page(page(name), query_params={k: v for k, v in parameters.items() if v})
