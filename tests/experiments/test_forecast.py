"""When a waiting job will start."""

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from experiments.queueing.forecast import starts_in
from experiments.queueing.jobs import Job, State

NOW = 1_000.0


def job(name, state="queued", *, kind="cnn", slot=None, started=None, ended=None):
    return Job(
        id=name,
        kind="train",
        name=name,
        state=State(state),
        run_id=f"run-{name}",
        spec={"project": "p", "data": {"kind": "digits"}, "model": {"kind": kind}},
        slot=slot,
        created=0.0,
        started=started,
        ended=ended,
        home=Path("/nowhere"),
    )


def finished(name, took, **more):
    return job(name, "finished", started=0.0, ended=took, **more)


def test_each_starts_when_the_one_before_it_in_its_slot_has_ended():
    running = job("r", "running", slot=0, started=NOW - 20)
    past = [finished("a", 60.0), finished("b", 62.0), finished("c", 900.0)]

    found = starts_in([running], [job("x"), job("y")], past, slots=1, now=NOW)

    assert found == {"x": 42.0, "y": 104.0}


def test_free_slots_are_taken_at_once():
    waiting = [job("x"), job("y"), job("z")]

    found = starts_in([], waiting, [finished("a", 30.0)], slots=2, now=NOW)

    assert found == {"x": 0.0, "y": 0.0, "z": 30.0}


def test_nothing_is_guessed_from_jobs_of_another_kind():
    running = job("r", "running", slot=0, started=NOW, kind="lstm")

    found = starts_in([running], [job("x")], [finished("a", 60.0)], slots=1, now=NOW)

    assert found == {"x": None}


def test_failed_jobs_say_nothing_about_the_time():
    failed = job("f", "failed", started=0.0, ended=1.0)

    found = starts_in([], [job("x"), job("y")], [failed], slots=1, now=NOW)

    assert found == {"x": 0.0, "y": None}


@given(slots=st.integers(0, 4), waiting=st.integers(0, 9), took=st.floats(0.1, 1e6))
def test_nobody_starts_before_the_one_in_front(slots, waiting, took):
    line = [job(f"w{place}") for place in range(waiting)]

    found = starts_in([], line, [finished("a", took)], slots=slots, now=NOW)

    assert list(found) == [one.id for one in line]
    known = [at for at in found.values() if at is not None]
    assert known == sorted(known)
    assert len(known) == (waiting if slots else 0)
