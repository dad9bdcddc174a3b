"""A search as people start it: the queue, its supervisor, and trainings with torch."""

import json
import time

import pytest

import store
from experiments import queue, studies
from experiments.cli import main
from experiments.queueing.jobs import State
from experiments.queueing.supervisor import stop_supervisor
from experiments.search.search_spec import load_study

pytestmark = pytest.mark.slow

SMALL = {
    "name": "small",
    "base": {
        "project": "searched",
        "data": {"kind": "digits", "max_examples": 200},
        "model": {"kind": "cnn", "channels": [4], "dense": 8},
        "training": {"epochs": 1, "threads": 1},
    },
    "space": {"training.lr": "auto", "model.dropout": {"low": 0.0, "high": 0.3}},
    "objective": "val/f1",
    "starts": [{"training.lr": 0.01}],
    "n_trials": 3,
    "workers": 2,
}


@pytest.fixture
def queued(home, monkeypatch):
    """A queue with its supervisor, of which nothing is left running."""
    monkeypatch.delenv("BAKEOFF_SUPERVISOR", raising=False)
    yield home
    for job in queue.jobs(home):
        if not job.state.is_final:
            queue.stop(home, job.id, hard=True)
    wait_for(lambda: all(job.state.is_final for job in queue.jobs(home)))
    stop_supervisor(home)


def wait_for(condition, seconds=240.0):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.2)


@pytest.mark.exhaustive
def test_a_small_search_through_the_queue(queued, capsys):
    queue.set_slots(queued, 2)
    made = studies.create(queued, load_study(SMALL))
    wait_for(lambda: studies.study(queued, made.id).state is studies.StudyState.FINISHED)

    rows = studies.trials(queued, made.id)
    assert [row["state"] for row in rows] == ["complete"] * 3
    job = studies.search_job(queued, made.id)
    assert job is not None
    wait_for(lambda: queue.job(queued, job.id).state is State.FINISHED)
    with store.open(queued) as s:
        for row in rows:
            run = s.run(row["run_ids"][0])
            best = next(r for r in s.series([run["run_id"]]).to_pylist() if r["metric"] == "val/f1")
            assert run["status"] == "finished"
            assert run["labels"]["study"] == made.id
            assert run["labels"]["trial"] == str(row["number"])
            assert run["params"]["training.lr"] == row["params"]["training.lr"]
            assert row["values"] == [best["best"]]
            assert {"val", "test"} <= set(s.splits(run["run_id"]))
    assert main(["search", "show", made.id, "--json", "--home", str(queued)]) == 0
    assert json.loads(capsys.readouterr().out)["progress"]["complete"] == 3
