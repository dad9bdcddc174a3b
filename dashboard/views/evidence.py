"""Is the difference real? Verdicts from the predictions on the same examples."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from dashboard import components, data, evaluation_data, markup, state, verdicts
from dashboard.evaluation_data import Contest, Entry
from dashboard.views.evaluation import count_look
from experiments.comparison import (
    Candidate,
    Comparison,
    ComparisonSpec,
    Gathered,
    Problem,
    Severity,
    Verdict,
    suggested_margin,
)
from experiments.evaluating import verdict
from experiments.evaluating.overview import metrics_for
from experiments.statistics import metric_goal

_METRICS = ("accuracy", "macro_f1", "balanced_accuracy", "mcc", "roc_auc", "log_loss", "brier")


def ask(runs: Sequence[Mapping[str, Any]], names: Sequence[str], baseline: str) -> Contest:
    """Draw the controls and return what they ask."""
    entries = tuple(
        Entry(run_id=run["run_id"], name=name, place=place)
        for place, (run, name) in enumerate(zip(runs, names, strict=True))
    )
    split = _split([entry.run_id for entry in entries])
    candidates = candidates_of(runs, names, baseline, split)
    gathered = evaluation_data.gathered(candidates, split)
    metric = _metric(gathered)
    value = evaluation_data.baseline_of(candidates, split, metric)
    spec = ComparisonSpec(metric=metric, margin=_margin(metric, value), split=split)
    return Contest(entries=entries, candidates=candidates, spec=spec, key="compare")


def answer(contest: Contest) -> Comparison:
    """Judge the runs against the baseline, or say what keeps them from being judged."""
    found = evaluation_data.judged(contest.candidates, contest.spec)
    problems(found.problems)
    if found.verdicts:
        has_seeds = any(len(one.run_ids) > 1 for one in contest.candidates)
        places = {entry.name: entry.place for entry in contest.entries}
        _verdicts(found, places, has_seeds=has_seeds)
    return found


def candidates_of(
    runs: Sequence[Mapping[str, Any]], names: Sequence[str], baseline: str, split: str
) -> tuple[Candidate, ...]:
    """Return the baseline first; seeds of the same group belong to their run's recipe.

    A seed without predictions of the split says nothing here, and keeps nobody from being judged.
    """
    candidates = [
        Candidate(
            name=name,
            run_ids=(
                run["run_id"],
                *(seed for seed in data.other_seeds(run) if split in data.splits(seed)),
            ),
        )
        for run, name in zip(runs, names, strict=True)
    ]
    return tuple(sorted(candidates, key=lambda candidate: candidate.run_ids[0] != baseline))


def problems(found: Sequence[Problem]) -> None:
    """Say what speaks against comparing."""
    for problem in found:
        text = markup.plain(problem.text)
        if problem.severity is Severity.BLOCKS:
            st.info(f"Not judged. {text}", icon=":material/balance:")
        else:
            st.markdown(f":material/warning: {text}")


def _split(run_ids: Sequence[str]) -> str:
    """Ask for the split where there are several; validation is there to be looked at."""
    found = sorted(set.intersection(*(set(data.splits(run_id)) for run_id in run_ids)))
    usual = next((name for name in ("val", "valid", "validation") if name in found), "val")
    if len(found) < 2:
        return found[0] if found else usual
    asked = st.query_params.get("on", "")
    state.seed("compare_split", asked if asked in found else usual if usual in found else found[0])
    chosen = st.selectbox(
        "Split",
        found,
        key="compare_split",
        on_change=lambda: state.put("on", st.session_state["compare_split"]),
        width=110,
        help="Looks at the test split are counted: each one wears it out a little.",
    )
    return chosen or usual


def _metric(gathered: Gathered) -> str:
    options = _METRICS if gathered.evidence is None else metrics_for(gathered.evidence.first)
    asked = st.query_params.get("judge", "")
    state.seed("compare_judge", asked if asked in options else options[0])
    return st.selectbox(
        "Metric",
        options,
        format_func=verdict.title_of,
        key="compare_judge",
        on_change=lambda: state.put("judge", st.session_state["compare_judge"]),
        width=170,
    )


def _margin(metric: str, value: float) -> float:
    """Ask below which difference nothing changes; the first answer is a suggestion."""
    unit = 100.0 if metric in verdict.POINTS_METRICS else 1.0
    suggested = suggested_margin(metric, 0.9 if math.isnan(value) else value) * unit
    asked = _positive(st.query_params.get("margin", ""))
    key = f"compare_margin_{metric}"
    state.seed(key, asked or suggested)
    given = st.number_input(
        "What matters" + (", in points" if unit > 1 else ""),
        min_value=1e-6,
        max_value=1e9 if unit == 1 else unit,
        step=None,
        format="%.4g",
        key=key,
        on_change=lambda: state.put("margin", f"{st.session_state[key]:g}"),
        width=170,
        help="The smallest difference that would change your mind; below it is a tie. Say it "
        "before you look. The suggestion is a tenth of the baseline's error.",
    )
    return float(given) / unit


def _verdicts(found: Comparison, places: Mapping[str, int], *, has_seeds: bool) -> None:
    table = verdicts.verdict_table(
        found.verdicts,
        [places[verdict.candidate] for verdict in found.verdicts],
        found.spec.margin,
    )
    for judged in _leading(found)[:3]:
        st.markdown(f"**{markup.plain(judged.sentence)}**")
    if found.best is not None and len(found.verdicts) > 1:
        st.markdown(markup.plain(found.best.sentence))
    components.sheet(table, key="compare_verdicts")
    shown = _steps(found.verdicts, has_seeds=has_seeds)
    for step in shown[:4]:
        st.markdown(f"- {markup.plain(step)}")
    if len(shown) > 4:
        with st.expander(f"{len(shown) - 4} more next steps"):
            for step in shown[4:]:
                st.markdown(f"- {markup.plain(step)}")
    told = f"Judged on {found.num_examples:,} examples of {found.spec.split}, paired."
    if found.spec.split.startswith("val"):
        told += (
            " The checkpoint was chosen on them, so each model's own level is a little flattered."
        )
    st.caption(told)


def _leading(found: Comparison) -> list[Verdict]:
    """Return the verdicts, the largest gain first: of many only the first ones are told at length."""
    sign = 1 if metric_goal(found.spec.metric) == "max" else -1

    def gain(one: Verdict) -> float:
        estimate = one.difference.estimate
        return -math.inf if math.isnan(estimate) else sign * estimate

    return sorted(found.verdicts, key=gain, reverse=True)


def _steps(found: Sequence[Verdict], *, has_seeds: bool) -> list[str]:
    """Return what would settle what is open; what holds of all candidates is said once."""
    steps = _told([(one.candidate, one.next_step) for one in found])
    if len(found) > 1 and not has_seeds:
        steps.append(
            "Whether a recipe would win again is not assessed: that takes seeds of both sides. "
            "Train 3 to 5 of the baseline and of whom you mean to adopt."
        )
    else:
        steps += _told([(one.candidate, one.recipe_sentence) for one in found])
    return steps


def _told(steps: Sequence[tuple[str, str]]) -> list[str]:
    """Return what is said of candidates, once for all of whom it holds, with their names."""
    about: dict[str, list[str]] = {}
    for name, text in steps:
        if text:
            about.setdefault(text, []).append(name)
    if len(steps) == 1:
        return list(about)
    return [f"{', '.join(names)}: {text[0].lower()}{text[1:]}" for text, names in about.items()]


def look(contest: Contest, where: str) -> int:
    """Count the look at a split that is kept for the decision; return other models seen on it."""
    ids = [entry.run_id for entry in contest.entries]
    return count_look(ids, contest.spec.split, contest.spec.metric, where)


def _positive(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if 0 < value <= 1e9 else None
