"""Invented card payments: to try fraud detection out where no real ones can be had."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from trainers.configs import SyntheticFraudConfig
from trainers.data.events import sequences
from trainers.data.raw import RawArrays

_EVENTS = (8, 40)  # of a customer


def read_synthetic_fraud(config: SyntheticFraudConfig) -> RawArrays:
    """Return payments of invented customers; frauds come in short, hasty runs of odd amounts.

    A single fraud looks much like an unusual payment: only the sequence tells them apart.
    """
    rng = np.random.default_rng(config.split_seed)
    by_customer: dict[str, tuple[NDArray[np.float32], NDArray[np.int64]]] = {}
    for number in range(config.num_customers):
        size = int(rng.integers(*_EVENTS))
        usual, home = rng.normal(3, 0.8), rng.uniform(0, 24)
        amount = rng.normal(usual, 0.6, size)
        gap = rng.exponential(24.0, size)
        hour = (home + rng.normal(0, 4, size)) % 24
        abroad = (rng.random(size) < 0.05).astype(float)
        label = np.zeros(size, dtype=np.int64)
        run = 3
        if rng.random() < config.fraud_share * size / run:
            start = int(rng.integers(1, size - run))
            part = slice(start, start + run)
            label[part] = 1
            amount[part] = usual + np.array([-1.5, 1.0, 2.0]) + rng.normal(0, 0.5, run)
            gap[part] = rng.exponential(0.5, run)
            hour[part] = rng.uniform(0, 24, run)
            abroad[part] = (rng.random(run) < 0.5).astype(float)
        values = np.column_stack([amount, np.log1p(gap), hour, abroad]).astype(np.float32)
        by_customer[f"customer-{number:06d}"] = (values, label)
    contents, labels, groups = sequences(by_customer, config.max_length)
    return RawArrays(
        shape="sequence",
        contents=contents,
        labels=labels,
        ids=[f"event-{index:07d}" for index in range(len(labels))],
        names=("log amount", "log hours since the last", "hour", "abroad"),
        classes=("regular", "fraud"),
        groups=groups,
        has_duplicates=True,
        facts={"source": "synthetic: invented by Bakeoff, no real payments"},
    )
