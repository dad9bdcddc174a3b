"""Checks the checksums of many frames in one go, as a call of `zlib.crc32` for each is dear.

CRC-32 is linear: from the checksums that frames should have follows the one that all their
bodies have together, and that one `zlib` computes at two gigabytes a second.
"""

from functools import cache
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

Words = NDArray[np.uint32]
_ONES = 0xFFFF_FFFF
_BITS = np.uint32(1) << np.arange(32, dtype=np.uint32)


def all_match(bodies: NDArray[np.uint8], seeds: NDArray[np.int64], stored: Words) -> bool:
    """Whether ``crc32(body, seed) == stored`` for every row.

    One wrong frame is always noticed; several that are wrong at random pass once in 2**32 times.

    Parameters
    ----------
    bodies
        (n, k) contiguous bytes.
    seeds
        (n,) of which the lower 32 bits count.
    stored
        (n,) what the checksums should be.
    """
    count, size = bodies.shape
    start = ~seeds.astype(np.uint32)
    alone = ~stored ^ _apply(_advance(size, 0), start)  # of each body, from a register of zero
    together = ~np.uint32(crc32(bodies.data, _ONES))
    return bool(_fold(alone, size, (count - 1).bit_length()) == together)


def _fold(alone: Words, size: int, levels: int) -> np.uint32:
    """Return the register after all bodies, of which each has brought about one of `alone`."""
    register = np.concatenate([np.zeros((1 << levels) - len(alone), np.uint32), alone])
    for level in range(levels):
        register = _apply(_advance(size, level), register[0::2]) ^ register[1::2]
    return register[0]


def _apply(operator: Words, register: Words) -> Words:
    """Return an operator's effect on each register, a byte of it at a time."""
    parts = np.ascontiguousarray(register).view(np.uint8).reshape(-1, 4)
    found = operator[0][parts[:, 0]]
    for place in range(1, 4):
        found ^= operator[place][parts[:, place]]
    return found


@cache
def _advance(size: int, level: int) -> Words:
    """Return what ``size * 2**level`` zero bytes do to a register: (4, 256), by byte and place."""
    if level:
        half = _advance(size, level - 1)
        columns = _apply(half, _apply(half, _BITS))
    else:
        zeros = bytes(size)
        ends = [crc32(zeros, bit ^ _ONES) ^ _ONES for bit in _BITS.tolist()]
        columns = np.array(ends, dtype=np.uint32)
    operator = np.zeros((4, 256), np.uint32)
    for bit, column in enumerate(columns.tolist()):
        has_bit = (np.arange(256) >> bit % 8 & 1).astype(bool)
        operator[bit // 8][has_bit] ^= np.uint32(column)
    return operator
