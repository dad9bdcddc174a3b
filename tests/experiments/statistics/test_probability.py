"""Proper scores and net benefit, against printed figures and scikit-learn."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics

from experiments.statistics import (
    brier,
    log_loss,
    net_benefit,
    net_benefit_treat_all,
    num_clipped,
)

forecasts = st.lists(
    st.tuples(st.integers(0, 1), st.floats(0.001, 0.999)), min_size=1, max_size=30
).filter(lambda pairs: len({label for label, _ in pairs}) == 2)


def test_scikit_learns_docstring_examples():
    mail = [[0.1, 0.9], [0.9, 0.1], [0.8, 0.2], [0.35, 0.65]]
    assert log_loss(["spam", "ham", "ham", "spam"], mail) == pytest.approx(0.21616, abs=6e-6)
    assert log_loss([1, 0, 0, 1], mail) == log_loss(["spam", "ham", "ham", "spam"], mail)
    assert brier([0, 1, 1, 0], [0.1, 0.9, 0.8, 0.3]) == pytest.approx(0.0375, abs=1e-12)
    three = [[0.8, 0.1, 0.1], [0.2, 0.7, 0.1], [0.2, 0.2, 0.6]]
    assert brier([0, 1, 2], three) == pytest.approx(0.44 / 3, abs=1e-12)


@given(forecasts)
def test_scores_agree_with_scikit_learn(pairs):
    label, chance = (np.array(part) for part in zip(*pairs, strict=True))
    assert brier(label, chance) == pytest.approx(metrics.brier_score_loss(label, chance))
    assert log_loss(label, chance) == pytest.approx(metrics.log_loss(label, chance))
    both = np.column_stack([1 - chance, chance])
    assert brier(label, both) == pytest.approx(brier(label, chance))
    assert log_loss(label, both) == pytest.approx(log_loss(label, chance))


def test_a_wrong_certainty_costs_a_bounded_amount_and_is_counted():
    assert log_loss([1, 0], [0.0, 0.0]) == pytest.approx(-math.log(1e-7) / 2)
    assert log_loss([1, 0], [0.0, 0.0], clip=1e-3) == pytest.approx(-math.log(1e-3) / 2)
    assert num_clipped([1, 0], [0.0, 0.0]) == 1
    assert log_loss([1, 0], [1.0, 0.0]) == 0


@pytest.mark.parametrize(
    ("label", "probability", "message"),
    [
        ([0, 1], [0.5, 1.2], r"Expected probabilities in \[0, 1\]; got values in \[0.5, 1.2\]"),
        ([0, 1], [[0.5, 0.4], [0.5, 0.5]], "Expected each row of probability to add up to 1"),
        ([0, 1], [math.nan, 0.5], "Expected probability without NaN; got 1 NaN of 2"),
        (["a", "a"], [[0.5, 0.5], [0.5, 0.5]], "Expected 2 different labels"),
        ([0], [0.5, 0.5], "Expected label to have 2 entries; got 1"),
        ([0, 2], [[0.5, 0.5], [0.5, 0.5]], "Expected labels from 0 to 1; got 2"),
    ],
)
def test_input_that_cannot_be_meant_is_named(label, probability, message):
    with pytest.raises(ValueError, match=message):
        brier(label, probability)
    with pytest.raises(ValueError, match=message):
        log_loss(label, probability)


# Vickers & Elkin 2006; the family-history model of the R package dcurves, its printed results
THRESHOLDS = [0.05, 0.1, 0.15, 0.2, 0.25]
LABEL = np.repeat([1, 1, 0, 0], [24, 81, 91, 554])
FAMILY_HISTORY = np.repeat([1.0, 0.0, 1.0, 0.0], [24, 81, 91, 554])


def test_net_benefit_gives_what_dcurves_prints():
    expected = [0.0256140350877, 0.0185185185185, 0.0105882352941, 0.00166666666, -0.00844444444]
    assert net_benefit(LABEL, FAMILY_HISTORY, THRESHOLDS) == pytest.approx(expected, abs=1e-9)
    everyone = [0.0947368421053, 0.0444444444444, -0.0117647058824, -0.075, -0.146666666667]
    assert net_benefit_treat_all(LABEL, THRESHOLDS) == pytest.approx(everyone, abs=1e-9)
    assert net_benefit(LABEL, FAMILY_HISTORY, 0.2) == pytest.approx(1 / 600)


def test_acting_begins_at_the_threshold_and_at_zero_everyone_is_treated():
    assert net_benefit([1, 0], [0.5, 0.2], 0.5) == 0.5
    assert net_benefit(LABEL, FAMILY_HISTORY, 0.0) == pytest.approx(105 / 750)
    assert net_benefit_treat_all([1, 0], 0.5) == 0
    with pytest.raises(ValueError, match=r"Expected thresholds in \[0, 1\)"):
        net_benefit([1, 0], [0.5, 0.2], 1.0)
