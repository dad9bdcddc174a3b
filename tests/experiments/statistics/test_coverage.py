"""Do 95 % intervals hold the truth 95 % of the time? Simulations; README names the sizes.

Models are Gaussian scores that share part of their error. The truth comes from one sample of a
million examples, whose own error is a thirtieth of the interval's at most. `pytest -rP` shows the
coverages found.
"""

import math
from functools import cache

import numpy as np
import pytest

from experiments.statistics import (
    could_be_best,
    difference_table,
    influence_covariance,
    influences,
    max_t_intervals,
    metric_interval,
    paired_difference,
    seeds_and_examples,
    selection_optimism,
)

METRICS = ["accuracy", "f1", "mcc", "balanced_accuracy", "roc_auc", "average_precision", "brier"]
LARGE = 1_000_000


def examples(n, positives, rng):
    """Label and two models' probabilities; the first model is somewhat better."""
    label = (rng.random(n) < positives).astype(int)
    shared = rng.normal(size=n)
    scores = [
        strength * (2 * label - 1) + 0.77 * shared + 0.64 * rng.normal(size=n)
        for strength in (0.9, 0.8)
    ]
    prior = math.log(positives / (1 - positives))
    return label, [1 / (1 + np.exp(-(2 * score * 0.9 + prior))) for score in scores]


def classes(n, rng):
    """Label of four classes, the rarest 3 %, and two models' predicted classes."""
    label = rng.choice(4, n, p=[0.55, 0.30, 0.12, 0.03])
    hard = rng.random(n)
    models = [
        np.where(0.6 * hard + 0.4 * rng.random(n) < share, label, rng.integers(0, 4, n))
        for share in (0.62, 0.60)
    ]
    return label, models


@cache
def truth(positives):
    label, models = examples(LARGE, positives, np.random.default_rng(99))
    found = influences(METRICS, label, models)
    return {m: float(found[m].estimate[0] - found[m].estimate[1]) for m in METRICS}


def coverage(n, positives, repetitions, seed=1):
    rng, expected = np.random.default_rng(seed), truth(positives)
    held = dict.fromkeys(METRICS, 0)
    for _ in range(repetitions):
        label, models = examples(n, positives, rng)
        table = difference_table(METRICS, label, models[::-1])
        for metric in METRICS:
            found = table[metric].differences[0]
            held[metric] += found.low <= expected[metric] <= found.high
    return {metric: count / repetitions for metric, count in held.items()}


def test_differences_are_covered_in_a_short_simulation():
    for metric, share in coverage(500, 0.3, 120).items():
        assert share > 0.88, metric


@pytest.mark.exhaustive
@pytest.mark.parametrize(
    ("n", "positives"), [(200, 0.5), (500, 0.2), (1000, 0.1), (2000, 0.1), (5000, 0.5)]
)
def test_differences_are_covered_at_95_percent(n, positives):
    found = coverage(n, positives, 1500)
    print("coverage", found)
    assert all(0.93 <= share <= 0.97 for share in found.values()), found


@pytest.mark.exhaustive
@pytest.mark.parametrize("n", [1000, 3000])
def test_macro_f1_of_unequal_classes_is_covered_at_95_percent(n):
    rng = np.random.default_rng(1)
    label, models = classes(LARGE, np.random.default_rng(98))
    values = influences(["macro_f1"], label, models)["macro_f1"].estimate
    held = 0
    for _ in range(1500):
        label, models = classes(n, rng)
        found = paired_difference("macro_f1", label, *models)
        held += found.low <= values[0] - values[1] <= found.high
    print("coverage", held / 1500)
    assert 0.93 <= held / 1500 <= 0.97


@pytest.mark.exhaustive
@pytest.mark.parametrize("metric", METRICS)
def test_single_metrics_are_covered_at_95_percent(metric):
    rng = np.random.default_rng(1)
    label, models = examples(LARGE, 0.1, np.random.default_rng(99))
    value = influences([metric], label, models[:1])[metric].estimate[0]
    held = 0
    for _ in range(1500):
        label, models = examples(1000, 0.1, rng)
        found = metric_interval(metric, label, models[0])
        held += found.low <= value <= found.high
    print("coverage", held / 1500)
    assert 0.93 <= held / 1500 <= 0.97


