"""The queue as everybody sees it: submit jobs, look at them, change what is wanted of them.

Nothing here starts a training. Wishes are appended to the queue's ledger; one supervisor a store
(`experiments.queueing.supervisor`) reads them, starts the processes and writes what became of them.
"""

import os
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import store
from experiments.errors import UsageError
from experiments.queueing import queue_reading
from experiments.queueing.jobs import (
    JOB,
    SETTING,
    SETTINGS_ID,
    Job,
    QueueSettings,
    State,
    job_folder,
)
from experiments.queueing.queue_checks import check_executor, check_labels, check_wishes
from experiments.queueing.queue_reading import HomeLike, in_order, ledger_of, settings
from experiments.queueing.supervisor import ensure_supervisor
from store.layout import Home, check_run_id

if TYPE_CHECKING:
    from trainers.spec import RunSpec

__all__ = [
    "cancel",
    "in_order",
    "job",
    "jobs",
    "move",
    "pause",
    "prepare",
    "resume",
    "retry",
    "set_priority",
    "set_slots",
    "settings",
    "stop",
    "submit",
    "submit_search",
]

MAX_SLOTS = 256
_KEPT_VARIABLES = ("BAKEOFF_PLUGINS", "BAKEOFF_CACHE", "PYTHONPATH")


def submit(  # noqa: PLR0913  # one option a wish
    home: HomeLike,
    spec: "RunSpec",
    *,
    name: str | None = None,
    priority: int = 0,
    labels: Mapping[str, str] | None = None,
    run_id: str | None = None,
    budget_s: float | None = None,
    gpus: int | None = None,
    threads: int | None = None,
    executor: str = "local",
    options: Mapping[str, Any] | None = None,
) -> Job:
    """Add a training to the queue and return at once.

    Parameters
    ----------
    home
        The store's folder; ``BAKEOFF_HOME`` or ``./.bakeoff`` if None.
    spec
        What to train.
    name
        For people; the spec's name, or the model's kind and the end of the run's id.
    priority
        Higher starts earlier.
    labels
        Recorded with the run, such as its study and trial.
    run_id
        Id of the new run; a fresh one if None.
    budget_s : > 0, seconds
        Time after which the training is asked to stop; None: no limit.
    gpus : >= 0
        How many GPUs it needs; None: one where there is one.
    threads : >= 1
        CPU threads; None: the cores shared by the slots.
    executor
        ``local``, ``slurm`` or ``ray``.
    options
        For the executor, such as ``{"partition": "gpu"}``.

    Raises
    ------
    UsageError
        If a value is out of its range or the executor is unknown.
    store.RunExistsError
        If the run's id is taken.
    store.StoreError
        If the store cannot be written.
    """
    place = Home.locate(home).create()
    run = place.run(run_id or store.new_run_id())
    if run.path.exists() or (run_id is not None and _is_promised(place, run_id)):
        raise store.RunExistsError(
            f"Expected a new run id; got {run.id!r}, which is taken. Choose another."
        )
    check_wishes(budget_s=budget_s, gpus=gpus, threads=threads)
    chosen = check_executor(executor, options or {})
    return _add(
        place,
        job_kind="train",
        name=name or spec.name or f"{spec.model.kind}-{run.id[-4:]}",
        run_id=run.id,
        spec=spec.to_mapping(),
        labels=check_labels(labels or {}),
        priority=int(priority),
        budget_s=budget_s,
        num_gpus=gpus,
        threads=threads,
        executor=executor,
        options=chosen,
    )


def submit_search(home: HomeLike, study_id: str) -> Job:
    """Have a study's search run: without a slot, and started again after a crash.

    A search of the study that has not ended is returned instead of a second one.

    Raises
    ------
    store.StoreError
        If the id cannot be a study's, or the store cannot be written.
    """
    place = Home.locate(home).create()
    check_run_id(study_id)
    for old in jobs(place.path):
        if old.study_id == study_id and not old.state.is_final and not old.wanted:
            ensure_supervisor(place.path)
            return old
    return _add(place, job_kind="search", name=f"search {study_id}", study_id=study_id)


