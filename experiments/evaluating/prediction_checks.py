"""Checks of what a model says: dead classes, no better than guessing, calibration, leaks."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from experiments.evaluating.findings import Examined, Finding, finding
from experiments.evaluating.looks import base_of
from experiments.evaluating.predicted import Predicted
from experiments.statistics import (
    calibration_error,
    calibration_error_floor,
    metric_interval,
    paired_difference,
    wilson,
)

_FEWEST_OF_CLASS = 10
_FEWEST = 30
_ECE = 0.05
_LIST_LENGTH = 10
_LISTED = f"ndcg@{_LIST_LENGTH}"
_SPLITS = ("val", "valid", "validation", "test")


def check_predictions(store: Examined, run_id: str, record: Mapping[str, Any]) -> Iterator[Finding]:
    """Yield what the stored predictions of a run tell."""
    splits = store.splits(run_id)
    found = {split: Predicted.of(store.predictions(run_id, split)) for split in splits}
    yield from _leaks(run_id, found, record)
    yield from _popularity(store, run_id, found)
    chosen = next((split for split in (*_SPLITS, *splits) if split in found), None)
    if chosen is None or len(found[chosen]) < _FEWEST:
        return
    one = found[chosen]
    if bad := one.num_not_finite:
        yield finding(
            "N01", run_id, f"{bad:,} of {len(one):,} {chosen} predictions are NaN or infinite."
        )
        return
    if one.task == "regression":
        yield from _regression_baseline(run_id, one, chosen)
    if one.task != "classification":
        return
    yield from _dead(run_id, one, chosen)
    yield from _baseline(run_id, one, chosen)
    yield from _calibration(run_id, one, chosen)


def _leaks(
    run_id: str, found: Mapping[str, Predicted], record: Mapping[str, Any]
) -> Iterator[Finding]:
    from pyarrow import compute

    pc: Any = compute  # it makes its functions when it is imported: type checkers see none

    names = list(found)
    shares_users = any(one.task == "ranking" for one in found.values())  # a recommender's do
    for place, first in enumerate(names):
        for second in names[place + 1 :]:
            if not _must_differ(found, first, second):
                continue
            for what, columns in (
                ("examples", (found[first].example_id, found[second].example_id)),
                ("groups", (found[first].group, found[second].group)),
            ):
                if columns[0] is None or columns[1] is None or (what == "groups" and shares_users):
                    continue
                shared = pc.is_in(pc.unique(columns[0]), value_set=pc.unique(columns[1]))
                if count := int(pc.sum(shared).as_py() or 0):
                    yield finding(
                        "D01", run_id, f"{first} and {second} have {count:,} {what} in common."
                    )
    hashes = (record.get("data") or {}).get("hashes") or {}
    seen: dict[str, str] = {}
    for split, content in hashes.items():
        if content in seen:
            yield finding("D01", run_id, f"{seen[content]} and {split} hold the same examples.")
        seen[content] = split


def _must_differ(found: Mapping[str, Predicted], first: str, second: str) -> bool:
    """Whether two sets of predictions may not share examples: not of users, not of one split."""
    is_of_users = "ranking" in {found[first].task, found[second].task}
    return not is_of_users and first != base_of(second) and second != base_of(first)


def _dead(run_id: str, one: Predicted, split: str) -> Iterator[Finding]:
    size = one.num_classes
    support = np.bincount(one.label.astype(np.int64), minlength=size)
    called = np.bincount(one.predicted, minlength=size)
    dead = [
        place for place in range(size) if support[place] >= _FEWEST_OF_CLASS and not called[place]
    ]
    if dead:
        names = ", ".join(one.class_names[place] for place in dead[:3])
        more = f" and {len(dead) - 3} more" if len(dead) > 3 else ""
        yield finding(
            "P01",
            run_id,
            f"It never says {names}{more}, although {int(support[dead].sum()):,} of {len(one):,} "
            f"{split} examples are.",
        )


def _baseline(run_id: str, one: Predicted, split: str) -> Iterator[Finding]:
    """Compare with always saying the most frequent class, and with always saying its share."""
    label = one.label.astype(np.int64)
    share = np.bincount(label, minlength=one.num_classes) / len(label)
    right = int((one.predicted == label).sum())
    accuracy = wilson(right, len(label))
    if share.max() == 1 or accuracy.low > share.max():
        return
    if _are_probabilities(one.table):
        constant = np.tile(share, (len(label), 1))
        guess = constant[:, 1] if one.output.ndim == 1 else constant
        difference = paired_difference("brier", label, one.output, guess)
        if difference.high < 0:
            return
    always = one.class_names[int(share.argmax())]
    yield finding(
        "P02",
        run_id,
        f"Its {split} accuracy is {accuracy.estimate:.3f} ({accuracy.low:.3f} to "
        f"{accuracy.high:.3f}); always saying {always} has {share.max():.3f}.",
    )


def _regression_baseline(run_id: str, one: Predicted, split: str) -> Iterator[Finding]:
    label = one.label.astype(np.float64)
    constant = np.full(len(label), label.mean())
    difference = paired_difference("mse", label, one.output, constant)
    if not difference.high < 0:
        yield finding(
            "P02",
            run_id,
            f"Its mean squared error on {split} is {difference.value_a:.4g}; always saying the mean "
            f"has {difference.value_b:.4g}.",
        )


def _popularity(store: Examined, run_id: str, found: Mapping[str, Predicted]) -> Iterator[Finding]:
    """Compare lists of recommendations with the most popular items, the same for everybody."""
    split = next((one for one in _SPLITS if f"{one}_lists" in found), None)
    if split is None:
        return
    name = f"{split}/popular_{_LISTED}"
    last = {row["metric"]: row["last"] for row in store.series([run_id]).to_pylist()}
    lists = found[f"{split}_lists"]
    if name not in last or len(lists) < _FEWEST or lists.scores.shape[1] < _LIST_LENGTH:
        return
    own = metric_interval(_LISTED, lists.label, lists.output)
    if not own.low > last[name]:
        yield finding(
            "P04",
            run_id,
            f"Its NDCG@{_LIST_LENGTH} on {split} is {own.estimate:.3f} ({own.low:.3f} to "
            f"{own.high:.3f}); showing everybody what most people like has {last[name]:.3f}.",
        )


def _calibration(run_id: str, one: Predicted, split: str) -> Iterator[Finding]:
    if not _are_probabilities(one.table):
        return
    error = calibration_error(one.output, one.label, scheme="mass")
    chance = one.output if one.output.ndim == 1 else one.output.max(axis=1)
    floor = calibration_error_floor(chance, scheme="mass")
    if error > _ECE and error > 2 * floor:
        yield finding(
            "P03",
            run_id,
            f"Its probabilities are off by {error:.3f} on average on {split} (ECE, 15 bins of equal "
            f"mass; chance alone gives {floor:.3f}).",
        )


def _are_probabilities(scores: NDArray[np.float64]) -> bool:
    is_share = bool((scores >= 0).all() and (scores <= 1).all())
    return is_share and bool(np.abs(scores.sum(axis=1) - 1).max() <= 1e-3)
