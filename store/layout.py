"""Where everything of a store lies on disk, and how its folder comes to be."""

import json
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from store.errors import HomeNotWritableError, RunNotFoundError

_BASE32 = "0123456789abcdefghjkmnpqrstvwxyz"
_IDENTIFIER = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-")


def new_run_id() -> str:
    """Return a new run id: 14 characters that sort by time of creation.

    Nine characters of milliseconds since 1970 in base 32, then 25 random bits.
    """
    milliseconds, chance = time.time_ns() // 1_000_000, int.from_bytes(os.urandom(4), "big")
    number = (milliseconds << 25) | (chance >> 7)
    return "".join(_BASE32[number >> shift & 31] for shift in range(65, -5, -5))


def check_run_id(run_id: str) -> str:
    """Return `run_id` if it can be a folder's name that stays inside the store.

    Raises
    ------
    RunNotFoundError
        If it holds anything but letters, digits, ``.``, ``_`` and ``-``, or is too long.
    """
    if not run_id or len(run_id) > 100 or run_id[0] == "." or not _IDENTIFIER.issuperset(run_id):
        raise RunNotFoundError(
            "Expected a run id of at most 100 letters, digits, '.', '_' or '-', not starting "
            f"with a dot; got {run_id!r}. Take it from `bakeoff ls`."
        )
    return run_id


@dataclass(frozen=True, slots=True)
class RunFolder:
    """The files of one run: complete by itself, so it can be copied, zipped or archived."""

    path: Path

    @property
    def id(self) -> str:
        """The run's id, which is the folder's name."""
        return self.path.name

    @property
    def header(self) -> Path:
        """Identity and configuration, written before the first point."""
        return self.path / "run.json"

    @property
    def events(self) -> Path:
        """Everything that is not a number, one JSON object a line."""
        return self.path / "events.jsonl"

    @property
    def heartbeat(self) -> Path:
        """A small file that the living process rewrites."""
        return self.path / "heartbeat"

    @property
    def output(self) -> Path:
        """What the training printed."""
        return self.path / "output.log"

    @property
    def checkpoints(self) -> Path:
        """Model weights."""
        return self.path / "checkpoints"

    @property
    def files(self) -> Path:
        """Artifacts, images and other files of the run."""
        return self.path / "files"

    @property
    def predictions(self) -> Path:
        """One Parquet file a split."""
        return self.path / "predictions"

    def segments(self) -> list[Path]:
        """Return the journal segments, in the order in which they were opened."""
        return sorted(self.path.glob("points-*.bin"))

    @property
    def sealed(self) -> Path:
        """All points of an ended run, in one Parquet file."""
        return self.path / "points.parquet"

    def open_segment(self, channel: str) -> Path:
        """Create a new journal segment of `channel` and return its path.

        Its name is never used again, whatever becomes of the file, and sorts by time.
        """
        path = self.path / f"points-{channel}-{new_run_id()}.bin"
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644))
        return path


@dataclass(frozen=True, slots=True)
class Home:
    """A store's folder."""

    path: Path

    @classmethod
    def locate(cls, home: str | os.PathLike[str] | None = None) -> "Home":
        """Return the home named by `home`, ``BAKEOFF_HOME`` or, failing both, ``./.bakeoff``."""
        named = home or os.environ.get("BAKEOFF_HOME") or ".bakeoff"
        return cls(Path(named).expanduser().absolute())

    @property
    def database(self) -> Path:
        """History and index; can be rebuilt from the runs."""
        return self.path / "store.duckdb"

    @property
    def hub(self) -> Path:
        """Address and token of the live hub."""
        return self.path / "hub.json"

    @property
    def runs(self) -> Path:
        """One folder a run."""
        return self.path / "runs"

    @property
    def queue(self) -> Path:
        """Jobs: what is to run, runs and ran."""
        return self.path / "queue"

    @property
    def studies(self) -> Path:
        """One folder a study."""
        return self.path / "studies"

    @property
    def releases(self) -> Path:
        """Releases, the policy and the audit log."""
        return self.path / "releases"

    @property
    def trash(self) -> Path:
        """Runs that were deleted and can be restored."""
        return self.path / "trash"

    @property
    def artifacts(self) -> Path:
        """Content of artifacts, once each, under its SHA-256; runs have hard links to it."""
        return self.path / "artifacts"

    @property
    def lock(self) -> Path:
        """Held by the process that owns the store."""
        return self.path / "owner.lock"

    def trashed(self, run_id: str) -> RunFolder:
        """Return the folder of the run `run_id` in the trash, which need not exist.

        Raises
        ------
        RunNotFoundError
            If the id could lead out of the store.
        """
        return RunFolder(self.trash / check_run_id(run_id))

    def run(self, run_id: str) -> RunFolder:
        """Return the folder of the run `run_id`, which need not exist.

        Raises
        ------
        RunNotFoundError
            If the id could lead out of the store.
        """
        return RunFolder(self.runs / check_run_id(run_id))

    def create(self) -> "Home":
        """Make the folder if it is missing, ignored by git, and return it.

        Raises
        ------
        HomeNotWritableError
            If it cannot be made or written.
        """
        try:
            self.runs.mkdir(parents=True, exist_ok=True)
            ignore = self.path / ".gitignore"
            if not ignore.exists():
                ignore.write_text("*\n", encoding="utf-8")
        except OSError as error:
            raise _not_writable(self.path, error) from error
        if not os.access(self.runs, os.W_OK | os.X_OK):
            raise _not_writable(self.path, None)
        return self


def _not_writable(path: Path, error: OSError | None) -> HomeNotWritableError:
    reason = error.strerror if error else "permission denied"
    return HomeNotWritableError(
        f"Expected a folder that can be written; got {path} ({reason}). "
        "Change its permissions, or choose another with BAKEOFF_HOME or --home."
    )


def write_json(path: Path, value: Any, *, mode: int = 0o644) -> None:
    """Write `value` as JSON so that readers see the old file or the new one, never a part.

    The content is on disk before the name points to it.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{os.urandom(4).hex()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(value, file, ensure_ascii=False, indent=1)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
