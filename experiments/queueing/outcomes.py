"""What an ended attempt means for its job: the state, the reason, the fields to write."""

from typing import Any

from experiments.queueing.attempts import ExitRecord
from experiments.queueing.causes import last_lines, likely_cause
from experiments.queueing.jobs import Job, State

_BY_SIGNAL = frozenset({130, 143})
_REFUSED = 2
_VANISHED = "Its processes are gone without a word: killed, or the machine went down."
_HINT = "Resume goes on from the last checkpoint, if there is one."


def after_exit(job: Job, record: ExitRecord) -> dict[str, Any]:
    """Return what to write of a job that left an exit record."""
    state = _state(job, record)
    return {
        "state": state,
        "ended": record.ended,
        "exit_code": record.code,
        "error": _why_stopped(job, record) if state is State.STOPPED else record.error,
        "last_lines": list(record.last_lines),
        "slot": None,
    }


def after_vanishing(job: Job, reason: str | None, *, ended: float) -> dict[str, Any]:
    """Return what to write of a job whose processes are gone and left no exit record.

    Parameters
    ----------
    reason
        What a cluster says of it, if one does.
    """
    is_wanted = job.wanted is not None
    return {
        "state": State.STOPPED if is_wanted else State.LOST,
        "ended": ended,
        "error": None if is_wanted else f"{reason or _VANISHED} {_HINT}",
        "last_lines": [] if is_wanted else list(last_lines(job.output)),
        "slot": None,
    }


def after_false_start(lines: tuple[str, ...], *, ended: float) -> dict[str, Any]:
    """Return what to write of a job whose wrapper did not come up.

    Parameters
    ----------
    lines
        What there is to say why.
    """
    return {
        "state": State.FAILED,
        "ended": ended,
        "error": f"It could not be started. {likely_cause(1, lines)}",
        "last_lines": list(lines),
        "slot": None,
    }


def is_crash(fields: dict[str, Any]) -> bool:
    """Whether an ending is one after which a search is started again."""
    is_refused = fields.get("exit_code") == _REFUSED
    return fields["state"] in {State.FAILED, State.LOST} and not is_refused


def _state(job: Job, record: ExitRecord) -> State:
    if record.code == 0:
        return State.FINISHED
    if job.wanted or record.ended_by or record.code in _BY_SIGNAL:
        return State.STOPPED
    return State.FAILED


def _why_stopped(job: Job, record: ExitRecord) -> str | None:
    if record.ended_by == "budget":
        return f"Its time budget of {job.budget_s:g} s was used up."
    if record.ended_by is None and not job.wanted:
        return "A signal from outside the queue stopped it."
    return None
