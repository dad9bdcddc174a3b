"""Kills an owner at line after line of what it does to a store; the next one must find all of it.

A process that has imported everything forks for each line: the child opens a copy of the store,
and is killed with SIGKILL when it gets to that line. A second child then looks at what is left.
"""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from store.layout import Home
from store.owner import Owner
from store.testing import make_run

DELETION = ("trash.py", "keeping.py")
DISK = ("shrinking.py",)
OWNER = ("batch.py", "sealing.py", "ingest.py", "waiting.py", "storing.py", "point_writer.py")


def open_owner(home):
    owner = Owner(Home.locate(home))
    owner.drain()
    return owner


def contents(home):
    """Every point and the status of each run, in the store or in its trash."""
    owner = open_owner(home)
    found = {}
    for place in ("runs", "trash"):
        folder = home / place
        ids = [path.name for path in folder.iterdir()] if folder.exists() else []
        if place == "trash" and ids:
            owner.act("restore", run_ids=ids)
        for run_id in ids:
            points = owner.ask("points", metric="x", run_ids=[run_id])["value"].to_pylist()
            found[run_id] = (points, [row["n"] for row in series(owner, run_id)])
    shown = sorted(owner.ask("points_of_runs")["run_id"].to_pylist())
    owner.close()
    assert shown == sorted(found)
    return found


def series(owner, run_id):
    return owner.ask("series", run_ids=[run_id], project=None).to_pylist()


def in_child(work):
    """Run something in a fork; return how it ended."""
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            work()
            code = 0
        except BaseException as error:  # noqa: BLE001  # the parent has to hear of it
            os.write(2, f"{type(error).__name__}: {error}\n".encode())
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def die_at(line, files):
    """Kill this process when it gets to the given line of these files, counted as they run."""
    left = line

    def trace(frame, event, _argument):
        nonlocal left
        if Path(frame.f_code.co_filename).name not in files:
            return None
        if event == "line":
            left -= 1
            if left < 0:
                os.kill(os.getpid(), signal.SIGKILL)
        return trace

    sys.settrace(trace)


def kill_everywhere(template, work, files, stride):
    """Kill `work` at every `stride`-th line; return how often, checking what is left each time."""
    scratch = template.with_name("scratch")
    expected = json.loads(json.dumps(contents(template)))
    line, kills = 0, 0
    while True:
        shutil.rmtree(scratch, ignore_errors=True)
        shutil.copytree(template, scratch)

        def act(line=line):
            die_at(line, files)
            work(scratch)

        def check():
            assert json.loads(json.dumps(contents(scratch))) == expected

        ended = in_child(act)
        assert in_child(check) == 0, f"after a kill at line {line}"
        if ended == 0:
            return kills
        assert ended == -signal.SIGKILL
        kills += 1
        line += stride


@pytest.fixture
def template(tmp_path):
    """A store whose owner has seen two runs, one of them sealed."""
    place = tmp_path / "template"
    runs = [make_run(place, metrics={"x": [1.0, 2.0, 3.0]}, id=name) for name in ("a", "b")]
    assert runs == ["a", "b"]
    owner = open_owner(place)
    owner.refresh()
    owner.seal_one()
    owner.close()
    return place


def strides(quick, slow=1):
    """One line in `slow` when there are minutes, one in `quick` when there are not."""
    return pytest.mark.parametrize(
        "stride",
        [
            pytest.param(quick, marks=pytest.mark.slow),
            pytest.param(slow, marks=pytest.mark.exhaustive),
        ],
    )


@strides(41)
def test_a_kill_while_runs_go_to_the_trash_and_back_loses_nothing(template, stride):
    def work(home):
        owner = open_owner(home)
        owner.act("trash", run_ids=["a", "b"])
        owner.act("restore", run_ids=["b"])

    assert kill_everywhere(template, work, DELETION, stride) * stride > 60


@strides(31)
def test_a_kill_while_the_database_shrinks_loses_nothing(template, stride):
    def work(home):
        open_owner(home).shrink()

    assert kill_everywhere(template, work, DISK, stride) * stride > 40


def test_what_a_killed_shrink_left_is_removed(template):
    copy = template / "store.duckdb.new"
    copy.write_bytes(b"half a copy")
    open_owner(template).close()

    assert not copy.exists()


@strides(193, slow=3)  # every single line takes twenty minutes
def test_a_kill_while_runs_are_taken_in_sorted_and_sealed_loses_nothing(
    template, stride, monkeypatch
):
    make_run(template, metrics={"x": [4.0, 5.0]}, id="c")
    monkeypatch.setattr("store.ingest.HOT_POINTS", 1)

    def work(home):
        (home / "store.duckdb").unlink()
        owner = open_owner(home)
        owner.refresh()
        while owner.seal_one():
            pass

    assert kill_everywhere(template, work, OWNER, stride) * stride > 300


def test_a_kill_during_the_emptying_of_the_trash_is_finished_by_the_next_owner(template):
    owner = open_owner(template)
    owner.act("trash", run_ids=["a"])
    owner.close()
    (template / "trash" / "a").rename(template / "trash" / ".a.going")
    open_owner(template).close()

    assert list((template / "trash").iterdir()) == []


@pytest.mark.exhaustive
def test_an_owner_killed_at_any_moment_of_a_shrink_keeps_every_point(template):
    for name in "cdef":
        make_run(template, metrics={"x": [float(step) for step in range(20_000)]}, id=name)
    expected = contents(template)
    shrinking = """
import sys
from store.layout import Home
from store.owner import Owner
owner = Owner(Home.locate(sys.argv[1]))
print("open", flush=True)
while True:
    owner.shrink()
"""
    chance = random.Random(5)
    for _ in range(3):
        command = [sys.executable, "-c", shrinking, str(template)]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as owner:
            assert owner.stdout is not None
            assert owner.stdout.readline() == b"open\n"
            time.sleep(chance.random() * 0.6)
            owner.kill()

    assert contents(template) == expected
