"""Several candidates against a control: corrected, in several metrics, fast enough."""

import math
import time

import numpy as np
import pytest

from experiments.statistics import (
    could_be_best,
    difference_table,
    metric_goal,
    paired_difference,
)

METRICS = ["accuracy", "macro_f1", "mcc", "roc_auc", "average_precision", "brier"]


def models(n, k, seed=0):
    rng = np.random.default_rng(seed)
    label = (rng.random(n) < 0.3).astype(int)
    shared = rng.normal(size=n)
    return label, [
        1 / (1 + np.exp(-(2 * label - 1 + 0.8 * shared + 0.7 * rng.normal(size=n))))
        for _ in range(k)
    ]


def test_one_candidate_needs_no_correction():
    label, (control, candidate) = models(500, 2)
    table = difference_table(METRICS, label, [control, candidate])
    for metric in METRICS:
        alone = paired_difference(metric, label, candidate, control)
        both = table[metric].differences[0]
        assert table[metric].critical == pytest.approx(1.959964, abs=1e-6)
        assert (both.estimate, both.low, both.high) == pytest.approx(
            (alone.estimate, alone.low, alone.high)
        )


def test_more_candidates_widen_every_interval():
    label, outputs = models(500, 6)
    table = difference_table(METRICS, label, outputs)
    for metric in METRICS:
        assert len(table[metric].differences) == 5
        for found, candidate in zip(table[metric].differences, outputs[1:], strict=True):
            alone = paired_difference(metric, label, candidate, outputs[0])
            assert found.estimate == pytest.approx(alone.estimate)
            assert found.high - found.low > alone.high - alone.low
    unseen = difference_table(["mcc"], label, outputs, unseen=15)["mcc"]
    assert unseen.critical > table["mcc"].critical


def test_the_same_call_gives_the_same_result_and_the_seed_is_an_argument():
    label, outputs = models(300, 4)
    first, second = (difference_table(METRICS, label, outputs) for _ in range(2))
    assert first["mcc"].differences == second["mcc"].differences
    other = difference_table(METRICS, label, outputs, seed=1)
    assert other["mcc"].critical != first["mcc"].critical
    assert other["mcc"].critical == pytest.approx(first["mcc"].critical, abs=0.02)


def test_a_candidate_that_copies_the_control_is_told_apart_from_the_others():
    label, outputs = models(300, 3)
    found = difference_table(["f1"], label, [*outputs, outputs[0]])["f1"].differences
    assert [d.method for d in found] == ["t", "t", "identical"]


def test_a_metric_that_is_not_defined_says_so_for_every_candidate():
    _, outputs = models(50, 3)
    found = difference_table(["roc_auc", "brier"], np.zeros(50), outputs)
    assert math.isnan(found["roc_auc"].critical)
    assert {d.note for d in found["roc_auc"].differences} == {"all examples are of one class"}
    assert not math.isnan(found["brier"].differences[0].low)


def test_a_control_alone_is_an_error():
    label, outputs = models(50, 1)
    with pytest.raises(ValueError, match="Expected a control among two or more models"):
        difference_table(["brier"], label, outputs)


@pytest.mark.slow
def test_ten_models_of_100_000_examples_take_less_than_a_second_of_cpu():
    label, outputs = models(100_000, 10)
    spent = []
    for _ in range(3):
        start = time.process_time()
        table = difference_table(METRICS, label, outputs)
        for metric in METRICS:
            could_be_best(table[metric].values, table[metric].covariance, goal=metric_goal(metric))
        spent.append(time.process_time() - start)
    assert min(spent) < 1.0
