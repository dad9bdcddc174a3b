"""Studies whose trials were never trained, for tests and benchmarks."""

import json
import math
import os
import time

import numpy as np

from experiments import studies
from experiments.search.search_spec import StudySpec, load_study
from experiments.studies import Study
from store.events import append_lines
from store.layout import Home
from store.ledger import LEDGER_NAME

_SPEC = {
    "name": "learning rate and width",
    "base": "cnn_mnist",
    "set": {"data.kind": "digits", "training.epochs": 8},
    "space": {
        "training.lr": "auto",
        "training.batch_size": "auto",
        "model.dense": {"low": 16, "high": 128},
        "model.dropout": "auto",
        "training.optimizer": ["adamw", "sgd"],
    },
    "objective": "val/f1",
    "pruner": "median",
    "workers": 2,
}


def sample_study(
    home: str | os.PathLike[str], *, num_trials: int, seed: int = 0, **changes: object
) -> Study:
    """Make a study with trials as a search would have left them: most complete, some pruned.

    Parameters
    ----------
    num_trials
        How many have ended.
    seed
        Fixes the values.
    **changes
        Settings of the study other than the sample's.
    """
    spec = load_study({**_SPEC, "n_trials": max(1, num_trials), **changes})
    made = studies.create(home, spec, start=False)
    rng = np.random.default_rng(seed)
    began = time.time() - 60.0 * num_trials
    lines = [
        json.dumps(_trial(made.id, spec, number, began + 60.0 * number, rng)).encode()
        for number in range(num_trials)
    ]
    path = Home.locate(home).studies / made.id / LEDGER_NAME
    append_lines(path, lines)
    return studies.study(home, made.id)


def _trial(
    study_id: str, spec: StudySpec, number: int, started: float, rng: np.random.Generator
) -> dict[str, object]:
    params: dict[str, object] = {}
    good = 0.0
    for one in spec.space:
        share = float(rng.random())
        good -= (share - 0.6) ** 2
        if one.kind == "choice":
            params[one.name] = one.choices[int(share * len(one.choices))]
            continue
        low, high = one.ends
        value = low * (high / low) ** share if one.log else low + (high - low) * share
        params[one.name] = round(value) if one.kind == "int" else value
    value = 0.97 + 0.1 * good + 0.01 * float(rng.normal())
    state = ("complete", "complete", "complete", "pruned", "failed")[int(rng.integers(5))]
    epochs = 2 if state == "pruned" else 8
    course = [[epoch, value * (1 - math.exp(-epoch - 1))] for epoch in range(epochs)]
    values = [] if state == "failed" else [course[-1][1], 20 + 10 * float(rng.random())]
    return {
        "kind": studies.TRIAL,
        "at_us": int((started + 50) * 1e6),
        "id": studies.trial_id(study_id, number),
        "study": study_id,
        "number": number,
        "state": state,
        "params": params,
        "values": values[: len(spec.objectives)],
        "run_ids": [f"sample-{study_id[-6:]}-{number}"],
        "course": course if state != "failed" else [],
        "started": started,
        "ended": started + 30 + 25 * float(rng.random()),
        "by": "start" if number == 0 else "sampler",
        "reason": "its training was failed" if state == "failed" else None,
        "feasible": True,
        "excess": {},
    }
