"""How much more data or how many more seeds: printed figures and simulated power."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats as typed_stats

from experiments.statistics import (
    examples_needed,
    power_of,
    runs_needed,
    seeds_needed,
    smallest_detectable,
)

stats: Any = typed_stats  # the results of its t-tests lack their fields


def test_connors_formula_gives_1960_pairs():
    # Connor 1987: 10 % discordant pairs, difference of 2 points, 80 % power
    assert examples_needed(0.02, discordant=0.1) == 1960


def test_noethers_formula_gives_29_runs():
    # Bouthillier et al. 2021: P(A > B) = 0.75 at 5 % and 5 %
    assert runs_needed() == 29
    with pytest.raises(ValueError, match=r"Expected a probability above 0.5; got 0.5"):
        runs_needed(0.5)


def test_the_examples_needed_have_the_power_asked_for():
    rng = np.random.default_rng(0)
    n = examples_needed(0.1, 0.8)
    samples = rng.normal(0.1, 0.8, size=(4000, n))
    found = stats.ttest_1samp(samples, 0, axis=1).pvalue < 0.05
    assert found.mean() == pytest.approx(0.8, abs=0.025)
    assert power_of(0.1, 0.8 / math.sqrt(n)) == pytest.approx(0.8, abs=0.001)


@given(st.floats(0.001, 1), st.floats(0.01, 2))
def test_smallest_detectable_and_examples_needed_agree(difference, sd):
    n = examples_needed(difference, sd)
    assert smallest_detectable(sd / math.sqrt(n)) <= difference * (1 + 1e-9)
    assert examples_needed(-difference, sd) == n


def test_seeds_needed_falls_to_two_and_gives_up_when_examples_are_the_limit():
    assert seeds_needed(1.0, 0.001) == 2
    some = seeds_needed(0.01, 0.01)
    assert some is not None
    assert 5 < some < 15
    assert seeds_needed(0.01, 0.01, fixed_variance=0.01**2) is None
    assert seeds_needed(0.01, 0.0, fixed_variance=1e-8) == 2
    more = seeds_needed(0.01, 0.01, noise_variance=1e-4)
    assert more is not None
    assert more > some


def test_the_seeds_needed_have_the_power_asked_for():
    rng = np.random.default_rng(0)
    seeds = seeds_needed(1.0, math.sqrt(2))
    assert seeds is not None
    a, b = rng.normal(1, 1, (3000, seeds)), rng.normal(0, 1, (3000, seeds))
    power = (stats.ttest_ind(a, b, axis=1).pvalue < 0.05).mean()
    assert 0.78 < power < 0.88


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: examples_needed(0.0, 1.0), "Expected a difference other than 0"),
        (lambda: examples_needed(0.1), "Expected either sd or discordant"),
        (lambda: examples_needed(0.1, -1.0), "Expected sd >= 0"),
        (lambda: examples_needed(0.2, discordant=0.1), "Expected discordant from 0.2 to 1"),
        (lambda: examples_needed(0.1, 1.0, power=80), "Expected a power between 0 and 1"),
        (lambda: seeds_needed(0.1, -1.0), "Expected a spread and variances >= 0"),
        (lambda: power_of(0.1, 0.0), "Expected se > 0"),
    ],
)
def test_input_that_cannot_be_meant_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
