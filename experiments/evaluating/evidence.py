"""The evidence of a comparison: predictions of all candidates on the same examples, or why not."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from experiments.evaluating.predicted import Predicted, codes_of, common_rows
from store import PredictionsNotFoundError

if TYPE_CHECKING:
    import pyarrow as pa

MAX_DROPPED = 0.01
"""Share of examples that may lack a prediction of some candidate; beyond it nothing is compared."""


class Readable(Protocol):
    """The part of a `store.Store` that a comparison reads."""

    def predictions(self, run_id: str, split: str) -> "pa.Table":
        """Return predictions."""
        ...

    def run(self, run_id: str) -> dict[str, Any]:
        """Return a record."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A model that could be released: a run, or several seeds of one recipe.

    The first run is the checkpoint that would be released.
    """

    name: str
    run_ids: tuple[str, ...]


class Severity(StrEnum):
    """What a problem means for the comparison."""

    BLOCKS = "blocks"
    WARNS = "warns"


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Why candidates cannot be compared, or only with care."""

    severity: Severity
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Predictions of all runs on the examples that all of them have."""

    runs: dict[str, Predicted]
    """run id -> predictions, in the order of the examples"""
    group: NDArray[np.int64] | None
    """Which examples belong together, numbered; shape (n,)"""

    @property
    def first(self) -> Predicted:
        """The first run's predictions, whose labels and slices all share."""
        return next(iter(self.runs.values()))

    @property
    def label(self) -> NDArray[Any]:
        """True class index or value; shape (n,)."""
        return self.first.label

    @property
    def scores(self) -> dict[str, NDArray[np.float64]]:
        """Return run id -> shape (n,) or (n, classes)."""
        return {run_id: found.output for run_id, found in self.runs.items()}


@dataclass(slots=True)
class Guard:
    """Collects what speaks against a comparison."""

    problems: list[Problem] = field(default_factory=list)

    def block(self, text: str) -> None:
        """Note why there can be no comparison."""
        self.problems.append(Problem(severity=Severity.BLOCKS, text=text))

    def warn(self, text: str) -> None:
        """Note what makes the comparison weaker."""
        self.problems.append(Problem(severity=Severity.WARNS, text=text))

    @property
    def is_blocked(self) -> bool:
        """Whether anything blocks."""
        return any(problem.severity is Severity.BLOCKS for problem in self.problems)


def check_records(store: Readable, candidates: Sequence[Candidate], guard: Guard) -> None:
    """Look for differences in what the runs were evaluated on."""
    records = {
        run_id: store.run(run_id) for candidate in candidates for run_id in candidate.run_ids
    }
    for record in records.values():
        if record["status"] != "finished":
            guard.warn(f"{record['name']} is {record['status']}: its predictions may be old.")
    found = data_problem(list(records.values()), [str(r["name"]) for r in records.values()])
    if found is not None:
        guard.problems.append(found)


def data_problem(records: Sequence[Mapping[str, Any]], names: Sequence[str]) -> Problem | None:
    """Say when runs did not see the same data, or do not say which; None when they did.

    A run that does not say which data it saw weakens a comparison and does not forbid it: example
    ids and labels are still compared one by one.
    """
    hashes = [record.get("data_hash") for record in records]
    kinds = dict.fromkeys(found for found in hashes if found)
    missing = [name for name, found in zip(names, hashes, strict=True) if not found]
    if len(kinds) > 1:
        told = "; ".join(
            f"{str(kind)[:8]}: "
            + ", ".join(dict.fromkeys(n for n, h in zip(names, hashes, strict=True) if h == kind))
            for kind in kinds
        )
        return Problem(
            severity=Severity.BLOCKS,
            text=f"The candidates saw different data ({told}), so their numbers do not measure "
            "the same thing. Evaluate them on the same data.",
        )
    if not kinds:
        return Problem(
            severity=Severity.WARNS,
            text="None of these runs says which data it saw, so only example ids and labels show "
            "that they can be compared. Record it with run.describe(data_hash=...).",
        )
    if missing:
        told = ", ".join(dict.fromkeys(missing))
        does = "does" if len(set(missing)) == 1 else "do"
        return Problem(
            severity=Severity.WARNS,
            text=f"{told} {does} not say which data it saw; the others saw the same.",
        )
    return None


