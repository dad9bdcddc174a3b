"""Does an exported model give the recorded scores? A clean process: it never loads torch.

``python -m experiments.releasing.bundle_check FOLDER --predictions FILE --tolerance T`` prints one JSON
object. The examples go through the preprocessing of the folder, from the form in which their
source has them.
"""

import argparse
import json
import platform
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from experiments.errors import ExperimentError
from experiments.evaluating.predicted import Predicted
from experiments.releasing.bundle_models import open_folder
from experiments.releasing.predictor import Predictor

_MOST_OTHERS = 0.02  # of the texts, or one: tokens that are equally likely may fall either way


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportCheck:
    """What the comparison found."""

    matches: bool | None
    """None: there was nothing to compare with"""
    reason: str
    examples: int = 0
    max_difference: float | None = None
    """between exported and recorded scores; of numbers, in standard deviations"""
    disagreements: int = 0
    """examples whose class is another one, texts that are written in another way"""
    tolerance: float
    latency_p50_ms: float | None = None
    latency_p95_ms: float | None = None
    """one example at a time, one thread, preprocessing included"""
    onnxruntime: str | None = None
    machine: str | None = None


def check(folder: Path, predictions: Path, tolerance: float) -> ExportCheck:
    """Run the exported model on its check inputs and compare with the recorded predictions.

    Raises
    ------
    ExperimentError
        If the model cannot be loaded, or cannot read an input.
    """
    if not (folder / "check" / "inputs.json").exists():
        return ExportCheck(
            matches=None,
            reason="The inputs of the stored predictions cannot be had any more, so the exported "
            "model cannot be checked. Bring the data back.",
            tolerance=tolerance,
        )
    import onnxruntime

    ids, items = _inputs(folder / "check")
    predictor = open_folder(folder)
    recorded = recorded_scores(
        predictions, ids, names=predictor.labels, is_classifier=predictor.is_classifier
    )
    found = predictor.recorded(items)
    scale = 1.0 if predictor.is_classifier else max(float(recorded.std()), 1e-12)
    off = float(np.abs(found - recorded).max()) / scale
    others, told = _others(predictor, items, found, recorded)
    p50, p95 = predictor.latency_ms(_asked(items[0]))
    matches = off <= tolerance and (
        predictor.is_classifier or others <= max(1, _MOST_OTHERS * len(ids))
    )
    return ExportCheck(
        matches=matches,
        reason=f"{len(ids):,} stored inputs, run by ONNX Runtime without torch: scores differ by "
        f"at most {off:.2g}{'' if predictor.is_classifier else ' standard deviations'} from the "
        f"recorded ones{told}; {tolerance:g} is "
        f"{'allowed' if matches else 'the most that is allowed'}.",
        examples=len(ids),
        max_difference=off,
        disagreements=others,
        tolerance=tolerance,
        latency_p50_ms=p50,
        latency_p95_ms=p95,
        onnxruntime=onnxruntime.__version__,
        machine=platform.processor() or platform.machine(),
    )


def _others(
    predictor: Predictor, items: Sequence[Any], found: np.ndarray, recorded: np.ndarray
) -> tuple[int, str]:
    """Return how many answers are other ones than in the training, and in words."""
    if predictor.is_classifier:
        others = int((found.argmax(axis=1) != recorded.argmax(axis=1)).sum())
        return others, f" ({others} other classes)"
    written = predictor.others(items)
    return written or 0, "" if written is None else f" ({written} texts are written differently)"


def _asked(item: Any) -> Any:
    """Return an example of the check as a user would ask for it."""
    if not isinstance(item, dict):
        return item
    if "tokens" in item:
        return {key: item[key] for key in ("tokens",)}
    return {"text": item["text"]} if "target" in item else item


def _inputs(folder: Path) -> tuple[list[str], Sequence[Any]]:
    described = json.loads((folder / "inputs.json").read_text(encoding="utf-8"))
    ids: list[str] = described["ids"]
    if described["kind"] == "array":
        return ids, np.load(folder / "inputs.npy", allow_pickle=False)
    if described["kind"] == "path":
        return ids, [Path(path).read_bytes() for path in described["items"]]
    return ids, described["items"]


def recorded_scores(
    path: Path, ids: Sequence[str], *, names: Sequence[str], is_classifier: bool
) -> np.ndarray:
    """Return recorded scores, one row an example: several numbers of one stand in several rows.

    Of a model of language it is the mean loss of a token, as its predictor gives it.
    """
    table = pq.ParquetFile(path).read(columns=["example_id", "label", "scores"])
    place = {example: row for row, example in enumerate(table["example_id"].to_pylist())}
    one = Predicted.of(table)
    if one.task == "tokens":
        rows = np.array([place[example] for example in ids], dtype=np.int64)
        return -one.take(rows).quality[:, None]
    if not is_classifier and len(names) > 1:
        wanted = [f"{example}/{name}" for example in ids for name in names]
    else:
        wanted = list(ids)
    picked = table["scores"].take([place[example] for example in wanted])
    scores = np.array(picked.to_pylist(), dtype=np.float64)
    if is_classifier and scores.shape[1] == 1:  # only P(class 1) is stored
        scores = np.concatenate([1 - scores, scores], axis=1)
    return scores.reshape(len(ids), len(names))


def main(arguments: Sequence[str] | None = None) -> int:
    """Check one folder; print the result as JSON and return an exit code."""
    parser = argparse.ArgumentParser(prog="python -m experiments.releasing.bundle_check")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--predictions", type=Path, required=True)
    parser.add_argument("--tolerance", type=float, required=True)
    options = parser.parse_args(arguments)
    try:
        found = check(options.folder, options.predictions, options.tolerance)
    except (ExperimentError, OSError, ValueError, KeyError) as error:
        found = ExportCheck(matches=False, reason=str(error), tolerance=options.tolerance)
    if "torch" in sys.modules:
        found = ExportCheck(
            matches=False, reason="torch was loaded by the check.", tolerance=options.tolerance
        )
    sys.stdout.write(json.dumps(asdict(found)) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
