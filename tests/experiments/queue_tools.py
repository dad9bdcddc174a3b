"""What tests of the queue share: quick jobs, and waiting for what becomes of them."""

import json
import os
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import psutil

from experiments import queue
from experiments.queueing.jobs import Job
from tests.experiments import quick_training
from trainers.spec import RunSpec, load_spec


def quick_spec(**wishes: Any) -> RunSpec:
    """A spec whose training does what `quick_training` is told, and takes no time."""
    return load_spec(
        {
            "project": "quick",
            "notes": json.dumps(wishes),
            "data": {"kind": "digits"},
            "model": {"kind": "cnn"},
        }
    )


def wait_for(is_true: Callable[[], Any], *, seconds: float = 30.0) -> Any:
    deadline = time.monotonic() + seconds
    while not (found := is_true()):
        assert time.monotonic() < deadline, "it did not come true"
        time.sleep(0.05)
    return found


def wait_until_ended(home: Path, jobs: Iterable[Job], *, seconds: float = 60.0) -> list[Job]:
    wanted = [job.id for job in jobs]

    def ended() -> list[Job]:
        now = [queue.job(home, job_id) for job_id in wanted]
        return now if all(job.state.is_final for job in now) else []

    return wait_for(ended, seconds=seconds)


def wait_until(home: Path, job: Job, state: str, *, seconds: float = 30.0) -> Job:
    def reached() -> Job | None:
        now = queue.job(home, job.id)
        assert now.state == state or not now.state.is_final, now
        return now if now.state == state else None

    return wait_for(reached, seconds=seconds)


def starts(home: Path) -> list[str]:
    """The run ids of all trainings that began, one for each start."""
    log = home / quick_training.STARTS
    return [line.split()[0] for line in log.read_text("utf-8").splitlines()] if log.exists() else []


def processes_of(home: Path) -> list[psutil.Process]:
    """All living processes that name this store on their command line or as their home."""
    found = []
    for process in psutil.process_iter():
        try:
            words = [*process.cmdline(), process.environ().get("BAKEOFF_HOME", "")]
            is_ours = any(str(home) in word for word in words)
            if is_ours and process.pid != os.getpid() and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except psutil.Error:
            continue
    return found
