"""What the best checkpoint is worth: predictions and scores on held-out data, size and speed."""

from __future__ import annotations

import itertools
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

import store
from trainers.checkpoints import load_model, read_checkpoint
from trainers.cost import count_flops
from trainers.data.dataset import Dataset, Split
from trainers.data.loader import ordered_loader
from trainers.data.module import evaluation_batch, split_to
from trainers.models.learner import Learner

_BATCH = 512
_NUM_WARM_UP, _NUM_TIMED = 10, 200  # single examples
_TIMED_AT_MOST_S = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """Scores of the best checkpoint."""

    best_epoch: int
    """Counted from 1."""
    test: dict[str, float]
    """What the task scores: loss, acc, f1 (macro), ..."""
    cost: dict[str, float | int | None]
    """What one use of the model takes: latency, parameters, FLOPs, bytes."""


def evaluate(run: store.Run, checkpoint: Path, data: Dataset, device: torch.device) -> Evaluation:
    """Record predictions for validation and test, test scores, size and latency in the run."""
    position = read_checkpoint(checkpoint)
    model = load_model(checkpoint).to(device)
    epoch = position["epoch"] + 1
    scores = record_predictions(run, model, data, device)
    run.log(
        {f"test/{name}": value for name, value in scores.items()}, position["global_step"], epoch
    )
    cost = {
        **cost_of_use(model, split_to(data.test, device)),
        "checkpoint_bytes": checkpoint.stat().st_size,
    }
    run.summary.update(
        {name: value for name, value in cost.items() if value is not None}, best_epoch=epoch
    )
    return Evaluation(best_epoch=epoch, test=scores, cost=cost)


def record_predictions(
    run: store.Run, model: Learner, data: Dataset, device: torch.device
) -> dict[str, float]:
    """Record predictions for validation and test in the run; return the scores of the test split."""
    model.task.remember(data)
    scores: dict[str, float] = {}
    for name, split in (("val", data.val), ("test", data.test)):
        there = split_to(split, device)
        judged_NK = predict(model, there, batch_size=evaluation_batch(data))
        scores = model.task.scores(judged_NK, there.labels)
        for kept_as, rows in model.task.tables(model, judged_NK, split, name):
            run.log_predictions(
                kept_as,
                rows.ids,
                rows.label,
                rows.scores,
                slices=rows.slices,
                group=rows.group,
                classes=rows.classes,
                task=rows.task,
            )
    test = split_to(data.test, device)
    return {
        **scores,
        **model.task.whole_scores(model, "test"),
        **model.task.report(model, test, run),
    }


@torch.inference_mode()
def predict(model: Learner, split: Split, *, batch_size: int = _BATCH) -> Tensor:
    """Return what the task keeps of each example (logits of classes, for example), in order.

    Parameters
    ----------
    split
        On the device of the model.
    """
    model.eval()
    judged: list[Tensor] = []
    for batch in ordered_loader(split, batch_size=batch_size):
        inputs, labels = model.task.prepare(*batch, training=False)
        judged.append(model.task.judge(model.answer(inputs, labels), labels))
    return torch.cat(judged)


def cost_of_use(model: Learner, split: Split) -> dict[str, float | int | None]:
    """Return latency, parameters and operations of a single example."""
    example, _ = next(iter(ordered_loader(split, batch_size=1)))
    return {
        **latency(model, split),
        "parameters": sum(p.numel() for p in model.parameters()),
        "flops": count_flops(model, example),
    }


@torch.inference_mode()
def latency(model: Learner, split: Split) -> dict[str, float]:
    """Return ``latency_p50_ms`` and ``latency_p95_ms`` of single examples, result fetched."""
    model.eval()
    times_ms: list[float] = []
    examples = itertools.cycle(inputs for inputs, _ in ordered_loader(split, batch_size=1))
    began = time.perf_counter()
    for inputs in itertools.islice(examples, _NUM_WARM_UP + _NUM_TIMED):
        started = time.perf_counter()
        model(inputs).tolist()  # waits for the device
        times_ms.append((time.perf_counter() - started) * 1e3)
        if started - began > _TIMED_AT_MOST_S and len(times_ms) > 2 * _NUM_WARM_UP:
            break
    p50, p95 = np.percentile(times_ms[_NUM_WARM_UP:], [50, 95])
    return {"latency_p50_ms": float(p50), "latency_p95_ms": float(p95)}
