"""The examples behind the figures: a cell of the confusion matrix, the surest mistakes."""

import math
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from experiments.evaluating.predicted import Predicted

Order = Literal["surest", "least sure"]


def in_cell(one: Predicted, true: int, said: int) -> NDArray[np.int64]:
    """Return the examples of one class that were taken for another (or the same), surest first."""
    at = np.flatnonzero((one.label == true) & (one.predicted == said))
    return at[np.argsort(-one.table[at, said], kind="stable")]


def mistakes(
    one: Predicted, *, order: Order = "surest", within: NDArray[np.bool_] | None = None
) -> NDArray[np.int64]:
    """Return the examples that are wrong: those the model was surest of first, or last.

    Where no answer is right or wrong, all examples, the worst first.
    """
    if one.task != "classification":
        at = np.arange(len(one)) if within is None else np.flatnonzero(within)
        ranked = at[np.argsort(one.quality[at], kind="stable")]
    else:
        wrong = one.predicted != one.label
        at = np.flatnonzero(wrong if within is None else wrong & within)
        ranked = at[np.argsort(-one.table[at].max(axis=1), kind="stable")]
    return ranked if order == "surest" else ranked[::-1]


def described(one: Predicted, rows: NDArray[np.int64]) -> list[dict[str, Any]]:
    """Return examples as plain rows: id, truth, what was said and how sure the model was."""
    picked = one.take(np.asarray(rows, dtype=np.int64))
    ids = picked.example_id.to_pylist()
    if picked.written is not None:
        texts = zip(ids, picked.label, picked.written.to_pylist(), picked.quality, strict=True)
        return [
            {"id": example, "label": str(wanted), "said": said, "score": float(near)}
            for example, wanted, said, near in texts
        ]
    if one.task == "tokens":
        counted = zip(ids, picked.label, -picked.quality, strict=True)
        return [
            {
                "id": text,
                "label": int(count),
                "said": float(loss),
                "score": math.exp(min(loss, 700)),
            }
            for text, count, loss in counted
        ]
    if one.task == "ranking":
        return [
            _user(*row)
            for row in zip(ids, picked.label, picked.scores, picked.quality, strict=True)
        ]
    if one.task != "classification":
        return [
            {"id": example, "label": float(true), "said": float(said), "score": float(said - true)}
            for example, true, said in zip(ids, picked.label, picked.output, strict=True)
        ]
    names, table = one.class_names, picked.table
    return [
        {
            "id": example,
            "label": names[int(true)],
            "said": names[int(said)],
            "score": float(scores[said]),
            "true_score": float(scores[int(true)]),
        }
        for example, true, said, scores in zip(
            ids, picked.label, picked.predicted, table, strict=True
        )
    ]


def _user(name: str, liked: float, hits: NDArray[np.float64], ndcg: float) -> dict[str, Any]:
    places = ", ".join(str(place + 1) for place in np.flatnonzero(hits))
    told = {"id": name, "label": int(liked), "said": places, "score": float(ndcg)}
    return {**told, "places": len(hits)}
