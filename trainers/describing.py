"""What is known of a run before its first step: goals of metrics, device, data, labels."""

from __future__ import annotations

import json
import os

import torch

import store
from trainers.callbacks import say
from trainers.preparing import Plan


def describe(run: store.Run, plan: Plan, device: torch.device) -> None:
    """Record what is known before the first step, and say it."""
    task, data = plan.model.task, plan.data
    for name, goal in task.goals.items():
        for split in ("train", "val", "test"):
            run.define_metric(f"{split}/{name}", goal=goal, unit=task.units.get(name))
    run.define_metric("epoch_s", unit="s", summary="last")
    run.define_metric("examples_per_s", unit="1/s", summary="last")
    run.define_metric("lr", summary="last")
    num_parameters = sum(p.numel() for p in plan.model.parameters())
    device_name = _device_name(device)
    run.describe(
        device=device_name,
        data_hash=data.hash,
        data=data.facts,
        classes=list(data.classes),
        parameters=num_parameters,
    )
    if labels := os.environ.get("BAKEOFF_LABELS"):
        run.describe(labels=_labels(labels))
    sizes = " + ".join(f"{size:,} {name}" for name, size in data.facts["sizes"].items())
    say(
        f"training {plan.spec.model.kind} ({num_parameters:,} parameters) on {plan.spec.data.kind} "
        f"({sizes} examples, {data.facts['duplicates_dropped']:,} duplicates dropped), {device_name}"
    )


def _labels(text: str) -> dict[str, str]:
    """Return what the queue wants written beside the run: a study and a trial, for example."""
    try:
        labels = json.loads(text)
    except ValueError:
        labels = None
    if not isinstance(labels, dict):
        say(f"Expected BAKEOFF_LABELS to be a JSON object; got {text[:60]!r}. It is ignored.")
        return {}
    return {str(key): str(value) for key, value in labels.items()}


def _device_name(device: torch.device) -> str:
    if device.type == "cuda":
        return f"{device} {torch.cuda.get_device_name(device)}"
    threads = torch.get_num_threads()
    return f"{device}, {threads} thread{'s' if threads > 1 else ''}"
