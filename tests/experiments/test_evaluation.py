"""Evaluation of predictions agrees with scikit-learn."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics

from experiments.evaluating import evaluation
from experiments.evaluating.class_table import class_table


def examples(seed, count, num_classes=2, *, ties=False):
    generator = np.random.default_rng(seed)
    label = np.concatenate([np.arange(num_classes), generator.integers(0, num_classes, count)])
    score = generator.random(len(label)) + 0.3 * label
    return label, np.round(score, 1) if ties else score


@given(seed=st.integers(0, 10_000), count=st.integers(0, 80), ties=st.booleans())
def test_the_roc_curve_is_that_of_scikit_learn(seed, count, ties):
    label, score = examples(seed, count, ties=ties)

    ours = evaluation.roc_curve(label == 1, score)
    fpr, tpr, threshold = metrics.roc_curve(label, score, drop_intermediate=False)

    np.testing.assert_allclose(ours.false_positive_rate, fpr)
    np.testing.assert_allclose(ours.true_positive_rate, tpr)
    np.testing.assert_allclose(ours.threshold, threshold)
    assert ours.area == pytest.approx(metrics.roc_auc_score(label, score))


@given(seed=st.integers(0, 10_000), count=st.integers(0, 80), ties=st.booleans())
def test_the_precision_recall_curve_is_that_of_scikit_learn(seed, count, ties):
    label, score = examples(seed, count, ties=ties)

    ours = evaluation.precision_recall_curve(label == 1, score)
    precision, recall, threshold = metrics.precision_recall_curve(label, score)

    np.testing.assert_allclose(ours.precision[::-1], precision)
    np.testing.assert_allclose(ours.recall[::-1], recall)
    np.testing.assert_allclose(ours.threshold[:0:-1], threshold)
    assert ours.average_precision == pytest.approx(metrics.average_precision_score(label, score))
    assert ours.prevalence == pytest.approx(label.mean())


@given(seed=st.integers(0, 10_000), num_classes=st.integers(2, 6))
def test_confusion_and_class_report_are_those_of_scikit_learn(seed, num_classes):
    label, _ = examples(seed, 60, num_classes)
    predicted = np.random.default_rng(seed + 1).permutation(label)

    counts = evaluation.confusion(label, predicted, num_classes)
    report = class_table(counts, tuple("abcdef"[:num_classes]))
    expected = metrics.precision_recall_fscore_support(label, predicted, zero_division=0)  # pyright: ignore[reportArgumentType]  # the stub knows "warn" only

    np.testing.assert_array_equal(counts, metrics.confusion_matrix(label, predicted))
    np.testing.assert_allclose([row.precision for row in report.rows], expected[0])
    np.testing.assert_allclose([row.recall for row in report.rows], expected[1])
    np.testing.assert_allclose([row.f1 for row in report.rows], expected[2])
    np.testing.assert_array_equal([row.support for row in report.rows], expected[3])
    assert report.accuracy == pytest.approx(metrics.accuracy_score(label, predicted))
    assert report.balanced_accuracy == pytest.approx(
        metrics.balanced_accuracy_score(label, predicted)
    )
    for mean in report.means:
        wanted = metrics.f1_score(label, predicted, average=mean.average)
        assert mean.f1 == pytest.approx(wanted)


def test_a_class_that_is_absent_is_not_defined_and_says_why():
    counts = evaluation.confusion(np.array([0, 0, 3]), np.array([0, 1, 0]), 4)
    table = class_table(counts, ("a", "b", "c", "d"))
    recall = [row.recall for row in table.rows]
    precision = [row.precision for row in table.rows]

    np.testing.assert_array_equal(recall, [0.5, np.nan, np.nan, 0.0])
    np.testing.assert_array_equal(precision, [0.5, 0.0, np.nan, np.nan])
    assert [row.note for row in table.rows] == [
        "",
        "does not occur: recall is not defined",
        "does not occur and is never predicted: nothing is defined",
        "is never predicted: precision is not defined",
    ]
    assert table.means[0].note == "what is not defined counts as 0"
    assert table.worst_recall is not None
    assert table.worst_recall.name == "d"
    assert evaluation.normalised(counts)[1].tolist() == [0, 0, 0, 0]


def test_no_example_at_all_is_not_defined():
    table = class_table(np.zeros((2, 2), dtype=np.int64), ("a", "b"))

    assert np.isnan([table.accuracy, table.balanced_accuracy, table.means[2].f1]).all()
    assert table.worst_recall is None


def test_a_thousand_classes_are_counted():
    label = np.arange(5_000) % 1_000
    predicted = np.where(label % 7, label, 0)
    table = class_table(
        evaluation.confusion(label, predicted, 1_000), tuple(str(i) for i in range(1_000))
    )

    assert len(table.rows) == 1_000
    assert table.accuracy == pytest.approx(np.mean(label == predicted))


def test_a_thinned_curve_keeps_its_ends_and_its_area():
    label, score = examples(1, 50_000)
    roc = evaluation.roc_curve(label == 1, score)

    keep = evaluation.thinned(roc.false_positive_rate, roc.true_positive_rate)
    area = np.trapezoid(roc.true_positive_rate[keep], roc.false_positive_rate[keep])

    assert len(keep) <= 2_002
    assert (keep[0], keep[-1]) == (0, len(roc.threshold) - 1)
    assert area == pytest.approx(roc.area, abs=1e-3)


@pytest.mark.parametrize(
    ("label", "predicted", "sentence"),
    [
        ([0, 1], [0], "Expected as many predictions as labels; got 1 and 2."),
        ([0, 5], [0, 1], r"Expected classes in \[0, 2\); got 0..5."),
    ],
)
def test_what_is_not_comparable_is_refused(label, predicted, sentence):
    with pytest.raises(ValueError, match=sentence):
        evaluation.confusion(np.array(label), np.array(predicted), 2)


def test_curves_need_both_kinds_of_examples_and_real_scores():
    ones = np.ones(3, dtype=bool)
    with pytest.raises(ValueError, match="only one kind"):
        evaluation.roc_curve(ones, np.ones(3))
    with pytest.raises(ValueError, match="got none"):
        evaluation.precision_recall_curve(~ones, np.ones(3))
    with pytest.raises(ValueError, match="1 NaN"):
        evaluation.roc_curve(np.array([True, False]), np.array([0.1, np.nan]))
