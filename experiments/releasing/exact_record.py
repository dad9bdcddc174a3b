"""The exact bootstrap of a release: computed behind it, kept beside it, and nothing rests on it.

``releases/<line>/vN.exact.json`` is written once, by a process of its own that `start` leaves
running; an entry of the audit log holds its hash. What that process says goes to
``.vN.exact.log``, on which it holds a lock for as long as it works.
"""

import argparse
import fcntl
import json
import os
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import store
from experiments import processes
from experiments.comparison import Gathered, gather_all
from experiments.evaluating.evidence import Candidate, Guard
from experiments.exact import RESAMPLES, ExactRecord, exact
from experiments.releasing.release_files import ReleaseError
from experiments.releasing.released import Release, load
from store import audit
from store.artifacts import sha256
from store.layout import Home
from store.reading import Store
from store.releases import sync_folder

ON_DEMAND = "BAKEOFF_EXACT"
"""Variable; "0": nothing is started."""
_ACTION = "exact"
_STARTS_S = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """How far the exact bootstrap of a release is."""

    sentence: str
    record: Mapping[str, Any] | None = None
    """as `experiments.exact.ExactRecord`; None if there is none that can be trusted"""
    is_running: bool = False


def start(home: Home, release: Release) -> bool:
    """Start the computation behind our back unless it runs or is done; return whether it started.

    Whatever keeps it from starting harms nobody: `read` says that there is no exact interval.
    """
    if os.environ.get(ON_DEMAND) == "0" or _path(release).exists() or _is_running(release):
        return False
    command = [sys.executable, "-m", "experiments.releasing.exact_record"]
    try:
        _log(release).unlink(missing_ok=True)
        process = processes.start(
            [*command, release.line, str(release.version), "--home", home.path],
            output=_log(release),
        )
    except OSError:
        return False
    threading.Thread(target=process.wait, daemon=True).start()  # leaves no zombie behind
    return True


def read(home: Home, release: Release) -> Kept:
    """Return the exact bootstrap of a release, or why there is none."""
    path = _path(release)
    if not path.exists():
        if _is_running(release):
            return Kept(sentence="Exact interval (bootstrap): being computed.", is_running=True)
        return Kept(
            sentence=f"Exact interval (bootstrap): not computed{_why_not(release)}. "
            f"Start it again: bakeoff release verify {release.ref}."
        )
    written = {
        entry.details.get("sha256")
        for entry in audit.entries(home)
        if (entry.action, entry.subject) == (_ACTION, release.ref)
    }
    try:
        is_ours = sha256(path) in written
        record: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if is_ours else {}
    except (OSError, ValueError):
        record = {}
    if not record:
        return Kept(
            sentence=f"Exact interval (bootstrap): {path.name} is not what was computed. Delete it "
            f"and compute it again: bakeoff release verify {release.ref}. The release is untouched."
        )
    return Kept(sentence=_told(record, release), record=record)


def compute(opened: Store, release: Release, *, resamples: int = RESAMPLES) -> ExactRecord:
    """Resample the examples of the released model and of the champion it was compared with.

    Raises
    ------
    ValueError, store.StoreError
        If the predictions that it takes are not there.
    """
    asked = release.record["evidence"]["question"]
    ids = list(dict.fromkeys([*asked["champion"][:1], release.runs[0]]))
    gathered = _gathered(opened, ids, asked["split"])
    if gathered.is_blocked and len(ids) > 1:  # another data set than the champion's
        gathered = _gathered(opened, ids[1:], asked["split"])
    return exact(gathered, level=asked["level"], resamples=resamples)


def write(home: Home, release: Release, found: ExactRecord) -> None:
    """Put what was found beside the release, once and whole; the audit log has its hash first.

    Raises
    ------
    OSError, store.StoreError
        If it cannot be written.
    """
    path = _path(release)
    temporary = path.with_name(f".{path.name}-{os.getpid()}")
    try:
        with temporary.open("w", encoding="utf-8") as file:
            file.write(found.to_json())
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(0o444)
        audit.append(
            home,
            _ACTION,
            release.ref,
            sha256=sha256(temporary),
            resamples=found.resamples,
            seed=found.seed,
        )
        with suppress(FileExistsError):
            os.link(temporary, path)
        sync_folder(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


def _gathered(opened: Store, ids: Sequence[str], split: str) -> Gathered:
    candidates = [Candidate(name=run_id, run_ids=(run_id,)) for run_id in ids]
    if len(candidates) > 1:
        return gather_all(opened, candidates, split)
    return Gathered.of(opened, candidates, split, Guard())


def _told(record: Mapping[str, Any], release: Release) -> str:
    """Return the interval of the metric that decides, in one sentence."""
    method = f"bootstrap, {record['resamples']:,} resamples, seed {record['seed']}"
    told = f"Exact interval ({method})"
    wanted = release.record["evidence"]["question"]["metric"]
    one = next((found for found in record["metrics"] if found["metric"] == wanted), None)
    if one is None:
        return f"{told}: it has no {wanted}, but {len(record['metrics'])} other metrics."
    told += f": {wanted} on {record['split']} {_span(one['values'][-1])}"
    if one["differences"]:
        told += f"; difference from the champion then {_span(one['differences'][-1])}"
    return f"{told}."


def _span(interval: Mapping[str, float | None]) -> str:
    estimate, low, high = (interval[name] for name in ("estimate", "low", "high"))
    if estimate is None:
        return "not defined"
    limits = "no interval" if low is None or high is None else f"{low:.4f} to {high:.4f}"
    return f"{estimate:.4f} ({limits})"


def _why_not(release: Release) -> str:
    try:
        lines = _log(release).read_text(encoding="utf-8", errors="replace").strip().splitlines()
    except OSError:
        return ""
    return f": {lines[-1].rstrip('.')}" if lines else ": it was interrupted"


def _is_running(release: Release) -> bool:
    """Whether a process holds the log, or was started just now and has not come to that."""
    try:
        with _log(release).open("rb") as file:
            told = os.fstat(file.fileno())
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return told.st_size == 0 and time.time() - told.st_mtime < _STARTS_S


def _path(release: Release) -> Path:
    return release.folder.with_name(f"v{release.version}.exact.json")


def _log(release: Release) -> Path:
    return release.folder.with_name(f".v{release.version}.exact.log")


def main(arguments: Sequence[str] | None = None) -> int:
    """Compute the exact bootstrap of one release and keep it."""
    parser = argparse.ArgumentParser(prog="python -m experiments.releasing.exact_record")
    parser.add_argument("line")
    parser.add_argument("version", type=int)
    parser.add_argument("--home", required=True)
    parser.add_argument("--resamples", type=int, default=RESAMPLES)
    options = parser.parse_args(arguments)
    home = Home.locate(options.home)
    try:
        release = load(home, options.line, options.version)
        with _log(release).open("ab") as log:
            fcntl.flock(log, fcntl.LOCK_EX | fcntl.LOCK_NB)
            with store.open(home.path) as opened:
                found = compute(opened, release, resamples=options.resamples)
            write(home, release, found)
    except BlockingIOError:
        return 0  # another process computes it
    except (ReleaseError, store.StoreError, ValueError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    os.nice(10)
    raise SystemExit(main())
