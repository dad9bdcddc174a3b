"""What a ranking is worth: gain and lift when the highest scores are taken first; score histograms."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from experiments.evaluating.evaluation import (
    FloatArray,
    IntArray,
    RocCurve,
    roc_curve,
    thinned,
)

BINS = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Gain:
    """Positives found when the share `taken` of the highest scores is looked at."""

    taken: FloatArray
    """shape (k,), from 0 to 1; equal scores are taken together"""
    found: FloatArray
    """shape (k,), share of the positives, from 0 to 1"""
    prevalence: float
    separation: float
    """Kolmogorov-Smirnov: the largest distance between the shares of positives and negatives"""

    @property
    def lift(self) -> FloatArray:
        """How many times more positives than by chance, shape (k,); NaN at 0."""
        return np.divide(
            self.found, self.taken, out=np.full(len(self.taken), math.nan), where=self.taken > 0
        )

    def at(self, share: float) -> float:
        """Return the share of positives found among a share of the examples."""
        return float(np.interp(share, self.taken, self.found))


@dataclass(frozen=True, slots=True, kw_only=True)
class Histogram:
    """How scores spread, class by class, in shared bins."""

    edges: FloatArray
    """shape (bins + 1,)"""
    counts: IntArray
    """shape (classes, bins)"""


def gain(positive: NDArray[np.bool_], score: FloatArray) -> Gain:
    """Return the cumulative gain of a ranking.

    Raises
    ------
    ValueError
        If there is no positive or no negative example, or a score is NaN.
    """
    return gain_of(roc_curve(positive, score), float(np.mean(positive)))


def gain_of(curve: RocCurve, prevalence: float) -> Gain:
    """Return the cumulative gain of the scores that a ROC curve was made of."""
    hits = curve.true_positive_rate
    taken = prevalence * hits + (1 - prevalence) * curve.false_positive_rate
    keep = thinned(taken, hits, 500)
    return Gain(
        taken=taken[keep],
        found=hits[keep],
        prevalence=prevalence,
        separation=curve.separation,
    )


def histogram(
    label: IntArray, score: FloatArray, num_classes: int, *, bins: int = BINS
) -> Histogram:
    """Count scores in shared bins for each class; scores that are not numbers are left out."""
    label, score = np.asarray(label), np.asarray(score, dtype=np.float64)
    finite = np.isfinite(score)
    known = score[finite]
    low, high = (0.0, 1.0) if not known.size else (float(known.min()), float(known.max()))
    if low >= 0 and high <= 1:
        low, high = 0.0, 1.0
    if low == high:
        low, high = low - 0.5, high + 0.5
    edges = np.linspace(low, high, bins + 1)
    place = np.clip(((known - low) / (high - low) * bins).astype(np.int64), 0, bins - 1)
    cells = np.bincount(label[finite] * bins + place, minlength=num_classes * bins)
    return Histogram(edges=edges, counts=cells.reshape(num_classes, bins).astype(np.int64))
