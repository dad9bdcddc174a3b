"""Compare: two to ten runs side by side, without claiming more than the numbers say."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import streamlit as st

from dashboard import (
    cards,
    comparing,
    components,
    data,
    explorer,
    folding,
    formats,
    frame,
    markup,
    navigation,
    release_data,
    state,
)
from dashboard.comparing import Cell, MetricRow, ParameterRow
from dashboard.evaluation_data import Contest
from dashboard.markup import Markup, element
from dashboard.views import contest_panels, evidence
from dashboard.views.curves import choose_runs, panels_of
from experiments.evaluating.evidence import Severity, data_problem

_ARROWS = {"max": "↑", "min": "↓"}


def page() -> None:
    """Draw the page."""
    now = data.state()
    project = frame.title("Compare")
    if not now.runs:
        cards.first_run()
        frame.pulse(frame.version, is_running=True)
        return
    newest = data.newest(project).to_pylist()
    wanted = state.listed("runs")
    runs = explorer.rows(wanted[: state.MOST_COMPARED])
    missing = [run_id for run_id in wanted if run_id not in {run["run_id"] for run in runs}]
    choose_runs(runs, newest, key="compare_runs", most=state.MOST_COMPARED)
    cards.left_out("Not compared", missing)
    if len(runs) < 2:
        cards.nothing_selected(len(newest), chosen=len(runs))
    else:
        _comparison(runs)
    frame.pulse(frame.version, is_running=any(run["status"] in explorer.LIVE for run in runs))


def _comparison(runs: Sequence[dict[str, Any]]) -> None:
    ids = [run["run_id"] for run in runs]
    names = explorer.names(runs)
    records = [data.run(run_id) for run_id in ids]
    problem = data_problem(records, names)
    is_comparable = problem is None or problem.severity is not Severity.BLOCKS
    if problem is not None and not is_comparable:
        st.warning(markup.plain(problem.text), icon=":material/warning:")
    with st.container(horizontal=True, vertical_alignment="bottom"):
        title = "Is the difference real?" if is_comparable else "Metrics"
        st.subheader(title, anchor=False, width="content")
        st.space("stretch")
        baseline = _baseline(ids, names)
        contest = evidence.ask(runs, names, baseline) if is_comparable else None
    if contest is not None:
        unseen = evidence.look(contest, "Compare")
        contest = replace(contest, spec=replace(contest.spec, unseen=unseen))
        evidence.answer(contest)
        _behind(contest)
        st.subheader("Logged metrics", anchor=False)
    series = data.series(ids).to_pylist()
    strange = comparing.goal_note(series)
    if strange:
        st.markdown(f":material/warning: {markup.plain(strange)}")
    rows = comparing.metric_rows(series, ids, baseline, is_ranked=is_comparable)
    components.sheet(
        metric_table(rows, runs, names, baseline), key="compare_metrics", on_open=_open
    )
    if is_comparable:
        st.caption(
            "★ marks the best value, and every run that shares it. Whether a difference is real, "
            "single numbers cannot tell: that is judged above, from the predictions."
        )
    st.subheader("Parameters", anchor=False)
    _parameters(comparing.parameter_rows(records), runs, names)
    available = panels_of(ids)
    if available:
        st.subheader("Curves", anchor=False)
        panels = folding.chosen(available, state.listed("metrics"))
        explorer.draw(runs, panels, key="compare_curves")


def _behind(contest: Contest) -> None:
    """Show one of the things that lie behind the verdict."""
    panels = contest_panels.PANELS
    chosen = st.segmented_control(
        "Behind the verdict",
        list(panels),
        default="Metrics",
        key="behind",
        bind="query-params",
        required=True,
    )
    panels[chosen if chosen in panels else "Metrics"](contest)


def _open(run_id: str) -> None:
    navigation.go("run", {"id": run_id})


def _baseline(ids: Sequence[str], names: Sequence[str]) -> str:
    labels = dict(zip(ids, names, strict=True))
    asked = st.query_params.get("base", "")
    champions = release_data.champion_runs()
    usual = next((run_id for run_id in ids if run_id in champions), ids[0])
    state.seed("compare_base", asked if asked in labels else usual)
    return st.selectbox(
        "Baseline",
        list(ids),
        format_func=lambda run_id: labels[run_id],
        key="compare_base",
        on_change=lambda: state.put("base", st.session_state["compare_base"]),
        width=220,
    )


def _parameters(
    rows: Sequence[ParameterRow], runs: Sequence[dict[str, Any]], names: Sequence[str]
) -> None:
    differing = [row for row in rows if row.differs]
    shows_all = st.toggle(
        f"Show all {len(rows)}, not only what differs", key="all", bind="query-params"
    )
    shown = rows if shows_all else differing
    if not shown:
        text = "Their parameters are the same." if rows else "These runs recorded no parameters."
        st.caption(text)
        return
    components.sheet(parameter_table(shown, runs, names), key="compare_params", on_open=_open)
    if not shows_all:
        st.caption(f"{len(differing)} of {len(rows)} differ.")


def metric_table(
    rows: Sequence[MetricRow],
    runs: Sequence[dict[str, Any]],
    names: Sequence[str],
    baseline: str,
) -> Markup:
    """Return the metrics of the runs as a table, one column for each run."""
    return markup.table(
        [element("th", "Metric", scope="col"), *_run_heads(runs, names, baseline)],
        [
            element(
                "tr",
                element("th", _metric_name(row), scope="row"),
                *(
                    _metric_cell(cell, run, baseline)
                    for cell, run in zip(row.cells, runs, strict=True)
                ),
            )
            for row in rows
        ],
        label="Metrics side by side",
        is_even=True,
    )


def parameter_table(
    rows: Sequence[ParameterRow], runs: Sequence[dict[str, Any]], names: Sequence[str]
) -> Markup:
    """Return the parameters of the runs as a table, one column for each run."""
    return markup.table(
        [element("th", "Parameter", scope="col"), *_run_heads(runs, names, "")],
        [
            element(
                "tr",
                element("th", row.key, scope="row"),
                *(element("td", formats.value(value)) for value in row.values),
                cls="" if row.differs else "same-row",
            )
            for row in rows
        ],
        label="Parameters side by side",
        is_even=True,
    )


def _run_heads(runs: Sequence[dict[str, Any]], names: Sequence[str], baseline: str) -> list[Markup]:
    heads = []
    for place, (run, name) in enumerate(zip(runs, names, strict=True)):
        notes = [run["model"] or ""]
        notes += [run["status"]] if run["status"] != "finished" else []
        notes += ["baseline"] if run["run_id"] == baseline else []
        heads.append(
            element(
                "th",
                markup.letter(place),
                element("span", markup.run_link(run["run_id"], name), cls="run"),
                " ",
                element("small", " · ".join(note for note in notes if note)),
                scope="col",
            )
        )
    return heads


def _metric_name(row: MetricRow) -> str:
    arrow = _ARROWS.get(row.goal or "", "")
    return " ".join(part for part in (row.name, arrow, "" if row.goal else "last") if part)


def _metric_cell(cell: Cell, run: dict[str, Any], baseline: str) -> Markup:
    value = element(
        "span",
        formats.number(cell.value),
        cls="value best" if cell.is_best else "value",
        title=f"{cell.value!r} at step {cell.step}" if cell.value is not None else "not logged",
    )
    if run["run_id"] == baseline:
        return element("td", value, cls="base")
    if cell.delta is None:
        return element("td", value)
    word = cell.verdict
    arrow = {"better": "▲ ", "worse": "▼ ", "same": "= "}.get(word, "")
    delta = element(
        "span",
        f"{arrow}{formats.signed(cell.delta, 3)}",
        cls=f"delta {word}",
        title="" if word == "neutral" else f"{word} than the baseline",
    )
    return element("td", value, delta)
