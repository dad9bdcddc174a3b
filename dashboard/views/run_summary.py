"""The summary of a run: its key numbers, its configuration and where it ran."""

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from dashboard import data, formats, markup
from dashboard.components import sheet
from dashboard.folding import fold
from dashboard.markup import Markup, element

_MOST_TILES = 6
_ARROWS = {"max": "↑", "min": "↓"}
_ENVIRONMENT = (
    ("Host", "host"),
    ("User", "user"),
    ("Device", "device"),
    ("Python", "python"),
    ("Platform", "platform"),
    ("Command", "command"),
    ("Folder it ran in", "cwd"),
    ("Data", "data"),
    ("Data hash", "data_hash"),
    ("Model parameters", "parameters"),
    ("Parents", "parents"),
)
_PACKAGES = ("torch", "lightning", "numpy", "scikit-learn", "duckdb")


def draw(run: Mapping[str, Any]) -> None:
    """Draw the tab."""
    series = [
        row
        for row in data.series([run["run_id"]]).to_pylist()
        if not row["metric"].startswith("system/")
    ]
    if run["notes"]:
        st.markdown(run["notes"])
    if series:
        sheet(tiles(series), key="run_tiles")
        sheet(numbers(series), key="run_numbers")
    else:
        st.caption("No numbers yet: this run has not logged a metric.")
    left, right = st.columns(2, gap="medium")
    with left:
        st.subheader("Configuration", anchor=False)
        _pairs(run["params"], key="run_config", empty="No configuration was recorded.")
    with right:
        st.subheader("Environment", anchor=False)
        _pairs(_environment(run), key="run_environment", empty="Nothing was recorded.")
        if run.get("summary"):
            st.subheader("Summary values", anchor=False)
            _pairs(run["summary"], key="run_values", empty="")


def tiles(series: Sequence[Mapping[str, Any]]) -> Markup:
    """Return the numbers that matter most: validation and test metrics with a goal."""
    telling = [row for row in series if row["goal"] and fold(row["metric"])[0] != "train"]
    telling.sort(key=lambda row: (fold(row["metric"])[0] != "test", row["goal"] == "min"))
    shown = []
    for row in telling[:_MOST_TILES]:
        arrow = _ARROWS[row["goal"]]
        note = f"best {arrow} at step {row['best_step']:,}" if row["n"] > 1 else "measured once"
        shown.append(markup.tile(row["metric"], formats.number(row["best"]), note))
    return element("div", *shown, cls="tiles")


def numbers(series: Sequence[Mapping[str, Any]]) -> Markup:
    """Return all metrics as a table: best, where, last, how many points."""
    heads = [element("th", "Metric", scope="col")] + [
        element("th", name, scope="col", cls="num")
        for name in ("Best", "at step", "Last", "at step", "Points", "NaN, inf")
    ]
    return markup.table(heads, [_number_row(row) for row in series], label="All metrics")


def _number_row(row: Mapping[str, Any]) -> Markup:
    goal = row["goal"]
    odd = row["n_nan"] + row["n_inf"]
    cells = [
        f"{formats.number(row['best'])} {_ARROWS[goal]}" if goal else formats.DASH,
        formats.number(row["best_step"]) if goal else formats.DASH,
        formats.number(row["last"]),
        formats.number(row["last_step"]),
        formats.number(row["n"]),
        formats.number(odd) if odd else formats.DASH,
    ]
    name = element("th", row["metric"], scope="row")
    return element("tr", name, *(element("td", cell, cls="num") for cell in cells))


def _environment(run: Mapping[str, Any]) -> dict[str, Any]:
    facts = {label: run.get(key) for label, key in _ENVIRONMENT}
    command = run.get("command")
    facts["Command"] = " ".join(command) if isinstance(command, list) else command
    packages = run.get("packages") or {}
    known = [f"{name} {packages[name]}" for name in _PACKAGES if name in packages]
    rest = len(packages) - len(known)
    facts["Packages"] = ", ".join(known) + (f" and {rest} more" if rest > 0 else "") or None
    return facts


def _pairs(values: Mapping[str, Any], *, key: str, empty: str) -> None:
    if not values:
        st.caption(empty)
        return
    rows = [
        element("tr", element("th", name, scope="row"), _value_cell(item))
        for name, item in values.items()
    ]
    sheet(markup.table([], rows, label=key), key=key)


def _value_cell(item: Any) -> Markup:
    if item is None or item in ({}, [], ""):
        return element("td", element("span", "not recorded", cls="missing"))
    if isinstance(item, dict):
        item = ", ".join(f"{name} {formats.value(value)}" for name, value in item.items())
    return element("td", formats.value(item), cls="wrap")
