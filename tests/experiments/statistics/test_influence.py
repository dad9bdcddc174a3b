"""Influence values: numeric derivatives by weight, standard errors, groups."""

import math

import numpy as np
import pytest
from sklearn import metrics

from experiments.statistics import (
    LABEL_METRICS,
    auc_covariance,
    average_precision,
    balanced_accuracy,
    brier,
    f1,
    influence,
    influence_covariance,
    influences,
    kappa,
    log_loss,
    mcc,
    metric_goal,
    roc_auc,
)


def weighted_kappa(label, predicted, sample_weight):
    return metrics.cohen_kappa_score(label, predicted, sample_weight=sample_weight)


def averaged(score, average):
    def call(label, predicted, sample_weight):
        return score(label, predicted, sample_weight=sample_weight, average=average)

    return call


def specificity(label, predicted, sample_weight):
    return metrics.recall_score(label, predicted, sample_weight=sample_weight, pos_label=0)


def r2(label, predicted, sample_weight=None):
    return metrics.r2_score(label, predicted, sample_weight=sample_weight)


CLASS_REFERENCES = {
    "accuracy": metrics.accuracy_score,
    "balanced_accuracy": metrics.balanced_accuracy_score,
    "kappa": weighted_kappa,
    "macro_f1": averaged(metrics.f1_score, "macro"),
    "mcc": metrics.matthews_corrcoef,
    "micro_f1": averaged(metrics.f1_score, "micro"),
    "weighted_f1": averaged(metrics.f1_score, "weighted"),
}
BINARY_REFERENCES = {
    "f1": metrics.f1_score,
    "precision": metrics.precision_score,
    "recall": metrics.recall_score,
    "specificity": specificity,
}
SCORE_REFERENCES = {
    "roc_auc": metrics.roc_auc_score,
    "average_precision": metrics.average_precision_score,
    "brier": metrics.brier_score_loss,
    "log_loss": metrics.log_loss,
}
REGRESSION_REFERENCES = {
    "mae": metrics.mean_absolute_error,
    "mse": metrics.mean_squared_error,
    "rmse": metrics.root_mean_squared_error,
    "r2": r2,
}


def derivative(reference, label, scores, rows, step=1e-4):
    """Differentiate a weighted metric by single weights, times n."""
    n = len(label)
    slopes = []
    for row in rows:
        values = []
        for sign in (1, -1):
            weight = np.ones(n)
            weight[row] += sign * step
            values.append(reference(label, scores, sample_weight=weight))
        slopes.append(n * (values[0] - values[1]) / (2 * step))
    return np.array(slopes)


def binary_case(ties):
    rng = np.random.default_rng(7)
    label = (rng.random(60) < 0.35).astype(int)
    scores = np.clip(0.35 * label + 0.6 * rng.random(60), 0.01, 0.99)
    return label, np.round(scores, 1) if ties else scores


@pytest.mark.parametrize("metric", sorted(SCORE_REFERENCES))
@pytest.mark.parametrize("ties", [False, True])
def test_influence_on_scores_is_the_derivative_by_weight(metric, ties):
    label, scores = binary_case(ties)
    reference = SCORE_REFERENCES[metric]
    found = influence(metric, label, scores)
    assert found.estimate == pytest.approx(reference(label, scores))
    rows = range(0, 60, 3)
    expected = derivative(reference, label, scores, rows)
    assert found.values[::3] == pytest.approx(expected, abs=2e-5)
    assert found.values.mean() == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("metric", sorted(CLASS_REFERENCES | BINARY_REFERENCES))
def test_influence_on_two_classes_is_the_derivative_by_weight(metric):
    label, scores = binary_case(ties=False)
    reference = (CLASS_REFERENCES | BINARY_REFERENCES)[metric]
    predicted = (scores >= 0.5).astype(int)
    found = influence(metric, label, scores)
    assert found.estimate == pytest.approx(reference(label, predicted, sample_weight=None))
    rows = range(0, 60, 3)
    expected = derivative(reference, label, predicted, rows)
    assert found.values[::3] == pytest.approx(expected, abs=2e-5)
    assert (influence(metric, label, predicted).values == found.values).all()


