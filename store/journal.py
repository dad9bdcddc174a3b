"""The journal: one append-only file of self-checking binary frames a segment.

A segment has one writer and is never reopened for writing; a resumed run opens the next one.

::

    header   64 bytes   magic, version, pid, time of creation, checksum
    frame     8 bytes   u32 kind, u32 checksum of the body, seeded with offset and kind
              body      a multiple of 8 bytes

    kind 1 ... 2**31    one `log()` call: i64 step, f64 seconds since the run's start, f64 epoch
                        (NaN: none), one f64 a metric of key set `kind`
    kind KEYS           declares a key set: u32 kind, u32 length, JSON list of metric names
    kind CLOCK          i64 microseconds since 1970 of the run's start, as the wall clock has it now
    kind CLOSE          the writer ended the segment on purpose

A frame is packed straight into a memory-mapped, reserved part of the file: no system call, and
what is in it survives the death of the process, because the page cache belongs to the kernel.
The checksum tells a whole frame from a torn one; seeding it with the offset makes a frame that
was copied or moved fail. Bytes that were never written are zero, and no frame starts with zero.
Points carry the monotonic clock alone, so that a wall clock that is set back disorders nothing.
"""

import json
import math
import os
import struct
import time
import weakref
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple
from zlib import crc32

from store.packing import MARK, Pack, packer
from store.reserve import Reserve
from store.turn import Turn

KEYS = 0xFFFF_FFFE
CLOCK = 0xFFFF_FFFD
CLOSE = 0xFFFF_FFFF
MAX_KEY_SET = 0x7FFF_FFFF
MAX_NAME = 200
MAGIC = b"BAKEJNL1"
VERSION = 1

HEADER = struct.Struct("<8sHHIqI36x")
HEAD = struct.Struct("<II")
INT64 = struct.Struct("<q")

_NAN = math.nan
_perf_counter = time.perf_counter
_sync_data = getattr(os, "fdatasync", os.fsync)
_CHECKSUM_AT = 24
_RETRY_S = 1.0
_CLOCK_DRIFT_US = 50_000

Trouble = Callable[[Any, Any, Any, Exception], None]
"""Called with the arguments of a `log()` that could not be written as they were, and why."""


def check_name(name: object) -> None:
    """Raise a TypeError if a metric cannot have this name."""
    if not isinstance(name, str) or not 0 < len(name) <= MAX_NAME:
        raise TypeError(f"Expected a name of 1 to {MAX_NAME} characters; got {name!r:.80}.")


def checksum(body: bytes | memoryview, offset: int, kind: int) -> int:
    """Return the checksum of a frame's body at `offset` of the file."""
    return crc32(body, offset ^ kind)


class _Plan(NamedTuple):
    """How calls with the same names are written."""

    kind: int
    pack: Pack
    place: Callable[..., None]
    """Writes kind, checksum and body into a buffer at a place, in one go."""
    size: int


