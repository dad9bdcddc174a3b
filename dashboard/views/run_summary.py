"""The Summary and Environment tabs of a run: its key numbers, its configuration, where it ran."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
import streamlit as st

from dashboard import cards, data, formats, markup, tables
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
    ("Processors", "cpus"),
    ("Python", "python"),
    ("Platform", "platform"),
    ("Command", "command"),
    ("Folder it ran in", "cwd"),
    ("Data", "data"),
    ("Data hash", "data_hash"),
    ("Model parameters", "parameters"),
)


def draw(run: Mapping[str, Any]) -> None:
    """Draw the Summary tab."""
    series = [
        row
        for row in data.series([run["run_id"]]).to_pylist()
        if not row["metric"].startswith("system/")
    ]
    if run["notes"]:
        with st.container(border=True):
            st.markdown(run["notes"])
    if series:
        sheet(_tiles(run, series), key="run_tiles")
    else:
        st.caption("No numbers yet: this run has not logged a metric.")
    left, right = st.columns(2, gap="medium")
    with left:
        if series:
            st.subheader("Metrics", anchor=False)
            sheet(numbers(series), key="run_numbers")
        if run.get("summary"):
            st.subheader("Summary values", anchor=False)
            values = {name: _measured(name, item) for name, item in run["summary"].items()}
            sheet(pairs(values, label="Summary values"), key="run_values")
    with right:
        st.subheader("Configuration", anchor=False)
        params = {k: v for k, v in run["params"].items() if k not in IDENTITY}
        if params:
            sheet(sections(params), key="run_config")
        else:
            st.caption("No configuration was recorded.")


def draw_environment(run: Mapping[str, Any]) -> None:
    """Draw the Environment tab: the machine, the command, the data and the packages."""
    facts = {label: run.get(key) for label, key in _ENVIRONMENT}
    command = run.get("command")
    facts["Command"] = " ".join(command) if isinstance(command, list) else command
    known = {label: fact for label, fact in facts.items() if fact not in (None, "", {}, [])}
    packages = run.get("packages") or {}
    if not known and not packages:
        cards.card(
            "Nothing was recorded",
            "This run did not write down where it ran.",
            icon="dns",
        )
        return
    left, right = st.columns(2, gap="medium")
    with left:
        sheet(pairs(known, label="Environment"), key="run_environment")
    with right:
        if not packages:
            st.caption("Its packages were not recorded.")
            return
        st.dataframe(
            pd.DataFrame(sorted(packages.items()), columns=["Package", "Version"]),
            hide_index=True,
            height=560 if len(packages) > 14 else "content",
            alt=f"{len(packages)} packages and their versions",
        )
        st.caption(f"{len(packages):,} packages. Click into the table and press Ctrl+F to search.")


def telling(series: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return the metrics that matter most, at most six: those with a goal, test before val."""
    found = [row for row in series if row["goal"] and fold(row["metric"])[0] != "train"]
    found.sort(key=lambda row: (fold(row["metric"])[0] != "test", row["goal"] == "min"))
    return found[:_MOST_TILES]


def _tiles(run: Mapping[str, Any], series: Sequence[Mapping[str, Any]]) -> Markup:
    rows = telling(series)
    ids = (run["run_id"],)
    columns = [tables.spark_column(row["metric"]) for row in rows if row["n"] > 1]
    courses = data.named(ids, columns=columns).to_pylist()[0] if columns else {}
    shown = []
    for row in rows:
        arrow = _ARROWS[row["goal"]]
        where = f"best {arrow} at step {row['best_step']:,}" if row["n"] > 1 else "measured once"
        course = courses.get(tables.spark_column(row["metric"])) or ()
        note = " · ".join(part for part in (where, _rank(run["project"], row)) if part)
        unit = f" {row['unit']}" if row.get("unit") else ""
        shown.append(
            markup.tile(
                row["metric"],
                formats.number(row["best"]) + unit,
                note,
                markup.spark(course, row["metric"]),
            )
        )
    return element("div", *shown, cls="tiles") if shown else Markup()


def _rank(project: str, row: Mapping[str, Any]) -> str:
    """Return how a value stands among the project's runs: `3rd of 67`; empty where it is alone."""
    if row["best"] is None or row["best"] != row["best"]:
        return ""
    column, value = tables.metric_column(row["metric"]), repr(float(row["best"]))
    better, rest = (">", "<=") if row["goal"] == "max" else ("<", ">=")
    ahead = data.count_runs(data.within(project, f"{column} {better} {value}"))
    total = ahead + data.count_runs(data.within(project, f"{column} {rest} {value}"))
    return f"{formats.ordinal(ahead + 1)} of {total:,}" if total > 1 else ""


def numbers(series: Sequence[Mapping[str, Any]]) -> Markup:
    """Return all metrics as a table: best, where, last, how many points."""
    has_odd = any(row["n_nan"] + row["n_inf"] for row in series)
    names = ("Best", "at step", "Last", "Points", *(("NaN, inf",) if has_odd else ()))
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
        formats.number(row["n"]),
    ]
    if has_odd:
        cells.append(formats.number(row["n_nan"] + row["n_inf"]))
    name = element("th", row["metric"], scope="row")
    return element("tr", name, *(element("td", cell, cls="num") for cell in cells))


def sections(params: Mapping[str, Any]) -> Markup:
    """Return a configuration as a table with a heading for each of its parts."""
    parts: dict[str, list[tuple[str, Any]]] = {}
    for key, value in params.items():
        part, _, name = key.partition(".")
        parts.setdefault(part if name else "", []).append((name or key, value))
    rows = []
    for part, entries in parts.items():
        if part:
            title = part.replace("_", " ").capitalize()
            head = element("th", title, colspan="2", scope="colgroup")
            rows.append(element("tr", head, cls="section"))
        rows += [_pair(name, value, none="not set") for name, value in entries]
    return markup.table([], rows, label="Configuration")


def pairs(values: Mapping[str, Any], *, label: str) -> Markup:
    """Return names and values as a table."""
    rows = [_pair(name, item, none="not recorded") for name, item in values.items()]
    return markup.table([], rows, label=label)


def _measured(name: str, item: Any) -> Any:
    return formats.measure(name, item) if isinstance(item, int | float) else item


def _pair(name: str, item: Any, *, none: str) -> Markup:
    return element("tr", element("th", name, scope="row"), _value_cell(item, none))


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
