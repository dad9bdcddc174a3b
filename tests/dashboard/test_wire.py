"""The curves' wire format: what goes in comes out, and nonsense is refused in a sentence."""

import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from starlette.datastructures import QueryParams

from dashboard.wire import BadRequestError, CurveQuery, Series, decode, encode

COLUMN = arrays.arrays(np.float64, 7, elements=st.floats(width=64))


@given(x=COLUMN, value=COLUMN, step=st.none() | COLUMN, name=st.text(max_size=8))
def test_what_is_encoded_is_decoded_bit_for_bit(x, value, step, name):
    sent = Series(run="r1", metric=name, x=x, value=value, step=step, is_smooth=True)
    empty = Series(run="r2", metric="m", x=x[:0], value=x[:0])

    (first, second), header = decode(encode([sent, empty], {"version": 7, "running": ["r1"]}))

    assert header == {"version": 7, "running": ["r1"]}
    assert (first.run, first.metric, first.is_smooth) == ("r1", name, True)
    np.testing.assert_array_equal(first.x.view(np.int64), x.view(np.int64))
    np.testing.assert_array_equal(first.value.view(np.int64), value.view(np.int64))
    assert (first.step is None) == (step is None)
    assert second.run == "r2"
    assert len(second.x) == 0


@given(name=st.text(max_size=20))
def test_columns_start_at_a_multiple_of_eight_so_that_typed_arrays_fit(name):
    answer = encode([Series(run=name, metric="m", x=np.zeros(1), value=np.ones(1))], {})

    (length,) = struct.unpack_from("<I", answer)

    assert (4 + length) % 8 == 0
    assert len(answer) == 4 + length + 16


def test_a_query_string_becomes_a_question():
    query = CurveQuery.parse(
        QueryParams(
            "metric=train/loss&metric=val/loss&runs=a,b,a&x=epoch&lo=1.5&px=300&smooth=0.6&v=9"
        )
    )

    assert query == CurveQuery(
        metrics=("train/loss", "val/loss"),
        runs=("a", "b"),
        x="epoch",
        low=1.5,
        pixels=300,
        weight=0.6,
        version=9,
    )


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("runs=a", "Expected at least one metric; got none."),
        ("metric=m", "Expected at least one runs; got none."),
        (
            "metric=m&runs=a&x=price",
            "Expected x to be one of step, epoch, elapsed, wall; got 'price'.",
        ),
        ("metric=m&runs=a&lo=low", "Expected lo to be a number; got 'low'."),
        ("metric=m&runs=a&hi=nan", "Expected hi to be a number; got 'nan'."),
        (
            "metric=m&runs=" + ",".join(map(str, range(21))),
            "Expected at most 20 values of runs; got 21.",
        ),
    ],
)
def test_a_bad_query_is_refused_in_one_sentence(text, sentence):
    with pytest.raises(BadRequestError) as refusal:
        CurveQuery.parse(QueryParams(text))

    assert str(refusal.value) == sentence


def test_a_panel_of_any_size_gets_a_sane_number_of_columns():
    assert CurveQuery.parse(QueryParams("metric=m&runs=a&px=1")).pixels == 50
    assert CurveQuery.parse(QueryParams("metric=m&runs=a&px=1e9")).pixels == 4000
