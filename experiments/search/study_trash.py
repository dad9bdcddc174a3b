"""Delete a study, with or without its runs; it lies in the trash until it is restored."""

from typing import TYPE_CHECKING

from experiments import studies
from experiments.errors import UsageError
from experiments.studies import STUDY, StudyNotFoundError
from store.layout import Home, check_run_id
from store.trash import trash

if TYPE_CHECKING:
    from pathlib import Path

    from store.reading import Store

_FOLDER = ".studies"
"""Beside the runs of the trash, which have no dot."""


def delete(s: "Store", study_id: str, *, with_runs: bool = False) -> int:
    """Move a study to the trash; return how many of its runs went along.

    Runs that stay keep their label, so they still say which study they came from.

    Raises
    ------
    UsageError
        If it is being searched.
    store.RunProtectedError
        If one of the runs is running, pinned or released; nothing was moved then.
    """
    home = Home.locate(s.home)
    found = studies.study(home.path, study_id)
    job = studies.search_job(home.path, found.id)
    if job is not None and not job.state.is_final:
        raise UsageError(
            f"Expected a search that has stopped; {found.id} is {job.state}. "
            f"Stop it first: bakeoff search stop {found.id} --now"
        )
    run_ids = [i for row in studies.trials(home.path, found.id) for i in row.get("run_ids", ())]
    kept = [run_id for run_id in run_ids if home.run(run_id).header.exists()] if with_runs else []
    if kept:
        trash(s, kept)
    studies.ledger_of(home.path, found.id).write(STUDY, found.id, deleted=True)
    s.state()  # the store takes that in before the ledger goes
    target = _place(home, found.id)
    target.parent.mkdir(parents=True, exist_ok=True)
    found.folder.rename(target)
    return len(kept)


def restore(s: "Store", study_id: str) -> None:
    """Bring a study back from the trash; its runs are restored by themselves.

    Raises
    ------
    StudyNotFoundError
        If it is not there.
    """
    home = Home.locate(s.home)
    source, target = _place(home, check_run_id(study_id)), home.studies / study_id
    if not source.is_dir() or target.exists():
        raise StudyNotFoundError(f"Expected a study in the trash; got {study_id!r}.")
    source.rename(target)
    studies.ledger_of(home.path, study_id).write(STUDY, study_id, deleted=False)
    s.state()


def _place(home: Home, study_id: str) -> "Path":
    return home.trash / _FOLDER / study_id
