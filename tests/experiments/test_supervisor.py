import json
import os
import signal
import subprocess
import sys
import threading
from contextlib import closing

import psutil
import pytest

import store
from experiments import processes, queue
from experiments.queueing.attempts import attempt_folder
from experiments.queueing.jobs import State
from experiments.queueing.scheduler import Scheduler
from experiments.queueing.supervisor import (
    REFUSED,
    ensure_supervisor,
    is_supervised,
    stop_supervisor,
)
from store.layout import Home
from store.liveness import start_ticks
from tests.experiments import quick_training
from tests.experiments.queue_tools import (
    processes_of,
    quick_spec,
    starts,
    wait_for,
    wait_until,
    wait_until_ended,
)


@pytest.fixture
def supervised(home, monkeypatch):
    """The store's supervisor starts on demand, and quick trainings are quick."""
    monkeypatch.delenv("BAKEOFF_SUPERVISOR")
    monkeypatch.setenv("BAKEOFF_PLUGINS", quick_training.NAME)
    yield home
    stop_supervisor(home)
    for process in processes_of(home):
        process.kill()


@pytest.fixture
def scheduler(home, monkeypatch):
    """A supervisor's work by hand: a round whenever the test wants one."""
    monkeypatch.setenv("BAKEOFF_PLUGINS", quick_training.NAME)
    (home / "queue").mkdir(parents=True)
    with closing(Scheduler(Home(home), grace_s=20.0)) as scheduler:
        yield scheduler
    for process in processes_of(home):
        process.kill()


def supervisor_pid(home):
    return json.loads((home / "queue" / "supervisor.json").read_bytes())["pid"]


def wait_for_round(scheduler, is_true):
    def look():
        scheduler.look()
        return is_true()

    wait_for(look)


def test_jobs_run_in_their_slots_and_end_as_what_they_were(supervised):
    queue.set_slots(supervised, 2)
    good = queue.submit(supervised, quick_spec(), labels={"trial": "3"})
    bad = queue.submit(supervised, quick_spec(code=1, say="MemoryError"))
    good, bad = wait_until_ended(supervised, [good, bad])

    assert (good.state, good.exit_code, good.error, good.slot) == ("finished", 0, None, None)
    assert (bad.state, bad.exit_code) == ("failed", 1)
    assert "ran out of memory" in str(bad.error)
    assert bad.last_lines == ("MemoryError",)
    with store.open(home=supervised) as opened:
        record = opened.run(str(good.run_id))
    assert record["status"] == "finished"
    assert record["labels"] == {"trial": "3", "job": good.id}


def test_a_running_job_stops_and_goes_on_later(supervised):
    job = queue.submit(supervised, quick_spec(seconds=600))
    wait_until(supervised, job, "running")
    queue.stop(supervised, job.id)
    (job,) = wait_until_ended(supervised, [job])
    assert (job.state, job.exit_code, job.error) == ("stopped", 143, None)

    resumed = queue.resume(supervised, job.id)
    wait_until(supervised, resumed, "running")
    queue.stop(supervised, resumed.id, hard=True)
    (resumed,) = wait_until_ended(supervised, [resumed])
    assert resumed.state is State.STOPPED
    assert starts(supervised) == [job.run_id, job.run_id]
    assert not [one for one in processes_of(supervised) if "trainers" in one.cmdline()]


def test_a_paused_queue_starts_nothing_and_a_waiting_job_can_be_taken_out(supervised):
    queue.pause(supervised, True)
    first = queue.submit(supervised, quick_spec())
    second = queue.submit(supervised, quick_spec())
    queue.cancel(supervised, first.id)
    (first,) = wait_until_ended(supervised, [first])
    assert (first.state, first.started) == ("stopped", None)
    assert queue.job(supervised, second.id).state is State.QUEUED

    queue.pause(supervised, False)
    assert wait_until_ended(supervised, [second])[0].state is State.FINISHED
    assert starts(supervised) == [second.run_id]


def test_a_killed_job_gives_its_slot_back_and_says_what_happened(supervised):
    trained = queue.submit(supervised, quick_spec(seconds=600, child=True))
    wrapped = queue.submit(supervised, quick_spec(seconds=600, child=True))
    wait_until(supervised, trained, "running")
    (training,) = [one for one in processes_of(supervised) if trained.run_id in one.cmdline()]
    training.kill()
    (trained,) = wait_until_ended(supervised, [trained])
    assert (trained.state, trained.exit_code) == ("failed", 137)
    assert "SIGKILL" in str(trained.error)

    wrapped = wait_until(supervised, wrapped, "running")
    assert wrapped.slot == 0
    claim = attempt_folder(wrapped.folder, 1).read_claim()
    assert claim is not None
    os.kill(claim["pid"], signal.SIGKILL)
    (wrapped,) = wait_until_ended(supervised, [wrapped])
    assert wrapped.state is State.LOST
    assert "without a word" in str(wrapped.error)
    mark = f"BAKEOFF_JOB={claim['mark']}".encode()
    wait_for(lambda: not processes.members(claim["pid"], mark))


