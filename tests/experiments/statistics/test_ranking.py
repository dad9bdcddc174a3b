"""ROC and precision-recall areas and DeLong's test, against printed figures and scikit-learn."""

import math
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from sklearn import metrics

from experiments.statistics import (
    auc_covariance,
    auc_interval,
    average_precision,
    delong,
    partial_auc,
    roc_auc,
)

# DeLong, DeLong & Clarke-Pearson 1988, as printed in the SAS/STAT manual, PROC LOGISTIC,
# "Comparing receiver operating characteristic curves"
ALBUMIN = [
    3.0, 3.2, 3.9, 2.8, 3.2, 0.9, 2.5, 1.6, 3.8, 3.7, 3.2, 3.8, 4.1, 3.6, 4.3, 3.6, 2.3, 4.2, 4.0,
    3.5, 3.8, 3.0, 4.5, 3.7, 3.1, 4.1, 4.3, 4.3, 3.2, 2.6, 3.3, 1.7, 3.7, 3.3, 4.2, 3.5, 2.9, 2.1,
    2.8, 4.0, 3.3, 3.7, 3.6,
]  # fmt: skip
PROTEIN = [
    5.8, 6.3, 6.8, 4.8, 5.8, 4.0, 5.7, 5.6, 5.7, 6.7, 5.4, 6.6, 6.6, 5.7, 7.0, 6.7, 4.4, 7.6, 6.6,
    5.8, 6.8, 4.7, 7.4, 7.4, 6.6, 8.2, 7.0, 6.5, 5.1, 4.7, 6.8, 4.0, 6.1, 6.3, 7.7, 6.2, 5.7, 4.8,
    6.2, 7.0, 5.7, 6.9, 6.6,
]  # fmt: skip
KG_SCORE = [
    0, 5, 7, 4, 7, 5, 2, 5, 5, 4, 6, 4, 5, 5, 6, 6, 4, 6, 4, 4, 3, 2, 5, 5, 4, 4, 5, 6, 5, 4, 4, 3,
    5, 3, 4, 5, 1, 3, 2, 3, 4, 5, 5,
]  # fmt: skip
POPIND = [
    0, 1, 1, 0, 1, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 0, 1, 0, 0, 1, 1, 0, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0,
    1, 1, 1, 1, 0, 1, 0, 1, 1, 1, 1,
]  # fmt: skip

tied_scores = st.integers(2, 60).flatmap(
    lambda n: st.tuples(
        st.lists(st.integers(0, 1), min_size=n, max_size=n),
        st.lists(st.integers(0, 8), min_size=n, max_size=n),
        st.lists(st.integers(0, 8), min_size=n, max_size=n),
    )
)


def test_delong_gives_what_sas_prints():
    scores = np.column_stack([ALBUMIN, PROTEIN, KG_SCORE])
    found = auc_covariance(POPIND, scores)
    assert found.auc == pytest.approx([0.7366, 0.6478, 0.7258], abs=6e-5)
    errors = np.sqrt(np.diag(found.covariance))
    assert errors == pytest.approx([0.0927, 0.1, 0.1028], abs=6e-5)
    first = delong(POPIND, ALBUMIN, KG_SCORE)
    assert (first.difference, first.se, first.z**2, first.p) == pytest.approx(
        (0.0108, 0.0953, 0.0127, 0.9102), abs=6e-5
    )
    second = delong(POPIND, PROTEIN, KG_SCORE)
    assert (second.difference, second.se, second.z**2, second.p) == pytest.approx(
        (-0.0780, 0.1046, 0.5554, 0.4561), abs=6e-5
    )
    contrast = np.array([[1, 0, -1], [0, 1, -1]])
    gap, spread = contrast @ found.auc, contrast @ found.covariance @ contrast.T
    joint = gap @ np.linalg.solve(spread, gap)
    assert (joint, stats.chi2.sf(joint, 2)) == pytest.approx((2.5340, 0.2817), abs=6e-5)


