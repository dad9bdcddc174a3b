import pytest

import store
from experiments import queue
from experiments.errors import UsageError
from experiments.queueing.jobs import State
from store.layout import Home
from store.ledger import LEDGER_NAME, Ledger
from tests.experiments.queue_tools import quick_spec


def names(home):
    return [job.name for job in queue.in_order(queue.jobs(home))]


def add(home, *letters, **options):
    return [queue.submit(home, quick_spec(), name=letter, **options) for letter in letters]


def say(home, job, **fields):
    """Say something of a job, as the supervisor would."""
    Ledger(Home(home).queue / LEDGER_NAME).write("job", job.id, **fields)


def test_a_submitted_job_waits_and_knows_its_run(home):
    job = queue.submit(
        home, quick_spec(), labels={"study": "s1", "trial": "7"}, priority=2, budget_s=60, gpus=0
    )

    assert job == queue.job(home, job.id)
    assert job.state is State.QUEUED
    assert job.run_id
    assert (job.priority, job.budget_s, job.num_gpus) == (2, 60, 0)
    assert job.labels == {"study": "s1", "trial": "7"}
    assert job.spec["model"]["kind"] == "cnn"
    assert job.name == f"cnn-{job.run_id[-4:]}"


def test_jobs_start_in_the_order_of_priority_then_of_submission(home):
    add(home, "a", "b")
    add(home, "c", priority=1)

    assert names(home) == ["c", "a", "b"]


@pytest.mark.parametrize(
    ("moved", "position", "order"),
    [
        ("b", 0, "bcad"),
        ("c", 3, "abdc"),
        ("a", 2, "cbad"),
        ("a", 99, "cbda"),
        ("d", 1, "cdab"),
    ],
)
def test_a_job_moves_to_any_place(home, moved, position, order):
    jobs = {job.name: job for job in [*add(home, "a", "b"), *add(home, "c", priority=1)]}
    jobs |= {job.name: job for job in add(home, "d")}

    queue.move(home, jobs[moved].id, position)

    assert names(home) == list(order)


def test_a_priority_can_be_changed_while_a_job_waits(home):
    first, second = add(home, "a", "b")
    queue.set_priority(home, second.id, 5)

    assert names(home) == ["b", "a"]

    say(home, first, state="running")
    with pytest.raises(UsageError, match="is running"):
        queue.set_priority(home, first.id, 5)


def test_only_what_waits_can_be_cancelled(home):
    waiting, running = add(home, "a", "b")
    say(home, running, state="running")

    assert queue.cancel(home, waiting.id).wanted == "stop"
    with pytest.raises(UsageError, match="bakeoff queue stop"):
        queue.cancel(home, running.id)


def test_what_has_ended_cannot_be_stopped_but_tried_again(home):
    (job,) = add(home, "a", labels={"study": "s"}, priority=3)
    with pytest.raises(UsageError, match="has ended"):
        queue.retry(home, job.id)
    say(home, job, state="failed")

    with pytest.raises(UsageError, match="failed"):
        queue.stop(home, job.id)
    again = queue.retry(home, job.id)
    assert again.id != job.id
    assert again.run_id != job.run_id
    assert (again.spec, again.labels, again.priority) == (job.spec, job.labels, 3)
    assert again.parent == job.id


def test_a_job_is_resumed_only_where_there_is_a_run_to_go_on_with(home):
    (job,) = add(home, "a")
    say(home, job, state="stopped")
    with pytest.raises(UsageError, match="ended before"):
        queue.resume(home, job.id)
    with store.init(id=job.run_id, home=home, capture=False, monitor=False):
        pass

    resumed = queue.resume(home, job.id)
    assert resumed.run_id == job.run_id
    assert resumed.resumes
    with pytest.raises(UsageError, match="no job works on"):
        queue.resume(home, job.id)


def test_a_search_is_submitted_once_until_it_ends(home):
    first = queue.submit_search(home, "study-1")
    assert queue.submit_search(home, "study-1").id == first.id
    assert (first.kind, first.run_id, first.study_id) == ("search", None, "study-1")

    say(home, first, state="stopped")
    assert queue.submit_search(home, "study-1").id != first.id


def test_slots_and_pause_are_remembered(home):
    assert queue.settings(home).is_default
    assert not queue.settings(home).paused

    queue.set_slots(home, 3)
    queue.pause(home, True)

    told = queue.settings(home)
    assert (told.slots, told.paused, told.is_default) == (3, True, False)
    assert queue.set_slots(home, None).is_default
    with pytest.raises(UsageError, match="got 0"):
        queue.set_slots(home, 0)


@pytest.mark.parametrize(
    "evil", ["../../etc", "a/b", "$(touch x)", "; rm -rf .", "", ".", "..", "a\0b", "x" * 200]
)
def test_an_id_that_tries_tricks_does_nothing_but_an_error(home, evil):
    with pytest.raises((store.StoreError, UsageError)):
        queue.job(home, evil)
    with pytest.raises((store.StoreError, UsageError)):
        queue.submit_search(home, evil)
    if evil:
        with pytest.raises((store.StoreError, UsageError)):
            queue.submit(home, quick_spec(), run_id=evil)
    assert queue.jobs(home) == []


@pytest.mark.parametrize(
    "wish",
    [
        {"budget_s": 0},
        {"budget_s": float("nan")},
        {"gpus": -1},
        {"threads": 0},
        {"executor": "bash"},
        {"labels": {"a": "x" * 1000}},
        {"labels": {str(number): "" for number in range(100)}},
    ],
)
def test_a_wish_out_of_range_is_refused(home, wish):
    with pytest.raises(UsageError, match="Expected"):
        queue.submit(home, quick_spec(), **wish)
    assert queue.jobs(home) == []


def test_a_taken_run_id_is_refused(home):
    (home / "runs" / "mine").mkdir(parents=True)
    queue.submit(home, quick_spec(), run_id="next")
    for taken in ("mine", "next"):
        with pytest.raises(store.RunExistsError, match=f"'{taken}'"):
            queue.submit(home, quick_spec(), run_id=taken)
