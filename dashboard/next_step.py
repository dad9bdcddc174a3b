"""The one thing to do next, and the facts it is derived from. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from dashboard import tables
from dashboard.tables import KeyMetric

LATELY: Final = timedelta(hours=24)
MOST_COMPARED: Final = 4
BAD: Final = frozenset({"failed", "crashed", "lost"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Champion:
    """What is released of a model line."""

    line: str
    version: int
    run_id: str
    reason: str
    who: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """The next thing to do: a sentence, and a button that leads there."""

    sentence: str
    label: str
    page: str
    parameters: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What the next step is derived from."""

    running: int
    waiting: int
    is_paused: bool
    finished: Sequence[Mapping[str, Any]]
    """Runs that came to an end lately."""
    failed: Sequence[Mapping[str, Any]]
    """Runs that ended badly lately, the latest first."""
    best: Sequence[Mapping[str, Any]]
    """The best finished runs of the project that was used last, the best first."""
    metric: KeyMetric | None
    champions: Sequence[Champion]


def next_step(facts: Facts) -> Step:
    """Return the one thing to do next."""
    if facts.is_paused and facts.waiting:
        jobs = f"{facts.waiting} job{'s wait' if facts.waiting > 1 else ' waits'}"
        return Step(
            sentence=f"The queue is paused and {jobs}.",
            label="Open the queue",
            page="queue",
            parameters={},
        )
    if len(facts.failed) > len(facts.finished):
        worst = facts.failed[0]
        return Step(
            sentence=f"Most runs failed lately; the last one was {_name(worst)}.",
            label="See why",
            page="run",
            parameters={"id": worst["run_id"], "tab": "Log"},
        )
    released = {champion.run_id for champion in facts.champions}
    if len(facts.best) >= 2 and facts.best[0]["run_id"] not in released:
        return _compare(facts, released)
    if facts.running or facts.waiting:
        return Step(
            sentence="Trainings are under way. Watch them, or come back: they go on without you.",
            label="Watch them",
            page="curves",
            parameters={},
        )
    return Step(
        sentence="Nothing runs at the moment. Start the next experiment.",
        label="Launch a training",
        page="launch",
        parameters={},
    )


def _compare(facts: Facts, released: set[str]) -> Step:
    top = facts.best[:MOST_COMPARED]
    current = sorted(released)[:1]
    runs = [*current, *(row["run_id"] for row in top if row["run_id"] not in current)]
    metric = facts.metric.name if facts.metric else "its metric"
    column = tables.metric_column(metric)
    among = f"among the runs of {top[0]['project']} on the same data"
    if top[0].get(column) == top[1].get(column):
        both = f"{_name(top[0])} and {_name(top[1])}"
        ahead = f"{both} are level in {metric} {among}"
        return Step(
            sentence=f"{ahead}. See where they differ.",
            label="Compare them",
            page="compare",
            parameters={"runs": ",".join(runs[:MOST_COMPARED])},
        )
    ahead = f"{_name(top[0])} leads in {metric} {among}"
    what = "better than the champion" if released else "really better than the next best"
    return Step(
        sentence=f"{ahead}. Is it {what}, or is that luck?",
        label="Compare them",
        page="compare",
        parameters={"runs": ",".join(runs[:MOST_COMPARED])},
    )


def on_same_data(
    rows: Sequence[dict[str, Any]], hashes: Mapping[str, str | None]
) -> list[dict[str, Any]]:
    """Return the runs that saw the same data, of the data used last by two runs or more.

    Parameters
    ----------
    rows
        Ended runs; their order is kept.
    hashes
        Run id -> hash of its data, as far as it is known.
    """
    by_data: dict[str | None, list[dict[str, Any]]] = {}
    for row in rows:
        by_data.setdefault(hashes.get(row["run_id"]), []).append(row)
    several = [group for group in by_data.values() if len(group) > 1]
    return max(several, key=lambda group: max(map(when, group)), default=[])


def lately(
    rows: Sequence[Mapping[str, Any]], now: datetime
) -> tuple[list[Mapping[str, Any]], list[Mapping[str, Any]]]:
    """Return the runs that finished, and those that ended badly, in the last day, latest first."""
    ended = [row for row in rows if row["ended_at"] and now - _utc(row["ended_at"]) <= LATELY]
    ended.sort(key=lambda row: row["ended_at"], reverse=True)
    good = [row for row in ended if row["status"] in {"finished", "stopped"}]
    bad = [row for row in rows if row["status"] in BAD and now - when(row) <= LATELY]
    return good, sorted(bad, key=when, reverse=True)


def when(row: Mapping[str, Any]) -> datetime:
    """Return when a run was last heard of."""
    return _utc(row["ended_at"] or row["seen_at"] or row["created_at"])


def _name(row: Mapping[str, Any]) -> str:
    return row["name"] or row["run_id"]


def _utc(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
