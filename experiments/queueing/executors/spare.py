"""A wrapper started beforehand, with a training that has loaded torch and waits.

Loading takes most of the time from a click to the first step. The spare waits for the folder of
an attempt on its standard input; when we end, its input ends, and so does it.
"""

import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import store
from experiments import launch, processes
from experiments.queueing.attempts import MARKER, AttemptFolder

_AFTER_DEATH_S = 60.0


class Spare:
    """At most one wrapper that waits."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._threads = 0
        self._not_before = 0.0

    def keep(self, log: Path, threads: int) -> None:
        """Start one unless there is one.

        Parameters
        ----------
        log
            Where it prints until it has an attempt.
        threads : >= 1
            CPU threads that a training has unless it asks for others.
        """
        if self._process is not None and self._process.poll() is not None:
            self._process = None
            self._not_before = time.monotonic() + _AFTER_DEATH_S
        if self._process is not None and threads != self._threads:
            self.drop()
        if self._process is None and time.monotonic() >= self._not_before:
            self._threads = threads
            self._process = processes.start(
                [sys.executable, "-m", "experiments.queueing.wrapper", "--spare", log],
                output=log,
                env={MARKER: store.new_run_id(), **launch.thread_variables(threads)},
                with_input=True,
            )

    def take(self, attempt: AttemptFolder) -> subprocess.Popen[bytes] | None:
        """Hand an attempt to the spare and return it; None if there is none."""
        process, self._process = self._process, None
        if process is None or process.stdin is None:
            return None
        try:
            process.stdin.write(f"{attempt.path}\n".encode())
            process.stdin.close()
        except OSError:  # it died; whoever claims first does the work
            return None
        return process

    def drop(self) -> None:
        """Let the spare go."""
        process, self._process = self._process, None
        if process is not None and process.stdin is not None:
            with suppress(OSError):
                process.stdin.close()
            process.wait()
