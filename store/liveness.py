"""Is the process of a run alive? Inferred from the outside: a dying process cannot say so."""

import fcntl
import functools
import os
import platform
import time
from contextlib import suppress
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

BEAT_S: Final = 15.0
"""How often a living run touches its heartbeat."""
SILENCE_S: Final = 60.0
"""After how long without a beat a run on another machine counts as lost."""


class Status(StrEnum):
    """What became of a run."""

    RUNNING = "running"
    FINISHED = "finished"
    FAILED = "failed"
    STOPPED = "stopped"
    CRASHED = "crashed"
    """The process is gone and did not say goodbye."""
    LOST = "lost"
    """No beat for a minute from another machine, or from a frozen process; it may come back."""

    @property
    def is_final(self) -> bool:
        """Whether the run itself has said that it ended."""
        return self in {Status.FINISHED, Status.FAILED, Status.STOPPED}


LIVE: Final = frozenset({Status.RUNNING, Status.LOST})
"""What a run that may still grow is."""


def describe_process(*, beats: bool = True) -> dict[str, Any]:
    """Return what identifies this process for good: pids are reused, start times are not.

    Parameters
    ----------
    beats
        Whether it touches a heartbeat; where it does not, its silence means nothing.
    """
    pid = os.getpid()
    return {
        "pid": pid,
        "started_ticks": start_ticks(pid),
        "boot_id": _boot_id(),
        "host": platform.node(),
        "beats": beats,
    }


def start_ticks(pid: int) -> int | None:
    """Return when process `pid` started, in clock ticks since boot; None if it is gone.

    A zombie counts as gone: it does nothing any more. Where there is no ``/proc``, a living
    process has 0 ticks.
    """
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
    except FileNotFoundError:
        return 0 if not Path("/proc/self/stat").exists() and _exists(pid) else None
    except OSError:
        return None
    state, *rest = stat[stat.rfind(b")") + 2 :].split()
    return None if state in {b"Z", b"X"} else int(rest[18])


def infer(process: dict[str, Any] | None, beat_at: float | None, now: float) -> Status:
    """Return the status of a run that has not said that it ended.

    Parameters
    ----------
    process
        What `describe_process` returned in the run.
    beat_at
        When its heartbeat was last touched, in seconds since 1970.
    now
        The time now, in seconds since 1970.
    """
    is_silent = beat_at is None or now - beat_at > SILENCE_S
    if process and process.get("host") == platform.node():
        if process.get("boot_id") != _boot_id():
            return Status.CRASHED
        ticks = start_ticks(int(process.get("pid") or -1))
        if ticks is None or ticks != process.get("started_ticks"):
            return Status.CRASHED
        is_silent = is_silent and process.get("beats", True)
    return Status.LOST if is_silent else Status.RUNNING


def is_held(segment: Path) -> bool:
    """Whether a journal segment belongs to a rank above 0 that still lives: it holds its lock."""
    if not segment.name.startswith("points-rank"):
        return False
    descriptor = os.open(segment, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def touch(path: Path) -> None:
    """Beat: set the file's time to now, making it if need be; a full disk is no reason to stop."""
    with suppress(OSError):
        try:
            os.utime(path)
        except FileNotFoundError:
            path.write_bytes(b"")


def last_beat(path: Path) -> float | None:
    """Return when the heartbeat was last touched, in seconds since 1970; None if never.

    A time in the future (the clock was set back) counts as now.
    """
    try:
        return min(path.stat().st_mtime, time.time())
    except OSError:
        return None


@functools.cache
def _boot_id() -> str:
    with suppress(OSError):
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    return ""


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
