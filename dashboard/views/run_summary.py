"""The summary of a run: its key numbers, its configuration and where it ran."""

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from dashboard import data, formats, markup
from dashboard.comparing import IDENTITY, split_rank
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
        key_numbers = tiles(series)
        if key_numbers:
            sheet(key_numbers, key="run_tiles")
        sheet(numbers(series), key="run_numbers")
    else:
        st.caption("No numbers yet: this run has not logged a metric.")
    left, right = st.columns(2, gap="medium")
    with left:
        st.subheader("Configuration", anchor=False)
        params = {k: v for k, v in run["params"].items() if k not in IDENTITY}
        _pairs(params, key="run_config", empty="No configuration was recorded.", none="not set")
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
    return element("div", *shown, cls="tiles") if shown else Markup()


def numbers(series: Sequence[Mapping[str, Any]]) -> Markup:
    """Return all metrics as a table: best, where, last, how many points."""
    has_odd = any(row["n_nan"] + row["n_inf"] for row in series)
    names = ("Best", "at step", "Last", "at step", "Points", *(("NaN, inf",) if has_odd else ()))
    heads = [element("th", "Metric", scope="col")]
    heads += [element("th", name, scope="col", cls="num") for name in names]
    ordered = sorted(series, key=lambda r: (not r["goal"], split_rank(r["metric"]), r["metric"]))
    rows = [_number_row(row, has_odd=has_odd) for row in ordered]
    return markup.table(heads, rows, label="All metrics")


def _number_row(row: Mapping[str, Any], *, has_odd: bool) -> Markup:
    goal = row["goal"]
    cells = [
        f"{formats.number(row['best'])} {_ARROWS[goal]}" if goal else formats.DASH,
        formats.number(row["best_step"]) if goal else formats.DASH,
        formats.number(row["last"]),
        formats.number(row["last_step"]),
        formats.number(row["n"]),
    ]
    if has_odd:
        cells.append(formats.number(row["n_nan"] + row["n_inf"]))
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


def _pairs(values: Mapping[str, Any], *, key: str, empty: str, none: str = "not recorded") -> None:
    if not values:
        st.caption(empty)
        return
    rows = [
        element("tr", element("th", name, scope="row"), _value_cell(item, none))
        for name, item in values.items()
    ]
    sheet(markup.table([], rows, label=key), key=key)


def _value_cell(item: Any, none: str) -> Markup:
    if item is None or item in ({}, [], ""):
        return element("td", element("span", none, cls="missing"))
    if isinstance(item, dict):
        return element("td", *_lines(item), cls="wrap")
    return element("td", formats.value(item), cls="wrap")


def _lines(facts: Mapping[str, Any]) -> list[Markup]:
    """Return nested facts as lines; hashes of parts are left to the record."""
    lines = []
    for name, value in facts.items():
        if name == "hashes" or value in (None, {}, []):
            continue
        parts = value.items() if isinstance(value, dict) else ()
        written = ", ".join(f"{key} {formats.value(part)}" for key, part in parts)
        label = element("small", name.replace("_", " "))
        lines.append(element("div", label, f" {written or formats.value(value)}"))
    return lines
