"""Trainings in several processes: rank 0 is the run, the others have their own channel of it."""

import json
import os
import subprocess
import sys
import time

import pytest

import store
from store.layout import Home
from store.owner import Owner

RANK = """
import select, sys, store
run = store.init("p", capture=False)
run.alert("hello from a rank")
run.summary["rank"] = 1
step = 0
print("logging", flush=True)
while not select.select([sys.stdin], [], [], 0.002)[0]:
    run.log({"train/loss": float(step)}, step=step)
    step += 1
run.finish()
print(step, flush=True)
"""


class Rank:
    """One process of a training, as a launcher of torch starts it."""

    def __init__(self, rank, variable="RANK"):
        env = {**os.environ, variable: str(rank), "BAKEOFF_RUN_ID": "shared"}
        self.process = subprocess.Popen(
            [sys.executable, "-c", RANK],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=env,
        )

    def wait_until_it_logs(self):
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == "logging\n"

    def end(self):
        """Let it come to its end; return how many steps it logged."""
        said, _ = self.process.communicate("end\n", timeout=30)
        assert self.process.returncode == 0
        return int(said)

    def kill(self):
        self.process.kill()
        self.process.communicate()


@pytest.fixture
def start():
    started = []

    def start(rank, **options):
        started.append(Rank(rank, **options))
        return started[-1]

    yield start
    for rank in started:
        rank.kill()


def look(owner):
    owner.drain()
    while owner.seal_one():
        pass


def steps(owner, metric):
    return owner.ask("points", metric=metric, run_ids=["shared"])["step"].to_pylist()


def test_each_rank_has_its_channel_and_rank_0_alone_speaks_for_the_run(home, start):
    other = start(1, variable="LOCAL_RANK")  # it waits for rank 0
    third = start(2)
    first = start(0)
    for rank in (first, other, third):
        rank.wait_until_it_logs()
    time.sleep(0.2)
    third.kill()
    owner = Owner(Home.locate(home))
    counts = {"train/loss": first.end()}
    look(owner)  # the run has ended, rank 1 goes on
    look(owner)
    look(owner)
    assert not (home / "runs" / "shared" / "points.parquet").exists()
    counts["rank1/train/loss"] = other.end()
    look(owner)
    look(owner)
    look(owner)
    found = {metric: steps(owner, metric) for metric in counts}
    killed = steps(owner, "rank2/train/loss")
    events = (home / "runs" / "shared" / "events.jsonl").read_text().splitlines()
    kinds = [json.loads(line)["kind"] for line in events]
    status = owner.ask("run", run_id="shared")
    owner.close()

    assert found == {metric: list(range(count)) for metric, count in counts.items()}
    assert killed == list(range(len(killed)))
    assert len(killed) > 10
    assert kinds.count("status") == 2
    assert kinds.count("alert") == 1
    assert json.loads(status["record"][0].as_py())["status"] == "finished"
    assert (home / "runs" / "shared" / "points.parquet").exists()
    assert not list((home / "runs" / "shared").glob("points-*.bin"))


def test_a_rank_without_a_runs_id_goes_on_and_says_once_what_is_missing(home, caplog):
    with store.init("p", rank=3, capture=False, monitor=False) as run:
        run.log({"x": 1.0})

    assert "BAKEOFF_RUN_ID" in caplog.text
    with store.open(home) as opened:
        assert opened.runs().num_rows == 0


def test_a_rank_that_goes_on_numbers_its_steps_from_where_it_was(home):
    for _ in range(2):
        with (
            store.init("p", id="r", resume="allow", rank=0, capture=False, monitor=False) as run,
            store.init("p", id="r", rank=1) as other,
        ):
            run.log({"x": 1.0})
            run.log({"x": 1.0})
            other.log({"x": 2.0})
    with store.open(home) as opened:
        assert opened.points("rank1/x", ["r"])["step"].to_pylist() == [0, 1]
        assert opened.points("x", ["r"])["step"].to_pylist() == [0, 1, 2, 3]
