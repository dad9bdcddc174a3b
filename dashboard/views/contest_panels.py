"""What lies behind a verdict: all metrics, slices, flips, costs, changes, checks."""

import math
from collections.abc import Callable

import numpy as np
import streamlit as st

from dashboard import (
    components,
    contest_tables,
    data,
    evaluation_data,
    example_data,
    markup,
    state,
    theme,
)
from dashboard.evaluation_data import Contest, Entry
from dashboard.views import check_panel, evaluation, example_panel
from dashboard.views.plots import mode, plot
from experiments.evaluating import costs as costing
from experiments.evaluating import flips as flipping
from experiments.evaluating import slices as slicing
from experiments.evaluating.changes import changed
from experiments.evaluating.conditions import ConditionError
from experiments.evaluating.overview import metrics_for
from experiments.evaluating.verdict import title_of
from experiments.statistics import metric_goal


def metrics(contest: Contest) -> None:
    """Show all metrics that suit the task, each with its paired, corrected interval."""
    gathered = evaluation_data.gathered(contest.candidates, contest.spec.split)
    if gathered.evidence is None or gathered.is_blocked:
        _blocked()
        return
    names = metrics_for(gathered.evidence.first)
    found = evaluation_data.several(
        contest.candidates, contest.spec.split, names, contest.spec.unseen
    )
    table = contest_tables.metrics(found, contest.ordered)
    components.sheet(table, key=f"{contest.key}_all_metrics")
    st.caption(
        f"Differences from {markup.plain(contest.baseline.name)} on the same examples, 95 % for all "
        "candidates together. Only the metric chosen above decides; the others describe."
    )


def slices(contest: Contest) -> None:
    """Show each slice of one challenger against the baseline."""
    entry = _challenger(contest, "slices")
    text = st.text_input(
        "A slice of your own", key=f"{contest.key}_slice", bind="query-params",
        placeholder="region = north and age > 40",
        help="Slice columns, label and id; = != < <= > >= ~ with and, or, not.",
    )  # fmt: skip
    gathered = evaluation_data.gathered(contest.candidates, contest.spec.split)
    if gathered.evidence is None or gathered.is_blocked:
        _blocked()
        return
    runs = gathered.evidence.runs
    own, other = runs[entry.run_id], runs[contest.baseline.run_id]
    found = list(slicing.slices_of(gathered.evidence.first))
    if text.strip():
        try:
            found.insert(0, slicing.condition_slice(gathered.evidence.first, text))
        except ConditionError as error:
            st.error(str(error), icon=":material/error:")
    if not found:
        st.caption("These predictions have no slice columns; write a condition on label or id.")
        return
    results = slicing.judge_slices(
        contest.spec.metric, gathered.evidence.label, found, own.output, other.output,
        group=gathered.evidence.group, margin=contest.spec.margin, level=contest.spec.level,
    )  # fmt: skip
    table = contest_tables.slices(results, contest.spec.metric, contest.spec.margin)
    components.sheet(table, key=f"{contest.key}_slices")
    judged = sum(one.state is not slicing.SliceState.NOT_JUDGED for one in results)
    st.caption(
        f"{markup.plain(entry.name)} against {markup.plain(contest.baseline.name)}. “Worse” allows "
        f"for the {judged} slices judged (Holm); slices below {slicing.MIN_SIZE} examples are not."
    )


def flips(contest: Contest) -> None:
    """Show which examples one challenger fixes and which it breaks."""
    entry = _challenger(contest, "flips")
    gathered = evaluation_data.gathered(contest.candidates, contest.spec.split)
    if gathered.evidence is None or gathered.is_blocked:
        _blocked()
        return
    runs = gathered.evidence.runs
    own, other = runs[entry.run_id], runs[contest.baseline.run_id]
    try:
        found = flipping.flips(own, other)
    except ValueError as error:
        st.caption(str(error))
        return
    st.markdown(f"**{markup.plain(found.sentence(entry.name, contest.baseline.name))}**")
    counts = {
        "broken": found.broken, "fixed": found.fixed, "both wrong": found.both_wrong,
    }  # fmt: skip
    chosen = st.segmented_control(
        "Examples", list(counts), format_func=lambda kind: f"{kind.capitalize()} {counts[kind]:,}",
        default="broken", key=f"{contest.key}_flip", required=True,
    )  # fmt: skip
    kinds: dict[object, flipping.Kind] = {kind: kind for kind in flipping.KINDS}
    rows = found.rows(kinds.get(chosen, "broken"), most=example_data.MOST)
    if not len(rows):
        st.caption("There is no such example.")
        return
    told = flipping.between(own, other, rows)
    lines = [
        contest_tables.flip_lines(row, entry, contest.baseline, is_text=own.task == "texts")
        for row in told
    ]
    example_panel.gallery(entry.run_id, told, lines, key=f"{contest.key}_flips")
    if counts[str(chosen)] > len(rows):
        st.caption(f"The {len(rows)} that moved most, of {counts[str(chosen)]:,}.")


