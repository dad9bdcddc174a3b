"""Start one training as a separate process and stop it: the seam that every front end uses."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import store
from experiments import processes
from store.layout import Home, RunFolder, write_json

if TYPE_CHECKING:
    from trainers.spec import RunSpec

THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
_SPEC_FILE = "spec.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Launched:
    """A training that was started."""

    run_id: str
    pid: int
    folder: Path
    process: subprocess.Popen[bytes] = field(repr=False, compare=False)

    @property
    def output(self) -> Path:
        """The file that holds what the training prints."""
        return self.folder / "output.log"

    @property
    def is_running(self) -> bool:
        """Whether the process is alive."""
        return self.process.poll() is None


def launch(
    spec: "RunSpec",
    *,
    home: str | os.PathLike[str] | None = None,
    run_id: str | None = None,
    threads: int | None = None,
) -> Launched:
    """Start a training process for a checked spec and return at once.

    Parameters
    ----------
    spec
        What to train.
    home
        The store's folder; ``BAKEOFF_HOME`` or ``./.bakeoff`` if None.
    run_id
        Id of the new run; a fresh one if None.
    threads : >= 1
        CPU threads for the training; all cores if None.

    Raises
    ------
    store.HomeNotWritableError
        If the store's folder cannot be written.
    store.RunExistsError
        If the id is taken.
    """
    place = Home.locate(home).create()
    run = place.run(run_id or store.new_run_id())
    prepare(run, spec.to_mapping())
    env = {} if threads is None else thread_variables(threads)
    return start_training(place, run, env=env)


def prepare(run: RunFolder, spec: Mapping[str, Any]) -> None:
    """Make the folder of a new run and write what it shall train.

    Raises
    ------
    store.RunExistsError
        If the id is taken.
    OSError
        If the disk refuses it.
    """
    try:
        run.path.mkdir(parents=True)
    except FileExistsError:
        raise store.RunExistsError(
            f"Expected a new run id; got {run.id!r}, which is taken. Choose another."
        ) from None
    write_json(run.path / _SPEC_FILE, spec)


def start_training(
    place: Home,
    run: RunFolder,
    *,
    env: Mapping[str, str],
    resumes: bool = False,
    cwd: Path | None = None,
    own_session: bool = True,
    waiting: subprocess.Popen[bytes] | None = None,
) -> Launched:
    """Start the training process of a run that was prepared, and return at once.

    Parameters
    ----------
    env
        Variables set on top of our own environment.
    resumes
        Go on from the run's last checkpoint.
    cwd
        Working folder of the training; ours if None.
    own_session
        As for `processes.start`.
    waiting
        A process of `start_waiting` that shall do it; None: a new one.

    Raises
    ------
    OSError
        If the process cannot be started, or does not wait any more.
    """
    arguments = [str(run.path / _SPEC_FILE), "--home", str(place.path), "--id", run.id]
    arguments += ["--resume"] if resumes else []
    # The file descriptor already leads to output.log: a tee would print each line twice.
    env = {"BAKEOFF_CAPTURE": "0", **env}
    if waiting is None:
        process = processes.start(
            [sys.executable, "-m", "trainers", *arguments],
            output=run.output,
            env=env,
            cwd=cwd,
            own_session=own_session,
        )
    else:
        process = waiting
        folder = None if cwd is None else str(cwd)
        order = {"arguments": arguments, "env": env, "cwd": folder, "output": str(run.output)}
        _give(process, json.dumps(order))
    return Launched(run_id=run.id, pid=process.pid, folder=run.path, process=process)


def start_waiting(log: Path) -> subprocess.Popen[bytes]:
    """Start a process that loads what a training needs and waits for `start_training`.

    It is in our session, in a group of its own, and leaves when we close its input or end.

    Raises
    ------
    OSError
        If it cannot be started.
    """
    command = [sys.executable, "-m", "trainers.waiting"]
    return processes.start(command, output=log, own_session=False, with_input=True)


def _give(process: subprocess.Popen[bytes], line: str) -> None:
    if process.stdin is None:
        raise ValueError("Expected a process with an input.")
    process.stdin.write(line.encode() + b"\n")
    process.stdin.close()


def thread_variables(threads: int) -> dict[str, str]:
    """Return the environment that keeps numerical libraries to so many CPU threads."""
    return dict.fromkeys(THREAD_VARIABLES, str(threads))


def stop(launched: Launched, *, grace_s: float = 10.0) -> int:
    """Stop a training, gracefully at first, and return its exit code (0 if it had finished).

    Parameters
    ----------
    launched
        Started by `launch`.
    grace_s : seconds
        Time to write a last checkpoint before its whole process group is killed.
    """
    return processes.stop(launched.process, grace_s=grace_s)


def discard_if_unborn(launched: Launched) -> None:
    """Remove the folder of an ended training that failed before it became a run."""
    if not launched.is_running:
        discard_unborn(RunFolder(launched.folder))


def discard_unborn(run: RunFolder, *, keep_output: Path | None = None) -> None:
    """Remove the folder of a run that never began, but keep what it printed.

    Parameters
    ----------
    run
        Whose process has ended.
    keep_output
        Where its output goes; None: it is removed too.
    """
    if run.header.exists():
        return
    if keep_output is not None:
        with suppress(OSError):
            run.output.replace(keep_output)
    shutil.rmtree(run.path, ignore_errors=True)
