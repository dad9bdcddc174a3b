"""The journal: one append-only file of self-checking binary frames a segment.

A segment has one writer and is never reopened for writing; a resumed run opens the next one.

::

    header   64 bytes   magic, version, pid, time of creation, checksum
    frame     8 bytes   u32 kind, u32 checksum of the body, seeded with offset and kind
              body      a multiple of 8 bytes

    kind 1 ... 2**31    one `log()` call: i64 step, i64 wall clock (us), f64 seconds since the
                        run's start, f64 epoch (NaN: none), one f64 a metric of key set `kind`
    kind KEYS           declares key set: u32 kind, u32 length, JSON list of metric names
    kind CLOSE          the writer ended the segment on purpose

A frame is packed straight into a memory-mapped, reserved part of the file: no system call, and
what is in it survives the death of the process, because the page cache belongs to the kernel.
The checksum tells a whole frame from a torn one; seeding it with the offset makes a frame that
was copied or moved fail. Bytes that were never written are zero, and no frame starts with zero.
"""

import errno
import json
import mmap
import os
import struct
import threading
import time
import weakref
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from zlib import crc32

KEYS = 0xFFFF_FFFE
CLOSE = 0xFFFF_FFFF
MAX_KEY_SET = 0x7FFF_FFFF
MAX_NAME = 200
MAGIC = b"BAKEJNL1"
VERSION = 1

HEADER = struct.Struct("<8sHHIqI36x")
HEAD = struct.Struct("<II")
MARK = struct.Struct("<qqdd")

_time_ns, _perf_counter, _pack_head = time.time_ns, time.perf_counter, HEAD.pack
_CHECKSUM_AT = 24
_FIRST_CHUNK = 64 << 10
_CHUNK = 1 << 20
_RETRY_S = 1.0
_NO_SPACE = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


def check_name(name: object) -> None:
    """Raise a TypeError if a metric cannot have this name."""
    if not isinstance(name, str) or not 0 < len(name) <= MAX_NAME:
        raise TypeError(f"Expected a name of 1 to {MAX_NAME} characters; got {name!r:.80}.")


def checksum(body: bytes | memoryview, offset: int, kind: int) -> int:
    """Return the checksum of a frame's body at `offset` of the file."""
    return crc32(body, (offset ^ kind) & 0xFFFF_FFFF)


