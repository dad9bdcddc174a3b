"""What the queue knows: a job and the queue's settings, as the ledger's last words tell them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from store.layout import Home, check_run_id

JOB, SETTING = "job", "queue_setting"
"""Kinds of the queue's ledger."""
SETTINGS_ID: Final = "queue"


class State(StrEnum):
    """Where a job stands."""

    QUEUED = "queued"
    STARTING = "starting"
    """It has its slot; its process comes up."""
    RUNNING = "running"
    FINISHED = "finished"
    FAILED = "failed"
    STOPPED = "stopped"
    LOST = "lost"
    """Its processes are gone and left no word, as after a power cut."""

    @property
    def is_final(self) -> bool:
        """Whether the job has ended for good."""
        return self in _FINAL

    @property
    def is_active(self) -> bool:
        """Whether the job may have living processes."""
        return self in _ACTIVE


_FINAL: Final = frozenset({State.FINISHED, State.FAILED, State.STOPPED, State.LOST})
_ACTIVE: Final = frozenset({State.STARTING, State.RUNNING})


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """Something to run, running, or ended; one job is one execution."""

    id: str
    kind: str
    """``train``: one training in a slot; ``search``: a study's worker process, without a slot."""
    name: str
    state: State
    run_id: str | None
    """The run that a training writes; known before it starts."""
    study_id: str | None = None
    spec: Mapping[str, Any] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    priority: int = 0
    """Higher starts earlier."""
    order: float = 0.0
    """Among equal priorities the lower starts earlier."""
    executor: str = "local"
    options: Mapping[str, Any] = field(default_factory=dict)
    """For the executor, such as a SLURM partition."""
    num_gpus: int | None = None
    """GPUs wanted; None: one where there is one."""
    threads: int | None = None
    """CPU threads; None: the cores shared by the slots."""
    budget_s: float | None = None
    """Time after which the training is asked to stop."""
    resumes: bool = False
    """Whether it goes on from the run's last checkpoint."""
    parent: str | None = None
    """The job that this one tries again or resumes."""
    context: Mapping[str, Any] = field(default_factory=dict)
    """Working folder and environment of whoever submitted it."""
    attempt: int = 1
    """Counts the starts of a search, which is started again after a crash."""
    slot: int | None = None
    gpus: tuple[str, ...] = ()
    """Ids of the GPUs that it has."""
    waiting_for: str | None = None
    """What keeps a queued job from starting, in words."""
    wanted: str | None = None
    """``stop``: end gracefully; ``kill``: end now."""
    created: float
    """Times are seconds since 1970."""
    started: float | None = None
    ended: float | None = None
    exit_code: int | None = None
    error: str | None = None
    """The likely cause of a failure, in words."""
    last_lines: tuple[str, ...] = ()
    """The end of the output of a job that failed."""
    handle: Mapping[str, Any] = field(default_factory=dict)
    """What the executor needs to find it again."""
    home: Path
    """The store's folder."""

    @property
    def folder(self) -> Path:
        """Where its claim and its exit record lie."""
        return self.home / "queue" / "jobs" / self.id

    @property
    def output(self) -> Path:
        """What it prints; need not exist yet. What never became a run keeps its output itself."""
        kept = self.folder / "output.log"
        if self.run_id is None or kept.exists():
            return kept
        return self.home / "runs" / self.run_id / "output.log"

    @property
    def is_stopping(self) -> bool:
        """Whether it was asked to stop and has not ended yet."""
        return self.wanted is not None and not self.state.is_final

    def duration_s(self, now: float) -> float | None:
        """Return how long it ran or has been running; None if it never started."""
        return None if self.started is None else max(0.0, (self.ended or now) - self.started)


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueSettings:
    """How the queue of a store works."""

    slots: int
    """How many trainings run at the same time."""
    is_default: bool
    """Whether nobody has chosen the number of slots: one a GPU, or one."""
    paused: bool
    """Whether no job starts; what runs goes on."""


def job_folder(home: Home, job_id: str) -> Path:
    """Return the folder of a job, which need not exist.

    Raises
    ------
    store.RunNotFoundError
        If the id could lead out of the store.
    """
    return home.queue / "jobs" / check_run_id(job_id)


def as_job(home: Home, job_id: str, fields: Mapping[str, Any]) -> Job:
    """Return a job from its folded fields of the ledger.

    Raises
    ------
    store.RunNotFoundError
        If an id could lead out of the store.
    """
    run_id = fields.get("run_id")
    check_run_id(job_id)
    if run_id is not None:
        check_run_id(run_id)
    return Job(
        id=job_id,
        kind=fields["job_kind"],
        name=fields["name"],
        state=State(fields["state"]),
        run_id=run_id,
        study_id=fields.get("study_id"),
        spec=fields.get("spec") or {},
        labels=fields.get("labels") or {},
        priority=fields.get("priority", 0),
        order=fields.get("order", fields["created_us"] / 1e6),
        executor=fields.get("executor", "local"),
        options=fields.get("options") or {},
        num_gpus=fields.get("num_gpus"),
        threads=fields.get("threads"),
        budget_s=fields.get("budget_s"),
        resumes=fields.get("resumes", False),
        parent=fields.get("parent"),
        context=fields.get("context") or {},
        attempt=fields.get("attempt", 1),
        slot=fields.get("slot"),
        gpus=tuple(fields.get("gpus") or ()),
        waiting_for=fields.get("waiting_for"),
        wanted=fields.get("wanted"),
        created=fields["created_us"] / 1e6,
        started=fields.get("started"),
        ended=fields.get("ended"),
        exit_code=fields.get("exit_code"),
        error=fields.get("error"),
        last_lines=tuple(fields.get("last_lines") or ()),
        handle=fields.get("handle") or {},
        home=home.path,
    )
