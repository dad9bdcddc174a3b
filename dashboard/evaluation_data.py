"""Predictions, comparisons and checks for the pages: read once for each state of their files."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dashboard import data
from experiments.checks import Finding, check_runs
from experiments.comparison import (
    Candidate,
    Comparison,
    ComparisonSpec,
    Gathered,
    gather_all,
    judge,
)
from experiments.evaluating import looks
from experiments.evaluating.calibration import Calibration, calibration
from experiments.evaluating.curves import Curves, curves
from experiments.evaluating.flips import Flips, flips
from experiments.evaluating.overview import baseline_value, metrics_for, overview
from experiments.evaluating.predicted import Predicted
from experiments.statistics import ManyDifferences
from store import PredictionsNotFoundError
from store.layout import Home
from store.ledger import LEDGER_NAME

if TYPE_CHECKING:
    import pyarrow as pa

behind_the_page = ThreadPoolExecutor(1, thread_name_prefix="prepare")
_prepared: set[Any] = set()

Stamp = tuple[str, int, int]
"""Which state of a file was read: path, time of change, size."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A run that is looked at."""

    run_id: str
    name: str
    place: int
    """among the runs that are looked at: gives letter and colour"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """What is looked at."""

    entries: tuple[Entry, ...]
    split: str
    key: str
    """tells the widgets of one page from another's"""

    def models(self) -> dict[Entry, Predicted]:
        """Return each model's predictions."""
        return {entry: predicted(entry.run_id, self.split) for entry in self.entries}


@dataclass(frozen=True, slots=True, kw_only=True)
class Contest:
    """Candidates before a baseline, and by what they are judged."""

    entries: tuple[Entry, ...]
    """as they are shown"""
    candidates: tuple[Candidate, ...]
    """the baseline first; each starts with the run of an entry"""
    spec: ComparisonSpec
    key: str

    @property
    def baseline(self) -> Entry:
        """What the others are compared with."""
        return self._entry(self.candidates[0])

    @property
    def challengers(self) -> tuple[Entry, ...]:
        """All but the baseline, in the order of the verdicts."""
        return tuple(self._entry(candidate) for candidate in self.candidates[1:])

    @property
    def ordered(self) -> tuple[Entry, ...]:
        """The entries in the order of the candidates."""
        return (self.baseline, *self.challengers)

    def _entry(self, candidate: Candidate) -> Entry:
        return next(e for e in self.entries if e.run_id == candidate.run_ids[0])


def place() -> Home:
    """Return the store's folder."""
    return Home.locate(data.home())


def predicted(run_id: str, split: str) -> Predicted:
    """Return a run's predictions as arrays.

    Raises
    ------
    PredictionsNotFoundError
        If there are none of that split.
    """
    return _predicted(_stamp(run_id, split), run_id, split)


def gathered(candidates: tuple[Candidate, ...], split: str) -> Gathered:
    """Return the candidates' predictions on the same examples."""
    return _gathered(state_of(candidates, split), candidates, split)


def judged(candidates: tuple[Candidate, ...], spec: ComparisonSpec) -> Comparison:
    """Return the comparison of candidates with the first of them."""
    return _judged(state_of(candidates, spec.split), candidates, spec)


def several(
    candidates: tuple[Candidate, ...], split: str, metrics: tuple[str, ...], unseen: int = 0
) -> dict[str, ManyDifferences | str]:
    """Return differences from the first candidate in several metrics."""
    return _several(state_of(candidates, split), candidates, split, metrics, unseen)


def baseline_of(candidates: tuple[Candidate, ...], split: str, metric: str) -> float:
    """Return the first candidate's own value of a metric; NaN where it cannot be computed."""
    return _baseline_of(state_of(candidates, split), candidates, split, metric)


def calibration_of(run_id: str, split: str, *, has_band: bool) -> Calibration | str:
    """Return a model's calibration, or why it has none."""
    return _calibration(_stamp(run_id, split), run_id, split, has_band)


def curves_of(run_id: str, split: str, place: int) -> Curves | str:
    """Return how a model's scores rank the examples of a class, or why that is not defined."""
    return _curves(_stamp(run_id, split), run_id, split, place)


def flips_of(candidates: tuple[Candidate, ...], split: str) -> dict[str, Flips]:
    """Return what each candidate fixes and breaks of the first one's answers, by run."""
    return _flips_of(state_of(candidates, split), candidates, split)


def prepare(contest: Contest) -> None:
    """Compute behind the page what is likely to be asked for next: all metrics, and what is drawn."""
    spec = contest.spec
    state = state_of(contest.candidates, spec.split)
    if (state, spec) in _prepared:
        return
    _prepared.clear()
    _prepared.add((state, spec))
    behind_the_page.submit(_prepare, state, contest.candidates, spec)


def _prepare(
    state: tuple[Any, ...], candidates: tuple[Candidate, ...], spec: ComparisonSpec
) -> None:
    found = _gathered(state, candidates, spec.split)
    if found.evidence is not None and not found.is_blocked:
        names = metrics_for(found.evidence.first)
        _several(state, candidates, spec.split, names, spec.unseen)
        if found.evidence.first.num_classes == 2:
            for candidate in candidates:
                curves_of(candidate.run_ids[0], spec.split, 1)
                calibration_of(candidate.run_ids[0], spec.split, has_band=len(candidates) == 1)


