"""One round of the queue: see what ended, do what is wanted, start what can start.

Everything that it knows is in the ledger and in the jobs' folders: whoever comes after a crash
goes on from there. The word is written before the deed, and the claim in an attempt's folder
decides who does it: a deed begun twice is done once.
"""

import time
from collections.abc import Sequence
from typing import Any

from experiments import launch
from experiments.errors import ExperimentError
from experiments.queueing.attempts import GRACE_S, AttemptFolder, attempt_folder
from experiments.queueing.executors import Executor, Report, Sight, make_cluster
from experiments.queueing.executors.local import LocalExecutor
from experiments.queueing.gpus import count_gpus, read_gpus
from experiments.queueing.jobs import JOB, SETTING, SETTINGS_ID, Job, State, as_job
from experiments.queueing.outcomes import after_exit, after_false_start, after_vanishing, is_crash
from experiments.queueing.queue_reading import as_settings, in_order
from experiments.queueing.slots import plan
from experiments.queueing.tasks import default_threads, make_task
from store.layout import Home
from store.ledger import LEDGER_NAME, Ledger

MAX_ATTEMPTS = 20
_GPU_LOOK_S = 2.0
_LONGEST_PAUSE_S = 60.0


class Scheduler:
    """Moves the jobs of one store; exactly one may be at work.

    Parameters
    ----------
    home
        The store's folder.
    grace_s : seconds
        How long a job may take to leave when asked to.
    keeps_spare
        Whether a loaded training is kept at hand, so that the next one starts at once.
    """

    def __init__(self, home: Home, *, grace_s: float = GRACE_S, keeps_spare: bool = False) -> None:
        self.living: set[int] = set()
        """Pids of the wrappers that live on this machine."""
        self._home = home
        self._grace_s = grace_s
        self._path = home.queue / LEDGER_NAME
        self._ledger = Ledger(self._path)
        self._size = -1
        self._settings = as_settings({})
        self._open: list[Job] = []
        self._local = LocalExecutor(keeps_spare=keeps_spare)
        self._executors: dict[str, Executor] = {"local": self._local}
        self._not_before: dict[str, float] = {}
        self._next_gpu_look = 0.0

    @property
    def is_idle(self) -> bool:
        """Whether nothing runs, and nothing waits that could start."""
        return all(self._settings.paused and _is_queued_training(job) for job in self._open)

    def has_nothing_new(self) -> bool:
        """Whether nothing was written since the last round, and nothing is to be done."""
        self._jobs()
        return self.is_idle

    def look(self) -> None:
        """Do one round; quick when nothing has changed.

        Raises
        ------
        store.HomeNotWritableError, OSError
            If the disk refuses what is to be remembered; the next round tries again.
        """
        self.living = set()
        for job in self._jobs():
            if job.state.is_active:
                self._settle(job)
        for job in self._jobs():
            if job.state is State.QUEUED and job.wanted:
                self._write(job, state=State.STOPPED, ended=time.time())
        self._start_unslotted()
        if not self._settings.paused:
            self._start_slotted()
        if not any(job.state is State.STARTING for job in self._jobs()):
            # A job that loads right now has the cores first.
            self._local.rest(home=self._home, threads=default_threads(self._settings.slots))

    def close(self) -> None:
        """Let go of what was prepared; jobs go on."""
        self._local.close()

    def _jobs(self) -> list[Job]:
        """Return the jobs that have not ended, read again if anything was written."""
        size = self._path.stat().st_size if self._path.exists() else 0
        if size != self._size:
            self._size = size
            self._settings = as_settings(self._ledger.item(SETTING, SETTINGS_ID) or {})
            self._open = [
                as_job(self._home, job_id, fields)
                for job_id, fields in self._ledger.items(JOB).items()
                if "job_kind" in fields and not State(fields["state"]).is_final
            ]
        return self._open

    def _write(self, job: Job, **fields: Any) -> None:
        self._ledger.write(JOB, job.id, **fields)

    # What became of the jobs that were started.

    def _settle(self, job: Job) -> None:
        attempt = attempt_folder(job.folder, job.attempt)
        try:
            executor = self._executor(job)
        except ExperimentError:
            return  # started where an extra was installed that is missing here: nobody can tell
        report = executor.look(job, attempt)
        if report.pid is not None:
            self.living.add(report.pid)
        if report.sight is Sight.ALIVE:
            self._accompany(job, attempt, executor)
        elif report.sight is Sight.ABSENT:
            self._make_good(job, attempt)
        else:
            self._end(job, report)

    def _accompany(self, job: Job, attempt: AttemptFolder, executor: Executor) -> None:
        if job.wanted:
            executor.stop(job, attempt, hard=job.wanted == "kill")
        elif job.state is State.STARTING and self._has_begun(job, attempt):
            self._write(job, state=State.RUNNING)

    def _make_good(self, job: Job, attempt: AttemptFolder) -> None:
        """Go on where a supervisor fell between its word and its deed."""
        if not job.wanted:
            self._launch(job, job.gpus)
        elif attempt.bar():  # so that nobody starts it after all
            self._write(job, state=State.STOPPED, ended=time.time(), slot=None)

    def _has_begun(self, job: Job, attempt: AttemptFolder) -> bool:
        if job.run_id is None:
            return attempt.read_claim() is not None
        events = self._home.run(job.run_id).events  # a run says first of all that it runs
        return events.exists() and events.stat().st_mtime >= (job.started or 0.0)

    def _end(self, job: Job, report: Report) -> None:
        if report.record is not None:
            fields = after_exit(job, report.record)
        elif report.is_false_start:
            fields = after_false_start((report.reason or "",), ended=time.time())
        else:
            if job.run_id is not None:
                kept = job.folder / "output.log"
                launch.discard_unborn(self._home.run(job.run_id), keep_output=kept)
            fields = after_vanishing(job, report.reason, ended=time.time())
        if job.kind == "search" and is_crash(fields) and job.attempt < MAX_ATTEMPTS:
            pause_s = min(2.0**job.attempt, _LONGEST_PAUSE_S)
            self._not_before[job.id] = time.monotonic() + pause_s
            fields = {"state": State.QUEUED, "attempt": job.attempt + 1, "error": fields["error"]}
        self._write(job, **fields)

    # Who starts.

    def _start_unslotted(self) -> None:
        """Start searches, which only wait, and what a cluster queues by itself."""
        for job in in_order(self._jobs()):
            is_held = self._settings.paused if job.kind == "train" else False
            is_early = time.monotonic() < self._not_before.get(job.id, 0.0)
            if not _takes_slot(job) and not is_held and not is_early:
                self._write(job, state=State.STARTING, started=time.time())
                self._launch(job, ())

    def _start_slotted(self) -> None:
        waiting = [job for job in in_order(self._jobs()) if _takes_slot(job)]
        active = [job for job in self._open if job.state.is_active and _takes_slot(job)]
        if not waiting or not self._may_start(len(active)):
            return
        planned = plan(waiting, active, self._settings.slots, read_gpus() if count_gpus() else [])
        for job, reason in planned.refused:
            self._write(job, state=State.FAILED, ended=time.time(), error=reason)
        for job, reason in planned.waits:
            if reason != job.waiting_for:
                self._write(job, waiting_for=reason)
        for start in planned.starts:
            word = {"slot": start.slot, "gpus": list(start.gpus), "waiting_for": None}
            self._write(start.job, state=State.STARTING, started=time.time(), **word)
            self._launch(start.job, start.gpus)

    def _may_start(self, num_active: int) -> bool:
        """Whether a slot is free; GPUs, which cost more to ask, are looked at less often."""
        if num_active >= self._settings.slots:
            return False
        if count_gpus():
            if time.monotonic() < self._next_gpu_look:
                return False
            self._next_gpu_look = time.monotonic() + _GPU_LOOK_S
        return True

    def _launch(self, job: Job, gpus: Sequence[str]) -> None:
        """Bring the wrapper up; the word that it starts is written already."""
        attempt = attempt_folder(job.folder, job.attempt)
        task = make_task(
            self._home, job, gpus=gpus, slots=self._settings.slots, grace_s=self._grace_s
        )
        try:
            attempt.write_task(task)
            handle = self._executor(job).start(job, attempt)
        except (ExperimentError, OSError) as error:
            if attempt.bar():  # nobody starts it after this
                self._write(job, **after_false_start((str(error),), ended=time.time()))
            return
        if handle:
            self._write(job, handle=handle)

    def _executor(self, job: Job) -> Executor:
        if job.executor not in self._executors:
            self._executors[job.executor] = make_cluster(job.executor)
        return self._executors[job.executor]


def _takes_slot(job: Job) -> bool:
    return job.kind == "train" and job.executor == "local"


def _is_queued_training(job: Job) -> bool:
    return job.kind == "train" and job.state is State.QUEUED and not job.wanted
