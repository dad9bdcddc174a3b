"""A training that was loaded beforehand: used once, and gone when nobody needs it."""

import json
import os
import signal

import pytest

from experiments import queue
from experiments.queueing.jobs import State
from experiments.queueing.supervisor import ensure_supervisor, stop_supervisor
from tests.experiments import quick_training
from tests.experiments.queue_tools import processes_of, quick_spec, wait_for, wait_until_ended


@pytest.fixture
def supervised(home, monkeypatch):
    """The store's supervisor starts on demand and keeps a spare."""
    monkeypatch.delenv("BAKEOFF_SUPERVISOR")
    monkeypatch.delenv("BAKEOFF_SPARE")
    yield home
    stop_supervisor(home)
    for process in processes_of(home):
        process.kill()


def spares(home):
    """Pids of the processes that load a training and wait."""
    return [one.pid for one in processes_of(home) if "trainers.waiting" in one.cmdline()]


@pytest.mark.slow
@pytest.mark.exhaustive
def test_a_job_runs_in_the_process_that_waited_with_its_own_environment(
    supervised, monkeypatch, tmp_path
):
    monkeypatch.setenv("BAKEOFF_HOME", str(supervised))
    ensure_supervisor(supervised)
    (spare,) = wait_for(lambda: spares(supervised))
    monkeypatch.setenv("BAKEOFF_PLUGINS", quick_training.NAME)  # later than the spare's start
    monkeypatch.chdir(tmp_path)
    (job,) = wait_until_ended(supervised, [queue.submit(supervised, quick_spec(say="by spare"))])

    assert job.state is State.FINISHED, job
    run_id, pid = (supervised / quick_training.STARTS).read_text("utf-8").split()
    assert (run_id, int(pid)) == (job.run_id, spare)
    assert job.output.read_text("utf-8").splitlines()[-1] == "by spare"
    header = json.loads((supervised / "runs" / run_id / "run.json").read_bytes())
    assert header["cwd"] == str(tmp_path)
    assert header["command"][1:3] == ["-m", "trainers"]
    assert header["labels"] == {"job": job.id}


@pytest.mark.slow
def test_a_spare_leaves_with_its_supervisor_whatever_kills_it(supervised):
    ensure_supervisor(supervised)
    wait_for(lambda: spares(supervised))
    facts = json.loads((supervised / "queue" / "supervisor.json").read_bytes())
    os.kill(facts["pid"], signal.SIGKILL)

    wait_for(lambda: not processes_of(supervised))