class SegmentWriter:
    """The one writer of a segment.

    Nothing here raises for a full disk: frames wait in a bounded backlog and are written when
    there is space again. Threads may append at once. A forked child must not write, and does not.

    Parameters
    ----------
    path
        An existing empty file that belongs to this writer alone.
    start
        What `time.perf_counter` said at the run's start.
    backlog_bytes
        How much may wait in memory while the disk is full; what exceeds it is dropped and counted.

    Attributes
    ----------
    dropped : int
        Calls of `append` whose points are lost because the backlog was full.
    waiting : int
        Bytes in the backlog.
    """

    def __init__(self, path: Path, *, start: float = 0.0, backlog_bytes: int = 64 << 20) -> None:
        self.path = path
        self.dropped = 0
        self._limit = backlog_bytes
        self._lock = threading.Lock()
        self._start = start
        self._kinds: dict[tuple[str, ...], tuple[int, Callable[..., bytes]]] = {}
        self._offset = 0
        self._dirty = False
        self._backlog = bytearray()
        self._retry_at = 0.0
        self._mapped: mmap.mmap | None = None
        self._base = self._end = self._room_end = 0
        self._next_chunk = _FIRST_CHUNK
        self._can_map = True
        self._descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        self._foreign = False
        _writers.add(self)
        header = bytearray(
            HEADER.pack(MAGIC, VERSION, HEADER.size, os.getpid(), time.time_ns() // 1000, 0)
        )
        struct.pack_into("<I", header, _CHECKSUM_AT, crc32(bytes(header)))
        self._put(bytes(header))

    @property
    def waiting(self) -> int:
        """Bytes that wait for the disk to have space."""
        return len(self._backlog)

    def append(
        self, keys: tuple[str, ...], values: Iterable[float], step: int, epoch: float
    ) -> None:
        """Write the values of one `log()` call, with the time.

        Parameters
        ----------
        keys, values
            Metric names and their values, in the same order.
        step, epoch
            Training step; epoch, or NaN.

        Raises
        ------
        struct.error, TypeError, OverflowError
            If a value is no number or the step does not fit into 64 bits; nothing is written then.
        """
        with self._lock:
            kind, pack = self._kinds.get(keys) or self._declare(keys)
            body = pack(step, _time_ns() // 1000, _perf_counter() - self._start, epoch, *values)
            offset = self._offset
            frame = _pack_head(kind, crc32(body, (offset ^ kind) & 0xFFFF_FFFF)) + body
            end = offset + len(frame)
            if end <= self._room_end:
                base = self._base
                self._mapped[offset - base : end - base] = frame  # pyright: ignore[reportOptionalSubscript]
                self._offset = end
                self._dirty = True
            else:
                self._put(frame)

    def sync(self) -> None:
        """Push everything to the disk, the backlog first; what this call wrote survives a power cut."""
        if self._foreign:
            return
        with self._lock:
            if self._backlog:
                self._write_backlog()
            dirty, self._dirty = self._dirty, False
        if dirty:
            with suppress(OSError):
                os.fdatasync(self._descriptor)

    def close(self) -> None:
        """End the segment: mark it closed, cut the reserved rest, sync."""
        if self._foreign or self._descriptor < 0:
            return
        with self._lock:
            self._retry_at = 0.0
            body = b""
            self._put(HEAD.pack(CLOSE, checksum(body, self._offset, CLOSE)))
            written = self._offset - len(self._backlog)
            self._unmap()
            with suppress(OSError):
                os.ftruncate(self._descriptor, written)
                os.fdatasync(self._descriptor)
            os.close(self._descriptor)
            self._descriptor = -1

    def _declare(self, keys: tuple[str, ...]) -> tuple[int, Callable[..., bytes]]:
        """Write the names of a new key set, twice: one flipped bit must not cost every point."""
        for key in keys:
            check_name(key)
        kind = len(self._kinds) + 1
        names = json.dumps(keys).encode()
        body = struct.pack("<II", kind, len(names)) + names + bytes(-len(names) % 8)
        for _ in range(2):
            self._put(HEAD.pack(KEYS, checksum(body, self._offset, KEYS)) + body)
        plan = self._kinds[keys] = (kind, struct.Struct(MARK.format + "d" * len(keys)).pack)
        return plan

    def _put(self, frame: bytes) -> None:
        """Write a frame at the end, or keep it until there is space."""
        if self._foreign or self._descriptor < 0:
            return
        if self._backlog:
            self._write_backlog()
        if not self._backlog and self._write(self._offset, frame):
            self._offset += len(frame)
        elif len(self._backlog) + len(frame) <= self._limit:
            self._backlog += frame
            self._offset += len(frame)
            self._room_end = 0
        else:
            self.dropped += 1

    def _write_backlog(self) -> None:
        if time.monotonic() < self._retry_at:
            return
        if self._write(self._offset - len(self._backlog), bytes(self._backlog)):
            self._backlog.clear()
            self._room_end = self._end

    def _write(self, offset: int, content: bytes) -> bool:
        """Write into the mapping, reserving more of the file as needed; False when it is full."""
        while content:
            if self._can_map and offset >= self._end and not self._map(offset, len(content)):
                self._retry_at = time.monotonic() + _RETRY_S
                return False
            if self._mapped is None:
                return self._write_plainly(offset, content)
            part = content[: self._end - offset]
            self._mapped[offset - self._base : offset - self._base + len(part)] = part
            self._dirty = True
            offset += len(part)
            content = content[len(part) :]
        return True

    def _write_plainly(self, offset: int, content: bytes) -> bool:
        """Write with a system call, for file systems that cannot reserve or map."""
        try:
            written = os.pwrite(self._descriptor, content, offset)
        except OSError:
            written = 0
        self._dirty = True
        if written < len(content):
            self._retry_at = time.monotonic() + _RETRY_S
            return False
        return True

    def _map(self, offset: int, needed: int) -> bool:
        """Reserve and map the part of the file that starts at `offset`; False when the disk is full."""
        base = offset - offset % mmap.ALLOCATIONGRANULARITY
        length = max(self._next_chunk, offset - base + min(needed, _CHUNK))
        length += -length % mmap.ALLOCATIONGRANULARITY
        self._unmap()
        try:
            os.posix_fallocate(self._descriptor, base, length)
            self._mapped = mmap.mmap(self._descriptor, length, offset=base)
        except OSError as error:
            if error.errno in _NO_SPACE:
                return False
            self._can_map = False
            return True
        self._base, self._end, self._next_chunk = base, base + length, _CHUNK
        self._room_end = self._end
        return True

    def _unmap(self) -> None:
        if self._mapped is not None:
            self._mapped.close()
        self._mapped = None
        self._base = self._end = self._room_end = 0

    def _disown(self) -> None:
        """Stop writing: this process is a fork of the one that owns the segment."""
        self._foreign = True
        self._lock = threading.Lock()
        self._room_end = 0  # sends every append down the slow road, which refuses


_writers: "weakref.WeakSet[SegmentWriter]" = weakref.WeakSet()


def _disown_all() -> None:
    for writer in list(_writers):
        writer._disown()  # noqa: SLF001  # the same module


os.register_at_fork(after_in_child=_disown_all)