class SegmentWriter:
    """The one writer of a segment.

    Nothing here raises for a full disk: frames wait in a bounded backlog and are written when
    there is space again. Threads may log at once. A forked child must not write, and does not.

    Parameters
    ----------
    path
        An existing empty file that belongs to this writer alone.
    start
        What `time.perf_counter` said at the run's start.
    last_step
        The step before the first one that is logged without a step.
    on_trouble
        What to do with a call that cannot be written; raises the reason by default.
    backlog_bytes
        How much may wait in memory while the disk is full; what exceeds it is dropped and counted.

    Attributes
    ----------
    last_step : int
        The step of the last call.
    dropped : int
        Frames that are lost because the backlog was full.
    """

    __slots__ = (
        "__weakref__",
        "_backlog",
        "_base",
        "_clock_us",
        "_descriptor",
        "_end",
        "_foreign",
        "_free",
        "_kind",
        "_limit",
        "_mapped",
        "_offset",
        "_on_trouble",
        "_pack",
        "_place",
        "_plans",
        "_reserve",
        "_retry_at",
        "_room_end",
        "_size",
        "_start",
        "_synced",
        "_turn",
        "_width",
        "dropped",
        "last_step",
        "path",
    )

    def __init__(
        self,
        path: Path,
        *,
        start: float = 0.0,
        last_step: int = -1,
        on_trouble: Trouble | None = None,
        backlog_bytes: int = 64 << 20,
    ) -> None:
        self.path = path
        self.dropped = 0
        self.last_step = last_step
        self._start = start
        self._on_trouble = on_trouble or _raise
        self._limit = backlog_bytes
        self._turn = Turn()
        self._free = self._turn.free
        self._plans: dict[tuple[str, ...], _Plan] = {}
        self._width = -1  # of the plan that the last call followed
        self._kind = self._size = 0
        self._pack: Pack = packer(())
        self._place: Callable[..., None] = HEAD.pack_into
        self._offset = self._synced = 0
        self._backlog = bytearray()
        self._retry_at = 0.0
        self._mapped: Any = None
        self._base = self._end = self._room_end = 0
        self._clock_us = 0
        self._foreign = False
        self._descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        self._reserve = Reserve(self._descriptor)
        _writers.add(self)
        header = bytearray(
            HEADER.pack(MAGIC, VERSION, HEADER.size, os.getpid(), time.time_ns() // 1000, 0)
        )
        struct.pack_into("<I", header, _CHECKSUM_AT, crc32(bytes(header)))
        self._put(bytes(header))
        self._set_clock()

    @property
    def waiting(self) -> int:
        """Bytes that wait for the disk to have space."""
        return len(self._backlog)

    def log(
        self, metrics: Mapping[str, Any], step: int | None = None, epoch: float | None = None
    ) -> None:
        """Write the values of some metrics at a step; see `store.Run.log`.

        This is the hot path: what is written out here instead of called, or looked up once
        instead of twice, is half of its cost.
        """
        try:
            try:
                del self._free[0]  # see `Turn`
            except IndexError:
                self._turn.wait()
            try:
                at = self.last_step + 1 if step is None else step
                if type(metrics) is not dict or len(metrics) != self._width:
                    metrics = self._follow(metrics)
                age = _perf_counter() - self._start
                epoch = _NAN if epoch is None else epoch
                try:
                    body = self._pack(metrics, at, age, epoch)
                except KeyError:
                    metrics = self._follow(metrics)
                    body = self._pack(metrics, at, age, epoch)
                kind, offset = self._kind, self._offset
                end = offset + self._size
                if end <= self._room_end:
                    check = crc32(body, offset ^ kind)
                    self._place(self._mapped, offset - self._base, kind, check, body)
                    self._offset = end
                else:
                    self._put_frame(kind, body)
                self.last_step = at
            finally:
                self._free.append(None)
        except Exception as error:  # noqa: BLE001  # nothing may reach the training loop
            self._on_trouble(metrics, step, epoch, error)

    def sync(self) -> None:
        """Push everything to the disk, the backlog first; it then survives a power cut."""
        if self._foreign:
            return
        with self._turn:
            self._set_clock()
            if self._backlog:
                self._write_backlog()
            is_dirty, self._synced = self._synced != self._offset, self._offset
        if is_dirty:
            with suppress(OSError):
                _sync_data(self._descriptor)

    def prepare(self) -> None:
        """Reserve what `log()` will soon need; for a thread in the background, every moment."""
        if self._foreign or self._descriptor < 0:
            return
        with self._turn:
            end = self._end
            is_due = self._mapped is not None and self._reserve.begin(self._offset, end)
        if is_due:
            self._reserve.prepare(end)

    def close(self) -> None:
        """End the segment: mark it closed, cut the reserved rest, sync."""
        if self._foreign or self._descriptor < 0:
            return
        with self._turn:
            self._reserve.wait()  # else it might write into whatever gets the descriptor next
            self._retry_at = 0.0
            self._put_frame(CLOSE, b"")
            written = self._offset - len(self._backlog)
            self._unmap()
            with suppress(OSError):
                os.ftruncate(self._descriptor, written)
                _sync_data(self._descriptor)
            os.close(self._descriptor)
            self._descriptor = -1

    def _set_clock(self) -> None:
        """Note when the run started by the wall clock, if that has changed."""
        clock_us = time.time_ns() // 1000 - int((_perf_counter() - self._start) * 1e6)
        if abs(clock_us - self._clock_us) > _CLOCK_DRIFT_US:
            self._clock_us = clock_us
            self._put_frame(CLOCK, INT64.pack(clock_us))

    def _follow(self, metrics: Mapping[str, Any]) -> dict[str, Any]:
        """Turn to the plan for these names, and return the metrics as a plain dict."""
        plain = metrics if type(metrics) is dict else dict(metrics.items())
        names = tuple(plain)
        plan = self._plans.get(names) or self._declare(names)
        self._kind, self._pack, self._place, self._size = (
            plan.kind,
            plan.pack,
            plan.place,
            plan.size,
        )
        self._width = len(names)
        return plain

    def _declare(self, names: tuple[str, ...]) -> _Plan:
        """Write the names of a new key set, twice: one flipped bit must not cost every point."""
        for name in names:
            check_name(name)
        kind = len(self._plans) + 1
        text = json.dumps(names).encode()
        body = struct.pack("<II", kind, len(text)) + text + bytes(-len(text) % 8)
        for _ in range(2):
            self._put_frame(KEYS, body)
        size = MARK.size + 8 * len(names)
        place = struct.Struct(f"{HEAD.format}{size}s").pack_into
        plan = _Plan(kind, packer(names), place, HEAD.size + size)
        self._plans[names] = plan
        return plan

    def _put_frame(self, kind: int, body: bytes) -> None:
        self._put(HEAD.pack(kind, checksum(body, self._offset, kind)) + body)

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
            if (
                self._reserve.can_map
                and offset >= self._end
                and not self._map(offset, len(content))
            ):
                self._retry_at = time.monotonic() + _RETRY_S
                return False
            if self._mapped is None:
                return self._write_plainly(offset, content)
            part = content[: self._end - offset]
            self._mapped[offset - self._base : offset - self._base + len(part)] = part
            offset += len(part)
            content = content[len(part) :]
        return True

    def _write_plainly(self, offset: int, content: bytes) -> bool:
        """Write with a system call, for file systems that cannot reserve or map."""
        try:
            written = os.pwrite(self._descriptor, content, offset)
        except OSError:
            written = 0
        if written < len(content):
            self._retry_at = time.monotonic() + _RETRY_S
            return False
        return True

    def _map(self, offset: int, needed: int) -> bool:
        """Reserve and map the file from `offset` on; False when the disk is full."""
        self._unmap()
        room = self._reserve.take(offset, needed)
        if room is None:
            return not self._reserve.can_map
        self._mapped, self._base, self._end = room
        self._room_end = self._end
        return True

    def _unmap(self) -> None:
        """Let go of the mapped part; a signal's exception leaves all of it or nothing."""
        mapped, self._mapped = self._mapped, None
        self._base = self._end = self._room_end = 0
        if mapped is not None:
            mapped.close()

    def _disown(self) -> None:
        """Stop writing: this process is a fork of the one that owns the segment."""
        self._foreign = True
        self._turn = Turn()
        self._free = self._turn.free
        self._room_end = 0  # sends every call down the slow road, which refuses


def _raise(_metrics: Any, _step: Any, _epoch: Any, error: Exception) -> None:
    raise error


_writers: "weakref.WeakSet[SegmentWriter]" = weakref.WeakSet()


def _disown_all() -> None:
    for writer in list(_writers):
        writer._disown()  # noqa: SLF001  # the same module


os.register_at_fork(after_in_child=_disown_all)
