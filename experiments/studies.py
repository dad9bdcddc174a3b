"""Studies as everybody sees them: create one, look at it, change what is wanted of it.

Nothing here searches. What is wanted is appended to the study's own ledger; the study's one worker
process (`experiments.search.searching`) reads it, asks Optuna, and writes what became of each trial.
"""

import re
import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from typing import Any

from experiments import queue
from experiments.errors import UsageError
from experiments.queueing.jobs import JOB, Job, as_job
from experiments.queueing.queue_reading import HomeLike
from experiments.queueing.queue_reading import ledger_of as queue_ledger
from experiments.search.dimensions import Dimension, as_list
from experiments.search.search_checks import check_values
from experiments.search.search_spec import StudySpec, StudySpecError, load_study
from store.layout import Home, check_run_id
from store.ledger import LEDGER_NAME, Ledger

STUDY, TRIAL, WISH = "study", "trial", "wish"
"""Kinds of a study's ledger."""


class StudyNotFoundError(UsageError):
    """There is no study of that id."""


class StudyState(StrEnum):
    """Where a search stands."""

    CREATED = "created"
    RUNNING = "running"
    STOPPED = "stopped"
    """A person stopped it; it can go on."""
    FINISHED = "finished"
    """All trials, or all of the time, are used up; more can be granted."""
    FAILED = "failed"
    """The search itself could not go on."""


class Wanted(StrEnum):
    """What people want of a search."""

    RUN = "run"
    DRAIN = "drain"
    """Start no trial any more; let those that run come to their end."""
    HALT = "halt"
    """Stop the trials too, each with a checkpoint; they go on when the search goes on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Study:
    """A search as its ledger tells it."""

    id: str
    spec: StudySpec
    state: StudyState
    wanted: Wanted
    error: str | None
    used_s: float
    """Time for which it has searched."""
    created: float
    """Seconds since 1970."""
    folder: Path

    @property
    def name(self) -> str:
        """What people call it."""
        return self.spec.name

    @property
    def journal(self) -> Path:
        """Optuna's own file, where no other storage was named."""
        return self.folder / "optuna.journal"


def create(home: HomeLike, spec: StudySpec, *, start: bool = True) -> Study:
    """Make a study and, unless told otherwise, have it searched.

    Raises
    ------
    store.StoreError
        If the store cannot be written.
    """
    place = Home.locate(home).create()
    slug = re.sub(r"[^a-z0-9]+", "-", spec.name.lower()).strip("-")[:40] or "study"
    study_id = f"{slug}-{secrets.token_hex(3)}"
    ledger_of(place.path, study_id).write(
        STUDY,
        study_id,
        spec=spec.to_mapping(),
        name=spec.name,
        state=StudyState.CREATED.value,
        wanted=Wanted.RUN.value,
        used=0.0,
    )
    if start:
        queue.submit_search(place.path, study_id)
    return study(place.path, study_id)


def study(home: HomeLike, study_id: str) -> Study:
    """Return a study by its id or a start of it that no other shares.

    Raises
    ------
    StudyNotFoundError
        If there is none, or several fit.
    """
    place = Home.locate(home)
    found = _find(place, study_id)
    fields = ledger_of(place.path, found).item(STUDY, found)
    if fields is None or fields.get("deleted"):
        raise StudyNotFoundError(f"Expected a study's id; got {study_id!r}. See: bakeoff search ls")
    return Study(
        id=found,
        spec=_as_spec(fields["spec"]),
        state=StudyState(fields["state"]),
        wanted=Wanted(fields.get("wanted", Wanted.RUN)),
        error=fields.get("error"),
        used_s=float(fields.get("used", 0.0)),
        created=fields["created_us"] / 1e6,
        folder=place.studies / found,
    )


def studies(home: HomeLike) -> list[Study]:
    """Return all studies, the newest first."""
    place = Home.locate(home)
    found = []
    for path in place.studies.glob(f"*/{LEDGER_NAME}"):
        try:
            found.append(study(place.path, path.parent.name))
        except StudyNotFoundError:
            continue
    return sorted(found, key=lambda one: -one.created)


def trials(home: HomeLike, study_id: str) -> list[dict[str, Any]]:
    """Return the fields of a study's trials, in their order."""
    place = Home.locate(home)
    rows = ledger_of(place.path, study_id).items(TRIAL).values()
    return sorted(rows, key=lambda row: row["number"])


def resume(home: HomeLike, study_id: str) -> Study:
    """Have a search go on: after a stop, or after its budget was raised."""
    found = study(home, study_id)
    _write(home, found.id, wanted=Wanted.RUN.value, error=None)
    queue.submit_search(home, found.id)
    return study(home, found.id)


def stop(home: HomeLike, study_id: str, *, now: bool = False) -> Study:
    """Have a search stop: after the trials that run, or with them.

    Parameters
    ----------
    now
        Stop the running trials as well; each writes a checkpoint and goes on with the search.
    """
    found = study(home, study_id)
    _write(home, found.id, wanted=(Wanted.HALT if now else Wanted.DRAIN).value)
    return study(home, found.id)


