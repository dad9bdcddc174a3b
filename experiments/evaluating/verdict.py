"""Words for a difference: from one interval and one margin, never from a p-value."""

import math
from enum import StrEnum
from typing import Final

from experiments.statistics import LIST_METRICS, TEXT_METRICS, Interval

POINTS_METRICS: Final = frozenset({
    "accuracy", "average_precision", "balanced_accuracy", "f1", "macro_f1", "micro_f1",
    "precision", "recall", "roc_auc", "specificity", "token_accuracy", "weighted_f1",
    *LIST_METRICS, *TEXT_METRICS,
})  # fmt: skip
"""Metrics between 0 and 1 that are told in points, that is hundredths."""

NAMES: Final = {
    "accuracy": "accuracy",
    "average_precision": "average precision",
    "balanced_accuracy": "balanced accuracy",
    "brier": "Brier score",
    "chrf": "chrF",
    "edit_similarity": "edit similarity",
    "exact_match": "exact match",
    "log_loss": "log loss",
    "macro_f1": "macro F1",
    "mae": "mean absolute error",
    "mcc": "MCC",
    "mse": "mean squared error",
    "r2": "R²",
    "rmse": "root mean squared error",
    "roc_auc": "ROC AUC",
    "token_accuracy": "token accuracy",
    "token_f1": "word F1",
    "token_loss": "loss per token",
}
_LISTS: Final = {"ndcg": "NDCG", "hit_rate": "hit rate", "mrr": "MRR"}


class Word(StrEnum):
    """What an interval of a gain says, given the margin below which a difference does not matter."""

    CLEARLY_BETTER = "clearly better"
    """Better by at least the margin."""
    BETTER_BUT_LITTLE = "better, but by less than matters"
    BETTER = "better"
    """Better; by how much is open."""
    CLEARLY_WORSE = "clearly worse"
    PRACTICALLY_EQUAL = "practically equal"
    """The whole interval lies within the margin: a proven tie."""
    WORSE = "worse"
    NOT_WORSE = "not worse; a gain is not shown"
    CANNOT_TELL = "cannot tell"
    NOT_JUDGED = "not judged"
    """There is no interval."""

    @property
    def is_settled(self) -> bool:
        """Whether more evidence would not change what to do."""
        return self not in {Word.NOT_WORSE, Word.CANNOT_TELL, Word.NOT_JUDGED}


def judge(gain: Interval, margin: float) -> Word:
    """Return the word for a gain, the first that holds.

    Parameters
    ----------
    gain
        Candidate minus baseline, turned round where less is better: above 0 is a gain.
    margin
        The smallest difference that matters, in the metric's unit, above 0.

    Raises
    ------
    ValueError
        If the margin is not above 0.
    """
    if not margin > 0:
        raise ValueError(f"Expected a margin above 0; got {margin}. Below it nothing is a tie.")
    low, high = gain.low, gain.high
    if math.isnan(low) or math.isnan(high):
        return Word.NOT_JUDGED
    claims = (
        (low >= margin, Word.CLEARLY_BETTER),
        (low > 0 and high < margin, Word.BETTER_BUT_LITTLE),
        (low > 0, Word.BETTER),
        (high <= -margin, Word.CLEARLY_WORSE),
        (low >= -margin and high <= margin, Word.PRACTICALLY_EQUAL),
        (high < 0, Word.WORSE),
        (low >= -margin, Word.NOT_WORSE),
    )
    return next((word for holds, word in claims if holds), Word.CANNOT_TELL)


def name_of(metric: str) -> str:
    """Return how a metric is called in a sentence."""
    kind, at, places = metric.partition("@")
    if at:
        return f"{_LISTS.get(kind, kind)}@{places}"
    return NAMES.get(metric, metric.replace("_", " "))


def title_of(metric: str) -> str:
    """Return a metric's name as it heads a column."""
    told = name_of(metric)
    return told[0].upper() + told[1:]


def amount(value: float, metric: str) -> str:
    """Return a difference with its sign: ``+1.4 points``, or ``-0.021`` for a loss; NaN: a dash."""
    if math.isnan(value):
        return "\N{EN DASH}"
    if metric in POINTS_METRICS:
        points = _signed(value * 100, 2 if abs(value) < 0.001 else 1)
        return f"{points} point{'' if abs(round(value * 100, 1)) == 1 else 's'}"
    return _signed(value, 4 if abs(value) < 0.01 else 3)


def span(interval: Interval, metric: str) -> str:
    """Return the limits of an interval: ``+0.2 to +2.6``."""
    if metric in POINTS_METRICS:
        return f"{_signed(interval.low * 100, 1)} to {_signed(interval.high * 100, 1)}"
    return f"{_signed(interval.low, 3)} to {_signed(interval.high, 3)}"


def _signed(value: float, digits: int) -> str:
    text = f"{value:+.{digits}f}".replace("-", "\N{MINUS SIGN}")
    return text if float(f"{value:.{digits}f}") else text[1:]
