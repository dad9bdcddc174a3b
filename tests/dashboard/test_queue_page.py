"""The Queue page: what it says of jobs in every state, and what it asks of the queue."""

import time

import pytest

from dashboard import data, logs, queue_rows
from experiments import queue
from experiments.queueing.jobs import JOB, State
from store import testing
from store.ledger import LEDGER_NAME, Ledger
from trainers.spec import load_spec

pytestmark = pytest.mark.filterwarnings("ignore")  # Streamlit's own, about its imports
SPEC = load_spec({"data": {"kind": "digits"}, "model": {"kind": "cnn"}}).to_mapping()


@pytest.fixture
def add(home, monkeypatch):
    """Write jobs into the ledger, as the queue and its supervisor do; nothing is started."""
    monkeypatch.setenv("BAKEOFF_HOME", str(home))
    monkeypatch.setattr(queue, "ensure_supervisor", lambda home: None)
    ledger = Ledger(home / "queue" / LEDGER_NAME)

    def write(job_id, state="queued", **fields):
        base = {"job_kind": "train", "name": job_id, "run_id": f"run-{job_id}", "spec": SPEC}
        ledger.write(JOB, job_id, state=state, **{**base, **fields})

    yield write
    data.close()


def jobs(home):
    return queue_rows.board(home)


def button(at, label):
    return next(b for b in at.button if b.label == label)


def test_an_empty_queue_says_what_to_do(empty, opened, everything_said):
    at = opened("queue")

    assert not at.exception
    assert "Nothing in the queue" in everything_said(at)


def test_jobs_are_shown_by_what_they_do(add, home, opened, everything_said):
    now = time.time()
    add("a", "running", slot=0, started=now - 60)
    add("b")
    add("c", priority=5)
    add("d", "failed", started=now - 9, ended=now, exit_code=1, error="The loss is NaN.")

    at = opened("queue", job="d")

    assert not at.exception
    said = everything_said(at)
    assert "1 running · 2 waiting · 1 slot, 0 free" in said
    waiting, ended = (table.value for table in at.dataframe)
    assert waiting["name"].tolist() == ["c", "b"]
    assert ended["why"].tolist() == ["The loss is NaN."]
    assert "The loss is NaN" in said


def test_stop_is_graceful_first_and_hard_second(add, home, opened):
    add("a", "running", slot=0, started=time.time())
    at = opened("queue")

    button(at, "Stop").click().run()
    assert queue.job(home, "a").wanted == "stop"
    button(at, "Stop now").click().run()

    assert queue.job(home, "a").wanted == "kill"


def test_the_queue_is_paused_and_goes_on(add, home, opened):
    add("a")
    at = opened("queue")

    button(at, "Pause").click().run()
    assert queue.settings(home).paused
    button(at, "Go on").click().run()

    assert not queue.settings(home).paused


def test_the_number_of_slots_is_set(add, home, opened):
    add("a")
    at = opened("queue")

    at.number_input(key="queue_slots").set_value(3).run()

    assert queue.settings(home).slots == 3


def test_waiting_jobs_are_moved_and_taken_out(add, home, opened):
    for name in "abc":
        add(name, order=float(ord(name)))
    at = opened("queue", wait="c")

    button(at, "Start next").click().run()
    assert [job.id for job in jobs(home).waiting] == ["c", "a", "b"]
    button(at, "Down").click().run()
    assert [job.id for job in jobs(home).waiting] == ["a", "c", "b"]
    button(at, "Cancel").click().run()

    assert [job.id for job in jobs(home).waiting] == ["a", "b"]


def test_what_the_queue_refuses_is_said_in_words(add, home, opened, everything_said):
    add("a", "failed", exit_code=1, ended=time.time())
    at = opened("queue", job="a")

    button(at, "Resume").click().run()

    assert not at.exception
    assert "Start it anew" in everything_said(at)


def test_a_failed_job_is_tried_again(add, home, opened):
    add("a", "failed", exit_code=1, ended=time.time())
    at = opened("queue", job="a")

    button(at, "Retry").click().run()

    (again,) = jobs(home).waiting
    assert again.parent == "a"
    assert again.run_id != "run-a"


def test_the_log_of_a_job_is_in_the_link(add, home, opened, everything_said):
    run_id = testing.make_run(home)
    (home / "runs" / run_id / "output.log").write_text("epoch 1\nepoch 2\n")
    add("a", "finished", run_id=run_id, ended=time.time())

    assert "epoch 1\nepoch 2" in everything_said(opened("queue", log="a"))


def test_what_was_just_added_is_said_until_it_ends(add, opened, everything_said):
    add("a")
    add("b", "finished", ended=time.time())

    assert "Added: **a**" in everything_said(opened("queue", new="a,b"))
    assert "Added" not in everything_said(opened("queue", new="b"))


def test_progress_counts_validations_and_guesses_the_rest(add, home):
    add("a", "running", started=1000.0)
    job = queue.job(home, "a")

    done = queue_rows.progress(job, [{"metric": "val/loss", "n": 4}], now=1040.0)

    assert done.share == 0.4
    assert done.words == "epoch 4 of 10 · 40 s · about 1 min 00 s left"
    assert queue_rows.progress(job, [], now=1001.0).share == 0.0


def test_every_state_of_a_job_has_a_word():
    assert set(map(str, State)) <= set(queue_rows.STATES)


def test_a_log_is_searched_in_words(tmp_path):
    log = tmp_path / "output.log"
    log.write_text("one\nloss is NaN\rLoss is 2\nthree\nloss 4\n")

    found = logs.search(log, "LOSS")

    assert found.lines == ((2, "Loss is 2"), (4, "loss 4"))
    assert found.total == 2
    assert logs.search(log, " ").total == 0
    assert logs.search(tmp_path / "none", "x").total == 0


def test_a_waiting_job_says_when_it_starts(home, add):
    now = time.time()
    add("done", state="finished", started=now - 500, ended=now - 440)
    add("busy", state="running", started=now - 20, slot=0)
    add("first")
    add("second")
    board = jobs(home)

    assert list(queue_rows.starts(board, now).values()) == ["in about 40 s", "in about 1 min 40 s"]
    assert (
        queue_rows.next_start(board) == "Starts when a slot is free: 1 runs, 2 wait in front of it."
    )
