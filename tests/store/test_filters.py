"""The filter language: what it accepts, what it means, what it refuses."""

import math
from datetime import UTC, datetime, timedelta

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from store.errors import FilterError
from store.filter_hints import completions, spell
from store.filter_syntax import FIELDS
from store.filters import Sources, compile_columns, compile_filter, compile_order, param_values
from store.schema import attach_newest, key_of, prepare

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
NOW_US = int(NOW.timestamp()) * 1_000_000
NAN, INF = math.nan, math.inf
HOUR = 3_600 * 1_000_000
METRICS = ("val/acc", "loss", 'odd "name"', "a.last")

RUNS = [
    # id, project, name, group, status, model, host, seed, notes, tags, age in hours, duration
    (
        "r1",
        "p",
        "lstm one",
        "g1",
        "running",
        "lstm",
        "h",
        1,
        "good run",
        ["baseline", "Big"],
        1,
        None,
    ),
    ("r2", "p", "cnn two", "g1", "finished", "cnn", "h", 2, None, ["baseline"], 5, 60.0),
    ("r3", "q", "cnn three", None, "failed", "cnn", None, None, "it's odd", [], 30, 5.5),
    ("r4", "q", "Ünï", None, "lost", None, "k", 2**60 + 1, "", None, 24 * 400, 7200.0),
]
PARAMS = [
    (1, "model.lr", 0.01, "0.01"), (1, "model.kind", None, "lstm"), (1, "fused", 1.0, "true"),
    (2, "model.lr", 0.1, "0.1"), (2, "weird key", 3.0, None), (2, "fused", None, "false"),
    (3, "model.lr", NAN, "nan"), (3, "model.kind", None, "None"), (4, "model.lr", None, "auto"),
    (4, "model.kind", None, "null"),
]  # fmt: skip
SERIES = [
    # run, metric, n, last, last_step, min, min_step, max, max_step
    (1, 1, 9, 0.95, 8, 0.1, 0, 0.96, 7), (2, 1, 9, 0.5, 8, 0.4, 0, 0.6, 7),
    (1, 2, 3, 0.3, 2, 0.2, 1, 0.9, 0), (2, 2, 3, NAN, 2, 0.1, 1, 0.8, 0),
    (3, 2, 3, INF, 2, 0.5, 1, INF, 2), (3, 3, 1, -1.0, 0, -1.0, 0, -1.0, 0),
    (4, 4, 1, 7.0, 0, 7.0, 0, 7.0, 0),
]  # fmt: skip


@pytest.fixture(scope="module")
def database():
    with duckdb.connect() as connection:
        prepare(connection, "test")
        attach_newest(connection)
        connection.execute(  # unlike the store's own view, this one knows runs without a duration
            "CREATE OR REPLACE VIEW run AS SELECT *, (ended_us - created_us) / 1e6 AS duration_s "
            "FROM run_base"
        )
        for key, (*fields, age, duration) in enumerate(RUNS, 1):
            created = NOW_US - age * HOUR
            ended = None if duration is None else created + int(duration * 1e6)
            connection.execute(
                "INSERT INTO run_base(run_key, run_id, project, name, group_name, status, model, "
                "host, seed, notes, tags, created_us, ended_us, record) "
                f"VALUES ({', '.join('?' * 13)}, '{{}}')",
                [key, *fields, created, ended],
            )
        connection.executemany("INSERT INTO param VALUES (?, ?, ?, ?)", PARAMS)
        connection.executemany(
            "INSERT INTO metric(metric_key, name, goal) VALUES (?, ?, ?)",
            [(key_of(name), name, "max" if name == "val/acc" else None) for name in METRICS],
        )
        connection.executemany(
            "INSERT INTO series_base(run_key, metric_key, n, last_value, last_step, min_value, "
            f"min_step, max_value, max_step) VALUES ({', '.join('?' * 9)})",
            [(run, key_of(METRICS[metric - 1]), *rest) for run, metric, *rest in SERIES],
        )
        yield connection


def ordered(database, text):
    sources = Sources()
    order = compile_order(text, sources)
    rows = database.execute(
        f"SELECT r.run_id FROM run r {sources.sql} ORDER BY {order.sql}",
        [*sources.params, *order.params],
    ).fetchall()
    return "".join(row[0][1:] for row in rows)


