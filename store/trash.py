"""The trash: deleted runs, whole, until they are restored or gone for good.

A run goes by one rename of its folder and comes back by one. The tables follow at the owner's
next look, from what lies where: a crash between any two steps leaves nothing half done.
"""

import json
import os
import shutil
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from store import keeping, record
from store.disk_usage import HEAVY_KINDS, tree_bytes
from store.errors import (
    HomeNotWritableError,
    RunExistsError,
    RunNotFoundError,
    RunProtectedError,
    StoreError,
)
from store.events import EventLog, read_events
from store.layout import Home, RunFolder
from store.liveness import touch
from store.releases import released_runs, releasing, sync_folder

if TYPE_CHECKING:
    from store.owner import Owner
    from store.reading import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Trashed:
    """A run in the trash."""

    run_id: str
    project: str
    name: str
    trashed_at: datetime
    size_bytes: int


def trash(s: "Store", run_ids: Sequence[str]) -> None:
    """Move runs to the trash: all of them, or none.

    Raises
    ------
    RunProtectedError
        If one of them is running, released or pinned.
    RunNotFoundError
        If there is no such run.
    """
    s.act("trash", run_ids=[s.run(run_id)["run_id"] for run_id in run_ids])


def restore(s: "Store", run_ids: Sequence[str]) -> None:
    """Bring runs back from the trash, with everything that they had.

    Raises
    ------
    RunNotFoundError
        If one of them is not in the trash.
    RunExistsError
        If another run has its id by now.
    """
    s.act("restore", run_ids=list(run_ids))


def empty(s: "Store", run_ids: Sequence[str] | None = None) -> int:
    """Delete runs of the trash for good, all by default; return how many bytes became free.

    Raises
    ------
    RunProtectedError
        If a release needs one of them.
    RunNotFoundError
        If one of them is not in the trash.
    """
    chosen = None if run_ids is None else list(run_ids)
    return s.act("empty_trash", run_ids=chosen)["freed_bytes"]


def listed(home: Home) -> list[Trashed]:
    """Return what is in the trash, the latest first."""
    found = [_describe(files) for files in _folders(home)]
    return sorted(found, key=lambda item: item.trashed_at, reverse=True)


def put(owner: "Owner", *, run_ids: Sequence[str]) -> dict[str, Any]:
    """Move runs to the trash; the action behind `trash`. Asked again, it finds them there."""
    home = owner.home
    owner.refresh()
    with releasing(home), owner.sealing:
        left = [
            i for i in run_ids if home.run(i).path.exists() or not home.trashed(i).path.exists()
        ]
        keeping.check_free(home, owner.cursor(), left)
        for run_id in left:
            move_to_trash(home, run_id)
    owner.refresh()
    return {}


def bring_back(owner: "Owner", *, run_ids: Sequence[str]) -> dict[str, Any]:
    """Move runs out of the trash; the action behind `restore`. Asked again, they are back."""
    home = owner.home
    with owner.sealing:
        left = [
            i for i in run_ids if home.trashed(i).path.exists() or not home.run(i).path.exists()
        ]
        for files in [_trashed(home, run_id) for run_id in left]:
            target = home.run(files.id)
            if target.path.exists():
                raise RunExistsError(
                    f"Expected no run {files.id!r}; there is another one by now. "
                    "Move that to the trash of another store first, or empty the trash."
                )
            _move(files, target, "restored")
    owner.refresh()
    return {}


def delete(owner: "Owner", *, run_ids: Sequence[str] | None) -> dict[str, Any]:
    """Delete runs of the trash for good; the action behind `empty`."""
    home = owner.home
    with releasing(home), owner.sealing:
        owner.refresh()  # nobody may still read from a folder that goes
        needed = released_runs(home)
        chosen = _folders(home) if run_ids is None else [_trashed(home, i) for i in run_ids]
        for files in chosen:
            if files.id in needed:
                raise RunProtectedError(
                    f"Expected a run that no release needs; {files.id!r} belongs to one. Restore it."
                )
        freed = sum(tree_bytes(files.path) for files in chosen)
        for files in chosen:
            files.path.replace(home.trash / f".{files.id}.going")
        sweep(home)
    return {"freed_bytes": freed, "run_ids": [files.id for files in chosen]}


