"""Lists of recommendations: textbook cases, scikit-learn's NDCG, and what cannot be meant."""

import math

import numpy as np
import pytest
from sklearn.metrics import ndcg_score

from experiments.statistics import list_values, metric_interval, paired_difference


def hits_at(*places: int, length: int = 10) -> list[int]:
    return [int(place + 1 in places) for place in range(length)]


def test_reciprocal_ranks_of_the_usual_example():
    # "cats", "viruses", "tori" at places 3, 2 and 1: 11/18 (Wikipedia, "Mean reciprocal rank").
    values = list_values("mrr@10", [1, 1, 1], [hits_at(3), hits_at(2), hits_at(1)])

    assert values == pytest.approx([1 / 3, 1 / 2, 1])
    assert values.mean() == pytest.approx(11 / 18)


def test_a_first_hit_beyond_the_cut_counts_nothing():
    assert list_values("mrr@2", [1], [hits_at(3)]) == [0]
    assert list_values("hit_rate@2", [1], [hits_at(3)]) == [0]
    assert list_values("hit_rate@3", [1], [hits_at(3)]) == [1]


def test_discounted_gain_by_hand():
    # Relevant at places 1 and 3, three relevant in all: (1 + 1/2) over (1 + 1/log2(3) + 1/2).
    wanted = 1.5 / (1.5 + 1 / math.log2(3))

    assert list_values("ndcg@10", [3], [hits_at(1, 3)]) == pytest.approx([wanted])
    assert list_values("ndcg@1", [3], [hits_at(1, 3)]) == [1]
    assert list_values("recall@10", [3], [hits_at(1, 3)]) == pytest.approx([2 / 3])


@pytest.mark.parametrize("k", [1, 5, 10])
def test_discounted_gain_agrees_with_scikit_learn(k: int):
    rng = np.random.default_rng(k)
    relevant = rng.random((40, 30)) < 0.2
    relevant[:, 0] |= ~relevant.any(axis=1)
    scores = rng.random((40, 30))
    hits = np.take_along_axis(relevant, np.argsort(-scores, axis=1), axis=1)[:, :20]

    values = list_values(f"ndcg@{k}", relevant.sum(axis=1), hits)

    assert values.mean() == pytest.approx(ndcg_score(relevant, scores, k=k))


def test_users_are_what_the_interval_counts():
    rng = np.random.default_rng(0)
    relevant = rng.integers(1, 5, 300)
    hits = np.zeros((300, 20))
    hits[:, 0] = rng.random(300) < 0.4
    better = hits.copy()
    better[:90, 1] = relevant[:90] > 1

    one = metric_interval("ndcg@10", relevant, hits)
    values = list_values("ndcg@10", relevant, hits)
    difference = paired_difference("ndcg@10", relevant, better, hits)

    assert one.estimate == pytest.approx(values.mean())
    assert one.se == pytest.approx(values.std(ddof=1) / math.sqrt(300))
    assert 0 < difference.low < difference.estimate
    assert difference.n == 300


@pytest.mark.parametrize(
    ("relevant", "hits", "words"),
    [
        ([0], [hits_at()], "at least one relevant item"),
        ([1], [hits_at(1, 2)], "no more hits than relevant items"),
        ([1], [[0.5] * 10], "hits of 0 and 1"),
        ([1], [hits_at(1, length=5)], "lists of 10 places"),
    ],
)
def test_lists_that_cannot_be_meant_are_refused(relevant, hits, words):
    with pytest.raises(ValueError, match=words):
        list_values("ndcg@10", relevant, hits)


def test_a_metric_that_is_not_there_is_named():
    with pytest.raises(ValueError, match="got 'ndcg@99'"):
        list_values("ndcg@99", [1], [hits_at(1)])
