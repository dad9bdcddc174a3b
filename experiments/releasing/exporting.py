"""From a run to a bundle: export in one process, check in a clean one, write the card, zip it."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from experiments.errors import ExperimentError
from experiments.releasing.bundle_check import ExportCheck
from store.layout import Home

TIME_LIMIT_S = 900
CHECK_FOLDER = "check"


class ExportFailedError(ExperimentError):
    """A run whose model cannot be exported, or whose export gives other scores."""


def export_run(
    home: Home, run_id: str, folder: Path, *, split: str, tolerance: float
) -> ExportCheck:
    """Write a run's model into a folder and check that it gives the recorded scores.

    Parameters
    ----------
    home
        The store's folder.
    run_id
        The run.
    folder
        Where the files go; the inputs of the check do not stay.
    split
        Whose stored predictions are compared.
    tolerance
        The largest difference between an exported and a recorded score.

    Raises
    ------
    ExportFailedError
        If the model cannot be exported at all.
    """
    _check_model(home, run_id)
    split = _checked_on(home, run_id, split)
    folder.mkdir(parents=True, exist_ok=True)
    arguments = [run_id, "--home", str(home.path), "--out", str(folder), "--split", split]
    done = _run("trainers.export", arguments)
    if done.returncode:
        raise ExportFailedError(
            _last_line(done.stderr) or f"The export ended with exit code {done.returncode}."
        )
    predictions = home.run(run_id).predictions / f"{split}.parquet"
    arguments = [str(folder), "--predictions", str(predictions), "--tolerance", repr(tolerance)]
    checked = _run("experiments.releasing.bundle_check", arguments)
    try:
        found = ExportCheck(**json.loads(checked.stdout.splitlines()[-1]))
    except (IndexError, ValueError, TypeError) as error:
        raise ExportFailedError(
            f"The check of the exported model did not answer: {_last_line(checked.stderr)}"
        ) from error
    _clear(folder / CHECK_FOLDER)
    return found


def _check_model(home: Home, run_id: str) -> None:
    """Refuse at once what has no model: torch takes seconds to find that out."""
    run = home.run(run_id)
    for member in _members(home, run_id):
        _check_model(home, member)
    has_model = _members(home, run_id) or any(run.files.glob("*-int8.onnx"))
    if not has_model and not (run.checkpoints / "best.ckpt").is_file():
        raise ExportFailedError(
            f"Expected a checkpoint of run {run_id}; {run.checkpoints / 'best.ckpt'} does not "
            "exist. Only models that Bakeoff trained can be exported, and ensembles of them."
        )


def _members(home: Home, run_id: str) -> Sequence[str]:
    """Return the runs that an ensemble is made of; nothing for any other run."""
    return _config(home, run_id).get("members") or ()


def _checked_on(home: Home, run_id: str, split: str) -> str:
    """Return the split to check on: what a stack says of validation comes from folds, not from it."""
    kind = (_config(home, run_id).get("model") or {}).get("kind")
    return "test" if kind == "ensemble_stack" else split


def _config(home: Home, run_id: str) -> dict[str, Any]:
    try:
        header = json.loads(home.run(run_id).header.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return header.get("config") or {}


def _run(module: str, arguments: Sequence[str]) -> "subprocess.CompletedProcess[str]":
    """Run a module of ours without the GPU and with one thread: the export is small work."""
    environment = {**os.environ, "CUDA_VISIBLE_DEVICES": "", "OMP_NUM_THREADS": "1"}
    try:
        return subprocess.run(
            [sys.executable, "-m", module, *arguments],
            capture_output=True,
            text=True,
            timeout=TIME_LIMIT_S,
            check=False,
            env=environment,
        )
    except subprocess.TimeoutExpired:
        raise ExportFailedError(
            f"Expected {module} to end within {TIME_LIMIT_S} s; it did not."
        ) from None


def _clear(folder: Path) -> None:
    if folder.is_dir():
        for path in folder.iterdir():
            path.unlink()
        folder.rmdir()


def _last_line(text: str) -> str:
    lines = [line for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else ""
