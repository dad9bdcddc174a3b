"""Equivalence: is a difference small enough not to matter? Two one-sided tests."""

import math
from dataclasses import dataclass

from scipy import special

from experiments.statistics.arrays import check_level
from experiments.statistics.intervals import Interval, t_quantile


@dataclass(frozen=True, slots=True, kw_only=True)
class Tost(Interval):
    """Two one-sided tests of equivalence.

    `low` and `high` are the interval that belongs to them, at 2·level - 1: 90 % for level 0.95. It
    lies inside the margins exactly when `equivalent` is true.
    """

    t_lower: float
    """(estimate - lower margin)/se: large when the estimate is safely above it"""
    t_upper: float
    """(estimate - upper margin)/se: very negative when the estimate is safely below it"""
    p_lower: float
    """small: not worse than the lower margin (non-inferiority)"""
    p_upper: float
    """small: not better than the upper margin"""
    p: float
    """the larger of the two"""
    equivalent: bool
    """p < 1 - level"""


def tost(
    estimate: float,
    se: float,
    df: float,
    margin: float | tuple[float, float],
    *,
    level: float = 0.95,
) -> Tost:
    """Test that a difference lies inside a margin of practical equivalence.

    Parameters
    ----------
    estimate
        The difference
    se
        Its standard error, >= 0, in the same unit
    df
        Degrees of freedom; ``math.inf`` for the normal distribution
    margin
        Half width m > 0 of (-m, m), or both margins (low, high), in the same unit
    level
        1 - the error of each one-sided test. The verdicts ask for the whole 95 % interval inside
        the margin, which is stricter: that is level 0.975 here

    Notes
    -----
    ``t_lower = (d + m)/se``, ``t_upper = (d - m)/se`` against Student's t. Schuirmann 1987; Lakens
    2017, Social Psychological and Personality Science 8:355.
    """
    check_level(level)
    low, high = margin if isinstance(margin, tuple) else (-margin, margin)
    if not low < high:
        raise ValueError(f"Expected a margin wider than 0; got {low} to {high}.")
    if se < 0 or df <= 0:
        raise ValueError(f"Expected se >= 0 and df > 0; got se = {se}, df = {df}.")
    t_lower, t_upper = _ratio(estimate - low, se), _ratio(estimate - high, se)
    p_lower, p_upper = _below(-t_lower, df), _below(t_upper, df)
    p = max(p_lower, p_upper)
    if math.isnan(p_lower + p_upper):
        p = math.nan
    reach = t_quantile(2 * level - 1, df) * se if level > 0.5 else math.nan
    return Tost(
        estimate=estimate,
        low=estimate - reach,
        high=estimate + reach,
        t_lower=t_lower,
        t_upper=t_upper,
        p_lower=p_lower,
        p_upper=p_upper,
        p=p,
        equivalent=p < 1 - level,
    )


def _ratio(distance: float, se: float) -> float:
    if se > 0 or math.isnan(se):
        return distance / se
    return math.copysign(math.inf, distance) if distance else 0.0


def _below(t: float, df: float) -> float:
    """Return P(T < t)."""
    if math.isnan(t) or math.isinf(df):
        return float(special.ndtr(t))
    return float(t > 0) if math.isinf(t) else float(special.stdtr(df, t))
