"""Several runs as one: their scores averaged, or weighed by a model that validation has taught.

N examples   K scores an example
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray

import store
from store import predictions
from store.layout import Home
from trainers.errors import SpecError
from trainers.tasks.classes import classification_scores

_SPLITS = ("val", "test")
_FOLDS = 5
_SMALLEST = 1e-12
_SUMMED = ("latency_p50_ms", "latency_p95_ms", "parameters", "flops", "checkpoint_bytes")

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Members:
    """What several runs say about the same examples of a split."""

    ids: list[str]
    label: NDArray[Any]
    scores: Array
    """Shape (members, examples, scores)."""
    group: list[str] | None
    slices: dict[str, list[Any]]
    classes: list[str] | None
    task: str


def combine(
    home: Home, run_ids: tuple[str, ...], *, how: Literal["average", "stack"], name: str | None
) -> tuple[str, dict[str, float]]:
    """Record the ensemble of some runs as a run; return its id and its scores on the test split.

    Raises
    ------
    SpecError
        If there are fewer than two runs, or their predictions are not about the same examples.
    """
    if len(run_ids) < 2:
        raise SpecError(["Expected at least two different runs for an ensemble; got one."])
    members = {split: _members(home, run_ids, split) for split in _SPLITS}
    combined = _averaged(members) if how == "average" else _stacked(members)
    headers = [json.loads(home.run(i).header.read_text(encoding="utf-8")) for i in run_ids]
    config = {"model": {"kind": f"ensemble_{how}"}, "members": list(run_ids)}
    run = store.init(
        headers[0]["project"],
        name=name or f"{how}-{'-'.join(i[-4:] for i in run_ids)}",
        config=config,
        tags=["ensemble"],
        home=home.path,
        parents=run_ids,
        monitor=False,
        capture=False,
    )
    with run:
        scores: dict[str, float] = {}
        for split, part in members.items():
            scores = _scores(part, combined[split])
            run.log({f"{split}/{key}": value for key, value in scores.items()}, 0)
            run.log_predictions(
                split,
                part.ids,
                part.label,
                combined[split],
                slices=part.slices,
                group=part.group,
                classes=part.classes,
                task=part.task,
            )
        run.describe(
            cost=_cost(home, run_ids),
            classes=members["test"].classes or [],
            data_hash=_described(home, run_ids[0]).get("data_hash"),
        )
    return run.id, scores


def _members(home: Home, run_ids: tuple[str, ...], split: str) -> Members:
    tables = [predictions.read(home.run(run_id), split) for run_id in run_ids]
    first = tables[0]
    facts = json.loads(first.schema.metadata[predictions.METADATA_KEY])
    if facts["task"] not in {"classification", "regression"}:
        raise SpecError(["Expected runs that give classes or numbers; their answers have no mean."])
    ids = first["example_id"].to_pylist()
    parts: list[Array] = []
    for run_id, table in zip(run_ids, tables, strict=True):
        place = {name: row for row, name in enumerate(table["example_id"].to_pylist())}
        other = json.loads(table.schema.metadata[predictions.METADATA_KEY])
        if place.keys() != set(ids) or other["classes"] != facts["classes"]:
            raise SpecError(
                [
                    (
                        f"Expected runs with predictions for the same {split} examples and classes; "
                        f"{run_ids[0]} and {run_id} differ. Choose runs with one data split."
                    )
                ]
            )
        order = [place[name] for name in ids]
        parts.append(np.array(table["scores"].to_pylist(), dtype=np.float64)[order])
    return Members(
        ids=ids,
        label=first["label"].to_numpy(),
        scores=np.stack(parts),
        group=first["group"].to_pylist() if "group" in first.column_names else None,
        slices={
            column.removeprefix("slice."): first[column].to_pylist()
            for column in first.column_names
            if column.startswith("slice.")
        },
        classes=facts["classes"],
        task=facts["task"],
    )


def _averaged(members: dict[str, Members]) -> dict[str, Array]:
    return {split: part.scores.mean(axis=0) for split, part in members.items()}


def stack_weights(home: Home, run_ids: tuple[str, ...]) -> dict[str, Any]:
    """Return what stacking learns of runs: how much of each score makes each of the ensemble's.

    Returns
    -------
    dict
        ``weights``: of classes one row a class over the logarithms of all members' scores, of
        numbers one each member; ``offsets``: one a class, or one
    """
    part = _members(home, run_ids, "val")
    model = _stacker(part).fit(_features(part), part.label)
    weights, offsets = np.atleast_2d(model.coef_), np.atleast_1d(model.intercept_)
    if part.task != "classification":
        return {"weights": weights[0].tolist(), "offsets": float(offsets[0])}
    if len(weights) == 1:  # of two classes it learns the second one's
        weights, offsets = (np.concatenate([np.zeros_like(one), one]) for one in (weights, offsets))
    return {"weights": weights.tolist(), "offsets": offsets.tolist()}


def _stacker(part: Members) -> Any:
    from sklearn.linear_model import LogisticRegression, Ridge

    return LogisticRegression(max_iter=1000) if part.task == "classification" else Ridge(1.0)


def _stacked(members: dict[str, Members]) -> dict[str, Array]:
    """Learn on validation; what is said about validation itself comes from folds."""
    from sklearn.model_selection import cross_val_predict

    val, test = (_features(members[split]) for split in _SPLITS)
    label = members["val"].label
    model = _stacker(members["val"])
    if members["val"].task == "classification":
        num_classes = members["val"].scores.shape[2]
        fewest = int(np.bincount(label, minlength=num_classes).min())
        if fewest < 2:
            raise SpecError(["Expected every class twice in validation to stack; use average."])
        folds = min(_FOLDS, fewest)
        said = np.asarray(cross_val_predict(model, val, label, cv=folds, method="predict_proba"))
        return {"val": said, "test": model.fit(val, label).predict_proba(test)}
    said = np.asarray(cross_val_predict(model, val, label, cv=_FOLDS))
    return {"val": said[:, None], "test": model.fit(val, label).predict(test)[:, None]}


def _features(part: Members) -> Array:
    """Return one row an example: of classes the log-probabilities of all members."""
    scores = part.scores
    if part.task == "classification":
        scores = np.log(np.maximum(scores, _SMALLEST))
    return scores.transpose(1, 0, 2).reshape(scores.shape[1], -1)


def _scores(part: Members, scores_NK: Array) -> dict[str, float]:
    if part.task == "classification":
        logits = torch.from_numpy(np.log(np.maximum(scores_NK, _SMALLEST)))
        return classification_scores(logits, torch.from_numpy(part.label.astype(np.int64)))
    error = scores_NK[:, 0] - part.label
    return {"mae": float(np.abs(error).mean()), "rmse": float(np.sqrt((error**2).mean()))}


def _cost(home: Home, run_ids: tuple[str, ...]) -> dict[str, float | int | None]:
    """Return what the members take together, one after the other."""
    costs = [_described(home, run_id).get("cost") or {} for run_id in run_ids]
    found: dict[str, float | int | None] = {}
    for key in (*_SUMMED, "train_seconds"):
        values = [cost.get(key) for cost in costs]
        found[key] = None if None in values else sum(value or 0 for value in values)
    return found


def _described(home: Home, run_id: str) -> dict[str, Any]:
    """Return the facts that a run learnt about itself."""
    facts: dict[str, Any] = {}
    for line in home.run(run_id).events.read_text(encoding="utf-8").splitlines():
        event = json.loads(line)
        if event.get("kind") == "describe":
            facts.update(event.get("facts") or {})
    return facts
