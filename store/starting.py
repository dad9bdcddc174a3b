"""How a run starts: who it is, where it comes from, whether it goes on from an earlier one."""

import json
import logging
import os
import tempfile
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from store import liveness, provenance
from store.errors import RunExistsError, RunNotFoundError
from store.events import read_events
from store.layout import Home, RunFolder, new_run_id, write_json
from store.liveness import Status
from store.ranks import join, rank_of
from store.recording import Run
from store.values import flatten

_log = logging.getLogger("bakeoff")

FORMAT = 1
"""Version of the files in a run's folder."""


def init(  # noqa: PLR0913  # one option a fact about the run
    project: str | None = None,
    *,
    name: str | None = None,
    config: Any = None,
    group: str | None = None,
    tags: Iterable[str] = (),
    notes: str | None = None,
    id: str | None = None,  # noqa: A002  # the contract's name
    resume: str = "never",
    home: str | os.PathLike[str] | None = None,
    seed: int | None = None,
    parents: Iterable[str] = (),
    capture: bool | None = None,
    monitor: bool = True,
    fsync_s: float = 5.0,
    rank: int | None = None,
) -> Run:
    """Start recording a run.

    Parameters
    ----------
    project
        What the run is about; ``BAKEOFF_PROJECT`` or ``default``.
    name
        For people; ``BAKEOFF_NAME``, or the model's kind and the end of the id.
    config
        What the training was asked to do: a mapping, dataclass or pydantic model.
    group
        Runs that share a configuration, usually seeds.
    tags, notes
        For people.
    id
        The run's id; ``BAKEOFF_RUN_ID``, or a new one.
    resume
        ``"never"``: the id must be new; ``"allow"``: go on if it exists; ``"must"``: it must exist.
    home
        The store's folder; ``BAKEOFF_HOME`` or ``./.bakeoff``.
    seed
        Seed of the training.
    parents
        Ids of the runs that this one grew from.
    capture
        Copy what is printed into the run's ``output.log``; on unless ``BAKEOFF_CAPTURE=0``.
    monitor
        Run the background thread: heartbeat, syncs, machine load. Without it the run is
        found to have ended by its process alone.
    fsync_s
        Seconds between pushes to the disk: the most that a power cut can take.
    rank
        Which process of a training in several this is; as torch's launchers say it. Rank 0 is the
        run. The others need its id (`id` or ``BAKEOFF_RUN_ID``) and log as ``rank1/…``.

    Raises
    ------
    HomeNotWritableError
        If the store cannot be written.
    RunExistsError
        If the id is taken and `resume` is ``"never"``, or the run is being written right now.
    RunNotFoundError
        If `resume` is ``"must"`` and there is no such run.
    ValueError
        If `resume` is none of the three words.
    """
    if resume not in {"never", "allow", "must"}:
        raise ValueError(f"Expected resume 'never', 'allow' or 'must'; got {resume!r}.")
    place = rank_of(rank)
    named = id or os.environ.get("BAKEOFF_RUN_ID")
    scratch = _scratch(place, named)
    store_home = Home.locate(scratch.name if scratch else home).create()
    files = store_home.run(named or new_run_id())
    if place > 0 and not scratch:
        return join(files, place, last_step=_last_step(files, f"rank{place}"), fsync_s=fsync_s)
    is_old = files.header.exists()
    if is_old:
        header = _resume(files, resume)
    else:
        _check_new(store_home, files.id, resume)
        header = _new_header(
            files,
            project=project,
            name=name,
            config=config,
            group=group,
            tags=tags,
            notes=notes,
            seed=seed,
            parents=parents,
        )
    age_s = max(0.0, time.time() - header["created_us"] / 1e6) if is_old else 0.0
    run = Run(
        files,
        header,
        clock_start=time.perf_counter() - age_s,
        last_step=_last_step(files, "0") if is_old else -1,
        scratch=scratch,
    )
    if capture is None:
        capture = os.environ.get("BAKEOFF_CAPTURE", "1") != "0"
    run.begin(fsync_s=fsync_s, capture=capture, monitor=monitor)
    return run


