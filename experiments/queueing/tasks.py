"""From a job to the task that its wrapper runs: environment, threads, GPUs."""

import json
import os
from collections.abc import Sequence

from experiments.launch import thread_variables
from experiments.queueing.attempts import Task
from experiments.queueing.gpus import count_gpus
from experiments.queueing.jobs import Job
from store.layout import Home

PERSONAL = (
    *("BAKEOFF_RUN_ID", "BAKEOFF_NAME", "BAKEOFF_TAGS", "BAKEOFF_RUN_GROUP", "BAKEOFF_PROJECT"),
    *("BAKEOFF_MODE", "BAKEOFF_LABELS"),
)
"""Variables that describe one run of whoever started the supervisor, and are no job's."""


def make_task(home: Home, job: Job, *, gpus: Sequence[str], slots: int, grace_s: float) -> Task:
    """Return what the wrapper of a job has to run.

    Parameters
    ----------
    gpus
        Ids of those that the job has.
    slots : >= 1
        How many jobs share this machine's cores.
    grace_s : seconds
        How long it may take to leave when asked to.
    """
    env = dict.fromkeys(PERSONAL, "")
    env |= {str(name): str(value) for name, value in (job.context.get("env") or {}).items()}
    env |= thread_variables(job.threads or default_threads(slots))
    if job.kind == "train":
        env |= _gpu_variables(job, gpus)
        env["BAKEOFF_LABELS"] = json.dumps({**job.labels, "job": job.id})
    return Task(
        job_id=job.id,
        kind=job.kind,
        home=str(home.path),
        run_id=job.run_id,
        study_id=job.study_id,
        spec=job.spec,
        resumes=job.resumes,
        budget_s=job.budget_s,
        grace_s=grace_s,
        is_supervised=job.executor == "local",
        cwd=job.context.get("cwd"),
        env=env,
    )


def default_threads(slots: int) -> int:
    """Return the CPU threads of a training where so many share this machine's cores."""
    return max(1, len(os.sched_getaffinity(0)) // slots)


def _gpu_variables(job: Job, gpus: Sequence[str]) -> dict[str, str]:
    if job.executor != "local" or (not count_gpus() and job.num_gpus != 0):
        return {}  # the cluster decides, or there may be a GPU that we cannot see
    # Ids are NVML's; CUDA counts the same way only when told to.
    return {"CUDA_DEVICE_ORDER": "PCI_BUS_ID", "CUDA_VISIBLE_DEVICES": ",".join(gpus)}
