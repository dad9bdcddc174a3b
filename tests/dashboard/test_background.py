"""What a page started: what it said, and that nothing of it stays behind."""

import subprocess
import sys

import pytest

from dashboard.background import Work


@pytest.fixture
def started(tmp_path):
    def start(code):
        log = tmp_path / "work" / "work.log"
        log.parent.mkdir()
        with log.open("wb") as out:
            process = subprocess.Popen([sys.executable, "-c", code], stdout=out)
        return Work(process=process, log=log)

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
