"""Runs attempts as Ray Jobs (the extra ``bakeoff[ray]``).

The store's folder has to be seen by the cluster's nodes. The option ``address`` names the
cluster's dashboard, such as ``http://127.0.0.1:8265``; else ``RAY_API_SERVER_ADDRESS`` does.
"""

import shlex
import sys
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from ray.job_submission import (  # pyright: ignore[reportMissingImports]  # an extra
    JobStatus,
    JobSubmissionClient,
)

from experiments.errors import ExecutorError
from experiments.queueing.attempts import GRACE_S, AttemptFolder
from experiments.queueing.executors.cluster import ClusterExecutor, Standing
from experiments.queueing.jobs import Job

_OVER = frozenset({JobStatus.SUCCEEDED, JobStatus.FAILED, JobStatus.STOPPED})


class RayExecutor(ClusterExecutor):
    """Submits one Ray Job an attempt."""

    name = "Ray"

    def __init__(self) -> None:
        super().__init__()
        self._clients: dict[str, JobSubmissionClient] = {}

    def start(self, job: Job, attempt: AttemptFolder) -> dict[str, Any]:
        """Submit the wrapper; the same attempt twice is one Ray Job."""
        address = str(job.options.get("address", ""))
        submission = f"bakeoff-{job.id}-{job.attempt}"
        path = [folder for folder in sys.path if folder]
        variables = {
            "PYTHONPATH": ":".join(path),
            "RAY_JOB_STOP_WAIT_TIME_S": str(round(GRACE_S) + 10),
        }
        try:
            self._client(address).submit_job(
                # Ray hands this to a shell: our own words only, quoted.
                entrypoint=shlex.join(
                    [sys.executable, "-m", "experiments.queueing.wrapper", str(attempt.path)]
                ),
                submission_id=submission,
                runtime_env={"env_vars": variables},
                entrypoint_num_cpus=job.threads or 1,
                entrypoint_num_gpus=job.num_gpus or None,
            )
        except (RuntimeError, ConnectionError) as error:
            if "already exists" not in str(error):
                raise ExecutorError(f"Expected Ray to take the job; got: {error}") from error
        return {"address": address, "id": submission}

    def standing(self, handle: Mapping[str, Any]) -> Standing:
        """Ask Ray; a cluster that does not answer may come back."""
        try:
            info = self._client(str(handle["address"])).get_job_info(str(handle["id"]))
        except (RuntimeError, ConnectionError) as error:
            return Standing(is_over="does not exist" in str(error), word=str(error))
        word = info.status.value if not info.message else f"{info.status.value}: {info.message}"
        return Standing(is_over=info.status in _OVER, word=word)

    def cancel(self, handle: Mapping[str, Any]) -> None:
        """Ask Ray to stop it."""
        with suppress(RuntimeError, ConnectionError):
            self._client(str(handle["address"])).stop_job(str(handle["id"]))

    def _client(self, address: str) -> JobSubmissionClient:
        if address not in self._clients:
            self._clients[address] = JobSubmissionClient(address or None)
        return self._clients[address]
