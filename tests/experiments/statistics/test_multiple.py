"""Many comparisons at once, against printed tables, R and scipy."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from experiments.statistics import (
    benjamini_hochberg,
    could_be_best,
    holm,
    max_t_critical,
    max_t_intervals,
)

DUNNETT_K = [1, 2, 3, 4, 5, 9]


def equicorrelated(k, rho=0.5):
    return np.full((k, k), rho) + (1 - rho) * np.eye(k)


@pytest.mark.parametrize(
    ("one_sided", "expected"),
    # Dunnett 1955 and 1964: infinite degrees of freedom, correlation 1/2, 5 %
    [
        (False, [1.96, 2.21, 2.35, 2.44, 2.51, 2.69]),
        (True, [1.64, 1.92, 2.06, 2.16, 2.23, 2.42]),
    ],
)
def test_critical_values_are_those_of_dunnetts_tables(one_sided, expected):
    found = [max_t_critical(equicorrelated(k), one_sided=one_sided) for k in DUNNETT_K]
    assert found == pytest.approx(expected, abs=0.016)


def test_critical_values_with_few_degrees_of_freedom_are_dunnetts_too():
    # Dunnett 1964, Biometrics 20:482, table II: two-sided 5 %, 10 degrees of freedom
    found = [max_t_critical(equicorrelated(k), df=10) for k in (1, 2, 3)]
    assert found == pytest.approx([2.23, 2.57, 2.76], abs=0.02)


def test_independent_comparisons_give_sidaks_value():
    sidak = stats.norm.ppf((1 + 0.95 ** (1 / 6)) / 2)
    assert max_t_critical(np.eye(6)) == pytest.approx(sidak, abs=0.02)
    assert max_t_critical(np.eye(2), unseen=4) == pytest.approx(sidak, abs=0.02)
    assert max_t_critical(np.eye(1), unseen=5) == pytest.approx(sidak, abs=0.02)
    assert max_t_critical(np.ones((4, 4))) == pytest.approx(1.96, abs=0.02)


def test_many_candidates_are_drawn_in_pieces():
    sidak = stats.norm.ppf((1 + 0.95 ** (1 / 60)) / 2)
    assert max_t_critical(np.eye(60)) == pytest.approx(sidak, abs=0.02)


def test_intervals_against_a_control_leave_the_control_out():
    covariance = np.diag([1.0, 2.0, 3.0])
    found = max_t_intervals([1.0, 5.0, 0.0], covariance, control=1)
    assert [i.estimate for i in found.intervals] == [-4, -5]
    half = [i.high - i.estimate for i in found.intervals]
    assert half == pytest.approx(found.critical * np.sqrt([3.0, 5.0]))
    assert 1.96 < found.critical < 2.24
    assert found == max_t_intervals([1.0, 5.0, 0.0], covariance, control=1)


def test_a_comparison_without_variance_plays_no_part():
    covariance = np.array([[1.0, 1.0, 0.2], [1.0, 1.0, 0.2], [0.2, 0.2, 1.0]])
    found = max_t_intervals([0.5, 0.5, 0.7], covariance)
    assert (found.intervals[0].low, found.intervals[0].high) == (0, 0)
    assert found.critical == pytest.approx(1.96, abs=1e-3)


def test_contrasts_of_ones_own():
    found = max_t_intervals([1.0, 2.0, 4.0], np.eye(3), contrasts=[[0, -1, 1]])
    assert found.intervals[0].estimate == 2
    assert found.intervals[0].low == pytest.approx(2 - 1.959964 * math.sqrt(2))
    with pytest.raises(ValueError, match="contrasts' columns to have 3 entries; got 2"):
        max_t_intervals([1.0, 2.0, 4.0], np.eye(3), contrasts=[[-1, 1]])


@pytest.mark.parametrize(
    ("estimates", "covariance", "message"),
    [
        ([1.0, math.nan], np.eye(2), "Expected estimates without NaN"),
        ([1.0, 2.0], np.eye(3), "Expected covariance of shape"),
        ([1.0, 2.0], np.full((2, 2), math.nan), "Expected finite covariance"),
        ([1.0], np.eye(1), "Expected a control among two or more models"),
    ],
)
def test_input_that_cannot_be_meant_is_named(estimates, covariance, message):
    with pytest.raises(ValueError, match=message):
        max_t_intervals(estimates, covariance)
    with pytest.raises(ValueError, match="Expected a correlation matrix"):
        max_t_critical(2 * np.eye(3))


def test_clearly_worse_models_cannot_be_best():
    found = could_be_best([0.9, 0.89, 0.5], np.eye(3) * 1e-4)
    assert found.member.tolist() == [True, True, False]
    assert found.low[2] < 0
    assert found.high[2] == 0
    worst = could_be_best([0.9, 0.89, 0.5], np.eye(3) * 1e-4, goal="min")
    assert worst.member.tolist() == [False, False, True]
    sure = could_be_best([0.9, 0.5, 0.4], np.eye(3) * 1e-6)
    assert sure.member.tolist() == [True, False, False]
    assert sure.low[0] == 0
    assert sure.high[0] > 0.39


def test_equal_models_stay_together_and_one_model_is_best():
    twins = np.array([[1.0, 1.0, 0.1], [1.0, 1.0, 0.1], [0.1, 0.1, 1.0]]) * 1e-4
    assert could_be_best([0.9, 0.9, 0.5], twins).member.tolist() == [True, True, False]
    assert could_be_best([0.3], [[0.1]]).member.tolist() == [True]


def test_the_best_estimate_is_always_a_member():
    rng = np.random.default_rng(0)
    for _ in range(20):
        root = rng.normal(size=(5, 5))
        theta = rng.normal(size=5)
        found = could_be_best(theta, root @ root.T, draws=2000)
        assert found.member[theta.argmax()]
        assert (found.low <= 0).all()
        assert (found.high >= 0).all()


# R multtest's mt.rawp2adjp, in statsmodels' test_multi.py; sorted
RAW = [
    5.23656777208e-05, 0.00028140506198, 0.0149877310796, 0.0202732688798, 0.177096952723,
    0.642193923795, 0.680845947633, 0.71626938238, 0.838541367553, 0.967833824309,
]  # fmt: skip
HOLM = [0.000523656777208, 0.00253264555782, 0.1199018486368, 0.1419128821586] + [1.0] * 6
BH = [
    0.000523656777208, 0.0014070253099, 0.0499591035986667, 0.0506831721995, 0.3541939054456,
    0.8953367279750001, 0.8953367279750001, 0.8953367279750001, 0.9317126306144445, 0.9678338243,
]  # fmt: skip


def test_adjusted_p_values_are_those_of_r():
    order = np.random.default_rng(0).permutation(10)
    assert holm(np.array(RAW)[order]) == pytest.approx(np.array(HOLM)[order], abs=1e-8)
    assert benjamini_hochberg(np.array(RAW)[order]) == pytest.approx(np.array(BH)[order], abs=1e-8)


def test_benjamini_and_hochbergs_own_example_rejects_four():
    # Benjamini & Hochberg 1995, section 3.3
    p = [
        0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.324, 0.4262,
        0.5719, 0.6528, 0.759, 1.0,
    ]  # fmt: skip
    assert (benjamini_hochberg(p) <= 0.05).sum() == 4
    assert (holm(p) <= 0.05).sum() == 3


def test_holm_against_a_control_as_in_demsar():
    # Demšar 2006, section 3.2.2: z = 2.416, 2.342, 0.512; two hypotheses rejected
    z = np.array([1.179, 1.143, 0.25]) / math.sqrt(4 * 5 / (6 * 14))
    assert z == pytest.approx([2.416, 2.342, 0.512], abs=2e-3)
    p = 2 * stats.norm.sf(z)
    assert p == pytest.approx([0.016, 0.019, 0.607], abs=2e-3)
    assert (holm(p) <= 0.05).tolist() == [True, True, False]


@given(st.lists(st.floats(0, 1), max_size=30))
def test_adjusting_keeps_the_order_and_never_lowers_a_p_value(p):
    strict, mild = holm(p), benjamini_hochberg(p)
    assert (strict >= mild - 1e-12).all()
    assert (mild >= np.array(p) - 1e-12).all()
    assert (strict <= 1).all()
    if p:
        assert mild == pytest.approx(stats.false_discovery_control(p))
        order = np.argsort(p)
        assert (np.diff(strict[order]) >= -1e-12).all()


def test_p_values_must_be_chances():
    for adjust in (holm, benjamini_hochberg):
        with pytest.raises(ValueError, match=r"Expected p-values in \[0, 1\]"):
            adjust([0.5, math.nan])
        with pytest.raises(ValueError, match="Expected p of shape"):
            adjust([[0.5]])
