"""How many examples or seeds would settle a question."""

import math

from scipy import special

from experiments.statistics.arrays import check_level
from experiments.statistics.intervals import normal_quantile, t_quantile


def examples_needed(
    difference: float,
    sd: float | None = None,
    *,
    discordant: float | None = None,
    level: float = 0.95,
    power: float = 0.8,
) -> int:
    """Examples needed to detect a paired difference.

    Parameters
    ----------
    difference
        The true difference to detect (the margin), not 0, in the metric's unit
    sd
        Standard deviation of the per-example differences: ``se·sqrt(n)`` of a `paired_difference`
    discordant
        Instead of `sd`, for accuracies: share of pairs of which exactly one model is right
    level
        Confidence level of the two-sided interval
    power
        Chance that the interval excludes 0

    Notes
    -----
    ``((z + z_power)·sd/δ)²``; with `discordant` ψ Connor 1987, Biometrics 43:207:
    ``(z·sqrt(ψ) + z_power·sqrt(ψ - δ²))²/δ²``. Rounded up; at least 2.
    """
    gap = _gap(difference)
    z, z_power = normal_quantile(level), _power_quantile(power)
    if (sd is None) == (discordant is None):
        raise ValueError("Expected either sd or discordant; got both or neither.")
    if discordant is not None:
        if not gap <= discordant <= 1:
            raise ValueError(f"Expected discordant from {gap:g} to 1; got {discordant}.")
        spread = z * math.sqrt(discordant) + z_power * math.sqrt(discordant - gap**2)
        return max(2, math.ceil((spread / gap) ** 2))
    if sd is None or not sd >= 0:
        raise ValueError(f"Expected sd >= 0; got {sd}.")
    return max(2, math.ceil(((z + z_power) * sd / gap) ** 2))


def smallest_detectable(se: float, *, level: float = 0.95, power: float = 0.8) -> float:
    """Smallest true difference that the present examples would show.

    Parameters
    ----------
    se
        Standard error of the difference
    level
        Confidence level of the two-sided interval
    power
        Chance of seeing it

    Notes
    -----
    ``(z + z_power)·se``, in the unit of `se`.
    """
    return (normal_quantile(level) + _power_quantile(power)) * se


def power_of(difference: float, se: float, *, level: float = 0.95) -> float:
    """Chance that the interval of a difference will exclude 0, when the difference is true.

    Parameters
    ----------
    difference
        The true difference
    se
        Standard error of its estimate, > 0, in the same unit
    level
        Confidence level

    Notes
    -----
    ``Φ(δ/se - z) + Φ(-δ/se - z)``. Below one half, a difference that does show is probably too
    large (Gelman & Carlin 2014).
    """
    if not se > 0:
        raise ValueError(f"Expected se > 0; got {se}.")
    z, shift = normal_quantile(level), difference / se
    return float(special.ndtr(shift - z) + special.ndtr(-shift - z))


def seeds_needed(
    difference: float,
    seed_sd: float,
    *,
    fixed_variance: float = 0.0,
    noise_variance: float = 0.0,
    level: float = 0.95,
    power: float = 0.8,
    most: int = 1000,
) -> int | None:
    """Seeds per recipe needed to detect a difference between two recipes.

    Parameters
    ----------
    difference
        The true difference to detect, not 0
    seed_sd
        True spread of the difference from seed to seed: ``sqrt(spread_a² + spread_b²)`` of
        `seeds_and_examples`
    fixed_variance
        Variance that more seeds do not reduce: of the examples,
        ``variance_examples - interaction_a - interaction_b``, at least 0
    noise_variance
        Variance per seed that is noise of the finite test set:
        ``interaction_a·seeds_a + interaction_b·seeds_b``
    level
        Confidence level of the two-sided interval
    power
        Chance that the interval excludes 0
    most
        Give up beyond this many

    Returns
    -------
    int or None
        At least 2; None: more seeds cannot settle it, more examples might

    Notes
    -----
    Smallest S with ``(t_df + z_power)·sqrt(v_fixed + (σ² + I)/S) <= δ``, df by Satterthwaite with
    2(S - 1) for the seeds.
    """
    gap, z_power = _gap(difference), _power_quantile(power)
    check_level(level)
    if min(seed_sd, fixed_variance, noise_variance) < 0:
        raise ValueError("Expected a spread and variances >= 0; got a negative one.")
    for seeds in range(2, most + 1):
        own = (seed_sd**2 + noise_variance) / seeds
        total = fixed_variance + own
        df = 2 * (seeds - 1) * (total / own) ** 2 if own > 0 else math.inf
        if (t_quantile(level, df) + z_power) * math.sqrt(total) <= gap:
            return seeds
    return None


def runs_needed(probability: float = 0.75, *, level: float = 0.95, power: float = 0.95) -> int:
    """Pairs of runs needed to show that A beats B more often than not.

    Parameters
    ----------
    probability
        Chance P(A > B) to detect, above ½
    level
        1 - the error of the one-sided test
    power
        Chance of showing it

    Notes
    -----
    ``((z_level + z_power)/(sqrt(6)·(½ - P)))²``, rounded up: Noether 1987; 29 runs for P = 0.75 at
    5 % and 5 % in Bouthillier et al. 2021.
    """
    if not 0.5 < probability <= 1:
        raise ValueError(f"Expected a probability above 0.5; got {probability}.")
    z = float(special.ndtri(check_level(level)))
    ratio = (z + _power_quantile(power)) / (math.sqrt(6) * (0.5 - probability))
    return math.ceil(ratio**2)


def _gap(difference: float) -> float:
    gap = abs(difference)
    if not 0 < gap < math.inf:
        raise ValueError(f"Expected a difference other than 0; got {difference}.")
    return gap


def _power_quantile(power: float) -> float:
    if not 0 < power < 1:
        raise ValueError(f"Expected a power between 0 and 1; got {power}.")
    return float(special.ndtri(power))
