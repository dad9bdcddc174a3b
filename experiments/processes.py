"""Start and stop processes of our own: argument lists, own session, output in a file, no shell."""

import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from store.liveness import start_ticks

POLL_S = 0.05


def start(
    arguments: Sequence[str | os.PathLike[str]],
    *,
    output: Path,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    own_session: bool = True,
    with_input: bool = False,
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
    own_session
        False: only in a group of its own, for a process that leads a session already.
    with_input
        Give it a pipe from us to read; else it reads nothing.

    Raises
    ------
    OSError
        If the program or the file cannot be opened.
    """
    with output.open("ab", buffering=0) as file:
        return subprocess.Popen(
            [os.fspath(argument) for argument in arguments],
            stdin=subprocess.PIPE if with_input else subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            env={**os.environ, "PYTHONUNBUFFERED": "1", **(env or {})},
            cwd=cwd,
            start_new_session=own_session,
            process_group=None if own_session else 0,
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


def signal_exactly(pid: int, ticks: int, number: signal.Signals) -> bool:
    """Signal a process that may have ended; never another one that got its number.

    Parameters
    ----------
    pid, ticks
        As `store.liveness.describe_process` gives them.
    number
        The signal.

    Returns
    -------
    bool
        Whether it was there.
    """
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return False
    try:
        if start_ticks(pid) != ticks:  # asked while the descriptor holds on to the process
            return False
        signal.pidfd_send_signal(descriptor, number)
    except ProcessLookupError:
        return False
    finally:
        os.close(descriptor)
    return True


def members(session: int, mark: bytes) -> list[tuple[int, int]]:
    """Return pid and start ticks of the living processes of a session that carry a variable.

    The session's number alone could have been used again, and a variable alone is inherited by
    what has left the session for good, such as a hub. Together they are sure.

    Parameters
    ----------
    session
        The pid of the process that led it.
    mark
        ``NAME=value`` as it stands in the environment with which they were started.
    """
    found: list[tuple[int, int]] = []
    for entry in os.scandir("/proc"):
        if not entry.name.isdigit():
            continue
        with suppress(OSError):  # it ended meanwhile, or is another user's
            pid = int(entry.name)
            if os.getsid(pid) != session or (ticks := start_ticks(pid)) is None:
                continue
            if mark in Path(entry.path, "environ").read_bytes().split(b"\0"):
                found.append((pid, ticks))
    return found


def _has_ended(process: subprocess.Popen[bytes]) -> bool:
    if process.returncode is not None:
        return True
    look = os.WEXITED | os.WNOHANG | os.WNOWAIT
    try:
        return os.waitid(os.P_PID, process.pid, look) is not None
    except ChildProcessError:
        return True
