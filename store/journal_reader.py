"""Reads journal segments, live or ended, whole or damaged."""

import json
import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from store.checksums import all_match
from store.journal import (
    CLOCK,
    CLOSE,
    HEAD,
    HEADER,
    INT64,
    KEYS,
    MAGIC,
    MARK,
    MAX_KEY_SET,
    VERSION,
    checksum,
)

POLL_BYTES = 1 << 20
"""How much of a segment one look reads, so that a busy run cannot hold up the others."""
_GLANCE_BYTES = 16 << 10
"""How much is read first: mostly all there is, as the rest of a segment was never written."""
_WORD = 8
_MANY = 500
"""From how many frames on checking all at once is cheaper than one by one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """Consecutive `log()` calls of one key set: n calls, k metrics."""

    keys: tuple[str, ...]
    step: NDArray[np.int64]
    """shape (n,)"""
    wall_us: NDArray[np.int64]
    """shape (n,), microseconds since 1970"""
    elapsed_s: NDArray[np.float64]
    """shape (n,), seconds since the run's start"""
    epoch: NDArray[np.float64]
    """shape (n,), NaN where none was given"""
    values: NDArray[np.float64]
    """shape (n, k)"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """How far a segment has been read.

    Attributes
    ----------
    offset : int
        The first byte that has not been consumed.
    key_sets : dict
        Metric names of each kind of frame seen so far.
    clock_us : int
        The run's start in microseconds since 1970, as the last clock frame has it.
    damaged : int
        Bytes that were skipped because their checksum failed.
    closed : bool
        The writer ended the segment on purpose: nothing will follow.
    """

    offset: int = 0
    key_sets: dict[int, tuple[str, ...]] = field(default_factory=dict)
    clock_us: int = 0
    damaged: int = 0
    closed: bool = False

    def vocabulary(self) -> str:
        """Return what later frames need of earlier ones, as JSON."""
        return json.dumps({"clock_us": self.clock_us, "key_sets": self.key_sets})

    @classmethod
    def restore(cls, *, offset: int, vocabulary: str, damaged: int, closed: bool) -> "Position":
        """Return a position that was written down."""
        known = json.loads(vocabulary)
        return cls(
            offset=offset,
            key_sets={int(kind): tuple(names) for kind, names in known["key_sets"].items()},
            clock_us=known["clock_us"],
            damaged=damaged,
            closed=closed,
        )


def read_segment(
    path: Path, position: Position, *, final: bool = False, limit: int = POLL_BYTES
) -> tuple[list[Block], Position]:
    """Return what was written after `position`, and the new position.

    Only whole, checked frames count. A frame that fails its check is not there yet while nothing
    valid follows it; once something does, it is damage, and is skipped and counted.

    Parameters
    ----------
    path
        The segment file.
    position
        Where the previous read ended; ``Position()`` for the start.
    final
        The writer is known to be dead: search behind unwritten parts too, as a power cut can
        leave a hole in front of what had reached the disk.
    limit
        Bytes to read at most, so that one busy run cannot hold up the others.
    """
    if position.closed:
        return [], position
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        offset = position.offset or _skip_header(os.pread(descriptor, HEADER.size, 0))
        if not offset:
            return [], position
        if final:
            limit = max(limit, os.fstat(descriptor).st_size)
        start = replace(position, offset=offset)
        scan = _scan(os.pread(descriptor, min(limit, _GLANCE_BYTES), offset), start)
        if len(scan.buffer) == _GLANCE_BYTES and not (scan.is_at_end or scan.closed):
            scan = _scan(os.pread(descriptor, limit, offset), start)
        buffer = scan.buffer
        if scan.position.offset == offset and len(buffer) == limit:
            return read_segment(path, position, final=final, limit=8 * limit)
        if scan.is_at_end and not final:
            return scan.blocks, scan.position
        if scan.is_stuck and (end := _resynchronise(scan, descriptor, limit, final=final)):
            skipped = end - scan.position.offset
            behind = replace(scan.position, offset=end, damaged=scan.position.damaged + skipped)
            more, behind = read_segment(path, behind, final=final, limit=limit)
            return scan.blocks + more, behind
        return scan.blocks, scan.position
    finally:
        os.close(descriptor)


def has_news(path: Path, position: Position) -> bool:
    """Whether anything was written behind `position`: the cheap question before `read_segment`."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return any(os.pread(descriptor, HEAD.size, position.offset))
    finally:
        os.close(descriptor)


