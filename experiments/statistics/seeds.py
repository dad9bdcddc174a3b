"""Is a recipe better? Seeds and examples together; t-tests on seeds and on cross-validation."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from experiments.statistics.arrays import FloatArray, finite, group_index, matrix, vector
from experiments.statistics.influence import influences
from experiments.statistics.intervals import Interval, t_quantile


def contributions(
    metric: str,
    label: ArrayLike,
    scores: Sequence[ArrayLike],
    *,
    threshold: float | Sequence[float] = 0.5,
    num_classes: int | None = None,
) -> FloatArray:
    """Return what each example adds to a metric, per seed: the metric made linear.

    Parameters
    ----------
    metric
        One of `METRICS`
    label
        As in `influence`, shape (n,)
    scores
        One model output per seed, each as in `influence`
    threshold
        As in `influence`; one for all seeds or one per seed
    num_classes
        As in `influence`

    Returns
    -------
    FloatArray
        shape (seeds, n): estimate plus influence, so that each row's mean is the seed's metric
    """
    found = influences([metric], label, scores, threshold=threshold, num_classes=num_classes)
    return (found[metric].estimate + found[metric].values).T


@dataclass(frozen=True, slots=True, kw_only=True)
class SeedsAndExamples(Interval):
    """Difference of two recipes, a minus b, with the spread of seeds and of examples.

    Variances are of the difference; NaN where one seed cannot tell.
    """

    se: float
    df: float
    """Welch-Satterthwaite"""
    examples_only: Interval
    """the artifact question: these very checkpoints, averaged; uncertainty from examples alone"""
    variance_examples: float
    variance_seeds_a: float
    """of the mean over a's seeds, the finite test set's noise included"""
    variance_seeds_b: float
    interaction_a: float
    """part of `variance_seeds_a` that is noise of the finite test set"""
    interaction_b: float
    seed_spread_a: float
    """standard deviation between a's seeds without that noise: the true seed spread"""
    seed_spread_b: float
    seed_share: float
    """share of the seeds in the whole variance, 0 to 1"""
    seeds_a: int
    seeds_b: int
    note: str
    """Why there is no interval; empty when there is one"""


def seeds_and_examples(
    a: ArrayLike,
    b: ArrayLike,
    *,
    group: ArrayLike | None = None,
    level: float = 0.95,
    unbiased: bool = False,
) -> SeedsAndExamples:
    """Compare two recipes, each trained with several seeds, on the same examples: a minus b.

    Parameters
    ----------
    a
        Contributions of the first recipe, shape (seeds, n): 1 for a hit and 0 for a miss, minus
        the loss, or `contributions` of any metric; shape (n,) is one seed
    b
        Contributions of the second recipe on the same examples, shape (seeds, n)
    group
        Which examples belong together, shape (n,)
    level
        Confidence level
    unbiased
        Take the noise of the finite test set out of the seeds' variance, which counts it a second
        time; the default leaves it in and errs on the wide side

    Returns
    -------
    SeedsAndExamples
        With one seed on either side the interval is NaN ("not assessed") and only `examples_only`
        is given

    Notes
    -----
    ``v = v_ex + v_a + v_b`` with ``v_ex = var_i(d_i)/n`` of the example-wise difference of seed
    means and ``v_m = var_s(mean_i X)/S``; ``d ± t·sqrt(v)`` with Satterthwaite's
    ``v²/(v_ex²/(n - 1) + Σ v_m²/(S_m - 1))``. Seeds are independent between recipes even when
    their numbers agree. Crossed random effects: Owen 2007; true seed spread: Jordan 2023.
    """
    first, second = _seeds("a", a), _seeds("b", b)
    if first.shape[1] != second.shape[1]:
        raise ValueError(
            f"Expected the same examples in a and b; got {first.shape[1]} and {second.shape[1]}."
        )
    gap = first.mean(axis=0) - second.mean(axis=0)
    estimate = float(gap.mean())
    examples, freedom = _example_variance(gap - estimate, group)
    reach = t_quantile(level, freedom) * math.sqrt(examples) if freedom > 0 else math.nan
    only = Interval(estimate=estimate, low=estimate - reach, high=estimate + reach)
    one, two = _Spread.of(first), _Spread.of(second)
    total = examples + one.variance + two.variance
    if unbiased:
        total = max(examples, total - one.interaction - two.interaction)
    parts = [(examples, freedom), (one.variance, one.seeds - 1), (two.variance, two.seeds - 1)]
    df = satterthwaite(total, parts)
    se = math.sqrt(total) if total >= 0 else math.nan
    reach = t_quantile(level, df) * se
    few = min(one.seeds, two.seeds) < 2
    return SeedsAndExamples(
        estimate=estimate,
        low=estimate - reach,
        high=estimate + reach,
        se=se,
        df=df,
        examples_only=only,
        variance_examples=examples,
        variance_seeds_a=one.variance,
        variance_seeds_b=two.variance,
        interaction_a=one.interaction,
        interaction_b=two.interaction,
        seed_spread_a=one.spread,
        seed_spread_b=two.spread,
        seed_share=(one.variance + two.variance) / total if total > 0 else math.nan,
        seeds_a=one.seeds,
        seeds_b=two.seeds,
        note="one seed: the recipe is not assessed" if few else "",
    )


