import os
import struct
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from store.journal import HEADER, SegmentWriter
from store.journal_reader import Position, read_segment

calls = st.lists(
    st.tuples(
        st.dictionaries(st.sampled_from(["a", "b", "val/c", "ü"]), st.floats(), min_size=1),
        st.integers(-(2**63), 2**63 - 1),
    ),
    max_size=60,
)


def new_segment(folder: Path) -> tuple[SegmentWriter, Path]:
    path = folder / "points-0-0001.bin"
    path.touch()
    return SegmentWriter(path), path


def append(writer: SegmentWriter, metrics: dict[str, float], step: int) -> None:
    writer.log(metrics, step)


def read_all(path: Path, *, final: bool = False, limit: int = 1 << 20):
    """Return (key, step, bytes of the value) of every point, and the last position."""
    found, position = [], Position()
    while True:
        blocks, after = read_segment(path, position, final=final, limit=limit)
        for block in blocks:
            found += [
                (key, int(step), value.tobytes())
                for step, row in zip(block.step, block.values, strict=True)
                for key, value in zip(block.keys, row, strict=True)
            ]
        if after == position:
            return found, position
        position = after


def expected(logged) -> list[tuple[str, int, bytes]]:
    return [
        (key, step, np.float64(value).tobytes())
        for metrics, step in logged
        for key, value in metrics.items()
    ]


@given(calls, st.integers(64, 4096))
def test_every_logged_point_is_read_back_bit_for_bit(logged, limit):
    with tempfile.TemporaryDirectory() as folder:
        writer, path = new_segment(Path(folder))
        for metrics, step in logged:
            append(writer, metrics, step)
        live, _ = read_all(path, limit=limit)
        writer.close()
        closed, position = read_all(path, limit=limit)

    assert live == closed == expected(logged)
    assert position.closed
    assert position.damaged == 0


@given(calls, st.data())
def test_a_cut_segment_gives_back_a_prefix(logged, data):
    with tempfile.TemporaryDirectory() as folder:
        writer, path = new_segment(Path(folder))
        for metrics, step in logged:
            append(writer, metrics, step)
        writer.close()
        whole = path.read_bytes()
        path.write_bytes(whole[: data.draw(st.integers(0, len(whole)))])
        found, _ = read_all(path, final=True)

    everything = expected(logged)
    assert found == everything[: len(found)]


@given(calls.filter(bool), st.data())
def test_a_flipped_bit_costs_one_call_and_is_counted(logged, data):
    with tempfile.TemporaryDirectory() as folder:
        writer, path = new_segment(Path(folder))
        for metrics, step in logged:
            append(writer, metrics, step)
        writer.close()
        content = bytearray(path.read_bytes())
        where = data.draw(st.integers(HEADER.size, len(content) - 1))
        content[where] ^= 1 << data.draw(st.integers(0, 7))
        path.write_bytes(content)
        found, position = read_all(path, final=True)

    everything = expected(logged)
    widest = max(len(metrics) for metrics, _ in logged)
    assert len(found) >= len(everything) - widest
    assert all(point in everything for point in found)
    if len(found) < len(everything):
        assert position.damaged > 0 or not position.closed


def test_a_hole_left_by_a_power_cut_does_not_hide_what_follows(tmp_path):
    writer, path = new_segment(tmp_path)
    for step in range(2_000):
        append(writer, {"loss": float(step)}, step)
    writer.close()
    content = bytearray(path.read_bytes())
    content[8_192:16_384] = bytes(8_192)
    path.write_bytes(content)

    found, position = read_all(path, final=True)

    assert position.closed
    assert 8_192 <= position.damaged <= 8_192 + 128
    assert found[-1][1] == 1_999


def test_reading_while_writing_never_sees_a_torn_point(tmp_path):
    writer, path = new_segment(tmp_path)
    position, seen = Position(), 0
    for step in range(30_000):
        append(writer, {"a": float(step), "b": -float(step)}, step)
        if step % 500 == 0:
            blocks, position = read_segment(path, position)
            for block in blocks:
                assert np.array_equal(block.values[:, 0], block.step.astype(float))
                seen += len(block.step)
            assert seen == step + 1

    assert position.damaged == 0


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")  # from Python 3.12 on
def test_a_forked_child_does_not_write(tmp_path):
    writer, path = new_segment(tmp_path)
    append(writer, {"a": 1.0}, 0)
    child = os.fork()
    if child == 0:
        append(writer, {"a": 2.0}, 1)
        writer.close()
        os._exit(0)
    os.waitpid(child, 0)
    append(writer, {"a": 3.0}, 2)
    writer.close()

    found, position = read_all(path)

    assert [step for _, step, _ in found] == [0, 2]
    assert position.closed


def test_a_step_beyond_64_bits_is_refused_and_nothing_is_written(tmp_path):
    writer, path = new_segment(tmp_path)
    append(writer, {"a": 1.0}, 0)
    with pytest.raises(struct.error):
        append(writer, {"a": 1.0}, 2**63)
    append(writer, {"a": 2.0}, 1)

    found, _ = read_all(path)

    assert [step for _, step, _ in found] == [0, 1]


def test_a_system_that_cannot_reserve_space_writes_with_calls(tmp_path, monkeypatch):
    monkeypatch.delattr(os, "posix_fallocate")
    writer, path = new_segment(tmp_path)
    for step in range(1_000):
        append(writer, {"a": float(step)}, step)
    live, _ = read_all(path)
    writer.close()

    assert [step for _, step, _ in live] == list(range(1_000))
    assert read_all(path)[0] == live
