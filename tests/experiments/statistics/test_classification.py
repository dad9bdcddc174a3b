"""Metrics of predicted classes, against printed figures and scikit-learn."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as typed_metrics

from experiments.statistics import (
    accuracy,
    balanced_accuracy,
    f1,
    kappa,
    mcc,
    precision_recall,
    top_k_accuracy,
)

metrics: Any = typed_metrics  # its annotations say less than it takes

pairs = st.integers(1, 50).flatmap(
    lambda n: st.tuples(
        st.lists(st.integers(0, 4), min_size=n, max_size=n),
        st.lists(st.integers(0, 4), min_size=n, max_size=n),
    )
)


def test_f1_gives_the_printed_means():
    # scikit-learn's f1_score docstring
    found = f1([0, 1, 2, 0, 1, 2], [0, 2, 1, 0, 0, 1])
    assert found.per_class == pytest.approx([0.8, 0, 0])
    assert (found.macro, found.micro, found.weighted) == pytest.approx(
        (0.8 / 3, 1 / 3, 0.8 / 3), abs=1e-12
    )
    assert f1([0, 1, 2, 0, 1, 2], [0, 2, 1, 0, 0, 1], average="macro") == found.macro
    assert f1([0, 1], [0, 1], average="per_class").tolist() == [1, 1]


def test_binary_figures_are_those_of_mlxtends_test_scoring():
    label, predicted = [1, 1, 1, 0, 0, 1, 0, 1], [1, 0, 1, 0, 0, 0, 1, 1]
    each = precision_recall(label, predicted)
    assert (each.precision[1], each.recall[1], each.specificity[1]) == pytest.approx(
        (0.75, 0.6, 0.667), abs=6e-4
    )
    assert f1(label, predicted, average="binary") == pytest.approx(0.667, abs=6e-4)
    assert mcc(label, predicted) == pytest.approx(0.258, abs=6e-4)
    three = balanced_accuracy([0, 0, 0, 1, 1, 1, 1, 1, 2, 2], [0, 1, 1, 0, 1, 1, 2, 2, 2, 2])
    assert three == pytest.approx(0.578, abs=6e-4)


def test_a_class_that_nobody_has_or_predicts_is_marked_undefined():
    nothing = [0] * 6
    assert f1(nothing, nothing, average="binary") == 0
    assert math.isnan(f1(nothing, nothing, average="binary", zero_division=math.nan))
    found = f1(nothing, nothing, num_classes=2)
    assert found.defined.tolist() == [True, False]
    assert (found.per_class.tolist(), found.macro) == ([1, 0], 0.5)
    assert f1(nothing, nothing, num_classes=2, zero_division=math.nan).macro == 1
    assert f1(nothing, nothing).macro == 1
    assert math.isnan(precision_recall([0, 1], [0, 0]).precision[1])
    assert math.isnan(precision_recall([0, 0], [0, 1]).recall[1])


def test_mcc_gives_the_docstring_figure_and_zero_for_an_empty_column():
    assert mcc([1, 1, 1, -1], [1, -1, 1, 1]) == pytest.approx(-1 / 3)
    assert mcc([1] * 5, [0, 0, 1, 1, 1]) == 0
    assert mcc([0, 0, 1, 1, 1], [1] * 5) == 0


@settings(max_examples=25)
@given(pairs.filter(lambda drawn: len({*drawn[0], *drawn[1]}) > 1))
def test_scikit_learn_gives_the_same(drawn):
    label, predicted = drawn
    found = f1(label, predicted)
    for average in ("macro", "micro", "weighted"):
        assert getattr(found, average) == pytest.approx(
            metrics.f1_score(label, predicted, average=average, zero_division=0)
        )
    assert found.per_class == pytest.approx(
        metrics.f1_score(label, predicted, average=None, zero_division=0)
    )
    assert mcc(label, predicted) == pytest.approx(
        metrics.matthews_corrcoef(label, predicted), abs=1e-12
    )
    assert accuracy(label, predicted) == pytest.approx(metrics.accuracy_score(label, predicted))
    present = np.unique(label)
    recalls = metrics.recall_score(label, predicted, labels=present, average=None)
    assert balanced_accuracy(label, predicted) == pytest.approx(np.mean(recalls))


@given(pairs)
def test_other_names_for_the_classes_change_nothing(drawn):
    label, predicted = drawn
    names = np.array(["ant", "bee", "cat", "dog", "eel"])
    assert mcc(names[label], names[predicted]) == mcc(label, predicted)
    assert f1(names[label], names[predicted]).macro == pytest.approx(f1(label, predicted).macro)
    far = np.array([-5, 7, 100_000, 100_001, 100_002])
    assert f1(far[label], far[predicted]).macro == pytest.approx(f1(label, predicted).macro)
    assert f1(np.array(label, float), np.array(predicted, float)).macro == pytest.approx(
        f1(label, predicted).macro
    )


@given(pairs)
def test_doubling_every_example_changes_no_estimate(drawn):
    label, predicted = drawn
    assert f1(label * 2, predicted * 2).weighted == pytest.approx(f1(label, predicted).weighted)
    assert mcc(label * 2, predicted * 2) == pytest.approx(mcc(label, predicted), abs=1e-12)


def test_top_k_counts_a_tie_at_the_edge_for_the_label():
    # scikit-learn's top_k_accuracy_score docstring
    scores = [[0.5, 0.2, 0.2], [0.3, 0.4, 0.2], [0.2, 0.4, 0.3], [0.7, 0.2, 0.1]]
    assert top_k_accuracy([0, 1, 2, 2], scores, 2) == 0.75
    assert top_k_accuracy([0, 1, 2, 2], scores, 3) == 1
    with pytest.raises(ValueError, match="Expected k from 1 to 3; got 4"):
        top_k_accuracy([0, 1, 2, 2], scores, 4)


def test_weighted_kappa_gives_what_sas_prints():
    # statsmodels' test_inter_rater.py, computed with SAS
    found = kappa([[0, 4, 1], [0, 8, 0], [0, 1, 5]], weights="linear")
    figures = (found.estimate, found.se, found.low, found.high, found.se_null, found.z)
    expected = (0.4701, 0.1457, 0.1845, 0.7558, 0.1426, 3.2971)
    assert figures == pytest.approx(expected, abs=6e-5)


def test_kappa_gives_scikit_learns_docstring_figure():
    # ("neg", "pos", "neg", "neu", "pos") against ("neg", "pos", "neg", "neu", "neg")
    assert kappa([[2, 0, 0], [0, 1, 0], [1, 0, 1]]).estimate == pytest.approx(0.6875)


@pytest.mark.parametrize("weights", [None, "linear", "quadratic"])
def test_kappa_agrees_with_scikit_learn(weights):
    rng = np.random.default_rng(0)
    first = rng.integers(0, 4, 300)
    second = np.where(rng.random(300) < 0.5, first, rng.integers(0, 4, 300))
    table = metrics.confusion_matrix(first, second)
    assert kappa(table, weights=weights).estimate == pytest.approx(
        metrics.cohen_kappa_score(first, second, weights=weights)
    )


def test_kappa_of_one_class_is_not_defined_and_of_full_agreement_one():
    assert math.isnan(kappa([[5, 0], [0, 0]]).estimate)
    perfect = kappa([[5, 0], [0, 4]])
    assert (perfect.estimate, perfect.se) == pytest.approx((1, 0))
    with pytest.raises(ValueError, match="Expected at least one example"):
        kappa([[0, 0], [0, 0]])
    with pytest.raises(ValueError, match="Expected weights"):
        kappa([[1, 2], [3, 4]], weights="cubic")  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize(
    ("label", "predicted", "message"),
    [
        ([], [], "Expected at least one example"),
        ([0, 1], [0], "Expected predicted to have 2 entries; got 1"),
        ([0.0, math.nan], [0, 1], "Expected label without NaN"),
    ],
)
def test_input_that_cannot_be_meant_is_named(label, predicted, message):
    with pytest.raises(ValueError, match=message):
        f1(label, predicted)


def test_labels_outside_the_label_table_are_named():
    with pytest.raises(ValueError, match="Expected labels from 0 to 1; got 2"):
        f1([0, 2], [0, 1], num_classes=2)
    with pytest.raises(ValueError, match="Expected average in"):
        f1([0, 1], [0, 1], average="mean")  # pyright: ignore[reportCallIssue, reportArgumentType]


def test_a_thousand_classes_are_no_trouble():
    rng = np.random.default_rng(0)
    label = rng.integers(0, 1000, 20_000)
    predicted = np.where(rng.random(20_000) < 0.8, label, rng.integers(0, 1000, 20_000))
    assert f1(label, predicted, num_classes=1000).macro == pytest.approx(
        metrics.f1_score(label, predicted, average="macro")
    )