def satterthwaite(total: float, parts: Sequence[tuple[float, float]]) -> float:
    """Degrees of freedom of a sum of variances; infinite when all are 0, NaN when one is.

    Parameters
    ----------
    total
        The variance that is used
    parts
        Each variance with its degrees of freedom

    Notes
    -----
    ``v²/Σ(v_i²/df_i)``. Satterthwaite 1946, Biometrics Bulletin 2:110.
    """
    if any(math.isnan(variance) or df <= 0 for variance, df in parts):
        return math.nan
    below = sum(variance**2 / df for variance, df in parts)
    return total**2 / below if below > 0 else math.inf


@dataclass(frozen=True, slots=True, kw_only=True)
class TTest(Interval):
    """A t-test with its interval."""

    se: float
    t: float
    df: float
    p: float
    """two-sided"""
    p_greater: float
    """one-sided: small when the estimate is above 0"""


def welch(a: ArrayLike, b: ArrayLike, *, level: float = 0.95) -> TTest:
    """Compare the means of two independent samples of unequal variance: a minus b.

    Parameters
    ----------
    a
        First sample (one value per seed), shape (n,)
    b
        Second sample, shape (m,)
    level
        Confidence level

    Returns
    -------
    TTest
        All but the estimate NaN with fewer than two values on either side; without variance t is
        0 or infinite

    Notes
    -----
    ``t = d/sqrt(s_a²/n + s_b²/m)``, Satterthwaite's df. Welch 1947, Biometrika 34:28.
    """
    first, second = finite("a", vector("a", a)), finite("b", vector("b", b))
    estimate = float(first.mean() - second.mean())
    if min(len(first), len(second)) < 2:
        return _t_test(estimate, math.nan, math.nan, level)
    parts = [(float(x.var(ddof=1)) / len(x), len(x) - 1.0) for x in (first, second)]
    variance = parts[0][0] + parts[1][0]
    return _t_test(estimate, math.sqrt(variance), satterthwaite(variance, parts), level)


def paired_t(a: ArrayLike, b: ArrayLike, *, level: float = 0.95) -> TTest:
    """Compare the means of paired values: a minus b.

    Parameters
    ----------
    a
        First values, shape (n,)
    b
        Second values of the same pairs, shape (n,)
    level
        Confidence level

    Notes
    -----
    ``t = d̄/(s/sqrt(n))``, n - 1 degrees of freedom; NaN for one pair. Student 1908.
    """
    first = vector("a", a)
    return corrected_t(first - vector("b", b, size=len(first)), 0.0, level=level)


