"""Numbers, spans and times as people read them."""

import math
from datetime import UTC, datetime, timedelta

import pytest

from dashboard import formats

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.905312, "0.9053"),
        (12.3456, "12.35"),
        (1234.5, "1,234"),
        (1_234_567, "1,234,567"),
        (0.00001234, "1.234e-5"),
        (-0.5, "\N{MINUS SIGN}0.5000"),
        (0.0, "0"),
        (math.nan, "NaN"),
        (math.inf, "∞"),
        (None, "\N{EN DASH}"),
    ],
)
def test_a_number_has_four_significant_digits(value, text):
    assert formats.number(value) == text


def test_a_column_gets_the_decimals_of_its_largest_value():
    assert formats.decimals([0.91, 0.8999, None]) == 4
    assert formats.decimals([12.3, 4.5]) == 2
    assert formats.decimals([1e-6, 0.5]) is None
    assert formats.decimals([math.nan]) == 0


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.032, "32 ms"),
        (4.21, "4.2 s"),
        (59, "59 s"),
        (192, "3 min 12 s"),
        (7_500, "2 h 05 min"),
        (300_000, "3 d 11 h"),
        (None, "\N{EN DASH}"),
    ],
)
def test_a_span_is_said_in_its_two_largest_units(seconds, text):
    assert formats.duration(seconds) == text


def test_a_time_is_told_in_the_viewers_zone():
    assert formats.moment(NOON.replace(tzinfo=None), "Asia/Tokyo", now=NOON) == "today 21:00"
    assert formats.moment(NOON, "UTC", now=NOON + timedelta(days=3)) == "22 Nov, 12:00"
    assert formats.moment(NOON, "UTC", now=NOON + timedelta(days=400)) == "22 Nov 2026"
    assert formats.moment(NOON, "Mars/Olympus", now=NOON) == "today 12:00"


@pytest.mark.parametrize(
    ("back_s", "text"), [(5, "just now"), (60, "1 minute ago"), (7_300, "2 hours ago")]
)
def test_the_past_is_told_roughly(back_s, text):
    assert formats.ago(NOON - timedelta(seconds=back_s), now=NOON) == text


def test_parameters_are_written_as_they_were_given():
    assert formats.value(0.001) == "0.001"
    assert formats.value(0.30000000000000004) == "0.3"
    assert formats.value(1e-5) == "1e-5"
    assert formats.value([16, 32]) == "16, 32"
    assert formats.value(True) == "yes"
    assert formats.value(100_000) == "100,000"


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("latency_p95_ms", 121.585, "121.6 ms"),
        ("epoch_s", 3.0109, "3.011 s"),
        ("checkpoint_bytes", 61_236, "61.2 kB"),
        ("size_bytes", math.nan, "NaN"),
        ("parameters", 2833, "2,833"),
        ("ended_by", "epochs", "epochs"),
        ("is_best", True, "yes"),
    ],
)
def test_a_recorded_value_has_the_unit_that_its_name_ends_in(name, value, text):
    assert formats.measure(name, value) == text
