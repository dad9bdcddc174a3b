"""How much one model differs from another on the same examples, with its uncertainty."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from experiments.statistics.arrays import Coded, FloatArray, check_level, code_classes, group_index
from experiments.statistics.influence import (
    LOWER_IS_BETTER,
    MEAN_METRICS,
    REGRESSION_METRICS,
    Influences,
    influence_covariance,
    influences,
    metric_name,
)
from experiments.statistics.intervals import Interval, t_quantile, tango_interval, wilson
from experiments.statistics.recommendation import LIST_METRICS
from experiments.statistics.texts import TEXT_METRICS
from experiments.statistics.tokens import TOKEN_METRICS

Method = Literal["t", "log", "logit", "tango", "wilson", "identical", "none"]

FEWEST = 10
"""Below this many examples of the rarer class, or groups, there is no interval."""
ROUGH = 30
"""Below this many examples of the rarer class the interval is rough."""
ROUGH_GROUPS = 40
FEW_CARRIERS = 10
"""Below this many examples that carry the variance the interval is rough."""
FEW_DISCORDANT = 25
"""Below this many discordant pairs an accuracy difference takes Tango's interval."""
UNIT_METRICS = frozenset({
    "accuracy", "average_precision", "balanced_accuracy", "f1", "macro_f1", "micro_f1",
    "precision", "recall", "roc_auc", "specificity", "token_accuracy", "weighted_f1",
    *LIST_METRICS, *TEXT_METRICS,
})  # fmt: skip
"""Metrics between 0 and 1 that are better when larger."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PairedDifference(Interval):
    """A metric's difference between two models on the same examples: first minus second."""

    metric: str
    value_a: float
    value_b: float
    se: float
    """standard error"""
    df: float
    """degrees of freedom of the interval"""
    n: int
    """examples"""
    groups: int | None
    """groups of examples; None when examples are independent"""
    method: Method
    """"t", "tango", "identical" (the same outputs: a difference of exactly 0) or "none" """
    note: str
    """Why there is no interval, or why it is rough; empty when nothing is to be said"""


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricInterval(Interval):
    """One model's metric with its interval."""

    metric: str
    se: float
    df: float
    n: int
    method: Method
    """"wilson", "logit", "log", "t" or "none" """
    note: str


def paired_difference(
    metric: str,
    label: ArrayLike,
    a: ArrayLike,
    b: ArrayLike,
    *,
    group: ArrayLike | None = None,
    level: float = 0.95,
    threshold: float | Sequence[float] = 0.5,
    num_classes: int | None = None,
) -> PairedDifference:
    """Compare two models on the same examples: a minus b.

    Parameters
    ----------
    metric
        One of `METRICS`
    label
        0 or 1, class numbers, or real numbers for regression; shape (n,)
    a
        The first model's scores or predicted classes, shape (n,) or (n, C), as in `influence`
    b
        The second model's, of the same kind
    group
        Which examples belong together, shape (n,): cluster-robust
    level
        Confidence level
    threshold
        Score from which class 1 is predicted, for scores of shape (n,); one, or one per model
    num_classes
        Length of the label table, for predicted classes

    Returns
    -------
    PairedDifference
        The limits are NaN, and `note` says why, when the metric is not defined for either model,
        when the rarer class has fewer than 10 examples (metrics that are not plain means), when
        there are fewer than 10 groups, or when no example tells two different models apart

    Notes
    -----
    ``d ± t·se`` with ``se² = Σ(ψ_a - ψ_b)²/(n(n - 1))`` of the influence values. Degrees of freedom:
    n - 1 for plain means; examples of the rarer class - 1 for the others (with more than two
    classes Satterthwaite's over the classes when that is more); at most groups - 1. Accuracy with
    fewer than 25 discordant pairs takes `tango_interval`.
    """
    check_level(level)
    pair = [np.asarray(a), np.asarray(b)]
    found = influences([metric], label, pair, threshold=threshold, num_classes=num_classes)
    case = Case.of(found[metric], label, group)
    return case.difference(0, 1, level, identical=same_outputs(pair[0], pair[1], threshold))


