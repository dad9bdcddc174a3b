"""Paired differences and single intervals: which method, which limits, which words."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from experiments.statistics import (
    LABEL_METRICS,
    influence,
    mcnemar,
    metric_interval,
    paired_difference,
    tango_interval,
    wilson,
)

REGRESSION = {"mae", "mse", "rmse", "r2"}
CLASSIFICATION = [metric for metric in LABEL_METRICS if metric not in REGRESSION]


def binary_case(n=400, seed=0):
    rng = np.random.default_rng(seed)
    label = (rng.random(n) < 0.3).astype(int)
    shared = rng.normal(size=n)
    a, b = (
        1 / (1 + np.exp(-(2 * label - 1 + 0.8 * shared + rng.normal(size=n)))) for _ in range(2)
    )
    return label, a, b


@pytest.mark.parametrize("metric", CLASSIFICATION)
def test_swapping_the_models_turns_the_difference_over(metric):
    label, a, b = binary_case()
    one, other = paired_difference(metric, label, a, b), paired_difference(metric, label, b, a)
    assert one.estimate == -other.estimate == one.value_a - one.value_b
    assert (one.low, one.high) == pytest.approx((-other.high, -other.low), abs=1e-12)
    assert one.low < one.estimate < one.high
    assert (one.method, one.n, one.groups, one.note) == ("t", 400, None, "")


@pytest.mark.parametrize("metric", CLASSIFICATION)
def test_the_order_of_examples_does_not_matter_and_copies_move_no_estimate(metric):
    label, a, b = binary_case()
    order = np.random.default_rng(1).permutation(len(label))
    plain = paired_difference(metric, label, a, b)
    shuffled = paired_difference(metric, label[order], a[order], b[order])
    assert (shuffled.estimate, shuffled.low, shuffled.high) == pytest.approx(
        (plain.estimate, plain.low, plain.high), abs=1e-12
    )
    copies = paired_difference(metric, *(np.tile(x, 2) for x in (label, a, b)))
    assert copies.estimate == pytest.approx(plain.estimate, abs=1e-12)
    assert copies.se == pytest.approx(plain.se / math.sqrt(2), rel=0.01)


@pytest.mark.parametrize("metric", sorted(REGRESSION))
def test_regression_errors_are_compared_by_example(metric):
    rng = np.random.default_rng(0)
    label = rng.normal(size=100)
    a, b = label + rng.normal(size=100), label + 0.5 * rng.normal(size=100)
    found = paired_difference(metric, label, a, b)
    assert found.df == 99
    assert (found.low > 0) == (metric != "r2")


def test_a_mean_metric_is_the_paired_t_interval():
    label, a, b = binary_case()
    found = paired_difference("brier", label, a, b)
    losses = (a - label) ** 2, (b - label) ** 2
    expected = stats.ttest_rel(*losses).confidence_interval(0.95)
    assert (found.low, found.high) == pytest.approx(tuple(expected))
    wide = paired_difference("brier", label, a, b, level=0.99)
    assert wide.high - wide.low > found.high - found.low


def test_few_discordant_pairs_take_tangos_interval():
    label = np.repeat([1, 0], 50)
    a, b = label.copy(), label.copy()
    a[:2], b[2:9] = 0, 0
    found = paired_difference("accuracy", label, a, b)
    expected = tango_interval(7, 2, 100)
    assert found.method == "tango"
    assert (found.estimate, found.low, found.high) == pytest.approx(
        (expected.estimate, expected.low, expected.high)
    )
    assert (found.low > 0) == (mcnemar(7, 2).mid_p < 0.05)
    same = paired_difference("accuracy", label, label, label)
    assert same.low < 0 < same.high


def test_the_rarer_class_sets_the_degrees_of_freedom():
    label, a, b = binary_case()
    found = paired_difference("f1", label, a, b)
    assert found.df == label.sum() - 1
    values = influence("f1", label, a).values - influence("f1", label, b).values
    half = stats.t.ppf(0.975, found.df) * math.sqrt(values @ values / (400 * 399))
    assert found.high - found.estimate == pytest.approx(half)


def test_few_examples_of_a_class_give_a_rough_interval_and_very_few_none():
    label, a, b = binary_case(60)
    label[:] = 0
    label[:12] = 1
    rough = paired_difference("roc_auc", label, a, b)
    assert "12 examples of the rarer class" in rough.note
    assert rough.low < rough.high
    label[9:] = 0
    none = paired_difference("roc_auc", label, a, b)
    assert (none.method, math.isnan(none.low)) == ("none", True)
    assert "9 examples of the rarer class: no interval below 10" in none.note
    assert not math.isnan(none.estimate)


def test_many_small_classes_share_their_degrees_of_freedom():
    rng = np.random.default_rng(0)
    label = np.repeat(np.arange(200), 5)
    a, b = (
        np.where(rng.random(1000) < share, label, rng.integers(0, 200, 1000))
        for share in (0.8, 0.7)
    )
    found = paired_difference("macro_f1", label, a, b, num_classes=200)
    assert found.df > 100
    assert found.low > 0


@pytest.mark.parametrize("n", [1, 3])
@pytest.mark.parametrize("metric", CLASSIFICATION)
def test_three_examples_have_a_defined_outcome(n, metric):
    label, a, b = [0, 1, 1][:n], [0.2, 0.6, 0.4][:n], [0.1, 0.7, 0.8][:n]
    found = paired_difference(metric, label, a, b)
    if math.isnan(found.low):
        assert found.note
    else:
        assert metric in {"accuracy", "micro_f1", "brier", "log_loss"}
        assert "rough" in found.note
    single = metric_interval(metric, label, a)
    assert single.note


def test_a_difference_that_a_few_examples_decide_is_called_rough():
    label = np.repeat([0, 1], [960, 40])
    a = label * 0.8
    b = a.copy()
    b[-4:] = 0.2
    found = paired_difference("mcc", label, a, b)
    assert found.note == "about 5 examples decide: the interval is rough"


def test_one_class_is_named_as_the_reason():
    found = paired_difference("roc_auc", np.ones(50), np.arange(50.0), np.arange(50.0) ** 2)
    assert math.isnan(found.estimate)
    assert (found.method, found.note) == ("none", "all examples are of one class")


def test_a_model_that_always_says_the_same_class_is_named_as_the_reason():
    label, _, b = binary_case()
    same = np.zeros(len(label))
    assert "always says the same class" in paired_difference("mcc", label, same, b).note
    assert paired_difference("precision", label, same, b).note == "a model never says the class"
    flat = paired_difference("r2", np.ones(50), np.arange(50.0), np.zeros(50))
    assert flat.note == "all true values are equal"


def test_the_same_model_twice_differs_by_exactly_nothing():
    label, a, _ = binary_case()
    found = paired_difference("f1", label, a, a)
    assert (found.low, found.high, found.method) == (0, 0, "identical")


def test_two_models_that_no_example_tells_apart_are_not_proven_equal():
    label = np.repeat([0, 1], 20)
    found = paired_difference("roc_auc", label, label + 0.1, label * 2.0)
    assert (found.estimate, found.method) == (0, "none")
    assert found.note == "no example tells the two apart: the interval is not defined"
    cut = paired_difference("f1", label, label * 0.9, label * 0.9, threshold=[0.5, 0.6])
    assert cut.method == "none"


def test_groups_widen_the_interval_and_too_few_refuse_it():
    label, a, b = binary_case(600)
    # Every example three times over: 600 rows, no more evidence than 200.
    rows = np.repeat(np.arange(200), 3)
    label, a, b = label[rows], a[rows], b[rows]
    naive = paired_difference("accuracy", label, a, b)
    robust = paired_difference("accuracy", label, a, b, group=rows)
    assert robust.groups == 200
    assert robust.se == pytest.approx(naive.se * math.sqrt(3), rel=0.01)
    assert robust.df == 199
    rough = paired_difference("accuracy", label, a, b, group=np.arange(600) % 20)
    assert (rough.df, rough.note) == (19, "20 groups: the interval is rough below 40")
    few = paired_difference("accuracy", label, a, b, group=np.arange(600) % 9)
    assert math.isnan(few.low)
    assert few.note == "9 groups: no interval below 10"


def test_groups_of_one_example_change_nothing_but_tango():
    label, a, b = binary_case()
    plain = paired_difference("mcc", label, a, b)
    alone = paired_difference("mcc", label, a, b, group=np.arange(400))
    assert (alone.low, alone.high) == pytest.approx((plain.low, plain.high))


@given(shift=st.floats(-3, 3), scale=st.floats(0.1, 10))
def test_a_rising_change_of_the_scores_changes_no_ranking(shift, scale):
    label, a, b = binary_case(80)
    plain = paired_difference("roc_auc", label, a, b)
    moved = paired_difference("roc_auc", label, scale * a + shift, b)
    assert moved.estimate == pytest.approx(plain.estimate, abs=1e-12)


def test_accuracy_alone_takes_wilsons_interval():
    label, a, _ = binary_case()
    found = metric_interval("accuracy", label, a)
    expected = wilson(int(((a >= 0.5) == label).sum()), 400)
    assert (found.low, found.high, found.method) == (expected.low, expected.high, "wilson")


@pytest.mark.parametrize("metric", CLASSIFICATION)
def test_single_intervals_hold_their_estimate_and_respect_the_scale(metric):
    label, a, _ = binary_case()
    found = metric_interval(metric, label, a)
    assert found.low < found.estimate < found.high
    assert found.estimate == pytest.approx(influence(metric, label, a).estimate)
    if metric not in {"mcc", "kappa", "log_loss"}:
        assert 0 <= found.low < found.high <= 1
    grouped = metric_interval(metric, label, a, group=np.arange(400) // 4)
    assert grouped.method in {"t", "logit"}


def test_a_perfect_score_has_no_interval_and_says_so():
    label = np.repeat([0, 1], 30)
    found = metric_interval("roc_auc", label, label * 1.0)
    assert (found.estimate, math.isnan(found.high)) == (1, True)
    assert found.note == "roc_auc is exactly 1: its interval is not defined"


def test_limits_are_cut_where_the_scale_ends():
    rng = np.random.default_rng(0)
    label = np.repeat([0, 1], 15)
    assert metric_interval("mcc", label, label ^ (rng.random(30) < 0.04)).high <= 1
    losses = np.zeros(30)
    losses[0] = 5
    assert metric_interval("mse", losses, np.zeros(30)).low == 0
