"""Calibration error, decompositions of scores, reliability curves: printed figures."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.calibration import calibration_curve
from sklearn.isotonic import IsotonicRegression

from experiments.statistics import (
    brier,
    brier_decomposition,
    calibration_error,
    calibration_error_floor,
    corp,
    corp_band,
    log_loss,
    reliability,
    spiegelhalter,
)

forecasts = st.lists(
    st.tuples(st.integers(0, 1), st.integers(0, 10).map(lambda k: k / 10)),
    min_size=1,
    max_size=40,
)


def split(pairs):
    label, chance = (np.array(part) for part in zip(*pairs, strict=True))
    return chance, label


@pytest.mark.parametrize(
    ("probability", "label", "bins", "expected"),
    [
        # torchmetrics' docstrings of binary and multiclass calibration error
        ([0.25, 0.25, 0.55, 0.75, 0.75], [0, 0, 1, 1, 1], 2, (0.29, 0.2918, 0.3167)),
        (
            [[0.25, 0.20, 0.55], [0.55, 0.05, 0.40], [0.10, 0.30, 0.60], [0.90, 0.05, 0.05]],
            [0, 1, 2, 0],
            3,
            (0.2, 0.2082, 0.2333),
        ),
    ],
)
def test_calibration_error_gives_what_torchmetrics_prints(probability, label, bins, expected):
    errors = [
        calibration_error(probability, label, n_bins=bins, norm=norm)
        for norm in ("l1", "l2", "max")
    ]
    assert errors == pytest.approx(expected, abs=6e-5)


def test_calibration_error_gives_the_figures_of_kumar_liang_and_ma():
    # util_test.py of their package verified_calibration, 2019
    chance, label = [0.5, 0.5, 0.5, 0.6, 0.5, 0.6, 0.6, 0.6, 0.6], [0, 1, 0, 1, 0, 1, 1, 1, 0]
    assert calibration_error(chance, label, scheme="distinct") == pytest.approx(2 / 9)
    plain = calibration_error(chance, label, scheme="distinct", norm="l2")
    assert plain == pytest.approx(math.sqrt(0.05))
    assert calibration_error(chance, label, scheme="distinct", norm="l2", debiased=True) < plain
    scores = [
        [0.8, 0.1, 0.1], [0.6, 0.2, 0.2], [0.0, 0.9, 0.1],
        [0.0, 1.0, 0.0], [0.3, 0.3, 0.4], [0.2, 0.0, 0.85],
    ]  # fmt: skip
    assert calibration_error(scores, [0, 0, 1, 1, 0, 2], n_bins=3) == pytest.approx(0.075)
    one_class = [calibration_error([0.9, 0.1, 0.3], [y] * 3, n_bins=1) for y in (0, 1)]
    assert one_class == pytest.approx([13 / 30, 17 / 30])


def test_the_reliability_diagram_is_scikit_learns():
    chance = [0.1, 0.2, 0.3, 0.4, 0.65, 0.7, 0.8, 0.9, 1.0]
    label = [0, 0, 0, 0, 1, 1, 1, 1, 1]
    diagram = reliability(chance, label, n_bins=3)
    assert diagram.frequency == pytest.approx([0, 0.5, 1])
    assert diagram.mean_probability == pytest.approx([0.2, 0.525, 0.85])
    assert diagram.count.tolist() == [3, 2, 4]
    assert (diagram.low <= diagram.frequency).all()
    assert (diagram.high >= diagram.frequency).all()


@given(forecasts)
def test_equal_width_bins_agree_with_scikit_learn(pairs):
    chance, label = split(pairs)
    diagram = reliability(chance, label, n_bins=4)
    frequency, mean = calibration_curve(label, chance, n_bins=4)
    assert diagram.frequency == pytest.approx(frequency)
    assert diagram.mean_probability == pytest.approx(mean)


@given(forecasts)
def test_errors_are_ordered_and_bounded_whatever_the_bins(pairs):
    chance, label = split(pairs)
    for scheme in ("width", "mass", "distinct"):
        l1, l2, most = (
            calibration_error(chance, label, norm=norm, scheme=scheme)
            for norm in ("l1", "l2", "max")
        )
        assert -1e-12 <= l1 <= l2 + 1e-9 <= most + 2e-9 <= 1 + 3e-9
        assert (
            calibration_error(chance, label, norm="l2", scheme=scheme, debiased=True) <= l2 + 1e-9
        )


def test_class_wise_error_is_the_mean_over_the_columns():
    rng = np.random.default_rng(0)
    label, scores = rng.integers(0, 3, 200), rng.dirichlet(np.ones(3), 200)
    expected = np.mean([calibration_error(scores[:, c], label == c) for c in range(3)])
    assert calibration_error(scores, label, class_wise=True) == pytest.approx(expected)


def test_the_floor_is_the_error_of_a_calibrated_model():
    rng = np.random.default_rng(0)
    chance = rng.beta(1, 1, 1000)
    drawn = [calibration_error(chance, rng.random(1000) < chance) for _ in range(200)]
    assert calibration_error_floor(chance) == pytest.approx(np.mean(drawn), rel=0.05)


@given(forecasts)
def test_the_parts_of_the_brier_score_add_up(pairs):
    chance, label = split(pairs)
    parts = brier_decomposition(chance, label)
    assert parts.score == pytest.approx(brier(label, chance))
    assert parts.score == pytest.approx(
        parts.reliability - parts.resolution + parts.uncertainty, abs=1e-12
    )
    assert min(parts.reliability, parts.resolution) >= 0


def test_the_skill_score_compares_with_the_base_rate():
    assert brier_decomposition([0.5, 0.5], [0, 1]).skill == 0
    assert brier_decomposition([0, 1], [0, 1]).skill == 1
    assert math.isnan(brier_decomposition([0.5], [1]).skill)


@given(forecasts)
def test_the_corp_curve_is_isotonic_regression_and_its_parts_add_up(pairs):
    chance, label = split(pairs)
    found = corp(chance, label)
    expected = IsotonicRegression().fit(chance, label).predict(found.forecast)
    assert found.recalibrated == pytest.approx(expected)
    assert found.score == pytest.approx(brier(label, chance))
    assert found.score == pytest.approx(found.mcb - found.dsc + found.unc, abs=1e-12)
    assert min(found.miscalibration, found.discrimination) >= -1e-12
    assert found.count.sum() == len(label)


def test_corp_of_the_log_score_and_of_one_class():
    chance, label = np.array([0.2, 0.4, 0.6, 0.9]), np.array([0, 1, 0, 1])
    found = corp(chance, label, score="log")
    assert found.score == pytest.approx(log_loss(label, chance))
    assert found.mcb >= 0
    one = corp(chance, np.ones(4))
    assert (one.discrimination, one.uncertainty) == (0, 0)
    assert one.miscalibration == one.score
    with pytest.raises(ValueError, match="Expected score 'brier' or 'log'"):
        corp(chance, label, score="l1")  # pyright: ignore[reportArgumentType]


def test_three_columns_are_judged_by_their_top_label():
    rng = np.random.default_rng(1)
    scores, label = rng.dirichlet(np.ones(3), 50), rng.integers(0, 3, 50)
    found = corp(scores, label)
    assert found.score == pytest.approx(brier(scores.argmax(axis=1) == label, scores.max(axis=1)))


def test_a_calibrated_curve_lies_in_the_consistency_band():
    rng = np.random.default_rng(0)
    chance = np.round(rng.random(2000), 1)
    band = corp_band(chance, seed=3)
    curve = corp(chance, rng.random(2000) < chance).recalibrated
    assert ((band.low <= curve) & (curve <= band.high)).mean() > 0.7
    assert (band.low == corp_band(chance, seed=3).low).all()


def test_spiegelhalter_accepts_calibrated_and_rejects_overconfident_forecasts():
    rng = np.random.default_rng(0)
    chance = rng.random(4000)
    label = rng.random(4000) < chance
    assert abs(spiegelhalter(chance, label).z) < 3
    sure = np.clip(2 * (chance - 0.5) + 0.5, 0.01, 0.99)
    assert spiegelhalter(sure, label).p < 1e-6
    assert math.isnan(spiegelhalter([0.5, 0.5], [0, 1]).z)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"norm": "l3"}, "Expected norm"),
        ({"debiased": True}, "Expected norm 'l2' when debiased"),
        ({"scheme": "equal"}, "Expected scheme"),
        ({"n_bins": 0}, "Expected n_bins to be a whole number >= 1"),
        ({"class_wise": True}, r"Expected probability of shape \(n, C\)"),
    ],
)
def test_options_that_cannot_be_meant_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        calibration_error([0.1, 0.9], [0, 1], **options)


@given(st.integers(0, 10_000), st.integers(1, 200))
def test_our_isotonic_regression_is_scipys(seed, size):
    from scipy.optimize import isotonic_regression

    from experiments.statistics import recalibration

    generator = np.random.default_rng(seed)
    values = np.round(generator.random(size), generator.integers(1, 4))
    weights = generator.integers(1, 50, size).astype(float)
    expected = isotonic_regression(values, weights=weights).x

    np.testing.assert_allclose(recalibration._isotonic(values, weights), expected, atol=1e-12)


@pytest.mark.parametrize("scheme", ["mass", "width", "distinct"])
@pytest.mark.parametrize("digits", [1, 2, 6])
def test_the_order_of_the_examples_changes_nothing(scheme, digits):
    rng = np.random.default_rng(digits)
    chance = np.round(rng.random(501), digits)
    happened = (rng.random(501) < chance).astype(int)
    order = np.argsort(chance)

    found, ranked = (
        reliability(p, y, scheme=scheme)
        for p, y in ((chance, happened), (chance[order], happened[order]))
    )
    parts = [
        brier_decomposition(p, y) for p, y in ((chance, happened), (chance[order], happened[order]))
    ]

    assert found.count.tolist() == ranked.count.tolist()
    assert found.mean_probability == pytest.approx(ranked.mean_probability)
    assert found.frequency == pytest.approx(ranked.frequency)
    assert parts[0].resolution == pytest.approx(parts[1].resolution)
