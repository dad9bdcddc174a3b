"""The script that Streamlit runs for every page: the frame, then the page inside the boundary."""

from pathlib import Path

import streamlit as st

from dashboard import errors, navigation

_STATIC = Path(__file__).parent / "static"
_CSS = """<style>
[data-stale="true"] { opacity: 1 !important; }
.st-key-page_head { margin-bottom: -0.35rem; }
[data-testid="stStatusWidget"] { display: none; }
.st-key-q { min-width: min(100%, 380px) !important; }
.stButtonGroup [data-selected="true"] { color: inherit !important; }
.stButtonGroup [data-selected="true"] * { color: inherit !important; }
.stMultiSelect [data-tag] {
  background: color-mix(in srgb, #6871e6 17%, transparent) !important;
  color: inherit !important;
}
.stAppHeader { border-bottom: 1px solid color-mix(in srgb, currentColor 10%, transparent); }
</style>"""

st.set_page_config(
    page_title="Bakeoff",
    page_icon=str(_STATIC / "icon.svg"),
    layout="wide",
    initial_sidebar_state="collapsed",
)
st.logo(str(_STATIC / "logo.svg"), icon_image=str(_STATIC / "logo.svg"), size="medium")
st.html(_CSS)
page = st.navigation(list(navigation.pages().values()), position="top")
errors.guarded(page.run)
