"""Where to cut the scores: rates, costs and net benefit at every threshold. Two classes."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

from experiments.evaluating.evaluation import FloatArray
from experiments.statistics import wilson

GRID = 201


@dataclass(frozen=True, slots=True, kw_only=True)
class Prices:
    """What mistakes cost, in any unit; what is right costs nothing."""

    false_positive: float = 1.0
    false_negative: float = 1.0

    def __post_init__(self) -> None:
        prices = (self.false_positive, self.false_negative)
        if not all(math.isfinite(price) and price >= 0 for price in prices) or not any(prices):
            raise ValueError(
                f"Expected costs of 0 or more, one above 0; got {self.false_positive} and "
                f"{self.false_negative}."
            )

    @property
    def threshold(self) -> float:
        """The best threshold for calibrated probabilities: c_FP / (c_FP + c_FN)."""
        return self.false_positive / (self.false_positive + self.false_negative)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sweep:
    """A classifier at many thresholds; each of shape (k,)."""

    threshold: FloatArray
    """rising, from 0 to 1"""
    true_positive: FloatArray
    false_positive: FloatArray
    num_positive: int
    num_negative: int

    @property
    def n(self) -> int:
        """Examples."""
        return self.num_positive + self.num_negative

    @property
    def recall(self) -> FloatArray:
        """True positives among positives; NaN without positives."""
        return _ratio(self.true_positive, self.num_positive)

    @property
    def precision(self) -> FloatArray:
        """True positives among those called positive; NaN where nothing is."""
        return _ratio(self.true_positive, self.true_positive + self.false_positive)

    @property
    def f1(self) -> FloatArray:
        """F1 of the positive class; NaN where it is 0/0."""
        return _ratio(
            2 * self.true_positive, self.true_positive + self.false_positive + self.num_positive
        )

    @property
    def accuracy(self) -> FloatArray:
        """Share of right answers."""
        return (self.true_positive + self.num_negative - self.false_positive) / self.n

    def cost(self, prices: Prices) -> FloatArray:
        """Return the expected cost an example."""
        missed = self.num_positive - self.true_positive
        return (
            prices.false_positive * self.false_positive + prices.false_negative * missed
        ) / self.n

    def net_benefit(self) -> FloatArray:
        """Return the net benefit of acting at each threshold; minus infinity never: NaN at 1."""
        odds = _ratio(self.threshold, 1 - self.threshold)
        return (self.true_positive - self.false_positive * odds) / self.n

    def net_benefit_of_all(self) -> FloatArray:
        """Return the net benefit of acting always; acting never has 0."""
        odds = _ratio(self.threshold, 1 - self.threshold)
        return (self.num_positive - self.num_negative * odds) / self.n

    def benefit_limits(self, level: float = 0.95) -> tuple[FloatArray, FloatArray]:
        """Return limits of the net benefit, for each threshold alone.

        Notes
        -----
        Each example adds 1, minus the odds, or 0: a mean of three values with its standard error.
        """
        odds = _ratio(self.threshold, 1 - self.threshold)
        hit, alarm = self.true_positive / self.n, self.false_positive / self.n
        benefit = hit - alarm * odds
        variance = np.maximum(hit + alarm * odds**2 - benefit**2, 0.0)
        reach = float(special.ndtri(0.5 + level / 2)) * np.sqrt(variance / self.n)
        return benefit - reach, benefit + reach


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """A classifier at one threshold."""

    threshold: float
    true_positive: int
    false_positive: int
    false_negative: int
    true_negative: int
    cost: float
    """expected, an example"""
    cost_low: float
    cost_high: float
    recall: float
    recall_low: float
    recall_high: float
    precision: float
    precision_low: float
    precision_high: float
    """NaN where not defined"""


def sweep(positive: NDArray[np.bool_], score: FloatArray, *, size: int = GRID) -> Sweep:
    """Count right and wrong alarms at many thresholds: what reaches one is called positive.

    Parameters
    ----------
    positive, score
        Shape (n,); probabilities of the positive class.
    size
        Thresholds, evenly spaced from 0 to 1.

    Raises
    ------
    ValueError
        If there is no example, or a score is not a probability.
    """
    positive, score = np.asarray(positive, dtype=bool), np.asarray(score, dtype=np.float64)
    if not score.size or score.shape != positive.shape:
        raise ValueError(
            f"Expected one score for each label, at least one; got {score.size} and "
            f"{positive.size}."
        )
    if not ((score >= 0) & (score <= 1)).all():
        raise ValueError("Expected probabilities in [0, 1]; got others, or NaN.")
    threshold = np.linspace(0, 1, size)
    return Sweep(
        threshold=threshold,
        true_positive=_reaching(score[positive], threshold),
        false_positive=_reaching(score[~positive], threshold),
        num_positive=int(positive.sum()),
        num_negative=int((~positive).sum()),
    )


def _reaching(score: FloatArray, threshold: FloatArray) -> FloatArray:
    """Count the scores that reach each threshold: in order they are found at once."""
    below = np.searchsorted(np.sort(score), threshold, side="left")
    return (len(score) - below).astype(np.float64)


def cut(
    positive: NDArray[np.bool_],
    score: FloatArray,
    threshold: float,
    prices: Prices,
    *,
    level: float = 0.95,
) -> Cut:
    """Return everything at one threshold, with intervals."""
    positive, called = np.asarray(positive, dtype=bool), np.asarray(score) >= threshold
    n = len(positive)
    hit, alarm = int((positive & called).sum()), int((~positive & called).sum())
    miss = int((positive & ~called).sum())
    cost = (prices.false_positive * alarm + prices.false_negative * miss) / n
    square = (prices.false_positive**2 * alarm + prices.false_negative**2 * miss) / n
    reach = float(special.ndtri(0.5 + level / 2)) * math.sqrt(max(0.0, square - cost**2) / n)
    recall, precision = _share(hit, hit + miss, level), _share(hit, hit + alarm, level)
    return Cut(
        threshold=threshold,
        true_positive=hit,
        false_positive=alarm,
        false_negative=miss,
        true_negative=n - hit - alarm - miss,
        cost=cost,
        cost_low=max(0.0, cost - reach),
        cost_high=cost + reach,
        recall=recall[0],
        recall_low=recall[1],
        recall_high=recall[2],
        precision=precision[0],
        precision_low=precision[1],
        precision_high=precision[2],
    )


def cheapest(found: Sweep, prices: Prices) -> tuple[float, float, float]:
    """Return the threshold of the least expected cost and the range that is about as good.

    The range holds the thresholds whose cost is within 1 % of the least; on the examples that chose
    it the least is flattered, so a range is more honest than a number.
    """
    cost = found.cost(prices)
    least = float(cost.min())
    near = found.threshold[cost <= least + 0.01 * max(least, 1e-12)]
    best = found.threshold[cost == least]
    return float(best[len(best) // 2]), float(near.min()), float(near.max())


def _share(part: int, whole: int, level: float) -> tuple[float, float, float]:
    if not whole:
        return math.nan, math.nan, math.nan
    found = wilson(part, whole, level=level)
    return found.estimate, found.low, found.high


def _ratio(part: FloatArray, whole: FloatArray | float) -> FloatArray:
    whole = np.broadcast_to(np.asarray(whole, dtype=np.float64), part.shape)
    return np.divide(part, whole, out=np.full(part.shape, math.nan), where=whole > 0)
