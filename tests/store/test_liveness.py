import os
import subprocess
import sys
import time

import pytest

from store.liveness import Status, describe_process, infer, last_beat, start_ticks, touch

NOW = 1_800_000_000.0


def test_a_living_process_that_beats_is_running():
    assert infer(describe_process(), NOW - 10, NOW) is Status.RUNNING


def test_silence_is_lost_but_only_where_a_beat_was_promised():
    assert infer(describe_process(), NOW - 61, NOW) is Status.LOST
    assert infer(describe_process(), None, NOW) is Status.LOST
    assert infer(describe_process(beats=False), NOW - 3_600, NOW) is Status.RUNNING


def test_a_process_that_is_gone_has_crashed_however_fresh_its_beat():
    child = subprocess.Popen([sys.executable, "-c", "pass"])
    known = {**describe_process(), "pid": child.pid, "started_ticks": start_ticks(child.pid)}
    child.wait()

    assert infer(known, NOW, NOW) is Status.CRASHED


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")  # from Python 3.12 on
def test_a_zombie_is_gone():
    child = os.fork()
    if child == 0:
        os._exit(0)
    deadline = time.monotonic() + 5
    while start_ticks(child) is not None and time.monotonic() < deadline:
        time.sleep(0.01)
    ticks = start_ticks(child)
    os.waitpid(child, 0)

    assert ticks is None


@pytest.mark.parametrize("change", [{"started_ticks": 1}, {"boot_id": "another boot"}])
def test_another_process_under_the_same_number_is_not_the_run(change):
    assert infer({**describe_process(), **change}, NOW, NOW) is Status.CRASHED


def test_another_machine_is_judged_by_its_beat_alone():
    elsewhere = {**describe_process(), "host": "another machine", "pid": 1}

    assert infer(elsewhere, NOW - 10, NOW) is Status.RUNNING
    assert infer(elsewhere, NOW - 61, NOW) is Status.LOST


def test_a_clock_that_was_set_back_does_not_make_a_beat_of_the_future(tmp_path):
    beat = tmp_path / "heartbeat"
    assert last_beat(beat) is None
    touch(beat)
    os.utime(beat, (time.time() + 3_600, time.time() + 3_600))

    found = last_beat(beat)

    assert found is not None
    assert found <= time.time()
