"""Can the probabilities be believed? The reliability diagram with every figure under its name."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from experiments.evaluating.evaluation import FloatArray
from experiments.evaluating.predicted import Predicted
from experiments.statistics import (
    Corp,
    CorpBand,
    Reliability,
    calibration_error,
    calibration_error_floor,
    corp,
    corp_band,
    reliability,
)

BINS = 15
FEWEST = 30
"""Below so many examples nothing is drawn."""
_DIGITS = 3
"""Forecasts are rounded to so many digits before the isotonic fit: enough for a drawing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """How far probabilities and frequencies agree."""

    event: str
    """what the probability is of: ``P(yes)``, or the highest one being right"""
    n: int
    bins: Reliability
    """of equal mass, with Wilson limits"""
    curve: Corp
    """isotonic, without bins; with it the Brier score of the rounded forecasts and its parts"""
    band: CorpBand | None
    """where the curve of calibrated forecasts would lie by chance; None unless asked for"""
    errors: Mapping[str, float]
    """name of the variant -> calibration error"""
    by_chance: float
    """ECE (15 bins of equal mass) to expect of perfect forecasts"""

    def sentence(self) -> str:
        """Say whether the probabilities can be taken at their word."""
        error = self.errors[ECE]
        lead = f"{self.event} is off by {error:.3f} on average (ECE, 15 bins of equal mass)"
        if error <= 1.5 * self.by_chance:
            return f"{lead}: no more than {self.by_chance:.3f}, which chance alone gives."
        mean = float(self.bins.count @ (self.bins.mean_probability - self.bins.frequency) / self.n)
        way = "too sure" if mean > 0 else "too cautious"
        return f"{lead}; chance alone gives {self.by_chance:.3f}. On average it is {way}."


ECE = "ECE, 15 bins of equal mass"


def calibration(one: Predicted, *, has_band: bool = True) -> Calibration | str:
    """Return the calibration of a classifier, or in words why it is not defined."""
    if one.task != "classification":
        return "Calibration is of probabilities; these are values."
    if len(one) < FEWEST:
        return f"{len(one)} examples: calibration is not defined below {FEWEST}."
    table = one.table
    if one.num_not_finite or table.min() < 0 or table.max() > 1:
        return "The scores are not probabilities: they lie outside 0 to 1, or are NaN."
    # As a product: sums over rows of two take NumPy ten times as long.
    if np.abs(table @ np.ones(table.shape[1]) - 1).max() > 1e-3:
        return "The scores of an example do not add up to 1, so they are not probabilities."
    chance, happened = _event(one)
    # In order every figure below is found several times as fast.
    order = np.argsort(chance)
    chance, happened = chance[order], happened[order]
    rounded = np.round(chance, _DIGITS)
    output, label = one.output, one.label
    errors = {
        ECE: calibration_error(chance, happened, scheme="mass"),
        "ECE, 15 bins of equal width": calibration_error(chance, happened),
        "RMS, 15 bins of equal mass, bias removed": calibration_error(
            chance, happened, scheme="mass", norm="l2", debiased=True
        ),
        "largest gap, 15 bins of equal mass": calibration_error(
            chance, happened, scheme="mass", norm="max"
        ),
    }
    if output.ndim == 2:
        errors["ECE, each class by itself"] = calibration_error(
            output, label, scheme="mass", class_wise=True
        )
    names = one.class_names
    return Calibration(
        event=f"P({names[1]})" if output.ndim == 1 else "The highest probability",
        n=len(one),
        bins=reliability(chance, happened, n_bins=BINS, scheme="mass"),
        curve=corp(rounded, happened),
        band=corp_band(rounded, resamples=100) if has_band else None,
        errors=MappingProxyType(errors),
        by_chance=calibration_error_floor(chance, scheme="mass"),
    )


def _event(one: Predicted) -> tuple[FloatArray, np.ndarray]:
    """Return the probability of one event and whether it happened."""
    if one.output.ndim == 1:
        return one.output, one.label.astype(np.int64)
    right = one.table.argmax(axis=1) == one.label
    return one.table.max(axis=1), right.astype(np.int64)


def widest_gap(found: Calibration) -> tuple[float, float]:
    """Return forecast and frequency of the bin that is furthest off; NaN without bins."""
    if not len(found.bins.count):
        return math.nan, math.nan
    gap = np.abs(found.bins.mean_probability - found.bins.frequency)
    place = int(gap.argmax())
    return float(found.bins.mean_probability[place]), float(found.bins.frequency[place])
