"""The pages, once: where they are, what they are called, and how to get from one to another."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, NoReturn

import streamlit as st

if TYPE_CHECKING:
    from streamlit.navigation.page import Page


def pages() -> dict[str, "Page"]:
    """Return the pages by name; made anew in each run, as Streamlit wants it."""
    from dashboard.views import compare, curves, run, runs

    return {
        "runs": st.Page(
            runs.page,
            title="Runs",
            icon=":material/table_rows:",
            url_path="runs",
            default=True,
            help="Every run with its status, parameters and best values.",
        ),
        "curves": st.Page(
            curves.page,
            title="Curves",
            icon=":material/show_chart:",
            url_path="curves",
            help="Metrics over time, live while runs train.",
        ),
        "compare": st.Page(
            compare.page,
            title="Compare",
            icon=":material/compare_arrows:",
            url_path="compare",
            help="Two to six runs side by side.",
        ),
        "run": st.Page(
            run.page,
            title="Run",
            url_path="run",
            visibility="hidden",
            help="One run: numbers, curves, system, predictions, log and code.",
        ),
    }


def go(name: str, parameters: Mapping[str, str]) -> NoReturn:
    """Switch to a page with these parameters in the address."""
    st.switch_page(pages()[name], query_params={k: v for k, v in parameters.items() if v})