def found(database, text):
    sources = Sources()
    where = compile_filter(text, sources, NOW)
    rows = database.execute(
        f"SELECT r.run_id FROM run r {sources.sql} WHERE {where.sql} ORDER BY 1",
        [*sources.params, *where.params],
    ).fetchall()
    return " ".join(row[0][1:] for row in rows)


MEANINGS = [
    ("", "1 2 3 4"),
    ("   ", "1 2 3 4"),
    ("id = r2", "2"),
    ("run_id == 'r2'", "2"),
    ("status = running", "1"),
    ('status in ("running", finished,failed)', "1 2 3"),
    ("status not in (running, finished)", "3 4"),
    ("NOT status = running AND project = q", "3 4"),
    ("status = running or status = failed and project = p", "1"),
    ("(status = running or status = failed) and project = p", "1"),
    ("not not status = running", "1"),
    ("host != h", "3 4"),
    ("host is null", "3"),
    ("host is not null", "1 2 4"),
    ("host = null", "3"),
    ("host != null and host in (k, null)", "4"),
    ("host in (k, null)", "3 4"),
    ("group = g1", "1 2"),
    ("name ~ CNN", "2 3"),
    ("name !~ cnn", "1 4"),
    ("name ~ 'ünÏ'", "4"),
    ("name > d", "1 4"),
    ('notes ~ "it\'s"', "3"),
    ("tag = baseline", "1 2"),
    ("tag != baseline", "3 4"),
    ("tag ~ bi", "1"),
    ("tag in (Big, none)", "1"),
    ("tag is null", "3 4"),
    ("tags is not null", "1 2"),
    ("seed = 2", "2"),
    ("seed in (1, 2)", "1 2"),
    (f"seed = {2**60 + 1}", "4"),
    (f"seed = {2**60}", ""),
    ("seed is null", "3"),
    ("seed > 1.5", "2 4"),
    ("seed < inf", "1 2 4"),
    ("age < 2h", "1"),
    ("age < 2h30m", "1"),
    ("age > 1d", "3 4"),
    ("age >= 108000", "3 4"),
    ("age < inf", "1 2 3 4"),
    ("age > nan", ""),
    ("created > 2h", "1"),
    ("created <= 1d", "3 4"),
    ('created >= "2026-11-22"', "1 2"),
    ("created > 2026-11-22", ""),
    ("created = 2026-11-22", "1 2"),
    ("created != 2026-11-22", "3 4"),
    ("created < 2026-11-22", "3 4"),
    ("created <= 2026-11-22", "1 2 3 4"),
    ("created = 2026-11-22T11:00:00Z", "1"),
    ("created_at >= '2026-11-22 09:00'", "1"),
    ("created >= 2026-11-22T12:00+05:00", "1 2"),
    ("ended is null", "1"),
    ("ended > 7h", "2"),
    ("duration > 1m", "4"),
    ("duration >= 1m", "2 4"),
    ("duration_s < 6", "3"),
    ("params.model.lr < 0.1", "1"),
    ("params.model.lr <= 1e-1", "1 2"),
    ("params.model.lr > 0", "1 2"),
    ("params.model.lr = nan", "3"),
    ("params.model.lr != 0.1", "1 3 4"),
    ("params.model.lr = auto", "4"),
    ("params.model.lr in (0.1, auto)", "2 4"),
    ("params.model.kind is null", "2 4"),
    ('params."weird key" = 3', "2"),
    ('params."weird key" ~ 3', "2"),
    ("params.fused = true", "1"),
    ("params.fused = false", "2"),
    ("params.model.kind ~ LST", "1"),
    ('metrics."val/acc" > 0.9', "1"),
    ("metrics.val/acc > 0.9", "1"),
    ('metrics."val/acc".last > 0.4', "1 2"),
    ('metrics."val/acc".best_step = 7', "1 2"),
    ('metrics."val/acc".n in (9, 10)', "1 2"),
    ('metrics."val/acc" is null', "3 4"),
    ("metrics.loss > 0.2", "1 3"),
    ("metrics.loss >= inf", "3"),
    ("metrics.loss < 1", "1"),
    ("metrics.loss = nan", "2"),
    ("metrics.loss != nan", "1 3 4"),
    ("metrics.loss.best is null", "1 2 3 4"),
    ("metrics.loss.min < 0.3", "1 2"),
    ("metrics.none = 1", ""),
    (r'metrics."odd \"name\"" = -1', "3"),
    ('metrics."a.last" = 7', "4"),
    ("cnn", "2 3"),
    ("cnn baseline", "2"),
    ('"cnn t"', "2 3"),
    ("GOOD or odd", "1 3"),
    ("baseline status = running", "1"),
    ("cnn not baseline", "3"),
    ("r3", "3"),
    ("status", ""),
]


