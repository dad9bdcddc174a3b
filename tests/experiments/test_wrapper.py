import json
import os
import signal
import sys
import time

import pytest

import store
from experiments import processes
from experiments.queueing.attempts import MARKER, AttemptFolder, Task
from experiments.queueing.wrapper import TAKEN
from tests.experiments import quick_training
from tests.experiments.queue_tools import quick_spec, starts, wait_for


@pytest.fixture
def attempt(home):
    (home / "runs").mkdir(parents=True)
    folder = AttemptFolder(home / "queue" / "jobs" / "job-1" / "attempt-1")
    folder.path.mkdir(parents=True)
    return folder


def write_task(attempt, home, *, budget_s=None, grace_s=20.0, **wishes):
    attempt.write_task(
        Task(
            job_id="job-1",
            kind="train",
            home=str(home),
            run_id="run-1",
            study_id=None,
            spec=quick_spec(**wishes).to_mapping(),
            budget_s=budget_s,
            grace_s=grace_s,
            env={"BAKEOFF_PLUGINS": quick_training.NAME},
        )
    )


def start(attempt, mark="mark-1"):
    command = [sys.executable, "-m", "experiments.queueing.wrapper", attempt.path]
    return processes.start(command, output=attempt.log, env={MARKER: mark})


def wait_for_work(home):
    output = home / "runs" / "run-1" / "output.log"
    wait_for(lambda: output.exists() and "working" in output.read_text("utf-8"))


def test_an_attempt_claimed_twice_runs_once(home, attempt):
    write_task(attempt, home)
    codes = sorted(processes.exit_code(one) for one in [start(attempt), start(attempt)])

    assert codes == [0, TAKEN]
    assert starts(home) == ["run-1"]
    assert attempt.read_exit().code == 0


def test_an_attempt_that_was_barred_never_runs(home, attempt):
    write_task(attempt, home)
    assert attempt.bar()
    assert not attempt.bar()

    assert processes.exit_code(start(attempt)) == TAKEN
    assert starts(home) == []


def test_a_failure_leaves_its_exit_code_its_last_lines_and_the_likely_cause(home, attempt):
    write_task(attempt, home, code=1, say="RuntimeError: CUDA out of memory. Tried to allocate")
    assert processes.exit_code(start(attempt)) == 1

    record = attempt.read_exit()
    assert record.code == 1
    assert "The GPU ran out of memory" in record.error
    assert record.last_lines == ("RuntimeError: CUDA out of memory. Tried to allocate",)


def test_what_never_became_a_run_keeps_what_it_said(home, attempt):
    write_task(attempt, home, refuse="Expected the file photos (data.path); it does not exist.")
    processes.exit_code(start(attempt))

    assert not (home / "runs" / "run-1").exists()
    assert "photos" in (attempt.path.parent / "output.log").read_text("utf-8")
    assert "file is missing" in attempt.read_exit().error


def test_a_time_budget_ends_a_training_gracefully(home, attempt):
    write_task(attempt, home, budget_s=4.0, seconds=600)
    started = time.monotonic()
    processes.exit_code(start(attempt))

    record = attempt.read_exit()
    assert (record.code, record.ended_by) == (143, "budget")
    assert 4.0 <= time.monotonic() - started < 20.0


def test_sigterm_stops_gracefully_and_whoever_does_not_listen_is_killed(home, attempt):
    write_task(attempt, home, seconds=600, stubborn=True, child=True, grace_s=1.0)
    wrapper = start(attempt)
    wait_for_work(home)
    session = attempt.read_claim()["pid"]
    assert len(processes.members(session, f"{MARKER}=mark-1".encode())) == 3

    os.kill(wrapper.pid, signal.SIGTERM)
    processes.exit_code(wrapper)

    record = attempt.read_exit()
    assert (record.code, record.ended_by) == (137, "stop")
    wait_for(lambda: not processes.members(session, f"{MARKER}=mark-1".encode()))


def test_sigusr1_kills_at_once_also_while_a_stop_waits(home, attempt):
    write_task(attempt, home, seconds=600, stubborn=True, grace_s=600.0)
    wrapper = start(attempt)
    wait_for_work(home)
    os.kill(wrapper.pid, signal.SIGTERM)
    time.sleep(0.3)
    os.kill(wrapper.pid, signal.SIGUSR1)
    processes.exit_code(wrapper)

    assert attempt.read_exit().ended_by == "kill"


def test_values_that_try_shell_tricks_reach_the_training_as_they_are(home, attempt):
    evil = f"$(touch {home}/bad) `touch {home}/bad`; touch {home}/bad | ../../x"
    write_task(attempt, home, say=evil)
    assert processes.exit_code(start(attempt)) == 0

    assert not (home / "bad").exists()
    spec = json.loads((home / "runs" / "run-1" / "spec.json").read_bytes())
    assert json.loads(spec["notes"])["say"] == evil


def test_labels_of_the_launcher_are_in_the_runs_record(home, monkeypatch):
    monkeypatch.setenv("BAKEOFF_LABELS", '{"study": "s1", "trial": 7}')
    with store.init(id="run-1", home=home, capture=False, monitor=False):
        pass
    monkeypatch.setenv("BAKEOFF_LABELS", "nonsense")
    with store.init(id="run-2", home=home, capture=False, monitor=False):
        pass

    with store.open(home=home) as opened:
        assert opened.run("run-1")["labels"] == {"study": "s1", "trial": "7"}
        assert "labels" not in opened.run("run-2")