def prepare(home: HomeLike) -> None:
    """Have a loaded training at hand soon, because somebody is about to want one.

    It is no more than a kindness: where the store cannot be written, nothing happens.
    """
    with suppress(store.StoreError, OSError):
        ensure_supervisor(home)


def jobs(home: HomeLike) -> list[Job]:
    """Return all jobs, oldest first; if any is open, somebody looks after it from now on."""
    found = queue_reading.jobs(home)
    if not all(one.state.is_final for one in found):
        ensure_supervisor(home)
    return found


def job(home: HomeLike, job_id: str) -> Job:
    """Return one job; if it is open, somebody looks after it from now on.

    Raises
    ------
    JobNotFoundError
        If there is none of that id.
    """
    found = queue_reading.job(home, job_id)
    if not found.state.is_final:
        ensure_supervisor(home)
    return found


def stop(home: HomeLike, job_id: str, *, hard: bool = False) -> Job:
    """Ask a job to end: a queued one never starts, a running one saves and leaves.

    Parameters
    ----------
    hard
        End it now, without a last checkpoint.

    Raises
    ------
    UsageError
        If the job has ended already, or there is none.
    """
    found = job(home, job_id)
    _refuse_ended(found)
    return _change(home, found, wanted="kill" if hard else "stop")


def cancel(home: HomeLike, job_id: str) -> Job:
    """Take a job that waits out of the queue.

    Raises
    ------
    UsageError
        If the job does not wait any more, or there is none.
    """
    found = job(home, job_id)
    if found.state is not State.QUEUED:
        raise UsageError(
            f"Expected a job that waits; {job_id} is {found.state}. "
            f"To end a running one: bakeoff queue stop {job_id}"
        )
    return _change(home, found, wanted="stop")


def retry(home: HomeLike, job_id: str) -> Job:
    """Add the same training again, as a new job with a new run.

    Raises
    ------
    UsageError
        If the job has not ended, or there is none.
    """
    old = _ended(home, job_id)
    if old.study_id is not None and old.kind == "search":
        return submit_search(home, old.study_id)
    return _again(home, old, run_id=store.new_run_id())


def resume(home: HomeLike, job_id: str) -> Job:
    """Add a job that goes on with an ended job's run from its last checkpoint.

    Raises
    ------
    UsageError
        If the job has not ended, finished, never became a run, or another job writes the run.
    """
    old = _ended(home, job_id)
    if old.study_id is not None and old.kind == "search":
        return submit_search(home, old.study_id)
    place = Home.locate(home)
    if old.state is State.FINISHED:
        raise UsageError(
            f"Expected a job that did not come to its end; {job_id} has finished. "
            f"Run it again: bakeoff queue retry {job_id}"
        )
    if old.run_id is None or not place.run(old.run_id).header.exists():
        raise UsageError(
            f"Expected a job that became a run; {job_id} ended before. "
            f"Start it anew: bakeoff queue retry {job_id}"
        )
    for other in jobs(home):
        if other.run_id == old.run_id and not other.state.is_final:
            raise UsageError(
                f"Expected a run that no job works on; job {other.id} is {other.state}. Stop it first."
            )
    return _again(home, old, run_id=old.run_id, resumes=True)


def set_priority(home: HomeLike, job_id: str, priority: int) -> Job:
    """Give a waiting job another priority; higher starts earlier.

    Raises
    ------
    UsageError
        If there is no such job, or it does not wait any more.
    """
    return _change(home, _waiting(home, job_id), priority=int(priority))


