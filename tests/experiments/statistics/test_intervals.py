"""Intervals of proportions, paired differences and quantiles, against printed figures."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import optimize, stats

from experiments.statistics import (
    clopper_pearson,
    conformal_rank,
    jeffreys,
    newcombe_paired,
    quantile_interval,
    quantile_ranks,
    tango_interval,
    wald_paired,
    wilson,
)

NEWCOMBE_1998 = [(81, 263), (15, 148), (0, 20), (1, 29)]


@pytest.mark.parametrize(
    ("k", "n", "low", "high"),
    [
        # Newcombe 1998, Statistics in Medicine 17:857, table I, method 3
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
        # Ligaarden et al. 2010, in the R package contingencytables
        (13, 16, 0.5699, 0.9341),
    ],
)
def test_wilson_gives_the_printed_limits(k, n, low, high):
    interval = wilson(k, n)
    assert interval.estimate == k / n
    assert (interval.low, interval.high) == pytest.approx((low, high), abs=6e-5)


@pytest.mark.parametrize(
    ("k", "n", "low", "high"),
    [
        # the same sources; Newcombe's method 5
        (81, 263, 0.2527, 0.3676),
        (15, 148, 0.0578, 0.1617),
        (0, 20, 0.0, 0.1684),
        (1, 29, 0.0009, 0.1776),
        (13, 16, 0.5435, 0.9595),
    ],
)
def test_clopper_pearson_gives_the_printed_limits(k, n, low, high):
    interval = clopper_pearson(k, n)
    assert (interval.low, interval.high) == pytest.approx((low, high), abs=6e-5)


def test_jeffreys_gives_the_printed_limits():
    interval = jeffreys(13, 16)
    assert (interval.low, interval.high) == pytest.approx((0.5792, 0.9442), abs=6e-5)


@given(n=st.integers(1, 400), data=st.data(), level=st.floats(0.5, 0.999))
def test_wilson_and_clopper_pearson_agree_with_scipy(n, data, level):
    k = data.draw(st.integers(0, n))
    ours, exact = wilson(k, n, level=level), clopper_pearson(k, n, level=level)
    theirs = stats.binomtest(k, n).proportion_ci(level, method="wilson")
    theirs_exact = stats.binomtest(k, n).proportion_ci(level, method="exact")
    assert (ours.low, ours.high) == pytest.approx(tuple(theirs), abs=1e-9)
    assert (exact.low, exact.high) == pytest.approx(tuple(theirs_exact), abs=1e-9)
    assert 0 <= exact.low <= ours.estimate <= exact.high <= 1


def test_no_success_bounds_the_share_by_the_rule_of_three():
    assert clopper_pearson(0, 30, level=0.90).high == pytest.approx(1 - 0.05 ** (1 / 30))
    assert wilson(0, 7).low == 0.0
    assert wilson(7, 7).high == 1.0


@pytest.mark.parametrize("interval", [wilson, clopper_pearson, jeffreys])
def test_no_trials_give_nan_and_wrong_counts_an_error(interval):
    assert math.isnan(interval(0, 0).low)
    with pytest.raises(ValueError, match="Expected k <= n"):
        interval(3, 2)
    with pytest.raises(ValueError, match="Expected k to be a whole number >= 0; got -1"):
        interval(-1, 2)
    with pytest.raises(ValueError, match="whole number"):
        interval(math.nan, 2)
    with pytest.raises(ValueError, match="Expected a level between 0 and 1"):
        interval(1, 2, level=95)


# Complete response before and after therapy (Cavo et al. 2012: 59, 6, 16, 80), and edges of the
# table; Fagerland, Lydersen & Laake 2017, chapter 8, as tested in the R package contingencytables
CAVO = (59, 6, 16, 80)


@pytest.mark.parametrize(
    ("interval", "low", "high"),
    [
        (newcombe_paired(*CAVO), -0.1186, -0.0046),
        (newcombe_paired(1, 0, 0, 1), -0.5734, 0.5734),
        (tango_interval(6, 16, 161), -0.1240, -0.0054),
        (tango_interval(3, 0, 3), -0.1230, 1.0),
        (tango_interval(0, 3, 3), -1.0, 0.1230),
        (wald_paired(6, 16, 161), -0.1184, -0.0058),
    ],
)
def test_paired_intervals_give_the_printed_limits(interval, low, high):
    assert (interval.low, interval.high) == pytest.approx((low, high), abs=6e-5)


def test_newcombe_paired_uses_no_correlation_when_a_margin_is_empty():
    interval = newcombe_paired(0, 5, 0, 5)
    first, second = wilson(5, 10), wilson(0, 10)
    assert interval.estimate == 0.5
    assert interval.low == pytest.approx(
        0.5 - math.hypot(first.estimate - first.low, second.high - second.estimate)
    )


def tango_limit(b, c, n, sign):
    """Find a limit from the likelihood itself instead of the closed form."""
    z = stats.norm.ppf(0.975)

    def squared_score(delta):
        # p21 under p12 = p21 + delta maximises the trinomial likelihood.
        def unlikely(p21):
            p12, rest = p21 + delta, 1 - 2 * p21 - delta
            return -(b * math.log(p12) + c * math.log(p21) + (n - b - c) * math.log(rest))

        low, high = max(0.0, -delta) + 1e-12, (1 - delta) / 2 - 1e-12
        best = optimize.minimize_scalar(
            unlikely, bounds=(low, high), method="bounded", options={"xatol": 1e-13}
        ).x
        return (b - c - n * delta) ** 2 / (n * (2 * best + delta * (1 - delta))) - z**2

    start = (b - c) / n
    return optimize.brentq(squared_score, start, sign * (1 - 1e-9), xtol=1e-12)


@pytest.mark.parametrize(("b", "c", "n"), [(1, 7, 21), (6, 16, 161), (9, 3, 40), (30, 12, 500)])
def test_tango_inverts_the_score_test_of_the_likelihood(b, c, n):
    interval = tango_interval(b, c, n)
    assert interval.low == pytest.approx(tango_limit(b, c, n, -1), abs=1e-6)
    assert interval.high == pytest.approx(tango_limit(b, c, n, 1), abs=1e-6)


@pytest.mark.parametrize("n", [1, 3, 50, 10_000])
def test_tango_without_discordant_pairs_still_has_a_width(n):
    z2 = stats.norm.ppf(0.975) ** 2
    interval = tango_interval(0, 0, n)
    assert interval.high == pytest.approx(z2 / (n + z2), rel=1e-9)
    assert interval.low == pytest.approx(-interval.high, abs=1e-12)


def test_tango_stays_inside_minus_one_and_one():
    assert tango_interval(5, 0, 5).high == pytest.approx(1.0)
    assert tango_interval(0, 5, 5).low == pytest.approx(-1.0)
    assert tango_interval(5, 0, 5).low > -1


@given(b=st.integers(0, 60), c=st.integers(0, 60), rest=st.integers(0, 500))
def test_paired_intervals_mirror_when_the_models_swap(b, c, rest):
    n = b + c + rest
    if n == 0:
        return
    for one, other in [
        (tango_interval(b, c, n), tango_interval(c, b, n)),
        (wald_paired(b, c, n), wald_paired(c, b, n)),
        (newcombe_paired(rest, b, c, 0), newcombe_paired(rest, c, b, 0)),
    ]:
        assert one.estimate == -other.estimate
        assert (one.low, one.high) == pytest.approx((-other.high, -other.low), abs=1e-9)
        assert one.low <= one.estimate + 1e-12
        assert one.estimate <= one.high + 1e-12


def test_wald_paired_is_the_plain_normal_interval():
    interval = wald_paired(1, 7, 21)
    half = stats.norm.ppf(0.975) * math.sqrt(8 - 36 / 21) / 21
    assert (interval.low, interval.high) == pytest.approx((-6 / 21 - half, -6 / 21 + half))
    assert wald_paired(0, 0, 9).high == 0


def test_paired_intervals_of_nothing_are_nan_and_too_many_pairs_an_error():
    assert math.isnan(tango_interval(0, 0, 0).estimate)
    assert math.isnan(wald_paired(0, 0, 0).estimate)
    assert math.isnan(newcombe_paired(0, 0, 0, 0).low)
    with pytest.raises(ValueError, match=r"Expected b \+ c <= n; got b = 3, c = 3, n = 5"):
        tango_interval(3, 3, 5)


@pytest.mark.parametrize(
    ("n", "q", "low", "high", "coverage"),
    # textbook order statistics (Conover; David & Nagaraja)
    [(100, 0.5, 40, 61, 0.9648), (20, 0.5, 6, 15, 0.9586)],
)
def test_quantile_ranks_are_the_textbook_ones(n, q, low, high, coverage):
    ranks = quantile_ranks(n, q)
    assert (ranks.low, ranks.high) == (low, high)
    assert ranks.coverage == pytest.approx(coverage, abs=6e-5)


def test_a_95_percent_interval_of_p99_needs_368_values():
    assert quantile_ranks(367, 0.99).high is None
    assert quantile_ranks(368, 0.99).high == 368
    assert math.isnan(quantile_interval(np.arange(100.0), 0.99).high)
    interval = quantile_interval(np.arange(1, 101.0), 0.5)
    assert (interval.estimate, interval.low, interval.high) == (50.5, 40, 61)


@given(n=st.integers(1, 300), q=st.sampled_from([0.05, 0.5, 0.9, 0.95, 0.99]))
def test_quantile_ranks_cover_at_least_the_level_when_both_exist(n, q):
    ranks = quantile_ranks(n, q)
    if ranks.low is not None and ranks.high is not None:
        exact = stats.binom.cdf(ranks.high - 1, n, q) - stats.binom.cdf(ranks.low - 1, n, q)
        assert ranks.coverage == pytest.approx(exact, abs=1e-12)
        assert ranks.coverage >= 0.95 - 1e-9


def test_a_quantile_outside_zero_and_one_is_an_error():
    with pytest.raises(ValueError, match="Expected a quantile between 0 and 1; got 95"):
        quantile_ranks(10, 95)
    with pytest.raises(ValueError, match="Expected finite values"):
        quantile_interval([1.0, math.inf], 0.5)


def test_the_conformal_rank_is_infinite_with_too_few_examples():
    # ⌈(n + 1)·0.9⌉, Angelopoulos & Bates 2023
    assert [conformal_rank(n) for n in (9, 8, 99, 1000)] == [9, None, 90, 901]
    assert conformal_rank(19, level=0.95) == 19
