"""The home page: what happened, and one next step that fits it."""

from datetime import UTC, datetime, timedelta

import pytest

import store
from dashboard import data, next_step
from dashboard.next_step import Champion, Facts
from dashboard.tables import KeyMetric
from experiments import queue
from experiments.queueing.jobs import JOB
from store import testing
from store.ledger import LEDGER_NAME, Ledger

pytestmark = pytest.mark.filterwarnings("ignore")  # Streamlit's own, about its imports
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


def run(name, status="finished", *, hours_ago=1, **fields):
    at = (NOW - timedelta(hours=hours_ago)).replace(tzinfo=None)
    base = {"run_id": f"id-{name}", "name": name, "status": status, "project": "p"}
    times = {"created_at": at, "ended_at": at, "seen_at": at, "duration_s": 1.0, "error": None}
    return {**base, **times, **fields}


def scored(name, accuracy):
    return run(name) | {'metrics."val/acc"': accuracy}


def facts(**changes):
    base = {"running": 0, "waiting": 0, "is_paused": False, "best": []}
    base |= {"finished": [], "failed": []}
    rest = {"metric": KeyMetric(name="val/acc", goal="max"), "champions": []}
    return Facts(**{**base, **rest, **changes})


def champion(run_id):
    return Champion(line="digits", version=3, run_id=run_id, reason="why", who="ada", at=NOW)


def test_a_paused_queue_comes_first():
    step = next_step.next_step(facts(is_paused=True, waiting=2, best=[run("a"), run("b")]))

    assert step.page == "queue"
    assert "2 jobs wait" in step.sentence


def test_only_runs_on_the_same_data_are_held_against_each_other():
    rows = [run("digits"), run("lstm"), run("cnn")]
    hashes = {"id-digits": "d", "id-lstm": "reviews", "id-cnn": "reviews"}

    assert [row["name"] for row in next_step.on_same_data(rows, hashes)] == ["lstm", "cnn"]
    assert next_step.on_same_data(rows[:2], hashes) == []


def test_many_failures_are_to_be_looked_at():
    step = next_step.next_step(facts(failed=[run("x", "failed")]))

    assert (step.page, step.parameters["id"]) == ("run", "id-x")


def test_the_best_runs_are_to_be_compared_with_the_champion():
    best = [scored("a", 0.9), scored("b", 0.8)]
    step = next_step.next_step(facts(best=best, champions=[champion("id-old")]))

    assert step.page == "compare"
    assert step.parameters["runs"] == "id-old,id-a,id-b"
    assert "a leads in val/acc" in step.sentence
    assert "champion" in step.sentence


def test_a_tie_is_never_called_a_lead():
    best = [scored(name, 0.9) for name in "ab"]

    assert "a and b are level in val/acc" in next_step.next_step(facts(best=best)).sentence


def test_a_best_run_that_is_released_already_asks_for_the_next_experiment():
    step = next_step.next_step(facts(best=[run("a"), run("b")], champions=[champion("id-a")]))

    assert step.page == "launch"


def test_what_runs_is_to_be_watched():
    assert next_step.next_step(facts(running=1)).page == "curves"


def test_only_the_last_day_is_lately():
    rows = [run("new"), run("old", hours_ago=30), run("bad", "crashed", ended_at=None)]

    good, bad = next_step.lately(rows, NOW)

    assert [row["name"] for row in good] == ["new"]
    assert [row["name"] for row in bad] == ["bad"]


def test_an_empty_store_is_welcomed_with_ways_to_the_first_run(empty, opened, everything_said):
    at = opened("home")

    assert not at.exception
    assert "No runs yet" in everything_said(at)


def test_home_says_what_finished_and_what_failed_with_its_cause(
    home, monkeypatch, opened, everything_said
):
    monkeypatch.setenv("BAKEOFF_HOME", str(home))
    metrics = {"val/acc": [0.5, 0.9]}
    testing.make_run(home, name="good", metrics=metrics)
    testing.make_run(home, name="better", metrics=metrics)
    failed = store.init("p", name="bad", home=home, capture=False, monitor=False)
    failed.finish("failed", error="The loss became NaN.")
    Ledger(home / "queue" / LEDGER_NAME).write(
        JOB, "j", job_kind="train", name="x", run_id="r", state="queued", spec={}
    )
    monkeypatch.setattr(queue, "ensure_supervisor", lambda home: None)

    at = opened("home")
    data.close()

    assert not at.exception
    said = everything_said(at)
    assert "good</a>" in said
    assert "The loss became NaN." in said
    assert "Nothing trains; 1 waiting." in said
    assert "are level in val/acc" in said