def test_rating_data_give_the_printed_auc_and_interval():
    # Hanley & McNeil 1982, Radiology 143:29; Stata's roctab example "hanley"
    normal, abnormal = [33, 6, 6, 11, 2], [3, 2, 2, 11, 33]
    label = np.repeat([0] * 5 + [1] * 5, normal + abnormal)
    score = np.repeat([1, 2, 3, 4, 5] * 2, normal + abnormal)
    interval = auc_interval(label, score)
    assert interval.estimate == pytest.approx(0.8932, abs=6e-5)
    assert (interval.low, interval.high) == pytest.approx((0.83295, 0.95339), abs=6e-5)
    se = math.sqrt(auc_covariance(label, score[:, None]).covariance[0, 0])
    assert se == pytest.approx(0.0307, abs=6e-5)


def test_scikit_learns_docstring_examples():
    label, score = [0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8]
    assert roc_auc(label, score) == 0.75
    assert average_precision(label, score) == pytest.approx(5 / 6)
    scores = [
        [0.7, 0.2, 0.1], [0.4, 0.3, 0.3], [0.1, 0.8, 0.1],
        [0.2, 0.3, 0.5], [0.4, 0.4, 0.2], [0.1, 0.2, 0.7],
    ]  # fmt: skip
    assert average_precision([0, 0, 1, 1, 2, 2], scores) == pytest.approx(7 / 9)


def test_equal_scores_give_one_half_and_the_prevalence():
    label, score = [0, 0, 1, 0, 1], [0.5] * 5
    assert roc_auc(label, score) == 0.5
    assert average_precision(label, score) == pytest.approx(0.4)
    assert partial_auc(label, score, 0, 0.2, scaled=True) == pytest.approx(0.5)
    assert delong(label, score, score).p == 1


@given(tied_scores)
def test_areas_agree_with_scikit_learn_ties_included(drawn):
    label, score, _ = (np.array(part) for part in drawn)
    if 0 < label.sum() < len(label):
        assert roc_auc(label, score) == pytest.approx(metrics.roc_auc_score(label, score))
        assert partial_auc(label, score, 0, 0.3, scaled=True) == pytest.approx(
            metrics.roc_auc_score(label, score, max_fpr=0.3)
        )
        assert partial_auc(label, score, 0, 1) == pytest.approx(roc_auc(label, score))
    if label.sum():
        assert average_precision(label, score) == pytest.approx(
            metrics.average_precision_score(label, score)
        )


@given(tied_scores)
def test_windows_of_the_curve_add_up_to_the_whole(drawn):
    label, score, _ = drawn
    if 0 < sum(label) < len(label):
        edges = [0, 0.1, 0.35, 1]
        parts = [partial_auc(label, score, *edges[i : i + 2]) for i in range(3)]
        assert sum(parts) == pytest.approx(roc_auc(label, score))


@given(tied_scores, st.randoms(use_true_random=False))
def test_order_and_repetition_of_examples_do_not_matter(drawn, random):
    label, a, b = (np.array(part) for part in drawn)
    if not 0 < label.sum() < len(label):
        return
    order = np.array(random.sample(range(len(label)), len(label)))
    plain, shuffled = delong(label, a, b), delong(label[order], a[order], b[order])
    assert (shuffled.auc_a, shuffled.auc_b) == (plain.auc_a, plain.auc_b)
    assert shuffled.se == pytest.approx(plain.se, nan_ok=True, abs=1e-9)
    assert roc_auc(np.tile(label, 2), np.tile(a, 2)) == pytest.approx(plain.auc_a)
    assert average_precision(np.tile(label, 2), np.tile(a, 2)) == pytest.approx(
        average_precision(label, a)
    )


@given(tied_scores)
def test_delong_mirrors_when_the_models_swap(drawn):
    label, a, b = drawn
    one, other = delong(label, a, b), delong(label, b, a)
    assert one.difference == pytest.approx(-other.difference, nan_ok=True)
    assert one.p == pytest.approx(other.p, nan_ok=True)
    assert (one.low, one.high) == pytest.approx((-other.high, -other.low), nan_ok=True)


@given(tied_scores)
def test_turning_the_scores_over_turns_the_area_over(drawn):
    label, score, _ = (np.array(part) for part in drawn)
    if 0 < label.sum() < len(label):
        assert roc_auc(label, -score) == pytest.approx(1 - roc_auc(label, score))
        assert roc_auc(1 - label, score) == pytest.approx(1 - roc_auc(label, score))


