"""Read the queue: its jobs, the order in which they start, its settings."""

import os
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from experiments.errors import JobNotFoundError
from experiments.queueing.gpus import count_gpus
from experiments.queueing.jobs import JOB, SETTING, SETTINGS_ID, Job, QueueSettings, State, as_job
from store.layout import Home
from store.ledger import LEDGER_NAME, Ledger

HomeLike = str | os.PathLike[str] | None


def jobs(home: HomeLike) -> list[Job]:
    """Return all jobs, oldest first."""
    place = Home.locate(home)
    path, seen = place.queue / LEDGER_NAME, _seen(place.path)
    with seen.lock:
        size = path.stat().st_size if path.exists() else 0
        if size != seen.size:
            seen.take_in(place, ledger_of(place.path).items(JOB), size)
        return list(seen.jobs.values())


def job(home: HomeLike, job_id: str) -> Job:
    """Return one job.

    Raises
    ------
    JobNotFoundError
        If there is none of that id.
    """
    place = Home.locate(home)
    fields = ledger_of(place.path).item(JOB, job_id)
    if fields is None:
        raise JobNotFoundError(
            f"Expected the id of a job in {place.path}; got {job_id!r}. See: bakeoff queue ls"
        )
    return as_job(place, job_id, fields)


def in_order(waiting: list[Job]) -> list[Job]:
    """Return queued jobs as they will start: by priority, then by order."""
    queued = [one for one in waiting if one.state is State.QUEUED and not one.wanted]
    return sorted(queued, key=lambda one: (-one.priority, one.order, one.id))


def settings(home: HomeLike) -> QueueSettings:
    """Return how the queue works."""
    return as_settings(ledger_of(Home.locate(home).path).item(SETTING, SETTINGS_ID) or {})


def as_settings(fields: Mapping[str, Any]) -> QueueSettings:
    """Return the settings from their folded fields of the ledger."""
    slots = fields.get("slots")
    return QueueSettings(
        slots=slots or max(1, count_gpus()),
        is_default=slots is None,
        paused=fields.get("paused", False),
    )


@dataclass(slots=True)
class _Seen:
    """The jobs as they were when the ledger had a size; those that have ended stay as they are."""

    size: int = 0
    jobs: dict[str, Job] = field(default_factory=dict)
    said: dict[str, int] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def take_in(self, place: Home, items: Mapping[str, Mapping[str, Any]], size: int) -> None:
        """Make the jobs anew of which something was said."""
        before, said = self.jobs, self.said
        self.said = {job_id: fields["changed_us"] for job_id, fields in items.items()}
        self.jobs = {
            job_id: before[job_id]
            if said.get(job_id) == self.said[job_id] and before[job_id].state.is_final
            else as_job(place, job_id, fields)
            for job_id, fields in items.items()
        }
        self.size = size


@cache
def _seen(_home: Path) -> _Seen:
    return _Seen()


@cache
def ledger_of(home: Path) -> Ledger:
    """One a process, so that each look reads only what is new."""
    return Ledger(home / "queue" / LEDGER_NAME)
