from zlib import crc32

import numpy as np
import pytest

from store.checksums import all_match


def frames(count, size):
    chance = np.random.default_rng(count)
    bodies = chance.integers(0, 256, (count, size), dtype=np.uint8)
    seeds = chance.integers(0, 2**45, count)
    stored = [
        crc32(body.tobytes(), seed) for body, seed in zip(bodies, seeds.tolist(), strict=True)
    ]
    return bodies, seeds, np.array(stored, dtype=np.uint32)


@pytest.mark.parametrize(("count", "size"), [(1, 24), (2, 32), (3, 56), (64, 24), (1000, 824)])
def test_whole_frames_match_as_zlib_says(count, size):
    assert all_match(*frames(count, size))


def test_every_single_flipped_bit_is_noticed():
    bodies, seeds, stored = frames(5, 24)
    flat = bodies.reshape(-1)
    for bit in range(len(flat) * 8):
        flat[bit // 8] ^= 1 << bit % 8
        assert not all_match(bodies, seeds, stored)
        flat[bit // 8] ^= 1 << bit % 8
    for bit in range(32 * len(stored)):
        stored[bit // 32] ^= np.uint32(1 << bit % 32)
        assert not all_match(bodies, seeds, stored)
        stored[bit // 32] ^= np.uint32(1 << bit % 32)
    assert all_match(bodies, seeds, stored)


def test_frames_that_changed_places_are_noticed():
    bodies, seeds, stored = frames(9, 32)
    swapped = [0, 1, 6, 3, 4, 5, 2, 7, 8]
    assert not all_match(bodies[swapped], seeds, stored[swapped])
    assert not all_match(bodies, seeds[::-1], stored)
    assert not all_match(np.repeat(bodies[:1], 9, axis=0), seeds, np.repeat(stored[:1], 9))