@pytest.mark.parametrize(("text", "runs"), MEANINGS)
def test_a_filter_finds_the_runs_that_it_names(database, text, runs):
    assert found(database, text) == runs


REFUSALS = [
    ("stauts = running", 0, "did you mean status?"),
    ("name = x and lr > 3", 13, "params.<key>"),
    ("status =", 8, "the end"),
    ("status = and", 9, "a value"),
    ("= 3", 0, "'='"),
    ("(a or b", 7, "close the parenthesis"),
    ("a) b", 1, "')'"),
    ('name = "open', 7, "closing quote"),
    ("a ! b", 2, "!= or !~"),
    ("status in running", 10, "'(' after 'in'"),
    ("status in ()", 11, "a value"),
    ("status in (a b)", 13, "')' or ','"),
    ("status is running", 10, "'null' after 'is'"),
    ("metrics.loss", 12, "the end"),
    ("metrics. > 3", 9, "a name after"),
    ("metrics.loss > high", 15, "a number"),
    ("metrics.loss ~ 3", 15, "'~'"),
    ('metrics."loss".lst > 3', 14, "did you mean .last?"),
    ("seed = true", 7, "a number"),
    ("seed = '4'", 7, "a number"),
    ("age < soon", 6, "90s, 15m, 2h or 7d"),
    ("created > yesterday", 10, "2026-11-01"),
    ("created > 2026-13-01", 10, "2026-11-01"),
    ("tag > a", 6, "in, is"),
    ("spark.loss > 3", 0, "compared"),
    ("name > null", 7, "a value"),
    ("a and and b", 6, "a field, a word"),
    ("a or", 4, "the end"),
    ("not", 3, "the end"),
    ("a \ud800", 2, "Unicode"),
    ("x" * 4_001, 4_000, "4000 characters"),
    ("(" * 60 + "a" + ")" * 60, 51, "50 nested"),
    ("a " * 101, 200, "100 conditions"),
]


@pytest.mark.parametrize(("text", "position", "words"), REFUSALS)
def test_a_bad_filter_is_told_what_stands_where_and_what_is_allowed(text, position, words):
    with pytest.raises(FilterError) as caught:
        compile_filter(text, Sources(), NOW)
    assert caught.value.position == position
    assert words in str(caught.value)
    assert str(caught.value).startswith("Expected ")
    assert f"at position {position}" in str(caught.value)


def test_long_and_deep_filters_still_run(database):
    assert found(database, "(" * 50 + "cnn" + ")" * 50) == "2 3"
    assert found(database, "not " * 999 + "cnn") == "1 4"
    assert found(database, " or ".join(["metrics.loss < 1"] * 100)) == "1"
    assert found(database, f"name in ({', '.join(['x'] * 1_000)}, 'cnn two')") == "2"


INJECTIONS = [
    "' OR 1=1 --",
    "x'; DROP TABLE run; --",
    '" OR TRUE',
    "?",
    "$1",
    "{}",
    "%s",
    "\\",
    "\x00",
]


def shapes(quoted):
    return [
        quoted,
        f"name = {quoted}",
        f"tag ~ {quoted}",
        f"params.{quoted} = {quoted}",
        f"metrics.{quoted}.last > 0",
        f"status in ({quoted}, {quoted})",
    ]