def corrected_t(differences: ArrayLike, test_over_train: float, *, level: float = 0.95) -> TTest:
    """Test a mean difference over folds whose training sets overlap.

    Parameters
    ----------
    differences
        One difference per fold and repetition, shape (J,)
    test_over_train
        Test size over training size: 1/9 for ten folds; 0 gives the plain t-test
    level
        Confidence level

    Returns
    -------
    TTest
        ``se**2`` is the corrected variance of the mean. NaN for one difference; without variance t
        is 0 or infinite

    Notes
    -----
    ``t = d̄/sqrt((1/J + n_test/n_train)·s²)``, J - 1 degrees of freedom. Nadeau & Bengio 2003,
    Machine Learning 52:239; repeated folds: Bouckaert & Frank 2004.
    """
    values = finite("differences", vector("differences", differences))
    if not 0 <= test_over_train < math.inf:
        raise ValueError(f"Expected test_over_train >= 0; got {test_over_train}.")
    j, estimate = len(values), float(values.mean())
    if j < 2:
        return _t_test(estimate, math.nan, math.nan, level)
    spread = float(values.var(ddof=1))
    # Equal differences leave a rounding error, which is no variance.
    if spread <= 1e-28 * max(float(np.abs(values).max()) ** 2, np.finfo(float).tiny):
        spread = 0.0
    return _t_test(estimate, math.sqrt((1 / j + test_over_train) * spread), j - 1.0, level)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rope:
    """Posterior chances that a difference lies below, inside or above the region of equivalence."""

    below: float
    inside: float
    above: float


def rope(differences: ArrayLike, test_over_train: float, margin: float = 0.0) -> Rope:
    """Posterior chances of worse, practically equal and better.

    Parameters
    ----------
    differences
        One difference per fold and repetition, shape (J,)
    test_over_train
        As in `corrected_t`
    margin
        Half width of the region of practical equivalence, >= 0, in the unit of the differences

    Notes
    -----
    Student's t posterior with the mean, standard error and df of `corrected_t`. Benavoli, Corani,
    Demšar & Zaffalon 2017, JMLR 18(77).
    """
    if not margin >= 0:
        raise ValueError(f"Expected margin >= 0; got {margin}.")
    test = corrected_t(differences, test_over_train)
    if math.isnan(test.se):
        return Rope(below=math.nan, inside=math.nan, above=math.nan)
    if test.se == 0:
        below, above = float(test.estimate < -margin), float(test.estimate > margin)
    else:
        below = float(special.stdtr(test.df, (-margin - test.estimate) / test.se))
        above = float(special.stdtr(test.df, (test.estimate - margin) / test.se))
    return Rope(below=below, inside=1 - below - above, above=above)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Spread:
    """One recipe's seeds: variance of their mean, and how much of it is test-set noise."""

    seeds: int
    variance: float
    interaction: float
    spread: float

    @classmethod
    def of(cls, values: FloatArray) -> "_Spread":
        seeds, n = values.shape
        if seeds < 2:
            nan = math.nan
            return cls(seeds=seeds, variance=nan, interaction=nan, spread=nan)
        means = values.mean(axis=1)
        between = float(means.var(ddof=1))
        noise = math.nan
        if n > 1:
            rest = values - values.mean(axis=0) - means[:, None] + means.mean()
            noise = float((rest**2).sum()) / ((seeds - 1) * (n - 1)) / n
        return cls(
            seeds=seeds,
            variance=between / seeds,
            interaction=noise / seeds,
            spread=math.sqrt(max(0.0, between - noise)) if n > 1 else math.nan,
        )


def _seeds(name: str, values: ArrayLike) -> FloatArray:
    array = np.asarray(values, dtype=np.float64)
    array = array[None, :] if array.ndim == 1 else array
    return finite(name, matrix(name, array))


def _example_variance(centred: FloatArray, group: ArrayLike | None) -> tuple[float, float]:
    n = len(centred)
    if group is None:
        if n < 2:
            return math.nan, 0.0
        return float(centred @ centred) / (n * (n - 1)), n - 1.0
    index, size = group_index(group, n)
    if size < 2:
        return math.nan, 0.0
    sums = np.bincount(index, centred, size)
    return float(sums @ sums) * size / (size - 1) / n**2, size - 1.0


def _t_test(estimate: float, se: float, df: float, level: float) -> TTest:
    reach = t_quantile(level, df) * se if se > 0 else se
    if se > 0:
        t = estimate / se
    else:
        t = math.nan if math.isnan(se) else math.copysign(math.inf, estimate) if estimate else 0.0
    freedom = df if math.isfinite(df) else 1e300
    below = float(special.stdtr(freedom, -abs(t))) if not math.isnan(t + df) else math.nan
    return TTest(
        estimate=estimate,
        low=estimate - reach,
        high=estimate + reach,
        se=se,
        t=t,
        df=df,
        p=2 * below,
        p_greater=below if t > 0 else 1 - below,
    )