def metric_interval(
    metric: str,
    label: ArrayLike,
    scores: ArrayLike,
    *,
    group: ArrayLike | None = None,
    level: float = 0.95,
    threshold: float = 0.5,
    num_classes: int | None = None,
) -> MetricInterval:
    """Give one model's metric with its interval.

    Parameters
    ----------
    metric
        One of `METRICS`
    label
        As in `paired_difference`
    scores
        As in `paired_difference`
    group
        As in `paired_difference`
    level
        Confidence level
    threshold
        As in `paired_difference`
    num_classes
        As in `paired_difference`

    Returns
    -------
    MetricInterval
        NaN limits, with the reason in `note`, as in `paired_difference`

    Notes
    -----
    Accuracy of independent examples: Wilson. Other metrics between 0 and 1: t on the logit scale,
    which is not defined at exactly 0 or 1. Perplexity: t on the log scale. The rest: t on their own
    scale, losses cut at 0 and correlations at ±1. Do not compare two models by their separate intervals: `paired_difference`.
    """
    check_level(level)
    found = influences([metric], label, [scores], threshold=threshold, num_classes=num_classes)[
        metric
    ]
    case = Case.of(found, label, group)
    estimate = float(found.estimate[0])
    if case.name in {"accuracy", "micro_f1"} and case.group is None:
        share = wilson(round(estimate * case.n), case.n, level=level)
        return case.single(share, "wilson", case.rough())
    se, df, note = case.spread(found.values[:, 0])
    reach = t_quantile(level, df) * se
    plain = Interval(estimate=estimate, low=estimate - reach, high=estimate + reach)
    if math.isnan(reach):
        return case.single(plain, "none", note)
    if case.name == "perplexity":
        factor = math.exp(reach / estimate)
        around = Interval(estimate=estimate, low=estimate / factor, high=estimate * factor)
        return case.single(around, "log", note)
    if case.name not in UNIT_METRICS:
        low = 0.0 if case.name in LOWER_IS_BETTER else -1.0 if case.name != "r2" else -math.inf
        high = math.inf if case.name in LOWER_IS_BETTER else 1.0
        cut = Interval(estimate=estimate, low=max(low, plain.low), high=min(high, plain.high))
        return case.single(cut, "t", note)
    if not 0 < estimate < 1:
        nothing = Interval(estimate=estimate, low=math.nan, high=math.nan)
        note = f"{case.name} is exactly {estimate:g}: its interval is not defined"
        return case.single(nothing, "none", note)
    middle, half = math.log(estimate / (1 - estimate)), reach / (estimate * (1 - estimate))
    low, high = _logistic(middle - half), _logistic(middle + half)
    return case.single(Interval(estimate=estimate, low=low, high=high), "logit", note)


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One metric on one set of examples: what its intervals need."""

    name: str
    found: Influences
    classes: Coded | None
    group: ArrayLike | None
    groups: int | None
    n: int

    @classmethod
    def of(cls, found: Influences, label: ArrayLike, group: ArrayLike | None) -> "Case":
        """Look at the labels and groups once for all models."""
        name = metric_name(found.metric)
        plain = name in MEAN_METRICS | REGRESSION_METRICS | TOKEN_METRICS
        n = len(found.values)
        return cls(
            name=name,
            found=found,
            classes=None if plain else code_classes([label]),
            group=group,
            groups=None if group is None else group_index(group, n)[1],
            n=n,
        )

    def difference(self, a: int, b: int, level: float, *, identical: bool) -> PairedDifference:
        """Return model a minus model b."""
        value_a, value_b = float(self.found.estimate[a]), float(self.found.estimate[b])
        estimate = value_a - value_b
        values = self.found.values[:, a] - self.found.values[:, b]
        se, df, note = self.spread(values)
        interval, method = self._interval(a, b, level, estimate, t_quantile(level, df) * se)
        if method == "t" and not math.isnan(estimate) and np.abs(values).max() < 1e-12:
            if identical:
                interval, method = Interval(estimate=0.0, low=0.0, high=0.0), "identical"
                note = "the two gave the same output for every example"
            else:
                nan = math.nan
                interval, method = Interval(estimate=estimate, low=nan, high=nan), "none"
                note = "no example tells the two apart: the interval is not defined"
        if method == "tango":
            note = self.rough()
        return PairedDifference(
            estimate=interval.estimate,
            low=interval.low,
            high=interval.high,
            metric=self.name,
            value_a=value_a,
            value_b=value_b,
            se=se,
            df=df,
            n=self.n,
            groups=self.groups,
            method=method,
            note=note,
        )

    def _interval(
        self, a: int, b: int, level: float, estimate: float, reach: float
    ) -> tuple[Interval, Method]:
        if self.name in {"accuracy", "micro_f1"} and self.group is None:
            # The influence on accuracy is hit - accuracy, so the hits can be read off it.
            right_a, right_b = (
                self.found.values[:, k] + self.found.estimate[k] > 0.5 for k in (a, b)
            )
            only_a, only_b = int((right_a & ~right_b).sum()), int((right_b & ~right_a).sum())
            if only_a + only_b < FEW_DISCORDANT:
                return tango_interval(only_a, only_b, self.n, level=level), "tango"
        interval = Interval(estimate=estimate, low=estimate - reach, high=estimate + reach)
        return interval, "none" if math.isnan(reach) else "t"

    def spread(self, values: FloatArray) -> tuple[float, float, str]:
        """Return standard error, degrees of freedom (NaN: no interval) and the note."""
        if np.isnan(values).any():
            return math.nan, math.nan, self._undefined()
        variance = influence_covariance(values[:, None], group=self.group)[0, 0]
        se = math.sqrt(variance) if variance >= 0 else math.nan
        if self.n < 2:
            return se, math.nan, "one example: the interval is not defined"
        df, note = self._freedom(values)
        if self.classes is not None and df + 1 < FEWEST:
            few = f"{df + 1:.0f}"
            what = f"about {few} example{'' if few == '1' else 's'} of the rarer class"
            return se, math.nan, f"{what}: no interval below {FEWEST}"
        if self.groups is not None:
            if self.groups < FEWEST:
                return se, math.nan, f"{self.groups} groups: no interval below {FEWEST}"
            df = min(df, self.groups - 1.0)
            if self.groups < ROUGH_GROUPS:
                note = note or f"{self.groups} groups: the interval is rough below {ROUGH_GROUPS}"
        carriers = _carriers(values)
        if carriers < FEW_CARRIERS:
            note = note or f"about {carriers:.0f} examples decide: the interval is rough"
        return se, df, note

    def _freedom(self, values: FloatArray) -> tuple[float, str]:
        if self.classes is None:
            return self.n - 1.0, self.rough()
        codes = self.classes.columns[0]
        count = np.bincount(codes)
        part = np.bincount(codes, values**2)[count > 0]
        count = count[count > 0]
        df = float(count.min()) - 1.0
        if len(count) > 2 and part.any():
            # A class with one example has no spread of its own; half a degree is a cautious guess.
            df = max(df, float(part.sum() ** 2 / (part**2 / np.maximum(count - 1, 0.5)).sum()))
        if df + 1 < ROUGH:
            return df, f"about {df + 1:.0f} examples of the rarer class: the interval is rough"
        return df, ""

    def _undefined(self) -> str:
        """Say why there is no influence value: there is nothing that the metric could tell apart."""
        if self.classes is None:
            return "all true values are equal"
        if len(np.unique(self.classes.columns[0])) == 1:
            return "all examples are of one class"
        if np.isfinite(self.found.estimate).all():
            return "a model always says the same class, which leaves no interval"
        return "a model never says the class"

    def rough(self) -> str:
        """Return the note on few examples."""
        return "" if self.n >= ROUGH else f"{self.n} examples: the interval is rough"

    def single(self, interval: Interval, method: Method, note: str) -> MetricInterval:
        """Return one model's interval with its surroundings."""
        se, df, _ = self.spread(self.found.values[:, 0])
        return MetricInterval(
            estimate=interval.estimate,
            low=interval.low,
            high=interval.high,
            metric=self.name,
            se=se,
            df=df,
            n=self.n,
            method=method,
            note=note,
        )


def _carriers(values: FloatArray) -> float:
    """Return how many examples carry the variance: all of them when all weigh the same."""
    squares = values**2
    total = float(squares.sum())
    return total**2 / float(squares @ squares) if total > 0 else math.inf


def same_outputs(a: np.ndarray, b: np.ndarray, threshold: float | Sequence[float]) -> bool:
    """Tell whether two models gave the same output and are cut at the same score."""
    cut = np.broadcast_to(threshold, 2)
    return bool(cut[0] == cut[1]) and np.array_equal(a, b)


def _logistic(x: float) -> float:
    return 1 / (1 + math.exp(-x)) if x >= 0 else math.exp(x) / (1 + math.exp(x))
