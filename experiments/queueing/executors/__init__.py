"""Where a job runs: on this machine, on a SLURM cluster or on Ray. One small interface.

Whoever starts it, the same wrapper runs the attempt and leaves the same claim and exit record in
the same folder; an executor only brings the wrapper up, and tells whether it still lives.
"""

import platform
import time
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any, Protocol

from experiments.errors import UsageError
from experiments.queueing.attempts import AttemptFolder, ExitRecord
from experiments.queueing.jobs import Job
from store.liveness import Status, infer, last_beat


class Sight(Enum):
    """What an executor sees of an attempt."""

    ABSENT = auto()
    """Nobody runs it, and nobody has: it may be started."""
    ALIVE = auto()
    """It is on its way, runs, or is being ended."""
    ENDED = auto()
    """It left an exit record."""
    GONE = auto()
    """It ran; no process of it lives, and there is no exit record."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What became of an attempt so far."""

    sight: Sight
    record: ExitRecord | None = None
    pid: int | None = None
    """Of the wrapper, if it lives on this machine."""
    reason: str | None = None
    """Why it is gone, where the executor knows."""
    is_false_start: bool = False
    """Whether it is gone before it began."""


class Executor(Protocol):
    """Starts attempts and looks after them."""

    def start(self, job: Job, attempt: AttemptFolder) -> dict[str, Any]:
        """Bring the wrapper of a written task up; return what is needed to find it again.

        Raises
        ------
        ExperimentError, OSError
            If it cannot be started, in words for the user.
        """
        ...

    def look(self, job: Job, attempt: AttemptFolder) -> Report:
        """Return what became of an attempt; quick, because it is asked often."""
        ...

    def stop(self, job: Job, attempt: AttemptFolder, *, hard: bool) -> None:
        """Ask an attempt to end; asked again until it has."""
        ...


def lives(job: Job, claim: Mapping[str, Any]) -> bool:
    """Whether the wrapper that made a claim is alive, by process here, by heartbeat elsewhere."""
    beat_at = last_beat(job.output.with_name("heartbeat"))
    return infer(dict(claim), beat_at, time.time()) is Status.RUNNING


def is_here(claim: Mapping[str, Any]) -> bool:
    """Whether a claim was made on this machine, where processes can be looked at."""
    return claim.get("host") == platform.node()


def make_cluster(name: str) -> Executor:
    """Return an executor for jobs that run elsewhere.

    Raises
    ------
    UsageError
        If it is unknown, or what it stands on is not installed.
    """
    try:
        if name == "slurm":
            from experiments.queueing.executors.slurm import SlurmExecutor

            return SlurmExecutor()
        if name == "ray":
            from experiments.queueing.executors.ray import RayExecutor

            return RayExecutor()
    except ImportError as error:
        raise UsageError(
            f"Expected the extra bakeoff[{name}] to be installed; got: {error}. "
            f"Run: pip install 'bakeoff[{name}]'"
        ) from error
    raise UsageError(f"Expected the executor slurm or ray; got {name!r}.")
