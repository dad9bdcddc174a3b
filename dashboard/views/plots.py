"""How figures get onto a page."""

from typing import Any

import streamlit as st


def mode() -> str:
    """Return the theme that the figures should fit: ``light`` or ``dark``."""
    return "dark" if st.context.theme.type == "dark" else "light"


def plot(figure: Any, *, key: str, alt: str) -> None:
    """Draw a figure; `alt` says what it shows to those who cannot see it."""
    st.plotly_chart(
        figure, key=key, theme=None, config={"displayModeBar": False}, alt=alt, width="stretch"
    )
