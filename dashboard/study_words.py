"""What the pages of studies say: how a search stands, how far it is, what a trial is. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import pandas as pd

from dashboard import formats, theme
from dashboard.theme import Status
from experiments.search.dimensions import Dimension
from experiments.search.search_spec import StudySpec
from experiments.specs import to_yaml
from experiments.studies import Study, StudyState, Wanted

if TYPE_CHECKING:
    from experiments.queueing.jobs import Job

SAMPLERS: Final = {
    "tpe": "TPE",
    "gp": "Gaussian process",
    "cmaes": "CMA-ES",
    "nsga2": "NSGA-II",
    "nsga3": "NSGA-III",
    "qmc": "Quasi-Monte Carlo",
    "random": "random",
    "grid": "grid",
}
PRUNERS: Final = {
    "none": "no pruner",
    "median": "median pruner",
    "percentile": "percentile pruner",
    "halving": "successive halving",
    "hyperband": "Hyperband",
    "patient": "patient pruner",
    "wilcoxon": "Wilcoxon pruner",
}
TRIAL_STATES: Final = {
    "complete": Status(word="complete", symbol="✓", colour="green", meaning="It came to its end."),
    "pruned": Status(
        word="pruned", symbol="▼", colour="violet", meaning="The pruner stopped it early."
    ),
    "paused": Status(
        word="paused", symbol="◑", colour="orange", meaning="It goes on with the search."
    ),
    **{name: theme.STATUSES[name] for name in ("running", "failed", "stopped")},
}
_SURE_FROM: Final = 3
"""Finished trials from which a guess of the time left is worth showing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stand:
    """How a search stands, for people."""

    status: Status
    is_active: bool
    """Whether a process searches, or is about to."""
    note: str = ""


def stand(found: Study, job: "Job | None") -> Stand:
    """Return how a search stands, from what it said last and from its process."""
    is_active = job is not None and not job.state.is_final
    if is_active and found.wanted is not Wanted.RUN:
        what = "its running trials end" if found.wanted is Wanted.DRAIN else "its trials save"
        status = Status(
            word="stopping", symbol="◑", colour="orange", meaning=f"It stops when {what}."
        )
        return Stand(status=status, is_active=True)
    if is_active and found.state in {StudyState.RUNNING, StudyState.CREATED}:
        return Stand(status=theme.STATUSES["running"], is_active=True)
    if is_active:
        status = Status(word="starting", symbol="◔", colour="blue", meaning="It is coming up.")
        return Stand(status=status, is_active=True)
    if found.state is StudyState.RUNNING:
        reason = job.error if job is not None and job.error else "Its process has gone."
        note = f"{reason} Resume goes on where it was; no trial is lost."
        return Stand(status=theme.STATUSES["crashed"], is_active=False, note=note)
    if found.state is StudyState.CREATED:
        status = Status(word="created", symbol="○", colour="gray", meaning="Not started yet.")
        return Stand(status=status, is_active=False)
    return Stand(status=theme.STATUSES[str(found.state)], is_active=False, note=found.error or "")


def counted(progress: Mapping[str, Any], found: Study) -> str:
    """Return how far a search is, in one line."""
    ended = progress["complete"] + progress["pruned"] + progress["failed"]
    parts = [f"{ended:,} of {max(found.spec.n_trials, progress['started']):,} trials"]
    parts += [
        f"{progress[state]:,} {state}"
        for state in ("running", "paused", "pruned", "failed")
        if progress[state]
    ]
    if progress["infeasible"]:
        parts.append(f"{progress['infeasible']:,} break a limit")
    return " · ".join(parts)


def time_left(progress: Mapping[str, Any], found: Study) -> str:
    """Return how long the rest will take, roughly; empty while that cannot be said."""
    ended = progress["complete"] + progress["pruned"] + progress["failed"]
    if progress["complete"] < _SURE_FROM or not progress["mean_s"]:
        return ""
    left = max(0, found.spec.n_trials - ended) * progress["mean_s"] / found.spec.workers
    if found.spec.timeout_s:
        left = min(left, max(0.0, found.spec.timeout_s - found.used_s))
    return f"about {formats.duration(left)} left" if left else ""


def share(progress: Mapping[str, Any], found: Study) -> float:
    """Return how much of the budget is used, from 0 to 1."""
    ended = progress["complete"] + progress["pruned"] + progress["failed"]
    used = ended / max(found.spec.n_trials, progress["started"], 1)
    if found.spec.timeout_s:
        used = max(used, found.used_s / found.spec.timeout_s)
    return min(1.0, used)


def trial_frame(rows: Sequence[Mapping[str, Any]], found: Study) -> pd.DataFrame:
    """Return the table of trials."""
    goals = [objective.metric for objective in found.spec.objectives]
    columns: dict[str, Any] = {
        "number": [f"#{row['number']}" for row in rows],
        "state": [[_label(row)] for row in rows],
    }
    for place, metric in enumerate(goals):
        columns[metric] = [_at(row["values"], place) for row in rows]
    if found.spec.seeds > 1:
        columns["± seeds"] = [_at(row["spread"], 0) for row in rows]
    for one in found.spec.space:
        columns[one.name] = [_shown(row["params"].get(one.name)) for row in rows]
    columns["took"] = [formats.duration(row["duration_s"]) for row in rows]
    columns["from"] = [
        {"start": "starting point", "person": "by hand"}.get(row["by"] or "", "") for row in rows
    ]
    columns["why"] = [row["reason"] or row["note"] or "" for row in rows]
    return pd.DataFrame(columns)


def range_text(one: Dimension) -> str:
    """Return what a parameter may be: `0.0001 to 0.01, log`."""
    if one.only:
        kept = ", ".join(formats.value(value) for value in one.only)
        return f"frozen at {kept}" if len(one.only) == 1 else f"only {kept}"
    if one.kind == "choice":
        return " or ".join(formats.value(value) for value in one.choices)
    low, high = one.ends
    step = f", steps of {formats.value(one.step)}" if one.step else ""
    return f"{formats.value(low)} to {formats.value(high)}{', log' if one.log else ''}{step}"


def parameters(params: Mapping[str, Any]) -> str:
    """Return a trial's values in one line."""
    return " · ".join(
        f"{name.rpartition('.')[2]} {formats.value(value)}" for name, value in params.items()
    )


def as_yaml(spec: StudySpec) -> str:
    """Return a study as the file that makes it again."""
    return to_yaml(_sparse(spec.to_mapping()))


def _label(row: Mapping[str, Any]) -> str:
    if row["state"] == "complete" and not row["is_feasible"]:
        return "✕ breaks a limit"
    return TRIAL_STATES.get(row["state"], theme.UNKNOWN).label


def _at(values: Sequence[float] | None, place: int) -> float | None:
    return values[place] if values and place < len(values) else None


def _shown(value: Any) -> Any:
    return formats.value(value) if isinstance(value, list | bool) else value


def _sparse(value: Any) -> Any:
    """Leave out what is not set."""
    if isinstance(value, dict):
        return {k: _sparse(v) for k, v in value.items() if v not in (None, [], "")}
    return [_sparse(item) for item in value] if isinstance(value, list) else value