def test_delong_counts_all_pairs_as_the_definition_does():
    rng = np.random.default_rng(1)
    label, score = rng.integers(0, 2, 40), rng.integers(0, 6, (40, 2)).astype(float)
    wins = [np.sign(s[label == 1][:, None] - s[label == 0][None, :]) / 2 + 0.5 for s in score.T]
    m, k = wins[0].shape
    expected = (
        np.cov([w.mean(axis=1) for w in wins]) / m + np.cov([w.mean(axis=0) for w in wins]) / k
    )
    found = auc_covariance(label, score)
    assert found.auc == pytest.approx([w.mean() for w in wins])
    assert found.covariance == pytest.approx(expected, abs=1e-14)


@pytest.mark.parametrize("multiclass", ["ovr", "ovo"])
def test_multiclass_auc_agrees_with_scikit_learn(multiclass):
    rng = np.random.default_rng(2)
    label = rng.integers(0, 4, 200)
    scores = rng.random((200, 4))
    scores[np.arange(200), label] += 0.4
    scores /= scores.sum(axis=1, keepdims=True)
    assert roc_auc(label, scores, multiclass=multiclass) == pytest.approx(
        metrics.roc_auc_score(label, scores, multi_class=multiclass)
    )
    assert average_precision(label, scores) == pytest.approx(
        metrics.average_precision_score(label, scores, average="macro")
    )


def test_absent_classes_are_left_out_and_two_columns_mean_the_second():
    rng = np.random.default_rng(3)
    label, scores = rng.integers(0, 2, 50), rng.random((50, 3))
    expected = np.mean([roc_auc(label == c, scores[:, c]) for c in (0, 1)])
    assert roc_auc(label, scores) == pytest.approx(expected)
    assert roc_auc(label, scores[:, :2]) == roc_auc(label, scores[:, 1])
    assert average_precision(label, scores[:, :2]) == average_precision(label, scores[:, 1])
    assert math.isnan(roc_auc(np.zeros(50), scores, multiclass="ovo"))


def test_one_class_leaves_the_area_undefined():
    assert math.isnan(roc_auc([1, 1, 1], [1, 2, 3]))
    assert math.isnan(partial_auc([0, 0], [1, 2], 0, 0.5))
    assert math.isnan(average_precision([0, 0], [1, 2]))
    assert average_precision([1, 1], [1, 2]) == 1
    nothing = delong([1, 1, 1], [1, 2, 3], [1, 2, 2])
    assert all(math.isnan(x) for x in (nothing.auc_a, nothing.z, nothing.p, nothing.low))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        lonely = delong([1, 0, 0], [3, 2, 1], [1, 2, 3])
    assert lonely.difference == 1
    assert math.isnan(lonely.se)
    assert math.isnan(lonely.p)


def test_perfect_rankings_differ_by_nothing():
    test = delong([0, 0, 1, 1], [1, 2, 3, 4], [1, 2, 8, 9])
    assert (test.difference, test.z, test.p) == (0, 0, 1)


@pytest.mark.parametrize(
    ("label", "score", "message"),
    [
        ([0, 1], [0.1, math.nan], "Expected score without NaN; got 1 NaN of 2"),
        ([0, 2], [0.1, 0.2], "Expected labels 0 and 1; got 2"),
        ([0, 1, 1], [0.1, 0.2], "Expected score to have 3 entries; got 2"),
        ([], [], "Expected at least one example in label; got none"),
        (["a", "b"], [0.1, 0.2], "Expected labels 0 and 1"),
        ([[0, 1]], [0.1, 0.2], r"Expected label of shape \(n,\)"),
        ([0, 1], ["x", "y"], "Expected score to hold numbers"),
        ([0, 3], [[0.1, 0.9], [0.2, 0.8]], "Expected labels from 0 to 1; got 3"),
    ],
)
def test_input_that_cannot_be_meant_is_named(label, score, message):
    with pytest.raises(ValueError, match=message):
        roc_auc(label, score)


def test_a_window_must_lie_inside_zero_and_one():
    with pytest.raises(ValueError, match="Expected 0 <= low < high <= 1"):
        partial_auc([0, 1], [1, 2], 0.5, 0.5)


def test_infinite_scores_rank_like_any_other():
    assert roc_auc([0, 1, 1], [-math.inf, 1.0, math.inf]) == 1
