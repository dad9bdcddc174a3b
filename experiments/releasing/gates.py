"""Does a model pass the gates of a policy? Each gate: passed, failed, or cannot tell, and why.

Where examples are stored the interval's bound decides (non-inferiority for comparisons), else the
bare value does; the reason says which. Nothing is corrected for the number of gates: all must pass.
"""

import math
import operator
from collections.abc import Callable, Sequence
from typing import Any

from experiments.evaluating.findings import Examined
from experiments.releasing.gate_case import Case, GateResult, Judgement, finite, shown
from experiments.releasing.gate_comparisons import (
    judge_checks,
    judge_regression,
    judge_slices,
    judge_verdict,
)
from experiments.releasing.gate_syntax import (
    ChecksGate,
    Gate,
    RegressionGate,
    SliceGate,
    ThresholdGate,
    VerdictGate,
    parse_gate,
)
from experiments.releasing.measured import CALIBRATION, Measured, Missing, measure, split_of
from experiments.releasing.policy import Policy

__all__ = ["GateResult", "evaluate_gates", "is_open", "judge_gate"]

_COMPARE: dict[str, Callable[[float, float], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
}


def evaluate_gates(
    store: Examined,
    run_ids: Sequence[str],
    policy: Policy,
    *,
    champion: Sequence[str] | None = None,
    considered: Sequence[Sequence[str]] = (),
) -> tuple[GateResult, ...]:
    """Judge a candidate by every gate of a policy, in the policy's order.

    Parameters
    ----------
    store
        Where the runs are stored.
    run_ids
        The candidate; the first is the checkpoint that would be released, the rest its other seeds.
    policy
        The gates, and the metric, margin, split and level where a gate does not say.
    champion
        The runs of the champion; None if the line has none.
    considered
        The runs of each other candidate that could be released instead: verdicts allow for them.

    Raises
    ------
    store.RunNotFoundError
        If a run does not exist.
    """
    case = Case(store, run_ids, policy, champion or (), considered)
    store.run(case.run_ids[0])
    return tuple(judge_gate(text, case) for text in policy.gates)


def is_open(results: Sequence[GateResult]) -> bool:
    """Whether all gates are passed, so that nothing blocks a release."""
    return all(result.passed is True for result in results)


def judge_gate(text: str, case: Case) -> GateResult:
    """Judge a case by one gate."""
    gate = parse_gate(text)
    found = _JUDGES[type(gate)](gate, case)
    return GateResult(
        gate=text,
        passed=found.passed,
        reason=found.reason,
        value=found.value,
        low=found.low,
        high=found.high,
    )


def judge_threshold(gate: ThresholdGate, case: Case) -> Judgement:
    """Judge a metric against a number."""
    level = gate.level or case.policy.level
    where, bare = split_of(gate.metric, case.policy.split)
    if bare.lower() in CALIBRATION and case.model.says_numbers(where):
        told = "The model gives no probabilities of classes: there is nothing to calibrate."
        return Judgement(passed=True, reason=told)
    found = measure(case.model, gate.metric, split=case.policy.split, level=level)
    if isinstance(found, Missing):
        return Judgement(passed=None, reason=found.why)
    holds = _COMPARE[gate.op]
    if gate.is_plain or not found.has_interval:
        how = "the plain value, as the gate asks" if gate.is_plain else found.source
        passed: bool | None = holds(found.value, gate.bound)
        if passed is False and gate.op in {"<", "<="} and (found.by_chance or 0) > gate.bound:
            passed, how = None, f"{how}: too few examples to tell"
        return Judgement(
            passed=passed,
            reason=f"{found.what} is {shown(found.value)}; asked for: {gate.op} "
            f"{shown(gate.bound)} ({how}).",
            value=finite(found.value),
        )
    return _by_interval(gate, found, level)


def _by_interval(gate: ThresholdGate, found: Measured, level: float) -> Judgement:
    """Pass when both ends of the interval pass, fail when both fail."""
    holds = [_COMPARE[gate.op](end, gate.bound) for end in (found.low, found.high)]
    passed = True if all(holds) else (None if any(holds) else False)
    told = (
        f"{found.what} is {shown(found.value)} ({shown(found.low)} to {shown(found.high)}, "
        f"{level:.0%} interval, {found.source}); asked for: {gate.op} {shown(gate.bound)}."
    )
    if passed is None:
        told += f" The interval contains {shown(gate.bound)}: {_how_many(gate, found)}"
    return Judgement(
        passed=passed,
        reason=told,
        value=finite(found.value),
        low=finite(found.low),
        high=finite(found.high),
    )


def _how_many(gate: ThresholdGate, found: Measured) -> str:
    """Say what would settle it: the interval narrows with the root of the examples."""
    half, distance = (found.high - found.low) / 2, abs(found.value - gate.bound)
    if distance < half / 20 or not math.isfinite(half):
        return "the value is too near to it for any number of examples."
    return f"about {math.ceil((half / distance) ** 2 * 10) / 10:g} times as many examples would settle it."


_JUDGES: dict[type[Gate], Callable[[Any, Case], Judgement]] = {
    ThresholdGate: judge_threshold,
    RegressionGate: judge_regression,
    SliceGate: judge_slices,
    ChecksGate: judge_checks,
    VerdictGate: judge_verdict,
}
