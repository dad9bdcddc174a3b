import json
import time

import pytest

import store
from store import trash
from store.layout import Home
from store.owner import Owner
from store.testing import filled_store, make_run


@pytest.fixture
def opened(home):
    with store.open(home) as opened:
        yield opened


def everything(opened, run_id):
    """All that the tables say of a run, but when it went and came back."""
    events = opened.events(run_id).to_pylist()
    return (
        opened.runs(f"id = {run_id}", columns=["params.model.kind"]).to_pylist(),
        opened.series([run_id]).to_pylist(),
        opened.points("val/acc", [run_id]).to_pylist(),
        [row for row in events if row["kind"] not in {"trashed", "restored"}],
    )


def release(home, *run_ids):
    folder = home / "releases" / "digits" / "v1"
    folder.mkdir(parents=True)
    (folder / "release.json").write_text(json.dumps({"runs": list(run_ids)}))


def test_a_trashed_run_disappears_from_every_table(home, opened):
    [gone, *kept] = filled_store(home, num_runs=3)
    trash.trash(opened, [gone])

    assert set(opened.runs()["run_id"].to_pylist()) == set(kept)
    assert set(opened.series()["run_id"].to_pylist()) == set(kept)
    assert opened.points("val/acc", [gone]).num_rows == 0
    assert opened.curves("val/acc", [gone]).num_rows == 0
    assert opened.events(gone).num_rows == 0
    with pytest.raises(store.RunNotFoundError):
        opened.run(gone)


def test_a_restored_run_is_what_it_was(home, opened):
    [run_id, _] = filled_store(home, num_runs=2)
    opened.edit_run(run_id, notes="a good one", add_tags=["x"])
    before = everything(opened, run_id)
    for _ in range(3):
        trash.trash(opened, [run_id])
        trash.restore(opened, [run_id])

    assert everything(opened, run_id) == before
    assert trash.listed(Home.locate(home)) == []


def test_a_sealed_run_comes_back_with_its_points_once(home):
    run_id = make_run(home, metrics={"x": [1.0, 2.0]})
    owner = Owner(Home.locate(home))
    owner.drain()
    owner.refresh()
    while owner.seal_one():
        pass
    for _ in range(2):
        owner.act("trash", run_ids=[run_id])
        owner.act("restore", run_ids=[run_id])
        owner.drain()

    assert owner.ask("points", metric="x", run_ids=[run_id])["value"].to_pylist() == [1.0, 2.0]
    owner.close()


def test_the_trash_says_what_it_holds(home, opened):
    run_id = make_run(home, project="p", name="old", metrics={"x": [1.0]})
    opened.edit_run(run_id, name="renamed")
    trash.trash(opened, [run_id[:-2]])
    [item] = trash.listed(Home.locate(home))

    assert (item.run_id, item.project, item.name) == (run_id, "p", "renamed")
    assert item.size_bytes > 0
    assert abs(item.trashed_at.timestamp() - time.time()) < 60


def test_a_running_run_cannot_go(home, opened):
    with (
        store.init("p", capture=False, monitor=False) as run,
        pytest.raises(store.RunProtectedError, match="Stop it first"),
    ):
        trash.trash(opened, [run.id])
    assert (home / "runs" / run.id).exists()


def test_a_pinned_run_goes_only_when_it_is_unpinned(home, opened):
    run_id = make_run(home)
    opened.edit_run(run_id, pinned=True)
    with pytest.raises(store.RunProtectedError, match="Unpin it first"):
        trash.trash(opened, [run_id])
    assert opened.runs("pinned = true")["run_id"].to_pylist() == [run_id]
    opened.edit_run(run_id, pinned=False)
    trash.trash(opened, [run_id])

    assert opened.runs().num_rows == 0


def test_a_released_run_and_what_it_grew_from_stay(home, opened):
    parent = make_run(home)
    child = make_run(home, parents=[parent])
    release(home, child)

    for run_id in (parent, child):
        with pytest.raises(store.RunProtectedError, match="no release needs"):
            trash.trash(opened, [run_id])


def test_nothing_may_go_while_a_release_cannot_be_read(home, opened):
    run_id = make_run(home)
    release(home)
    (home / "releases" / "digits" / "v1" / "release.json").write_text("{")

    with pytest.raises(store.StoreError, match="cannot be read"):
        trash.trash(opened, [run_id])


def test_of_several_runs_all_go_or_none(home, opened):
    free, pinned = make_run(home), make_run(home)
    opened.edit_run(pinned, pinned=True)
    with pytest.raises(store.RunProtectedError):
        trash.trash(opened, [free, pinned])

    assert opened.runs().num_rows == 2


def test_the_id_of_a_trashed_run_is_not_given_away(home, opened):
    run_id = make_run(home)
    trash.trash(opened, [run_id])

    with pytest.raises(store.RunExistsError, match="in the trash"):
        store.init("p", id=run_id)


def test_an_emptied_trash_is_gone_for_good(home, opened):
    one, other = make_run(home), make_run(home)
    trash.trash(opened, [one, other])
    assert trash.empty(opened, [one]) > 0
    assert [item.run_id for item in trash.listed(Home.locate(home))] == [other]
    trash.empty(opened)

    assert list((home / "trash").iterdir()) == []
    with pytest.raises(store.RunNotFoundError, match="in the trash"):
        trash.restore(opened, [one])


def test_a_run_moved_by_hand_is_noticed(home, opened):
    run_id = make_run(home)
    assert opened.runs().num_rows == 1
    (home / "trash").mkdir()
    (home / "runs" / run_id).rename(home / "trash" / run_id)
    assert opened.runs().num_rows == 0
    (home / "trash" / run_id).rename(home / "runs" / run_id)

    assert opened.runs().num_rows == 1


def test_what_is_asked_twice_is_done_once(home, opened):
    run_id = make_run(home)
    for _ in range(2):
        opened.act("trash", run_ids=[run_id])
    assert [item.run_id for item in trash.listed(Home(home))] == [run_id]
    for _ in range(2):
        opened.act("restore", run_ids=[run_id])

    assert opened.runs()["run_id"].to_pylist() == [run_id]


def test_a_restored_run_does_not_replace_another(home, opened):
    run_id = make_run(home)
    trash.trash(opened, [run_id])
    (home / "runs" / run_id).mkdir()

    with pytest.raises(store.RunExistsError, match="another one by now"):
        trash.restore(opened, [run_id])
    assert [item.run_id for item in trash.listed(Home(home))] == [run_id]


def test_through_the_hub_the_trash_is_the_same(home):
    run_id = make_run(home, metrics={"x": [1.0]})
    store.ensure_hub(home)
    with store.open(home) as through:
        trash.trash(through, [run_id])
        assert through.runs().num_rows == 0
        with pytest.raises(store.RunNotFoundError):
            trash.trash(through, [run_id])
        trash.restore(through, [run_id])
        through.edit_run(run_id, pinned=True)
        with pytest.raises(store.RunProtectedError, match="Unpin it first"):
            trash.trash(through, [run_id])
        assert through.act("shrink").keys() == {"before_bytes", "after_bytes"}
        assert through.points("x", [run_id])["value"].to_pylist() == [1.0]
