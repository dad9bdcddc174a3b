"""What the world does to a store: clocks that go back, folders that are read-only, rivals."""

import os
import subprocess
import sys
import time

import pytest

import store
from experiments.cli import main
from store.layout import Home
from store.testing import make_run

HOUR_NS = 3_600_000_000_000

RIVAL = """
import sys, time
from store.errors import StoreBusyError
from store.layout import Home
from store.owner import Owner
deadline, wins = time.monotonic() + 60, 0
while wins < 4 and time.monotonic() < deadline:
    try:
        owner = Owner(Home.locate(None))
    except StoreBusyError:
        time.sleep(0.005)
        continue
    with open(sys.argv[1], "a") as log:
        print("in", file=log, flush=True)
        owner.refresh()
        print("out", file=log, flush=True)
    owner.close()
    wins += 1
    time.sleep(0.01)
print(wins)
"""


@pytest.mark.slow
@pytest.mark.exhaustive
def test_of_rivals_one_at_a_time_owns_the_store_and_each_gets_its_turn(home, tmp_path):
    run_id = make_run(home, metrics={"x": [1.0, 2.0]})
    log = tmp_path / "log"
    rivals = [
        subprocess.Popen([sys.executable, "-c", RIVAL, str(log)], stdout=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    wins = [rival.communicate(timeout=120)[0].strip() for rival in rivals]

    assert wins == ["4"] * 4
    assert log.read_text().split() == ["in", "out"] * 16
    with store.open(home) as opened:
        assert opened.points("x", [run_id])["value"].to_pylist() == [1.0, 2.0]


def test_an_owner_lets_go_though_a_fork_of_it_lives(home):
    opened = store.open(home)
    opened.runs()
    pid = os.fork()
    if pid == 0:
        time.sleep(60)
        os._exit(0)
    try:
        opened.close()
        with store.open(home) as again:
            assert again.runs().num_rows == 0
    finally:
        os.kill(pid, 9)
        os.waitpid(pid, 0)


def test_a_clock_that_goes_back_disorders_nothing(home, monkeypatch):
    set_back = 0
    now_ns = time.time_ns
    monkeypatch.setattr("time.time_ns", lambda: now_ns() - set_back)
    monkeypatch.setattr("time.time", lambda: (now_ns() - set_back) / 1e9)
    with store.init("p", capture=False, monitor=False) as run:
        for step in range(100):
            run.log({"x": float(step)}, step=step)
            if step == 50:
                set_back = HOUR_NS
                run._writer.sync()
    with store.init("p", id=run.id, resume="must", capture=False, monitor=False) as run:
        run.log({"x": 100.0})
    with store.open(home) as opened:
        points = opened.points("x", [run.id])
        elapsed = points["elapsed"].to_pylist()
        curve = opened.curves("x", [run.id], x="elapsed")["value"].to_pylist()
        row = opened.runs().to_pylist()[0]

    assert points["value"].to_pylist() == [float(step) for step in range(101)]
    assert elapsed[:100] == sorted(elapsed[:100])
    assert sorted(curve) == [float(step) for step in range(101)]
    assert row["status"] == "finished"
    assert row["duration_s"] >= 0


@pytest.fixture
def read_only(tmp_path):
    """A store in a folder that nobody may write: not even root, for whom it is mounted so."""
    folder = tmp_path / "archive"
    folder.mkdir()
    is_root = os.geteuid() == 0
    mount = ["mount", "-t", "tmpfs", "tmpfs", str(folder)]
    if is_root and subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("nothing can be mounted here")
    place = folder / "home"
    make_run(place, metrics={"x": [1.0]}, id="kept")
    with store.open(place):
        pass
    if is_root:
        subprocess.run(["mount", "-o", "remount,ro", str(folder)], check=True)
    else:
        place.chmod(0o555)
        (place / "runs").chmod(0o555)
    yield place
    if is_root:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)
    else:
        place.chmod(0o755)
        (place / "runs").chmod(0o755)


def test_a_read_only_store_is_refused_in_a_sentence_and_left_alone(read_only, capsys):
    before = {path: path.stat().st_mtime_ns for path in read_only.rglob("*")}
    for attempt in (
        lambda: store.init("p", home=read_only),
        lambda: store.open(read_only),
        lambda: store.ensure_hub(read_only),
    ):
        with pytest.raises(store.HomeNotWritableError, match="Expected a folder that can be"):
            attempt()
    for command in (["ls"], ["doctor"], ["gc"]):
        assert main([*command, "--home", str(read_only)]) == 1
    said = capsys.readouterr().err.splitlines()

    assert len(said) == 3
    assert all(line.startswith("bakeoff: Expected a folder that can be written") for line in said)
    assert {path: path.stat().st_mtime_ns for path in read_only.rglob("*")} == before
    assert Home(read_only).run("kept").header.exists()
