"""Equivalence within a margin, against printed figures."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.statistics import tost, welch


def test_tost_gives_what_tosters_one_sample_test_prints():
    # Lakens' TOSTER, test-known_results.R: mean 0.52 against 0.5, sd 0.5, n 300, bounds ±0.1
    test = tost(0.02, 0.5 / math.sqrt(300), 299, 0.1)
    assert (test.t_lower, test.t_upper) == pytest.approx((4.156922, -2.771281), abs=2e-6)
    assert (test.p_lower, test.p_upper) == pytest.approx((2.108451e-05, 0.002966762), abs=2e-6)
    assert (test.low, test.high) == pytest.approx((-0.02763041, 0.06763041), abs=2e-6)
    assert test.equivalent
    assert test.p == test.p_upper


def test_tost_gives_what_the_ncss_manual_prints():
    # NCSS manual, chapter 198, in TOSTER's test-NCSS1.R
    a = [452, 874, 554, 447, 356, 754, 558, 574, 664, 682, 547, 435, 245]
    b = [546, 547, 774, 465, 459, 665, 467, 365, 589, 534, 456, 651, 654, 665, 546, 537]
    means = welch(a, b)
    assert (means.df, means.se) == pytest.approx((19.169, 53.618547), abs=6e-4)
    test = tost(means.estimate, means.se, means.df, 110)
    assert (test.p_lower, test.p_upper) == pytest.approx((0.03628, 0.02002), abs=6e-4)


@given(
    estimate=st.floats(-5, 5),
    se=st.floats(0.01, 3),
    df=st.one_of(st.floats(1, 500), st.just(math.inf)),
    margin=st.floats(0.01, 5),
    level=st.sampled_from([0.9, 0.95, 0.975]),
)
def test_equivalent_means_that_the_interval_lies_inside_the_margin(estimate, se, df, margin, level):
    test = tost(estimate, se, df, margin, level=level)
    slack = min(test.low + margin, margin - test.high)
    if abs(slack) > 1e-6:
        assert test.equivalent == (slack > 0)
    mirrored = tost(-estimate, se, df, margin, level=level)
    assert (mirrored.p_lower, mirrored.p_upper) == pytest.approx((test.p_upper, test.p_lower))


def test_an_estimate_without_error_is_judged_by_itself():
    assert tost(0.0, 0.0, math.inf, 0.1).p == 0
    assert tost(0.2, 0.0, 9, 0.1).p == 1
    assert not tost(math.nan, math.nan, 9, 0.1).equivalent


def test_margins_may_differ_and_must_have_a_width():
    lopsided = tost(0.3, 0.1, math.inf, (-0.1, 1.0))
    assert lopsided.equivalent
    with pytest.raises(ValueError, match="Expected a margin wider than 0"):
        tost(0.1, 0.1, 9, 0.0)
    with pytest.raises(ValueError, match="Expected se >= 0 and df > 0"):
        tost(0.1, -0.1, 9, 0.1)