def read_ended(path: Path) -> Iterator[tuple[list[Block], Position]]:
    """Yield what a segment without a living writer holds, a part at a time, with the position."""
    position = Position()
    while True:
        blocks, after = read_segment(path, position, final=True)
        yield blocks, after
        if after == position:
            return
        position = after


def _skip_header(header: bytes) -> int:
    """Return where the frames start, or 0 when the header is not there yet."""
    if len(header) < HEADER.size or header[: len(MAGIC)] != MAGIC:
        return 0
    _, version, size, *_ = HEADER.unpack(header)
    return size if version == VERSION else 0


def _scan(buffer: bytes, position: Position) -> "_Scan":
    """Decode what stands at a position."""
    scan = _Scan(buffer, position.offset, position)
    scan.run()
    return scan


class _Scan:
    """Decodes a buffer of frames until its end or the first frame that fails its check."""

    def __init__(self, buffer: bytes, base: int, position: Position) -> None:
        self.buffer = buffer
        self.view = memoryview(buffer)
        self.base = base
        self.position = position
        self.key_sets = dict(position.key_sets)
        self.clock_us = position.clock_us
        self.closed = False
        self.blocks: list[Block] = []
        self.is_stuck = False
        self.is_at_end = False
        """What follows was never written."""

    def run(self) -> None:
        """Decode as far as frames are whole."""
        at = 0
        while not self.closed and at + HEAD.size <= len(self.buffer):
            kind, _ = HEAD.unpack_from(self.buffer, at)
            taken = self._take(at, kind)
            if not taken:
                self.is_at_end = kind == 0
                self.is_stuck = not self._is_cut(at, kind)
                break
            at += taken
        self.position = replace(
            self.position,
            offset=self.base + at,
            key_sets=self.key_sets,
            clock_us=self.clock_us,
            closed=self.closed,
        )

    def _take(self, at: int, kind: int) -> int:
        """Decode what starts here; return the bytes that it covers, 0 if it is not whole."""
        if kind == CLOSE and self._is_whole(at, 0):
            self.closed = True
            return HEAD.size
        if kind == CLOCK and self._is_whole(at, INT64.size):
            (self.clock_us,) = INT64.unpack_from(self.buffer, at + HEAD.size)
            return HEAD.size + INT64.size
        if kind == KEYS:
            return self._take_keys(at)
        return self._take_points(at, kind) if kind in self.key_sets else 0

    def is_frame(self, kind: int) -> bool:
        """Whether a whole frame of `kind` starts the buffer."""
        if kind == KEYS:
            return self._take_keys(0) > 0
        if kind in {CLOSE, CLOCK}:
            return self._is_whole(0, INT64.size if kind == CLOCK else 0)
        return kind <= MAX_KEY_SET and self._is_whole(0, self._size(kind))

    def _size(self, kind: int) -> int:
        return MARK.size + _WORD * len(self.key_sets[kind]) if kind in self.key_sets else 0

    def _is_whole(self, at: int, size: int) -> bool:
        kind, stored = HEAD.unpack_from(self.buffer, at)
        body = self.view[at + HEAD.size : at + HEAD.size + size]
        return len(body) == size and checksum(body, self.base + at, kind) == stored

    def _is_cut(self, at: int, kind: int) -> bool:
        """Whether the frame only reaches beyond what was read, so that the next read gets it."""
        return at > 0 and at + HEAD.size + self._size(kind) > len(self.buffer)

    def _take_keys(self, at: int) -> int:
        if at + HEAD.size + 8 > len(self.buffer):
            return 0
        kind, length = struct.unpack_from("<II", self.buffer, at + HEAD.size)
        size = 8 + length + -length % _WORD
        if not self._is_whole(at, size):
            return 0
        start = at + HEAD.size + 8
        self.key_sets[kind] = tuple(json.loads(self.buffer[start : start + length]))
        return HEAD.size + size

    def _take_points(self, at: int, kind: int) -> int:
        """Decode the run of equal frames that starts here; return the bytes that it covers."""
        keys, size = self.key_sets[kind], self._size(kind)
        stride = HEAD.size + size
        count = (len(self.buffer) - at) // stride
        if not count:
            return 0
        frames = np.frombuffer(self.buffer, np.uint8, count * stride, at).reshape(count, stride)
        heads = np.ascontiguousarray(frames[:, :8]).view("<u4")
        count = _leading(heads[:, 0] == kind)
        bodies = np.ascontiguousarray(frames[:count, HEAD.size :])
        offsets = self.base + at + stride * np.arange(count)
        count = _whole(bodies, offsets ^ kind, heads[:count, 1])
        if count:
            words = bodies[:count]
            whole, real = words.view("<i8"), words.view("<f8")
            self.blocks.append(
                Block(
                    keys=keys,
                    step=whole[:, 0],
                    wall_us=self.clock_us + (real[:, 1] * 1e6).astype(np.int64),
                    elapsed_s=real[:, 1],
                    epoch=real[:, 2],
                    values=real[:, 3:],
                )
            )
        return count * stride


