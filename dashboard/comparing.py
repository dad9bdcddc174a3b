"""Put runs side by side: which values differ, which is best, how far from the baseline. Pure."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

Verdict = Literal["better", "worse", "same", "neutral"]
IDENTITY = frozenset({"name", "project", "group", "notes", "tags"})
"""Parameters that say what a run is called, not what it does."""
_SPLIT_RANK = {"test": 0, "val": 1, "valid": 1, "validation": 1, "": 2, "train": 3}


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One run's value of a metric."""

    value: float | None
    is_best: bool = False
    delta: float | None = None
    """Difference from the baseline; None for the baseline itself and where a value is missing."""
    verdict: Verdict = "neutral"
    step: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricRow:
    """One metric of all compared runs."""

    name: str
    goal: str | None
    unit: str | None
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ParameterRow:
    """One parameter of all compared runs; None where a run does not have it."""

    key: str
    values: tuple[Any, ...]
    differs: bool


def metric_rows(
    series: Sequence[Mapping[str, Any]],
    run_ids: Sequence[str],
    baseline: str,
    *,
    is_ranked: bool = True,
) -> list[MetricRow]:
    """Return the metrics that at least one run has, the most decisive split first.

    With a goal, a run's value is its best; all runs that share the best value are marked. Without
    a goal it is the last, and nothing is marked. Neither is anything, nor any difference shown,
    unless it is ranked.
    """
    by_metric: dict[str, dict[str, Mapping[str, Any]]] = {}
    for row in series:
        if not row["metric"].startswith("system/"):
            by_metric.setdefault(row["metric"], {})[row["run_id"]] = row
    names = sorted(by_metric, key=_rank(by_metric))
    rows = [_metric_row(name, by_metric[name], run_ids, baseline) for name in names]
    return rows if is_ranked else [_unranked(row) for row in rows]


def parameter_rows(records: Sequence[Mapping[str, Any]]) -> list[ParameterRow]:
    """Return every parameter of the runs, in the order in which the runs declare them."""
    keys = dict.fromkeys(
        key for record in records for key in record["params"] if key not in IDENTITY
    )
    return [
        ParameterRow(
            key=key,
            values=tuple(record["params"].get(key) for record in records),
            differs=len({repr(record["params"].get(key)) for record in records}) > 1,
        )
        for key in keys
    ]


def goal_note(series: Sequence[Mapping[str, Any]]) -> str | None:
    """Return a sentence when runs define a metric differently, so that its values do not compare."""
    told: dict[str, set[tuple[Any, Any]]] = {}
    for row in series:
        if row["goal"] or row["unit"]:
            told.setdefault(row["metric"], set()).add((row["goal"], row["unit"]))
    differing = sorted(metric for metric, kinds in told.items() if len(kinds) > 1)
    if not differing:
        return None
    return (
        f"These runs define {', '.join(differing)} differently (goal or unit), so their values of "
        "it do not measure the same thing."
    )


def split_rank(name: str) -> int:
    """Return where a metric stands in a table: test, validation, the rest, training."""
    return _SPLIT_RANK.get(name.split("/", maxsplit=1)[0] if "/" in name else "", 2)


def _rank(by_metric: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> Any:
    def place(name: str) -> tuple[bool, int, bool, str]:
        has_goal = any(row["goal"] for row in by_metric[name].values())
        goals = {row["goal"] for row in by_metric[name].values()}
        return (not has_goal, split_rank(name), "min" in goals, name)

    return place


def _metric_row(
    name: str, rows: Mapping[str, Mapping[str, Any]], run_ids: Sequence[str], baseline: str
) -> MetricRow:
    goals = {row["goal"] for row in rows.values() if row["goal"]}
    goal = next(iter(goals)) if len(goals) == 1 else None
    values = [_value(rows.get(run_id), goal) for run_id in run_ids]
    known = [v for v in values if v is not None and math.isfinite(v)]
    best = None
    if goal and len(known) > 1:
        best = max(known) if goal == "max" else min(known)
    base = _value(rows.get(baseline), goal)
    cells = tuple(
        Cell(
            value=value,
            is_best=best is not None and value == best,
            delta=_delta(value, base) if run_id != baseline else None,
            verdict=_verdict(value, base, goal) if run_id != baseline else "neutral",
            step=_step(rows.get(run_id), goal),
        )
        for run_id, value in zip(run_ids, values, strict=True)
    )
    unit = next((row["unit"] for row in rows.values() if row["unit"]), None)
    return MetricRow(name=name, goal=goal, unit=unit, cells=cells)


def _unranked(row: MetricRow) -> MetricRow:
    """Return the bare values: on different data neither best nor difference means anything."""
    cells = tuple(replace(cell, is_best=False, delta=None, verdict="neutral") for cell in row.cells)
    return replace(row, cells=cells)


def _value(row: Mapping[str, Any] | None, goal: str | None) -> float | None:
    if row is None:
        return None
    return row["best"] if goal and row["best"] is not None else row["last"]


def _step(row: Mapping[str, Any] | None, goal: str | None) -> int | None:
    if row is None:
        return None
    return row["best_step"] if goal and row["best"] is not None else row["last_step"]


def _delta(value: float | None, base: float | None) -> float | None:
    if value is None or base is None or not (math.isfinite(value) and math.isfinite(base)):
        return None
    return value - base


def _verdict(value: float | None, base: float | None, goal: str | None) -> Verdict:
    delta = _delta(value, base)
    if delta is None or goal is None:
        return "neutral"
    if delta == 0:
        return "same"
    return "better" if (delta > 0) == (goal == "max") else "worse"
