"""Choose: a model line, its candidates, and one screen that says which to release and why."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import streamlit as st

from dashboard import (
    cards,
    choice_tables,
    components,
    data,
    evaluation_data,
    explorer,
    formats,
    frame,
    leading,
    markup,
    navigation,
    release_data,
    state,
)
from dashboard.evaluation_data import Contest, Entry
from dashboard.views import contest_panels, release_dialog
from dashboard.views.curves import choose_runs
from dashboard.views.evaluation import count_look
from dashboard.views.evidence import candidates_of, problems
from experiments.comparison import Candidate
from experiments.errors import ExperimentError
from experiments.evaluating import costs
from experiments.evaluating.flips import Flips
from experiments.evaluating.verdict import title_of
from experiments.releasing.choose import Choice, comparison_spec
from experiments.releasing.policy import Policy
from store.releases import LineNameError, check_line

_MOST = state.MOST_COMPARED - 1
_NEW = "New line …"
_FIRST_LOOK = 12


def page() -> None:
    """Draw the page."""
    now = data.state()
    project = frame.title("Choose")
    if not now.runs:
        cards.first_run()
        frame.pulse(frame.version, is_running=True)
        return
    line = _line(project)
    newest = data.newest(project).to_pylist()
    wanted = state.listed("runs")
    policy = _policy(line)
    if policy is not None:
        named = explorer.rows(wanted[:_MOST])
        known = {run["run_id"] for run in named}
        gone = [run_id for run_id in wanted[:_MOST] if run_id not in known]
        cards.left_out("No candidates, since they are not here", gone)
        runs = named or _suggested(project, newest, policy, line)
        choose_runs(runs, newest, key="choose_runs", most=_MOST)
        if runs and line:
            _decide(line, policy, runs)
        elif not runs:
            cards.card(
                "No candidate yet",
                f"A candidate is a finished run with predictions of the split that decides, "
                f"`{policy.split}`. Choose runs in the field above, or change the policy on the "
                "**Releases** page.",
                icon="how_to_vote",
            )
    frame.pulse(frame.version, is_running=False)


def _line(project: str | None) -> str:
    """Ask for the model line: one that there is, or a new one."""
    known = list(release_data.lines())
    asked = st.query_params.get("line", "")
    options = [*known, *([asked] if asked and asked not in known else []), _NEW]
    suggestion = known[0] if known else ""
    state.seed("choose_line", asked or suggestion or _NEW)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen = st.selectbox(
            "Model line", options, key="choose_line", width=220,
            help="What the models are for: one champion each. A line begins with its first release.",
            on_change=lambda: state.put(
                "line", "" if st.session_state["choose_line"] == _NEW
                else st.session_state["choose_line"]
            ),
        )  # fmt: skip
        if chosen == _NEW:
            usual = (project or "model").lower().replace(" ", "-")
            chosen = st.text_input("Its name", value=usual, key="choose_new_line", width=220)
        present = release_data.champion(chosen) if chosen in known else None
        if present is None:
            st.caption("No champion yet")
        else:
            at = datetime.fromisoformat(present.at)
            told = f"Champion: {present.ref}, since {formats.moment(at, st.context.timezone)}"
            st.caption(told, help=f"Exactly {present.at[:19].replace('T', ' ')} UTC")
    try:
        return check_line(str(chosen))
    except LineNameError as error:
        st.error(markup.plain(str(error)), icon=":material/error:")
        return ""


def _policy(line: str) -> Policy | None:
    try:
        return release_data.policy_of(line)
    except ExperimentError as error:
        st.error(markup.plain(str(error)), icon=":material/error:")
        st.page_link(navigation.page("releases"), label="Edit the policy", icon=":material/gavel:")
        return None


def _suggested(
    project: str | None, newest: Sequence[dict[str, Any]], policy: Policy, line: str
) -> list[dict[str, Any]]:
    """Return the best finished runs with predictions, else new ones, one a group and on one data.

    If there is a champion, on the data that it saw.
    """
    best, _ = leading.best(project, newest)
    present = release_data.champion(line) if line in release_data.lines() else None
    known = data.run(present.runs[0]).get("data_hash") if present else None
    found: list[dict[str, Any]] = []
    seen: set[str] = set()
    for run in [*best, *newest[:_FIRST_LOOK]]:
        group = str(run["group"] or run["run_id"])
        if run["status"] != "finished" or group in seen:
            continue
        if policy.split not in data.splits(run["run_id"]):
            continue
        own = data.run(run["run_id"]).get("data_hash")
        known = known or own
        if own == known and (present is None or run["run_id"] not in present.runs):
            found.append(run)
            seen.add(group)
    return found[:4]


def _decide(line: str, policy: Policy, runs: Sequence[dict[str, Any]]) -> None:
    names = explorer.names(runs)
    ids = [run["run_id"] for run in runs]
    policy = release_data.settled_for(policy, line, ids[0])
    candidates = tuple(sorted(candidates_of(runs, names, ids[0], policy.split), key=_order(ids)))
    present = release_data.champion(line) if line in release_data.lines() else None
    looked = [*ids, *((present.runs[0],) if present else ())]
    unseen = count_look(looked, policy.split, policy.metric, "Choose")
    choice = release_data.chosen(line, candidates, unseen)
    contest = _contest(choice, candidates, unseen)
    st.caption(
        f"Decided by {title_of(policy.metric)} on {policy.split}; "
        f"{policy.margin:g} is what matters; {len(policy.gates)} gates. Fixed beforehand, in the "
        "policy."
    )
    entries = {entry.run_id: entry for entry in contest.entries}
    prices = {
        one.run_ids[0]: costs.cost_of([data.run(run_id) for run_id in one.run_ids])
        for one in candidates
    }
    components.sheet(choice_tables.advice(choice, ""), key="choose_advice")
    release_dialog.button(line, choice, present)
    if choice.comparison is not None:
        problems(choice.comparison.problems)
    findings = evaluation_data.findings([entry.run_id for entry in contest.ordered])
    table = choice_tables.candidates(choice, entries, prices, findings, _flips(contest, choice))
    components.sheet(table, key="choose_candidates", on_open=_open)
    _behind(choice, contest)
    evaluation_data.prepare(contest)


def _flips(contest: Contest, choice: Choice) -> dict[str, Flips]:
    """Return what each fixes and breaks of the champion's answers, else of the first one's."""
    if choice.comparison is None:
        return {}
    gathered = evaluation_data.gathered(contest.candidates, contest.spec.split)
    first = None if gathered.evidence is None else gathered.evidence.first
    if gathered.is_blocked or first is None or first.task != "classification":
        return {}
    return evaluation_data.flips_of(contest.candidates, contest.spec.split)


def _behind(choice: Choice, contest: Contest) -> None:
    sections = ["Gates", *([*_PANELS] if len(contest.candidates) > 1 else ["Checks"])]
    chosen = st.segmented_control(
        "Why", sections, default="Gates", key="why", bind="query-params", required=True
    )
    if chosen in _PANELS and chosen in sections:
        contest_panels.PANELS[str(chosen)](contest)
        return
    rows = [(one.candidate.name, one.gates) for one in choice.options]
    gates = choice_tables.gates(rows)
    if len(contest.candidates) < 2:
        components.sheet(gates, key="choose_gates")
        return
    left, right = st.columns([1, 1], gap="medium")
    with left:
        components.sheet(gates, key="choose_gates")
    with right:
        contest_panels.trade_off(contest)


_PANELS = ("Flips", "Slices", "Checks", "Metrics", "Charts", "Costs", "Changes")


def _contest(choice: Choice, candidates: tuple[Candidate, ...], unseen: int) -> Contest:
    """Return the candidates with the champion before them, as the panels want them."""
    policy = choice.policy
    listed = [
        Entry(run_id=one.run_ids[0], name=one.name, place=place)
        for place, one in enumerate(candidates)
    ]
    rivals = candidates
    if choice.champion is not None:
        runs = choice.champion.runs
        known = [one for one in candidates if one.run_ids[0] == runs[0]]
        rest = [one for one in candidates if one.run_ids[0] != runs[0]]
        if not known:
            name = f"{choice.champion.ref} (champion)"
            listed.append(Entry(run_id=runs[0], name=name, place=len(listed)))
            known = [Candidate(name=name, run_ids=runs)]
        rivals = (*known, *rest)
    spec = comparison_spec(policy, unseen)
    return Contest(entries=tuple(listed), candidates=rivals, spec=spec, key="choose")


def _order(ids: Sequence[str]) -> Any:
    places = {run_id: place for place, run_id in enumerate(ids)}
    return lambda candidate: places[candidate.run_ids[0]]


def _open(run_id: str) -> None:
    navigation.go("run", {"id": run_id})
