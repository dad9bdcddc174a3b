"""Intervals that hold at every look."""

import math

import numpy as np
import pytest

from experiments.statistics import confidence_sequence


def half_widths(values, **options):
    found = confidence_sequence(values, **options)
    return found.high - found.estimate


def test_the_half_width_is_the_formula_of_the_paper():
    values = np.random.default_rng(0).normal(size=400)
    found = confidence_sequence(values)
    t, sd, rho = 400, values.std(), found.rho
    expected = sd * math.sqrt(
        2 * (t * rho**2 + 1) / (t * rho) ** 2 * math.log(math.sqrt(t * rho**2 + 1) / 0.05)
    )
    assert found.high[-1] - found.estimate[-1] == pytest.approx(expected)
    assert found.estimate == pytest.approx(np.cumsum(values) / np.arange(1, 401))


def test_the_interval_is_tightest_where_it_was_planned_to_be():
    signs = np.tile([1.0, -1.0], 500)
    at_200 = [half_widths(signs, planned=planned)[199] for planned in (100, 180, 200, 220, 1000)]
    assert min(at_200) == at_200[2]
    fixed = 1.959964 / math.sqrt(200)
    assert 1.5 < at_200[2] / fixed < 1.6


def test_it_is_too_early_to_say_at_first_and_without_spread():
    found = confidence_sequence(np.arange(50.0))
    assert np.isinf(found.low[:19]).all()
    assert np.isfinite(found.low[19:]).all()
    assert np.isinf(half_widths(np.zeros(100))).all()
    late = half_widths(np.r_[np.zeros(60), np.ones(40)])
    assert np.isinf(late[:60]).all()
    assert np.isfinite(late[60:]).all()


def test_large_values_keep_their_digits():
    values = np.random.default_rng(0).normal(size=200)
    assert half_widths(values + 1e6)[-1] == pytest.approx(half_widths(values)[-1], rel=1e-6)


def test_input_that_cannot_be_meant_is_named():
    with pytest.raises(ValueError, match="Expected values without NaN"):
        confidence_sequence([1.0, math.nan])
    with pytest.raises(ValueError, match="Expected first to be a whole number >= 2"):
        confidence_sequence([1.0, 2.0], first=1)


def test_looking_all_the_time_raises_few_false_alarms():
    rng = np.random.default_rng(0)
    alarms = 0
    for _ in range(300):
        found = confidence_sequence(rng.integers(-1, 2, 500).astype(float))
        alarms += bool(((found.low > 0) | (found.high < 0)).any())
    assert alarms / 300 <= 0.05