def test_a_second_supervisor_refuses_in_one_sentence(supervised):
    ensure_supervisor(supervised)
    command = [sys.executable, "-m", "experiments.queueing.supervisor", "--home", str(supervised)]
    second = subprocess.run(command, capture_output=True, text=True, check=False)

    assert second.returncode == REFUSED
    assert f"process {supervisor_pid(supervised)} is at work already" in second.stderr
    assert second.stderr.count("\n") == 1


def test_many_who_want_a_supervisor_at_once_get_one(supervised):
    threads = [threading.Thread(target=ensure_supervisor, args=[supervised]) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    wait_for((supervised / "queue" / "supervisor.json").exists)
    named = [
        one
        for one in processes_of(supervised)
        if "experiments.queueing.supervisor" in one.cmdline()
    ]
    assert [one.pid for one in named] == [supervisor_pid(supervised)]


def test_a_killed_supervisor_is_replaced_and_the_job_goes_on(supervised):
    job = queue.submit(supervised, quick_spec(seconds=5))
    wait_until(supervised, job, "running")
    before = supervisor_pid(supervised)
    os.kill(before, signal.SIGKILL)
    wait_for(lambda: start_ticks(before) is None)
    assert not is_supervised(supervised)

    (job,) = wait_until_ended(supervised, [job])  # looking brings the next one up
    assert job.state is State.FINISHED
    assert starts(supervised) == [job.run_id]
    assert supervisor_pid(supervised) != before


def test_a_supervisor_with_nothing_to_do_leaves(home):
    command = [sys.executable, "-m", "experiments.queueing.supervisor", "--home", home]
    process = processes.start([*command, "--leave-after", "0.3"], output=home.parent / "log")

    assert processes.exit_code(process) == 0
    assert not is_supervised(home)


def test_what_a_supervisor_had_promised_the_next_one_does(home, scheduler):
    """It fell between writing that a job starts and starting it."""
    job = queue.submit(home, quick_spec())
    scheduler._write(job, state=State.STARTING, slot=0, started=1.0)

    wait_for_round(scheduler, lambda: queue.job(home, job.id).state is State.FINISHED)
    assert starts(home) == [job.run_id]


def test_a_promised_start_that_was_not_wanted_any_more_never_happens(home, scheduler):
    job = queue.submit(home, quick_spec())
    scheduler._write(job, state=State.STARTING, slot=0, started=1.0, wanted="stop")

    wait_for_round(scheduler, lambda: queue.job(home, job.id).state is State.STOPPED)
    assert starts(home) == []


def test_two_schedulers_that_start_the_same_job_start_it_once(home, scheduler):
    job = queue.submit(home, quick_spec(seconds=1))
    scheduler.look()
    with closing(Scheduler(Home(home))) as other:
        other.look()  # as after a crash: it cannot see that a wrapper is on its way
        wait_for_round(other, lambda: queue.job(home, job.id).state is State.FINISHED)
    wait_for(lambda: not processes_of(home))
    assert starts(home) == [job.run_id]


def test_a_reused_process_number_is_not_taken_for_the_job(home, scheduler):
    job = queue.submit(home, quick_spec(seconds=600))
    scheduler.look()
    wait_for_round(scheduler, lambda: queue.job(home, job.id).state is State.RUNNING)
    folder = attempt_folder(job.folder, 1)
    claim = folder.read_claim()
    assert claim is not None
    for process in psutil.Process(claim["pid"]).children(recursive=True):
        process.kill()
    os.kill(claim["pid"], signal.SIGKILL)
    bystander = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    try:
        path = folder.path / "claim.json"
        path.write_text(
            path.read_text("utf-8").replace(str(claim["pid"]), str(bystander.pid)), "utf-8"
        )
        queue.stop(home, job.id, hard=True)
        wait_for_round(scheduler, lambda: queue.job(home, job.id).state.is_final)
        assert bystander.poll() is None
    finally:
        bystander.kill()
        bystander.wait()


def test_a_crashed_search_is_started_again_but_not_one_that_was_refused(home, scheduler):
    job = queue.submit_search(home, "study-1")  # there is no such study: it refuses
    wait_for_round(scheduler, lambda: queue.job(home, job.id).state.is_final)
    assert queue.job(home, job.id).exit_code == 2

    job = queue.submit_search(home, "study-2")
    scheduler.look()
    folder = attempt_folder(job.folder, 1)
    wait_for(folder.read_claim)
    claim = folder.read_claim()
    assert claim is not None
    os.kill(claim["pid"], signal.SIGKILL)
    wait_for_round(scheduler, lambda: queue.job(home, job.id).attempt == 2)
    assert queue.job(home, job.id).state in {State.QUEUED, State.STARTING}