def gather(
    store: Readable, candidates: Sequence[Candidate], split: str, guard: Guard
) -> Evidence | None:
    """Read and align the predictions of all runs; None when that is not possible."""
    found: dict[str, Predicted] = {}
    without: list[str] = []
    for candidate in candidates:
        for run_id in candidate.run_ids:
            try:
                found[run_id] = Predicted.of(store.predictions(run_id, split))
            except PredictionsNotFoundError:
                without.append(candidate.name)
    if without:
        names = list(dict.fromkeys(without))
        guard.block(
            f"{' and '.join(names)} {'has' if len(names) == 1 else 'have'} no {split} predictions. "
            "Trainers store them when a run ends; your own loop does with "
            f'run.log_predictions("{split}", ...).'
        )
    if guard.is_blocked:
        return None
    names = {run_id: candidate.name for candidate in candidates for run_id in candidate.run_ids}
    _check_kind(found, guard)
    for run_id, one in found.items():
        _check_scores(names[run_id], one, guard)
    if guard.is_blocked:
        return None
    return _aligned(found, names, guard)


def _check_kind(found: Mapping[str, Predicted], guard: Guard) -> None:
    if len({one.task for one in found.values()}) > 1:
        guard.block("The candidates differ in task: their scores do not mean the same.")
    elif len({one.classes for one in found.values()}) > 1:
        guard.block("The candidates differ in classes: their scores do not mean the same.")
    elif len({one.table.shape[1] for one in found.values()}) > 1:
        guard.block("The candidates give different numbers of scores an example.")


def _check_scores(name: str, one: Predicted, guard: Guard) -> None:
    if not len(one):
        guard.block(f"{name} has no example in this split. Evaluate it again.")
    elif bad := one.num_not_finite:
        guard.block(
            f"{name} has scores that are not finite for {bad:,} of {len(one):,} examples. "
            "Evaluate it again, or find out why it gives NaN."
        )


def _aligned(
    found: Mapping[str, Predicted], names: Mapping[str, str], guard: Guard
) -> Evidence | None:
    rows = common_rows(found)
    most = max(len(one) for one in found.values())
    kept = {run_id: len(found[run_id]) if at is None else len(at) for run_id, at in rows.items()}
    count = min(kept.values())
    if not count:
        guard.block("The candidates have no example in common. Evaluate them on the same split.")
    elif most - count > MAX_DROPPED * most:
        fewest = min(found, key=lambda run_id: len(found[run_id]))
        partial = ""
        if len(found[fewest]) < most:
            partial = f": {names[fewest]} was evaluated on {len(found[fewest]):,} only"
        guard.block(
            f"{most - count:,} of {most:,} examples lack a prediction of some candidate{partial}. "
            f"At most {MAX_DROPPED:.0%} may, since those left out may be the hard ones. Evaluate "
            "all candidates on the same examples."
        )
    elif count < most:
        guard.warn(
            f"{most - count:,} of {most:,} examples are left out: not all candidates have them."
        )
    if guard.is_blocked:
        return None
    runs = {
        run_id: one if (at := rows[run_id]) is None else one.take(at)
        for run_id, one in found.items()
    }
    label = next(iter(runs.values())).label
    if any(not np.array_equal(one.label, label) for one in runs.values()):
        guard.block(
            "The candidates have different labels for the same examples. Evaluate them with the "
            "same labels."
        )
        return None
    _check_contents(runs, names, guard)
    return Evidence(runs=runs, group=_group(runs, guard))


def _check_contents(runs: Mapping[str, Predicted], names: Mapping[str, str], guard: Guard) -> None:
    """Warn of labels or scores that are all the same: there is a figure, and it says little."""
    first = next(iter(runs.values()))
    if first.task not in {"classification", "regression"} or len(first) < 2:
        return
    if (first.label == first.label[0]).all():
        of = "have the same label"
        if first.task == "classification":
            of = f"are of class {first.class_names[int(first.label[0])]}"
        guard.warn(f"All {len(first):,} examples {of}: they cannot show who tells labels apart.")
    same = [names[run_id] for run_id, one in runs.items() if (one.output == one.output[0]).all()]
    for name in dict.fromkeys(same):
        guard.warn(f"{name} gives every example the same score: it tells none from another.")


def _group(runs: Mapping[str, Predicted], guard: Guard) -> NDArray[np.int64] | None:
    """Return the groups of examples that any run knows: who knows none does not deny them."""
    known = [one.group for one in runs.values() if one.group is not None]
    if not known:
        return None
    if any(not other.equals(known[0]) for other in known[1:]):
        guard.warn("The candidates group the examples differently: the first grouping is used.")
    return codes_of(known[0])[0]
