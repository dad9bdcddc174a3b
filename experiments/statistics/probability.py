"""Proper scores of predicted probabilities, and what they are worth at a decision threshold."""

import math

import numpy as np
from numpy.typing import ArrayLike

from experiments.statistics.arrays import (
    FloatArray,
    IntArray,
    binary,
    check_size,
    class_index,
    probabilities,
)

CLIP = 1e-7
"""Probabilities are kept this far from 0 and 1 before a logarithm is taken."""


def log_loss(label: ArrayLike, probability: ArrayLike, *, clip: float = CLIP) -> float:
    """Mean of -ln p(true class), in nats.

    Parameters
    ----------
    label
        0 or 1, shape (n,); or, with one column per class, class numbers 0 .. C - 1 or any C values
        whose sorted order is the order of the columns
    probability
        P(class 1), shape (n,); or one column per class, shape (n, C), rows adding up to 1
    clip
        Probabilities below it count as this much: a wrong certainty would cost infinity.
        `num_clipped` says how often that happened

    Notes
    -----
    Good 1952. scikit-learn clips at the type's precision (2e-16) instead.
    """
    return float(log_losses(label, probability, clip=clip).mean())


def num_clipped(label: ArrayLike, probability: ArrayLike, *, clip: float = CLIP) -> int:
    """Count the examples whose true class got a probability below `clip`.

    Parameters
    ----------
    label
        As in `log_loss`, shape (n,)
    probability
        As in `log_loss`, shape (n,) or (n, C)
    clip
        Smallest probability that `log_loss` takes as it is
    """
    return int((_probability_of_label(label, probability) < clip).sum())


def log_losses(label: ArrayLike, probability: ArrayLike, *, clip: float = CLIP) -> FloatArray:
    """Return each example's log loss, shape (n,)."""
    return -np.log(np.maximum(_probability_of_label(label, probability), clip))


def brier(label: ArrayLike, probability: ArrayLike) -> float:
    """Brier score: mean squared distance between probabilities and what happened.

    Parameters
    ----------
    label
        0 or 1, shape (n,); or, with one column per class, class numbers 0 .. C - 1 or any C values
        whose sorted order is the order of the columns
    probability
        P(class 1), shape (n,); or one column per class, shape (n, C), rows adding up to 1

    Returns
    -------
    float
        0 (perfect) to 1 for one or two columns, to 2 for more

    Notes
    -----
    ``mean (p - y)²``; for C > 2 ``mean_i Σ_c (p_ic - y_ic)²`` (Brier 1950). The scales are those of
    scikit-learn's brier_score_loss.
    """
    return float(brier_losses(label, probability).mean())


def brier_losses(label: ArrayLike, probability: ArrayLike) -> FloatArray:
    """Return each example's Brier score, shape (n,)."""
    chance = probabilities(probability, total=True)
    if chance.ndim == 1:
        happened = binary(label)
        check_size("label", happened, len(chance))
        return (chance - happened) ** 2
    index = column_of(label, chance.shape[1], len(chance))
    if chance.shape[1] == 2:
        return (chance[:, 1] - index) ** 2
    own = chance[np.arange(len(chance)), index]
    return (chance**2).sum(axis=1) - own**2 + (1 - own) ** 2


def net_benefit(
    label: ArrayLike, probability: ArrayLike, threshold: ArrayLike
) -> float | FloatArray:
    """Net benefit of acting when the probability reaches the threshold.

    Parameters
    ----------
    label
        0 or 1, shape (n,)
    probability
        P(class 1), shape (n,)
    threshold
        Probability from which one acts, 0 <= t < 1: the odds t/(1 - t) are the harm of a needless
        action over the gain of a needed one. A number, or shape (k,)

    Returns
    -------
    float or FloatArray
        True positives per example, less the false ones at that exchange rate; shape of `threshold`

    Notes
    -----
    ``TP/n - FP/n · t/(1 - t)``, acting when p >= t. Vickers & Elkin 2006, Medical Decision Making
    26:565.
    """
    happened = binary(label)
    chance = probabilities(probability, size=len(happened))
    if chance.ndim != 1:
        raise ValueError(f"Expected probability of shape (n,); got shape {chance.shape}.")
    cut, odds = _odds(threshold)
    n = len(chance)
    hits = np.sort(chance[happened])
    alarms = np.sort(chance[~happened])
    true_positive = len(hits) - np.searchsorted(hits, cut, side="left")
    false_positive = len(alarms) - np.searchsorted(alarms, cut, side="left")
    benefit = true_positive / n - false_positive / n * odds
    return float(benefit) if cut.ndim == 0 else benefit


def net_benefit_treat_all(label: ArrayLike, threshold: ArrayLike) -> float | FloatArray:
    """Net benefit of always acting; never acting has 0.

    Parameters
    ----------
    label
        0 or 1, shape (n,)
    threshold
        As in `net_benefit`, a number or shape (k,)

    Notes
    -----
    ``prevalence - (1 - prevalence)·t/(1 - t)``.
    """
    prevalence = float(binary(label).mean())
    cut, odds = _odds(threshold)
    benefit = prevalence - (1 - prevalence) * odds
    return float(benefit) if cut.ndim == 0 else benefit


def column_of(label: ArrayLike, num_classes: int, size: int) -> IntArray:
    """Return which of C columns belongs to each label, shape (n,)."""
    array = np.asarray(label)
    check_size("label", array, size)
    if array.dtype.kind in "biuf":
        return class_index(array, num_classes)
    names, index = np.unique(array, return_inverse=True)
    if len(names) != num_classes:
        raise ValueError(
            f"Expected {num_classes} different labels, one per column; got {len(names)}. "
            "Pass class numbers."
        )
    return index.astype(np.int64, copy=False)


def _probability_of_label(label: ArrayLike, probability: ArrayLike) -> FloatArray:
    chance = probabilities(probability, total=True)
    if chance.ndim == 1:
        happened = binary(label)
        check_size("label", happened, len(chance))
        return np.where(happened, chance, 1 - chance)
    return chance[np.arange(len(chance)), column_of(label, chance.shape[1], len(chance))]


def _odds(threshold: ArrayLike) -> tuple[FloatArray, FloatArray]:
    cut = np.asarray(threshold, dtype=np.float64)
    if cut.ndim > 1 or not ((cut >= 0) & (cut < 1)).all():
        worst = math.nan if cut.size == 0 else float(cut.max())
        raise ValueError(f"Expected thresholds in [0, 1); got values up to {worst:g}.")
    return cut, cut / (1 - cut)
