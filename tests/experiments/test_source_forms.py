"""A bundle reads the user's own files as the training did: ratings, series, events, tables."""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from experiments.releasing.bulk_inputs import items
from experiments.releasing.model_inputs import InputError
from experiments.releasing.preprocessing import make_preprocessing

RATINGS = {
    "modality": "ratings",
    "num_users": 2,
    "num_items": 3,
    "users": ["ann", "bob"],
    "items": ["Alien (1979)", "Brazil", "Coco"],
    "columns": ["viewer", "film"],
}
SERIES = {
    "modality": "sequence",
    "max_length": 2,
    "names": ["sales", "heat"],
    "source": {"kind": "series", "time": "day"},
}
EVENTS = {
    "modality": "sequence",
    "max_length": 2,
    "names": ["amount", "log seconds since the last"],
    "source": {"kind": "events", "time": "at", "customer": "card"},
}
TABLE = {
    "modality": "table",
    "names": ["age", "job"],
    "categories": {"job": ["cook", "head smith"]},
}


def read(facts: dict[str, Any], path: Path) -> dict[str, Any]:
    prepare = make_preprocessing(facts, None)
    found = list(items(path, prepare, facts["modality"], None))
    arrays = prepare([item for _, item in found])
    return {name: one.tolist() for (name, _), one in zip(found, arrays, strict=True)}


def written(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def test_users_and_items_go_by_the_names_of_the_data(tmp_path: Path):
    path = written(tmp_path / "a.csv", 'viewer,film,stars\nbob,Coco,3\nann,"Alien  (1979) ",5\n')

    assert read(RATINGS, path) == {"line-2": [1, 2], "line-3": [0, 0]}
    prepare: Any = make_preprocessing(RATINGS, None)
    assert prepare([["bob", "Brazil"], {"user": "ann", "item": "Coco"}]).tolist() == [
        [1, 1],
        [0, 2],
    ]
    assert prepare.user(0, {"viewer": "bob"}) == 1
    assert prepare.user(0, {"viewer": "bob", "film": "Coco"}) is None
    for item in ({"viewer": "eve", "film": "Coco"}, ["bob", "Dune"], {"film": "Coco"}, ["bob"], 3):
        with pytest.raises(InputError, match="input 0"):
            prepare([item])


def test_every_window_of_a_series_is_read_in_the_order_of_time(tmp_path: Path):
    rows = (
        "day,heat,sales,note\n2020-01-03,3,30,x\n2020-01-01,1,10,x\n2020-01-02,,20,x\nlater,9,9,x\n"
    )

    found = read(SERIES, written(tmp_path / "a.csv", rows))

    assert list(found) == ["2020-01-02", "2020-01-03"]
    np.testing.assert_array_equal(found["2020-01-02"], [[10, 1], [20, math.nan]])
    np.testing.assert_array_equal(found["2020-01-03"], [[20, math.nan], [30, 3]])


def test_a_forecast_takes_the_last_rows_and_needs_enough_of_them():
    prepare = make_preprocessing(SERIES, None)
    rows = [{"sales": value, "heat": 0} for value in (1, 2, 3)]

    assert prepare([rows])[0].tolist() == [[2, 0], [3, 0]]
    for item in (rows[:1], [{"sales": 1}] * 2, "x", [[1]] * 2, [["a", 1]] * 2):
        with pytest.raises(InputError, match="input 0"):
            prepare([item])


def test_events_are_read_with_those_of_the_same_customer_before_them(tmp_path: Path):
    rows = "card,at,amount\nA,100,1\nB,2020-01-01,5\nA,50,2\nA,200,n/a\n,1,1\n"

    found = read(EVENTS, written(tmp_path / "a.csv", rows))

    one_more = math.log1p(50)
    assert list(found) == ["line-2", "line-3", "line-4", "line-5"]
    np.testing.assert_allclose(found["line-2"], [[2, 0], [1, one_more]], rtol=1e-6)
    np.testing.assert_allclose(found["line-3"], [[5, 0], [math.nan, math.nan]])
    np.testing.assert_allclose(found["line-4"], [[2, 0], [math.nan, math.nan]])
    np.testing.assert_allclose(
        found["line-5"], [[1, one_more], [math.nan, math.log1p(100)]], rtol=1e-6
    )


def test_a_customers_events_may_be_asked_for_as_objects_or_as_numbers():
    prepare = make_preprocessing(EVENTS, None)
    known = [{"at": "2020-01-01T00:00:00", "amount": 1}, {"at": "2020-01-01T00:00:09", "amount": 2}]

    np.testing.assert_allclose(prepare([known])[0], [[1, 0], [2, math.log(10)]], rtol=1e-6)
    np.testing.assert_allclose(prepare([[[1, 0], [2, 0.5]]])[0], [[1, 0], [2, 0.5]])
    for item in ([], [{"at": "soon", "amount": 1}], [{"at": 1, "amount": "x"}], [{"amount": 1}]):
        with pytest.raises(InputError, match="input 0"):
            prepare([item])


def test_what_is_no_number_in_a_file_is_missing_and_in_a_question_is_refused(tmp_path: Path):
    path = written(tmp_path / "a.csv", "id,age,job\nk1,n/a, head  smith\nk2,30,cook\n")

    found = read(TABLE, path)

    np.testing.assert_array_equal(found["k1"], [math.nan, 1])
    assert found["k2"] == [30, 0]
    with pytest.raises(InputError, match="number for age"):
        make_preprocessing(TABLE, None)([{"age": "n/a", "job": "cook"}])


def test_a_text_is_found_in_the_column_that_the_training_read(tmp_path: Path):
    facts = {
        "modality": "text", "tokens": "characters", "max_length": 3, "padding": 0, "unknown": 1,
        "first": 2, "column": "review",
    }  # fmt: skip
    prepare = make_preprocessing(facts, ["a"])
    path = written(tmp_path / "a.jsonl", json.dumps({"review": "a", "text": "b"}))
    other = written(tmp_path / "b.jsonl", json.dumps({"text": "b"}))

    assert list(items(path, prepare, "text", None)) == [("line-1", "a")]
    assert list(items(other, prepare, "text", None)) == [("line-1", "b")]
