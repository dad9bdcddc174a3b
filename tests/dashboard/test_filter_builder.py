"""Filters from clicks are the store's language; what is typed is completed."""

import pytest

import store
from dashboard import filter_builder
from store import filters, testing

KEYS = [
    {"kind": "metric", "key": "val/acc", "num_runs": 3},
    {"kind": "metric", "key": "system/cpu", "num_runs": 3},
    {"kind": "param", "key": "training.lr", "num_runs": 3},
    {"kind": "param", "key": "an odd key", "num_runs": 1},
]
FIELDS = filter_builder.fields(KEYS, {"status": ["finished", "failed"], "tag": ["best"]})


def field(path):
    return next(f for f in FIELDS if f.path == path)


@pytest.mark.parametrize(
    ("path", "operator", "value", "text"),
    [
        ("status", "=", "failed", 'status = "failed"'),
        ('metrics."val/acc"', ">", "0.9", 'metrics."val/acc" > 0.9'),
        ("params.training.lr", "=", "1e-3", "params.training.lr = 1e-3"),
        ('params."an odd key"', "~", 'a "b"', 'params."an odd key" ~ "a \\"b\\""'),
        ("age", "<", "2h", "age < 2h"),
        ("pinned", "=", "yes", "pinned = true"),
        ('metrics."val/acc"', ">", "high", ""),
        ("age", "<", "soon", ""),
        ("status", "drop table", "x", ""),
        ("status", "=", " ", ""),
    ],
)
def test_a_condition_is_the_store_s_language(path, operator, value, text):
    built = filter_builder.condition(field(path), operator, value)

    assert built == text
    filters.compile_filter(built, filters.Sources())


def compiled(one, operator, value):
    text = filter_builder.condition(one, operator, value)
    return filters.compile_filter(text, filters.Sources())


def test_every_field_and_operator_compiles():
    for one in FIELDS:
        for operator in one.operators:
            value = {"number": "1", "span": "5m"}.get(one.kind, "finished")
            assert compiled(one, operator, value).sql


def test_conditions_are_joined_as_meant(home):
    for name in "abc":
        testing.make_run(home, name=name)
    either = filter_builder.joined("name = a", "name = b", "or")
    both = filter_builder.joined("name = a or name = b", "name = b", "and")

    with store.open(home) as s:
        assert s.runs(either)["name"].to_pylist() == ["b", "a"]
        assert s.runs(both)["name"].to_pylist() == ["b"]
    assert filter_builder.joined("", "x = 1", "and") == "x = 1"


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("metr", 'metrics."val/acc"'),
        ("status = failed and lr", "params.training.lr"),
        ('metrics."val', 'metrics."val/acc"'),
        ("sta", "status"),
    ],
)
def test_the_last_word_is_completed(text, first):
    assert filter_builder.completions(text, FIELDS)[0] == first
    assert filter_builder.completed(text, first).endswith(f"{first} ")


@pytest.mark.parametrize("text", ["", "status", "status = and", "x > 0.9", 'name = "sta', "s"])
def test_nothing_is_offered_where_nothing_fits(text):
    assert filter_builder.completions(text, FIELDS) == []


def test_system_metrics_are_no_filter_fields():
    assert not [f for f in FIELDS if "system" in f.path]
