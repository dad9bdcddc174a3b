"""Reserves and maps the parts of a journal's segment, ahead of its writer where it can.

Reserving waits for the file system, which may be busy with another process's commit: done in the
background, no `log()` waits for that.
"""

import errno
import mmap
import os
import time
from contextlib import suppress
from typing import Final, NamedTuple

_FIRST: Final = 64 << 10
_CHUNK: Final = 256 << 10
_MOST: Final = 4 << 20
_ZEROS: Final = bytes(64 << 10)
_NO_SPACE: Final = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_PAUSE_S: Final = 20e-6


class Room(NamedTuple):
    """A part of the file, from `base` to `end`, in memory."""

    mapped: mmap.mmap
    base: int
    end: int


class Reserve:
    """The parts of one file that are still to be written.

    Parameters
    ----------
    descriptor
        The file.

    Attributes
    ----------
    can_map : bool
        Whether this file system reserves and maps; if not, files are written by system calls.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._next: Room | None = None
        self._is_preparing = False
        self._size = _FIRST
        self._seen = 0
        self.can_map = True

    def take(self, offset: int, needed: int) -> Room | None:
        """Return room from `offset` on; None if the disk is full, or cannot be mapped."""
        self.wait()
        room, self._next = self._next, None
        if room is None or room.base != offset:
            room = self._make(offset, needed)
        self._size = max(self._size, _CHUNK)
        return room

    def wait(self) -> None:
        """Wait until nothing is being prepared."""
        while self._is_preparing:
            time.sleep(_PAUSE_S)

    def begin(self, offset: int, end: int) -> bool:
        """Whether to call `prepare` now, as the room that ends at `end` will soon be full.

        Nobody may call `take` meanwhile; from here to the end of `prepare` they wait.
        """
        used, self._seen = offset - self._seen, offset
        self._size = min(max(_CHUNK, 4 * used), _MOST)
        is_due = self.can_map and self._next is None and end - offset < self._size // 2
        self._is_preparing = is_due
        return is_due

    def prepare(self, end: int) -> None:
        """Make the room behind `end` ready for `take`."""
        try:
            self._next = self._make(end, 0)
        finally:
            self._is_preparing = False

    def _make(self, offset: int, needed: int) -> Room | None:
        base = offset - offset % mmap.ALLOCATIONGRANULARITY
        length = max(self._size, offset - base + min(needed, _CHUNK))
        length += -length % mmap.ALLOCATIONGRANULARITY
        try:
            os.posix_fallocate(self._descriptor, base, length)
            self._warm(offset, base + length)
            return Room(mmap.mmap(self._descriptor, length, offset=base), base, base + length)
        except (OSError, AttributeError) as error:  # macOS cannot reserve, some disks cannot map
            is_full = isinstance(error, OSError) and error.errno in _NO_SPACE
            self.can_map = is_full
            return None

    def _warm(self, start: int, end: int) -> None:
        """Bring pages into memory together: one by one, at first touch, costs three times as much."""
        start += -start % mmap.ALLOCATIONGRANULARITY
        with suppress(OSError):  # the space is reserved; this only saves time
            for at in range(start, end, len(_ZEROS)):
                os.pwrite(self._descriptor, _ZEROS[: end - at], at)
