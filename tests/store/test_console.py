"""What users' SQL may do and what it may not."""

import threading
import time

import duckdb
import pyarrow as pa
import pytest

from store.console import check_select, guarded_select, harden
from store.errors import QueryError

TABLES = ("points", "run")


@pytest.fixture(scope="module")
def database(tmp_path_factory):
    home = tmp_path_factory.mktemp("home")
    (home / "secret.csv").write_text("a\nopen sesame\n", encoding="utf-8")
    with duckdb.connect(home / "store.duckdb") as connection:
        connection.execute(
            """
            CREATE TABLE points AS SELECT range AS i, range % 7 AS k FROM range(1000);
            CREATE TABLE run AS SELECT 'r1' AS run_id, ['a'] AS tags;
            CREATE TABLE secret AS SELECT 'open sesame' AS word;
            CREATE VIEW behind AS SELECT * FROM secret;
            CREATE SEQUENCE ticket;
            CREATE SCHEMA auth;
            CREATE TABLE auth.points AS SELECT 'token' AS t;
            CREATE MACRO peek() AS (SELECT max(word) FROM secret);
            CREATE MACRO peeks() AS TABLE SELECT * FROM secret;
            """
        )
        harden(connection, home / "spill")
        harden(connection)
        yield connection


def ask(database, query, params=None, *, max_rows=1000, timeout_s=10.0):
    return guarded_select(database, query, params, max_rows, timeout_s, tables=TABLES)


ALLOWED = [
    ("select count(*) from points", 1000),
    ("SELECT COUNT(*) AS n FROM main.POINTS;", 1000),
    ("with x as (select i from points) select max(i) from x", 999),
    ("with a as (select 1 v), b as (select v + 1 v from a) select max(v) from b", 2),
    ("with recursive t(n) as (select 1 union all select n + 1 from t where n < 9) select max(n) from t", 9),
    ("with x as (with y as (select 5 v) from y) select v from x", 5),
    ("with points as (select 3 as i) select max(i) from points", 3),
    ("select i + row_number() over (order by i) + sum(i) over () * 0 from points limit 1", 1),
    ("select max(range) from range(3)", 2),
    ("select max(u) from (select unnest([1, 2]) u)", 2),
    ("from points select count(*)", 1000),
    ("select (select count(*) from points) from run", 1000),
    ("select count(*) from points where i in (select i from points where k = 0)", 143),
    ("select count(*) from points p join points q using (i) left join run on true", 1000),
    ("select count(*) from (from points pivot (count(*) for k in (0)))", 1000),
    ("values (4)", 4),
    ("table points order by i limit 1", 0),
    ("select list_sum(list_transform([1, 2], lambda x: x * 2))", 6),
    ("select len(regexp_extract_all('a1b2', '[0-9]'))", 2),
    ("select cast('7' as int) // 2", 3),
    ("select count(*) from (describe points)", 2),
    ("select count(*) from (summarize points)", 2),
    ("select case when random() < 2 and now() is not null then 1 end", 1),
    ("select json_extract('{\"a\": 3}', '$.a')::int", 3),
    ("select 1 union all select 2 order by 1 desc", 2),
    ("/* words */ select 1 -- more", 1),
]  # fmt: skip


@pytest.mark.parametrize(("query", "first"), ALLOWED)
def test_reading_known_tables_is_allowed(database, query, first):
    assert ask(database, query)[0][0].as_py() == first


