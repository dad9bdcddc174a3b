"""What the evaluation charts draw: bands, thresholds with costs, calibration, lift, residuals."""

import math

import numpy as np
import pyarrow as pa
import pytest

from experiments.evaluating import (
    bands,
    calibration,
    evaluation,
    lift,
    mistakes,
    regression,
    thresholds,
)
from experiments.evaluating.curves import curves
from experiments.evaluating.predicted import Predicted
from experiments.statistics import Interval, brier, net_benefit, net_benefit_treat_all, wilson


def scored(count, seed=0):
    """Return labels drawn from the scores themselves: calibrated."""
    generator = np.random.default_rng(seed)
    score = generator.beta(0.8, 1.5, count)
    return generator.random(count) < score, score


def model(label, scores, classes=("no", "yes"), task="classification"):
    scores = np.asarray(scores, dtype=float)
    return Predicted(
        example_id=pa.chunked_array([[f"e{i}" for i in range(len(label))]]),
        label=np.asarray(label),
        scores=scores[:, None] if scores.ndim == 1 else scores,
        task=task,
        classes=classes,
        group=None,
        slices={},
    )


def test_the_roc_band_holds_the_curve_and_narrows_with_more_examples():
    widths = []
    for count in (200, 20_000):
        positive, score = scored(count)
        curve = evaluation.roc_curve(positive, score)
        band = bands.roc_band(curve, int(positive.sum()), int((~positive).sum()))
        at = np.interp(band.x, curve.false_positive_rate, curve.true_positive_rate)
        assert (band.low <= at + 0.01).all()
        assert (at <= band.high + 0.01).all()
        widths.append(float((band.high - band.low).mean()))

    assert widths[1] < widths[0] / 5


@pytest.mark.slow
def test_the_roc_band_covers_the_true_rates_at_each_threshold():
    generator = np.random.default_rng(1)
    truth = scored(400_000, seed=9)
    cut = 0.5
    true_fpr = float((truth[1][~truth[0]] >= cut).mean())
    true_tpr = float((truth[1][truth[0]] >= cut).mean())
    inside = 0
    rounds = 300
    for seed in generator.integers(0, 10**6, rounds):
        positive, score = scored(300, seed=int(seed))
        curve = evaluation.roc_curve(positive, score)
        band = bands.roc_band(curve, int(positive.sum()), int((~positive).sum()))
        low, high = (float(np.interp(true_fpr, band.x, end)) for end in (band.low, band.high))
        inside += low <= true_tpr <= high

    assert inside / rounds >= 0.93


def test_the_precision_band_is_wilsons():
    positive, score = scored(500)
    curve = evaluation.precision_recall_curve(positive, score)
    band = bands.precision_band(curve, int(positive.sum()))
    place = len(band.x) // 2
    at = int(np.flatnonzero(curve.recall == band.x[place])[-1])
    hits = round(curve.recall[at] * positive.sum())
    limits = wilson(hits, round(hits / curve.precision[at]))

    assert band.low[place] <= curve.precision[at] <= band.high[place]
    assert limits.high - limits.low == pytest.approx(band.high[place] - band.low[place], rel=0.05)


def test_the_curves_of_one_sort_are_those_of_each_alone():
    positive, score = scored(9_000, seed=5)
    kept = curves(positive, score)
    roc = evaluation.roc_curve(positive, score)
    pr = evaluation.precision_recall_curve(positive, score)
    assert kept.roc.area == roc.area
    assert kept.precision_recall.average_precision == pr.average_precision
    assert kept.gain.separation == lift.gain(positive, score).separation
    assert len(kept.roc.threshold) <= 2_001 < len(roc.threshold)
    assert kept.roc_point == bands.operating_point(roc, 0.5)
    assert kept.precision_recall_point == bands.operating_point(pr, 0.5)
    assert (kept.num_positive, kept.num_negative) == (positive.sum(), (~positive).sum())
    along = kept.roc.false_positive_rate + kept.roc.true_positive_rate
    assert (along[0], along[-1]) == (0, 2)
    assert np.diff(along).max() < 0.003
    with pytest.raises(ValueError, match="only one kind"):
        curves(np.ones(3, dtype=bool), np.ones(3))


