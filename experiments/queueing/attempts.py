"""One attempt at a job, on disk: the seam between who starts it and the wrapper that runs it.

::

    queue/jobs/<job id>/attempt-<n>/
      task.json     what to run, written by the supervisor
      claim.json    who runs it; made once, by the wrapper that was first
      stop          what a wrapper on another machine is asked for: stop or kill
      exit.json     how it ended, written by the wrapper at the very end
      wrapper.log   what the wrapper itself had to say
"""

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from store.layout import write_json
from store.liveness import describe_process

MARKER = "BAKEOFF_JOB"
"""Variable that a wrapper and all that it starts have from birth, with a word of their own."""
GRACE_S = 30.0
"""How long a job may take to save and leave before it is killed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """What a wrapper has to run; plain values, so that it can be a file."""

    job_id: str
    kind: str
    home: str
    run_id: str | None
    study_id: str | None
    spec: Mapping[str, Any] = field(default_factory=dict)
    resumes: bool = False
    budget_s: float | None = None
    grace_s: float = GRACE_S
    is_supervised: bool = True
    """Whether a supervisor on this machine looks after it, and should be brought back if gone."""
    cwd: str | None = None
    env: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExitRecord:
    """How an attempt ended, as the wrapper saw it."""

    code: int
    """128 plus the signal's number if a signal ended it."""
    ended: float
    """Seconds since 1970."""
    ended_by: str | None = None
    """``stop``, ``kill`` or ``budget`` if the wrapper ended it, else None."""
    error: str | None = None
    last_lines: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AttemptFolder:
    """The files of one attempt."""

    path: Path

    @property
    def log(self) -> Path:
        """What the wrapper printed."""
        return self.path / "wrapper.log"

    def write_task(self, task: Task) -> None:
        """Write what to run; the same again does no harm."""
        self.path.mkdir(parents=True, exist_ok=True)
        write_json(self.path / "task.json", asdict(task))

    def read_task(self) -> Task:
        """Return what to run.

        Raises
        ------
        OSError, ValueError
            If the file is missing or damaged.
        """
        return Task(**json.loads((self.path / "task.json").read_bytes()))

    def claim(self) -> bool:
        """Claim the attempt for this process; return False if another one was first.

        The claim appears whole or not at all: nobody ever reads half of it.
        """
        mark = os.environ.get(MARKER, "")
        return self._claim_for({**describe_process(beats=False), "mark": mark})

    def bar(self) -> bool:
        """Claim the attempt for nobody, so that it never runs; return False if it is too late."""
        nobody = {"pid": -1, "started_ticks": None, "mark": ""}
        return self._claim_for({**describe_process(beats=False), **nobody})

    def _claim_for(self, process: dict[str, Any]) -> bool:
        self.path.mkdir(parents=True, exist_ok=True)
        draft = self.path / f".claim.{os.getpid()}.{os.urandom(4).hex()}"
        write_json(draft, process)
        try:
            os.link(draft, self.path / "claim.json")
        except FileExistsError:
            return False
        finally:
            draft.unlink()
        return True

    def read_claim(self) -> dict[str, Any] | None:
        """Return the process that runs the attempt, as `store.liveness` describes it."""
        return _read(self.path / "claim.json")

    def ask(self, word: str) -> None:
        """Ask a wrapper that no signal reaches to ``stop``, or to ``kill`` what it started."""
        draft = self.path / f".stop.{os.getpid()}"
        draft.write_text(word, encoding="ascii")
        draft.replace(self.path / "stop")

    def asked(self) -> str | None:
        """Return what the wrapper is asked for."""
        with suppress(OSError):
            return (self.path / "stop").read_text(encoding="ascii")
        return None

    def write_exit(self, record: ExitRecord) -> None:
        """Write how the attempt ended.

        Raises
        ------
        OSError
            If the disk refuses it.
        """
        write_json(self.path / "exit.json", asdict(record))

    def read_exit(self) -> ExitRecord | None:
        """Return how the attempt ended; None if it has not, or could not say so."""
        fields = _read(self.path / "exit.json")
        if fields is None:
            return None
        return ExitRecord(**{**fields, "last_lines": tuple(fields["last_lines"])})


def attempt_folder(job_folder: Path, attempt: int) -> AttemptFolder:
    """Return the folder of one attempt at a job, which need not exist."""
    return AttemptFolder(job_folder / f"attempt-{attempt}")


def _read(path: Path) -> dict[str, Any] | None:
    with suppress(OSError, ValueError):
        return json.loads(path.read_bytes())
    return None
