"""The other processes of a training that runs in several: each logs into its own channel.

Rank 0 is the run: its record, events, heartbeat and end are its alone. The points of rank 1 are
the metrics ``rank1/…`` of the same run, so that nothing is there twice and nothing is lost. A
rank holds its segment's lock while it lives; until then the run's journals are not put away.
"""

import atexit
import fcntl
import json
import os
import threading
import time
from collections.abc import Mapping
from typing import Any

from store.errors import RunNotFoundError
from store.events import EventLog
from store.layout import RunFolder
from store.recording import Run

_PATIENCE_S = 60.0


def rank_of(rank: int | None) -> int:
    """Return this process's rank: as given, or as torch's launchers say it; 0 outside of them."""
    if rank is not None:
        return rank
    said = os.environ.get("RANK") or os.environ.get("LOCAL_RANK") or "0"
    return int(said) if said.isdigit() else 0


def join(files: RunFolder, rank: int, *, last_step: int, fsync_s: float) -> "RankRun":
    """Take part in a run that rank 0 starts; wait for it if it has not yet.

    Raises
    ------
    RunNotFoundError
        If rank 0 does not start it within a minute.
    """
    deadline = time.monotonic() + _PATIENCE_S
    while not files.header.exists():
        if time.monotonic() > deadline:
            raise RunNotFoundError(
                f"Expected rank 0 to start run {files.id!r} within a minute; rank {rank} still "
                "waits. Give every rank the same id and the same BAKEOFF_HOME."
            )
        time.sleep(0.02)
    header = json.loads(files.header.read_text(encoding="utf-8"))
    return RankRun(files, header, rank=rank, last_step=last_step, fsync_s=fsync_s)


class RankRun(Run):
    """A run as a rank above 0 has it: `log` writes points, everything else is left to rank 0."""

    def __init__(
        self,
        files: RunFolder,
        header: dict[str, Any],
        *,
        rank: int,
        last_step: int,
        fsync_s: float,
    ) -> None:
        age_s = max(0.0, time.time() - header["created_us"] / 1e6)
        super().__init__(
            files,
            header,
            clock_start=time.perf_counter() - age_s,
            last_step=last_step,
            channel=f"rank{rank}",
            events=_NoEvents(files.events),
        )
        self._prefix = f"rank{rank}/"
        self._held = os.open(self._writer.path, os.O_RDONLY | os.O_CLOEXEC)
        fcntl.flock(self._held, fcntl.LOCK_EX)  # see store.liveness.is_held
        self._over = threading.Event()
        self._fsync_s = fsync_s
        self._syncing = threading.Thread(target=self._sync, name="bakeoff-rank", daemon=True)
        self._syncing.start()
        atexit.register(self._finish_at_exit)

    def log(
        self, metrics: Mapping[str, Any], step: int | None = None, epoch: float | None = None
    ) -> None:
        """Record values as ``rank<n>/…``; see `Run.log`."""
        named: Any = metrics
        if isinstance(metrics, Mapping):
            named = {
                self._prefix + key if isinstance(key, str) else key: value
                for key, value in metrics.items()
            }
        self._writer.log(named, step, epoch)

    def log_predictions(self, *_arguments: Any, **_options: Any) -> None:
        """Do nothing: rank 0 keeps the predictions."""

    def finish(self, status: str = "finished", error: str | None = None) -> None:
        """End this rank's part; the run ends with rank 0."""
        super().finish(status, error)
        self._over.set()
        if self._held >= 0:
            fcntl.flock(self._held, fcntl.LOCK_UN)
            os.close(self._held)
            self._held = -1

    def _keep(self, write: Any, *arguments: Any) -> None:
        """Do nothing: rank 0 keeps files."""

    def _sync(self) -> None:
        while not self._over.wait(self._fsync_s):
            self._writer.sync()


class _NoEvents(EventLog):
    """Takes events and leaves them to rank 0."""

    def append(self, kind: str, *, sync: bool = False, **fields: Any) -> bool:  # noqa: ARG002
        return True
