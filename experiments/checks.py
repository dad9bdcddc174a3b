"""Automatic checks of runs: what should be known before a model is trusted or released."""

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from experiments.errors import UsageError
from experiments.evaluating.curve_checks import check_curves
from experiments.evaluating.evidence import Severity, data_problem
from experiments.evaluating.findings import (
    CHECKS,
    Check,
    Examined,
    Finding,
    Level,
    finding,
    mute,
    muted,
    unmute,
)
from experiments.evaluating.prediction_checks import check_predictions
from store.layout import Home

__all__ = [
    "CHECKS",
    "Check",
    "Examined",
    "Finding",
    "Level",
    "check_runs",
    "failing",
    "mute",
    "muted",
    "unmute",
]
_NEAR_EDGE = 0.02
"""Share of a range, or of its logarithm, that counts as its edge."""
_ENOUGH = 2.0
"""How many standard errors of the seeds two recipes should lie apart."""


def check_runs(store: Examined, run_ids: Sequence[str]) -> tuple[Finding, ...]:
    """Check runs, each alone and all together.

    Parameters
    ----------
    store
        A `store.Store`.
    run_ids
        Runs; those that share a group count as seeds of one recipe.

    Returns
    -------
    tuple of Finding
        In the order of the runs, failures before warnings; muted ones are marked, not left out.

    Raises
    ------
    store.RunNotFoundError
        If a run does not exist.
    """
    records = {run_id: store.run(run_id) for run_id in dict.fromkeys(run_ids)}
    found: list[Finding] = []
    for run_id, record in records.items():
        alone = [
            *check_curves(store, run_id, record),
            *check_predictions(store, run_id, record),
            *_at_the_edge(store, run_id, record),
        ]
        found += sorted(alone, key=lambda one: (one.severity is not Level.FAIL, one.code))
    found += [*_different_data(records), *_seed_noise(store, records)]
    return tuple(_with_mutes(store, records, found))


def failing(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """Return the findings that fail and are not muted."""
    return tuple(one for one in findings if one.severity is Level.FAIL and not one.muted)


def _different_data(records: Mapping[str, Mapping[str, Any]]) -> Iterator[Finding]:
    rows = list(records.values())
    if len(rows) < 2:
        return
    found = data_problem(rows, [str(row["name"]) for row in rows])
    if found is not None and found.severity is Severity.BLOCKS:
        yield finding("D02", "", found.text)


def _seed_noise(store: Examined, records: Mapping[str, Mapping[str, Any]]) -> Iterator[Finding]:
    """Compare the gap between the two best recipes with what their seeds alone would give."""
    groups: dict[str, list[str]] = defaultdict(list)
    for run_id, record in records.items():
        if record.get("group"):
            groups[str(record["group"])].append(run_id)
    if len(groups) < 2 or max(map(len, groups.values())) < 2:
        return
    rows = store.series(list(records)).to_pylist()
    shared = _shared_metric(rows, len(records))
    if shared is None:
        return
    best = {row["run_id"]: row["best"] for row in rows if row["metric"] == shared}
    goal = next(row["goal"] for row in rows if row["metric"] == shared)
    sign = 1.0 if goal == "max" else -1.0
    values = {name: sign * np.array([best[run] for run in ids]) for name, ids in groups.items()}
    first, second = sorted(values, key=lambda name: -float(values[name].mean()))[:2]
    gap = float(values[first].mean() - values[second].mean())
    pooled = [one.var(ddof=1) for one in values.values() if len(one) > 1]
    noise = math.sqrt(float(np.mean(pooled)) * (1 / len(values[first]) + 1 / len(values[second])))
    if gap < _ENOUGH * noise:
        yield finding(
            "S02",
            "",
            f"{first} leads {second} by {gap:.4g} in {shared}, and the seeds alone make such means "
            f"differ by about {noise:.4g}.",
        )


def _shared_metric(rows: Sequence[Mapping[str, Any]], count: int) -> str | None:
    """Return a validation metric that all runs have, the larger-is-better ones first."""
    goals: dict[str, list[str]] = defaultdict(list)
    for row in rows:
        finite = row["best"] is not None and math.isfinite(row["best"])
        if row["metric"].startswith("val") and row["goal"] and finite:
            goals[row["metric"]].append(row["goal"])
    names = [name for name, told in goals.items() if len(told) == count and len(set(told)) == 1]
    return min(names, key=lambda name: (goals[name][0] == "min", name), default=None)


def _at_the_edge(store: Examined, run_id: str, record: Mapping[str, Any]) -> Iterator[Finding]:
    """Look whether a trial's parameters lie where its search was not allowed to go on."""
    study_id = (record.get("labels") or {}).get("study")
    home = getattr(store, "home", None)
    if not study_id or home is None:
        return
    from experiments import studies  # searches bring pydantic along: half a second

    try:
        study = studies.study(home, str(study_id))
    except UsageError:
        return
    params = record.get("params") or {}
    for dimension in study.spec.space:
        value = params.get(dimension.field)
        if dimension.kind == "choice" or isinstance(value, bool):
            continue
        if not isinstance(value, int | float):
            continue
        low, high = dimension.ends
        at = _place(float(value), low, high, is_log=dimension.log)
        if min(at, 1 - at) <= _NEAR_EDGE:
            edge, told = ("lower", low) if at < 0.5 else ("upper", high)
            yield finding(
                "S01",
                run_id,
                f"{dimension.field} is {value:.4g}, at the {edge} end ({told:.4g}) of what "
                f"{study.name} searched.",
            )


def _place(value: float, low: float, high: float, *, is_log: bool) -> float:
    """Return where a value lies between two ends, 0 to 1."""
    if is_log and min(value, low, high) > 0:
        value, low, high = math.log(value), math.log(low), math.log(high)
    return (value - low) / (high - low) if high > low else 0.5


def _with_mutes(
    store: Examined, records: Mapping[str, Mapping[str, Any]], found: Sequence[Finding]
) -> Iterator[Finding]:
    home = getattr(store, "home", None)
    projects = {run_id: str(record["project"]) for run_id, record in records.items()}
    known = {
        project: {} if home is None else muted(Home.locate(home), project)
        for project in set(projects.values())
    }
    # What is about all runs is muted only where all their projects mute it.
    everywhere = set.intersection(*(set(codes) for codes in known.values())) if known else set()
    for one in found:
        if one.run_id:
            reason = known[projects[one.run_id]].get(one.code)
        elif one.code in everywhere:
            reason = next(codes[one.code] for codes in known.values())
        else:
            reason = None
        yield one if reason is None else replace(one, muted=True, muted_reason=reason)
