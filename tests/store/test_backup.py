"""A store that an older Bakeoff made opens, after a copy of its database."""

import re
import shutil

import duckdb
import pytest

import store
from store import backup, doctor
from store.layout import Home
from store.testing import make_run

VERSION_1 = """
CREATE TABLE meta(key VARCHAR PRIMARY KEY, value VARCHAR);
CREATE TABLE run_base(
    run_key BIGINT NOT NULL, run_id VARCHAR NOT NULL, project VARCHAR NOT NULL, name VARCHAR,
    group_name VARCHAR, status VARCHAR NOT NULL, claimed VARCHAR, model VARCHAR, host VARCHAR,
    seed BIGINT, notes VARCHAR, tags VARCHAR[], error VARCHAR, created_us BIGINT NOT NULL,
    ended_us BIGINT, seen_us BIGINT, record VARCHAR NOT NULL);
CREATE VIEW run AS
    SELECT *, (coalesce(ended_us, seen_us, created_us) - created_us) / 1e6 AS duration_s
    FROM run_base;
CREATE TABLE param(run_key BIGINT, key VARCHAR, number DOUBLE, text VARCHAR);
CREATE TABLE metric(
    metric_key BIGINT PRIMARY KEY, name VARCHAR NOT NULL, goal VARCHAR, unit VARCHAR,
    summary VARCHAR, alarm DOUBLE);
CREATE TABLE points(run_key BIGINT, metric_key BIGINT, step BIGINT, epoch DOUBLE,
    wall_us BIGINT, elapsed_s DOUBLE, value DOUBLE);
CREATE TABLE points_hot(run_key BIGINT, metric_key BIGINT, step BIGINT, epoch DOUBLE,
    wall_us BIGINT, elapsed_s DOUBLE, value DOUBLE);
CREATE VIEW all_points AS SELECT * FROM points UNION ALL SELECT * FROM points_hot;
CREATE TABLE series_base(
    run_key BIGINT, metric_key BIGINT, n BIGINT, first_step BIGINT, last_step BIGINT,
    last_us BIGINT, last_value DOUBLE, min_value DOUBLE, min_step BIGINT, max_value DOUBLE,
    max_step BIGINT, n_nan BIGINT, n_inf BIGINT, PRIMARY KEY(run_key, metric_key));
CREATE VIEW series AS
    SELECT s.*, m.name, m.goal, m.unit,
        CASE m.goal WHEN 'max' THEN max_value WHEN 'min' THEN min_value END AS best_value,
        CASE m.goal WHEN 'max' THEN max_step WHEN 'min' THEN min_step END AS best_step
    FROM series_base AS s JOIN metric AS m USING (metric_key);
CREATE TABLE event(
    run_key BIGINT, at_us BIGINT, kind VARCHAR, name VARCHAR, step BIGINT, body VARCHAR);
CREATE TABLE item(
    kind VARCHAR, id VARCHAR, created_us BIGINT, changed_us BIGINT, body VARCHAR,
    PRIMARY KEY(kind, id));
CREATE TABLE journal(
    file VARCHAR PRIMARY KEY, run_key BIGINT, consumed BIGINT, vocabulary VARCHAR, damaged BIGINT,
    closed BOOLEAN);
INSERT INTO meta VALUES ('schema_version', '1'), ('store_id', 'old'), ('created_by', '0.1');
"""
"""The tables as the first version had them; they must not follow later ones."""

CARRIED_OVER = (
    "metric",
    "points",
    "points_hot",
    "series_base",
    "event",
    "item",
    "journal",
    "param",
)
_POINTS_THEN = "run_key, metric_key, step, epoch, wall_us, (wall_us - start_us) / 1e6, value"


@pytest.fixture
def old(home, tmp_path):
    """A store of version 1 with two runs, one of which goes on."""
    ended = make_run(home, metrics={"x": [1.0, 2.0]}, name="ended", tags=["t"])
    going_on = make_run(home, metrics={"x": [3.0]}, name="going on", id="z")
    with store.open(home):
        pass
    current = home / "store.duckdb"
    made = tmp_path / "v1.duckdb"
    with duckdb.connect(str(made)) as connection:
        connection.execute(VERSION_1)
        connection.execute(f"ATTACH '{current}' AS now (READ_ONLY)")
        for table in CARRIED_OVER:
            columns = _POINTS_THEN if table.startswith("points") else "*"
            connection.execute(f"INSERT INTO {table} SELECT {columns} FROM now.{table}")
        connection.execute("INSERT INTO run_base SELECT * EXCLUDE (pinned) FROM now.run_base")
    shutil.move(made, current)
    return ended, going_on


def test_an_old_store_opens_with_all_it_had_and_can_do_what_is_new(home, old):
    ended, going_on = old
    with store.init("p", id=going_on, resume="must", capture=False, monitor=False) as run:
        run.log({"x": 4.0})
    with store.open(home) as opened:
        rows = opened.runs(order_by="name").select(["run_id", "tags", "pinned"]).to_pylist()
        opened.edit_run(ended, pinned=True)
        assert opened.runs("pinned = true")["run_id"].to_pylist() == [ended]
        assert opened.points("x", [going_on])["value"].to_pylist() == [3.0, 4.0]
        points = opened.points("x", [ended])
        assert points["value"].to_pylist() == [1.0, 2.0]
        assert all(0 <= seconds < 60 for seconds in points["elapsed"].to_pylist())

    assert rows == [
        {"run_id": ended, "tags": ["t"], "pinned": False},
        {"run_id": going_on, "tags": [], "pinned": False},
    ]


def test_the_old_database_is_kept_as_it_was(home, old):
    with store.open(home):
        pass
    [kept] = backup.backups(Home(home))
    with duckdb.connect(str(kept), read_only=True) as connection:
        version = connection.execute("SELECT value FROM meta WHERE key = 'schema_version'")
        assert version.fetchall() == [("1",)]
        assert connection.execute("SELECT count(*) FROM run_base").fetchall() == [(2,)]

    assert kept.name == "store.duckdb.v1.bak"
    assert [f.code for f in doctor.examine(Home(home))] == ["V02"]
    assert backup.delete_backups(Home(home)) > 0
    assert backup.backups(Home(home)) == []


def test_the_doctor_speaks_of_an_old_database_without_changing_it(home, old):
    before = (home / "store.duckdb").read_bytes()

    assert [f.code for f in doctor.examine(Home(home))] == ["V01"]
    assert (home / "store.duckdb").read_bytes() == before


def test_without_room_for_a_copy_nothing_is_changed(home, old, monkeypatch):
    def full(*_arguments):
        raise OSError(28, "No space left on device")

    before = (home / "store.duckdb").read_bytes()
    with monkeypatch.context() as patched:
        patched.setattr("shutil.copyfile", full)
        with pytest.raises(store.HomeNotWritableError, match=re.escape("No space left")):
            store.open(home)
    assert (home / "store.duckdb").read_bytes() == before

    assert not list(home.glob("*.partial"))
    with store.open(home) as opened:
        assert opened.runs().num_rows == 2
