"""What the reduction of curves keeps, and what the bands say."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from store.m4 import BandKind, bands, last_write_wins, m4

VALUES = st.one_of(
    st.floats(-1e300, 1e300),
    st.sampled_from([0.0, 1.0, np.nan, np.inf, -np.inf]),
    st.integers(-3, 3),
)


@st.composite
def curves(draw):
    values = draw(st.lists(VALUES, min_size=0, max_size=120))
    steps = draw(
        st.lists(
            st.sampled_from([0.0, 0.1, 1.0, 1.0, 50.0]), min_size=len(values), max_size=len(values)
        )
    )
    x = np.cumsum(np.array(steps, dtype=np.float64))
    lo = draw(st.floats(-10, 500))
    hi = draw(st.one_of(st.just(np.inf), st.floats(lo, 5_000)))
    return x, np.array(values, dtype=np.float64), lo, hi, draw(st.integers(1, 8))


def columns_of(x, lo, hi, width):
    """Pixel column of each x, computed point by point."""
    edges = lo * (1 - np.arange(1, width) / width) + hi * (np.arange(1, width) / width)
    return np.searchsorted(np.maximum.accumulate(edges), x, "right")


@settings(max_examples=300)
@given(curves())
def test_every_column_keeps_its_first_last_lowest_highest_and_gap_points(curve):
    x, y, lo, hi, width = curve
    kept = m4(x, y, lo, hi, width)
    inside = np.flatnonzero((x >= lo) & (x <= hi))
    assert kept.dtype == np.int64
    assert (np.diff(kept) > 0).all()
    assert len(kept) <= max(4, 6) * width + 2
    if len(inside) <= 4 * width:
        assert set(inside) <= set(kept)
        return
    column = columns_of(x[inside], lo, x[inside][-1] if hi == np.inf else hi, width)
    for one in np.unique(column):
        all_of, kept_of = inside[column == one], np.intersect1d(inside[column == one], kept)
        assert {all_of[0], all_of[-1]} <= set(kept_of)
        finite, finite_kept = all_of[np.isfinite(y[all_of])], kept_of[np.isfinite(y[kept_of])]
        gaps = all_of[~np.isfinite(y[all_of])]
        if len(finite):
            assert y[finite].min() == y[finite_kept].min()
            assert y[finite].max() == y[finite_kept].max()
        if len(gaps):
            assert {gaps[0], gaps[-1]} <= set(kept_of)


@given(curves())
def test_one_neighbour_on_each_side_lets_lines_reach_the_edges(curve):
    x, y, lo, hi, width = curve
    kept = m4(x, y, lo, hi, width)
    before, after = np.flatnonzero(x < lo), np.flatnonzero(x > hi)
    assert list(kept[x[kept] < lo]) == list(before[-1:])
    assert list(kept[x[kept] > hi]) == list(after[:1])


@given(st.integers(0, 9_999), st.sampled_from([-1e9, 1e9]), st.integers(1, 300), st.booleans())
def test_a_spike_of_one_point_is_always_kept(place, height, width, has_gaps):
    y = np.sin(np.arange(10_000))
    if has_gaps:
        y[::7] = np.nan
    y[place] = height
    assert place in m4(np.arange(10_000.0), y, 0, 9_999, width)


@given(
    st.lists(st.integers(0, 9), min_size=1, max_size=90),
    st.integers(-5, 60),
    st.integers(0, 300),
    st.integers(1, 6),
)
def test_whole_steps_are_cut_where_the_same_floats_are(strides, lo, span, width):
    x = np.cumsum(strides)
    y = np.sin(np.arange(len(x)) * 7.0)
    low, high = lo - 0.25, lo + span + 0.5
    as_floats = m4(x.astype(np.float64), y, low, high, width)
    assert m4(x, y, low, high, width).tolist() == as_floats.tolist()
    everything = m4(x, y, -np.inf, np.inf, width).tolist()
    assert everything == m4(x.astype(np.float64), y, -np.inf, np.inf, width).tolist()


def test_a_long_gap_keeps_both_of_its_ends():
    y = np.ones(10_000)
    y[2_345:6_789] = np.nan
    assert {2_345, 6_788} <= set(m4(np.arange(10_000.0), y, 0, 9_999, 100))


def test_the_far_ends_of_the_number_line_do_not_overflow():
    x = np.linspace(-1.0, 1.0, 1_000) * 1e308
    kept = m4(x, np.arange(1_000.0), -1.7e308, 1.7e308, 10)
    assert {0, 999} <= set(kept)
    assert len(kept) <= 42


@pytest.mark.parametrize("kind", [np.float32, np.int64, np.bool_])
def test_other_kinds_of_values_work(kind):
    y = np.zeros(1_000, dtype=kind)
    y[421] = 1
    assert 421 in m4(np.arange(1_000), y, 0, 999, 5)


def test_small_and_empty_curves_come_back_whole():
    assert m4([], [], 0, 1, 10).tolist() == []
    assert m4([1], [2], 0, 1, 1).tolist() == [0]
    assert m4([1, 2, 9], [1, 2, 3], 3, 4, 1).tolist() == [1, 2]
    assert m4(np.arange(40), np.arange(40), 0, 39, 10).tolist() == list(range(40))
    assert m4(np.arange(41), np.arange(41), 0, 40, 1).tolist() == [0, 40]
    assert m4(np.arange(9), np.full(9, np.nan), 0, 9, 1).tolist() == [0, 8]
    assert m4(np.zeros(9), np.arange(9), 0, 0, 2).tolist() == [0, 8]


@pytest.mark.parametrize(
    "bad",
    [([1], [1, 2], 0, 1, 5), ([1], [1], 0, 1, 0), ([1], [1], 2, 1, 5), ([1], [1], np.nan, 1, 5)],
)
def test_a_window_that_makes_no_sense_is_refused(bad):
    with pytest.raises(ValueError, match="Expected"):
        m4(*bad)


@given(st.lists(st.tuples(st.integers(-5, 5), st.integers(0, 3))))
def test_the_last_arrival_of_each_step_wins(rows):
    steps, walls = [row[0] for row in rows], [row[1] for row in rows]
    latest = {}
    for index in sorted(range(len(rows)), key=lambda i: (walls[i], i)):
        latest[steps[index]] = index
    assert last_write_wins(steps, walls).tolist() == [latest[step] for step in sorted(latest)]


def test_series_with_shared_steps_give_exact_bands():
    rng = np.random.default_rng(0)
    x, y = np.arange(200), rng.normal(size=(5, 200))
    halves: dict[BandKind, np.ndarray] = {
        "std": y.std(axis=0, ddof=1),
        "se": np.asarray(stats.sem(y)),
        "ci95": stats.sem(y) * stats.t.ppf(0.975, 4),
    }
    for kind, half in halves.items():
        result = bands([x] * 5, list(y), 1_000, kind)
        np.testing.assert_array_equal(result.x, x)
        np.testing.assert_allclose(result.mean, y.mean(axis=0))
        np.testing.assert_allclose(result.high - result.mean, half, rtol=1e-6)
        np.testing.assert_allclose(result.mean - result.low, half, rtol=1e-6)
        assert (result.n == 5).all()
    result = bands([x] * 5, list(y), 1_000, "minmax")
    np.testing.assert_array_equal(result.low, y.min(axis=0))
    np.testing.assert_array_equal(result.high, y.max(axis=0))


@pytest.mark.parametrize("count", [*range(2, 30), 100])
def test_the_interval_of_the_mean_is_students(count):
    y = np.random.default_rng(1).normal(size=(count, 1))
    result = bands([[0.0]] * count, list(y), 10, "ci95")
    expected = stats.sem(y[:, 0]) * stats.t.ppf(0.975, count - 1)
    assert result.high[0] - result.mean[0] == pytest.approx(expected, rel=1e-5)


def test_a_run_that_ended_early_leaves_the_others_exact():
    result = bands([[0, 1, 2, 3], [0, 1]], [[1.0, 2, 3, 4], [3.0, 4]], 100, "std")
    assert result.x.tolist() == [0, 1, 2, 3]
    assert result.mean.tolist() == [2, 3, 3, 4]
    assert result.n.tolist() == [2, 2, 1, 1]
    assert np.isnan(result.low[2:]).all()


def test_a_spike_in_a_long_series_shows_in_the_minmax_band():
    y = np.zeros(50_000)
    y[31_234] = 9.0
    result = bands([np.arange(50_000)] * 3, [y, y * 0, y * 0], 500, "minmax")
    assert len(result.x) == 500
    assert result.high.max() == 9.0
    assert result.mean.sum() == pytest.approx(9.0 / 100 / 3)


def test_series_at_different_steps_share_columns():
    even, odd = np.arange(0, 1_000, 2), np.arange(1, 1_000, 2)
    result = bands([even, odd], [np.zeros(500), np.ones(500)], 2_000)
    assert len(result.x) == 500
    np.testing.assert_allclose(result.mean[result.n == 2], 0.5)
    assert (result.n == 2).mean() > 0.9


@given(st.lists(st.lists(VALUES, max_size=20), max_size=4), st.integers(1, 10))
def test_bands_hold_together_for_any_values(series, width):
    result = bands(
        [np.arange(len(y)) for y in series], [np.array(y, float) for y in series], width, "minmax"
    )
    assert len(result.x) <= width
    assert (np.diff(result.x) > 0).all()
    assert np.isfinite(result.low).all()
    assert (result.low <= result.high).all()
    assert (result.n >= 1).all()


@pytest.mark.parametrize(("kind", "width"), [("iqr", 10), ("std", 0)])
def test_an_unknown_band_is_refused(kind, width):
    with pytest.raises(ValueError, match="minmax"):
        bands([], [], width, kind)


def test_nothing_has_an_empty_band():
    assert len(bands([], [], 10).x) == 0
