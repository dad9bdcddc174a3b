"""Ranks over data sets, against Demšar 2006, and robust means."""

import math

import numpy as np
import pytest
from scipy import stats

from experiments.statistics import (
    friedman,
    interquartile_mean,
    nemenyi_difference,
    probability_of_improvement,
    signed_ranks,
)

# Demšar 2006, JMLR 7:1, table 6: ranks of C4.5, +m, +cf, +m+cf on 14 data sets
RANKS = [
    [4, 3, 2, 1], [1, 2, 3, 4], [4, 1, 2, 3], [4, 1, 3, 2], [4, 2, 3, 1], [1, 2.5, 4, 2.5],
    [3, 2, 4, 1], [2.5, 2.5, 4, 1], [4, 3, 2, 1], [2.5, 2.5, 2.5, 2.5], [4, 2.5, 1, 2.5],
    [3, 2, 4, 1], [4, 1, 2, 3], [3, 1, 4, 2],
]  # fmt: skip


K = range(2, 11)


def test_friedman_gives_demsars_figures():
    test = friedman(RANKS, goal="min")
    assert test.mean_ranks == pytest.approx([3.143, 2.0, 2.893, 1.964], abs=6e-4)
    assert (test.chi2, test.f) == pytest.approx((9.28, 3.69), abs=6e-3)
    assert test.p == pytest.approx(stats.f.sf(test.f, 3, 39))


def test_friedman_without_ties_is_scipys():
    values = np.random.default_rng(0).random((8, 3))
    assert friedman(values).chi2 == pytest.approx(stats.friedmanchisquare(*values.T).statistic)
    alike = friedman([[1.0, 2.0, 3.0]] * 4)
    assert (alike.f, alike.p, alike.mean_ranks.tolist()) == (math.inf, 0, [3, 2, 1])
    with pytest.raises(ValueError, match="Expected at least 2 data sets and 2 models"):
        friedman([[1.0, 2.0]])


def test_nemenyi_gives_demsars_figures():
    # section 3.2.2; table 5(a) holds the critical values q, truncated to three decimals
    assert nemenyi_difference(4, 14) == pytest.approx(1.25, abs=6e-3)
    assert nemenyi_difference(4, 14, level=0.9) == pytest.approx(1.12, abs=6e-3)
    table = {
        0.95: [1.960, 2.343, 2.569, 2.728, 2.850, 2.949, 3.031, 3.102, 3.164],
        0.90: [1.645, 2.052, 2.291, 2.459, 2.589, 2.693, 2.780, 2.855, 2.920],
    }
    for level, row in table.items():
        q = [nemenyi_difference(k, 6, level=level) / math.sqrt(k * (k + 1) / 36) for k in K]
        assert q == pytest.approx(row, abs=1.1e-3)


def test_signed_ranks_give_demsars_figures():
    # table 2 and section 3.1.3: C4.5+m against C4.5 on 14 data sets, two of them ties
    pruned = [
        0.763, 0.599, 0.954, 0.628, 0.882, 0.936, 0.661,
        0.583, 0.775, 1.000, 0.940, 0.619, 0.972, 0.957,
    ]  # fmt: skip
    tuned = [
        0.768, 0.591, 0.971, 0.661, 0.888, 0.931, 0.668,
        0.583, 0.838, 1.000, 0.962, 0.666, 0.981, 0.978,
    ]  # fmt: skip
    test = signed_ranks(tuned, pruned)
    assert (test.plus, test.minus, test.statistic) == (93, 12, 12)
    assert test.p == pytest.approx(2 * stats.norm.sf(2.54), abs=2e-4)
    turned = signed_ranks(pruned, tuned)
    assert (turned.plus, turned.minus, turned.p) == (12, 93, test.p)


def test_an_odd_tie_is_left_out_of_the_signed_ranks():
    assert signed_ranks([1, 2, 4], [1, 1, 2]).plus == 3
    assert math.isnan(signed_ranks([1.0], [1.0]).p)
    with pytest.raises(ValueError, match="as many values in a as in b"):
        signed_ranks([1.0], [1.0, 2.0])


def test_the_interquartile_mean_is_scipys_trimmed_mean():
    # the example in Wikipedia's article
    values = [5, 8, 4, 38, 8, 6, 9, 7, 7, 3, 1, 6]
    assert interquartile_mean(values) == 6.5
    assert interquartile_mean(np.reshape(values, (3, 4))) == 6.5
    for n in range(1, 12):
        assert interquartile_mean(values[:n]) == pytest.approx(stats.trim_mean(values[:n], 0.25))


def test_the_probability_of_improvement_counts_pairs():
    assert probability_of_improvement([3, 5, 5, 8], [2, 5, 7]) == pytest.approx(7 / 12)
    assert probability_of_improvement([1, 1], [1]) == 0.5
