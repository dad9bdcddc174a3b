"""Worked examples printed in papers and textbooks, beside those in each function's own tests."""

import numpy as np
import pytest

from experiments.statistics import (
    bootstrap,
    f1,
    holm,
    kappa,
    mcc,
    mcnemar,
    newcombe_paired,
    tango_interval,
    wald_paired,
)

# Efron & Tibshirani 1993, An Introduction to the Bootstrap, table 14.1: spatial test, column A.
SPATIAL = [
    48, 36, 20, 29, 42, 42, 20, 42, 22, 41, 45, 14, 6,
    0, 33, 28, 34, 4, 32, 24, 47, 41, 24, 26, 30, 41,
]  # fmt: skip


@pytest.mark.parametrize(
    ("method", "low", "high"),
    [("bca", 115.8, 259.6), ("percentile", 100.8, 233.9)],
)
def test_bootstrap_intervals_of_the_spatial_test(method, low, high):
    # Table 14.2, from 2,000 resamples of its own: the limits agree up to that noise.
    found = bootstrap(
        np.array(SPATIAL, float), lambda x: float(x.var()), level=0.9, resamples=4000, method=method
    )

    assert found.estimate == pytest.approx(171.5, abs=0.05)
    assert found.low == pytest.approx(low, abs=6)
    assert found.high == pytest.approx(high, abs=8)


def test_paired_intervals_of_airway_responsiveness():
    # Bentur et al. 2009 in Fagerland, Lydersen & Laake 2014, Statistics in Medicine 33:2850.
    tango, newcombe = tango_interval(1, 7, 21), newcombe_paired(1, 1, 7, 12)

    assert (tango.low, tango.high) == pytest.approx((-0.517, -0.026), abs=6e-4)
    assert (newcombe.low, newcombe.high) == pytest.approx((-0.507, -0.026), abs=6e-4)


def test_approval_of_the_prime_minister_fell():
    # Agresti, Categorical Data Analysis, 2nd ed., section 10.1: 944 and 880 of 1,600 approve.
    difference = wald_paired(86, 150, 1600)

    assert mcnemar(150, 86).chi2 == pytest.approx(17.36, abs=0.005)
    assert (difference.low, difference.high) == pytest.approx((-0.06, -0.02), abs=0.0015)


@pytest.mark.parametrize(
    ("table", "value"),
    [
        ([[20, 5], [10, 15]], 0.40),
        ([[45, 15], [25, 15]], 0.1304),
        ([[25, 35], [5, 35]], 0.2593),
    ],
)
def test_agreement_of_two_readers(table, value):
    # Wikipedia, "Cohen's kappa": the worked example, and the two with the same accuracy.
    assert kappa(table).estimate == pytest.approx(value, abs=6e-5)


def test_a_good_f1_with_a_poor_correlation():
    # Chicco 2017, BioData Mining 10:35, tip 8: TP 90, FN 5, FP 4, TN 1.
    label, said = np.repeat([1, 1, 0, 0], [90, 5, 4, 1]), np.repeat([1, 0, 1, 0], [90, 5, 4, 1])

    assert f1(label, said).per_class[1] == pytest.approx(0.9524, abs=6e-5)
    assert mcc(label, said) == pytest.approx(0.14, abs=0.006)


def test_four_hypotheses_step_down():
    # Wikipedia, "Holm-Bonferroni method": the first and the fourth are rejected at 5 %.
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
