"""The SQL page: results, errors in words, kept queries, charts."""

import pyarrow as pa
import pytest

from dashboard import data, sql_console
from experiments.errors import UsageError
from store.schema import TABLES

pytestmark = pytest.mark.filterwarnings("ignore")  # Streamlit's own, about its imports


def test_a_query_in_the_address_shows_its_result(runs, opened, everything_said):
    at = opened("sql", query="SELECT name, model FROM run ORDER BY name LIMIT 2")

    assert not at.exception
    assert at.dataframe[0].value["name"].tolist() == ["cnn-00", "cnn-01"]
    assert "2 rows" in everything_said(at)


@pytest.mark.parametrize(
    "query",
    ["DROP TABLE run", "SELECT * FROM nowhere", "SELECT * FROM read_csv('/etc/passwd')", "SEL"],
)
def test_what_is_refused_is_said_in_words(runs, opened, everything_said, query):
    at = opened("sql", query=query)

    assert not at.exception
    assert not at.dataframe
    said = everything_said(at)
    assert "material/error" in said
    assert "Traceback" not in said


def test_every_example_runs(runs):
    for query in sql_console.EXAMPLES.values():
        assert data.sql(query).num_rows > 0


def test_the_schema_help_lists_every_table(runs):
    listed = sql_console.tables()

    assert {table.name for table in listed} == set(TABLES)
    assert listed[0].name == "run"
    assert ("name", "string") in listed[0].columns


def test_a_result_is_drawn_as_a_chart(runs, opened):
    at = opened("sql", query="SELECT seed, duration_s, model FROM run", view="Chart")

    assert not at.exception
    assert at.get("plotly_chart")


def test_a_chart_has_a_line_for_each_value_of_a_column():
    table = pa.table({"x": [1, 2, 1], "y": [0.1, None, 0.3], "m": ["a", "a", "b"]})

    figure = sql_console.chart(table, "x", "y", kind="line", colour="m", mode="light")

    assert [trace["name"] for trace in figure.to_dict()["data"]] == ["a", "b"]
    assert sql_console.numbers(table) == ["x", "y"]


def test_queries_are_kept_in_the_store(home, monkeypatch):
    monkeypatch.setenv("BAKEOFF_HOME", str(home))

    sql_console.save(" mine ", "SELECT 1")
    assert sql_console.saved() == {"mine": "SELECT 1"}
    sql_console.forget("mine")

    assert sql_console.saved() == {}
    for name, query in (("", "SELECT 1"), ("x" * 81, "SELECT 1"), ("a", " ")):
        with pytest.raises(UsageError, match="Expected"):
            sql_console.save(name, query)
