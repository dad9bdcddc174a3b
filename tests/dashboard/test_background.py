"""What a page started: what it said, and that nothing of it stays behind."""

import re
import sys
import time

import psutil
import pytest

from dashboard.background import Work
from experiments import processes


@pytest.fixture
def started(tmp_path):
    def start(code):
        log = tmp_path / "work" / "work.log"
        log.parent.mkdir()
        return Work(process=processes.start([sys.executable, "-c", code], output=log), log=log)

    return start


def test_what_ended_well_is_remembered_and_its_log_goes(started):
    work = started("print('one'); print(' two ')")
    work.process.wait()

    assert work.said() == ["one", "two"]
    assert not work.log.parent.exists()
    assert work.said() == ["one", "two"]


def test_what_failed_keeps_its_log_until_it_is_closed(started):
    work = started("print('why'); raise SystemExit(1)")
    work.process.wait()

    assert work.said() == work.said() == ["why"]
    assert work.log.exists()
    work.clean()
    assert work.said() == []
    assert not work.log.parent.exists()


def test_what_is_cancelled_ends_with_all_that_it_started(started):
    child = "import subprocess; subprocess.run(['sleep', '60'])"
    work = started(child)
    while not (children := psutil.Process(work.process.pid).children()):
        time.sleep(0.02)

    work.cancel()
    while not work.is_done:
        time.sleep(0.02)
    psutil.wait_procs(children, timeout=20)

    assert work.is_cancelled
    assert not work.succeeded
    assert not any(one.is_running() for one in children)


def test_the_second_one_knows_how_long_it_takes(started):
    first = started("import time; time.sleep(1.5)")
    assert "left" not in first.time()
    first.process.wait()
    first.said()

    second = started("pass")

    assert re.fullmatch(r"\d+ ms so far, about 1\.\d s left", second.time())
    second.process.wait()
