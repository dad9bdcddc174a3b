"""From a click on Start to the first training step, and what an idle supervisor costs.

Run by hand: ``OMP_NUM_THREADS=1 python tests/bench/bench_queue.py``.
"""

import json
import sys
import tempfile
import time
from pathlib import Path

import psutil

import store
from experiments import queue
from experiments.queueing.jobs import State
from experiments.queueing.supervisor import is_supervised, stop_supervisor
from trainers.spec import RunSpec, load_spec

SPEC = {
    "project": "bench",
    "data": {"kind": "digits"},
    "model": {"kind": "cnn", "channels": [8], "dense": 16},
    "training": {"epochs": 1, "log_every": 1, "threads": 1, "monitor": "val/loss"},
}
IDLE_S = 20.0


def main() -> None:
    spec = load_spec(SPEC)
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        say("click to first step, nothing prepared", seconds_to_first_step(home, spec))
        wait_for_spare(home)
        say("click to first step, queue page open before", seconds_to_first_step(home, spec))
        wait_for_spare(home)
        print(f"idle supervisor: {idle_share(home):.2%} of a core")
        stop_supervisor(home)
        store.stop_hub(home)


def say(what: str, seconds: dict[str, float]) -> None:
    """Print when what had happened, counted from the click."""
    stages = ", ".join(f"{name} {value:.2f} s" for name, value in seconds.items())
    print(f"{what}: {stages}")


def seconds_to_first_step(home: Path, spec: RunSpec) -> dict[str, float]:
    """Submit a job, wait for its end, and return when it came how far."""
    clicked = time.time()
    submitted = queue.submit(home, spec)
    returned = time.time()
    while not (job := queue.job(home, submitted.id)).state.is_final:
        time.sleep(0.1)
    assert job.state is State.FINISHED, job.error
    header = json.loads((home / "runs" / str(job.run_id) / "run.json").read_bytes())
    claim = (job.folder / "attempt-1" / "claim.json").stat().st_mtime
    with store.open(home=home) as opened:
        points = opened.points("train/loss", [str(job.run_id)]).to_pylist()
    first = header["created_us"] / 1e6 + min(point["elapsed"] for point in points)
    return {
        "submit returns": returned - clicked,
        "slot given": (job.started or clicked) - clicked,
        "wrapper up": claim - clicked,
        "libraries and data loaded": header["created_us"] / 1e6 - clicked,
        "first step": first - clicked,
    }


def supervisor(home: Path) -> psutil.Process:
    facts = json.loads((home / "queue" / "supervisor.json").read_bytes())
    return psutil.Process(facts["pid"])


def wait_for_spare(home: Path) -> None:
    """Wait until a loaded training waits: its process has stopped using the processor."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        waiting = [one for one in supervisor(home).children(recursive=True) if is_waiting(one)]
        if waiting:
            before = sum(waiting[0].cpu_times()[:2])
            time.sleep(2.0)
            if before > 2.0 and sum(waiting[0].cpu_times()[:2]) - before < 0.05:
                return
        time.sleep(0.5)
    sys.exit("no training waits")


def is_waiting(process: psutil.Process) -> bool:
    try:
        return "trainers.waiting" in process.cmdline()
    except psutil.Error:
        return False


def idle_share(home: Path) -> float:
    """Return the share of a core that the supervisor and its spare use with nothing to do."""
    assert is_supervised(home)
    processes = [supervisor(home), *supervisor(home).children(recursive=True)]
    before = sum(sum(one.cpu_times()[:2]) for one in processes)
    time.sleep(IDLE_S)
    return (sum(sum(one.cpu_times()[:2]) for one in processes) - before) / IDLE_S


if __name__ == "__main__":
    main()