@pytest.mark.parametrize("metric", sorted(CLASS_REFERENCES))
def test_influence_on_four_classes_is_the_derivative_by_weight(metric):
    rng = np.random.default_rng(3)
    label = rng.choice(4, 80, p=[0.5, 0.3, 0.15, 0.05])
    scores = rng.dirichlet(np.ones(4), 80)
    scores[np.arange(80), label] += 0.3
    reference, predicted = CLASS_REFERENCES[metric], scores.argmax(axis=1)
    found = influence(metric, label, scores)
    assert found.estimate == pytest.approx(reference(label, predicted, sample_weight=None))
    expected = derivative(reference, label, predicted, range(0, 80, 4))
    assert found.values[::4] == pytest.approx(expected, abs=2e-5)
    assert found.values.mean() == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("metric", sorted(REGRESSION_REFERENCES))
def test_influence_on_regression_is_the_derivative_by_weight(metric):
    rng = np.random.default_rng(4)
    label = rng.normal(size=40)
    scores = label + rng.normal(scale=0.5, size=40)
    reference = REGRESSION_REFERENCES[metric]
    found = influence(metric, label, scores)
    assert found.estimate == pytest.approx(reference(label, scores))
    expected = derivative(reference, label, scores, range(0, 40, 4))
    assert found.values[::4] == pytest.approx(expected, abs=2e-5)


def test_every_metric_has_a_reference_here():
    tested = [CLASS_REFERENCES, BINARY_REFERENCES, SCORE_REFERENCES, REGRESSION_REFERENCES]
    assert sorted(name for group in tested for name in group) == list(LABEL_METRICS)


def test_estimates_are_those_of_the_plain_functions():
    label, scores = binary_case(ties=True)
    predicted = (scores >= 0.5).astype(int)
    table = metrics.confusion_matrix(label, predicted)
    plain = {
        "roc_auc": roc_auc(label, scores),
        "average_precision": average_precision(label, scores),
        "brier": brier(label, scores),
        "log_loss": log_loss(label, scores),
        "mcc": mcc(label, predicted),
        "balanced_accuracy": balanced_accuracy(label, predicted),
        "macro_f1": f1(label, predicted).macro,
        "kappa": kappa(table).estimate,
    }
    found = influences(list(plain), label, [scores, scores])
    for metric, value in plain.items():
        assert found[metric].estimate == pytest.approx([value, value])


def test_several_classes_rank_each_against_the_rest():
    rng = np.random.default_rng(5)
    label, scores = rng.integers(0, 3, 90), rng.dirichlet(np.ones(3), 90)
    for metric, plain in (("roc_auc", roc_auc), ("average_precision", average_precision)):
        found = influence(metric, label, scores)
        parts = [influence(metric, label == c, scores[:, c]) for c in range(3)]
        assert found.estimate == pytest.approx(plain(label, scores))
        assert found.values == pytest.approx(np.mean([part.values for part in parts], axis=0))
        two = influence(metric, label % 2, scores[:, :2])
        assert two.estimate == plain(label % 2, scores[:, 1])


def test_the_variance_of_an_auc_is_delongs_up_to_n_over_n_minus_1():
    label, scores = binary_case(ties=True)
    found = influence("roc_auc", label, scores)
    m, k = label.sum(), (1 - label).sum()
    placed = auc_covariance(label, scores[:, None]).covariance[0, 0]
    variance = influence_covariance(found.values[:, None])[0, 0]
    assert variance == pytest.approx(placed, rel=2 / min(m, k))


@pytest.mark.parametrize(
    ("metric", "se", "tolerance"),
    # delta method (Takahashi et al. 2022) and the spread of 200,000 bootstrap samples
    [("f1", 0.06619, 0.0012), ("macro_f1", 0.04548, 0.0008)],
)
def test_standard_errors_of_f1_are_those_of_the_delta_method(metric, se, tolerance):
    label = np.repeat([0, 0, 1, 1], [59, 13, 18, 23])
    predicted = np.repeat([0, 1, 0, 1], [59, 13, 18, 23])
    values = influence(metric, label, predicted).values
    found = math.sqrt(influence_covariance(values[:, None])[0, 0])
    assert found == pytest.approx(se, abs=tolerance)


def test_groups_give_the_cluster_robust_variance():
    # G/(G - 1) times the sum of squared group sums over n², written out
    rng = np.random.default_rng(0)
    values = rng.normal(size=(60, 2))
    values -= values.mean(axis=0)
    group = np.repeat(np.arange(12), 5)
    sums = values.reshape(12, 5, 2).sum(axis=1)
    assert influence_covariance(values, group=group) == pytest.approx(
        sums.T @ sums * 12 / 11 / 3600
    )
    names = np.array([f"patient {g}" for g in group])
    assert (influence_covariance(values, group=names)).shape == (2, 2)
    alone = influence_covariance(values, group=np.arange(60))
    assert alone == pytest.approx(influence_covariance(values))
    assert np.isnan(influence_covariance(values, group=np.zeros(60))).all()
    assert np.isnan(influence_covariance(values[:1])).all()