def costs(contest: Contest) -> None:
    """Show what the candidates cost, and the trade-off between quality and cost."""
    found = _costs(contest)
    for problem in costing.cost_problems({entry.name: cost for entry, cost in found.items()}):
        st.markdown(f":material/warning: {markup.plain(problem)}")
    known = [kind for kind in costing.COSTS if any(kind.key in c.values for c in found.values())]
    if not known:
        st.caption(
            "No costs were recorded. Trainers record latency, size, memory and energy when a run "
            "ends; your own loop does with run.describe(cost={...})."
        )
        return
    components.sheet(
        contest_tables.costs(found, known, contest.baseline), key=f"{contest.key}_costs"
    )
    trade_off(contest)


def _costs(contest: Contest) -> dict[Entry, costing.Cost]:
    return {
        entry: costing.cost_of([data.run(run_id) for run_id in candidate.run_ids])
        for entry, candidate in zip(contest.ordered, contest.candidates, strict=True)
    }


def trade_off(contest: Contest) -> None:
    """Draw quality against one cost with the Pareto front."""
    from dashboard import evaluation_charts

    found = _costs(contest)
    known = [kind for kind in costing.COSTS if any(kind.key in c.values for c in found.values())]
    metric = contest.spec.metric
    table = evaluation_data.several(contest.candidates, contest.spec.split, (metric,)).get(metric)
    if not known or table is None or isinstance(table, str):
        return
    chosen = st.selectbox(
        "Against", known, format_func=lambda kind: kind.name, key=f"{contest.key}_cost", width=260,
        index=next((i for i, k in enumerate(known) if k.key == "latency_p95_ms"), 0),
    )  # fmt: skip
    if chosen is None:
        return
    cost = np.array([one.values.get(chosen.key, math.nan) for one in found.values()])
    spread = [costing.log_spread(one, chosen.key) for one in found.values()]
    front = costing.pareto(
        table.values, table.covariance, cost, spread=spread, goal=metric_goal(metric)
    )
    shown = evaluation_charts.TradeOff(
        entries=contest.ordered,
        cost=cost,
        quality=table.values,
        reach=1.96 * np.sqrt(np.maximum(np.diag(table.covariance), 0)),
        front=front,
        cost_title=f"{chosen.name}{f', {chosen.unit}' if chosen.unit else ''} (log)",
        quality_title=title_of(metric),
    )
    figure = evaluation_charts.trade_off(shown, mode=mode())
    on = [e.name for e, is_on in zip(contest.ordered, front.on_front, strict=True) if is_on]
    plot(figure, key=f"{contest.key}_pareto", alt=f"On the Pareto front: {', '.join(on)}")
    st.caption(
        f"Nothing here beats {markup.plain(', '.join(on))} in quality at the same or a lower cost. "
        "Hollow: fewer than nine in ten draws agree. Bars: each model's own 95 %, not the "
        f"difference. {markup.plain(_letters(contest))}"
    )


def _letters(contest: Contest) -> str:
    """Say who the letters are; a champion stands in no table beside the chart."""
    ordered = sorted(contest.entries, key=lambda entry: entry.place)
    return "; ".join(f"{theme.letter(entry.place)} {entry.name}" for entry in ordered) + "."


def changes(contest: Contest) -> None:
    """Show what changed from the baseline to one challenger."""
    entry = _challenger(contest, "changes")
    before, after = data.run(contest.baseline.run_id), data.run(entry.run_id)
    folders = (data.folder(contest.baseline.run_id), data.folder(entry.run_id))
    found = changed(before, after, folders=folders)
    st.markdown(f"**{markup.plain(found.sentence())}**")
    if found.changes:
        table = contest_tables.changes(found, contest.baseline.name, entry.name)
        components.sheet(table, key=f"{contest.key}_changes")
    if found.code:
        with st.expander("Difference of the uncommitted changes"):
            st.code(found.code, language="diff")


def checks(contest: Contest) -> None:
    """Show what the automatic checks found in all candidates."""
    ids = [entry.run_id for entry in contest.ordered]
    found = evaluation_data.findings(ids)
    if not found:
        st.caption("The automatic checks found nothing.")
        return
    names = {entry.run_id: entry.name for entry in contest.entries}
    check_panel.draw(found, names, key=f"{contest.key}_checks")


def evaluate(contest: Contest) -> None:
    """Draw the evaluation charts of all candidates."""
    split = contest.spec.split
    evaluation.draw(contest.entries, key=contest.key, where=contest.key.capitalize(), split=split)


def _challenger(contest: Contest, what: str) -> Entry:
    """Ask which of several challengers to look at."""
    if len(contest.challengers) == 1:
        return contest.challengers[0]
    names = {entry.run_id: entry.name for entry in contest.challengers}
    key = f"{contest.key}_{what}_run"
    asked = st.query_params.get("against", "")
    state.seed(key, asked if asked in names else next(iter(names)))
    chosen = st.selectbox(
        "Candidate", list(names), format_func=lambda run_id: names[run_id], key=key, width=260,
        on_change=lambda: state.put("against", st.session_state[key]),
    )  # fmt: skip
    return next(entry for entry in contest.challengers if entry.run_id == chosen)


def _blocked() -> None:
    st.caption("These candidates cannot be compared; the reason is given above.")


PANELS: dict[str, Callable[[Contest], None]] = {
    "Metrics": metrics,
    "Charts": evaluate,
    "Slices": slices,
    "Flips": flips,
    "Costs": costs,
    "Changes": changes,
    "Checks": checks,
}
