"""The value that a gate speaks of: from the examples, with an interval, or as it was recorded."""

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import pyarrow as pa

from experiments.evaluating.findings import Examined
from experiments.evaluating.predicted import Predicted, codes_of
from experiments.statistics import (
    METRICS,
    Interval,
    calibration_error,
    calibration_error_floor,
    metric_goal,
    metric_interval,
)
from store import PredictionsNotFoundError

CALIBRATION: Final = frozenset({"ece", "calibration_error"})
_SPOKEN: Final = {
    "acc": "accuracy",
    "auc": "roc_auc",
    "auroc": "roc_auc",
    "ap": "average_precision",
    "f1": "macro_f1",  # as the trainers log it; `positive_f1` is that of class 1
    "positive_f1": "f1",
    "loss": "log_loss",
    "nll": "log_loss",
}
_LESS_IS_BETTER: Final = (
    "latency", "loss", "error", "bytes", "parameters", "memory", "seconds", "energy", "flops",
    "cost", "ms", "ece", "mae", "mse", "rmse", "brier",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """A value of one model."""

    value: float
    low: float = math.nan
    high: float = math.nan
    """NaN limits: there is no interval."""
    what: str
    """``macro F1 on val``"""
    source: str
    """where it comes from, for a person: ``270 examples``, ``recorded, without an interval``"""
    goal: str
    """``max`` or ``min``"""
    statistic: str | None = None
    """its name in `METRICS`, where it was computed from examples"""
    split: str | None = None
    by_chance: float | None = None
    """what a perfect model would show with so few examples, where that is not the ideal value"""

    @property
    def has_interval(self) -> bool:
        """Whether its limits are numbers."""
        return math.isfinite(self.low) and math.isfinite(self.high)


@dataclass(frozen=True, slots=True, kw_only=True)
class Missing:
    """Why there is no value."""

    why: str


class Model:
    """One run as gates see it; everything is read once.

    Parameters
    ----------
    store
        Where it is stored.
    run_id
        The run.
    """

    def __init__(self, store: Examined, run_id: str) -> None:
        self.store = store
        self.run_id = run_id
        self._predictions: dict[str, pa.Table | None] = {}

    @cached_property
    def record(self) -> dict[str, Any]:
        """Everything that is known of the run."""
        return self.store.run(self.run_id)

    @cached_property
    def recorded(self) -> dict[str, tuple[float, str | None]]:
        """Name -> value and goal: final values, costs, and the best of each curve."""
        found: dict[str, tuple[float, str | None]] = {}
        for row in self.store.series([self.run_id]).to_pylist():
            value = row["last"] if row["best"] is None else row["best"]
            found[row["metric"]] = (math.nan if value is None else value, row["goal"])
        for group in (self.record.get("cost"), self.record.get("summary")):
            for name, value in (group or {}).items():
                if isinstance(value, int | float) and not isinstance(value, bool):
                    found[name] = (float(value), found.get(name, (0.0, None))[1])
        return found

    def predictions(self, split: str) -> pa.Table | None:
        """Return the predictions of a split, None if there are none."""
        if split not in self._predictions:
            try:
                self._predictions[split] = self.store.predictions(self.run_id, split)
            except PredictionsNotFoundError:
                self._predictions[split] = None
        return self._predictions[split]

    def says_numbers(self, split: str) -> bool:
        """Return whether numbers (or lists, or texts) are predicted on a split, not classes."""
        table = self.predictions(split)
        return table is not None and Predicted.of(table).task != "classification"


def measure(model: Model, name: str, *, split: str, level: float) -> Measured | Missing:
    """Return the value that a gate's metric has for a model.

    Parameters
    ----------
    model
        The run.
    name
        As a person writes it: ``val/f1``, ``ECE``, ``latency_p95_ms``.
    split
        Where a metric without a split is looked at.
    level
        Confidence level.
    """
    where, bare = split_of(name, split)
    if bare.lower() in CALIBRATION:
        return _calibration(model, where)
    statistic = statistic_of(bare)
    table = model.predictions(where) if statistic else None
    if statistic is not None and table is not None:
        return _from_examples(table, statistic, where, level)
    return _as_recorded(model, name)


def split_of(name: str, default: str) -> tuple[str, str]:
    """Return the split and the bare metric of a name: ``val/f1`` -> ``val``, ``f1``."""
    before, slash, bare = name.rpartition("/")
    return (before, bare) if slash else (default, name)


def statistic_of(bare: str) -> str | None:
    """Return the name in `METRICS` of what people call ``acc`` or ``f1``."""
    name = _SPOKEN.get(bare.lower(), bare.lower())
    return name if name in METRICS else None


def goal_of(name: str, recorded: str | None) -> str:
    """Return whether more (``max``) or less (``min``) of a metric is better."""
    if recorded in {"max", "min"}:
        return recorded
    statistic = statistic_of(split_of(name, "")[1])
    if statistic is not None:
        return metric_goal(statistic)
    words = name.lower().replace("/", "_").split("_")
    return "min" if set(words) & set(_LESS_IS_BETTER) else "max"


def _from_examples(table: pa.Table, statistic: str, split: str, level: float) -> Measured | Missing:
    predicted = Predicted.of(table)
    label, scores = predicted.label, predicted.output
    group = None if predicted.group is None else codes_of(predicted.group)[0]
    what = f"{statistic.replace('_', ' ')} on {split}"
    try:
        predicted.check_metric(statistic)
        found = metric_interval(statistic, label, scores, group=group, level=level)
    except ValueError as error:
        return Missing(why=f"{what} cannot be computed: {error}")
    if math.isnan(found.estimate):
        return Missing(why=f"{what} is not defined: {found.note or 'see its examples'}.")
    return Measured(
        value=found.estimate,
        low=found.low,
        high=found.high,
        what=what,
        source=f"{len(label):,} examples" + (f"; rough: {found.note}" if found.note else ""),
        goal=metric_goal(statistic),
        statistic=statistic,
        split=split,
    )


def _calibration(model: Model, split: str) -> Measured | Missing:
    """ECE as it is: its sampling error is not symmetric, so what chance alone gives is told."""
    table = model.predictions(split)
    if table is None:
        return Missing(why=f"The run has no {split} predictions, so its ECE is not known.")
    predicted = Predicted.of(table)
    label, scores = predicted.label, predicted.output
    try:
        value = calibration_error(scores, label)
        top = scores.max(axis=1) if scores.ndim == 2 else scores
        floor = calibration_error_floor(top)
    except ValueError as error:
        return Missing(why=f"ECE on {split} cannot be computed: {error}")
    return Measured(
        value=value,
        what=f"ECE on {split} (15 bins of equal width)",
        source=f"{len(label):,} examples; a calibrated model would show about {floor:.3f} by chance",
        goal="min",
        split=split,
        by_chance=floor,
    )


def _as_recorded(model: Model, name: str) -> Measured | Missing:
    found = model.recorded.get(name)
    if found is None or math.isnan(found[0]):
        near = ", ".join(sorted(model.recorded)[:8]) or "nothing"
        return Missing(why=f"The run has recorded no {name}; it has {near}.")
    value, goal = found
    return Measured(
        value=value,
        what=name,
        source="as recorded: no examples are stored for it, so there is no interval",
        goal=goal_of(name, goal),
    )


def gain_of(difference: Interval, goal: str) -> Interval:
    """Return a difference turned so that above 0 is better."""
    if goal == "max":
        return difference
    return Interval(estimate=-difference.estimate, low=-difference.high, high=-difference.low)
