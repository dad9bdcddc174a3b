"""Gates that look at the champion or at the checks: verdict, slices, regressions, checks."""

import math
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from experiments.checks import check_runs, failing
from experiments.evaluating.predicted import Predicted, codes_of, common_rows
from experiments.evaluating.slices import SliceResult, SliceState, slices_of
from experiments.evaluating.slices import gain_of as gain_of_slice
from experiments.evaluating.slices import judge_slices as measure_slices
from experiments.evaluating.verdict import Word
from experiments.releasing.gate_case import Case, Judgement, finite, shown
from experiments.releasing.gate_syntax import ChecksGate, RegressionGate, SliceGate, VerdictGate
from experiments.releasing.measured import (
    Measured,
    Missing,
    gain_of,
    goal_of,
    measure,
    split_of,
    statistic_of,
)
from experiments.releasing.policy import Policy
from experiments.statistics import Interval, metric_goal

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
    """Judge the slices, corrected for their number (Holm); small ones are not judged."""
    if case.champion is None or case.excuse:
        return Judgement(passed=True, reason=case.excuse)
    statistic = statistic_of(gate.metric or case.policy.metric)
    if statistic is None:
        return Judgement(
            passed=None, reason=f"{gate.metric} is no metric that examples can be compared by."
        )
    margin = _slice_margin(gate, case, statistic)
    if isinstance(margin, str):
        return Judgement(passed=None, reason=margin)
    found = _slice_results(gate, case, statistic, margin)
    if isinstance(found, str):
        return Judgement(passed=None, reason=found)
    judged = _of_slices(found, margin, case.policy, statistic)
    return _unless_shown(judged) if gate.is_shown and judged.passed is None else judged


def _unless_shown(judged: Judgement) -> Judgement:
    """Let pass what no evidence speaks against."""
    told = "No slice is shown to be worse, but there are too few examples to rule it out."
    return replace(judged, passed=True, reason=f"{told} {judged.reason}")


def _slice_margin(gate: SliceGate, case: Case, statistic: str) -> float | str:
    """Return the margin in the metric's unit, or why there is none."""
    if not gate.is_share or case.champion is None:
        return gate.margin
    policy = case.policy
    level = gate.level or policy.level
    whole = measure(case.champion, f"{policy.split}/{statistic}", split=policy.split, level=level)
    return whole.why if isinstance(whole, Missing) else gate.margin * abs(whole.value)


def _slice_results(
    gate: SliceGate, case: Case, statistic: str, margin: float
) -> tuple[SliceResult, ...] | str:
    """Return what each slice says, or why that cannot be said."""
    split = case.policy.split
    level = gate.level or case.policy.level
    tables = [
        None if model is None else model.predictions(split) for model in (case.model, case.champion)
    ]
    if tables[0] is None or tables[1] is None:
        return f"The candidate or the champion has no {split} predictions."
    verdict = case.verdict(statistic, split, level)
    if isinstance(verdict, str):  # what cannot be compared as a whole cannot be in parts
        return verdict
    sides = {"own": Predicted.of(tables[0]), "other": Predicted.of(tables[1])}
    rows = common_rows(sides)
    own, other = (_taken(side, rows[name]) for name, side in sides.items())
    slices = slices_of(own, None if gate.column is None else [gate.column])
    if not slices and gate.is_shown:
        return ()
    if not slices:
        return (
            f"The {split} predictions have no slices"
            f"{'' if gate.column is None else f' of {gate.column}'}."
        )
    return measure_slices(
        statistic,
        own.label,
        slices,
        own.output,
        other.output,
        group=None if own.group is None else codes_of(own.group)[0],
        margin=margin,
        level=level,
        min_size=case.policy.min_slice,
    )


def _taken(side: Predicted, rows: NDArray[np.int64] | None) -> Predicted:
    return side if rows is None else side.take(rows)


def _of_slices(
    found: tuple[SliceResult, ...], margin: float, policy: Policy, statistic: str
) -> Judgement:
    if not found:
        return Judgement(passed=True, reason=f"The {policy.split} predictions have no slices.")
    by_state = {state: [one for one in found if one.state is state] for state in SliceState}
    worse, unsure = by_state[SliceState.WORSE], by_state[SliceState.OPEN]
    too_small = by_state[SliceState.NOT_JUDGED]
    rest = f" {len(too_small)} of {len(found)} slices have too few examples to be judged."
    tail = rest if too_small else ""
    if worse or unsure:
        shown_ones = sorted(worse or unsure, key=lambda one: gain_of_slice(one, statistic).low)
        verb = "is worse by more" if worse else "may be worse by more"
        told = "; ".join(_slice_sentence(one, statistic) for one in shown_ones[:3])
        more = f" and {len(shown_ones) - 3} more" if len(shown_ones) > 3 else ""
        worst = gain_of_slice(shown_ones[0], statistic)
        return Judgement(
            passed=False if worse else None,
            reason=f"The candidate {verb} than {shown(margin)} on {told}{more}.{tail}",
            value=finite(worst.estimate),
            low=finite(worst.low),
            high=finite(worst.high),
        )
    if len(too_small) == len(found):
        return Judgement(
            passed=None,
            reason=f"None of {len(found)} slices has the {policy.min_slice} examples that are needed.",
        )
    return Judgement(
        passed=True,
        reason=f"{len(found) - len(too_small)} slices are shown not to be worse by more than "
        f"{shown(margin)}.{tail}",
    )


def _slice_sentence(one: SliceResult, statistic: str) -> str:
    gain = gain_of_slice(one, statistic)
    return f"{one.name} ({gain.estimate:+.3f}, {gain.low:+.3f} to {gain.high:+.3f}, n = {one.n:,})"


def judge_checks(gate: ChecksGate, case: Case) -> Judgement:
    """Judge the automatic checks; a muted finding does not count."""
    found = check_runs(case.store, [case.model.run_id])
    closed = [one for one in failing(found) if one.code not in gate.exceptions]
    if closed:
        told = " ".join(f"{one.code}: {one.why}" for one in closed)
        return Judgement(passed=False, reason=told, value=float(len(closed)))
    muted_ones = sum(one.muted for one in found)
    warnings = len(found) - muted_ones - len(failing(found))
    warn = "none warns" if not warnings else "1 warns" if warnings == 1 else f"{warnings} warn"
    told = f"No check fails; {warn}" + (f", {muted_ones} muted." if muted_ones else ".")
    return Judgement(passed=True, reason=told, value=0.0)
