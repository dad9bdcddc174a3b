"""The process that searches: ``python -m experiments.search.searching STUDY_ID --home H``.

It asks Optuna for trials, has each trained by the queue, watches their metrics, stops what a pruner
gives up, and tells Optuna what came out. There is one a study (a lock sees to that). It may die at
any moment: everything that it intends is in the study's ledger before it does it, so the next one
takes the running trials over and neither loses a trial nor starts one twice.
"""

import argparse
import fcntl
import os
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import FrameType

from experiments import studies
from experiments.errors import ExperimentError, UsageError
from experiments.search.active_trials import ActiveTrial
from experiments.search.search_trials import TrialBook
from experiments.search.trial_jobs import Measurements, QueuedJobs, TrialJobs
from experiments.studies import StudyState, Wanted
from store.errors import StoreError
from store.layout import Home

FAILED, REFUSED, TERMINATED, BUSY = 1, 2, 143, 3
_PAUSE_S = 0.5
_USED_EVERY_S = 30.0


class SearchBusyError(ExperimentError):
    """Another process searches the study."""


class Search:
    """One study being searched.

    Parameters
    ----------
    home
        The store's folder.
    study_id
        The study.
    jobs
        Who trains.
    """

    def __init__(self, home: Home, study_id: str, *, jobs: TrialJobs | None = None) -> None:
        from experiments.search.optuna_studies import Patience, open_study

        self._home = home
        self._study = studies.study(home.path, study_id)
        self._ledger = studies.ledger_of(home.path, study_id)
        self._opened = open_study(self._study)
        self._measured = Measurements(home)
        self._book = TrialBook(
            home, self._study, self._opened, jobs or QueuedJobs(home), self._measured
        )
        self._used_before = self._study.used_s
        self._started = time.monotonic()
        self._noted = self._started
        self._leave = False
        self._patience = Patience()

    def run(self) -> StudyState | None:
        """Search until done or told to stop; return the state, or None if asked to leave."""
        self._say(state=StudyState.RUNNING.value, error=None)
        try:
            self._book.adopt()
            while not self._leave:
                ended = self._turn()
                if ended is not None:
                    self._book.mirror_others(at_once=True)
                    self._say(state=ended.value)
                    return ended
                time.sleep(_PAUSE_S)
        finally:
            self._say()
            self._measured.close()
        return None

    def leave(self) -> None:
        """Leave soon; the trials go on by themselves until the search goes on."""
        self._leave = True

    def _turn(self) -> StudyState | None:
        """Look at everything once; return how the search ended, if it did."""
        self._take_changes()
        wanted = self._study.wanted
        for trial in list(self._book.active.values()):
            if wanted is Wanted.HALT:
                self._book.pause(trial)
            elif wanted is Wanted.RUN:
                self._book.go_on(trial)
            self._book.look(trial)
        if wanted is Wanted.RUN:
            self._fill()
        self._note_time()
        return self._how_it_ended(wanted)

    def _fill(self) -> None:
        while not self._leave and len(self._working()) < self._study.spec.workers:
            if not self._may_start():
                return
            self._book.start()

    def _may_start(self) -> bool:
        started, waiting = self._book.counts()
        limit = self._book.limit(self._study.spec)
        return not self._is_late() and (started < limit or waiting > 0)

    def _how_it_ended(self, wanted: Wanted) -> StudyState | None:
        if self._working():
            return None
        if wanted is not Wanted.RUN:
            return StudyState.STOPPED
        is_shared = self._study.spec.storage is not None
        if self._may_start() or (is_shared and self._patience.lasts(self._opened)):
            return None
        return StudyState.FINISHED

    def _working(self) -> list[ActiveTrial]:
        return [trial for trial in self._book.active.values() if not trial.is_paused]

    def _take_changes(self) -> None:
        """Read what people want by now: another budget, another range, a trial of their own."""
        from experiments.search.optuna_studies import equip

        before, self._study = self._study, studies.study(self._home.path, self._study.id)
        if self._study.spec != before.spec:
            self._book.study = self._study
            equip(self._opened, self._study.spec)
        self._book.take_wishes()
        self._book.mirror_others()

    def _is_late(self) -> bool:
        limit = self._study.spec.timeout_s
        return bool(limit) and self._used_s() >= limit

    def _used_s(self) -> float:
        return self._used_before + time.monotonic() - self._started

    def _note_time(self) -> None:
        if time.monotonic() - self._noted > _USED_EVERY_S:
            self._noted = time.monotonic()
            self._say()

    def _say(self, **fields: object) -> None:
        self._ledger.write(studies.STUDY, self._study.id, used=self._used_s(), **fields)


@contextmanager
def only_one(folder: os.PathLike[str]) -> Iterator[None]:
    """Hold a study's lock, which ends with the process.

    Raises
    ------
    SearchBusyError
        If another process holds it.
    """
    path = os.path.join(folder, "search.lock")  # noqa: PTH118  # any path-like
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise SearchBusyError(
                f"Expected a study that nobody searches; another process holds {path}."
            ) from None
        yield
    finally:
        os.close(descriptor)


def main(arguments: Sequence[str] | None = None) -> int:
    """Search one study and return the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m experiments.search.searching", description=__doc__
    )
    parser.add_argument("study_id", metavar="STUDY_ID")
    parser.add_argument("--home", default=None, help="folder of the store")
    options = parser.parse_args(arguments)
    home = Home.locate(options.home)
    try:
        found = studies.study(home.path, options.study_id)
        with only_one(found.folder):
            return _search(home, found.id)
    except SearchBusyError as error:
        sys.stderr.write(f"{error}\n")
        return BUSY
    except (ExperimentError, StoreError) as error:
        sys.stderr.write(f"{error}\n")
        # What somebody has to change first is not tried again, other trouble is.
        return REFUSED if isinstance(error, UsageError) else FAILED


def _search(home: Home, study_id: str) -> int:
    search: Search | None = None
    asked_to_leave = False

    def leave(_number: int, _frame: FrameType | None) -> None:
        nonlocal asked_to_leave
        asked_to_leave = True
        if search is not None:
            search.leave()

    signal.signal(signal.SIGTERM, leave)
    try:
        search = Search(home, study_id)
        if asked_to_leave:
            search.leave()
        ended = search.run()
    except (ExperimentError, StoreError) as error:
        studies.ledger_of(home.path, study_id).write(
            studies.STUDY, study_id, state=StudyState.FAILED.value, error=str(error)
        )
        raise
    if ended is None:
        studies.ledger_of(home.path, study_id).write(
            studies.STUDY, study_id, state=StudyState.STOPPED.value
        )
        return TERMINATED
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
