"""Tests on paired outcomes, against printed figures and scipy."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from experiments.statistics import bowker, cochran_q, mcnemar, sign_flip_p


@pytest.mark.parametrize(
    ("b", "c", "expected"),
    [
        # Fagerland, Lydersen & Laake 2013, BMC Medical Research Methodology 13:91, table 1
        # (Bentur et al. 2009); the first two are 18/256 and 10/256
        (1, 7, (0.070313, 0.039063, 0.0339, 0.0771)),
        # Cavo et al. 2012, as tested in the R package contingencytables
        (6, 16, (0.052479, 0.034690, 0.033006, 0.055009)),
    ],
)
def test_mcnemar_gives_the_printed_p_values(b, c, expected):
    test = mcnemar(b, c)
    found = (test.exact, test.mid_p, test.chi2_p, test.corrected_p)
    assert found == pytest.approx(expected, abs=6e-5)
    assert found[:2] == pytest.approx(expected[:2], abs=6e-7)
    assert test.chi2 == (b - c) ** 2 / (b + c)


@given(b=st.integers(0, 3000), c=st.integers(0, 3000))
def test_mcnemar_agrees_with_the_binomial_test_and_is_symmetric(b, c):
    test = mcnemar(b, c)
    assert test == mcnemar(c, b)
    assert 0 <= test.mid_p <= test.exact <= 1
    if b + c:
        assert test.exact == pytest.approx(stats.binomtest(b, b + c).pvalue, rel=1e-6, abs=1e-300)
        assert test.chi2_p == pytest.approx(stats.chi2.sf(test.chi2, 1))


def test_mcnemar_without_discordant_pairs_shows_nothing():
    test = mcnemar(0, 0)
    assert (test.exact, test.mid_p, test.chi2_p, test.corrected_p) == (1, 1, 1, 1)
    assert mcnemar(4, 4).mid_p == pytest.approx(1 - stats.binom.pmf(4, 8, 0.5) / 2)
    with pytest.raises(ValueError, match="Expected b to be a whole number"):
        mcnemar(-1, 3)


def test_bowker_gives_what_r_prints():
    # statsmodels' test of symmetry, computed with R's mcnemar.test
    table = [[0, 3, 4, 4, 2], [4, 1, 2, 4, 3], [5, 3, 0, 0, 2], [2, 3, 0, 0, 1], [5, 5, 5, 5, 5]]
    test = bowker(table)
    assert (test.statistic, test.p) == pytest.approx((7.001587, 0.7252951), abs=1e-6)
    assert test.df == 10
    assert bowker([[5, 1], [7, 9]]).p == pytest.approx(mcnemar(1, 7).chi2_p)
    with pytest.raises(ValueError, match="Expected a square table"):
        bowker([[1, 2, 3], [1, 2, 3]])


def test_cochran_q_gives_what_mlxtend_prints():
    patterns = [[0, 0, 0], [0, 0, 1], [0, 1, 0], [0, 1, 1], [1, 0, 0], [1, 1, 0], [1, 1, 1]]
    test = cochran_q(np.repeat(patterns, [3, 3, 1, 9, 2, 2, 80], axis=0))
    assert (test.statistic, test.p) == pytest.approx((7.529, 0.023), abs=6e-4)
    assert cochran_q([[1, 1], [0, 0]]).p == 1
    with pytest.raises(ValueError, match="Expected 0 and 1"):
        cochran_q([[1, 2], [0, 0]])


def test_the_permutation_test_counts_all_sign_patterns():
    # mlxtend's test_permutation.py prints 0.031: 4 of 128 patterns
    a, b = [3.67, 1.72, 3.46, 2.6, 2.03, 2.1, 3.01], [2.11, 1.79, 2.71, 1.89, 1.69, 1.71, 2.01]
    assert sign_flip_p(a, b) == 4 / 128
    assert sign_flip_p([1.0, 2.0], [1.0, 2.0]) == 1


def test_the_permutation_test_samples_patterns_beyond_twenty_pairs():
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=30) + 0.4, rng.normal(size=30)
    sampled = sign_flip_p(a, b, permutations=20_000)
    assert sampled == sign_flip_p(a, b, permutations=20_000)
    assert sampled == pytest.approx(stats.ttest_rel(a, b).pvalue, abs=0.02)
    assert not math.isnan(sampled)