REFUSED = [
    ("", "one statement"),
    ("select 1; select 2", "one statement"),
    ("selec 1", "cannot be read"),
    ("insert into points values (1, 1)", "SELECT"),
    ("with x as (select 1) insert into points select 1, 1", "SELECT"),
    ("delete from points", "SELECT"),
    ("drop table points", "SELECT"),
    ("create table t as select 1", "SELECT"),
    ("copy points to 'x.csv'", "SELECT"),
    ("copy (select 1) to 'x.csv'", "SELECT"),
    ("attach 'x.db'", "SELECT"),
    ("set threads = 1", "SELECT"),
    ("pragma database_list", "SELECT"),
    ("call pragma_version()", "SELECT"),
    ("checkpoint", "SELECT"),
    ("begin", "SELECT"),
    ("install httpfs", "SELECT"),
    ("export database 'x'", "SELECT"),
    ("explain select 1", "SELECT"),
    ("execute x", "SELECT"),
    ("show tables", "SHOW"),
    ("show all tables", "SHOW"),
    ("show databases", "SHOW"),
    ("select * from (show tables)", "SHOW"),
    ("describe secret", "table out of points, run"),
    ("summarize secret", "'secret'"),
    ("with secret as (select 1) from (summarize secret)", "'secret'"),
    ("select * from secret", "'secret'"),
    ('select * from "SECRET"', "'SECRET'"),
    ("select * from behind", "'behind'"),
    ("select * from auth.points", "'auth.points'"),
    ("select * from store.main.points", "'store.main.points'"),
    ("select * from store.points", "'store.points'"),
    ("select i from points union select word from secret", "'secret'"),
    ("select (select max(word) from secret)", "'secret'"),
    ("select * from points where exists (from secret)", "'secret'"),
    ("select * from points order by (select word from secret)", "'secret'"),
    ("select * from points limit (select count(*) from secret)", "'secret'"),
    ("select * from points join secret on true", "'secret'"),
    ("select * from points, lateral (from secret)", "'secret'"),
    ("from secret pivot (count(*) for word in ('a'))", "'secret'"),
    ("with secret as (select * from secret) select * from secret", "'secret'"),
    ("with a as (from secret), secret as (select 1) select * from a", "'secret'"),
    ("select * from (with secret as (select 1) from secret), secret", "'secret'"),
    ("with secret as (select 1) select * from main.secret", "'main.secret'"),
    ("select [x for x in (select word from secret)]", "'secret'"),
    ("select count(*) filter (exists (from secret)) from points", "'secret'"),
    ("select * from '/etc/passwd'", "'/etc/passwd'"),
    ("from 'secret.csv'", "'secret.csv'"),
    ('select * from "x.parquet"', "'x.parquet'"),
    ("select * from read_text('/etc/passwd')", "'read_text'"),
    ("select (select count(*) from read_csv('/etc/passwd'))", "'read_csv'"),
    ("select * from points where i in (from read_text('/etc/passwd') select 1)", "'read_text'"),
    ("select * from points positional join glob('*')", "'glob'"),
    ("from checkpoint()", "'checkpoint'"),
    ("select 1 from (from checkpoint())", "'checkpoint'"),
    ("from quack_serve('quack:127.0.0.1:29999')", "'quack_serve'"),
    ("from query('select 1')", "'query'"),
    ("from query_table('secret')", "'query_table'"),
    ("from json_execute_serialized_sql('{}')", "'json_execute_serialized_sql'"),
    ("from duckdb_settings()", "'duckdb_settings'"),
    ("from duckdb_secrets()", "'duckdb_secrets'"),
    ("from duckdb_tables", "'duckdb_tables'"),
    ("from sqlite_master", "'sqlite_master'"),
    ("select * from information_schema.tables", "'information_schema.tables'"),
    ("select * from pg_catalog.pg_class", "'pg_catalog.pg_class'"),
    ("from enable_logging()", "'enable_logging'"),
    ("from pragma_database_list()", "'pragma_database_list'"),
    ("select nextval('ticket')", "'nextval'"),
    ("select NEXTVAL('ticket') from points", "'nextval'"),
    ("select setseed(0.5)", "'setseed'"),
    ("select sleep_ms(9999)", "'sleep_ms'"),
    ("select write_log('x')", "'write_log'"),
    ("select getenv('HOME')", "'getenv'"),
    ("select current_setting('temp_directory')", "'current_setting'"),
    ("select getvariable('x')", "'getvariable'"),
    ("select peek()", "'peek'"),
    ("select main.peek()", "'peek'"),
    ("from peeks()", "'peeks'"),
    ("select pg_get_viewdef(1)", "'pg_get_viewdef'"),
    ("select auth.sum(1)", "'sum'"),
    ("select sum(nextval('ticket')) over () from points", "'nextval'"),
    ("select " + "abs(" * 3_000 + "1" + ")" * 3_000, "depth"),
    ("select " + "x" * 100_001, "100000 characters"),
]  # fmt: skip


