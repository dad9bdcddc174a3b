"""The script that Streamlit runs for every page: the frame, then the page inside the boundary."""

from pathlib import Path

import streamlit as st

from dashboard import errors, navigation
from dashboard.views import (
    choose,
    compare,
    curves,
    disk,
    home,
    launch,
    queue,
    releases,
    reports,
    run,
    runs,
    search,
    sql,
    study,
)

_STATIC = Path(__file__).parent / "static"
_SCRIPT = (Path(__file__).parent / "parts" / "shell.js").read_text(encoding="utf-8")
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
[data-testid="stSliderThumbValue"] { color: inherit !important; }
[data-testid="stTab"][aria-selected="true"] { color: inherit; font-weight: 600; }
.st-key-query textarea { font-family: ui-monospace, "SF Mono", Menlo, "DejaVu Sans Mono", monospace; font-size: 0.85rem; }
/* Beside the buttons of a page's head, a toast would lie on them. */
[data-testid="stToastContainer"] { top: auto !important; bottom: 5.5rem !important; }
@media (hover: none) { button kbd { display: none; } }
@media (max-width: 640px) {
  .st-key-page_head > :first-child { flex: 1 0 100%; }
  .st-key-curves_choosers > .stVerticalBlock, .st-key-curves_choosers > [data-testid="stLayoutWrapper"]:has(.stMultiSelect) { flex: 1 0 100%; order: -1; }
}
.stAppHeader { border-bottom: 1px solid color-mix(in srgb, currentColor 10%, transparent); }
/* The bar is for words; the menus and the phone's drawer have room for icons. */
[data-testid="stTopNavLink"] > :has([data-testid="stIconMaterial"]) { display: none; }
[data-testid="stExpandSidebarButton"]::after { content: "Menu"; font-size: 0.9rem; margin-left: 2px; }
/* A server that went away is said on every page; what is shown stays. */
[data-test-connection-state="CONNECTING"]::after,
[data-test-connection-state="PINGING_SERVER"]::after,
[data-test-connection-state="DISCONNECTED_FOREVER"]::after {
  content: "The dashboard does not answer. What you see stays; it is tried again.";
  position: fixed; bottom: 1.2rem; left: 50%; transform: translateX(-50%); z-index: 1000001;
  width: max-content; max-width: 92vw; padding: 0.5rem 1rem; border-radius: 8px;
  background: #171a21; color: #fff; font-size: 0.9rem; box-shadow: 0 2px 12px rgb(0 0 0 / 30%);
}
</style>"""

st.set_page_config(
    page_title="Bakeoff",
    page_icon=str(_STATIC / "icon.svg"),
    layout="wide",
    initial_sidebar_state="collapsed",
)
st.logo(str(_STATIC / "logo.svg"), icon_image=str(_STATIC / "logo.svg"), size="medium")
PAGES = {
    "home": st.Page(
        home.page,
        title="Home",
        icon=":material/home:",
        default=True,
        help="What runs, what finished, what failed, and what to do next.",
    ),
    "runs": st.Page(
        runs.page,
        title="Runs",
        icon=":material/table_rows:",
        url_path="runs",
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
        help="Two to ten runs side by side.",
    ),
    "choose": st.Page(
        choose.page,
        title="Choose",
        icon=":material/how_to_vote:",
        url_path="choose",
        help="Which of these to release, and why.",
    ),
    "releases": st.Page(
        releases.page,
        title="Releases",
        icon=":material/verified:",
        url_path="releases",
        help="What is released, what for, and what it has to fulfil.",
    ),
    "queue": st.Page(
        queue.page,
        title="Queue",
        icon=":material/playlist_play:",
        url_path="queue",
        help="What runs, what waits and what ended.",
    ),
    "launch": st.Page(
        launch.page,
        title="Launch",
        icon=":material/rocket_launch:",
        url_path="launch",
        help="Start trainings from a form.",
    ),
    "search": st.Page(
        search.page,
        title="Search",
        icon=":material/query_stats:",
        url_path="search",
        help="Let Optuna choose the next values.",
    ),
    "study": st.Page(
        study.page,
        title="Study",
        url_path="study",
        visibility="hidden",
        help="One search: progress, best so far, charts, changes.",
    ),
    "reports": st.Page(
        reports.page,
        title="Reports",
        icon=":material/article:",
        url_path="reports",
        help="Findings with their evidence, exported as one file.",
    ),
    "sql": st.Page(
        sql.page,
        title="SQL",
        icon=":material/database:",
        url_path="sql",
        help="Ask the store anything, read-only.",
    ),
    "disk": st.Page(
        disk.page,
        title="Disk & trash",
        icon=":material/hard_drive:",
        url_path="disk",
        help="What takes the space, what may go, and deleted runs.",
    ),
    "run": st.Page(
        run.page,
        title="Run",
        url_path="run",
        visibility="hidden",
        help="One run: numbers, curves, system, predictions, log and code.",
    ),
}
# What stands in the bar by itself, and what its two menus hold. (A bare text would be drawn.)
SECTIONS = {
    "": ("home", "runs", "curves", "compare", "choose", "releases", "run", "study"),
    "Train": ("launch", "search", "queue"),
    "More": ("reports", "sql", "disk"),
}
# Pages that no entry leads to light up the one that they belong to.
_BELONGS = {"run": "runs", "study": "search"}


def _marks(name: str) -> str:
    """Return the style that marks in the bar where one is: Streamlit marks neither menus nor these."""
    shown = _BELONGS.get(name, name)
    menus = list(SECTIONS)[1:]
    place = next((at for at, menu in enumerate(menus, 1) if shown in SECTIONS[menu]), 0)
    if place:
        # Counted and not named, since a style cannot ask for words.
        menu = ':has([data-testid="stTopNavSection"])'
        entry = f'[data-testid="stTopNav"] > :nth-child({place} of {menu}) button'
    elif shown != name:
        entry = f'[data-testid="stTopNavLink"][href$="/{shown}"]'
    else:
        return ""
    look = "background: color-mix(in srgb, currentColor 14%, transparent); font-weight: 600;"
    return f"<style>{entry} {{ {look} }}</style>"


navigation.announce(PAGES)
page = st.navigation(
    {title: [PAGES[name] for name in names] for title, names in SECTIONS.items()}, position="top"
)
st.html(_CSS + _marks(next((name for name, one in PAGES.items() if one is page), "")))
errors.guarded(page.run)
# It takes a line's height: at the end nobody minds.
st.html(f"<script>{_SCRIPT}</script>", unsafe_allow_javascript=True)
