import struct

import duckdb
import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

import store
from store.asked import Reads
from store.compaction import STORED, generation, sort_order
from store.layout import Home
from store.owner import Owner
from store.testing import make_run

EMPTY = pa.schema({"value": pa.float64(), "single": pa.float32()}).empty_table()
rows = st.lists(
    st.tuples(
        st.integers(0, 2),
        st.integers(0, 2),
        st.integers(-2, 3),
        st.sampled_from([0.5, np.nan]),
        st.integers(0, 3),
        st.sampled_from([0.0, -0.0]) | st.floats() | st.floats(width=32),
        st.just(7),
    ),
    min_size=1,
    max_size=60,
)


def columns(found):
    types = (np.int64, np.int64, np.int64, np.float64, np.int64, np.float64, np.int64)
    parts = zip(STORED, zip(*found, strict=True), types, strict=True)
    return {name: np.array(part, dtype=kind) for name, part, kind in parts}


@given(rows)
def test_rows_are_ordered_by_run_metric_step_time_and_arrival(found):
    points = columns(found)
    keys = ("wall_us", "step", "metric_key", "run_key")
    expected = np.lexsort([points[name] for name in keys])

    assert sort_order(points).tolist() == expected.tolist()


@given(rows)
def test_every_value_is_kept_to_the_last_bit_and_in_one_column_a_series(found):
    points = columns(found)
    table = pa.concat_tables([EMPTY, generation(points)], promote_options="default")
    both = list(zip(table["value"].to_pylist(), table["single"].to_pylist(), strict=True))
    values = [next((side for side in sides if side is not None), -0.0) for sides in both]
    expected = points["value"][sort_order(points)].tolist()

    assert [struct.pack("<d", value) for value in values] == [
        struct.pack("<d", value) for value in expected
    ]
    series = zip(table["run_key"].to_pylist(), table["metric_key"].to_pylist(), strict=True)
    sides = {
        (key, value is None)
        for key, (value, single) in zip(series, both, strict=True)
        if value is not None or single is not None
    }
    assert len({key for key, _ in sides}) == len(sides)


def test_single_precision_takes_half_the_room_and_users_see_no_difference(home):
    chance = np.random.default_rng(0)
    doubles = chance.normal(size=300)
    metrics = {"double": doubles.tolist(), "single": doubles.astype(np.float32).tolist()}
    run_id = make_run(home, metrics=metrics)
    owner = Owner(Home(home))
    owner.refresh(reads=Reads.POINTS)
    owner._ingest._writer.compact()
    owner.close()
    with duckdb.connect(str(home / "store.duckdb"), read_only=True) as connection:
        counted = connection.execute("SELECT count(value), count(single) FROM points").fetchall()
    with store.open(home) as opened:
        found = {name: opened.points(name, [run_id])["value"].to_pylist() for name in metrics}

    assert counted == [(300, 300)]
    assert found == metrics


def test_the_sign_of_zero_is_kept(home):
    zeros = [0.0, -0.0, -0.0, 0.0] * 2_500
    run_id = make_run(home, metrics={"x": zeros})
    for _ in range(3):  # as they arrived, sorted, sealed
        with store.open(home) as opened:
            found = opened.points("x", [run_id])["value"].to_numpy()
        assert np.signbit(found).tolist() == np.signbit(zeros).tolist()
        owner = Owner(Home(home))
        owner._ingest._writer.compact()
        owner.seal_one()
        owner.close()


def test_a_database_of_an_older_kind_of_blocks_stays_what_it_is(home):
    home.mkdir()
    duckdb.connect(
        str(home / "store.duckdb"), config={"storage_compatibility_version": "v1.5.0"}
    ).close()
    run_id = make_run(home, metrics={"x": [1.0, 2.0]})
    with store.open(home) as opened:
        assert opened.points("x", [run_id])["value"].to_pylist() == [1.0, 2.0]
    owner = Owner(Home(home))
    size = "SELECT block_size FROM pragma_database_size() WHERE database_name = 'store'"
    before = owner.cursor().execute(size).fetchall()
    owner.shrink()
    after = owner.cursor().execute(size).fetchall()
    found = owner.ask("points", metric="x", run_ids=[run_id])["value"].to_pylist()
    owner.close()

    assert (before, after) == ([(256 << 10,)], [(64 << 10,)])
    assert found == [1.0, 2.0]
