"""Start one training as a separate process and stop it: the seam that every front end uses."""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import store
from experiments import processes
from store.layout import Home

if TYPE_CHECKING:
    from trainers.spec import RunSpec

_THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


@dataclass(frozen=True, slots=True, kw_only=True)
class Launched:
    """A training that was started."""

    run_id: str
    pid: int
    folder: Path
    process: subprocess.Popen[bytes] = field(repr=False, compare=False)

    @property
    def output(self) -> Path:
        """The file that holds what the training prints."""
        return self.folder / "output.log"

    @property
    def is_running(self) -> bool:
        """Whether the process is alive."""
        return self.process.poll() is None


def launch(
    spec: "RunSpec",
    *,
    home: str | os.PathLike[str] | None = None,
    run_id: str | None = None,
    threads: int | None = None,
) -> Launched:
    """Start a training process for a checked spec and return at once.

    Parameters
    ----------
    spec
        What to train.
    home
        The store's folder; ``BAKEOFF_HOME`` or ``./.bakeoff`` if None.
    run_id
        Id of the new run; a fresh one if None.
    threads : >= 1
        CPU threads for the training; all cores if None.

    Raises
    ------
    store.HomeNotWritableError
        If the store's folder cannot be written.
    store.RunExistsError
        If the id is taken.
    """
    place = Home.locate(home).create()
    run = place.run(run_id or store.new_run_id())
    spec_file = _write_spec(spec, run.path)
    process = processes.start(
        [sys.executable, "-m", "trainers", spec_file, "--home", place.path, "--id", run.id],
        output=run.output,
        env={
            # The file descriptor already leads to output.log: a tee would print each line twice.
            "BAKEOFF_CAPTURE": "0",
            **({} if threads is None else dict.fromkeys(_THREAD_VARIABLES, str(threads))),
        },
    )
    return Launched(run_id=run.id, pid=process.pid, folder=run.path, process=process)


def stop(launched: Launched, *, grace_s: float = 10.0) -> int:
    """Stop a training, gracefully at first, and return its exit code (0 if it had finished).

    Parameters
    ----------
    launched
        Started by `launch`.
    grace_s : seconds
        Time to write a last checkpoint before its whole process group is killed.
    """
    return processes.stop(launched.process, grace_s=grace_s)


def discard_if_unborn(launched: Launched) -> None:
    """Remove the folder of an ended training that failed before it became a run."""
    if not launched.is_running and not (launched.folder / "run.json").exists():
        shutil.rmtree(launched.folder, ignore_errors=True)


def _write_spec(spec: "RunSpec", folder: Path) -> Path:
    try:
        folder.mkdir(parents=True)
    except FileExistsError:
        raise store.RunExistsError(
            f"Expected a new run id; got {folder.name!r}, which is taken. Choose another."
        ) from None
    path = folder / "spec.json"
    path.write_text(spec.model_dump_json(indent=2), encoding="utf-8")
    return path
