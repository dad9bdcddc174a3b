"""``python -m experiments.queueing.wrapper FOLDER``: runs one attempt at a job and records how it ended.

With ``--spare LOG`` it loads a training beforehand and reads the folder from its input.

It stands between the supervisor and the training, so that nobody has to be alive when the job
ends. It leads a session of its own, claims the attempt before it starts anything, passes a stop
on, keeps the time budget, and writes the exit record last.

SIGTERM: stop gracefully, then by force after the grace. SIGUSR1: by force at once.
"""

import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import FrameType

import store
from experiments import launch, processes
from experiments.queueing.attempts import AttemptFolder, ExitRecord, Task
from experiments.queueing.causes import count_memory_kills, last_lines, likely_cause
from experiments.queueing.supervisor import ensure_supervisor
from store.layout import Home

TAKEN = 17
"""Exit code of a wrapper that found the attempt claimed; it did nothing."""
_RETRY_S, _RETRIES = 1.0, 600
_REVIVE_S, _REMOTE_LOOK_S = 20.0, 2.0
_WORDS = {
    signal.SIGTERM: "stop",
    signal.SIGUSR2: "stop",  # SLURM's, when its time limit comes near
    signal.SIGUSR1: "kill",
}


class StopRequests:
    """What signals asked for, and a file descriptor that wakes whoever waits for them."""

    def __init__(self, attempt: AttemptFolder) -> None:
        self._attempt = attempt
        self.reader, self._writer = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._waiting: list[str] = []
        self._taken: set[str] = set()

    def install(self) -> None:
        """Listen from now on; what is not for us changes nothing."""
        signal.set_wakeup_fd(self._writer, warn_on_full_buffer=False)
        # Handlers also where nothing is done: the training would inherit SIG_IGN.
        for number in (*_WORDS, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._note)

    def take(self) -> str | None:
        """Return what was asked for and not taken yet: ``kill``, ``stop`` or None; each once."""
        with suppress(BlockingIOError):
            os.read(self.reader, 4096)
        by_file = self._attempt.asked()
        asked = {*self._waiting, *([by_file] if by_file else [])} - self._taken
        self._taken |= asked
        return "kill" if "kill" in asked else "stop" if asked else None

    def _note(self, number: int, _frame: FrameType | None) -> None:
        if number in _WORDS:
            self._waiting.append(_WORDS[signal.Signals(number)])


def run_attempt(folder: Path, waiting: subprocess.Popen[bytes] | None = None) -> int:
    """Run an attempt from claim to exit record; return the exit code.

    Parameters
    ----------
    folder
        Of the attempt.
    waiting
        A training process that was loaded beforehand.
    """
    attempt = AttemptFolder(folder)
    task = attempt.read_task()
    requests = StopRequests(attempt)
    requests.install()
    if not attempt.claim():
        return TAKEN
    record = _run(task, folder.parent, requests, waiting)
    _write_patiently(attempt, record)
    _revive_supervisor(task)
    return record.code


def wait_for_attempt(log: Path) -> int:
    """Load a training, read an attempt's folder from our input and run it; return the exit code."""
    waiting = launch.start_waiting(log)
    folder = sys.stdin.readline().rstrip("\n")
    try:
        if not folder:
            return 0
        attempt = AttemptFolder(Path(folder))
        with attempt.log.open("ab", buffering=0) as file:
            for stream in (1, 2):
                os.dup2(file.fileno(), stream)
        return run_attempt(attempt.path, waiting)
    finally:
        processes.stop(waiting, grace_s=0.0)


