import contextlib
import os
import signal
import struct
import sys
import tempfile
import threading
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
    """Return (key, step, bytes of the value) of every point, and the last position.

    Calls are in order; within a call the names are, for a call does not order its metrics.
    """
    found, position = [], Position()
    while True:
        blocks, after = read_segment(path, position, final=final, limit=limit)
        for block in blocks:
            found += [
                (key, int(step), value.tobytes())
                for step, row in zip(block.step, block.values, strict=True)
                for key, value in sorted(zip(block.keys, row, strict=True))
            ]
        if after == position:
            return found, position
        position = after


def expected(logged) -> list[tuple[str, int, bytes]]:
    return [
        (key, step, np.float64(value).tobytes())
        for metrics, step in logged
        for key, value in sorted(metrics.items())
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


def test_threads_log_at_once_and_no_call_is_lost_or_torn(tmp_path):
    writer, path = new_segment(tmp_path)
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)

    def work(number):
        for step in range(1_500):
            append(writer, {"step": float(step), f"thread{number % 2}": float(number)}, step)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    threads.append(threading.Thread(target=lambda: [writer.sync() for _ in range(40)]))
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(before)
    writer.close()
    found, position = read_all(path)

    assert position.closed
    assert position.damaged == 0
    assert sorted(step for key, step, _ in found if key == "step") == sorted([*range(1_500)] * 6)
    assert all(np.frombuffer(value)[0] == step for key, step, value in found if key == "step")


def test_an_exception_from_a_signal_leaves_the_journal_usable(tmp_path):
    """A handler that raises (Ctrl-C, Lightning's SIGTERM) may do so anywhere inside a call."""
    writer, path = new_segment(tmp_path)

    class StopError(Exception):
        pass

    def stop(_number, _frame):
        raise StopError

    before = signal.signal(signal.SIGALRM, stop)
    logged = 0
    try:
        for _ in range(60):
            with contextlib.suppress(StopError):
                signal.setitimer(signal.ITIMER_REAL, 2e-4 + 1e-6 * logged % 1e-3)
                while True:
                    append(writer, {"a": 1.0}, logged)
                    logged += 1
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    writer.close()
    found, position = read_all(path)

    assert position.closed
    assert position.damaged == 0
    assert {step for _, step, _ in found} >= set(range(logged))


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


def test_room_that_was_prepared_takes_up_where_the_last_ended(tmp_path):
    """A busy background thread and a writer never write over each other."""
    writer, path = new_segment(tmp_path)
    is_over = threading.Event()

    def prepare():
        while not is_over.is_set():
            writer.prepare()

    thread = threading.Thread(target=prepare)
    thread.start()
    for step in range(20_000):
        append(writer, {"a": 1.0, "b": 2.0, "c": float(step)}, step)
    is_over.set()
    thread.join()
    writer.close()
    found, position = read_all(path)

    assert position.closed
    assert position.damaged == 0
    assert [step for key, step, _ in found if key == "c"] == list(range(20_000))
    assert path.stat().st_size == position.offset
