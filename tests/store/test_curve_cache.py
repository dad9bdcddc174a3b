"""Curves in memory: what is read for which axis, what joins them, and what they take."""

import pytest

import store
from store.layout import Home
from store.owner import Owner
from store.schema import key_of
from store.testing import make_run


def drawn(owner, run_id, x="step"):
    table = owner.ask("curves", metric="a", run_ids=[run_id], x=x, lo=None, hi=None, width=100)
    return table["x"].to_pylist(), table["value"].to_pylist(), table["step"].to_pylist()


@pytest.fixture
def owner(home):
    owner = Owner(Home.locate(home))
    yield owner
    owner.close()


@pytest.mark.parametrize(
    "axes", [("step", "epoch", "wall"), ("wall", "step", "elapsed"), ("epoch", "elapsed", "wall")]
)
def test_an_axis_that_is_asked_for_later_is_read_then(home, owner, axes):
    run_id = make_run(home, metrics={"a": [1.0, 2.0, 3.0]}, steps_per_epoch=2)
    for x in axes:
        places, values, steps = drawn(owner, run_id, x)
        assert (values, steps) == ([1.0, 2.0, 3.0], [0, 1, 2])
        assert places == sorted(places)
    assert drawn(owner, run_id, "epoch")[0] == [0.0, 0.5, 1.0]


@pytest.mark.parametrize("warm", [True, False])
def test_steps_that_repeat_or_go_back_show_their_last_write(home, owner, warm):
    with store.init("p", capture=False) as run:
        for step, value in [(0, 0.0), (1, 1.0), (2, 2.0)]:
            run.log({"a": value}, step=step)
        if warm:
            assert drawn(owner, run.id)[1] == [0.0, 1.0, 2.0]
        for step, value in [(1, 10.0), (4, 4.0), (3, 3.0)]:
            run.log({"a": value}, step=step)
        places, values, steps = drawn(owner, run.id)
    assert values == [0.0, 10.0, 2.0, 3.0, 4.0]
    assert places == steps == [0, 1, 2, 3, 4]


def test_a_curve_in_memory_grows_with_its_run(home, owner):
    with store.init("p", capture=False) as run:
        for step in range(30):
            run.log({"a": float(step), "b": 0.0}, step=step)
            assert drawn(owner, run.id)[2] == list(range(step + 1))
        assert set(owner._curves.get(owner.cursor(), key_of(run.id), key_of("a")).columns) == {
            "step",
            "value",
        }


def test_runs_that_wrote_at_once_get_their_own_points(home, owner):
    with (
        store.init("p", capture=False) as first,
        store.init("p", capture=False) as second,
    ):
        for step in range(50):
            first.log({"a": float(step)}, step=step)
            second.log({"a": -float(step)}, step=step)
            owner.refresh()
        assert drawn(owner, first.id)[1] == [float(step) for step in range(50)]
        assert drawn(owner, second.id)[1] == [-float(step) for step in range(50)]


def test_an_owner_that_rested_answers_as_before_and_goes_on(home, owner):
    with store.init("p", capture=False) as run:
        run.log({"a": 1.0}, step=0)
        before = drawn(owner, run.id)
        owner.rest()
        assert owner._curves.is_empty
        assert drawn(owner, run.id) == before
        run.log({"a": 2.0}, step=1)
        assert drawn(owner, run.id)[1] == [1.0, 2.0]