def drop(owner: "Owner", *, run_ids: Sequence[str], kinds: Sequence[str]) -> dict[str, Any]:
    """Delete folders of runs for good, such as their checkpoints; the runs stay."""
    home = owner.home
    owner.refresh()
    if unknown := set(kinds) - set(HEAVY_KINDS):
        raise StoreError(f"Expected one of {', '.join(HEAVY_KINDS)}; got {min(unknown)!r}.")
    with releasing(home), owner.sealing:
        keeping.check_free(home, owner.cursor(), run_ids)
        home.trash.mkdir(exist_ok=True)
        freed = 0
        for files in map(home.run, run_ids):
            for folder in (files.path / kind for kind in kinds):
                if folder.exists():
                    size = tree_bytes(folder)
                    freed += size
                    EventLog(files.events).append("dropped", name=folder.name, bytes=size)
                    folder.rename(home.trash / f".{files.id}-{folder.name}.going")
        sweep(home)
    touch(home.runs)
    owner.refresh()
    return {"freed_bytes": freed}


def move_to_trash(home: Home, run_id: str) -> None:
    """Move one run to the trash, whatever it is; `put` asks first whether it may go."""
    home.trash.mkdir(exist_ok=True)
    _move(home.run(run_id), home.trashed(run_id), "trashed")


def lying_in_trash(home: Home) -> list[str]:
    """Return the ids of runs whose folder is in the trash, and nowhere else."""
    return [files.id for files in _folders(home) if not home.run(files.id).path.exists()]


def sweep(home: Home) -> None:
    """Finish deletions, also those that a crash cut short."""
    for path in home.trash.glob(".*.going"):
        shutil.rmtree(path, ignore_errors=True)


def _move(source: RunFolder, target: RunFolder, kind: str) -> None:
    """Rename a folder and note in the run that it happened, if there is room for that.

    Raises
    ------
    HomeNotWritableError
        If the disk refuses.
    """
    now = time.time_ns()
    EventLog(source.events).append(kind)
    try:
        os.utime(source.path, ns=(now, now))  # says since when it is in the trash
        source.path.rename(target.path)
        for folder in (source.path.parent, target.path.parent):
            os.utime(folder, ns=(now, now))  # finer than the file system's own clock
            sync_folder(folder)
    except OSError as error:
        raise HomeNotWritableError(
            f"Expected to move {source.path} to {target.path}; got {error.strerror}."
        ) from error


def _folders(home: Home) -> list[RunFolder]:
    paths: list[Path] = []
    with suppress(FileNotFoundError):
        paths = [path for path in sorted(home.trash.iterdir()) if not path.name.startswith(".")]
    return [RunFolder(path) for path in paths if path.is_dir()]


def _trashed(home: Home, run_id: str) -> RunFolder:
    """Return the one folder in the trash whose id is or starts with `run_id`.

    Raises
    ------
    RunNotFoundError
        If there is none, or several.
    """
    fitting = [files for files in _folders(home) if run_id and files.id.startswith(run_id)]
    exact = [files for files in fitting if files.id == run_id]
    if len(exact or fitting) != 1:
        raise RunNotFoundError(
            f"Expected the id of one run in the trash; {run_id!r} fits {len(fitting)}. "
            "See `bakeoff trash ls`."
        )
    return (exact or fitting)[0]


def _describe(files: RunFolder) -> Trashed:
    facts: dict[str, Any] = {}
    with suppress(OSError, ValueError):
        facts = json.loads(files.header.read_text(encoding="utf-8"))
        for event in read_events(files.events, 0, limit=None)[0]:
            if event["kind"] == "edit":
                facts = record.fold(facts, event)
    return Trashed(
        run_id=files.id,
        project=str(facts.get("project", "")),
        name=str(facts.get("name", "")),
        trashed_at=datetime.fromtimestamp(files.path.stat().st_mtime, UTC),
        size_bytes=tree_bytes(files.path),
    )
