"""Gates that look at the champion or at the checks: verdict, slices, regressions, checks."""

import math
from typing import Any

from experiments.gate_case import Case, Judgement, finite, shown
from experiments.gate_syntax import ChecksGate, RegressionGate, SliceGate, VerdictGate
from experiments.measured import (
    Measured,
    Missing,
    gain_of,
    goal_of,
    measure,
    split_of,
    statistic_of,
)
from experiments.statistics import Interval, metric_goal
from experiments.verdict import Word

_WORDS: dict[Word, tuple[str, ...]] = {
    Word.CLEARLY_BETTER: ("better",),
    Word.BETTER: ("better",),
    Word.BETTER_BUT_LITTLE: ("better", "equivalent"),
    Word.PRACTICALLY_EQUAL: ("equivalent",),
    Word.NOT_WORSE: ("not worse",),
    Word.WORSE: ("worse",),
    Word.CLEARLY_WORSE: ("worse",),
    Word.CANNOT_TELL: ("cannot tell",),
    Word.NOT_JUDGED: ("cannot tell",),
}
_SHOWN = frozenset({Word.CLEARLY_WORSE, Word.WORSE, Word.CLEARLY_BETTER, Word.BETTER})


def judge_verdict(gate: VerdictGate, case: Case) -> Judgement:
    """Judge the verdict's word; one that is not settled can pass, but never fails."""
    if case.excuse:
        return Judgement(passed=True, reason=case.excuse)
    metric = gate.metric or case.policy.metric
    statistic = statistic_of(metric)
    if statistic is None:
        return Judgement(
            passed=None, reason=f"{metric} is no metric that examples can be compared by."
        )
    found = case.verdict(statistic, case.policy.split, case.policy.level)
    if isinstance(found, str):
        return Judgement(passed=None, reason=found)
    is_allowed = bool(set(_WORDS[found.word]) & set(gate.allowed))
    passed = True if is_allowed else (False if found.word.is_settled else None)
    reason = found.sentence if passed is not None else f"{found.sentence} {found.next_step}".strip()
    difference = found.difference
    return Judgement(
        passed=passed,
        reason=reason,
        value=finite(difference.estimate),
        low=finite(difference.low),
        high=finite(difference.high),
    )


def judge_regression(gate: RegressionGate, case: Case) -> Judgement:
    """Judge non-inferiority: passed when the interval stays above minus the margin."""
    if case.champion is None or case.excuse:
        return Judgement(passed=True, reason=case.excuse)
    level = gate.level or case.policy.level
    split, bare = split_of(gate.metric, case.policy.split)
    statistic = statistic_of(bare)
    own = measure(case.model, gate.metric, split=case.policy.split, level=level)
    other = measure(case.champion, gate.metric, split=case.policy.split, level=level)
    if isinstance(own, Missing) or isinstance(other, Missing):
        why = [side.why for side in (own, other) if isinstance(side, Missing)]
        return Judgement(passed=None, reason=why[0])
    margin = gate.margin * abs(other.value) if gate.is_share else gate.margin
    if statistic is None or own.statistic is None or gate.is_plain:
        devices = [model.record.get("device") for model in (case.model, case.champion)]
        return _plain_regression(gate, own, other, margin, devices)
    found = case.verdict(statistic, split, level)
    if isinstance(found, str):
        return Judgement(passed=None, reason=found)
    gain = gain_of(found.difference, metric_goal(statistic))
    passed = within(gain, margin)
    told = (
        f"{own.what} {shown(own.value)} against {shown(other.value)}: a gain of "
        f"{gain.estimate:+.4f} ({gain.low:+.4f} to {gain.high:+.4f}, {level:.0%} interval, paired); "
        f"the margin is {shown(margin)}."
    )
    if passed is None:
        told += " The interval reaches beyond the margin. " + (
            found.next_step or "More examples would settle it."
        )
    return Judgement(
        passed=passed,
        reason=told,
        value=finite(gain.estimate),
        low=finite(gain.low),
        high=finite(gain.high),
    )


def within(gain: Interval, margin: float) -> bool | None:
    """Say whether a gain is shown to be above minus the margin, shown to be below, or neither."""
    if math.isnan(gain.low) or math.isnan(gain.high):
        return None
    if gain.low >= -margin:
        return True
    return False if gain.high < -margin else None


def _plain_regression(
    gate: RegressionGate, own: Measured, other: Measured, margin: float, devices: list[Any]
) -> Judgement:
    if "latency" in gate.metric and devices[0] != devices[1]:
        return Judgement(
            passed=None,
            reason=f"{gate.metric} was measured on different devices ({devices[0]} and "
            f"{devices[1]}). Measure both on the same one.",
        )
    sign = 1.0 if goal_of(gate.metric, own.goal) == "max" else -1.0
    gain = sign * (own.value - other.value)
    return Judgement(
        passed=gain >= -margin,
        reason=f"{own.what} {shown(own.value)} against {shown(other.value)}; the margin is "
        f"{shown(margin)} (plain values, without an interval).",
        value=finite(gain),
    )


def judge_slices(gate: SliceGate, case: Case) -> Judgement:
    """Judge the slices, corrected for their number (Holm)."""
    if case.excuse:
        return Judgement(passed=True, reason=case.excuse)
    return Judgement(passed=None, reason=f"{gate}: slices cannot be compared yet.")


def judge_checks(gate: ChecksGate, case: Case) -> Judgement:
    """Judge the automatic checks; a muted finding does not count."""
    return Judgement(passed=None, reason=f"{gate}: run {case.model.run_id} cannot be checked yet.")