def findings(run_ids: Sequence[str]) -> tuple[Finding, ...]:
    """Return what the automatic checks found."""
    ids = tuple(run_ids)
    records = [data.run(run_id) for run_id in ids]
    is_live = any(record["status"] in {"running", "lost"} for record in records)
    state = (
        data.state().version if is_live else 0,
        tuple(str(record["status"]) for record in records),
        tuple(_stamp(run_id, split) for run_id in ids for split in data.splits(run_id)),
        stamp_of(place().releases / LEDGER_NAME),
    )
    return _findings(state, ids)


def look(run_ids: Sequence[str], split: str, *, what: str, where: str) -> looks.Wear:
    """Note that somebody looks at a split that is kept for the decision.

    A run without predictions of it shows nothing, and is not looked at.
    """
    seen = [run_id for run_id in run_ids if split in data.splits(run_id)]
    if not seen:
        return looks.wear(place(), data.run(run_ids[0]), split)
    return looks.look(
        place(), data.run(seen[0]), split, seen, what=what, where=where, who="dashboard"
    )


class Reader:
    """What `experiments` reads from a `store.Store`, out of the pages' caches."""

    @property
    def home(self) -> Path:
        """The store's folder."""
        return Path(data.home())

    def predictions(self, run_id: str, split: str) -> "pa.Table":
        """Return predictions."""
        if split not in data.splits(run_id):
            return data.ask(lambda s: s.predictions(run_id, split))
        return _table(_stamp(run_id, split), run_id, split)

    def run(self, run_id: str) -> dict[str, Any]:
        """Return a record."""
        return dict(data.run(run_id))

    def series(
        self, run_ids: Sequence[str] | None = None, project: str | None = None
    ) -> "pa.Table":
        """Return metrics."""
        if run_ids is None:
            return data.ask(lambda s: s.series(None, project))
        return data.series(run_ids)

    def curves(self, metric: str, run_ids: Sequence[str], **options: Any) -> "pa.Table":
        """Return what draws curves."""
        return data.ask(lambda s: s.curves(metric, run_ids, **options))

    def splits(self, run_id: str) -> list[str]:
        """Return the splits with predictions."""
        return list(data.splits(run_id))


def _stamp(run_id: str, split: str) -> Stamp:
    return stamp_of(Path(data.run(run_id)["folder"]) / "predictions" / f"{split}.parquet")


def stamp_of(path: Path) -> Stamp:
    """Return which state a file is in."""
    try:
        facts = path.stat()
    except OSError:
        return str(path), 0, 0
    return str(path), facts.st_mtime_ns, facts.st_size


def state_of(candidates: Sequence[Candidate], split: str) -> tuple[Any, ...]:
    """Return what a comparison depends on, besides what is asked."""
    ids = [run_id for candidate in candidates for run_id in candidate.run_ids]
    records = [data.run(run_id) for run_id in ids]
    return (
        tuple(_stamp(run_id, split) for run_id in ids),
        tuple((r["status"], r.get("data_hash"), r["name"]) for r in records),
    )


@lru_cache(maxsize=24)
def _table(_state: Stamp, run_id: str, split: str) -> "pa.Table":
    return data.ask(lambda s: s.predictions(run_id, split))


@lru_cache(maxsize=24)
def _predicted(state: Stamp, run_id: str, split: str) -> Predicted:
    return Predicted.of(_table(state, run_id, split))


@lru_cache(maxsize=4)
def _gathered(_state: tuple[Any, ...], candidates: tuple[Candidate, ...], split: str) -> Gathered:
    return gather_all(Reader(), candidates, split)


@lru_cache(maxsize=64)
def _judged(
    state: tuple[Any, ...], candidates: tuple[Candidate, ...], spec: ComparisonSpec
) -> Comparison:
    return judge(_gathered(state, candidates, spec.split), spec)


@lru_cache(maxsize=32)
def _several(
    state: tuple[Any, ...],
    candidates: tuple[Candidate, ...],
    split: str,
    metrics: tuple[str, ...],
    unseen: int,
) -> dict[str, ManyDifferences | str]:
    return overview(_gathered(state, candidates, split), metrics, unseen=unseen)


@lru_cache(maxsize=64)
def _baseline_of(
    state: tuple[Any, ...], candidates: tuple[Candidate, ...], split: str, metric: str
) -> float:
    return baseline_value(_gathered(state, candidates, split), metric)


@lru_cache(maxsize=24)
def _calibration(state: Stamp, run_id: str, split: str, has_band: bool) -> Calibration | str:
    return calibration(_predicted(state, run_id, split), has_band=has_band)


@lru_cache(maxsize=64)
def _curves(state: Stamp, run_id: str, split: str, place: int) -> Curves | str:
    one = _predicted(state, run_id, split)
    try:
        return curves(one.label == place, one.table[:, place])
    except ValueError as error:
        return str(error)


@lru_cache(maxsize=8)
def _flips_of(
    state: tuple[Any, ...], candidates: tuple[Candidate, ...], split: str
) -> dict[str, Flips]:
    evidence = _gathered(state, candidates, split).evidence
    if evidence is None:
        return {}
    baseline, *others = (evidence.runs[one.run_ids[0]] for one in candidates)
    return {
        one.run_ids[0]: flips(predicted, baseline)
        for one, predicted in zip(candidates[1:], others, strict=True)
    }


@lru_cache(maxsize=64)
def _findings(_state: tuple[Any, ...], run_ids: tuple[str, ...]) -> tuple[Finding, ...]:
    return check_runs(Reader(), run_ids)


def has_split(run_id: str, split: str) -> bool:
    """Whether a run stored predictions of a split."""
    try:
        predicted(run_id, split)
    except PredictionsNotFoundError:
        return False
    return True
