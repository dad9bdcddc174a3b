"""Bootstrap, jackknife and the optimism of a choice."""

import math

import numpy as np
import pytest

from experiments.statistics import bootstrap, influence, jackknife_se, selection_optimism

# scipy's test_bootstrap_against_R: the R package boot with 1,000,000 resamples
R_BOOT = np.array([10, 12, 12.5, 12.5, 13.9, 15, 21, 22, 23, 34, 50, 81, 89, 121, 134, 213])


@pytest.mark.parametrize(
    ("method", "low", "high"),
    [("basic", 23.77, 79.12), ("percentile", 28.86, 84.21), ("bca", 32.31, 91.43)],
)
def test_bootstrap_intervals_are_those_of_rs_boot(method, low, high):
    found = bootstrap(R_BOOT, np.mean, method=method, resamples=20_000)
    assert (found.low, found.high) == pytest.approx((low, high), rel=0.015)
    assert found.estimate == R_BOOT.mean()
    assert found.se == pytest.approx(R_BOOT.std() / 4, rel=0.02)
    assert (found.resamples, found.generator) == (20_000, "PCG64")


def test_the_influence_values_stand_in_for_the_jackknife():
    plain = bootstrap(R_BOOT, np.mean, resamples=500)
    free = bootstrap(R_BOOT, np.mean, resamples=500, influence=R_BOOT - R_BOOT.mean())
    assert (free.low, free.high) == pytest.approx((plain.low, plain.high))


def test_the_bootstrap_repeats_with_its_seed():
    one, same, other = (bootstrap(R_BOOT, np.mean, resamples=200, seed=s) for s in (1, 1, 2))
    assert one == same
    assert one.low != other.low


def test_paired_arrays_are_drawn_together_and_influence_agrees():
    rng = np.random.default_rng(0)
    label = (rng.random(300) < 0.4).astype(int)
    score = label + rng.normal(size=300)

    def area(y, s):
        return influence("roc_auc", y, s).estimate

    found = bootstrap((label, score), area, resamples=300)
    values = influence("roc_auc", label, score).values
    assert found.se == pytest.approx(math.sqrt((values**2).sum()) / 300, rel=0.15)
    assert found.low < found.estimate < found.high


def test_undefined_resamples_are_left_out_and_an_undefined_statistic_is_nan():
    def mean_of_positive(values):
        kept = values[values > 0]
        return kept.mean() if len(kept) else math.nan

    found = bootstrap(np.array([-1.0, -2.0, 3.0]), mean_of_positive, resamples=200)
    assert found.resamples < 200
    nothing = bootstrap(np.array([-1.0, -2.0]), mean_of_positive, resamples=20)
    assert math.isnan(nothing.low)
    constant = bootstrap(np.ones(5), np.mean, resamples=50)
    assert (constant.low, constant.high, constant.se) == (1, 1, 0)


def test_whole_groups_are_drawn():
    rng = np.random.default_rng(0)
    centre = rng.normal(size=40)
    group = np.repeat(np.arange(40), 10)
    grouped = bootstrap(centre[group], np.mean, group=group, resamples=500)
    naive = bootstrap(centre[group], np.mean, resamples=500)
    assert grouped.se == pytest.approx(naive.se * math.sqrt(10), rel=0.15)


def test_a_long_sample_is_jackknifed_by_blocks():
    values = np.random.default_rng(0).exponential(size=3000)
    found = bootstrap(values, np.mean, resamples=400)
    free = bootstrap(values, np.mean, resamples=400, influence=values - values.mean())
    assert (found.low, found.high) == pytest.approx((free.low, free.high), rel=0.01)


def test_bootstrap_options_are_checked():
    with pytest.raises(ValueError, match="Expected method"):
        bootstrap(R_BOOT, np.mean, method="t")  # pyright: ignore[reportArgumentType]
    with pytest.raises(ValueError, match="Expected at least one example"):
        bootstrap([], np.mean)
    with pytest.raises(ValueError, match="Expected data to have 2 entries; got 1"):
        bootstrap(([1.0, 2.0], [1.0]), np.mean)


def test_the_jackknife_of_the_law_school_correlation():
    # Efron & Tibshirani 1993: r = 0.776, jackknife standard error 0.1425
    lsat = [576, 635, 558, 578, 666, 580, 555, 661, 651, 605, 653, 575, 545, 572, 594]
    gpa = [
        3.39, 3.30, 2.81, 3.03, 3.44, 3.07, 3.00, 3.43, 3.36, 3.13, 3.12, 2.74, 2.76, 2.88, 2.96,
    ]  # fmt: skip

    def correlation(a, b):
        return np.corrcoef(a, b)[0, 1]

    assert correlation(lsat, gpa) == pytest.approx(0.776, abs=6e-4)
    assert jackknife_se((lsat, gpa), correlation) == pytest.approx(0.1425, abs=6e-4)
    assert math.isnan(jackknife_se([1.0], np.mean))


def test_picking_among_equals_looks_too_good_and_is_corrected():
    rng = np.random.default_rng(0)
    gaps, optimism = [], []
    for seed in range(20):
        hits = (rng.random((500, 10)) < 0.8).astype(float)
        found = selection_optimism(hits, resamples=200, seed=seed)
        gaps.append((found.apparent - 0.8, found.estimate - 0.8))
        optimism.append(found.optimism)
    apparent, corrected = np.mean(gaps, axis=0)
    assert apparent > 0.02
    assert abs(corrected) < 0.01
    assert np.mean(optimism) > 0.015


def test_a_clear_winner_has_no_optimism_to_speak_of():
    rng = np.random.default_rng(0)
    loss = rng.random((400, 3)) + np.array([0.0, 0.5, 0.5])
    found = selection_optimism(loss, goal="min", resamples=200)
    assert found.winner == 0
    assert found.win_share.tolist() == [1, 0, 0]
    assert found.optimism == pytest.approx(0, abs=0.005)
    assert found.low < found.estimate < found.high
    alone = selection_optimism(loss[:, :1], goal="min", resamples=50)
    assert alone.optimism == 0


def test_selection_with_groups_and_with_one_example():
    rng = np.random.default_rng(0)
    hits = rng.random((60, 3))
    grouped = selection_optimism(hits, group=np.arange(60) // 6, resamples=50)
    assert grouped.low < grouped.high
    assert math.isnan(selection_optimism(hits[:1], resamples=10).estimate)
    with pytest.raises(ValueError, match="Expected contributions without NaN"):
        selection_optimism([[math.nan, 1.0]])
