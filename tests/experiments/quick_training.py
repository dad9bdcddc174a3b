"""A training without torch, for tests of the queue: a plugin that acts when it is imported.

``python -m trainers`` imports it before anything heavy; it does what the spec's notes ask for,
records a real run, and leaves. Everything around it is the real thing.
"""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import store

NAME = "tests.experiments.quick_training"
STARTS = "starts.log"


def act() -> None:
    options = dict(zip(sys.argv[2::2], sys.argv[3::2], strict=False))
    home, run_id = Path(options["--home"]), options["--id"]
    wishes = json.loads(json.loads(Path(sys.argv[1]).read_bytes())["notes"] or "{}")
    note_start(home, run_id)
    if "refuse" in wishes:
        sys.exit(wishes["refuse"])
    if wishes.get("child"):
        subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    resume = "must" if "--resume" in sys.argv else "never"
    with store.init("quick", id=run_id, home=home, resume=resume, monitor=False) as run:
        run.log({"train/loss": 1.0}, step=0)
        print(wishes.get("say", "working"), flush=True)
        deadline = time.monotonic() + wishes.get("seconds", 0.0)
        while time.monotonic() < deadline:
            ignore_stops(wishes)
        run.finish("failed" if wishes.get("code") else "finished")
    sys.exit(wishes.get("code", 0))


def ignore_stops(wishes: dict) -> None:
    from trainers.stopping import TrainingStopped

    try:
        time.sleep(0.05)
    except TrainingStopped:
        if not wishes.get("stubborn"):
            raise


def note_start(home: Path, run_id: str) -> None:
    """Add a line; one write each, so that lines of several processes do not mix."""
    log = os.open(home / STARTS, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.write(log, f"{run_id} {os.getpid()}\n".encode())
    os.close(log)


if Path(sys.argv[0]).parent.name == "trainers" and "--id" in sys.argv:
    act()
