import math

import duckdb
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from store.newest_series import NewestSeries
from store.schema import prepare
from store.series import summarise

points = st.lists(
    st.tuples(
        st.integers(0, 2),
        st.integers(0, 1),
        st.integers(-3, 3),
        st.sampled_from([0.0, 1.0, -2.0, math.nan, math.inf, -math.inf]),
    ),
    min_size=1,
    max_size=40,
)


def one_by_one(rows):
    """The same by the definition, a point at a time."""
    found = {}
    for wall, (run, metric, step, value) in enumerate(rows):
        row = found.setdefault(
            (run, metric),
            {"n": 0, "first": step, "last": step, "nan": 0, "inf": 0, "min": None, "max": None},
        )
        row["n"] += 1
        row["first"] = min(row["first"], step)
        row["nan"] += math.isnan(value)
        row["inf"] += math.isinf(value)
        if step >= row["last"]:
            row["last"], row["last_value"], row["last_us"] = step, value, wall
        if math.isfinite(value):
            for name, sign in (("min", 1), ("max", -1)):
                best = row[name]
                if best is None or (sign * value, step) < (sign * best[0], best[1]):
                    row[name] = (value, step)
    return found


def columns_of(rows, start=0):
    names = ("run_key", "metric_key", "step", "value")
    columns = zip(names, zip(*rows, strict=True), strict=True)
    walls = np.arange(start, start + len(rows))
    return {"wall_us": walls, **{name: np.array(values) for name, values in columns}}


def check(table, rows):
    expected = one_by_one(rows)
    assert len(table["n"]) == len(expected)
    for index in range(len(table["n"])):
        row = expected[int(table["run_key"][index]), int(table["metric_key"][index])]
        got = {name: column[index] for name, column in table.items()}
        assert (got["n"], got["first_step"], got["last_step"]) == (
            row["n"],
            row["first"],
            row["last"],
        )
        assert (got["n_nan"], got["n_inf"]) == (row["nan"], row["inf"])
        assert got["last_us"] == row["last_us"]
        assert np.array_equal(got["last_value"], row["last_value"], equal_nan=True)
        for name in ("min", "max"):
            extreme = (got[f"{name}_value"], got[f"{name}_step"])
            assert extreme == row[name] or (math.isnan(extreme[0]) and row[name] is None)


@given(points)
def test_a_series_is_summarised_as_it_is_defined(rows):
    check(summarise(columns_of(rows)), rows)


@pytest.fixture(scope="module")
def newest():
    with duckdb.connect() as connection:
        prepare(connection, "test")
        yield connection, NewestSeries(connection)


@given(rows=points, size=st.integers(1, 39))
def test_points_that_come_bit_by_bit_are_summarised_as_all_at_once(newest, rows, size):
    connection, series = newest
    series.clear()
    for start in range(0, len(rows), size):
        series.add(columns_of(rows[start : start + size], start))
    found = connection.execute("SELECT * FROM newest.series_base").to_arrow_table()

    check({name: found[name].to_pandas().to_numpy() for name in found.column_names}, rows)
