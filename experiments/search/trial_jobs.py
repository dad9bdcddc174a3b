"""The trainings of a search's trials: jobs of the queue, and what their runs recorded."""

import math
import time
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Protocol

import store
from experiments import queue
from experiments.queueing.jobs import Job
from experiments.search.dimensions import as_number
from store.layout import Home
from store.values import flatten

if TYPE_CHECKING:
    from experiments.search.search_spec import Objective
    from trainers.spec import RunSpec

_SETTLE_S = 10.0
"""How long the store may take to see all of a run that has ended."""


class TrialJobs(Protocol):
    """Who runs the trainings: the queue, or whatever a test puts in its place."""

    def submit(self, spec: "RunSpec", run_id: str, labels: Mapping[str, str]) -> Job:
        """Have a run trained."""
        ...

    def look(self, job_id: str) -> Job:
        """Return how a job stands."""
        ...

    def stop(self, job_id: str) -> None:
        """Have a job end with a checkpoint; nothing happens to one that has ended."""
        ...

    def resume(self, job_id: str) -> Job | None:
        """Have a stopped job's run go on; None if it left nothing to go on from."""
        ...

    def of_runs(self, run_ids: Iterable[str]) -> dict[str, Job]:
        """Return the newest job of each run that has one."""
        ...


class QueuedJobs:
    """Trainings in the queue of a store."""

    def __init__(self, home: Home) -> None:
        self._home = home.path

    def submit(self, spec: "RunSpec", run_id: str, labels: Mapping[str, str]) -> Job:
        """Add a training to the queue."""
        name = f"{labels['study']} #{labels['trial']}"
        threads = spec.training.threads or None
        return queue.submit(
            self._home, spec, name=name, run_id=run_id, labels=labels, threads=threads
        )

    def look(self, job_id: str) -> Job:
        """Return how a job stands."""
        return queue.job(self._home, job_id)

    def stop(self, job_id: str) -> None:
        """Stop a job gracefully."""
        if not self.look(job_id).state.is_final:
            queue.stop(self._home, job_id)

    def resume(self, job_id: str) -> Job | None:
        """Go on from the last checkpoint."""
        from experiments.errors import UsageError

        try:
            return queue.resume(self._home, job_id)
        except UsageError:
            return None

    def of_runs(self, run_ids: Iterable[str]) -> dict[str, Job]:
        """Return the newest job of each run."""
        wanted = set(run_ids)
        found = queue.jobs(self._home)
        return {one.run_id: one for one in found if one.run_id is not None and one.run_id in wanted}


class Measurements:
    """What runs recorded, read through the hub so that nobody else is locked out."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._store: store.Store | None = None

    def close(self) -> None:
        """Let go of the store."""
        if self._store is not None:
            self._store.close()
            self._store = None

    def course(self, run_id: str, metric: str) -> list[tuple[int, float]]:
        """Return a metric's finite values by epoch, or by order where no epoch is known."""
        rows = self._opened().points(metric, [run_id]).to_pylist()
        course: dict[int, float] = {}
        for place, row in enumerate(rows):
            epoch = row["epoch"]
            step = place if epoch is None or not math.isfinite(epoch) else round(epoch)
            if math.isfinite(row["value"]):
                course[step] = row["value"]
        return sorted(course.items())

    def value(self, run_id: str, wanted: "Objective") -> float | None:
        """Return what an ended run has of an objective: of a metric, or of a recorded fact."""
        deadline = time.monotonic() + _SETTLE_S
        while True:
            found = self._value(run_id, wanted.metric, wanted.goal, wanted.take)
            if found is not None or time.monotonic() > deadline:
                return found
            time.sleep(0.2)

    def tag(self, run_id: str, word: str) -> None:
        """Mark a run."""
        self._opened().edit_run(run_id, add_tags=(word,))

    def _value(self, run_id: str, metric: str, goal: str, take: str) -> float | None:
        opened = self._opened()
        for row in opened.series([run_id]).to_pylist():
            if row["metric"] == metric:
                best = row["max"] if goal == "max" else row["min"]
                return as_number(best if take == "best" else row["last"])
        try:
            record = opened.run(run_id)
        except store.RunNotFoundError:
            return None
        facts = flatten({key: value for key, value in record.items() if key != "config"})
        return as_number(facts.get(metric, facts.get(f"summary.{metric}")))

    def _opened(self) -> store.Store:
        if self._store is None:
            self._store = store.open_through_hub(self._home.path)
        return self._store
