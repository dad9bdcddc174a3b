"""The two components of our own: the curves explorer around uPlot, and tables as real HTML."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import streamlit as st
from streamlit.components.v2 import component

_HERE = Path(__file__).parent
_PARTS = ("view", "lines", "curves", "toolbar", "panel", "plotting", "tip")
_EXPLORER = """\
<div class="explorer">
  <div class="bar" role="toolbar" aria-label="How the curves are drawn">
    <label class="field">Smoothing
      <input name="smooth" type="range" min="0" max="0.99" step="0.01"><output></output>
    </label>
    <span class="segments axes" role="group" aria-label="Horizontal axis"></span>
    <span class="live push" role="status" hidden><i></i><span></span></span>
  </div>
  <div class="bar" role="toolbar" aria-label="Scales and groups">
    <label class="field"><input name="log" type="checkbox">Log scale</label>
    <label class="field"><input name="logx" type="checkbox">Log x axis</label>
    <label class="field" title="The scale leaves out the lowest and the highest 2 % of the points">
      <input name="clip" type="checkbox">Clip outliers</label>
    <label class="field grouping">Group by <select name="by"></select></label>
    <label class="field grouped" hidden>Band <select name="band"></select></label>
    <label class="field grouped" hidden><input name="traces" type="checkbox">Single runs</label>
    <button class="tool reset" type="button" hidden>Reset zoom</button>
  </div>
  <div class="legend" role="group" aria-label="Runs shown"></div>
  <div class="panels"></div>
  <div class="hint">Drag to zoom, double-click to reset, click a curve to pin it. A panel with the
  focus also takes the wheel, the arrows, plus and minus.</div>
</div>
"""


def _read(*names: str) -> str:
    return "\n".join((_HERE / name).read_text(encoding="utf-8") for name in names)


_curves = component(
    "bakeoff_curves",
    html=_EXPLORER,
    css=_read("vendor/uplot/uPlot.min.css", "parts/curves.css"),
    js=_read("vendor/uplot/uPlot.iife.min.js", *(f"parts/{name}.js" for name in _PARTS)),
)
_sheet = component(
    "bakeoff_sheet",
    html='<div class="sheet">\n</div>',
    css=_read("parts/sheet.css"),
    js=_read("parts/sheet.js"),
)


def explorer(
    data: Mapping[str, Any],
    *,
    key: str,
    on_arrange: Callable[[Sequence[str]], None] | None = None,
) -> None:
    """Mount the curves explorer; `dashboard.explorer` builds its data.

    Parameters
    ----------
    on_arrange
        Called with the panels' keys when somebody put them into another order or hid one.
    """

    def arranged() -> None:
        panels = st.session_state[key].get("arranged")
        if panels and on_arrange is not None:
            on_arrange([str(panel) for panel in panels])

    _curves(key=key, data=dict(data), on_arranged_change=arranged)


def sheet(markup: str, *, key: str, on_open: Callable[[str], None] | None = None) -> None:
    """Show markup of `dashboard.markup`; a click on a run's name calls `on_open` with its id."""
    result = _sheet(key=key, data={"markup": markup}, on_opened_change=lambda: None)
    opened = result.get("opened")
    if opened and on_open is not None:
        on_open(opened)
