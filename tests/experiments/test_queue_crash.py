"""Kill -9 of trainings, wrappers, supervisors, submitters and dashboards at random moments."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from itertools import pairwise
from pathlib import Path

import psutil
import pytest
from playwright.sync_api import sync_playwright

import store
from experiments import queue, serve
from experiments.interrupts import Interrupts
from experiments.queueing.attempts import attempt_folder
from experiments.queueing.jobs import Job, State
from experiments.queueing.supervisor import is_supervised, stop_supervisor
from experiments.serve import Dashboard
from tests.chromium import launched
from tests.experiments import quick_training
from tests.experiments.queue_tools import processes_of, quick_spec, starts, wait_until_ended

SLOTS = 2
TRUE_WITHIN_S = 60.0

SUBMITTER = """
import random, sys, time
from experiments import queue
from tests.experiments.queue_tools import quick_spec

home, seed = sys.argv[1], int(sys.argv[2])
dice = random.Random(seed)
while True:
    job = queue.submit(home, quick_spec(seconds=dice.uniform(0.0, 2.0), child=dice.random() < 0.3))
    with open(f"{home}/accepted.log", "a", encoding="utf-8") as file:
        file.write(job.id + "\\n")
    while sum(not job.state.is_final for job in queue.jobs(home)) > 6:
        time.sleep(0.1)
"""


class Storm:
    """A queue at work, and what can be killed of it."""

    def __init__(self, home: Path, seed: int) -> None:
        self.home = home
        self.dice = random.Random(seed)
        self.killed: Counter[str] = Counter()
        self.submitter: subprocess.Popen[bytes] | None = None
        self.window: Window | None = None

    def begin(self) -> None:
        queue.set_slots(self.home, SLOTS)
        self.submit()

    def submit(self) -> None:
        """Bring the process up that adds jobs, unless it lives."""
        if self.submitter is None or self.submitter.poll() is not None:
            command = [
                sys.executable,
                "-c",
                SUBMITTER,
                str(self.home),
                str(self.dice.random())[2:8],
            ]
            self.submitter = subprocess.Popen(command, start_new_session=True)

    def kill(self) -> None:
        victims = {
            "training": lambda: self.of_command("trainers"),
            "wrapper": lambda: self.of_command("experiments.queueing.wrapper"),
            "supervisor": lambda: self.of_command("experiments.queueing.supervisor"),
            "submitter": lambda: [self.submitter.pid] if self.submitter else [],
        }
        if (window := self.window) is not None:
            victims["dashboard"] = lambda: [window.dashboard.process.pid]
        alive = {name: pids for name, find in victims.items() if (pids := find())}
        if not alive:
            return
        fewest = min(self.killed[name] for name in alive)
        name = self.dice.choice([name for name in alive if self.killed[name] == fewest])
        self.killed[name] += 1
        os.kill(self.dice.choice(alive[name]), signal.SIGKILL)
        if name == "submitter" and self.submitter:
            self.submitter.wait()
        if name == "dashboard" and self.window:
            self.window.dashboard.process.wait()

    def of_command(self, module: str) -> list[int]:
        return [one.pid for one in processes_of(self.home) if runs(one, module)]

    def end(self) -> None:
        if self.submitter is not None:
            self.submitter.kill()
            self.submitter.wait()
        if self.window is not None:
            self.window.close()
            self.window = None

    def accepted(self) -> list[str]:
        log = self.home / "accepted.log"
        return log.read_text("utf-8").split() if log.exists() else []


class Window:
    """A dashboard whose Queue page somebody looks at."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._port = serve.next_free_port(8700)
        self._playwright = sync_playwright().start()
        self._browser = launched(self._playwright)
        self._page = self._browser.new_page()
        self.dashboard = self._started()

    def close(self) -> None:
        serve.stop_dashboard(self.dashboard)
        self._browser.close()
        self._playwright.stop()

    def reopen(self) -> None:
        """Bring the dashboard up again where it was killed, and look at it."""
        if not self.dashboard.is_running:
            self.dashboard = self._started()

    def _started(self) -> Dashboard:
        with Interrupts() as interrupts:
            dashboard = serve.start_dashboard(self._home, self._port)
            assert serve.wait_until_ready(dashboard, interrupts)
        self._page.goto(f"{dashboard.url}/queue")
        return dashboard

    def wait_until_idle(self) -> None:
        """Wait until the page says that nothing runs."""
        self._page.get_by_text("0 running · 0 waiting").wait_for(timeout=60_000)


def runs(process: psutil.Process, module: str) -> bool:
    try:
        return module in process.cmdline()
    except psutil.Error:
        return False


def what_is_untrue(home: Path) -> str | None:
    """Return the first status that does not fit the processes that live, or None."""
    before = {job.id: job.state for job in queue.jobs(home)}
    alive = {one.pid: words_of(one) for one in processes_of(home)}
    taken: Counter[int | None] = Counter()
    for job in queue.jobs(home):
        if before.get(job.id) != job.state:
            continue  # it changed while we looked
        trains = [
            pid for pid, words in alive.items() if job.run_id in words and "trainers" in words
        ]
        claim = attempt_folder(job.folder, job.attempt).read_claim()
        if job.state.is_final and trains:
            return f"{job.id} is {job.state}, but {trains} train"
        if job.state is State.RUNNING and (claim is None or claim["pid"] not in alive):
            return f"{job.id} is running, but nobody runs it"
        if job.state.is_active:
            taken[job.slot] += 1
    if any(count > 1 for count in taken.values()) or len(taken) > SLOTS:
        return f"slots are taken like this: {dict(taken)}"
    return None


