"""Runs attempts on a SLURM cluster through submitit (the extra ``bakeoff[slurm]``).

The store's folder has to lie on a file system that the nodes share. With the option
``cluster=local`` submitit runs the job on this machine, without SLURM.
"""

import math
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from subprocess import CalledProcessError
from typing import Any

import submitit
from submitit.core.utils import FailedSubmissionError

from experiments.errors import ExecutorError
from experiments.queueing.attempts import AttemptFolder
from experiments.queueing.executors.cluster import ClusterExecutor, Standing
from experiments.queueing.jobs import Job
from experiments.queueing.wrapper import run_attempt

_OVER = frozenset(
    {
        *("COMPLETED", "FAILED", "CANCELLED", "TIMEOUT", "NODE_FAIL", "OUT_OF_MEMORY", "PREEMPTED"),
        *("BOOT_FAIL", "DEADLINE", "REVOKED"),
        *("FINISHED", "INTERRUPTED", "NO PROCESS AND NO RESULT"),  # submitit's local cluster
    }
)
_DAY_MIN, _SPARE_MIN = 24 * 60, 5
_FOR_SLURM_ALONE = ("partition", "account", "qos", "constraint")


class SlurmExecutor(ClusterExecutor):
    """Submits one SLURM job an attempt."""

    name = "SLURM"

    def __init__(self) -> None:
        super().__init__()
        self._jobs: dict[str, submitit.Job[int]] = {}

    def start(self, job: Job, attempt: AttemptFolder) -> dict[str, Any]:
        """Submit the wrapper with sbatch, or to submitit's local cluster."""
        cluster = str(job.options.get("cluster", "slurm"))
        folder = attempt.path / "submitit"
        try:
            executor = submitit.AutoExecutor(folder=folder, cluster=cluster)
            executor.update_parameters(**_parameters(job, cluster))
            submitted = executor.submit(run_attempt, attempt.path)
        except (RuntimeError, ValueError, NameError, FailedSubmissionError) as error:
            raise ExecutorError(f"Expected SLURM to take the job; got: {error}") from error
        self._jobs[submitted.job_id] = submitted
        return {"cluster": cluster, "id": submitted.job_id, "folder": str(folder)}

    def standing(self, handle: Mapping[str, Any]) -> Standing:
        """Ask sacct."""
        info = self._job(handle).get_info(mode="force")
        word = info.get("State") or info.get("jobState") or "UNKNOWN"
        first = word.split()[0].rstrip("+")  # "CANCELLED by 1000", "CANCELLED+"
        return Standing(is_over=word in _OVER or first in _OVER, word=word)

    def cancel(self, handle: Mapping[str, Any]) -> None:
        """Ask scancel."""
        with suppress(OSError, CalledProcessError):
            self._job(handle).cancel(check=False)

    def _job(self, handle: Mapping[str, Any]) -> "submitit.Job[int]":
        job_id = str(handle["id"])
        if job_id not in self._jobs:  # submitted by a supervisor before us
            kind = submitit.SlurmJob if handle["cluster"] == "slurm" else submitit.LocalJob
            self._jobs[job_id] = kind(folder=Path(handle["folder"]), job_id=job_id)
        return self._jobs[job_id]


def _parameters(job: Job, cluster: str) -> dict[str, Any]:
    limit_min = _DAY_MIN
    if job.budget_s is not None:  # our own budget comes first; SLURM's is the net below it
        limit_min = math.ceil(job.budget_s / 60) + _SPARE_MIN
    parameters: dict[str, Any] = {"name": f"bakeoff-{job.id}", "timeout_min": limit_min}
    parameters["gpus_per_node"] = job.num_gpus or 0
    for name in ("mem_gb", "cpus_per_task", "timeout_min"):
        if name in job.options:
            parameters[name] = int(job.options[name])
    if cluster == "slurm":
        chosen = {name: job.options[name] for name in _FOR_SLURM_ALONE if name in job.options}
        parameters |= {f"slurm_{name}": str(value) for name, value in chosen.items()}
    return parameters