def _run(
    task: Task,
    job_folder: Path,
    requests: StopRequests,
    waiting: subprocess.Popen[bytes] | None,
) -> ExitRecord:
    """Start the process of a task, wait for its end, and tell how it was."""
    memory_kills = count_memory_kills()
    try:
        process, output = _start(task, job_folder, waiting)
    except (store.StoreError, OSError) as error:
        return ExitRecord(code=1, ended=time.time(), error=str(error))
    ended_by = _wait(process, task, task.budget_s, requests)
    if ended_by in {"stop", "budget"}:
        processes.ask_to_stop(process)
        if _wait(process, task, task.grace_s, requests) == "kill":
            ended_by = "kill"
    code = processes.stop(process, grace_s=0.0)  # and whatever it left in its group
    ended = time.time()
    lines = last_lines(output)
    if task.kind == "train":
        run = Home(Path(task.home)).run(str(task.run_id))
        launch.discard_unborn(run, keep_output=job_folder / "output.log")
    if code == 0 or ended_by:
        return ExitRecord(code=code, ended=ended, ended_by=ended_by)
    was_memory = count_memory_kills() > memory_kills
    cause = likely_cause(code, lines, out_of_memory_kill=was_memory)
    return ExitRecord(code=code, ended=ended, error=cause, last_lines=lines)


def _start(
    task: Task, job_folder: Path, waiting: subprocess.Popen[bytes] | None
) -> tuple[subprocess.Popen[bytes], Path]:
    """Start what the task names, in our session but a group of its own."""
    cwd = Path(task.cwd) if task.cwd and Path(task.cwd).is_dir() else None
    if task.kind == "search":
        output = job_folder / "output.log"
        arguments = [sys.executable, "-m", "experiments.search.searching", str(task.study_id)]
        process = processes.start(
            [*arguments, "--home", task.home],
            output=output,
            env=task.env,
            cwd=cwd,
            own_session=False,
        )
        return process, output
    place = Home(Path(task.home))
    run = place.run(str(task.run_id))
    if not task.resumes:
        launch.prepare(run, task.spec)
    if waiting is not None and not _fits(task, waiting):
        processes.stop(waiting, grace_s=0.0)
        waiting = None
    launched = launch.start_training(
        place,
        run,
        env=task.env,
        resumes=task.resumes,
        cwd=cwd,
        own_session=False,
        waiting=waiting,
    )
    return launched.process, launched.output


def _fits(task: Task, waiting: subprocess.Popen[bytes]) -> bool:
    """Whether a loaded process will do: it lives, and was loaded for so many threads."""
    return waiting.poll() is None and all(
        os.environ.get(name) == task.env[name] for name in launch.THREAD_VARIABLES
    )


def _wait(
    process: subprocess.Popen[bytes], task: Task, limit_s: float | None, requests: StopRequests
) -> str | None:
    """Wait until the process ends, the time is up or somebody asks for something.

    Returns
    -------
    str or None
        None if it ended, ``budget`` if the time is up, else what was asked for.
    """
    deadline = float("inf") if limit_s is None else time.monotonic() + limit_s
    ends = os.pidfd_open(process.pid)
    try:
        while True:
            if asked := requests.take():
                return asked
            rest = deadline - time.monotonic()
            if rest <= 0:
                return "budget"
            pause = min(rest, _REVIVE_S if task.is_supervised else _REMOTE_LOOK_S)
            ready, _, _ = select.select([ends, requests.reader], [], [], pause)
            if ends in ready:
                return None
            if not ready:
                _revive_supervisor(task)
    finally:
        os.close(ends)


def _revive_supervisor(task: Task) -> None:
    """Bring the supervisor back if it was killed: the jobs behind this one wait for it."""
    if task.is_supervised:
        with suppress(store.StoreError, OSError):  # the next look tries again
            ensure_supervisor(task.home)


def _write_patiently(attempt: AttemptFolder, record: ExitRecord) -> None:
    """Write the exit record, also where the disk is full for a while."""
    for _ in range(_RETRIES):
        try:
            attempt.write_exit(record)
        except OSError as error:
            sys.stderr.write(
                f"The exit record cannot be written ({error.strerror}); trying again.\n"
            )
            time.sleep(_RETRY_S)
        else:
            return


def main(arguments: Sequence[str]) -> int:
    """Run one attempt; return the exit code."""
    if arguments[0] == "--spare":
        return wait_for_attempt(Path(arguments[1]))
    return run_attempt(Path(arguments[0]))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
