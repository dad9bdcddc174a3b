"""A search whose trainings are small processes without torch; run as a script by the tests.

``search_worker.py STUDY_ID --home H`` searches; ``search_worker.py train SPEC.json RUN_ID HOME``
is one training: it logs `val/f1` for each epoch, higher for a learning rate nearer to 0.003.
"""

import json
import math
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import store
from experiments.queueing.jobs import Job, State
from experiments.search import searching
from store.layout import Home
from store.liveness import start_ticks

EPOCH_S = float(os.environ.get("EPOCH_S", "0.05"))


class QuickJobs:
    """Trainings as processes of their own, started at once; a folder of files keeps them."""

    def __init__(self, home: Home) -> None:
        self.folder = home.queue / "quick"
        self.home = home
        self.folder.mkdir(parents=True, exist_ok=True)

    def submit(self, spec, run_id, labels):
        return self._start(run_id, spec.to_mapping(), dict(labels))

    def _start(self, run_id, mapping, labels):
        job_id = f"job-{store.new_run_id()}"
        place = self.folder / job_id
        place.mkdir()
        (place / "spec.json").write_text(json.dumps(mapping))
        facts = {"run_id": run_id, "labels": labels, "created": time.time()}
        (place / "job.json").write_text(json.dumps(facts))
        with (place / "output.log").open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, __file__, "train", str(place), run_id, str(self.home.path)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        (place / "pid").write_text(str(process.pid))
        return self.look(job_id)

    def look(self, job_id):
        place = self.folder / job_id
        facts = json.loads((place / "job.json").read_text())
        state = State.RUNNING
        if (place / "exit").exists():
            state = State((place / "exit").read_text())
        elif (place / "pid").exists() and start_ticks(int((place / "pid").read_text())) is None:
            state = State.STOPPED if (place / "stop").exists() else State.LOST
            if (place / "exit").exists():  # it ended between the two looks
                state = State((place / "exit").read_text())
        return Job(
            id=job_id,
            kind="train",
            name=job_id,
            state=state,
            run_id=facts["run_id"],
            labels=facts["labels"],
            created=facts["created"],
            error="it was told to fail" if state is State.FAILED else None,
            home=self.folder,
        )

    def stop(self, job_id):
        place = self.folder / job_id
        (place / "stop").touch()
        if not (place / "exit").exists():
            os.kill(int((place / "pid").read_text()), signal.SIGTERM)

    def resume(self, job_id):
        return None

    def of_runs(self, run_ids):
        jobs = [self.look(path.parent.name) for path in self.folder.glob("*/job.json")]
        return {j.run_id: j for j in sorted(jobs, key=lambda j: j.created) if j.run_id in run_ids}


class _StoppedError(Exception):
    pass


def train(place: Path, run_id: str, home: str) -> None:
    spec = json.loads((place / "spec.json").read_text())
    ended = "finished"

    def stop(*_):
        raise _StoppedError

    signal.signal(signal.SIGTERM, stop)
    try:
        with store.init(
            spec["project"], name=spec["name"], config=spec, id=run_id, home=home,
            seed=spec["seed"], capture=False, monitor=False,
        ) as run:  # fmt: skip
            try:
                run.define_metric("val/f1", goal="max")
                run.describe(parameters=spec["model"]["dense"] * 100)
                good = 1 - abs(math.log10(spec["training"]["lr"] / 0.003)) / 4
                _refuse(spec)
                for epoch in range(spec["training"]["epochs"]):
                    time.sleep(EPOCH_S)
                    run.log({"val/f1": good * (1 - 0.5 ** (epoch + 1))}, step=epoch, epoch=epoch)
            except _StoppedError:
                ended = "stopped"
                run.finish("stopped")
            except ValueError as error:
                ended = "failed"
                run.finish("failed", error=str(error))
    finally:
        temporary = place / "exit.new"
        temporary.write_text(ended)
        temporary.replace(place / "exit")


def _refuse(spec) -> None:
    if spec["model"]["dropout"] > 0.89:
        raise ValueError("told to fail")


def main() -> int:
    if sys.argv[1] == "train":
        train(Path(sys.argv[2]), sys.argv[3], sys.argv[4])
        return 0
    searching.QueuedJobs = QuickJobs  # the one seam: who trains
    return searching.main(sys.argv[1:])


if __name__ == "__main__":
    raise SystemExit(main())
