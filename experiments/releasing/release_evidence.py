"""The evidence of a release: what was compared, with hashes of it all, and what came out.

`snapshot` makes it and makes it again: from the same predictions, with the same specification, the
hash is the same. Figures are rounded to nine decimals before hashing, so that another processor's
last bits do not matter; versions of libraries stand beside the hash, not under it.
"""

import hashlib
import math
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa

from experiments.comparison import Comparison, ComparisonSpec, compare
from experiments.evaluating.evidence import Candidate
from experiments.evaluating.findings import Examined
from experiments.releasing.measured import Measured, Model, measure
from experiments.releasing.policy import Policy
from store.artifacts import sha256
from store.audit import digest

CLASSIFICATION: Final = (
    "accuracy", "macro_f1", "balanced_accuracy", "mcc", "roc_auc", "average_precision", "log_loss",
    "brier",
)  # fmt: skip
REGRESSION: Final = ("mae", "rmse", "mse", "r2")
_PACKAGES: Final = ("bakeoff", "numpy", "scipy", "pyarrow")
_DIGITS: Final = 9


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What the evidence answers."""

    candidate: tuple[str, ...]
    """runs; the first is the checkpoint that is released"""
    champion: tuple[str, ...] = ()
    considered: tuple[tuple[str, ...], ...] = ()
    """the runs of each other candidate: they could have been released, and widen the interval"""
    metric: str
    margin: float
    split: str
    level: float

    @classmethod
    def of(
        cls,
        policy: Policy,
        candidate: Sequence[str],
        champion: Sequence[str],
        considered: Sequence[Sequence[str]],
    ) -> "Question":
        """Return the question that a policy asks."""
        ids = {*candidate, *champion}
        others = {tuple(run for run in runs if run not in ids) for runs in considered}
        return cls(
            candidate=tuple(candidate),
            champion=() if tuple(champion) == tuple(candidate) else tuple(champion),
            considered=tuple(sorted(others - {()})),
            metric=policy.metric,
            margin=policy.margin,
            split=policy.split,
            level=policy.level,
        )


def snapshot(store: Examined, question: Question, folder: Path) -> dict[str, Any]:
    """Return the evidence and its hash.

    Parameters
    ----------
    store
        Where the runs are stored.
    question
        What is compared.
    folder
        The runs' folders lie here.
    """
    content = {
        "question": _plain(question),
        "inputs": [
            _input(store, run_id, role, question.split, folder) for role, run_id in _roles(question)
        ],
        "figures": {
            "metrics": metrics(Model(store, question.candidate[0]), question.split, question.level),
            "verdict": _verdict(store, question),
        },
    }
    content = rounded(content)
    return {**content, "hash": digest(content), "made_with": versions()}


def question_of(evidence: Mapping[str, Any]) -> Question:
    """Return the question that evidence answered, to answer it again."""
    asked = dict(evidence["question"])
    for key in ("candidate", "champion"):
        asked[key] = tuple(asked[key])
    asked["considered"] = tuple(
        (one,) if isinstance(one, str) else tuple(one) for one in asked["considered"]
    )
    return Question(**asked)


def metrics(model: Model, split: str, level: float) -> dict[str, dict[str, float | None]]:
    """Return every metric that a split's predictions define, with its interval."""
    table = model.predictions(split)
    if table is None:
        return {}
    is_regression = pa.types.is_floating(table["label"].type)
    found: dict[str, dict[str, float | None]] = {}
    for name in REGRESSION if is_regression else CLASSIFICATION:
        value = measure(model, f"{split}/{name}", split=split, level=level)
        if isinstance(value, Measured) and value.statistic is not None:
            found[name] = {"value": value.value, "low": value.low, "high": value.high}
    return found


def fingerprint(table: pa.Table) -> str:
    """Return the SHA-256 of predictions: ids, labels and scores as float32, in the order of ids."""
    table = table.sort_by("example_id").combine_chunks()
    ids = "\n".join(table["example_id"].to_pylist())
    scores = table["scores"].combine_chunks().flatten().to_numpy(zero_copy_only=False)
    content = hashlib.sha256(ids.encode("utf-8", "surrogatepass"))
    content.update(np.ascontiguousarray(table["label"].to_numpy()).tobytes())
    content.update(scores.astype("<f4").tobytes())
    return content.hexdigest()


def versions() -> dict[str, str | None]:
    """Return what computed the figures."""
    found: dict[str, str | None] = {"python": platform.python_version()}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = None
    return found


def rounded(value: Any) -> Any:
    """Return plain values with floats rounded; NaN and infinity become None."""
    if isinstance(value, Mapping):
        return {str(key): rounded(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [rounded(item) for item in value]
    if isinstance(value, float):
        return round(value, _DIGITS) if math.isfinite(value) else None
    return value


def _roles(question: Question) -> list[tuple[str, str]]:
    return [
        *(("candidate", run_id) for run_id in question.candidate),
        *(("champion", run_id) for run_id in question.champion),
        *(("considered", run_id) for runs in question.considered for run_id in runs),
    ]


def _input(store: Examined, run_id: str, role: str, split: str, folder: Path) -> dict[str, Any]:
    record = store.run(run_id)
    table = Model(store, run_id).predictions(split)
    checkpoint = folder / run_id / "checkpoints" / "best.ckpt"
    return {
        "run": run_id,
        "name": record["name"],
        "role": role,
        "split": split,
        "examples": 0 if table is None else table.num_rows,
        "predictions_sha256": None if table is None else fingerprint(table),
        "spec_sha256": digest(record["config"]),
        "checkpoint_sha256": sha256(checkpoint) if checkpoint.is_file() else None,
        "seed": record.get("seed"),
        "data_hash": record.get("data_hash"),
        "commit": (record.get("git") or {}).get("commit"),
    }


def _verdict(store: Examined, question: Question) -> dict[str, Any] | None:
    """Return the verdict against the champion; None if there is none to compare with."""
    if not question.champion:
        return None
    sides = [
        Candidate(name="the champion", run_ids=question.champion),
        Candidate(name="the candidate", run_ids=question.candidate),
        *(Candidate(name=runs[0], run_ids=runs) for runs in question.considered),
    ]
    spec = ComparisonSpec(
        metric=question.metric,
        margin=question.margin,
        split=question.split,
        level=question.level,
    )
    found: Comparison = compare(store, sides[:10], spec)
    problems = [problem.text for problem in found.problems]
    if not found.verdicts:
        return {"word": "not judged", "sentence": "", "problems": problems}
    verdict = found.verdicts[0]
    return {
        "word": str(verdict.word),
        "sentence": verdict.sentence,
        "difference": verdict.difference.estimate,
        "low": verdict.difference.low,
        "high": verdict.difference.high,
        "candidates": len(sides) - 1,
        "recipe": str(verdict.recipe_word),
        "recipe_sentence": verdict.recipe_sentence,
        "next_step": verdict.next_step,
        "problems": problems,
    }


def _plain(question: Question) -> dict[str, Any]:
    """Return a question as the record has it: a candidate of one run is that run's id alone."""
    found = {name: getattr(question, name) for name in Question.__slots__}
    others = [runs[0] if len(runs) == 1 else list(runs) for runs in question.considered]
    return {**found, "considered": others}
