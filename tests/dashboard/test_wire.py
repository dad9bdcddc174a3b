"""The curves' wire format: what goes in comes out, and nonsense is refused in a sentence."""

import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from starlette.datastructures import QueryParams

from dashboard.wire import BadRequestError, CurveQuery, decode, encode
from store.line_chart import LineView

COLUMN = arrays.arrays(np.float64, 7, elements=st.floats(width=64))


@given(x=COLUMN, value=COLUMN, name=st.text(max_size=20), since=st.none() | st.floats(-9, 9))
def test_what_is_encoded_is_decoded_bit_for_bit(x, value, name, since):
    lines = [
        {"run": "r1", "metric": name, "kind": "smooth", "since": since, "n": 7, "columns": 2},
        {"run": "r2", "metric": "m", "kind": "band", "since": None, "n": 0, "columns": 5},
    ]
    answer = encode({"version": 7, "lines": lines}, np.concatenate([x, value]))

    (first, second), facts = decode(answer)

    assert facts == {"version": 7}
    assert (first.run, first.metric, first.kind, first.since) == ("r1", name, "smooth", since)
    for got, given_ in zip(first.columns, (x, value), strict=True):
        np.testing.assert_array_equal(got.view(np.int64), given_.view(np.int64))
    assert (second.run, [len(column) for column in second.columns]) == ("r2", [0] * 5)
    (length,) = struct.unpack_from("<I", answer)
    assert (4 + length) % 8 == 0, "typed arrays would not fit"


def test_a_query_string_becomes_a_question():
    query = CurveQuery.parse(
        QueryParams(
            "metric=train/loss&metric=val/loss&runs=a,b,a&x=epoch&lo=1.5&px=300&smooth=0.6&v=9:ab"
        )
    )

    assert query == CurveQuery(
        metrics=("train/loss", "val/loss"),
        runs=("a", "b"),
        view=LineView(x="epoch", lo=1.5, width=300, weight=0.6),
        version=9,
        cursor="ab",
    )


def test_groups_need_no_single_runs():
    query = CurveQuery.parse(
        QueryParams("metric=m&groups=a,b;c&band=minmax&x=val/acc&logx=1&clip=1&px=600&ghosts=0")
    )

    assert query == CurveQuery(
        metrics=("m",),
        groups=(("a", "b"), ("c",)),
        view=LineView(x="val/acc", width=600, log_x=True, band="minmax", clip=True, ghosts=False),
    )
    assert query.everyone == ("a", "b", "c")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("runs=a", "Expected at least one metric; got none."),
        ("metric=m", "Expected at least one runs; got none."),
        (
            "metric=m&groups=a,b&band=wide",
            "Expected band to be one of std, se, ci95, minmax; got 'wide'.",
        ),
        ("metric=m&runs=a&lo=9&hi=1", "Expected lo to be at most hi; got 9 and 1."),
        ("metric=m&runs=a&lo=low", "Expected lo to be a number; got 'low'."),
        ("metric=m&runs=a&hi=nan", "Expected hi to be a number; got 'nan'."),
        (
            "metric=m&runs=" + ",".join(map(str, range(101))),
            "Expected at most 100 values of runs; got 101.",
        ),
        (
            "metric=m&runs=x&groups=" + ";".join(map(str, range(100))),
            "Expected at most 100 runs; got 101.",
        ),
    ],
)
def test_a_bad_query_is_refused_in_one_sentence(text, sentence):
    with pytest.raises(BadRequestError) as refusal:
        CurveQuery.parse(QueryParams(text))

    assert str(refusal.value) == sentence


def test_a_panel_of_any_size_gets_a_sane_number_of_columns():
    assert CurveQuery.parse(QueryParams("metric=m&runs=a&px=1")).view.width == 50
    assert CurveQuery.parse(QueryParams("metric=m&runs=a&px=1e9")).view.width == 4000
