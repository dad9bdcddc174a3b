"""Start and stop processes of our own: argument lists, own session, output in a file, no shell."""

import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

POLL_S = 0.05


def start(
    arguments: Sequence[str | os.PathLike[str]],
    *,
    output: Path,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
) -> subprocess.Popen[bytes]:
    """Start a process in its own session; what it prints is appended to a file.

    A Ctrl-C in the terminal does not reach it: whoever starts it decides when and how it stops.

    Parameters
    ----------
    arguments
        Program and arguments.
    output
        File that stdout and stderr are appended to, also by what the process starts itself.
    env
        Variables set on top of our own environment.
    cwd
        Working folder; ours if None.

    Raises
    ------
    OSError
        If the program or the file cannot be opened.
    """
    with output.open("ab", buffering=0) as file:
        return subprocess.Popen(
            [os.fspath(argument) for argument in arguments],
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            env={**os.environ, "PYTHONUNBUFFERED": "1", **(env or {})},
            cwd=cwd,
            start_new_session=True,
        )


def ask_to_stop(process: subprocess.Popen[bytes]) -> None:
    """Send SIGTERM to a process that may have ended already."""
    if not _has_ended(process):
        with suppress(ProcessLookupError):
            process.terminate()


def stop(process: subprocess.Popen[bytes], *, grace_s: float = 10.0) -> int:
    """Stop a process and everything in its group, and return its exit code.

    Parameters
    ----------
    process
        Started by `start`.
    grace_s : seconds
        How long it may take to end by itself after SIGTERM; SIGKILL follows.

    Returns
    -------
    int
        As a shell counts: 128 plus the signal's number if a signal ended it.
    """
    ask_to_stop(process)
    deadline = time.monotonic() + grace_s
    while not _has_ended(process) and time.monotonic() < deadline:
        time.sleep(POLL_S)
    if process.returncode is None:
        # Not reaped yet, so the group's number cannot belong to anybody else.
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    return exit_code(process)


def exit_code(process: subprocess.Popen[bytes]) -> int:
    """Return the exit code of a process that has ended, 128 + n if signal n ended it."""
    code = process.wait()
    return code if code >= 0 else 128 - code


def _has_ended(process: subprocess.Popen[bytes]) -> bool:
    if process.returncode is not None:
        return True
    look = os.WEXITED | os.WNOHANG | os.WNOWAIT
    try:
        return os.waitid(os.P_PID, process.pid, look) is not None
    except ChildProcessError:
        return True
