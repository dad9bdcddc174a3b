"""The curves' wire format: what goes in comes out, and nonsense is refused in a sentence."""

import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from starlette.datastructures import QueryParams

from dashboard.wire import BadRequestError, CurveQuery, Series, decode, encode
from store.line_questions import LineView

COLUMN = arrays.arrays(np.float64, 7, elements=st.floats(width=64))


@given(x=COLUMN, value=COLUMN, step=st.none() | COLUMN, name=st.text(max_size=8))
def test_what_is_encoded_is_decoded_bit_for_bit(x, value, step, name):
    columns = (x, value) if step is None else (x, value, step)
    sent = Series(run="r1", metric=name, kind="smooth", columns=columns)
    empty = Series(run="r2", metric="m", kind="band", columns=(x[:0],) * 5)

    (first, second), header = decode(encode([sent, empty], {"version": 7, "running": ["r1"]}))

    assert header == {"version": 7, "running": ["r1"]}
    assert (first.run, first.metric, first.kind) == ("r1", name, "smooth")
    for got, given_ in zip(first.columns, columns, strict=True):
        np.testing.assert_array_equal(got.view(np.int64), given_.view(np.int64))
    assert (second.run, second.kind, [len(column) for column in second.columns]) == (
        "r2",
        "band",
        [0] * 5,
    )


@given(name=st.text(max_size=20))
def test_columns_start_at_a_multiple_of_eight_so_that_typed_arrays_fit(name):
    answer = encode([Series(run=name, metric="m", kind="raw", columns=(np.zeros(1),) * 2)], {})

    (length,) = struct.unpack_from("<I", answer)

    assert (4 + length) % 8 == 0
    assert len(answer) == 4 + length + 16


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
        mark="ab",
    )


def test_groups_need_no_single_runs():
    query = CurveQuery.parse(
        QueryParams("metric=m&groups=a,b;c&band=minmax&x=val/acc&logx=1&clip=1&px=600")
    )

    assert query == CurveQuery(
        metrics=("m",),
        groups=(("a", "b"), ("c",)),
        view=LineView(x="val/acc", width=600, log_x=True, band="minmax", clip=True),
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
