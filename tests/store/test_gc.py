import json

import pytest

import store
from store import disk_usage, gc
from store.layout import Home
from store.owner import Owner
from store.testing import make_run


@pytest.fixture
def runs(home):
    """Five runs of one project, the third one the best, and one of another project."""
    scores = (0.1, 0.2, 0.9, 0.4, 0.5)
    ids = [
        make_run(home, project="p", id=f"r{index}", metrics={"val/acc": [score]})
        for index, score in enumerate(scores)
    ]
    make_run(home, project="q", id="other", metrics={"val/loss": [1.0]})
    for run_id in ids:
        folder = home / "runs" / run_id / "checkpoints"
        folder.mkdir()
        (folder / "last.ckpt").write_bytes(bytes(100_000))
    return ids


@pytest.fixture
def opened(home, runs):
    with store.open(home) as opened:
        yield opened


def going(opened, **rules):
    return {one.run_id for one in gc.decide(opened, gc.Rules(**rules)) if one.goes}


def why(opened, **rules):
    return {one.run_id: one.kept_as for one in gc.decide(opened, gc.Rules(**rules))}


def test_without_a_rule_everything_stays(opened):
    assert going(opened) == set()
    assert going(opened, only="  ") == set()


def test_the_newest_of_each_project_stay(opened):
    assert going(opened, keep_last=2) == {"r0", "r1", "r2"}


def test_the_best_of_each_project_stay_and_a_project_without_the_metric_as_a_whole(opened):
    assert going(opened, keep_best=((2, "val/acc"),)) == {"r0", "r1", "r3"}
    assert why(opened, keep_best=((1, "val/acc"),))["other"] == "no run of q has val/acc"
    assert going(opened, keep_best=((1, "val/accc"),)) == set()


def test_the_best_by_a_loss_is_the_lowest(home, opened):
    make_run(home, project="q", id="better", metrics={"val/loss": [0.5]})

    assert going(opened, keep_best=((1, "val/loss"),)) == {"other"}


def test_rules_add_up_and_a_filter_narrows(opened):
    assert going(opened, keep_best=((1, "val/acc"),), keep_last=1) == {"r0", "r1", "r3"}
    assert going(opened, only='metrics."val/acc" < 0.3') == {"r0", "r1"}
    assert going(opened, only='metrics."val/acc" < 0.3', keep_last=4) == {"r0"}


def test_a_metric_without_a_goal_cannot_rank(home, opened):
    make_run(home, project="p", id="odd", metrics={"oddity": [1.0]})
    with pytest.raises(store.FilterError, match="has no goal"):
        gc.decide(opened, gc.Rules(keep_best=((1, "oddity"),)))


def test_what_must_stay_stays_whatever_the_rules_say(home, opened):
    opened.edit_run("r0", pinned=True)
    folder = home / "releases" / "digits" / "v1"
    folder.mkdir(parents=True)
    (folder / "release.json").write_text(json.dumps({"runs": ["r1"]}))
    with store.init("p", id="alive", capture=False, monitor=False):
        reasons = why(opened, only="created > 7d")

    assert reasons == {
        "r0": "pinned",
        "r1": "a release needs it",
        "alive": "running",
        **dict.fromkeys(("r2", "r3", "r4", "other"), ""),
    }


def test_runs_that_go_are_in_the_trash_and_come_back(home, opened):
    done = gc.clean(opened, gc.decide(opened, gc.Rules(keep_last=2)))
    assert set(done["trashed"]) == {"r0", "r1", "r2"}
    assert set(opened.runs()["run_id"].to_pylist()) == {"r3", "r4", "other"}
    answer = gc.empty_trash(opened, ["r0", "r1"])

    assert answer["freed_bytes"] > 200_000
    assert (home / "trash" / "r2").exists()


def test_checkpoints_of_all_but_the_best_can_go_and_the_runs_stay(home, opened):
    decisions = gc.decide(opened, gc.Rules(keep_best=((1, "val/acc"),)))
    expected = gc.totals(decisions, ["checkpoints"])["goes"]
    done = gc.clean(opened, decisions, ["checkpoints"])
    left = {path.parent.name for path in (home / "runs").glob("*/checkpoints")}

    assert left == {"r2"}
    assert done == {"trashed": [], "freed_bytes": expected["bytes"]}
    assert opened.runs().num_rows == 6
    [event] = opened.events("r0", ["dropped"]).to_pylist()
    assert event["name"] == "checkpoints"


def test_only_what_is_heavy_can_be_dropped(opened):
    with pytest.raises(store.StoreError, match="Expected one of checkpoints"):
        opened.act("drop", run_ids=["r0"], kinds=["../../runs"])
    opened.edit_run("r0", pinned=True)
    with pytest.raises(store.RunProtectedError):
        opened.act("drop", run_ids=["r0"], kinds=["checkpoints"])


def test_bytes_are_told_by_run_and_kind(home, opened):
    rows = {row["run_id"]: row for row in disk_usage.usage(opened).to_pylist()}
    parts = disk_usage.store_bytes(Home(home))

    assert rows["r0"]["checkpoints"] >= 100_000
    assert rows["other"]["checkpoints"] == 0
    assert rows["r0"]["total"] == sum(rows["r0"][kind] for kind in disk_usage.KINDS)
    assert parts["runs"] == sum(row["total"] for row in rows.values())
    assert parts["total"] == sum(size for name, size in parts.items() if name != "total")


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "0 B"), (999, "999 B"), (1_000, "1 kB"), (1_234_567, "1.23 MB"), (999_600_000, "1 GB")],
)
def test_sizes_are_written_for_people(size, text):
    assert disk_usage.as_text(size) == text


def test_a_shrunk_database_is_smaller_and_says_the_same(home, opened):
    curve = [float(step % 977) for step in range(60_000)]
    big = [make_run(home, project="big", metrics={"x": curve, "y": curve}) for _ in range(4)]
    opened.act("shrink")
    gc.clean(opened, gc.decide(opened, gc.Rules(only=f"project = big and id != {big[0]}")))
    before = (opened.runs().to_pylist(), opened.series().to_pylist())
    sizes = opened.act("shrink")
    after = (opened.runs().to_pylist(), opened.series().to_pylist())

    assert after == before
    assert opened.points("x", [big[0]])["value"].to_pylist() == curve
    assert sizes["after_bytes"] < 0.6 * sizes["before_bytes"]
    assert (home / "store.duckdb").stat().st_size <= sizes["after_bytes"]


def test_without_room_for_a_copy_the_database_stays_as_it_is(opened, monkeypatch):
    monkeypatch.setattr("shutil.disk_usage", lambda _: type("Full", (), {"free": 1_000})())
    with pytest.raises(store.StoreError, match="Expected room for a copy"):
        opened.act("shrink")

    assert opened.runs().num_rows == 6


def test_an_owner_whose_connection_is_gone_opens_it_anew(home, runs):
    owner = Owner(Home(home))
    owner.drain()
    owner._connections.close()
    owner.refresh()

    assert owner.ask("totals").to_pylist()[0]["runs"] == 6
    owner.close()