def move(home: HomeLike, job_id: str, position: int) -> Job:
    """Move a waiting job to a place among those that wait; 0 starts next.

    It takes the priority of the job whose place it takes.

    Raises
    ------
    UsageError
        If there is no such job, or it does not wait any more.
    """
    moved = _waiting(home, job_id)
    others = [one for one in in_order(jobs(home)) if one.id != job_id]
    if not others:
        return moved
    position = min(max(position, 0), len(others))
    before = others[position - 1] if position else None
    after = others[position] if position < len(others) else None
    priority, order = _between(before, after)
    return _change(home, moved, priority=priority, order=order)


def pause(home: HomeLike, paused: bool) -> QueueSettings:
    """Let no more jobs start, or let them start again; what runs goes on."""
    return _set(home, paused=paused)


def set_slots(home: HomeLike, slots: int | None) -> QueueSettings:
    """Choose how many trainings run at the same time.

    Parameters
    ----------
    slots : from 1 to 256
        None: one a GPU, or one where there is none.

    Raises
    ------
    UsageError
        If it is out of range.
    """
    if slots is not None and not 1 <= slots <= MAX_SLOTS:
        raise UsageError(f"Expected from 1 to {MAX_SLOTS} slots; got {slots}.")
    return _set(home, slots=slots)


def _add(place: Home, **fields: Any) -> Job:
    job_id = store.new_run_id()
    job_folder(place, job_id).mkdir(parents=True)
    context = {
        "cwd": str(Path.cwd()),
        "env": {name: os.environ[name] for name in _KEPT_VARIABLES if os.environ.get(name)},
    }
    fields = {"context": context, "order": time.time(), **fields}
    ledger_of(place.path).write(JOB, job_id, state=State.QUEUED.value, **fields)
    ensure_supervisor(place.path)
    return job(place.path, job_id)


def _is_promised(place: Home, run_id: str) -> bool:
    """Whether a job is going to make a run of this id."""
    items = ledger_of(place.path).items(JOB).values()
    return any(
        fields.get("run_id") == run_id and not State(fields["state"]).is_final for fields in items
    )


def _again(home: HomeLike, old: Job, *, run_id: str, resumes: bool = False) -> Job:
    return _add(
        Home.locate(home),
        job_kind=old.kind,
        name=old.name,
        run_id=run_id,
        spec=dict(old.spec),
        labels=dict(old.labels),
        priority=old.priority,
        budget_s=old.budget_s,
        num_gpus=old.num_gpus,
        threads=old.threads,
        executor=old.executor,
        options=dict(old.options),
        context=dict(old.context),
        parent=old.id,
        resumes=resumes,
    )


def _change(home: HomeLike, old: Job, **fields: Any) -> Job:
    place = Home.locate(home)
    ledger_of(place.path).write(JOB, old.id, **fields)
    ensure_supervisor(place.path)
    return job(place.path, old.id)


def _set(home: HomeLike, **fields: Any) -> QueueSettings:
    place = Home.locate(home).create()
    ledger_of(place.path).write(SETTING, SETTINGS_ID, **fields)
    ensure_supervisor(place.path)
    return settings(place.path)


def _ended(home: HomeLike, job_id: str) -> Job:
    found = job(home, job_id)
    if not found.state.is_final:
        raise UsageError(
            f"Expected a job that has ended; {job_id} is {found.state}. Stop it first."
        )
    return found


def _waiting(home: HomeLike, job_id: str) -> Job:
    found = job(home, job_id)
    if found.state is not State.QUEUED:
        raise UsageError(f"Expected a job that waits; {job_id} is {found.state}.")
    return found


def _refuse_ended(found: Job) -> None:
    if found.state.is_final:
        raise UsageError(f"Expected a job that has not ended; {found.id} is {found.state}.")


def _between(before: Job | None, after: Job | None) -> tuple[int, float]:
    """Return a priority and an order that put a job between two others, one of which there is."""
    if after is None:
        return (0, 0.0) if before is None else (before.priority, before.order + 1.0)
    if before is None or before.priority != after.priority:
        return after.priority, after.order - 1.0
    return after.priority, (before.order + after.order) / 2
