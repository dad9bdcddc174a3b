"""Which waiting jobs start now, in which slot, on which GPUs: a pure function of what is known."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

from experiments.queueing.gpus import Gpu
from experiments.queueing.jobs import Job

FREE_SHARE = 0.8
"""A GPU counts as free if so much of its memory, or of our part of it, is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """A job that starts now."""

    job: Job
    slot: int | None
    gpus: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What to do with the jobs that wait."""

    starts: tuple[Start, ...]
    refused: tuple[tuple[Job, str], ...]
    """Jobs that can never start here, and why."""
    waits: tuple[tuple[Job, str], ...]
    """Jobs that wait, and for what."""


def plan(waiting: Sequence[Job], active: Sequence[Job], slots: int, gpus: Sequence[Gpu]) -> Plan:
    """Decide who starts.

    A slot goes to the first job in order. A job that waits for a GPU holds back the GPU jobs
    behind it, so that a large one is not passed for ever, but not those that need none. With more
    slots than GPUs, several jobs share one.

    Parameters
    ----------
    waiting
        Jobs of this machine, in the order in which they should start.
    active
        Jobs that have a slot.
    slots : >= 1
        How many there are.
    gpus
        The GPUs that we may use, with their free memory now; may be empty.
    """
    free_slots = sorted(set(range(slots)) - {job.slot for job in active})
    share = ceil(slots / len(gpus)) if gpus else 1
    load = Counter(gpu for job in active for gpu in job.gpus)
    starts: list[Start] = []
    refused: list[tuple[Job, str]] = []
    waits: list[tuple[Job, str]] = []
    is_held = False
    for job in waiting:
        wanted = _gpus_wanted(job, gpus)
        if wanted > len(gpus):
            refused.append((job, f"Expected at most {len(gpus)} GPUs; it asks for {wanted}."))
            continue
        if not free_slots:
            waits.append((job, "a free slot"))
            continue
        if wanted and is_held:
            waits.append((job, "a GPU, behind the job before it"))
            continue
        free = [gpu for gpu in gpus if _is_free(gpu, load[gpu.id], share)]
        if wanted > len(free):
            is_held = True
            waits.append((job, _lack(gpus, load, share)))
            continue
        chosen = tuple(gpu.id for gpu in sorted(free, key=lambda gpu: load[gpu.id])[:wanted])
        load.update(chosen)
        starts.append(Start(job=job, slot=free_slots.pop(0), gpus=chosen))
    return Plan(starts=tuple(starts), refused=tuple(refused), waits=tuple(waits))


def _gpus_wanted(job: Job, gpus: Sequence[Gpu]) -> int:
    return min(1, len(gpus)) if job.num_gpus is None else job.num_gpus


def _is_free(gpu: Gpu, num_ours: int, share: int) -> bool:
    return num_ours < share and gpu.free_bytes >= FREE_SHARE * gpu.total_bytes / share


def _lack(gpus: Sequence[Gpu], load: Counter[str], share: int) -> str:
    taken = [gpu.id for gpu in gpus if load[gpu.id] >= share]
    full = [gpu for gpu in gpus if load[gpu.id] < share and not _is_free(gpu, load[gpu.id], share)]
    parts = [f"GPU {', '.join(taken)} in use by other jobs"] if taken else []
    parts += [
        f"GPU {gpu.id} has {gpu.free_bytes / 2**30:.1f} of {gpu.total_bytes / 2**30:.1f} GiB free"
        for gpu in full
    ]
    return f"a free GPU ({'; '.join(parts)})"
