"""Ledgers: what is said of jobs, studies and releases is folded alike from file and database."""

import json
from pathlib import Path

import pytest

import store
from store.layout import Home
from store.ledger import LEDGER_NAME, Ledger


def test_the_last_word_on_each_field_wins(tmp_path: Path):
    ledger = Ledger(tmp_path / "queue" / LEDGER_NAME)
    ledger.write("job", "a", state="queued", priority=1)
    ledger.write("job", "b", state="queued")
    ledger.write("job", "a", state="running")
    items = ledger.items("job")
    assert list(items) == ["a", "b"]
    assert (items["a"]["state"], items["a"]["priority"]) == ("running", 1)
    assert ledger.item("job", "c") is None


def test_a_ledger_reads_on_what_others_append(tmp_path: Path):
    path = tmp_path / "queue" / LEDGER_NAME
    mine, theirs = Ledger(path), Ledger(path)
    mine.write("job", "a", state="queued")
    assert theirs.items("job")["a"]["state"] == "queued"
    mine.write("job", "a", state="running")
    assert theirs.items("job")["a"]["state"] == "running"


def test_a_torn_line_is_not_there_and_harms_nothing(tmp_path: Path):
    path = tmp_path / "queue" / LEDGER_NAME
    ledger = Ledger(path)
    ledger.write("job", "a", state="queued")
    with path.open("ab") as file:
        file.write(b'{"kind": "job", "id": "a", "state": "fin')
    assert Ledger(path).items("job")["a"]["state"] == "queued"
    ledger.write("job", "a", state="running")
    assert Ledger(path).items("job")["a"]["state"] == "running"


def test_the_store_answers_what_the_ledgers_say(tmp_path: Path):
    home = Home.locate(tmp_path).create()
    queue = Ledger(home.queue / LEDGER_NAME)
    queue.write("job", "a", state="queued", spec={"seed": 1})
    Ledger(home.studies / "s" / LEDGER_NAME).write("trial", "s/0", value=0.5)
    with store.open(home=tmp_path) as opened:
        before = opened.state()["version"]
        [job] = opened.ask("items", kind="job").to_pylist()
        assert json.loads(job["body"]) == {"id": "a", "state": "queued", "spec": {"seed": 1}}
        [trial] = opened.ask("items", kind="trial").to_pylist()
        assert trial["id"] == "s/0"
        queue.write("job", "a", state="running")
        assert opened.state()["version"] > before
        [job] = opened.ask("items", kind="job").to_pylist()
        assert json.loads(job["body"])["state"] == "running"
        assert json.loads(job["body"])["spec"] == {"seed": 1}
    with store.open(home=tmp_path) as again:
        assert again.ask("items", kind="job").num_rows == 1


def test_a_ledger_that_cannot_be_written_says_so(tmp_path: Path):
    (tmp_path / "queue").write_text("a file where a folder should be")
    with pytest.raises(store.HomeNotWritableError, match="disk full"):
        Ledger(tmp_path / "queue" / LEDGER_NAME).write("job", "a", state="queued")


def test_what_was_refused_is_not_written_later(tmp_path: Path):
    folder = tmp_path / "queue"
    ledger = Ledger(folder / LEDGER_NAME)
    folder.write_text("a file where a folder should be")
    with pytest.raises(store.HomeNotWritableError):
        ledger.write("job", "a", state="queued")
    folder.unlink()
    ledger.write("job", "b", state="queued")
    assert list(ledger.items("job")) == ["b"]


def test_jobs_are_a_table(tmp_path: Path):
    queue = Ledger(Home.locate(tmp_path).create().queue / LEDGER_NAME)
    queue.write("job", "a", job_kind="train", name="cnn", state="running", started=10.0)
    queue.write("job", "a", state="failed", ended=12.5, exit_code=1, error="Out of memory.")
    with store.open(home=tmp_path) as opened:
        [job] = opened.sql("SELECT job, kind, state, duration_s, error FROM job").to_pylist()
    assert job == {
        "job": "a",
        "kind": "train",
        "state": "failed",
        "duration_s": 2.5,
        "error": "Out of memory.",
    }