@pytest.mark.parametrize(
    ("metric", "label", "scores"),
    [
        ("roc_auc", [1, 1, 1], [0.1, 0.5, 0.9]),
        ("average_precision", [0, 0, 0], [0.1, 0.5, 0.9]),
        ("f1", [0, 0, 0], [0, 0, 0]),
        ("precision", [0, 1, 0], [0, 0, 0]),
        ("recall", [0, 0, 0], [0, 1, 0]),
        ("specificity", [1, 1], [0, 1]),
        ("kappa", [1, 1], [1, 1]),
        ("r2", [2.0, 2.0, 2.0], [1.0, 2.0, 3.0]),
    ],
)
def test_what_is_not_defined_is_nan(metric, label, scores):
    found = influence(metric, label, scores)
    assert math.isnan(found.estimate)
    assert np.isnan(found.values).all()


def test_mcc_with_an_empty_column_is_zero_without_influence():
    found = influence("mcc", [0, 1, 1, 0], [1, 1, 1, 1])
    assert found.estimate == 0
    assert np.isnan(found.values).all()


def test_equal_scores_rank_like_chance():
    found = influence("roc_auc", [0, 1, 0, 1], [0.3] * 4)
    assert found.estimate == 0.5
    assert found.values == pytest.approx(np.zeros(4))


def test_an_exact_prediction_has_no_error_to_influence():
    found = influence("rmse", [1.0, 2.0], [1.0, 2.0])
    assert found.estimate == 0
    assert (found.values == 0).all()


@pytest.mark.parametrize(
    ("metric", "label", "scores", "message"),
    [
        ("auroc2", [0, 1], [0.1, 0.2], "Expected a metric of accuracy, .*; got 'auroc2'"),
        ("f1", [0, 1, 2], [0, 1, 2], "Expected 2 classes for metric 'f1'; got 3. Use macro_f1"),
        ("accuracy", [0, 2], [0.1, 0.2], "Expected labels 0 and 1; got 2"),
        ("brier", [0, 1], [0.1, 1.2], "Expected probabilities"),
        ("mse", [0.5, 1.0], [0.1, math.inf], "Expected finite scores"),
        ("roc_auc", [0, 1], [0.1, math.nan], "Expected scores without NaN"),
        ("accuracy", [0, 1], [0.1], "Expected scores to have 2 entries; got 1"),
        ("accuracy", [], [], "Expected at least one example"),
    ],
)
def test_input_that_cannot_be_meant_is_named(metric, label, scores, message):
    with pytest.raises(ValueError, match=message):
        influence(metric, label, scores)


def test_models_of_different_kinds_are_not_mixed():
    with pytest.raises(ValueError, match="Expected scores of one shape"):
        influences(["accuracy"], [0, 1], [[0.1, 0.2], [[0.1, 0.9], [0.5, 0.5]]])
    with pytest.raises(ValueError, match="Expected 2 classes in every model"):
        influences(["accuracy"], [0, 1], [np.ones((2, 2)) / 2, np.ones((2, 3)) / 3])
    with pytest.raises(ValueError, match="Expected at least one model"):
        influences(["accuracy"], [0, 1], [])


def test_aliases_and_directions():
    assert influence("auc", [0, 1], [0.1, 0.9]).metric == "roc_auc"
    assert (metric_goal("auc"), metric_goal("brier")) == ("max", "min")


def test_a_threshold_of_its_own_for_each_model():
    label, scores = binary_case(ties=False)
    found = influences(["accuracy"], label, [scores, scores], threshold=[0.3, 0.7])
    expected = [((scores >= cut) == label).mean() for cut in (0.3, 0.7)]
    assert found["accuracy"].estimate == pytest.approx(expected)


def test_single_precision_scores_give_the_same_up_to_rounding():
    label, scores = binary_case(ties=False)
    single = influence("roc_auc", label, scores.astype(np.float32))
    assert single.estimate == influence("roc_auc", label, scores).estimate


def test_a_single_precision_score_reaches_its_threshold():
    scores = np.array([0.7, 0.2], np.float32)
    assert influence("accuracy", [1, 0], scores, threshold=0.7).estimate == 1
