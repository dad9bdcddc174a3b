"""The process that searches: real processes, killed at any moment, changed while they run."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import optuna
import pytest
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend

import store
from experiments import studies
from experiments.search.search_spec import load_study
from experiments.search.searching import BUSY, REFUSED, TERMINATED

pytestmark = pytest.mark.slow

WORKER = Path(__file__).with_name("search_worker.py")
QUICK = {
    "name": "quick",
    "base": "cnn_mnist",
    "set": {"data.kind": "digits", "training.epochs": 3},
    "space": {"training.lr": "auto", "model.dense": {"low": 16, "high": 64}},
    "objective": "val/f1",
    "workers": 3,
}


@pytest.fixture
def search(home):
    """Start the searching process of a study; what is left is killed in the end."""
    started: list[subprocess.Popen[bytes]] = []

    def start(study_id, *, at=home, **env):
        process = subprocess.Popen(
            [sys.executable, str(WORKER), study_id, "--home", str(at)],
            env={**os.environ, "PYTHONPATH": str(WORKER.parents[2]), **env},
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()


def made(home, **changes):
    return studies.create(home, load_study({**QUICK, **changes}), start=False)


def wait_for(condition, seconds=60.0):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.05)


def trained(home):
    """Return how often each run was started."""
    counts: dict[str, int] = {}
    for path in (home / "queue" / "quick").glob("*/job.json"):
        run_id = json.loads(path.read_text())["run_id"]
        counts[run_id] = counts.get(run_id, 0) + 1
    return counts


def in_optuna(study):
    storage = JournalStorage(JournalFileBackend(str(study.journal)))
    return optuna.load_study(study_name=study.id, storage=storage).get_trials()


def rows_by_state(home, study_id):
    states: dict[str, int] = {}
    for row in studies.trials(home, study_id):
        states[row["state"]] = states.get(row["state"], 0) + 1
    return states


def test_a_search_finds_the_good_region_and_every_trial_is_a_run(home, search):
    study = made(
        home,
        n_trials=6,
        constraints=["parameters <= 4000"],
        starts=[{"training.lr": 0.0029, "model.dense": 32}],
    )

    assert search(study.id).wait(90) == 0

    rows = studies.trials(home, study.id)
    assert studies.study(home, study.id).state is studies.StudyState.FINISHED
    assert [row["number"] for row in rows] == list(range(6))
    assert {row["state"] for row in rows} == {"complete"}
    assert rows[0]["by"] == "start"
    assert rows[0]["params"] == {"training.lr": 0.0029, "model.dense": 32}
    assert rows[0]["values"][0] == pytest.approx(0.872, abs=0.01)
    assert all((row["excess"]["parameters <= 4000"] <= 0) == row["feasible"] for row in rows)
    with store.open(home) as s:
        runs = s.runs().to_pylist()
        best = s.ask("studies").to_pylist()[0]
    assert {run["run_id"] for run in runs} == {row["run_ids"][0] for row in rows}
    assert {run["status"] for run in runs} == {"finished"}
    feasible = [row["values"][0] for row in rows if row["feasible"]]
    assert best["best"] == pytest.approx(max(feasible))


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.exhaustive
def test_killed_at_any_moment_it_neither_loses_nor_doubles_a_trial(home, search, seed):
    chance = random.Random(seed)
    study = made(home, n_trials=10)
    for _ in range(6):
        process = search(study.id)
        time.sleep(chance.uniform(0.3, 3.0))
        process.send_signal(signal.SIGKILL)
        process.wait()

    assert search(study.id).wait(90) == 0

    rows = studies.trials(home, study.id)
    assert [row["number"] for row in rows] == list(range(10))
    assert {row["state"] for row in rows} == {"complete"}
    assert trained(home) == {row["run_ids"][0]: 1 for row in rows}
    told = in_optuna(study)
    assert [trial.values for trial in told] == [row["values"] for row in rows]
    assert all(
        trial.params.items() == row["params"].items() for trial, row in zip(told, rows, strict=True)
    )


@pytest.mark.exhaustive
def test_a_pruned_trial_is_a_stopped_run_that_says_so(home, search):
    study = made(
        home,
        n_trials=6,
        workers=2,
        set={"data.kind": "digits", "training.epochs": 12},
        pruner={"kind": "median", "startup_trials": 1},
        starts=[{"training.lr": 0.003}, {"training.lr": 0.00012}, {"training.lr": 0.00015}],
    )

    assert search(study.id, EPOCH_S="0.35").wait(120) == 0

    pruned = [row for row in studies.trials(home, study.id) if row["state"] == "pruned"]
    assert pruned
    with store.open(home) as s:
        records = [s.run(row["run_ids"][0]) for row in pruned]
    assert {record["status"] for record in records} == {"stopped"}
    assert all("pruned" in record["tags"] for record in records)
    assert all(len(row["course"]) < 12 for row in pruned)
    states = {trial.number: trial.state.name for trial in in_optuna(study)}
    assert {states[row["number"]] for row in pruned} == {"PRUNED"}


def test_a_failed_trial_does_not_end_the_search(home, search):
    study = made(
        home,
        n_trials=4,
        space={"training.lr": "auto", "model.dropout": {"low": 0.0, "high": 0.9}},
        starts=[{"model.dropout": 0.9}],
    )

    assert search(study.id).wait(90) == 0

    rows = studies.trials(home, study.id)
    assert rows[0]["state"] == "failed"
    assert rows[0]["reason"] == "it was told to fail"
    assert [row["state"] for row in rows[1:]].count("complete") >= 2


@pytest.mark.exhaustive
def test_seeds_are_trained_one_after_the_other_and_their_mean_counts(home, search):
    study = made(home, n_trials=2, seeds=3)

    assert search(study.id).wait(90) == 0

    for row in studies.trials(home, study.id):
        assert len(row["run_ids"]) == 3
        assert len(row["results"]) == 3
        assert row["values"][0] == pytest.approx(sum(r[0] for r in row["results"]) / 3)
        with store.open(home) as s:
            runs = [s.run(run_id) for run_id in row["run_ids"]]
        assert [run["seed"] for run in runs] == [1, 2, 3]
        assert len({run["group"] for run in runs}) == 1


@pytest.mark.exhaustive
def test_stopped_now_it_goes_on_tomorrow_with_the_same_trials(home, search):
    study = made(home, n_trials=4, workers=2, set={"training.epochs": 8})
    process = search(study.id, EPOCH_S="0.3")
    wait_for(lambda: rows_by_state(home, study.id).get("running") == 2)

    studies.stop(home, study.id, now=True)

    assert process.wait(60) == 0
    assert studies.study(home, study.id).state is studies.StudyState.STOPPED
    assert rows_by_state(home, study.id) == {"paused": 2}
    before = {row["number"]: row["params"] for row in studies.trials(home, study.id)}
    studies.ledger_of(home, study.id).write("study", study.id, wanted="run")
    assert search(study.id).wait(90) == 0
    rows = studies.trials(home, study.id)
    assert {row["state"] for row in rows} == {"complete"}
    assert len(rows) == 4
    assert {row["number"]: row["params"] for row in rows if row["number"] in before} == before


@pytest.mark.exhaustive
def test_what_people_change_holds_for_the_trials_to_come(home, search):
    study = made(home, n_trials=3, workers=1)
    assert search(study.id).wait(90) == 0

    studies.edit(home, study.id, n_trials=6, workers=2)
    studies.change_range(home, study.id, "training.lr", 0.002, 0.004)
    studies.restrict(home, study.id, "model.dense", [48])
    studies.add_trial(home, study.id, {"training.lr": 0.0033})

    assert search(study.id).wait(90) == 0
    rows = studies.trials(home, study.id)
    assert len(rows) == 7  # the one by hand comes on top
    assert [row["by"] for row in rows].count("person") == 1
    by_hand = next(row for row in rows if row["by"] == "person")
    assert by_hand["params"]["training.lr"] == 0.0033
    for row in rows[3:]:
        assert 0.002 <= row["params"]["training.lr"] <= 0.004
        assert row["params"]["model.dense"] == 48


@pytest.mark.exhaustive
def test_one_trial_can_be_stopped_alone(home, search):
    study = made(home, n_trials=3, workers=1, set={"training.epochs": 6})
    process = search(study.id, EPOCH_S="0.3")
    wait_for(lambda: rows_by_state(home, study.id).get("running") == 1)

    studies.stop_trial(home, study.id, 0)

    assert process.wait(90) == 0
    rows = studies.trials(home, study.id)
    assert [row["state"] for row in rows] == ["stopped", "complete", "complete"]


def test_a_second_process_for_the_same_study_refuses(home, search):
    study = made(home, n_trials=50)
    first = search(study.id)
    wait_for(lambda: studies.trials(home, study.id))

    assert search(study.id).wait(60) == BUSY

    first.terminate()
    assert first.wait(30) == TERMINATED


@pytest.mark.exhaustive
def test_a_torn_journal_and_a_lock_left_behind_are_no_obstacle(home, search):
    study = made(home, n_trials=3)
    assert search(study.id).wait(90) == 0
    with study.journal.open("ab") as file:
        file.write(b'{"op_code":4,"worker_id":"x')
    Path(f"{study.journal}.lock").symlink_to(study.journal)
    studies.edit(home, study.id, n_trials=4)

    assert search(study.id).wait(60) == 0

    assert rows_by_state(home, study.id) == {"complete": 4}


def test_a_storage_that_does_not_answer_is_a_sentence(home, search):
    study = made(home, storage=f"sqlite:///{home}/no/such/folder/x.db")

    assert search(study.id).wait(60) == REFUSED

    found = studies.study(home, study.id)
    assert found.state is studies.StudyState.FAILED
    assert "Expected an Optuna storage that answers" in str(found.error)


@pytest.mark.exhaustive
def test_two_stores_search_together_in_a_storage_that_they_share(home, search, tmp_path):
    other = tmp_path / "another machine"
    url = f"sqlite:///{tmp_path}/shared.db"
    first, second = (
        made(at, name="together", storage=url, n_trials=8, workers=2) for at in (home, other)
    )
    working = [search(first.id), search(second.id, at=other)]

    assert [process.wait(90) for process in working] == [0, 0]

    told = optuna.load_study(study_name="together", storage=url).get_trials()
    assert 8 <= len(told) <= 8 + 2  # each may have asked for its last one at the same moment
    here, there = trained(home), trained(other)
    assert here
    assert there
    assert {*here.values(), *there.values()} == {1}
    assert len(here) + len(there) == len(told)
    for at, study in ((home, first), (other, second)):
        rows = studies.trials(at, study.id)
        assert [row["values"] for row in rows] == [trial.values for trial in told]