def stop_trial(home: HomeLike, study_id: str, number: int) -> None:
    """Have one trial end now; the search learns nothing from it and starts the next.

    Raises
    ------
    UsageError
        If the trial does not run.
    """
    found = study(home, study_id)
    row = ledger_of(Home.locate(home).path, found.id).item(TRIAL, trial_id(found.id, number))
    if row is None or row["state"] not in {"running", "paused"}:
        state = "unknown" if row is None else row["state"]
        raise UsageError(f"Expected a trial that runs; trial {number} is {state}.")
    ledger = ledger_of(Home.locate(home).path, found.id)
    ledger.write(TRIAL, trial_id(found.id, number), wanted="stop")


def edit(home: HomeLike, study_id: str, **changes: Any) -> Study:
    """Change name, notes, n_trials, timeout_s, workers or trial_budget_s, for trials to come.

    Raises
    ------
    StudySpecError
        If a value is out of its limits.
    """
    return _change(home, study_id, changes)


def change_range(home: HomeLike, study_id: str, name: str, low: float, high: float) -> Study:
    """Search a parameter within another range from the next trial on.

    Raises
    ------
    StudySpecError
        If the range is not allowed.
    """
    return _change_dimension(home, study_id, name, low=low, high=high, only=())


def restrict(home: HomeLike, study_id: str, name: str, values: Sequence[Any]) -> Study:
    """Let trials to come take these values of a parameter only; one freezes it, none frees it.

    Raises
    ------
    StudySpecError
        If a value lies outside the parameter's range.
    """
    return _change_dimension(home, study_id, name, only=tuple(map(as_list, values)))


def add_trial(home: HomeLike, study_id: str, values: Mapping[str, Any]) -> str:
    """Ask for a trial with these values, and return the wish's id; the sampler draws the rest.

    Raises
    ------
    StudySpecError
        If a value lies outside its range.
    """
    found = study(home, study_id)
    problems = check_values(found.spec, values)
    if not values:
        problems.append("Expected a value for at least one parameter; got none.")
    if problems:
        raise StudySpecError(problems)
    wish_id = f"{found.id}/{secrets.token_hex(6)}"
    ledger = ledger_of(Home.locate(home).path, found.id)
    ledger.write(WISH, wish_id, study=found.id, values=dict(values), state="waiting")
    return wish_id


def note_trial(home: HomeLike, study_id: str, number: int, note: str) -> None:
    """Keep what a person says about a trial.

    Raises
    ------
    UsageError
        If there is no such trial.
    """
    found = study(home, study_id)
    ledger = ledger_of(Home.locate(home).path, found.id)
    if ledger.item(TRIAL, trial_id(found.id, number)) is None:
        raise UsageError(f"Expected a trial of {found.id}; got {number}.")
    ledger.write(TRIAL, trial_id(found.id, number), note=note[:10_000])


def search_job(home: HomeLike, study_id: str) -> Job | None:
    """Return the newest job that searches a study, or None."""
    place = Home.locate(home)
    items = queue_ledger(place.path).items(JOB)  # a large study has as many jobs: look first
    found = [job_id for job_id, fields in items.items() if fields.get("study_id") == study_id]
    return as_job(place, found[-1], items[found[-1]]) if found else None


def trial_id(study_id: str, number: int) -> str:
    """Return the id of a trial in the ledger."""
    return f"{study_id}/{number}"


@lru_cache(maxsize=1024)
def ledger_of(home: Path, study_id: str) -> Ledger:
    """One a process and study, so that each look reads only what is new."""
    return Ledger(home / "studies" / check_run_id(study_id) / LEDGER_NAME)


def _find(place: Home, study_id: str) -> str:
    check_run_id(study_id)
    if (place.studies / study_id / LEDGER_NAME).exists():
        return study_id
    fits = [path.parent.name for path in place.studies.glob(f"{study_id}*/{LEDGER_NAME}")]
    if len(fits) == 1:
        return fits[0]
    what = f"it fits several: {', '.join(sorted(fits)[:3])}" if fits else "there is none"
    raise StudyNotFoundError(
        f"Expected a study's id; got {study_id!r}, {what}. See: bakeoff search ls"
    )


def _write(home: HomeLike, study_id: str, **fields: Any) -> None:
    ledger_of(Home.locate(home).path, study_id).write(STUDY, study_id, **fields)


def _change_dimension(home: HomeLike, study_id: str, name: str, **changes: Any) -> Study:
    found = study(home, study_id)
    old = found.spec.dimension(name)
    if old is None:
        names = ", ".join(one.name for one in found.spec.space)
        raise StudySpecError([f"Expected a parameter of the study, {names}; got {name!r}."])
    if old.kind == "choice" and "low" in changes:
        raise StudySpecError([f"Expected values for {name}, which has choices; got a range."])
    new = old.model_dump(mode="json") | {key: as_list(value) for key, value in changes.items()}
    space = [new if one.name == name else one.model_dump(mode="json") for one in found.spec.space]
    return _change(home, study_id, {"space": space, "starts": _inside(found.spec, name, new)})


def _inside(spec: StudySpec, name: str, body: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the starting points that a narrower range leaves."""
    dimension = Dimension.model_validate(body)
    return [
        dict(start) for start in spec.starts if name not in start or dimension.contains(start[name])
    ]


def _change(home: HomeLike, study_id: str, changes: Mapping[str, Any]) -> Study:
    found = study(home, study_id)
    spec = load_study({**found.spec.to_mapping(), **changes})
    _write(home, found.id, spec=spec.to_mapping(), name=spec.name, edited=time.time())
    return study(home, found.id)


def _as_spec(mapping: Mapping[str, Any]) -> StudySpec:
    return StudySpec.model_validate(mapping)
