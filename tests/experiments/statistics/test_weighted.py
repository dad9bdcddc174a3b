"""The exact bootstrap by weights is the bootstrap of examples."""

import math

import numpy as np
import pytest

from experiments.statistics import LABEL_METRICS, bootstrap_metrics, influences, paired_difference

NAMES = [metric for metric in LABEL_METRICS if metric not in {"mae", "mse", "r2", "rmse"}]
MULTICLASS = [
    metric for metric in NAMES if metric not in {"f1", "precision", "recall", "specificity"}
]


def binary_case(n, ties):
    rng = np.random.default_rng(0)
    label = (rng.random(n) < 0.4).astype(int)
    models = [np.clip(0.3 * label + 0.7 * rng.random(n), 0.01, 0.99) for _ in range(2)]
    return label, [np.round(model, 1) if ties else model for model in models]


def resampled(names, label, models, rows):
    found = influences(names, label[rows], [model[rows] for model in models])
    return {name: found[name].estimate for name in names}


@pytest.mark.parametrize("ties", [False, True])
def test_weights_give_what_evaluating_the_drawn_examples_gives(ties):
    label, models = binary_case(60, ties)
    draws = bootstrap_metrics(NAMES, label, models, resamples=20, seed=5)
    rng = np.random.Generator(np.random.PCG64(5))
    for i in range(20):
        expected = resampled(NAMES, label, models, rng.integers(0, 60, 60))
        for name in NAMES:
            assert draws[name][i] == pytest.approx(expected[name], abs=1e-12), name


def test_several_classes_and_groups_are_drawn_the_same_way():
    rng = np.random.default_rng(1)
    label, models = rng.integers(0, 3, 90), [rng.dirichlet(np.ones(3), 90) for _ in range(2)]
    group = np.arange(90) // 3
    draws = bootstrap_metrics(MULTICLASS, label, models, group=group, resamples=10, seed=2)
    rng = np.random.Generator(np.random.PCG64(2))
    for i in range(10):
        rows = (rng.integers(0, 30, 30)[:, None] * 3 + np.arange(3)).ravel()
        expected = resampled(MULTICLASS, label, models, rows)
        for name in MULTICLASS:
            assert draws[name][i] == pytest.approx(expected[name], abs=1e-12), name


def test_its_spread_is_that_of_the_influence_values():
    label, models = binary_case(400, ties=False)
    draws = bootstrap_metrics(NAMES, label, models, resamples=400)
    for name in NAMES:
        spread = (draws[name][:, 0] - draws[name][:, 1]).std()
        assert spread == pytest.approx(paired_difference(name, label, *models).se, rel=0.15), name


def test_a_resample_of_one_class_is_nan():
    draws = bootstrap_metrics(["roc_auc", "average_precision"], [0, 1], [[0.1, 0.9]], resamples=50)
    assert 0 < np.isnan(draws["roc_auc"]).sum() < 50
    assert set(draws["roc_auc"][~np.isnan(draws["roc_auc"])]) == {1.0}
    assert not math.isnan(np.nanmean(draws["average_precision"]))


def test_input_that_cannot_be_meant_is_named():
    with pytest.raises(
        ValueError, match="Expected a metric of classes, scores, lists or texts; got 'mse'"
    ):
        bootstrap_metrics(["mse"], [0, 1], [[0.1, 0.9]])
    with pytest.raises(ValueError, match="Expected at least one model"):
        bootstrap_metrics(["brier"], [0, 1], [])
