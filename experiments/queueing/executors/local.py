"""Runs attempts on this machine: a wrapper process each, found again by its claim."""

import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import store
from experiments import processes
from experiments.queueing.attempts import GRACE_S, MARKER, AttemptFolder
from experiments.queueing.causes import last_lines
from experiments.queueing.executors import Report, Sight, lives
from experiments.queueing.executors.spare import Spare
from experiments.queueing.jobs import Job
from store.layout import Home

_HARD_GRACE_S = 5.0


class LocalExecutor:
    """Starts wrappers in sessions of their own; any later one finds them again."""

    def __init__(self, *, keeps_spare: bool = False) -> None:
        self._spare = Spare() if keeps_spare else None
        self._children: dict[Path, subprocess.Popen[bytes]] = {}
        self._leaving: list[subprocess.Popen[bytes]] = []
        self._asked: dict[tuple[Path, signal.Signals], float] = {}
        self._sweeps: dict[Path, float] = {}

    def start(self, job: Job, attempt: AttemptFolder) -> dict[str, Any]:
        """Start a wrapper; if another one is on its way, the claim decides."""
        wrapper = self._spare.take(attempt) if self._spare and job.kind == "train" else None
        if wrapper is None:
            wrapper = processes.start(
                [sys.executable, "-m", "experiments.queueing.wrapper", attempt.path],
                output=attempt.log,
                env={MARKER: store.new_run_id()},
            )
        self._children[attempt.path] = wrapper
        return {}

    def look(self, job: Job, attempt: AttemptFolder) -> Report:
        """Return what the exit record, the claim and the processes tell."""
        child = self._children.get(attempt.path)
        has_left = child is not None and child.poll() is not None  # reaps it, too
        claim = attempt.read_claim()
        if claim is None:
            return self._look_unclaimed(attempt, child, has_left=has_left)
        is_alive = lives(job, claim)
        record = attempt.read_exit()  # after the process: a record written meanwhile is seen
        if record is not None:
            self._forget(attempt)
            return Report(sight=Sight.ENDED, record=record)
        if is_alive:
            return Report(sight=Sight.ALIVE, pid=claim["pid"])
        if self._sweep(job, attempt, claim):
            return Report(sight=Sight.ALIVE)
        self._forget(attempt)
        return Report(sight=Sight.GONE)

    def stop(
        self,
        job: Job,  # noqa: ARG002  # others need its handle
        attempt: AttemptFolder,
        *,
        hard: bool,
    ) -> None:
        """Signal the wrapper, which knows how to end its training; if it does not, end both."""
        claim = attempt.read_claim()
        if claim is None:  # it comes up right now; the next look asks again
            return
        now = time.monotonic()
        number = signal.SIGUSR1 if hard else signal.SIGTERM
        first = self._asked.setdefault((attempt.path, number), now)
        if now == first or now - first > _HARD_GRACE_S:
            processes.signal_exactly(claim["pid"], claim["started_ticks"], number)
        if hard and now - first > _HARD_GRACE_S:
            self._kill(claim)

    def rest(self, *, home: Home, threads: int) -> None:
        """Keep a wrapper with a loaded training at hand, and no zombies."""
        self._leaving = [child for child in self._leaving if child.poll() is None]
        if self._spare is not None:
            self._spare.keep(home.queue / "spare.log", threads)

    def close(self) -> None:
        """Let the spare go, and wait for wrappers that have said their last word."""
        for child in self._leaving:
            child.wait()
        for child in self._children.values():  # jobs go on, but what has ended leaves no zombie
            child.poll()
        if self._spare is not None:
            self._spare.drop()

    def _look_unclaimed(
        self, attempt: AttemptFolder, child: subprocess.Popen[bytes] | None, *, has_left: bool
    ) -> Report:
        if child is None:
            return Report(sight=Sight.ABSENT)
        if not has_left:
            return Report(sight=Sight.ALIVE, pid=child.pid)
        if not attempt.bar():  # another wrapper was faster after all
            return Report(sight=Sight.ALIVE)
        self._forget(attempt)
        said = last_lines(attempt.log)
        reason = said[-1] if said else "The wrapper ended at once and said nothing."
        return Report(sight=Sight.GONE, reason=reason, is_false_start=True)

    def _sweep(self, job: Job, attempt: AttemptFolder, claim: dict[str, Any]) -> bool:
        """End what outlived its wrapper; return whether anything is left."""
        left = processes.members(claim["pid"], _mark(claim))
        if not left:
            return False
        first = self._sweeps.setdefault(attempt.path, time.monotonic())
        is_late = time.monotonic() - first > GRACE_S or job.wanted == "kill"
        for pid, ticks in left:
            processes.signal_exactly(pid, ticks, signal.SIGKILL if is_late else signal.SIGTERM)
        return True

    def _kill(self, claim: dict[str, Any]) -> None:
        for pid, ticks in processes.members(claim["pid"], _mark(claim)):
            processes.signal_exactly(pid, ticks, signal.SIGKILL)

    def _forget(self, attempt: AttemptFolder) -> None:
        if child := self._children.pop(attempt.path, None):
            self._leaving.append(child)
        self._sweeps.pop(attempt.path, None)
        for number in (signal.SIGTERM, signal.SIGUSR1):
            self._asked.pop((attempt.path, number), None)


def _mark(claim: dict[str, Any]) -> bytes:
    return f"{MARKER}={claim['mark']}".encode()
