"""What the best checkpoint is worth: predictions and scores on held-out data, size and speed."""

from __future__ import annotations

import itertools
import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

import store
from trainers.checkpoints import load_model, read_checkpoint
from trainers.cost import count_flops
from trainers.data.dataset import Dataset, Split
from trainers.data.loader import ordered_loader
from trainers.models.classifier import Classifier, classification_scores

_BATCH = 512
_NUM_WARM_UP, _NUM_TIMED = 10, 200  # single examples


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """Scores of the best checkpoint."""

    best_epoch: int
    """Counted from 1."""
    test: dict[str, float]
    """loss (nats), acc, f1 (macro)"""
    cost: dict[str, float | int | None]
    """What one use of the model takes: latency, parameters, FLOPs, bytes."""


def evaluate(run: store.Run, checkpoint: Path, data: Dataset, device: torch.device) -> Evaluation:
    """Record predictions for validation and test, test scores, size and latency in the run."""
    model = load_model(checkpoint).to(device)
    position = read_checkpoint(checkpoint)
    step, epoch = position["global_step"], position["epoch"]
    scores: dict[str, dict[str, float]] = {}
    for name, split in (("val", data.val), ("test", data.test)):
        split_there = _to(split, device)
        logits_NC = predict(model, split_there)
        scores[name] = classification_scores(logits_NC, split_there.labels)
        run.log_predictions(
            name,
            split.ids,
            split.labels.numpy(),
            logits_NC.double().softmax(1).cpu().numpy(),
            slices=split.slices,
            classes=data.classes,
        )
    run.log({f"test/{name}": value for name, value in scores["test"].items()}, step, epoch + 1)
    there = _to(data.test, device)
    cost: dict[str, float | int | None] = {
        **latency(model, there),
        "parameters": sum(p.numel() for p in model.parameters()),
        "flops": count_flops(model, there.inputs[:1]),
        "checkpoint_bytes": checkpoint.stat().st_size,
    }
    run.summary.update(
        {name: value for name, value in cost.items() if value is not None}, best_epoch=epoch + 1
    )
    return Evaluation(best_epoch=epoch + 1, test=scores["test"], cost=cost)


@torch.inference_mode()
def predict(model: Classifier, split: Split) -> Tensor:
    """Return logits_NC, one row per example of a split that is on the model's device."""
    model.eval()
    return torch.cat(
        [model(inputs).float() for inputs, _ in ordered_loader(split, batch_size=_BATCH)]
    )


@torch.inference_mode()
def latency(model: Classifier, split: Split) -> dict[str, float]:
    """Return ``latency_p50_ms`` and ``latency_p95_ms`` of single examples, result fetched."""
    model.eval()
    times_ms: list[float] = []
    examples = itertools.cycle(inputs for inputs, _ in ordered_loader(split, batch_size=1))
    for inputs in itertools.islice(examples, _NUM_WARM_UP + _NUM_TIMED):
        started = time.perf_counter()
        model(inputs).tolist()  # waits for the device
        times_ms.append((time.perf_counter() - started) * 1e3)
    p50, p95 = np.percentile(times_ms[_NUM_WARM_UP:], [50, 95])
    return {"latency_p50_ms": float(p50), "latency_p95_ms": float(p95)}


def _to(split: Split, device: torch.device) -> Split:
    return replace(split, inputs=split.inputs.to(device), labels=split.labels.to(device))
