import shutil

import numpy as np
import pyarrow.parquet as pq
import pytest

import store
from store.layout import Home
from store.owner import Owner
from store.sealing import POINTS, read_sealed
from store.testing import make_run


@pytest.fixture
def owner(home):
    owner = Owner(Home.locate(home))
    yield owner
    owner.close()


def seal_all(owner):
    owner.drain()
    owner.refresh()
    while owner.seal_one():
        pass


def journals(home, run_id):
    return list((home / "runs" / run_id).glob("points-*.bin"))


def points_of(home, run_id, metric="x"):
    with store.open(home) as opened:
        return opened.points(metric, [run_id]).to_pydict()


def test_an_ended_run_becomes_one_sorted_file(home, owner):
    run_id = make_run(home, metrics={"x": [3.0, 1.0, float("nan")], "y": [1.0]})
    seal_all(owner)
    table = pq.read_table(home / "runs" / run_id / "points.parquet")

    assert journals(home, run_id) == []
    assert table["metric"].to_pylist() == ["x", "x", "x", "y"]
    assert table["step"].to_pylist() == [0, 1, 2, 0]


def test_noise_takes_few_bytes_a_point(home, owner):
    noise = np.random.default_rng(0).normal(size=(4, 20_000))
    with store.init("p", capture=False, monitor=False) as run:
        for step, values in enumerate(noise.T.tolist()):
            run.log(dict(zip("abcd", values, strict=True)), step=step, epoch=step / 1_000)
    seal_all(owner)
    size = (run.folder / "points.parquet").stat().st_size

    assert size / noise.size < 8.5


def test_a_file_that_was_sealed_at_first_is_read(home, owner):
    run_id = make_run(home, metrics={"x": [1.0, 2.0]})
    seal_all(owner)
    owner.close()
    before = points_of(home, run_id)
    files = Home(home).run(run_id)
    metadata = pq.read_schema(files.sealed).metadata
    table = read_sealed(files)
    assert table.column_names == POINTS.names
    pq.write_table(table.replace_schema_metadata(metadata), files.sealed)
    (home / "store.duckdb").unlink()

    assert points_of(home, run_id) == before


def test_points_that_went_missing_are_never_sealed(home, owner):
    run_id = make_run(home, metrics={"x": [1.0, 2.0]})
    owner.drain()
    owner.drain()  # it has ended: its points wait for no others
    owner.cursor().execute("DELETE FROM points_hot WHERE step = 1")
    owner.refresh()
    owner.seal_one()

    assert not Home(home).run(run_id).sealed.exists()
    assert len(journals(home, run_id)) == 1
    assert "not sealed" in owner.trouble


def test_a_running_run_is_not_sealed(home, owner):
    with store.init("p", capture=False, monitor=False) as run:
        run.log({"x": 1.0})
        seal_all(owner)

        assert len(journals(home, run.id)) == 1


def test_a_sealed_run_is_the_same_in_a_new_database(home, owner):
    run_id = make_run(home, metrics={"x": [float(step) for step in range(500)]})
    seal_all(owner)
    owner.close()
    before = points_of(home, run_id)
    (home / "store.duckdb").unlink()

    assert points_of(home, run_id) == before
    assert points_of(home, run_id) == before


def test_a_sealed_run_can_go_on_and_is_sealed_again(home, owner):
    with store.init("p", id="r", capture=False, monitor=False) as run:
        run.log({"x": 1.0}, step=41)
    seal_all(owner)
    with store.init("p", id="r", resume="must", capture=False, monitor=False) as run:
        run.log({"x": 2.0})
    seal_all(owner)
    owner.close()
    expected = [41, 42]

    assert journals(home, "r") == []
    assert points_of(home, "r")["step"] == expected
    (home / "store.duckdb").unlink()
    assert points_of(home, "r")["step"] == expected


def test_a_crash_between_sealing_and_cleaning_up_repeats_nothing(home, owner, tmp_path):
    run_id = make_run(home, metrics={"x": [1.0, 2.0]})
    kept = tmp_path / "kept"
    shutil.copytree(home / "runs" / run_id, kept)
    seal_all(owner)
    owner.close()
    for path in kept.glob("points-*.bin"):
        shutil.copy(path, home / "runs" / run_id)

    assert points_of(home, run_id)["value"] == [1.0, 2.0]
    with store.open(home) as opened:
        opened.edit_run(run_id, notes="look again")
    assert points_of(home, run_id)["value"] == [1.0, 2.0]
    (home / "store.duckdb").unlink()
    assert points_of(home, run_id)["value"] == [1.0, 2.0]


def test_a_run_folder_can_be_copied_into_another_store(home, owner, tmp_path):
    run_id = make_run(home, metrics={"x": [1.0, 2.0]}, tags=["moved"])
    seal_all(owner)
    shutil.copytree(home / "runs" / run_id, tmp_path / "other" / "runs" / run_id)

    with store.open(tmp_path / "other") as opened:
        assert opened.runs("tag = moved")["run_id"].to_pylist() == [run_id]
        assert opened.points("x", [run_id])["value"].to_pylist() == [1.0, 2.0]