@pytest.mark.parametrize("evil", INJECTIONS)
def test_what_the_user_types_stays_a_value(database, evil):
    quoted = '"' + evil.replace("\\", "\\\\").replace('"', '\\"') + '"'
    for text, harmless in zip(shapes(quoted), shapes("'x'"), strict=True):
        sources, plain = Sources(), Sources()
        where = compile_filter(text, sources, NOW)
        assert {evil, key_of(evil)} & {*where.params, *sources.params}
        assert where.sql == compile_filter(harmless, plain, NOW).sql
        assert sources.sql == plain.sql
        assert where.sql.count("?") == len(where.params)
        assert sources.sql.count("?") == len(sources.params)
        assert found(database, text) == ""
    for name in (f"params.{quoted}", f"metrics.{quoted}"):
        (column,) = compile_columns([name])
        assert column.name == evil
        assert evil not in column.sql
        assert sorted(ordered(database, f"{name} desc")) == ["1", "2", "3", "4"]


PIECES = st.sampled_from(
    ["status", "=", "!=", "<", ">=", "~", "!~", "(", ")", ",", "in", "not", "is", "null", "and", "or",
     "params.", "metrics.", '"val/acc"', ".last", "metrics.loss", "params.model.lr", "1e-3", "nan",
     "-inf", "2h", "age", "created", "2026-11-01", "tag", "true", "'x'", " ", "seed", '"', "'", "!",
     "1" * 30, "9999-12-31", "0001-01-01", "desc", "asc", "spark.x", "duration", "1e999"]
)  # fmt: skip


