from pathlib import Path

import pytest

from experiments.queueing.gpus import Gpu
from experiments.queueing.jobs import Job, State
from experiments.queueing.slots import plan

GIB = 2**30


def job(name, *, gpus=None, slot=None, has=()):
    return Job(
        id=name,
        kind="train",
        name=name,
        state=State.QUEUED if slot is None else State.RUNNING,
        run_id=name,
        num_gpus=gpus,
        slot=slot,
        gpus=has,
        created=0.0,
        home=Path(),
    )


def gpu(name, free=80, total=80):
    return Gpu(
        id=name, uuid=f"GPU-{name}", name="H100", free_bytes=free * GIB, total_bytes=total * GIB
    )


def started(planned):
    return [(start.job.id, start.slot, start.gpus) for start in planned.starts]


def test_free_slots_go_to_the_first_in_line():
    planned = plan([job("a"), job("b"), job("c")], [job("x", slot=1)], 3, [])

    assert started(planned) == [("a", 0, ()), ("b", 2, ())]
    assert planned.waits[0][0].id == "c"


def test_fewer_slots_than_run_start_nothing():
    active = [job("x", slot=0), job("y", slot=1), job("z", slot=2)]

    assert started(plan([job("a")], active, 2, [])) == []


def test_a_job_gets_a_gpu_of_its_own_where_there_is_one():
    planned = plan(
        [job("a"), job("b")], [job("x", slot=0, has=("0",))], 3, [gpu("0"), gpu("1"), gpu("2")]
    )

    assert started(planned) == [("a", 1, ("1",)), ("b", 2, ("2",))]


def test_a_gpu_that_others_fill_is_waited_for_and_told():
    planned = plan([job("a")], [], 1, [gpu("0", free=10)])

    assert started(planned) == []
    assert planned.waits[0][1] == "a free GPU (GPU 0 has 10.0 of 80.0 GiB free)"


def test_several_gpus_are_waited_for_together_and_nobody_slips_past():
    gpus = [gpu("0"), gpu("1")]
    active = [job("x", slot=0, has=("0",))]
    planned = plan([job("big", gpus=2), job("small"), job("cpu", gpus=0)], active, 4, gpus)

    # Four slots on two GPUs: two jobs share each, so "big" fits beside "x".
    assert started(planned)[0] == ("big", 1, ("1", "0"))
    planned = plan([job("big", gpus=2), job("small"), job("cpu", gpus=0)], active, 2, gpus)
    assert started(planned) == [("cpu", 1, ())]
    assert "in use by other jobs" in planned.waits[0][1]
    planned = plan([job("big", gpus=2), job("small")], active, 2, gpus)
    assert started(planned) == []
    assert "behind the job before it" in planned.waits[1][1]


def test_more_gpus_than_there_are_is_refused():
    planned = plan([job("a", gpus=3)], [], 1, [gpu("0")])

    assert planned.refused[0][1] == "Expected at most 1 GPUs; it asks for 3."


@pytest.mark.parametrize("slots", [1, 2, 5])
def test_no_slot_is_given_twice(slots):
    planned = plan([job(str(number)) for number in range(10)], [], slots, [])

    assert [slot for _, slot, _ in started(planned)] == list(range(slots))
