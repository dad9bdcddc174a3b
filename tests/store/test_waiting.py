"""Points wait in memory for others: every answer has them, and they are written once."""

import duckdb
import pytest

import store
from store import ingest, point_writer, storing
from store.asked import Reads
from store.layout import Home
from store.owner import Owner


@pytest.fixture
def owner(home):
    owner = Owner(Home.locate(home))
    yield owner
    owner.close()


def written(owner):
    """How many points lie unsorted and sorted in the database."""
    count = "SELECT (SELECT count(*) FROM points_hot), (SELECT count(*) FROM points)"
    return owner.cursor().execute(count).fetchall()[0]


def last(owner, run_id):
    """The newest value of a curve, and what the row of the series says: count, last, minimum."""
    curve = owner.ask("curves", metric="a", run_ids=[run_id], x="step", lo=None, hi=None, width=9)
    [row] = owner.ask("series", run_ids=[run_id], project=None).to_pylist()
    return curve["value"].to_pylist()[-1], row["n"], row["last"], row["min"]


def test_every_answer_has_points_that_wait(owner):
    with store.init("p", capture=False, monitor=False) as run:
        for step in range(20):
            run.log({"a": float(-step)}, step=step)
            assert last(owner, run.id) == (-step, step + 1, -step, -step)
            assert owner.ask("totals")["points"][0].as_py() == step + 1
            few = owner.ask("count_runs", filter=f"metrics.a.last > {-step}")["n"][0].as_py()
            assert few == 0
            names = owner.ask("metric_names", run_ids=[run.id, "unknown"])["metric"].to_pylist()
            assert names == ["a"]
        assert written(owner) == (0, 0)
        assert owner.ask("points", metric="a", run_ids=[run.id]).num_rows == 20
        assert written(owner) == (20, 0)
        run.log({"a": 1.0}, step=20)
        assert last(owner, run.id) == (1.0, 21, 1.0, -19.0)
        table = owner.ask(
            "runs", filter=None, order_by=None, limit=None, offset=0, columns=["spark.a"]
        )
        assert table["spark.a"][0].as_py()[-1] == 1.0


def test_many_small_lots_are_written_once_and_sorted(owner, monkeypatch):
    monkeypatch.setattr(point_writer, "GENERATION_POINTS", 300)
    with store.init("p", capture=False, monitor=False) as run:
        for step in range(310):
            run.log({"a": float(step)}, step=step)
            if step % 20 == 0:
                owner.drain()
        assert written(owner) == (0, 301)
    assert last(owner, run.id) == (309.0, 310, 309.0, 0.0)


@pytest.fixture
def while_writing(owner, monkeypatch):
    """Have something done in the middle of every writing of points that waited."""
    monkeypatch.setattr(point_writer, "GENERATION_POINTS", 10)
    writer = owner._ingest._storing._writer
    write = writer.write

    def replace(act):
        def write_and_act(points, *, is_sorted):
            write(points, is_sorted=is_sorted)
            act()

        monkeypatch.setattr(writer, "write", write_and_act)

    return replace


def test_looks_and_questions_go_on_while_points_are_written(owner, while_writing):
    with store.init("p", capture=False, monitor=False) as run:
        for step in range(20):
            run.log({"a": float(-step)}, step=step)

        def log_another():
            run.log({"a": -20.0}, step=20)
            assert last(owner, run.id) == (-20.0, 21, -20.0, -20.0)
            assert written(owner) == (0, 0)

        while_writing(log_another)
        owner.drain()
        assert written(owner) == (0, 20)
        assert last(owner, run.id) == (-20.0, 21, -20.0, -20.0)
        assert owner.ask("totals")["points"][0].as_py() == 21
        while_writing(lambda: None)
        assert owner.ask("points", metric="a", run_ids=[run.id]).num_rows == 21


def test_points_that_are_read_anew_while_they_are_written_are_written_once(owner, while_writing):
    with store.init("p", capture=False, monitor=False) as run:
        for step in range(20):
            run.log({"a": float(step)}, step=step)
        while_writing(owner._ingest.reload)
        owner.drain()
        assert written(owner) == (0, 0)
        while_writing(lambda: None)
        owner.drain()
        assert written(owner) == (0, 20)
        assert last(owner, run.id) == (19.0, 20, 19.0, 0.0)


def test_points_do_not_wait_for_ever_and_never_too_many(owner, monkeypatch):
    with store.init("p", capture=False, monitor=False) as run:
        run.log({"a": 0.0})
        owner.drain()
        assert written(owner) == (0, 0)
        monkeypatch.setattr(ingest, "_WAIT_S", 0.0)
        owner.drain()
        assert written(owner) == (1, 0)
        monkeypatch.setattr(ingest, "MOST_WAITING", 5)
        for step in range(1, 6):
            run.log({"a": 0.0}, step=step)
        owner.refresh()
        assert written(owner) == (6, 0)


def test_a_run_that_goes_to_the_trash_takes_what_waits_along_and_brings_it_back(owner):
    run = store.init("p", capture=False, monitor=False)
    with store.init("p", capture=False, monitor=False) as other:
        run.log({"a": 1.0})
        other.log({"a": 2.0})
        owner.refresh(reads=Reads.SERIES)
        owner.forget([run.id])
        assert owner.ask("totals")["points"][0].as_py() == 2  # its folder is still there
        assert last(owner, run.id) == last(owner, run.id) == (1.0, 1, 1.0, 1.0)
        run.finish()
        owner.act("trash", run_ids=[run.id])
        assert owner.ask("totals")["points"][0].as_py() == 1
        owner.act("restore", run_ids=[run.id])
        assert last(owner, run.id) == (1.0, 1, 1.0, 1.0)
        assert last(owner, other.id) == (2.0, 1, 2.0, 2.0)


def test_a_database_that_refuses_is_told_of_and_tried_again(owner, monkeypatch):
    with store.init("p", capture=False, monitor=False) as run:
        run.log({"a": 1.0})
        owner.refresh()

        def refuse(_locked):
            raise duckdb.IOException("no space")

        with monkeypatch.context() as patched:
            patched.setattr(owner._ingest._storing, "store", refuse)
            assert owner.ask("points", metric="a", run_ids=[run.id]).num_rows == 0
            assert "none is lost: no space" in owner.act("state")["trouble"]
            assert last(owner, run.id)[0:1] == (1.0,)
        assert owner.act("state")["trouble"] is None
        assert owner.ask("points", metric="a", run_ids=[run.id]).num_rows == 1


def test_the_shape_changes_with_everything_but_more_points(owner):
    def found():
        owner.refresh()
        return owner.version, owner.shape

    with store.init("p", capture=False, monitor=False) as run:
        before = found()
        run.log({"a": 1.0}, step=0)
        named = found()
        assert named[1] > before[1]  # a metric that the run did not have
        run.log({"a": 2.0}, step=1)
        more = found()
        assert more[0] > named[0]
        assert more[1] == named[1]
        run.alert("look", level="info")
        told = found()
        assert told[1] > more[1]
        assert found() == told
    assert found()[1] > told[1]  # it has ended


def test_rows_of_series_are_counted_in_parts_before_points_are_written(owner, monkeypatch):
    monkeypatch.setattr(storing, "_LOT_POINTS", 7)
    with store.init("p", capture=False, monitor=False) as run:
        for step in range(40):
            run.log({"a": float(-step)}, step=step)
            if step % 3 == 0:
                owner.refresh()
        assert owner.ask("points", metric="a", run_ids=[run.id]).num_rows == 40
        assert written(owner) == (40, 0)
        assert last(owner, run.id) == (-39.0, 40, -39.0, -39.0)