def test_the_operating_point_is_where_the_threshold_is_reached():
    positive = np.array([True, True, False, False, True])
    score = np.array([0.9, 0.5, 0.5, 0.4, 0.1])
    roc = evaluation.roc_curve(positive, score)
    pr = evaluation.precision_recall_curve(positive, score)

    at = bands.operating_point(roc, 0.5)
    assert (at.x, at.y) == (0.5, pytest.approx(2 / 3))
    assert bands.operating_point(roc, 0.45).x == 0.5
    assert bands.operating_point(roc, 0.95).y == 0
    assert bands.operating_point(pr, 0.5).y == pytest.approx(2 / 3)


def test_a_sweep_counts_what_reaches_each_threshold():
    positive, score = scored(300)
    found = thresholds.sweep(positive, score, size=101)
    place = 37

    called = score >= found.threshold[place]
    assert found.true_positive[place] == (called & positive).sum()
    assert found.false_positive[place] == (called & ~positive).sum()
    assert found.recall[0] == 1
    assert found.accuracy[place] == pytest.approx((called == positive).mean())
    assert found.net_benefit()[place] == pytest.approx(
        net_benefit(positive, score, float(found.threshold[place]))
    )
    assert found.net_benefit_of_all()[place] == pytest.approx(
        net_benefit_treat_all(positive, float(found.threshold[place]))
    )
    assert math.isnan(found.net_benefit()[-1])


def test_a_score_on_a_threshold_reaches_it():
    found = thresholds.sweep(np.array([True, False]), np.array([0.5, 0.0]), size=3)

    assert found.true_positive.tolist() == [1, 1, 0]
    assert found.false_positive.tolist() == [1, 0, 0]


def test_costs_move_the_best_threshold():
    positive, score = scored(20_000)
    found = thresholds.sweep(positive, score)
    dear_misses = thresholds.Prices(false_positive=1, false_negative=9)
    best, low, high = thresholds.cheapest(found, dear_misses)
    at = thresholds.cut(positive, score, 0.1, dear_misses)

    assert dear_misses.threshold == pytest.approx(0.1)
    assert best == pytest.approx(0.1, abs=0.05)
    assert low <= best <= high
    assert at.cost_low < at.cost < at.cost_high
    assert at.cost == pytest.approx((at.false_positive + 9 * at.false_negative) / 20_000)
    assert at.true_positive + at.false_negative == positive.sum()


def test_thresholds_on_strange_input_say_what_is_wrong():
    with pytest.raises(ValueError, match="Expected costs of 0 or more"):
        thresholds.Prices(false_positive=0, false_negative=0)
    with pytest.raises(ValueError, match="probabilities"):
        thresholds.sweep(np.array([True]), np.array([math.nan]))
    with pytest.raises(ValueError, match="at least one"):
        thresholds.sweep(np.zeros(0, bool), np.zeros(0))
    nothing = thresholds.cut(np.zeros(3, bool), np.zeros(3), 0.5, thresholds.Prices())
    assert math.isnan(nothing.recall)
    assert math.isnan(nothing.precision)
    assert nothing.cost == 0


def test_one_class_has_a_sweep_without_recall():
    found = thresholds.sweep(np.zeros(5, bool), np.full(5, 0.3))

    assert np.isnan(found.recall).all()
    assert found.net_benefit()[0] == 0


def test_calibrated_probabilities_are_told_from_sharpened_ones():
    positive, score = scored(3_000)
    honest = calibration.calibration(model(positive.astype(int), score))
    sharp = calibration.calibration(
        model(positive.astype(int), score**3 / (score**3 + (1 - score) ** 3))
    )

    assert isinstance(honest, calibration.Calibration)
    assert isinstance(sharp, calibration.Calibration)
    assert honest.sentence().endswith("which chance alone gives.")
    assert "chance alone gives" in sharp.sentence()
    assert sharp.errors[calibration.ECE] > 3 * honest.errors[calibration.ECE]
    assert honest.bins.count.sum() == 3_000
    parts = honest.curve
    assert parts.score == pytest.approx(brier(positive.astype(int), score), abs=1e-3)
    assert parts.score == pytest.approx(
        parts.miscalibration - parts.discrimination + parts.uncertainty
    )
    assert parts.miscalibration < 0.005  # not that of forecasts which occur once each