def words_of(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []


def wait_for_truth(home: Path) -> float:
    """Return after how many seconds every status was true."""
    started = time.monotonic()
    while untrue := what_is_untrue(home):
        assert time.monotonic() - started < TRUE_WITHIN_S, untrue
        time.sleep(0.2)
    return time.monotonic() - started


def check_everything(storm: Storm, kills: int) -> None:
    home = storm.home
    jobs = wait_until_ended(home, queue.jobs(home), seconds=240)
    by_id = {job.id: job for job in jobs}
    assert set(storm.accepted()) <= set(by_id), "a job was lost"
    assert max(Counter(starts(home)).values()) == 1, "a job was started twice"
    broken = [job for job in jobs if job.state is not State.FINISHED]
    assert len(broken) <= kills
    assert {job.state for job in broken} <= {State.FAILED, State.LOST, State.STOPPED}
    assert all(job.error for job in broken)
    finished = {job.run_id for job in jobs if job.state is State.FINISHED}
    assert finished <= set(starts(home))
    with store.open(home=home) as opened:
        status = {row["run_id"]: row["status"] for row in opened.runs(limit=10_000).to_pylist()}
    assert {status[run_id] for run_id in finished} == {"finished"}
    check_no_slot_leaked(home)
    check_no_orphans(home)


def check_no_slot_leaked(home: Path) -> None:
    last = [queue.submit(home, quick_spec(seconds=2.0)) for _ in range(SLOTS)]
    first, second = wait_until_ended(home, last)
    assert max(start_of(first), start_of(second)) < min(end_of(first), end_of(second))


def start_of(job: Job) -> float:
    assert job.started is not None
    return job.started


def end_of(job: Job) -> float:
    assert job.ended is not None
    return job.ended


def check_no_orphans(home: Path) -> None:
    stop_supervisor(home)
    store.stop_hub(home)
    deadline = time.monotonic() + 20
    while left := processes_of(home):
        assert time.monotonic() < deadline, [one.cmdline() for one in left]
        time.sleep(0.2)


@pytest.fixture
def storm(home, monkeypatch):
    monkeypatch.delenv("BAKEOFF_SUPERVISOR")
    monkeypatch.setenv("BAKEOFF_PLUGINS", quick_training.NAME)
    made = Storm(home, seed=7)
    yield made
    made.end()
    stop_supervisor(home)
    for process in processes_of(home):
        process.kill()


@pytest.mark.slow
def test_five_kills_lose_no_job_and_start_none_twice(storm):
    storm.begin()
    for _ in range(5):
        time.sleep(storm.dice.uniform(0.5, 2.0))
        storm.submit()
        storm.kill()
    storm.end()
    wait_for_truth(storm.home)
    check_everything(storm, kills=5)


@pytest.mark.exhaustive
@pytest.mark.browser
def test_fifty_kills_at_random_moments_lose_no_job_and_start_none_twice(storm):
    storm.begin()
    storm.window = Window(storm.home)
    slowest = 0.0
    while sum(storm.killed.values()) < 50:
        time.sleep(storm.dice.uniform(0.0, 2.0))
        storm.submit()
        storm.window.reopen()
        storm.kill()
        slowest = max(slowest, wait_for_truth(storm.home))
    storm.window.reopen()
    storm.submitter.kill()
    wait_until_ended(storm.home, queue.jobs(storm.home), seconds=240)
    storm.window.wait_until_idle()
    storm.end()
    check_everything(storm, kills=50)
    assert min(storm.killed.values()) >= 5, storm.killed
    print(f"killed {dict(storm.killed)}; statuses true again within {slowest:.1f} s")


def gaps_of(jobs: list[Job]) -> list[float]:
    """Seconds between the end of a job and the moment when the next one in its slot is up."""
    gaps = []
    by_slot: dict[int, list[Job]] = {}
    for job in sorted(jobs, key=start_of):
        by_slot.setdefault(slot_of(job), []).append(job)
    for row in by_slot.values():
        gaps += [up_at(later) - end_of(earlier) for earlier, later in pairwise(row)]
    return gaps


def up_at(job: Job) -> float:
    """When the job's own process had claimed it."""
    return (attempt_folder(job.folder, 1).path / "claim.json").stat().st_mtime


def slot_of(job: Job) -> int:
    """The slot that a job had: the ledger's first word on it that is not None."""
    for line in (job.folder.parents[1] / "events.jsonl").read_text("utf-8").splitlines():
        event = json.loads(line)
        if event.get("id") == job.id and event.get("slot") is not None:
            return event["slot"]
    raise AssertionError(job)


@pytest.mark.parametrize("count", [6, pytest.param(200, marks=pytest.mark.exhaustive)])
def test_a_full_queue_drains_without_long_gaps(storm, count):
    queue.pause(storm.home, True)
    queue.set_slots(storm.home, SLOTS)
    jobs = [queue.submit(storm.home, quick_spec()) for _ in range(count)]
    queue.pause(storm.home, False)
    jobs = wait_until_ended(storm.home, jobs, seconds=900)

    assert {job.state for job in jobs} == {State.FINISHED}
    gaps = gaps_of(jobs)
    print(f"{count} jobs; longest gap {max(gaps):.2f} s")
    assert max(gaps) <= 2.0
    assert len(gaps) == count - SLOTS
    assert is_supervised(storm.home)