def _leading(flags: NDArray[np.bool_]) -> int:
    """Return how many entries are true before the first false one."""
    return len(flags) if flags.all() else int(flags.argmin())


def _whole(bodies: NDArray[np.uint8], seeds: NDArray[np.int64], stored: NDArray[np.uint32]) -> int:
    """Return how many bodies have the checksum that they should, before the first that has not."""
    if len(bodies) >= _MANY and all_match(bodies, seeds, stored):
        return len(bodies)
    rows = zip(bodies, seeds.tolist(), stored.tolist(), strict=True)
    for index, (body, seed, expected) in enumerate(rows):
        if crc32(body.data, seed) != expected:  # `checksum`
            return index
    return len(bodies)


def _resynchronise(scan: _Scan, descriptor: int, limit: int, *, final: bool) -> int:
    """Return the offset of the next valid frame behind a frame that fails its check, or 0.

    The bytes are read again first: what looked torn may have been in the middle of being written
    during the first read. Frames are written in order, so what still fails in front of a valid
    frame is damaged for good.
    """
    stuck = scan.position.offset
    found = _find_frame(os.pread(descriptor, limit, stuck), stuck, scan.position, final=final)
    if found <= stuck:
        return 0
    again = _Scan(os.pread(descriptor, found - stuck, stuck), stuck, scan.position)
    again.run()
    return found if again.position.offset == stuck else 0


def _find_frame(buffer: bytes, base: int, position: Position, *, final: bool) -> int:
    """Return the offset of the first valid frame of `buffer`, or 0."""
    words = np.frombuffer(buffer, "<u4", len(buffer) // _WORD * 2).reshape(-1, 2)
    kinds = words[:, 0]
    if len(kinds) and kinds[0] == 0 and not final:
        return 0
    known = np.array([KEYS, CLOCK, CLOSE, *position.key_sets], dtype=np.uint32)
    for index in np.flatnonzero(np.isin(kinds, known)).tolist():
        start = index * _WORD
        probe = _Scan(buffer[start:], base + start, position)
        if probe.is_frame(int(kinds[index])):
            return base + start
    return 0
