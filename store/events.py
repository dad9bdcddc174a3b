"""The event log of a run: everything that is not a number, one JSON object a line.

Anyone may append (the training process, a person who edits a tag in the browser): a record is
one write under the file's lock, behind a whole last line, so a torn line stays alone.
"""

import fcntl
import json
import os
import threading
import time
from pathlib import Path
from typing import Any

from store.values import to_json

_MAX_LINE = 1 << 20


class EventLog:
    """Appends events to a file; what the disk refuses waits in memory and is tried again.

    Parameters
    ----------
    path
        The ``events.jsonl`` of a run; made when it is missing.
    backlog
        How many events may wait while the disk is full; the oldest are dropped beyond that.
    """

    def __init__(self, path: Path, *, backlog: int = 10_000) -> None:
        self._path = path
        self._limit = backlog
        self._waiting: list[bytes] = []
        self._lock = threading.Lock()

    def append(self, kind: str, *, sync: bool = False, **fields: Any) -> bool:
        """Write one event; return whether it is in the file already.

        Parameters
        ----------
        kind
            What sort of event it is.
        sync
            Wait until it is on the disk.
        **fields
            What it says; anything that `store.values.to_json` can write.
        """
        line = to_json({"kind": kind, "at_us": time.time_ns() // 1000, **fields}).encode()
        if len(line) > _MAX_LINE:
            short = {"kind": kind, "at_us": time.time_ns() // 1000, "too_long": len(line)}
            line = json.dumps(short).encode()
        with self._lock:
            self._waiting = [*self._waiting[-self._limit :], line]
            return self._write_waiting(sync=sync)

    def retry(self) -> None:
        """Write what had to wait."""
        if self._waiting:
            with self._lock:
                self._write_waiting(sync=False)

    def _write_waiting(self, *, sync: bool) -> bool:
        try:
            append_lines(self._path, self._waiting, sync=sync)
        except OSError:
            return False
        self._waiting = []
        return True


def append_lines(path: Path, lines: list[bytes], *, sync: bool = False) -> None:
    """Append whole lines under the file's lock.

    Raises
    ------
    OSError
        If the disk refuses them; the file then ends where it ended before.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        size = os.fstat(descriptor).st_size
        is_torn = size > 0 and os.pread(descriptor, 1, size - 1) != b"\n"
        content = b"\n" * is_torn + b"".join(line + b"\n" for line in lines)
        if os.write(descriptor, content) != len(content):
            os.ftruncate(descriptor, size)
            raise OSError(28, os.strerror(28), str(path))
        if sync:
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


def read_events(
    path: Path, offset: int, *, limit: int | None = 4 << 20
) -> tuple[list[dict[str, Any]], int, int]:
    """Return the events behind `offset`, the new offset, and how many lines cannot be read.

    A last line without its end is not there yet.
    """
    try:
        with path.open("rb") as file:
            file.seek(offset)
            content = file.read() if limit is None else file.read(limit)
    except FileNotFoundError:
        return [], offset, 0
    end = content.rfind(b"\n") + 1
    events: list[dict[str, Any]] = []
    damaged = 0
    for line in content[:end].splitlines():
        try:
            event = json.loads(line)
        except ValueError:
            event = None
        if isinstance(event, dict) and isinstance(event.get("kind"), str):
            events.append(event)
        elif line.strip():
            damaged += 1
    return events, offset + end, damaged
