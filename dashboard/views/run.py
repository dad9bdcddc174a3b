"""Run: everything of one run, its end first when it ended badly."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import streamlit as st

import store
from dashboard import (
    cards,
    data,
    doing,
    explorer,
    folding,
    formats,
    frame,
    logs,
    markup,
    navigation,
    theme,
)
from dashboard.components import sheet
from dashboard.evaluation_data import Entry
from dashboard.markup import element
from dashboard.views import (
    evaluation,
    run_actions,
    run_artifacts,
    run_family,
    run_files,
    run_media,
    run_summary,
)
from dashboard.views.curves import panels_of

_TABS = (
    "Summary",
    "Curves",
    "System",
    "Evaluation",
    "Media",
    "Log",
    "Code",
    "Environment",
    "Files",
    "Lineage",
)
_BAD_ENDS = frozenset({"failed", "crashed", "lost"})


def page() -> None:
    """Draw the page."""
    asked = st.query_params.get("id", "")
    try:
        record = data.run(asked)
    except store.RunNotFoundError:
        st.title("Run", anchor=False)
        cards.unknown_run(asked)
        st.page_link(navigation.page("runs"), label="All runs", icon=":material/arrow_back:")
        return
    row = explorer.rows([record["run_id"]])[0]
    run = {**record, **row}
    doing.say()
    _header(run)
    frame.show_trouble()
    if run["status"] in _BAD_ENDS:
        _bad_end(run)
    _tabs(run)
    frame.pulse(lambda: _look(record["run_id"]), is_running=run["status"] in explorer.LIVE)


def _look(run_id: str) -> object:
    """Return what redraws the page when it differs: what other runs do does not."""
    counts = [(row["metric"], row["n"]) for row in data.series([run_id]).to_pylist()]
    return data.named((run_id,)).to_pylist(), counts


def _header(run: Mapping[str, Any]) -> None:
    status = theme.status(run["status"])
    with st.container(horizontal=True, vertical_alignment="center", key="page_head"):
        st.title(markup.plain(run["name"] or run["run_id"]), anchor=False, width="content")
        st.badge(status.label, color=status.colour, help=status.meaning)
        if run.get("pinned"):
            st.badge("pinned", icon=":material/keep:", color="gray", help="It is never deleted.")
        st.space("stretch")
        run_actions.draw(run)
    facts = element("div", *(_fact(name, value) for name, value in _facts(run)), cls="facts")
    sheet(facts, key="run_facts")


def _facts(run: Mapping[str, Any]) -> list[tuple[str, str]]:
    commit = (run.get("git") or {}).get("commit")
    dirty = " + changes" if (run.get("git") or {}).get("dirty") else ""
    zone = st.context.timezone
    labels = run.get("labels") or {}
    project = quote(run["project"])
    group = f'group = "{run["group"]}"'
    facts = [
        ("Study", _study_link(labels) if labels.get("study") else None),
        ("Project", element("a", run["project"], href=f"runs?project={project}")),
        (
            "Group",
            element("a", run["group"], href=f"runs?project={project}&q={quote(group)}")
            if run["group"]
            else None,
        ),
        ("Model", run["model"]),
        ("Seed", None if run["seed"] is None else str(run["seed"])),
        ("Duration", formats.duration(run["duration_s"])),
        (
            "Started",
            markup.moment(formats.moment(run["created_at"], zone), run["created_at"]),
        ),
        ("Device", run.get("device")),
        ("Commit", f"{commit[:9]}{dirty}" if commit else None),
        ("Tags", ", ".join(run["tags"] or ())),
        ("Id", run["run_id"]),
    ]
    return [(name, fact) for name, fact in facts if fact]


def _study_link(labels: Mapping[str, str]) -> markup.Markup:
    study, trial = labels["study"], labels.get("trial", "?")
    return element("a", f"{study}, trial {trial}", href=f"study?id={quote(study)}")


def _fact(name: str, value: str) -> markup.Markup:
    return element("div", element("small", name), element("b", value))


def _bad_end(run: Mapping[str, Any]) -> None:
    status = theme.status(run["status"])
    with st.container(border=True):
        st.subheader(
            f":{status.colour}[{status.symbol}] This run {_ended(run['status'])}", anchor=False
        )
        if run["error"]:
            st.markdown(f"**{markup.plain(run['error'])}**")
        else:
            st.markdown(f"{status.meaning} It did not leave a reason.")
        lines = logs.tail(Path(run["folder"]) / "output.log", lines=12)
        if lines:
            st.caption("The last lines of its log")
            st.code(lines, language=None, wrap_lines=True)


def _ended(word: str) -> str:
    return {"failed": "failed", "crashed": "crashed"}.get(word, "is out of contact")


def _tabs(run: Mapping[str, Any]) -> None:
    tabs = st.tabs(_TABS, key="tab", bind="query-params")
    drawers = (
        run_summary.draw,
        _curves,
        _system,
        _evaluation,
        run_media.draw,
        run_files.draw_log,
        run_files.draw_code,
        run_summary.draw_environment,
        run_artifacts.draw,
        run_family.draw,
    )
    for tab, draw in zip(tabs, drawers, strict=True):
        if tab.open:
            with tab:
                draw(run)


def _evaluation(run: Mapping[str, Any]) -> None:
    name = str(run["name"] or run["run_id"])
    entry = Entry(run_id=run["run_id"], name=name, place=0)
    evaluation.draw((entry,), key="run", where="Run")


def _curves(run: Mapping[str, Any]) -> None:
    available = panels_of([run["run_id"]])
    if not available:
        cards.card(
            "No curves yet",
            "This run has not logged a metric so far. Log one with `run.log({...})`.",
            icon="show_chart",
        )
        return
    explorer.draw([run], list(available.values()), key="run_curves")


def _system(run: Mapping[str, Any]) -> None:
    names = data.series([run["run_id"]]).column("metric").to_pylist()
    panels = folding.system_panels(names)
    if not panels:
        cards.card(
            "No system metrics",
            "The processor, memory and GPU are sampled every few seconds while a run lives. This "
            "run was too short for a sample, or was started with `monitor=False`.",
            icon="memory",
        )
        return
    explorer.draw([run], panels, key="run_system", height=190, plain_x="elapsed")
