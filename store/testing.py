"""Builders for tests of every package: real runs in a real store, in milliseconds."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from store.events import EventLog
from store.liveness import describe_process
from store.recording import Run
from store.starting import init


def make_run(
    home: Path | str,
    *,
    project: str = "default",
    config: Mapping[str, Any] | None = None,
    metrics: Mapping[str, Sequence[float]] | None = None,
    status: str = "finished",
    predictions: Mapping[str, tuple[Any, Any]] | None = None,
    classes: Sequence[str] | None = None,
    steps_per_epoch: int = 10,
    facts: Mapping[str, Any] | None = None,
    **options: Any,
) -> str:
    """Record a run and return its id.

    Parameters
    ----------
    home
        The store's folder.
    project, config, **options
        As for `store.init`.
    metrics
        Name -> one value a step.
    status
        How it ends; ``"crashed"`` leaves it without an end, as a killed process does.
    predictions
        Split -> labels and scores.
    classes
        Class names of the predictions.
    steps_per_epoch
        How steps count as epochs.
    facts
        As for `store.Run.describe`: ``data_hash``, ``cost`` and the like.
    """
    run = init(
        project,
        config=dict(config or {}),
        home=home,
        capture=False,
        monitor=False,
        **options,
    )
    curves = {key: list(values) for key, values in (metrics or {}).items()}
    for step in range(max(map(len, curves.values()), default=0)):
        values = {key: curve[step] for key, curve in curves.items() if step < len(curve)}
        run.log(values, step=step, epoch=step / steps_per_epoch)
    for split, (label, scores) in (predictions or {}).items():
        ids = [f"{split}-{index}" for index in range(len(label))]
        run.log_predictions(split, ids, label, scores, classes=classes)
    if facts:
        run.describe(**facts)
    if status == "crashed":
        _abandon(run)
    else:
        run.finish(status)
    return run.id


def filled_store(
    home: Path | str, *, num_runs: int = 6, num_steps: int = 50, project: str = "demo"
) -> list[str]:
    """Record runs of three kinds of model with curves and predictions; return their ids.

    Run `i` has seed ``i % 3`` and group ``i // 3``; its accuracy grows with its number, so the
    last run is the best. Every fifth run failed.
    """
    ids: list[str] = []
    for index in range(num_runs):
        kind = ("cnn", "lstm", "transformer")[index // 3 % 3]
        generator = np.random.default_rng(index)
        best = 0.7 + 0.25 * (index + 1) / num_runs
        config = {
            "model": {"kind": kind, "dropout": 0.1 * (index % 4)},
            "training": {"lr": 10.0 ** -(2 + index % 3), "batch_size": 32},
            "data": {"kind": "digits"},
        }
        ids.append(
            make_run(
                home,
                project=project,
                name=f"{kind}-{index:02d}",
                config=config,
                group=f"{kind}-{index // 3}",
                seed=index % 3,
                tags=["baseline"] if index == 0 else [],
                metrics=_learning_curves(best, num_steps, generator),
                status="failed" if index % 5 == 4 else "finished",
                predictions={split: _predictions(best, generator) for split in ("val", "test")},
                classes=("negative", "positive"),
            )
        )
    return ids


def _abandon(run: Run) -> None:
    """Leave a run as a killed process leaves it: no goodbye, and a process that is gone."""
    run.is_finished = True
    gone = {**describe_process(), "pid": 2**22 + 1}
    EventLog(run.folder / "events.jsonl").append("status", status="running", process=gone)


def _learning_curves(
    best: float, num_steps: int, generator: np.random.Generator
) -> dict[str, list[float]]:
    progress = [1 - math.exp(-4 * step / num_steps) for step in range(num_steps)]
    noise = generator.normal(0, 0.01, (2, num_steps))
    return {
        "train/loss": [
            1.5 * (1 - p) + 0.1 + float(e) for p, e in zip(progress, noise[0], strict=True)
        ],
        "val/loss": [
            1.5 * (1 - p) + 0.2 + float(e) for p, e in zip(progress, noise[1], strict=True)
        ],
        "val/acc": [0.5 + (best - 0.5) * p for p in progress],
    }


def _predictions(best: float, generator: np.random.Generator) -> tuple[Any, Any]:
    label = np.random.default_rng(0).integers(0, 2, 200)  # the same examples for every run
    is_right = generator.random(200) < best
    positive = np.where(is_right == (label == 1), 0.5, 0.0) + generator.random(200) / 2
    return label, np.stack([1 - positive, positive], axis=1)
