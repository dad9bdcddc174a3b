"""Where a run goes on: its last checkpoint, if it was made from the same spec and the same data."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from store.layout import Home
from trainers.checkpoints import read_checkpoint
from trainers.data.dataset import Dataset
from trainers.errors import DataError, SpecError
from trainers.spec import RunSpec

LAST_CHECKPOINT = "last.ckpt"
_MUST_MATCH = ("data", "model", "training", "seed")


def checkpoint_to_resume(
    spec: RunSpec, data: Dataset, *, home: str | Path | None, run_id: str | None
) -> Path | None:
    """Return the checkpoint that a run goes on from, or None: it has none yet and starts anew.

    Raises
    ------
    SpecError
        If the run was started with another spec, or there is no id.
    DataError
        If the data have changed since.
    """
    if run_id is None:
        raise SpecError(["Expected the id of the run that is to go on; got none."])
    folder = Home.locate(home).run(run_id).path
    path = folder / "checkpoints" / LAST_CHECKPOINT
    if not path.is_file():
        return None
    card = read_checkpoint(path)["bakeoff"]
    differences = [_difference(card["spec"], spec.to_mapping(), key) for key in _MUST_MATCH]
    if problems := [difference for difference in differences if difference]:
        raise SpecError(problems)
    if card.get("data_hash") != data.hash:
        raise DataError(
            f"Expected the data that run {run_id} has learnt from; got data with another hash. "
            "Start a new run, or bring the old data back."
        )
    return path


def _difference(old: dict[str, Any], new: dict[str, Any], key: str) -> str | None:
    if old.get(key) == new.get(key):
        return None
    return (
        f"Expected the spec that the run was started with; got another {key}: "
        f"{json.dumps(new.get(key))[:120]}. Start a new run for it."
    )
