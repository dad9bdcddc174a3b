import json
from pathlib import Path

import pytest

from experiments import queue
from experiments.cli import ExitCode, main
from experiments.queueing.jobs import State
from store.layout import Home
from store.ledger import LEDGER_NAME, Ledger
from tests.experiments.queue_tools import quick_spec

TINY = """
name: tiny
data: {kind: digits, max_examples: 200}
model: {kind: cnn, channels: [4], dense: 8}
"""


@pytest.fixture
def spec_file(tmp_path: Path) -> Path:
    path = tmp_path / "tiny.yaml"
    path.write_text(TINY, encoding="utf-8")
    return path


def told(capsys, *arguments):
    """Return what a command prints as JSON."""
    assert main([*arguments, "--json"]) == ExitCode.OK
    return json.loads(capsys.readouterr().out)


def refused(capsys, *arguments):
    """Return the one sentence with which a command is refused."""
    code = main(arguments)
    said = capsys.readouterr()
    assert (code, said.out) == (ExitCode.USAGE, "")
    assert said.err.count("\n") == 1
    return said.err


def test_add_and_train_with_queue_add_the_same_job(capsys, home, spec_file):
    wishes = [str(spec_file), "--set", "training.epochs=2", "--priority", "3", "--budget", "60"]
    (added,) = told(capsys, "queue", "add", *wishes, "--threads", "1")
    assert main(["train", *wishes, "--queue"]) == ExitCode.OK
    assert "is queued" in capsys.readouterr().out

    first, second = queue.jobs(home)
    assert added["id"] == first.id
    assert first.spec == second.spec
    assert first.spec["training"]["epochs"] == 2
    assert (second.priority, second.budget_s, first.threads) == (3, 60.0, 1)


def test_seeds_are_added_as_one_group(capsys, home, spec_file):
    told(capsys, "queue", "add", str(spec_file), "--seeds", "3")

    added = queue.jobs(home)
    assert [job.spec["seed"] for job in added] == [0, 1, 2]
    assert len({job.spec["group"] for job in added}) == 1


def test_ls_shows_what_runs_and_waits_in_order(capsys, home):
    slow = queue.submit(home, quick_spec(), name="slow")
    queue.submit(home, quick_spec(), name="later")
    queue.submit(home, quick_spec(), name="sooner", priority=1)
    Ledger(Home(home).queue / LEDGER_NAME).write("job", slow.id, state="running", slot=0)

    assert main(["queue", "ls"]) == ExitCode.OK
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "1 slot, open; 2 waiting."
    assert [line.split()[1] for line in lines[2:]] == ["slow", "sooner", "later"]
    listed = told(capsys, "queue", "ls")
    assert [job["state"] for job in listed["jobs"]] == ["running", "queued", "queued"]


def test_a_job_goes_by_the_beginning_of_its_id(capsys, home):
    job = queue.submit(home, quick_spec())

    assert told(capsys, "queue", "priority", job.id[:-1], "7")["priority"] == 7
    assert told(capsys, "queue", "cancel", job.id)["wanted"] == "stop"
    assert "fits none" in refused(capsys, "queue", "stop", "nobody")
    queue.submit(home, quick_spec())
    assert "fits 2 jobs" in refused(capsys, "queue", "stop", job.id[:2])


def test_slots_and_pause_are_set_and_shown(capsys, home):
    assert told(capsys, "queue", "slots", "4") == {"slots": 4, "paused": False}
    assert told(capsys, "queue", "pause") == {"slots": 4, "paused": True}
    assert told(capsys, "queue", "unpause")["paused"] is False
    assert told(capsys, "queue", "slots", "auto") == told(capsys, "queue", "slots")
    assert "got 'many'" in refused(capsys, "queue", "slots", "many")
    assert "got 1000" in refused(capsys, "queue", "slots", "1000")


def test_log_shows_the_end_of_what_a_job_printed(capsys, home):
    job = queue.submit(home, quick_spec())
    assert main(["queue", "log", job.id]) == ExitCode.OK
    assert "Nothing yet" in capsys.readouterr().out
    job.output.parent.mkdir(parents=True)
    job.output.write_text("one\ntwo\n", encoding="utf-8")

    assert told(capsys, "queue", "log", job.id)["lines"] == ["one", "two"]


def test_retry_of_what_waits_is_refused_and_of_what_ended_is_new(capsys, home):
    job = queue.submit(home, quick_spec())
    assert "Stop it first" in refused(capsys, "queue", "retry", job.id)
    Ledger(Home(home).queue / LEDGER_NAME).write("job", job.id, state="failed")

    again = told(capsys, "queue", "retry", job.id)
    assert again["parent"] == job.id
    assert queue.job(home, again["id"]).state is State.QUEUED


@pytest.mark.parametrize(
    "wish", [("--gpus", "1"), ("--budget", "5"), ("--priority", "1"), ("--option", "a=b")]
)
def test_what_only_the_queue_can_do_is_refused_in_the_foreground(capsys, spec_file, wish):
    assert f"--queue with {wish[0]}" in refused(capsys, "train", str(spec_file), *wish)


def test_looking_at_no_queue_creates_none(capsys, home):
    assert main(["queue", "ls"]) == ExitCode.OK

    assert "No job yet" in capsys.readouterr().out
    assert not home.exists()
