"""Seeds and examples together; t-tests against printed figures and scipy."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats as typed_stats

from experiments.statistics import (
    contributions,
    corrected_t,
    influence,
    paired_t,
    rope,
    seeds_and_examples,
    welch,
)

stats: Any = typed_stats  # the results of its t-tests lack their fields

# R's sleep data, help(t.test)
SLEEP_1 = [0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0]
SLEEP_2 = [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4]

# scikit-learn's example "Statistical comparison of models using grid search": 10 x 10 folds of 90
# training and 10 test examples, rbf against linear; each difference with how often it came
FOLDS = np.repeat([-0.12, -0.08, -0.04, 0.0, 0.04, 0.08, 0.2], [1, 2, 10, 53, 29, 4, 1])


def test_welch_gives_what_r_prints():
    test = welch(SLEEP_1, SLEEP_2)
    assert (test.t, test.df, test.p) == pytest.approx((-1.8608, 17.776, 0.07939), abs=6e-4)
    assert (test.low, test.high) == pytest.approx((-3.3654832, 0.2054832), abs=6e-8)


def test_paired_t_gives_what_r_prints():
    test = paired_t(SLEEP_1, SLEEP_2)
    assert (test.t, test.df, test.p) == pytest.approx((-4.0621, 9, 0.002833), abs=6e-5)
    assert (test.low, test.high) == pytest.approx((-2.4598858, -0.7001142), abs=6e-8)


def test_corrected_t_gives_what_baycomp_computes():
    # tests/test_single.py: mean, corrected variance and df of y - x
    test = corrected_t(np.subtract([5, 7, 3], [4, 2, 6]), 0.5)
    assert (test.estimate, test.se**2, test.df) == pytest.approx((1.0, 40 / 3, 2))


def test_corrected_t_and_rope_give_what_scikit_learns_example_prints():
    test, plain = corrected_t(FOLDS, 1 / 9), corrected_t(FOLDS, 0)
    assert (test.t, test.p_greater) == pytest.approx((0.750, 0.227), abs=6e-4)
    assert (plain.t, plain.p_greater) == pytest.approx((2.611, 0.005), abs=6e-4)
    chances = rope(FOLDS, 1 / 9, 0.01)
    assert (chances.below, chances.inside, chances.above) == pytest.approx(
        (0.068, 0.432, 0.500), abs=6e-4
    )
    assert rope(FOLDS, 1 / 9).above == pytest.approx(0.773, abs=6e-4)


samples = st.lists(st.floats(-100, 100), min_size=2, max_size=12).filter(
    lambda values: float(np.var(values)) > 1e-6
)


@given(samples, samples)
def test_t_tests_agree_with_scipy_and_mirror(a, b):
    ours, theirs = welch(a, b), stats.ttest_ind(a, b, equal_var=False)
    assert (ours.t, ours.p) == pytest.approx((theirs.statistic, theirs.pvalue), abs=1e-9)
    interval = theirs.confidence_interval(0.95)
    assert (ours.low, ours.high) == pytest.approx(tuple(interval))
    assert welch(b, a).estimate == pytest.approx(-ours.estimate)
    greater = stats.ttest_ind(a, b, equal_var=False, alternative="greater").pvalue
    assert ours.p_greater == pytest.approx(greater, abs=1e-9)


def test_samples_without_spread_have_a_defined_outcome():
    assert (corrected_t([0.0, 0.0], 0.1).t, corrected_t([0.0, 0.0], 0.1).p) == (0, 1)
    sure = corrected_t([0.1, 0.1, 0.1], 0.1)
    assert (sure.t, sure.p, sure.low) == (math.inf, 0, sure.high)
    assert math.isnan(corrected_t([0.1], 0.1).p)
    assert math.isnan(welch([1.0], [1.0, 2.0]).low)
    chances = rope([0.1, 0.1, 0.1], 0.1, 0.05)
    assert (chances.below, chances.inside, chances.above) == (0, 0, 1)
    assert math.isnan(rope([0.1], 0.1).above)
    with pytest.raises(ValueError, match="Expected test_over_train >= 0"):
        corrected_t([1.0, 2.0], -1)
    with pytest.raises(ValueError, match="Expected margin >= 0"):
        rope([1.0, 2.0], 0.1, -1)


def recipe(seeds, n, spread, rng, ability):
    """Right or wrong per seed and example: some examples are harder, some seeds luckier."""
    luck = spread * rng.normal(size=(seeds, 1))
    return (ability + luck + rng.normal(size=(seeds, n)) > 0).astype(float)


def test_the_variance_is_the_sum_of_examples_and_seeds():
    rng = np.random.default_rng(0)
    hard = rng.normal(size=300)
    a, b = recipe(4, 300, 0.1, rng, 1 - hard), recipe(3, 300, 0.1, rng, 0.8 - hard)
    found = seeds_and_examples(a, b)
    gap = a.mean(axis=0) - b.mean(axis=0)
    examples = gap.var(ddof=1) / 300
    seeds_a, seeds_b = a.mean(axis=1).var(ddof=1) / 4, b.mean(axis=1).var(ddof=1) / 3
    assert found.estimate == pytest.approx(gap.mean())
    assert found.variance_examples == pytest.approx(examples)
    assert found.se**2 == pytest.approx(examples + seeds_a + seeds_b)
    df = found.se**4 / (examples**2 / 299 + seeds_a**2 / 3 + seeds_b**2 / 2)
    assert found.df == pytest.approx(df)
    half = stats.t.ppf(0.975, df) * found.se
    assert (found.low, found.high) == pytest.approx((gap.mean() - half, gap.mean() + half))
    half = stats.t.ppf(0.975, 299) * math.sqrt(examples)
    assert found.examples_only.high == pytest.approx(gap.mean() + half)
    assert found.seed_share == pytest.approx((seeds_a + seeds_b) / found.se**2)
    swapped = seeds_and_examples(b, a)
    assert (swapped.low, swapped.high) == pytest.approx((-found.high, -found.low))
    assert seeds_and_examples(a, b, unbiased=True).se < found.se


def test_the_noise_of_the_test_set_is_taken_out_of_the_seed_spread():
    rng = np.random.default_rng(1)
    hard = rng.normal(size=400)
    still = [
        seeds_and_examples(recipe(6, 400, 0, rng, hard), recipe(6, 400, 0, rng, hard))
        for _ in range(40)
    ]
    true_spread = np.mean([s.seed_spread_a**2 for s in still])
    seen = np.mean([s.variance_seeds_a * 6 for s in still])
    assert seen == pytest.approx(np.mean([s.interaction_a * 6 for s in still]), rel=0.15)
    assert true_spread < seen / 3


def test_one_seed_answers_only_the_artifact_question():
    rng = np.random.default_rng(0)
    a, b = rng.random(50), rng.random((3, 50))
    found = seeds_and_examples(a, b)
    assert math.isnan(found.low)
    assert found.note == "one seed: the recipe is not assessed"
    assert found.examples_only.low < found.estimate < found.examples_only.high
    assert math.isnan(found.seed_spread_a)
    assert not math.isnan(found.seed_spread_b)


def test_seeds_that_agree_on_everything_leave_no_variance():
    same = np.ones((3, 10))
    found = seeds_and_examples(same, same)
    assert (found.low, found.high, found.df) == (0, 0, math.inf)


def test_groups_of_examples_count_once():
    rng = np.random.default_rng(0)
    a, b = (np.repeat(rng.random((3, 40)), 5, axis=1) for _ in range(2))
    plain, grouped = (
        seeds_and_examples(a, b),
        seeds_and_examples(a, b, group=np.repeat(np.arange(40), 5)),
    )
    assert grouped.variance_examples > 4 * plain.variance_examples
    lonely = seeds_and_examples(a, b, group=np.zeros(200))
    assert math.isnan(lonely.low)


def test_recipes_are_compared_on_the_same_examples():
    with pytest.raises(ValueError, match="Expected the same examples in a and b; got 3 and 4"):
        seeds_and_examples(np.ones((2, 3)), np.ones((2, 4)))
    with pytest.raises(ValueError, match="Expected a without NaN"):
        seeds_and_examples([[math.nan, 1.0]], [[1.0, 1.0]])


def test_contributions_average_to_each_seeds_metric():
    rng = np.random.default_rng(0)
    label = rng.integers(0, 2, 100)
    scores = [np.clip(0.3 * label + 0.7 * rng.random(100), 0, 1) for _ in range(3)]
    for metric in ("roc_auc", "f1", "brier"):
        table = contributions(metric, label, scores)
        assert table.shape == (3, 100)
        expected = [influence(metric, label, s).estimate for s in scores]
        assert table.mean(axis=1) == pytest.approx(expected)
