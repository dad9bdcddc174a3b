"""When a waiting job will start, judged by how long like ones took."""

import heapq
import math
import statistics
from collections.abc import Hashable, Mapping, Sequence

from experiments.queueing.jobs import Job, State

_LATEST = 5
"""So many of the like jobs that ended last are asked."""


def starts_in(
    active: Sequence[Job], waiting: Sequence[Job], ended: Sequence[Job], *, slots: int, now: float
) -> dict[str, float | None]:
    """Guess after how many seconds each waiting job will start.

    Jobs are alike that train the same kind of model on the same data of one project for as many
    epochs; a job takes what the median of the latest like ones took.

    Parameters
    ----------
    active
        Jobs that have a slot.
    waiting
        In the order in which they start.
    ended
        The latest first.
    slots
        How many jobs run at the same time.
    now : s since 1970

    Returns
    -------
    dict
        Seconds by a waiting job's id; None where nothing like it, or like what is before it, has
        finished yet.
    """
    took = _typical(ended)
    held = [job for job in active if job.slot is not None]
    free = [_left(job, took, now) for job in held]
    free += [0.0] * max(0, slots - len(held))
    heapq.heapify(free)
    found: dict[str, float | None] = {}
    for job in waiting:
        at = heapq.heappop(free) if free else math.inf
        found[job.id] = at if math.isfinite(at) else None
        heapq.heappush(free, at + took.get(_likeness(job), math.inf))
    return found


def _typical(ended: Sequence[Job]) -> dict[Hashable, float]:
    durations: dict[Hashable, list[float]] = {}
    for job in ended:
        known = durations.setdefault(_likeness(job), [])
        if job.state is State.FINISHED and job.ended is not None and len(known) < _LATEST:
            known.append(job.duration_s(job.ended) or 0.0)
    return {alike: statistics.median(known) for alike, known in durations.items() if known}


def _left(job: Job, took: Mapping[Hashable, float], now: float) -> float:
    return max(0.0, took.get(_likeness(job), math.inf) - (job.duration_s(now) or 0.0))


def _likeness(job: Job) -> Hashable:
    sections = {name: job.spec.get(name) or {} for name in ("data", "model", "training")}
    data, model, training = sections.values()
    return (
        job.spec.get("project"),
        data.get("kind"),
        data.get("path"),
        data.get("max_examples"),
        model.get("kind"),
        training.get("epochs"),
        job.resumes,
    )