@pytest.mark.exhaustive
@pytest.mark.parametrize(("groups", "size"), [(50, 40), (200, 10), (15, 100)])
def test_grouped_examples_are_covered_at_95_percent(groups, size):
    rng = np.random.default_rng(1)
    index, held = np.repeat(np.arange(groups), size), 0
    for _ in range(1500):
        label = np.ones(groups * size, int)
        effect = rng.normal(size=(2, groups))
        a, b = (
            (0.8 + 0.65 * effect[k, index] + 0.76 * rng.normal(size=len(label)) > 0).astype(int)
            for k in range(2)
        )
        found = paired_difference("accuracy", label, a, b, group=index)
        held += found.low <= 0 <= found.high
    print("coverage", held / 1500)
    assert 0.93 <= held / 1500 <= 0.97


def seed_coverage(seeds, spread, repetitions, unbiased=False):
    rng = np.random.default_rng(1)
    held = 0
    for _ in range(repetitions):
        hard = rng.normal(size=1000)
        a, b = (
            (1.2 + spread * rng.normal(size=(seeds, 1)) + 0.8 * hard
             + 0.4 * rng.normal(size=1000) + 0.4 * rng.normal(size=(seeds, 1000)) > 0)
            .astype(float)
            for _ in range(2)
        )  # fmt: skip
        found = seeds_and_examples(a, b, unbiased=unbiased)
        held += found.low <= 0 <= found.high
    return held / repetitions


def test_recipes_are_covered_in_a_short_simulation():
    assert seed_coverage(3, 0.15, 100) > 0.88


@pytest.mark.exhaustive
@pytest.mark.parametrize(
    ("seeds", "spread"), [(2, 0.05), (3, 0.05), (3, 0.15), (5, 0.05), (5, 0.15), (10, 0.15)]
)
def test_recipes_are_covered_at_95_percent_or_a_little_more(seeds, spread):
    found = seed_coverage(seeds, spread, 1500)
    print("coverage", found)
    assert 0.93 <= found <= 0.985


def winners(k, n, repetitions, seed=1):
    """How often simultaneous intervals all hold 0, and the best is a member, for equal models."""
    rng = np.random.default_rng(seed)
    together, members, named = 0, 0, 0
    for i in range(repetitions):
        shared = rng.normal(size=(n, 1))
        hits = (1.28 + 0.77 * shared + 0.64 * rng.normal(size=(n, k)) > 0).astype(float)
        means = hits.mean(axis=0)
        covariance = influence_covariance(hits - means)
        found = max_t_intervals(means, covariance, draws=5000, seed=i)
        together += all(d.low <= 0 <= d.high for d in found.intervals)
        best = could_be_best(means, covariance, draws=2000, seed=i)
        members += bool(best.member[0])
        named += 1
    return together / named, members / named


def test_the_best_of_many_is_not_announced_too_often_in_a_short_simulation():
    together, member = winners(8, 500, 100)
    assert together > 0.88
    assert member > 0.88


@pytest.mark.exhaustive
@pytest.mark.parametrize("k", [5, 10, 20])
def test_simultaneous_intervals_hold_together_at_95_percent(k):
    together, member = winners(k, 2000, 1000)
    print("coverage", {"together": together, "best is a member": member})
    assert 0.93 <= together <= 0.97
    assert member >= 0.93


@pytest.mark.exhaustive
def test_the_optimism_of_the_best_of_twenty_is_removed():
    rng = np.random.default_rng(1)
    apparent, corrected = [], []
    for seed in range(100):
        shared = rng.normal(size=(2000, 1))
        hits = (1.28 + 0.77 * shared + 0.64 * rng.normal(size=(2000, 20)) > 0).astype(float)
        found = selection_optimism(hits, resamples=200, seed=seed)
        apparent.append(found.apparent)
        corrected.append(found.estimate)
    true = 0.8997  # P(Z > -1.28 / sqrt(0.77² + 0.64²))
    print("optimism", [np.mean(apparent) - true, np.mean(corrected) - true])
    assert np.mean(apparent) - true > 0.005
    assert abs(np.mean(corrected) - true) < 0.002
