"""What is done to several runs at once."""

import csv
import io
import json

import pytest

import store
from experiments import run_actions
from experiments.errors import UsageError
from store import testing


@pytest.fixture
def filled(home):
    ids = [
        testing.make_run(
            home, name=name, config={"lr": lr}, metrics={"val/acc": [0.5, best, 0.6]}, tags=["old"]
        )
        for name, lr, best in (("a", 0.1, 0.9), ("=cmd()", 0.2, 0.8))
    ]
    with store.open(home) as s:
        yield s, ids


def test_tags_are_added_and_removed_in_bulk(filled):
    s, ids = filled

    run_actions.tag_runs(s, ids, add=[" best ", "best"], remove=["old"])

    assert [run["tags"] for run in s.runs().to_pylist()] == [["best"], ["best"]]


@pytest.mark.parametrize("tag", ["", "  ", "a,b", "x" * 101, "a\nb"])
def test_a_tag_that_cannot_be_told_apart_is_refused(filled, tag):
    s, ids = filled

    with pytest.raises(UsageError, match="Expected a tag"):
        run_actions.tag_runs(s, ids, add=[tag])
    assert s.run(ids[0])["tags"] == ["old"]


def test_runs_are_pinned_in_bulk(filled):
    s, ids = filled

    run_actions.pin_runs(s, ids, True)
    assert s.count_runs("pinned = true") == 2
    run_actions.pin_runs(s, ids[:1], False)

    assert s.count_runs("pinned = true") == 1


def test_an_export_holds_parameters_and_best_values(filled):
    s, ids = filled

    rows = json.loads(run_actions.export_runs(s, ids, "json"))

    assert [row["name"] for row in rows] == ["a", "=cmd()"]
    assert rows[0]["params"]["lr"] == 0.1
    assert rows[0]["metrics"]["val/acc"] == 0.9


def test_a_csv_export_is_no_formula_for_a_spreadsheet(filled):
    s, ids = filled

    rows = list(csv.DictReader(io.StringIO(run_actions.export_runs(s, ids, "csv"))))

    assert rows[1]["name"] == "'=cmd()"
    assert float(rows[1]["metrics.val/acc"]) == 0.8
    assert rows[0]["tags"] == "old"


def test_runs_that_the_queue_does_not_know_are_not_stopped_but_named(filled, home):
    _, ids = filled

    (sentence,) = run_actions.stop_runs(home, ids[:1])

    assert ids[0] in sentence
