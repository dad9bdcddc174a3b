"""Looking at a difference again and again as labels arrive."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from experiments.statistics.arrays import FloatArray, check_count, check_level, finite, vector


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfidenceSequence:
    """An interval after every example that holds at all of them together."""

    estimate: FloatArray
    """shape (n,), running mean"""
    low: FloatArray
    """shape (n,); -infinity while it is too early to say"""
    high: FloatArray
    """shape (n,); infinity while it is too early to say"""
    rho: float
    """tuning: the smaller, the later the interval is tightest"""


def confidence_sequence(
    values: ArrayLike,
    *,
    planned: int | None = None,
    level: float = 0.95,
    first: int = 20,
) -> ConfidenceSequence:
    """Intervals for a mean that stay valid however often one looks.

    Parameters
    ----------
    values
        Per-example differences in the order of their arrival, any unit, shape (n,)
    planned
        Number of examples at which the interval shall be tightest; n when not given. Choose it
        beforehand
    level
        Chance that the true mean lies inside at every look
    first
        No interval before this many examples, at least 2: the method is asymptotic

    Notes
    -----
    Half width ``sd_t·sqrt(2(t·r + 1)/(t²·r)·ln(sqrt(t·r + 1)/(1 - level)))`` with the running
    standard deviation and ``r = rho²``, chosen to make it smallest at t = `planned`:
    ``r = (-W(-(1 - level)²/e) - 1)/planned`` with the lower branch of Lambert's W. Waudby-Smith,
    Arbour, Sinha, Kennedy & Ramdas 2024, Annals of Statistics 52:2613. No interval while all values
    are equal.
    """
    alpha = 1 - check_level(level)
    x = finite("values", vector("values", values))
    first = check_count("first", first, least=2)
    goal = check_count("planned", len(x) if planned is None else planned, least=1)
    rho2 = float(-special.lambertw(-(alpha**2) / math.e, -1).real - 1) / goal
    t = np.arange(1, len(x) + 1)
    # Centred first: running sums of squares of large values would lose their digits.
    centred = x - x.mean()
    total = np.cumsum(centred)
    variance = np.maximum(np.cumsum(centred**2) / t - (total / t) ** 2, 0.0)
    half = np.sqrt(
        variance * 2 * (t * rho2 + 1) / (t**2 * rho2) * np.log(np.sqrt(t * rho2 + 1) / alpha)
    )
    half[(t < first) | np.logical_and.accumulate(x == x[0])] = math.inf
    estimate = total / t + x.mean()
    return ConfidenceSequence(
        estimate=estimate, low=estimate - half, high=estimate + half, rho=math.sqrt(rho2)
    )