def _scratch(rank: int, named: str | None) -> tempfile.TemporaryDirectory[str] | None:
    """Return a folder for what is not to be kept; None where the run is."""
    is_alone = rank > 0 and not named
    if is_alone:
        _log.warning(
            "bakeoff: rank %d knows no run's id, so nothing that it logs is kept. "
            "Give every rank the same one: BAKEOFF_RUN_ID or id=.",
            rank,
        )
    if is_alone or os.environ.get("BAKEOFF_MODE", "online") == "disabled":
        return tempfile.TemporaryDirectory(prefix="bakeoff-")
    return None


def _check_new(home: Home, run_id: str, resume: str) -> None:
    """Raise if a run that is not there may not begin."""
    if resume == "must":
        raise RunNotFoundError(f"Expected run {run_id!r} in {home.path}; there is none.")
    if home.trashed(run_id).path.exists():
        raise RunExistsError(
            f"Expected an id that is free; run {run_id!r} is in the trash. "
            f"Restore it (bakeoff trash restore {run_id}), or take another id."
        )


def _new_header(
    files: RunFolder,
    *,
    project: str | None,
    name: str | None,
    config: Any,
    group: str | None,
    tags: Iterable[str],
    notes: str | None,
    seed: int | None,
    parents: Iterable[str],
) -> dict[str, Any]:
    """Write who the run is to the disk, before its first point."""
    files.path.mkdir(parents=True, exist_ok=True)
    nested = provenance.mask_secrets(_as_dict(config))
    env = os.environ
    project = project or env.get("BAKEOFF_PROJECT") or "default"
    kind = nested.get("model", {}).get("kind") if isinstance(nested.get("model"), dict) else None
    given_tags = list(tags) or [tag for tag in env.get("BAKEOFF_TAGS", "").split(",") if tag]
    header: dict[str, Any] = {
        "format": FORMAT,
        "id": files.id,
        "project": project,
        "name": name or env.get("BAKEOFF_NAME") or f"{kind or project}-{files.id[-4:]}",
        "group": group or env.get("BAKEOFF_RUN_GROUP"),
        "tags": [str(tag) for tag in given_tags],
        "notes": notes,
        "seed": seed,
        "parents": list(parents),
        "created_us": time.time_ns() // 1000,
        "config": nested,
        "process": liveness.describe_process(),
        **provenance.origin(),
    }
    if labels := _labels(env.get("BAKEOFF_LABELS", "")):
        header["labels"] = labels
    if state := provenance.git_state(Path.cwd()):
        header["git"], difference = state
        if difference:
            (files.path / "code.diff").write_bytes(difference)
    write_json(files.header, header)
    return header


def _labels(text: str) -> dict[str, str]:
    """Return what a launcher says of the run, such as its study and trial; {} if it is no JSON."""
    with suppress(ValueError):
        labels = json.loads(text)
        if isinstance(labels, dict):
            return {str(key): str(value) for key, value in labels.items()}
    return {}


def _resume(files: RunFolder, resume: str) -> dict[str, Any]:
    """Return the header of a run that goes on."""
    if resume == "never":
        raise RunExistsError(
            f"Expected a new run id; {files.id!r} is taken. Leave the id out, or pass resume='allow'."
        )
    header = json.loads(files.header.read_text(encoding="utf-8"))
    events, _, _ = read_events(files.events, 0, limit=None)
    last = next((event for event in reversed(events) if event["kind"] == "status"), None)
    if last and last["status"] == "running":
        process = last.get("process")
        status = liveness.infer(process, liveness.last_beat(files.heartbeat), time.time())
        if status is Status.RUNNING:
            raise RunExistsError(
                f"Expected a run that has ended; {files.id!r} is being written by process "
                f"{process['pid'] if process else '?'}. Stop that first."
            )
    return header


def _last_step(files: RunFolder, channel: str) -> int:
    """Return the highest step of a channel of a run that goes on, or -1."""
    from store.journal_reader import read_ended
    from store.sealing import last_sealed_step

    last = last_sealed_step(files)
    for path in files.segments():
        if path.name.startswith(f"points-{channel}-"):
            for blocks, _ in read_ended(path):
                last = max([last, *(int(block.step.max()) for block in blocks)])
    return last


def _as_dict(config: Any) -> dict[str, Any]:
    """Return a nested dict of plain values from whatever describes the configuration."""
    if config is None:
        return {}
    if hasattr(config, "model_dump"):
        return config.model_dump(mode="json")
    if isinstance(config, Mapping):
        return {
            str(key): _as_dict(value) if isinstance(value, Mapping) else value
            for key, value in config.items()
        }
    return flatten(config)
