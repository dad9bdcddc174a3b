"""The Lineage tab of a run: what it grew from, what grew from it, and what changed."""

from collections.abc import Mapping
from typing import Any

import streamlit as st

import store
from dashboard import cards, data, explorer, markup, navigation, run_parts
from dashboard.components import sheet


def draw(run: Mapping[str, Any]) -> None:
    """Draw the tab."""
    family = _family(run)
    _labels(run)
    if family:
        sheet(
            run_parts.family_table(family, st.context.timezone),
            key="run_family",
            on_open=lambda run_id: navigation.go("run", {"id": run_id, "tab": "Lineage"}),
        )
    else:
        cards.card(
            "No relatives",
            "No run was cloned from this one, and it names no parent. **Clone** above starts one "
            "from its configuration; runs of your own code name theirs with "
            "`store.init(..., parents=[...])`.",
            icon="family_history",
        )
    _changes(run)


def _family(run: Mapping[str, Any]) -> list[dict[str, Any]]:
    up = explorer.rows(run_parts.parents(run))
    down = data.ask(lambda s: s.ask("children", run_id=run["run_id"])).to_pylist()
    seeds = sorted(
        explorer.rows(data.other_seeds(run)), key=lambda row: (row["seed"] is None, row["seed"])
    )
    rows = [{**row, "relation": "parent"} for row in up]
    rows += [{**row, "relation": "same recipe, other seed"} for row in seeds]
    words = {"clone": "cloned from this run", "child": "child"}
    return rows + [{**row, "relation": words[row["relation"]]} for row in down]


def _labels(run: Mapping[str, Any]) -> None:
    labels = {k: v for k, v in (run.get("labels") or {}).items() if k != "cloned_from"}
    if labels:
        text = " · ".join(f"{markup.plain(k)} **{markup.plain(v)}**" for k, v in labels.items())
        st.markdown(f"Part of: {text}")
    released = run["run_id"] in _released()
    if released:
        st.markdown(":material/verified: This run is released.")


def _released() -> frozenset[str]:
    from store.layout import Home
    from store.releases import released_runs

    return released_runs(Home.locate(data.home()))


def _changes(run: Mapping[str, Any]) -> None:
    others = _others(run)
    if not others:
        return
    st.subheader("What changed", anchor=False)
    first = next(iter(others))
    if len(others) == 1:
        st.caption(f"{first}.")
        shown = first
    else:
        shown = st.segmented_control(
            "Compared with",
            list(others),
            default=first,
            key="run_since",
            label_visibility="collapsed",
            required=True,
        )
    other = others[shown or first]
    name = other["name"] or other["run_id"]
    settings = run_parts.differences(other["params"], run["params"])
    around = run_parts.facts_that_changed(other, run)
    if not settings and not around:
        st.caption(f"Nothing differs from {markup.plain(name)} that was recorded.")
        return
    table = run_parts.differences_table([*settings, *around], name, "this run")
    sheet(table, key="run_changes")
    if not settings:
        st.caption("The configuration is the same; what differs lies around it.")


def _others(run: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """Return the runs to compare with, by what they are to this one."""
    wanted = [("Since its parent", run_id) for run_id in run_parts.parents(run)[:1]]
    before = data.ask(lambda s: s.ask("previous", run_id=run["run_id"]))["run_id"].to_pylist()
    wanted += [("Since the previous run of this experiment", run_id) for run_id in before]
    found = {}
    for label, run_id in wanted:
        try:
            found[label] = data.run(run_id)
        except store.RunNotFoundError:
            continue
    return found
