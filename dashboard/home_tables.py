"""The tables and tiles of the home page as markup. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from dashboard import formats, markup, next_step, tables
from dashboard.markup import Markup, element
from dashboard.next_step import Champion
from dashboard.tables import KeyMetric

MOST_ROWS: Final = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Telling:
    """The number that says most about a run: its project's first key metric."""

    metric: KeyMetric
    value: float | None
    course: Sequence[float] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How far a run that trains is."""

    words: str
    share: float | None = None
    """None where nobody knows when it ends."""


def key_metrics(
    rows: Sequence[Mapping[str, Any]], series: Sequence[Mapping[str, Any]]
) -> dict[str, KeyMetric]:
    """Return the metric that matters most in each project of some runs."""
    project_of = {row["run_id"]: row["project"] for row in rows}
    by_project: dict[str, list[Mapping[str, Any]]] = {}
    for one in series:
        by_project.setdefault(project_of.get(one["run_id"], ""), []).append(one)
    found = {name: tables.key_metrics(mine, most=1) for name, mine in by_project.items()}
    return {name: metrics[0] for name, metrics in found.items() if metrics}


def tiles(
    *, running: int, waiting: int, finished: int, failed: int, champions: Sequence[Champion]
) -> Markup:
    """Return the last day in four numbers."""
    newest = max(champions, key=lambda one: one.at, default=None)
    shown = [
        markup.tile("Running", f"{running:,}", f"{waiting:,} waiting in the queue"),
        markup.tile("Finished", f"{finished:,}", "in the last 24 hours"),
        markup.tile("Failed", f"{failed:,}", "in the last 24 hours"),
        markup.tile(
            "Champion",
            f"{newest.line} v{newest.version}" if newest else "none yet",
            f"of {len(champions):,} model line{'s' if len(champions) > 1 else ''}"
            if newest
            else "nothing is released",
        ),
    ]
    return element("div", *shown, cls="tiles")


def running_table(
    rows: Sequence[Mapping[str, Any]],
    paces: Mapping[str, Pace],
    telling: Mapping[str, Telling],
    now: datetime,
) -> Markup:
    """Return runs that train as a table: how far, and the number to watch with its course."""
    head = _head("Run", "Project", "How far", "Best so far", "Course", "Running for")
    body = []
    for row in rows:
        pace = paces[row["run_id"]]
        mine = telling.get(row["run_id"])
        begun = row["created_at"].replace(tzinfo=UTC)
        bar = markup.bar(pace.share) if pace.share is not None else Markup()
        course = markup.spark(mine.course, mine.metric.name) if mine else Markup()
        body.append(
            element(
                "tr",
                element("td", markup.run_link(row["run_id"], row["name"] or row["run_id"])),
                element("td", row["project"]),
                element("td", bar, element("small", pace.words)),
                _number(mine),
                element("td", course),
                element("td", formats.duration((now - begun).total_seconds())),
            )
        )
    return markup.table(head, body, label="Running now", stacks=True)


def finished_table(
    rows: Sequence[Mapping[str, Any]], telling: Mapping[str, Telling], now: datetime
) -> Markup:
    """Return runs that came to an end as a table, each with its project's first metric."""
    head = _head("Run", "Status", "Project", "Best", "Took", "Ended")
    body = [
        element(
            "tr",
            *_which(row),
            _number(telling.get(row["run_id"])),
            element("td", formats.duration(row["duration_s"])),
            element("td", _ago(row["ended_at"], now)),
        )
        for row in rows[:MOST_ROWS]
    ]
    return markup.table(head, body, label="Finished lately", stacks=True)


def failed_table(rows: Sequence[Mapping[str, Any]], now: datetime) -> Markup:
    """Return runs that ended badly as a table, each with its cause."""
    body = [
        element(
            "tr",
            *_which(row),
            element("td", row["error"] or "It left no reason.", cls="wrap"),
            element("td", _ago(next_step.when(row), now)),
        )
        for row in rows[:MOST_ROWS]
    ]
    return markup.table(
        _head("Run", "Status", "Project", "Cause", "When"), body, label="Failed", stacks=True
    )


def champions_table(champions: Sequence[Champion], now: datetime) -> Markup:
    """Return what is released, one row a model line."""
    body = [
        element(
            "tr",
            element("th", champion.line, scope="row", cls="who"),
            element("td", markup.run_link(champion.run_id, f"v{champion.version}")),
            element("td", _ago(champion.at, now)),
            element("td", champion.who),
            element("td", champion.reason, cls="wrap"),
        )
        for champion in champions
    ]
    return markup.table(
        _head("Line", "Champion", "Since", "By", "Why"), body, label="Champions", stacks=True
    )


def _which(row: Mapping[str, Any]) -> tuple[Markup, Markup, Markup]:
    """Return the cells that say which run it is, how it ended and where it belongs."""
    return (
        element("td", markup.run_link(row["run_id"], row["name"] or row["run_id"])),
        element("td", markup.status(row["status"])),
        element("td", row["project"]),
    )


def _ago(at: datetime | None, now: datetime) -> Markup:
    return markup.moment(formats.ago(at, now=now), at)


def _head(*names: str) -> list[Markup]:
    return [element("th", name, scope="col") for name in names]


def _number(mine: Telling | None) -> Markup:
    if mine is None or mine.value is None:
        return element("td", formats.DASH)
    arrow = {"max": " ↑", "min": " ↓"}.get(mine.metric.goal or "", "")
    value = element("b", formats.number(mine.value))
    return element("td", value, " ", element("small", f"{mine.metric.name}{arrow}"))
