"""What the Queue page says of jobs: words, progress and tables."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from os import PathLike
from typing import Any, Final

import pandas as pd

from dashboard import formats, theme
from dashboard.theme import Status
from experiments import queue
from experiments.queueing import forecast
from experiments.queueing.jobs import Job, QueueSettings, State

STATES: Final = {
    "queued": Status(word="queued", symbol="○", colour="gray", meaning="It waits for a slot."),
    "starting": Status(
        word="starting", symbol="◔", colour="blue", meaning="Its process is coming up."
    ),
    "stopping": Status(
        word="stopping", symbol="◑", colour="orange", meaning="It saves a checkpoint and ends."
    ),
    **theme.STATUSES,
}
FAILED: Final = frozenset({State.FAILED, State.LOST})
_SURE_FROM: Final = 0.1
"""Share of the work after which a guess of the time left is worth showing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a job is."""

    share: float
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Board:
    """The jobs of a queue by what the page does with them."""

    active: tuple[Job, ...]
    waiting: tuple[Job, ...]
    """In the order in which they start."""
    ended: tuple[Job, ...]
    """The latest first."""
    settings: QueueSettings

    @property
    def is_moving(self) -> bool:
        """Whether something can change by itself."""
        return bool(self.active or (self.waiting and not self.settings.paused))


def status(job: Job) -> Status:
    """Return how a job's state is shown."""
    return STATES["stopping" if job.is_stopping else str(job.state)]


def summary(board: Board) -> str:
    """Return the queue in one line."""
    slots = board.settings.slots
    free = max(0, slots - sum(job.slot is not None for job in board.active))
    parts = [
        f"{len(board.active)} running",
        f"{len(board.waiting):,} waiting",
        f"{slots} slot{'s' if slots != 1 else ''}, {free} free",
    ]
    if board.settings.paused:
        parts.append("paused: nothing new starts")
    return " · ".join(parts)


def progress(job: Job, series: Sequence[Mapping[str, Any]], now: float) -> Progress:
    """Return how far a training is, by the validations it has logged.

    Parameters
    ----------
    series
        Its rows of `store.Store.series`.
    now : s since 1970
    """
    epochs = (job.spec.get("training") or {}).get("epochs")
    done = max((row["n"] for row in series if row["metric"].startswith("val/")), default=0)
    elapsed = job.duration_s(now) or 0.0
    spent = formats.duration(elapsed)
    if not isinstance(epochs, int) or epochs < 1:
        return Progress(share=0.0, words=spent)
    share = min(1.0, done / epochs)
    words = f"epoch {min(done, epochs)} of {epochs} · {spent}"
    if _SURE_FROM <= share < 1:
        words += f" · about {formats.duration(elapsed * (1 - share) / share)} left"
    return Progress(share=share, words=words)


def outcome(job: Job) -> str:
    """Return why a job ended as it did, in a few words."""
    if job.error:
        return job.error
    if job.state in {State.FINISHED, State.STOPPED}:
        return ""
    return "" if job.exit_code in (None, 0) else f"Exit code {job.exit_code}."


def starts(board: Board, now: float) -> dict[str, str]:
    """Return when each waiting job will start, by its id, in words; empty where nobody knows.

    Parameters
    ----------
    now : s since 1970
    """
    if board.settings.paused:
        return dict.fromkeys((job.id for job in board.waiting), "paused")
    guessed = forecast.starts_in(
        board.active, board.waiting, board.ended, slots=board.settings.slots, now=now
    )
    return {name: _soon(seconds) for name, seconds in guessed.items()}


def next_start(board: Board) -> str:
    """Return when a job would start that is added now, in words."""
    if board.settings.paused:
        return "The queue is paused: it waits until the queue goes on."
    taken = sum(job.slot is not None for job in board.active)
    if not board.waiting and taken < board.settings.slots:
        return "Starts at once."
    waiting = len(board.waiting)
    in_front = f"{waiting:,} wait{'s' if waiting == 1 else ''} in front of it" if waiting else ""
    busy = f"{taken} run{'s' if taken == 1 else ''}"
    return f"Starts when a slot is free: {', '.join(filter(None, (busy, in_front)))}."


def _soon(seconds: float | None) -> str:
    if seconds is None:
        return ""
    return "at once" if seconds < 1 else f"in about {formats.duration(seconds)}"


def waiting_frame(jobs: Sequence[Job], starts: Mapping[str, str]) -> pd.DataFrame:
    """Return the table of jobs that wait, with when each will start."""
    return pd.DataFrame(
        {
            "place": range(1, len(jobs) + 1),
            "name": [job.name for job in jobs],
            "model": [(job.spec.get("model") or {}).get("kind") or job.kind for job in jobs],
            "priority": [job.priority for job in jobs],
            "since": pd.to_datetime(pd.Series([_moment(job.created) for job in jobs]), utc=True),
            "starts": [starts.get(job.id, "") for job in jobs],
            "for": [job.waiting_for or "a free slot" for job in jobs],
        }
    )


def ended_frame(jobs: Sequence[Job]) -> pd.DataFrame:
    """Return the table of jobs that ended."""
    return pd.DataFrame(
        {
            "state": [[status(job).label] for job in jobs],
            "name": [job.name for job in jobs],
            "ended": pd.to_datetime(
                pd.Series([_moment(job.ended) for job in jobs], dtype="object"), utc=True
            ),
            "took": [formats.duration(job.duration_s(job.ended or job.created)) for job in jobs],
            "exit": pd.array([job.exit_code for job in jobs], dtype="Int64"),
            "why": [outcome(job) for job in jobs],
        }
    )


def board(home: str | PathLike[str]) -> Board:
    """Return a store's jobs as they are now: those that run, wait and have ended."""
    jobs = queue.jobs(home)
    waiting = queue.in_order(jobs)
    ended = [job for job in jobs if job.state.is_final]
    queued = {job.id for job in waiting}
    return Board(
        active=tuple(j for j in jobs if not j.state.is_final and j.id not in queued),
        waiting=tuple(waiting),
        ended=tuple(sorted(ended, key=lambda job: job.ended or job.created, reverse=True)),
        settings=queue.settings(home),
    )


def look(board: Board) -> tuple[Any, ...]:
    """Return what redraws the page when it differs."""
    listed = [*board.active, *board.waiting, *board.ended[:200]]
    seen = [(j.id, j.state, j.wanted, j.priority, j.order, j.waiting_for) for j in listed]
    return board.settings, tuple(seen)


def again(jobs: Sequence[Job]) -> frozenset[str]:
    """Return the jobs that were tried again or resumed."""
    return frozenset(job.parent for job in jobs if job.parent)


def _moment(seconds: float | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
