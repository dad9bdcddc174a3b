"""What executors on clusters have in common: a scheduler that queues, and a shared file system.

The wrapper runs on another machine, so its word counts through files: its claim and exit record,
the run's heartbeat, and the file by which it is asked to stop.
"""

import time
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from experiments.queueing.attempts import AttemptFolder
from experiments.queueing.executors import Report, Sight, is_here, lives
from experiments.queueing.jobs import Job

_LOOK_S = 2.0
_SETTLE_S = 10.0
"""How long a file may take to be seen from another machine."""
_HARD_GRACE_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What a cluster says of a job."""

    is_over: bool
    word: str
    """The cluster's own, such as OUT_OF_MEMORY."""


class ClusterExecutor(ABC):
    """Hands wrappers to a cluster's scheduler and reads what they leave behind."""

    name: str

    def __init__(self) -> None:
        self._seen: dict[Path, tuple[float, Standing]] = {}
        self._over_since: dict[Path, float] = {}
        self._asked: dict[Path, float] = {}

    @abstractmethod
    def start(self, job: Job, attempt: AttemptFolder) -> dict[str, Any]:
        """Submit the wrapper; return what is needed to find it again."""

    @abstractmethod
    def standing(self, handle: Mapping[str, Any]) -> Standing:
        """Ask the cluster; may take a moment."""

    @abstractmethod
    def cancel(self, handle: Mapping[str, Any]) -> None:
        """Take it out of the cluster; nothing happens if it is over."""

    def look(self, job: Job, attempt: AttemptFolder) -> Report:
        """Return what files tell, or else the cluster."""
        record = attempt.read_exit()
        if record is not None:
            return Report(sight=Sight.ENDED, record=record)
        claim = attempt.read_claim()
        if claim is not None and is_here(claim):
            return self._look_here(job, attempt, claim)
        if not job.handle:
            return Report(sight=Sight.ABSENT if claim is None else Sight.ALIVE)
        standing = self._standing(job, attempt)
        since = self._over_since.setdefault(attempt.path, time.monotonic())
        if not standing.is_over:
            del self._over_since[attempt.path]
        if not standing.is_over or time.monotonic() - since < _SETTLE_S:
            return Report(sight=Sight.ALIVE)
        said = f"{self.name} says {standing.word}."
        return Report(sight=Sight.GONE, reason=said, is_false_start=claim is None)

    def stop(self, job: Job, attempt: AttemptFolder, *, hard: bool) -> None:
        """Ask the wrapper, or take out what it has not begun."""
        first = self._asked.setdefault(attempt.path, time.monotonic())
        is_ignored = hard and time.monotonic() - first > _HARD_GRACE_S
        if attempt.bar() or is_ignored:
            self.cancel(job.handle)
        else:
            attempt.ask("kill" if hard else "stop")

    def _look_here(self, job: Job, attempt: AttemptFolder, claim: Mapping[str, Any]) -> Report:
        """Look at a wrapper that the cluster started on this very machine."""
        if lives(job, claim):
            return Report(sight=Sight.ALIVE)
        record = attempt.read_exit()  # written meanwhile?
        return Report(sight=Sight.ENDED if record else Sight.GONE, record=record)

    def _standing(self, job: Job, attempt: AttemptFolder) -> Standing:
        at, standing = self._seen.get(attempt.path, (0.0, None))
        if standing is None or time.monotonic() - at > _LOOK_S:
            standing = self.standing(job.handle)
            self._seen[attempt.path] = (time.monotonic(), standing)
        return standing