@settings(max_examples=250, deadline=None)
@given(
    st.one_of(
        st.text(max_size=60),
        st.lists(PIECES, max_size=12).map(" ".join),
        st.lists(PIECES, max_size=8).map("".join),
    )
)
def test_any_text_runs_or_is_refused_with_a_position(database, text):
    refused = []
    try:
        found(database, text)
    except FilterError as error:
        refused.append(error.position)
    try:
        ordered(database, text)
    except FilterError as error:
        refused.append(error.position)
    assert all(0 <= position <= len(text) for position in refused)
    assert isinstance(completions(text, len(text) // 2, [("metric", text)]), list)


NUMBERS = st.sampled_from([-1.0, 0.0, 0.1, 0.3, 0.5, 0.95, 2.0, INF, -INF, NAN])
COMPARE = {
    "=": lambda a, b: a == b or (math.isnan(a) and math.isnan(b)),
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
}


def meets(value, sign, wanted):
    if sign == "!=":
        return value is None or not COMPARE["="](value, wanted)
    return value is not None and COMPARE[sign](value, wanted)


SIGNS = st.sampled_from(["=", "!=", "<", "<=", ">", ">="])


@st.composite
def conditions(draw):
    kind = draw(st.sampled_from(["loss", "lr", "seed", "status", "tag"]))
    if kind == "status":
        wanted = draw(st.sampled_from(["running", "failed", "none"]))
        return f'status = "{wanted}"', lambda key: RUNS[key - 1][4] == wanted
    if kind == "tag":
        wanted = draw(st.sampled_from(["baseline", "Big"]))
        return f"tag != {wanted}", lambda key: wanted not in (RUNS[key - 1][9] or [])
    sign, wanted = draw(SIGNS), draw(NUMBERS)
    if kind == "seed":
        return f"seed {sign} {wanted}", lambda key: meets(RUNS[key - 1][7], sign, wanted)
    if kind == "lr":
        lr = {key: number for key, name, number, _ in PARAMS if name == "model.lr"}
        return f"params.model.lr {sign} {wanted}", lambda key: meets(lr.get(key), sign, wanted)
    last = {row[0]: row[3] for row in SERIES if METRICS[row[1] - 1] == "loss"}
    return f"metrics.loss.last {sign} {wanted}", lambda key: meets(last.get(key), sign, wanted)


def joined(parts):
    return st.one_of(
        st.tuples(parts, parts).map(
            lambda ab: (f"({ab[0][0]} and {ab[1][0]})", lambda k: ab[0][1](k) and ab[1][1](k))
        ),
        st.tuples(parts, parts).map(
            lambda ab: (f"({ab[0][0]} or {ab[1][0]})", lambda k: ab[0][1](k) or ab[1][1](k))
        ),
        parts.map(lambda a: (f"not {a[0]}", lambda k: not a[1](k))),
    )


@settings(max_examples=150, deadline=None)
@given(st.recursive(conditions(), joined, max_leaves=6))
def test_conditions_mean_what_python_says_they_mean(database, case):
    text, holds = case
    assert found(database, text) == " ".join(str(key) for key in range(1, 5) if holds(key))


ORDERS = [
    ("", "1234"),
    ("created desc", "1234"),
    ("created", "4321"),
    ("age", "1234"),
    ("metrics.loss.last", "1324"),
    ("metrics.loss.last desc", "3124"),
    ("metrics.loss", "1324"),
    ("metrics.\"val/acc\" desc, name", "1234"),
    ("params.model.lr desc", "2143"),
    ("project desc, name desc", "4312"),
    ("host, seed desc", "2143"),
    ("duration desc", "4231"),
    ("project", "1234"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "runs"), ORDERS)
def test_orders_put_missing_values_last_and_settle_ties_by_id(database, text, runs):
    assert ordered(database, text) == runs


@pytest.mark.parametrize(
    "text", ["name,", ", name", "name up", "nmae", "spark.loss", "name desc asc", "'name'"]
)
def test_a_bad_order_is_refused(text):
    with pytest.raises(FilterError):
        compile_order(text, Sources())


def test_columns_say_where_their_values_come_from(database):
    names = ['metrics."val/acc".last', "metrics.loss.best_step", "params.model.lr",
             'params."weird key"', "name", "age", "created", 'spark."val/loss"']  # fmt: skip
    columns = compile_columns(names, NOW)
    kinds = ["metric", "metric", "param", "param", "value", "value", "value", "spark"]
    assert [column.kind for column in columns] == kinds
    named = ["val/acc", "loss", "model.lr", "weird key"]
    assert [column.name for column in columns[:4]] == named
    assert columns[-1].name == "val/loss"
    assert columns[0].sql == "s.last_value"
    own = columns[4:7]
    sql = ", ".join(f"{column.sql} AS c{i}" for i, column in enumerate(own))
    params = [value for column in own for value in column.params]
    table = database.execute(f"SELECT {sql} FROM run r ORDER BY r.run_id", params).to_arrow_table()
    assert table["c1"].to_pylist() == [3_600.0, 5 * 3_600.0, 30 * 3_600.0, 400 * 86_400.0]
    assert table["c2"].to_pylist()[0] == NOW.replace(tzinfo=None) - timedelta(hours=1)


def values_of(*pairs):
    number, text = zip(*pairs, strict=True)
    return param_values(pa.array(number, pa.float64()), pa.array(text, pa.string())).to_pylist()


def test_params_are_numbers_where_all_are_and_text_where_one_is_not():
    assert values_of((0.5, "0.5"), (None, None), (3.0, "3.0")) == [0.5, None, 3.0]
    assert values_of((0.5, "0.5"), (None, "auto"), (None, None)) == ["0.5", "auto", None]
    assert values_of((3.5, None), (None, "auto")) == ["3.5", "auto"]


@pytest.mark.parametrize("text", ["", "name x", "params.", "metrics", 'metrics."a".mean', "lr"])
def test_a_bad_column_is_refused(text):
    with pytest.raises(FilterError):
        compile_columns([text])


@given(st.sampled_from(["param", "metric"]), st.text(min_size=1, max_size=20))
def test_spelling_a_key_reads_back_as_that_key(kind, key):
    if any("\ud800" <= character <= "\udfff" for character in key):
        return
    (column,) = compile_columns([spell(kind, key)])
    assert column.name == key


KEYS = [("metric", "val/acc"), ("metric", "loss"), ("param", "model.lr"), ("param", "weird key")]


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("sta", "status"),
        ("status = fi", "finished"),
        ("status in (running, ", "running"),
        ("name ~ x and metrics.l", "metrics.loss"),
        ("not (acc", "metrics.val/acc"),
        ("weird", 'params."weird key"'),
        ('params."wei', 'params."weird key"'),
        ("params.model", "params.model.lr"),
    ],
)
def test_completion_offers_what_fits_before_the_cursor(text, first):
    assert completions(text, len(text), KEYS)[0] == first
    assert completions(text + " zzz", len(text), KEYS)[0] == first


def test_completion_is_silent_where_only_the_user_knows():
    assert completions("name = l", 8, KEYS) == []
    assert completions('name = "sta', 11, KEYS) == []
    assert set(FIELDS) <= set(completions("", 0, KEYS))