@pytest.mark.parametrize(("query", "words"), REFUSED)
def test_everything_else_is_refused_in_one_sentence(database, query, words):
    with pytest.raises(QueryError) as caught:
        ask(database, query)
    assert words in str(caught.value)
    assert "sesame" not in str(caught.value)
    assert database.execute("SELECT count(*) FROM points").fetchone() == (1000,)


@pytest.mark.parametrize("depth", [100, 300, 500, 900, 1_200])
def test_deep_queries_run_or_are_refused(database, depth):
    try:
        assert ask(database, "select " + "abs(" * depth + "1" + ")" * depth)[0][0].as_py() == 1
    except QueryError as error:
        assert "dee" in str(error) or "depth" in str(error)  # noqa: PT017


def test_the_check_alone_refuses_before_anything_runs():
    with pytest.raises(QueryError, match="secret"):
        check_select("select * from secret", ["points"])
    check_select("select * from points", ["points"])


def test_params_are_bound_by_place_and_by_name(database):
    assert ask(database, "select count(*) from points where i < ?", [7])[0][0].as_py() == 7
    assert ask(database, "select count(*) from points where i < $n", {"n": 7})[0][0].as_py() == 7
    with pytest.raises(QueryError, match="failed"):
        ask(database, "select ?")


def test_rows_beyond_the_cap_are_cut_and_said_to_be(database):
    table = ask(database, "select * from points", max_rows=10)
    assert table.num_rows == 10
    assert table.schema.metadata == {b"truncated": b"true"}
    whole = ask(database, "select * from points", max_rows=1000)
    assert whole.num_rows == 1000
    assert whole.schema.metadata is None
    assert ask(database, "select * from points where i < 0").schema.names == ["i", "k"]
    assert ask(database, "select * from points where i < 9", max_rows=0).num_rows == 0


def test_a_huge_result_costs_no_more_than_its_first_rows(database):
    table = ask(database, "select range from range(10000000000)", max_rows=5)
    assert table["range"].to_pylist() == [0, 1, 2, 3, 4]


def test_a_slow_query_is_stopped_and_told_the_limit(database):
    start = time.monotonic()
    with pytest.raises(QueryError, match=r"longer than 0\.3 s"):
        ask(
            database,
            "select count(*) from range(1000000) a, range(1000000) b where a.range + b.range = 7",
            timeout_s=0.3,
        )
    assert time.monotonic() - start < 3
    assert ask(database, "select 1")[0][0].as_py() == 1


def test_a_failing_query_says_why(database):
    with pytest.raises(QueryError, match="nosuch"):
        ask(database, "select nosuch from points")
    with pytest.raises(QueryError, match="Conversion"):
        ask(database, "select cast('x' as int)")
    with pytest.raises(QueryError):
        ask(database, "select '\ud800'")


def test_queries_run_beside_each_other_and_beside_a_writer(database):
    answers = []

    def work():
        answers.extend(ask(database, "select count(*) from run")[0][0].as_py() for _ in range(10))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for _ in range(10):
        with database.cursor() as cursor:
            cursor.execute("INSERT INTO run SELECT 'r2', ['b'] WHERE FALSE")
    for thread in threads:
        thread.join()
    assert answers == [1] * 40


def test_a_hardened_instance_still_takes_registered_tables(database):
    with database.cursor() as cursor:
        cursor.register("incoming", pa.table({"i": [1], "k": [2]}))
        assert cursor.execute("SELECT k FROM incoming").fetchall() == [(2,)]
        with pytest.raises(duckdb.Error):
            cursor.execute("SELECT * FROM read_csv('secret.csv')")
        with pytest.raises(duckdb.Error):
            cursor.execute("SET enable_external_access = true")
