"""Builds the stores that the benchmarks read: many runs, or many points, in little time."""

import json
import time
from pathlib import Path
from typing import Any

import numpy as np

from store.journal import SegmentWriter
from store.layout import Home, new_run_id

PARAMS = 20
METRICS = tuple(
    f"{split}/{name}"
    for split in ("train", "val")
    for name in ("acc", "loss", "f1", "auc", "mcc", "brier", "ece", "lr", "time", "mem")
)


def write_runs(home: Path, count: int, *, calls: int = 2) -> list[str]:
    """Write folders of ended runs with 20 parameters and 20 metrics each, as trainings leave them."""
    store_home = Home.locate(home).create()
    chance = np.random.default_rng(0)
    start_us = time.time_ns() // 1000 - count * 60_000_000
    ids: list[str] = []
    for index in range(count):
        run_id = new_run_id()
        files = store_home.run(run_id)
        files.path.mkdir()
        created_us = start_us + index * 60_000_000
        files.header.write_text(json.dumps(_header(run_id, index, created_us, chance)))
        writer = SegmentWriter(files.open_segment("0"), start=time.perf_counter())
        for step, row in enumerate(chance.random((calls, len(METRICS))).tolist()):
            writer.log(dict(zip(METRICS, row, strict=True)), step)
        writer.close()
        events = [
            {"kind": "status", "at_us": created_us, "status": "running", "process": None},
            {"kind": "status", "at_us": created_us + 50_000_000, "status": "finished"},
        ]
        files.events.write_text("".join(json.dumps(event) + "\n" for event in events))
        ids.append(run_id)
    return ids


def _header(
    run_id: str, index: int, created_us: int, chance: np.random.Generator
) -> dict[str, Any]:
    kind = ("cnn", "lstm", "transformer")[index % 3]
    training = {f"setting_{number}": float(chance.random()) for number in range(PARAMS - 4)}
    return {
        "format": 1,
        "id": run_id,
        "project": f"project-{index % 4}",
        "name": f"{kind}-{index:05d}",
        "group": f"{kind}-{index // 5}",
        "tags": ["baseline"] if index % 10 == 0 else [],
        "notes": None,
        "seed": index % 5,
        "parents": [],
        "created_us": created_us,
        "config": {
            "model": {"kind": kind, "dropout": index % 7 / 10},
            "training": {"lr": float(10 ** -chance.uniform(1, 5)), **training},
            "data": "digits",
        },
        "process": None,
        "host": "bench",
    }
