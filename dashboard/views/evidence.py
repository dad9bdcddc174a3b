"""Is the difference real? Verdicts from the predictions on the same examples, atop Compare."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st

from dashboard import components, data, markup, state, verdicts
from experiments import verdict
from experiments.comparison import (
    Candidate,
    Comparison,
    ComparisonSpec,
    Severity,
    suggested_margin,
)

_METRICS = ("accuracy", "macro_f1", "balanced_accuracy", "roc_auc", "log_loss", "brier")
_SPLIT = "val"


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is asked: the baseline comes first among the candidates."""

    candidates: tuple[Candidate, ...]
    spec: ComparisonSpec


def ask(runs: Sequence[Mapping[str, Any]], names: Sequence[str], baseline: str) -> Question:
    """Draw the controls and return what they ask."""
    candidates = _candidates(runs, names, baseline)
    metric = _metric()
    margin = _margin(metric, candidates)
    spec = ComparisonSpec(metric=metric, margin=margin, split=_SPLIT)
    return Question(candidates=candidates, spec=spec)


def answer(question: Question, names: Sequence[str]) -> None:
    """Judge the runs against the baseline, or say what keeps them from being judged."""
    found = data.compared(question.candidates, question.spec)
    _problems(found)
    if found.verdicts:
        _verdicts(found, {name: place for place, name in enumerate(names)})


def _metric() -> str:
    asked = st.query_params.get("judge", "")
    state.seed("compare_judge", asked if asked in _METRICS else _METRICS[0])
    return st.selectbox(
        "Metric",
        _METRICS,
        format_func=lambda name: verdict.name_of(name).capitalize().replace("Roc auc", "ROC AUC"),
        key="compare_judge",
        on_change=lambda: state.put("judge", st.session_state["compare_judge"]),
        width=170,
    )


def _margin(metric: str, candidates: tuple[Candidate, ...]) -> float:
    """Ask below which difference nothing changes; the first answer is a suggestion."""
    unit = 100.0 if metric in verdict.POINTS_METRICS else 1.0
    spec = ComparisonSpec(metric=metric, margin=1.0, split=_SPLIT)
    found = data.compared(candidates, spec)
    value = found.verdicts[0].difference.value_b if found.verdicts else 0.9
    suggested = suggested_margin(metric, value) * unit
    asked = _positive(st.query_params.get("margin", ""))
    key = f"compare_margin_{metric}"
    state.seed(key, asked or suggested)
    given = st.number_input(
        "What matters" + (", in points" if unit > 1 else ""),
        min_value=1e-4,
        max_value=unit,
        step=None,
        format="%.4g",
        key=key,
        on_change=lambda: state.put("margin", f"{st.session_state[key]:g}"),
        width=170,
        help="The smallest difference that would change your mind; below it is a tie. Say it "
        "before you look. The suggestion is a tenth of the baseline's error.",
    )
    return float(given) / unit


def _candidates(
    runs: Sequence[Mapping[str, Any]], names: Sequence[str], baseline: str
) -> tuple[Candidate, ...]:
    """Return the baseline first; seeds of the same group belong to their run's recipe."""
    candidates = [
        Candidate(name=name, run_ids=(run["run_id"], *data.other_seeds(run)))
        for run, name in zip(runs, names, strict=True)
    ]
    return tuple(sorted(candidates, key=lambda candidate: candidate.run_ids[0] != baseline))


def _problems(found: Comparison) -> None:
    for problem in found.problems:
        text = markup.plain(problem.text)
        if problem.severity is Severity.BLOCKS:
            st.info(f"Not judged. {text}", icon=":material/balance:")
        else:
            st.caption(f":orange[:material/warning: {text}]")


def _verdicts(found: Comparison, places: Mapping[str, int]) -> None:
    table = verdicts.verdict_table(
        found.verdicts,
        [places[verdict.candidate] for verdict in found.verdicts],
        found.spec.margin,
    )
    for judged in found.verdicts:
        st.markdown(f"**{markup.plain(judged.sentence)}**")
    components.sheet(table, key="compare_verdicts")
    for step in dict.fromkeys(
        text for judged in found.verdicts for text in (judged.next_step, judged.recipe_sentence)
    ):
        if step:
            st.markdown(f"- {markup.plain(step)}")
    st.caption(
        f"Judged on {found.num_examples:,} validation examples, paired. The checkpoint was chosen "
        "on them, so each model's own level is a little flattered. The test split is not used here."
    )


def _positive(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if 0 < value <= 100 else None
