"""A study as Optuna keeps it: opened, repaired after a crash, fed with what people ask for.

Heavy: imports Optuna. Only the process that searches needs it.
"""

import platform
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import optuna
from optuna.storages import BaseStorage, JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import FrozenTrial, TrialState

from experiments.errors import UsageError
from experiments.search.dimensions import labelled
from experiments.search.samplers import make_pruner, make_sampler

if TYPE_CHECKING:
    from experiments.search.search_spec import StudySpec
    from experiments.studies import Study


class StorageError(UsageError):
    """A storage that was named does not answer."""


_LEAST_PATIENCE_S = 60.0
_PAUSES_S = (0.2, 0.5, 1.0)
"""Before a storage is asked again."""
OWNER = "bakeoff_owner"
"""Attribute of a trial: which machine and store works on it."""
ORIGIN = "bakeoff_origin"
"""Attribute of a trial that was not drawn: ``start/0``, or the id of a person's wish."""


def open_study(found: "Study") -> optuna.Study:
    """Return a study of Optuna's, made at the first time.

    Call it only while holding the study's lock: a journal that a crash left torn is repaired.

    Raises
    ------
    StorageError
        If a storage that was named does not answer.
    """
    spec = found.spec
    opened = optuna.create_study(
        storage=_storage(found),
        study_name=spec.name if spec.storage else found.id,
        directions=["maximize" if o.goal == "max" else "minimize" for o in spec.objectives],
        load_if_exists=True,
    )
    equip(opened, spec)
    _enqueue_starts(opened, spec)
    return opened


def _storage(found: "Study") -> BaseStorage:
    if found.spec.storage is None:
        _repair(found.journal)
        return JournalStorage(JournalFileBackend(str(found.journal)))
    return _shared_storage(found.spec.storage)


def _shared_storage(url: str) -> BaseStorage:
    # Two machines that come first make the tables at the same time: one fails, and finds them next.
    for pause_s in _PAUSES_S:
        with suppress(Exception):  # every driver has errors of its own; the last one is told
            return optuna.storages.get_storage(url)
        time.sleep(pause_s)
    try:
        return optuna.storages.get_storage(url)
    except Exception as error:  # as above
        raise StorageError(
            f"Expected an Optuna storage that answers; got {type(error).__name__} from {url}. Is "
            "the server up, and its driver installed?"
        ) from error


def equip(opened: optuna.Study, spec: "StudySpec") -> None:
    """Give a study the sampler and the pruner that its spec asks for now."""
    opened.sampler = make_sampler(spec, len(opened.get_trials(deepcopy=False)))
    opened.pruner = make_pruner(spec)


def owner_of(home: Path) -> str:
    """Return what marks the trials of this machine and store in a storage that many share."""
    return f"{platform.node()}:{home}"


def running(opened: optuna.Study, owner: str | None) -> Iterator[FrozenTrial]:
    """Return the trials that have not ended: all, or those of one owner."""
    for trial in opened.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
        if owner is None or trial.user_attrs.get(OWNER) == owner:
            yield trial


def enqueue(
    opened: optuna.Study, spec: "StudySpec", values: Mapping[str, Any], origin: str
) -> None:
    """Have Optuna try these values next, once: a second call with the same origin does nothing."""
    if not any(t.user_attrs.get(ORIGIN) == origin for t in opened.get_trials(deepcopy=False)):
        opened.enqueue_trial(labelled(spec.space, values), user_attrs={ORIGIN: origin})


def count_started(opened: optuna.Study) -> tuple[int, int]:
    """Return how many trials were started, and how many wait."""
    trials = opened.get_trials(deepcopy=False)
    waiting = sum(trial.state is TrialState.WAITING for trial in trials)
    return len(trials) - waiting, waiting


class Patience:
    """With trials that others train, once there is nothing left to do here.

    One whose machine is gone runs for ever, so patience has an end: three times the longest trial.
    """

    def __init__(self) -> None:
        self._since: float | None = None

    def lasts(self, opened: optuna.Study) -> bool:
        """Whether a trial runs that is still to be waited for."""
        trials = opened.get_trials(deepcopy=False)
        if not any(trial.state is TrialState.RUNNING for trial in trials):
            return False
        if self._since is None:
            self._since = time.monotonic()
        longest = max((t.duration.total_seconds() for t in trials if t.duration), default=0.0)
        return time.monotonic() - self._since < max(_LEAST_PATIENCE_S, 3 * longest)


def _enqueue_starts(opened: optuna.Study, spec: "StudySpec") -> None:
    for place, values in enumerate(spec.starts):
        enqueue(opened, spec, values, f"start/{place}")


def _repair(journal: Path) -> None:
    """Take away what a killed process left: a torn last line, a lock that nobody holds."""
    journal.with_name(journal.name + ".lock").unlink(missing_ok=True)
    if not journal.exists():
        return
    content = journal.read_bytes()
    whole = content.rfind(b"\n") + 1
    if whole < len(content):
        with journal.open("r+b") as file:
            file.truncate(whole)