def test_calibration_of_many_classes_is_of_the_highest_probability():
    generator = np.random.default_rng(0)
    scores = generator.dirichlet([1, 1, 1], 400)
    label = np.array([generator.choice(3, p=row) for row in scores])
    found = calibration.calibration(model(label, scores, classes=("a", "b", "c")))

    assert isinstance(found, calibration.Calibration)
    assert found.event == "The highest probability"
    assert "ECE, each class by itself" in found.errors


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (model([0, 1], [0.2, 0.9]), "2 examples: calibration is not defined below 30."),
        (model([0, 1] * 50, [2.0, -1.0] * 50), "not probabilities"),
        (model([0, 1] * 50, [math.nan, 0.2] * 50), "or are NaN"),
        (model([0, 1] * 50, np.full((100, 2), 0.3)), "do not add up to 1"),
        (model([0.1, 1.0], [0.2, 0.9], task="regression", classes=None), "these are values"),
    ],
)
def test_calibration_says_why_it_is_not_defined(made, said):
    assert said in calibration.calibration(made)


def test_one_class_and_equal_scores_are_still_calibration():
    found = calibration.calibration(model([1] * 100, [0.7] * 100))

    assert isinstance(found, calibration.Calibration)
    assert found.bins.frequency.tolist() == [1.0]
    assert calibration.widest_gap(found) == (pytest.approx(0.7), 1.0)


def test_gain_and_lift_follow_the_ranking():
    positive = np.array([True, False, True, False])
    perfect = lift.gain(positive, np.array([0.9, 0.1, 0.8, 0.2]))
    constant = lift.gain(positive, np.full(4, 0.5))

    assert perfect.at(0.5) == 1
    assert perfect.lift[2] == pytest.approx(2)
    assert perfect.separation == 1
    assert constant.taken.tolist() == [0, 1]
    assert constant.separation == 0
    with pytest.raises(ValueError, match="only one kind"):
        lift.gain(np.ones(3, bool), np.arange(3.0))


def test_histograms_share_their_bins_and_leave_out_nan():
    found = lift.histogram(np.array([0, 1, 1, 0]), np.array([0.0, 1.0, 0.5, math.nan]), 2, bins=4)

    assert found.counts.tolist() == [[1, 0, 0, 0], [0, 0, 1, 1]]
    assert lift.histogram(np.array([0]), np.array([7.0]), 1, bins=2).counts.sum() == 1


def test_residuals_keep_the_worst_of_many_examples():
    generator = np.random.default_rng(0)
    true = generator.normal(size=20_000)
    predicted = true + 0.1 * generator.normal(size=20_000) + 0.05
    predicted[777] += 50
    found = regression.residuals(true, predicted)

    assert 777 in found.row
    assert len(found.row) <= 3_000
    assert found.counts.sum() == 20_000
    assert found.bias == pytest.approx(float((predicted - true).mean()))
    error = found.metrics["mae"]
    assert isinstance(error, Interval)
    assert error.low < error.estimate < error.high


def test_a_constant_target_has_no_r2_and_nan_is_refused():
    found = regression.residuals(np.ones(20), np.linspace(0, 1, 20))

    assert found.metrics["r2"] == "not defined: all true values are equal"
    with pytest.raises(ValueError, match="1 that are none"):
        regression.residuals(np.ones(2), np.array([1.0, math.nan]))


def test_the_examples_behind_a_cell_come_with_the_surest_first():
    one = model([0, 0, 0, 1], [0.6, 0.9, 0.2, 0.1])

    assert mistakes.in_cell(one, 0, 1).tolist() == [1, 0]
    assert mistakes.mistakes(one).tolist() == [1, 3, 0] or mistakes.mistakes(one)[2] == 0
    assert mistakes.mistakes(one, order="least sure")[0] == 0
    assert mistakes.mistakes(one, within=np.array([True, False, False, False])).tolist() == [0]
    [row] = mistakes.described(one, np.array([1]))
    assert row == {
        "id": "e1", "label": "no", "said": "yes", "score": pytest.approx(0.9),
        "true_score": pytest.approx(0.1),
    }  # fmt: skip


@pytest.mark.parametrize("off", [0.0, 0.1, 1e9])
def test_errors_that_are_all_the_same_still_have_a_histogram(off):
    true = np.random.default_rng(0).normal(size=100)
    assert regression.residuals(true, true + off).counts.sum() == 100


def test_of_a_regression_the_furthest_off_come_first():
    one = model([1.0, 2.0, 3.0], [1.1, 4.0, 3.0], classes=None, task="regression")

    assert mistakes.mistakes(one).tolist() == [1, 0, 2]
    assert mistakes.described(one, np.array([1]))[0]["score"] == pytest.approx(2.0)
