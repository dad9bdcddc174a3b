import json
import os
import signal
import subprocess
import sys
import threading
import time

import duckdb
import pytest

import store
from store.testing import filled_store, make_run


def wait_until(condition, timeout_s=20.0):
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.05)
    return False


def start_writer(script, *arguments):
    return subprocess.Popen(
        [sys.executable, "-c", script, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_for_line(process):
    assert process.stdout is not None
    process.stdout.readline()


FOREVER = """
import sys, time, store
run = store.init("p", id=sys.argv[1])
run.log({"x": 0.0}, step=0)
print("ready", flush=True)
time.sleep(600)
"""


@pytest.fixture
def hub(home):
    store.ensure_hub(home)
    yield home
    store.stop_hub(home)


def test_an_empty_store_answers(home):
    with store.open(home) as opened:
        assert opened.runs().num_rows == 0
        assert opened.state()["runs"] == 0
        assert opened.keys().num_rows == 0


def test_runs_are_filtered_ordered_and_paged(home):
    filled_store(home, num_runs=9)
    with store.open(home) as opened:
        good = opened.runs('metrics."val/acc" > 0.85 and model = lstm', 'metrics."val/acc" desc')
        page = opened.runs(order_by="name", limit=2, offset=2)
        best = opened.runs(
            order_by='metrics."val/acc" desc', limit=1, columns=['metrics."val/acc"']
        )

        assert opened.count_runs("status = failed") == 1
    assert set(good["model"].to_pylist()) <= {"lstm"}
    assert page["name"].to_pylist() == ["cnn-02", "lstm-03"]
    assert best["name"].to_pylist() == ["transformer-08"]
    assert best['metrics."val/acc"'].to_pylist()[0] == pytest.approx(0.94, abs=0.01)


def test_the_best_value_follows_the_goal_that_was_declared(home):
    with store.init("p") as run:
        run.define_metric("odd", goal="min", unit="s")
        for step, value in enumerate([3.0, 1.0, 2.0]):
            run.log({"odd": value, "unknown": value}, step=step)
    with store.open(home) as opened:
        series = {row["metric"]: row for row in opened.series([run.id]).to_pylist()}

    assert (series["odd"]["best"], series["odd"]["best_step"], series["odd"]["unit"]) == (
        1.0,
        1,
        "s",
    )
    assert series["unknown"]["best"] is None


def test_a_spike_of_one_step_is_drawn_at_every_zoom(home):
    values = [0.0] * 50_000
    values[31_415] = 9.0
    run_id = make_run(home, metrics={"x": values})
    with store.open(home) as opened:
        for lo, hi in [(None, None), (20_000, 40_000), (31_400, 31_430)]:
            drawn = opened.curves("x", [run_id], lo=lo, hi=hi, width=100)
            peaks = [row["step"] for row in drawn.to_pylist() if row["value"] == 9.0]

            assert peaks == [31_415]
            assert drawn.num_rows <= 4 * 100 + 2


def test_every_x_axis_gives_the_same_points(home):
    run_id = make_run(home, metrics={"x": [1.0, 2.0, 3.0]}, steps_per_epoch=2)
    with store.open(home) as opened:
        by = {x: opened.curves("x", [run_id], x=x) for x in ("step", "epoch", "elapsed", "wall")}

    assert all(table["value"].to_pylist() == [1.0, 2.0, 3.0] for table in by.values())
    assert by["epoch"]["x"].to_pylist() == [0.0, 0.5, 1.0]
    assert abs(by["wall"]["x"][0].as_py() - time.time()) < 60


def test_a_run_is_found_by_the_start_of_its_id(home):
    make_run(home, id="abc-1")
    make_run(home, id="abd-2")
    with store.open(home) as opened:
        assert opened.run("abd")["run_id"] == "abd-2"
        with pytest.raises(store.RunNotFoundError, match="fits several: abc-1, abd-2"):
            opened.run("ab")
        with pytest.raises(store.RunNotFoundError, match="got 'zzz'"):
            opened.run("zzz")


def test_edits_reach_the_run_and_survive_the_database(home):
    run_id = make_run(home, tags=["old"])
    with store.open(home) as opened:
        opened.edit_run(
            run_id, name="new name", notes="good one", add_tags=["new"], remove_tags=["old"]
        )
    (home / "store.duckdb").unlink()
    with store.open(home) as opened:
        [row] = opened.runs().to_pylist()

    assert (row["name"], row["notes"], row["tags"]) == ("new name", "good one", ["new"])


def test_the_database_can_be_thrown_away(home):
    filled_store(home, num_runs=3)
    with store.open(home) as opened:
        before = (opened.runs().to_pylist(), opened.series().to_pylist())
    (home / "store.duckdb").unlink()
    with store.open(home) as opened:
        after = (opened.runs().to_pylist(), opened.series().to_pylist())

    assert after == before


def test_opening_a_store_twice_takes_nothing_in_twice(home):
    run_id = make_run(home, metrics={"x": [1.0] * 1_000})
    for _ in range(3):
        with store.open(home) as opened:
            assert opened.points("x", [run_id]).num_rows == 1_000
            assert opened.ask("totals")["points"][0].as_py() == 1_000


def test_a_store_from_a_newer_version_is_left_alone(home):
    make_run(home)
    with store.open(home):
        pass
    with duckdb.connect(str(home / "store.duckdb")) as connection:
        connection.execute("UPDATE meta SET value = '999' WHERE key = 'schema_version'")
    content = (home / "store.duckdb").read_bytes()

    with pytest.raises(store.NewerStoreError, match=r"got 999.*Update Bakeoff"):
        store.open(home)
    with pytest.raises(store.StoreError, match="got 999"):
        store.ensure_hub(home)
    assert (home / "store.duckdb").read_bytes() == content


def test_a_damaged_run_folder_does_not_hide_the_others(home):
    good = make_run(home, metrics={"x": [1.0]})
    bad = make_run(home, metrics={"x": [1.0]})
    folder = home / "runs" / bad
    (folder / "run.json").write_text("{ half")
    (home / "runs" / "stray").mkdir()
    with store.open(home) as opened:
        assert opened.runs()["run_id"].to_pylist() == [good]


@pytest.mark.parametrize(
    "header",
    [
        b"[]",
        b"null",
        b"{}",
        b'{"id": "x", "project": 1, "name": "n", "created_us": 1, "config": {}}',
    ],
)
def test_a_header_that_makes_no_sense_hides_that_run_alone(home, header):
    good, bad = make_run(home), make_run(home)
    (home / "runs" / bad / "run.json").write_bytes(header)
    with store.open(home) as opened:
        assert opened.runs()["run_id"].to_pylist() == [good]


def test_events_that_make_no_sense_are_skipped(home):
    run_id = make_run(home)
    with (home / "runs" / run_id / "events.jsonl").open("a") as file:
        for event in (
            '{"kind": "edit", "remove_tags": 5}',
            '{"kind": "config", "config": 7}',
            '{"kind": "status", "status": ["odd"]}',
            '{"kind": "metric", "name": 3}',
            '{"kind": "text", "name": 3, "step": "x", "at_us": "never"}',
            '{"kind": 4}',
            "[]",
            '{"kind": "edit", "name": "still read"}',
        ):
            file.write(event + "\n")
    with store.open(home) as opened:
        assert opened.runs()["name"].to_pylist() == ["still read"]


def test_a_garbled_event_is_skipped_and_the_rest_is_read(home):
    run_id = make_run(home, status="crashed")
    with (home / "runs" / run_id / "events.jsonl").open("ab") as file:
        file.write(b'{"kind": "edit", "na')
    with store.open(home) as opened:
        opened.edit_run(run_id, name="renamed")

        assert opened.runs()["name"].to_pylist() == ["renamed"]


def test_the_hub_answers_like_the_owner(hub):
    ids = filled_store(hub, num_runs=3)
    with store.open(hub) as opened:
        assert opened.runs().num_rows == 3
        assert opened.curves("val/acc", ids).num_rows == 150
        assert opened.run(ids[0])["name"] == "cnn-00"
        with pytest.raises(store.FilterError) as caught:
            opened.runs("nonsense >")
        with pytest.raises(store.QueryError):
            opened.sql("DROP TABLE run_base")
    assert "nonsense" in str(caught.value)
    assert isinstance(caught.value.position, int)


def test_nobody_gets_in_without_the_token(hub):
    from pyarrow import flight

    facts = json.loads((hub / "hub.json").read_text())
    client = flight.FlightClient(f"grpc://127.0.0.1:{facts['port']}")

    assert (hub / "hub.json").stat().st_mode & 0o077 == 0
    with pytest.raises(flight.FlightUnauthenticatedError):
        client.do_get(flight.Ticket(b'{"ask": "runs", "args": {}}')).read_all()


def test_a_logged_point_is_visible_within_a_second(hub):
    with store.open(hub) as opened, store.init("live") as run:
        for step in range(20):
            run.log({"x": float(step)}, step=step)
            start = time.monotonic()
            while opened.curves("x", [run.id]).num_rows <= step:
                time.sleep(0.01)

            assert time.monotonic() - start < 1.0


def test_a_killed_training_shows_as_crashed_by_itself_and_keeps_its_points(hub):
    with start_writer(FOREVER, "victim") as writer, store.open(hub) as opened:
        wait_for_line(writer)
        running = opened.run("victim")["status"]
        writer.kill()
        writer.wait()
        crashed = wait_until(lambda: opened.run("victim")["status"] == "crashed")
        record = opened.run("victim")

        assert running == "running"
        assert crashed
        assert record["error"] == "The process is gone; it did not say why."
        assert opened.points("x", ["victim"]).num_rows == 1


def test_a_frozen_training_is_lost_and_heals(hub):
    heartbeat = hub / "runs" / "frozen" / "heartbeat"
    with start_writer(FOREVER, "frozen") as writer, store.open(hub) as opened:
        wait_for_line(writer)
        opened.run("frozen")
        os.kill(writer.pid, signal.SIGSTOP)
        os.utime(heartbeat, (time.time() - 120, time.time() - 120))
        lost = wait_until(lambda: opened.run("frozen")["status"] == "lost")
        os.kill(writer.pid, signal.SIGCONT)
        os.utime(heartbeat)
        healed = wait_until(lambda: opened.run("frozen")["status"] == "running")
        writer.kill()
        writer.wait()

    assert lost
    assert healed


def test_a_reader_finds_the_next_owner_when_the_hub_dies(hub):
    run_id = make_run(hub, metrics={"x": [1.0]})
    with store.open(hub) as opened:
        opened.runs()
        os.kill(json.loads((hub / "hub.json").read_text())["pid"], signal.SIGKILL)

        assert opened.points("x", [run_id]).num_rows == 1


def test_two_owners_at_once_are_impossible_and_the_second_one_waits(home):
    make_run(home, metrics={"x": [1.0]})
    counts = []

    def read():
        with store.open(home) as opened:
            counts.append(opened.count_runs())

    code = "import store, sys\nwith store.open() as s: print(s.count_runs())"
    others = [start_writer(code) for _ in range(3)]
    read()
    for other in others:
        out, error = other.communicate(timeout=60)
        assert other.returncode == 0, error
        counts.append(int(out))

    assert counts == [1, 1, 1, 1]


def test_threads_share_a_store(hub):
    ids = filled_store(hub, num_runs=3)
    errors = []

    def read(opened):
        try:
            for _ in range(20):
                opened.runs()
                opened.curves("val/acc", ids)
        except Exception as error:  # noqa: BLE001
            errors.append(error)

    with store.open(hub) as opened:
        threads = [threading.Thread(target=read, args=[opened]) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert errors == []


def test_the_hub_leaves_when_nobody_needs_it(home):
    home.mkdir(parents=True)
    process = subprocess.Popen(
        [sys.executable, "-m", "store.hub", "--home", str(home), "--idle", "0.3"]
    )

    assert process.wait(timeout=30) == 0
    assert not (home / "hub.json").exists()


def test_a_second_hub_gives_up_and_says_why(hub, monkeypatch):
    from store import hub as hub_module

    monkeypatch.setattr(hub_module, "_LOCK_WAIT_S", 0.2)

    assert hub_module.main(["--home", str(hub)]) == 1


def test_compaction_keeps_every_point(home, monkeypatch):
    from store import ingest

    monkeypatch.setattr(ingest, "HOT_POINTS", 5_000)
    from store.layout import Home
    from store.owner import Owner

    ids = [make_run(home, metrics={"x": [float(i) for i in range(4_000)]}) for _ in range(4)]
    owner = Owner(Home.locate(home))
    owner.drain()
    owner.drain()  # they have ended: nothing waits any more
    hot = owner.ask(
        "sql", query="SELECT count(*) AS n FROM points_hot", params=None, max_rows=1, timeout_s=5
    )
    points = owner.ask("points", metric="x", run_ids=ids)
    owner.close()

    assert hot["n"][0].as_py() == 0
    assert points.num_rows == 16_000


def test_an_answer_is_new_unless_it_may_be_old(home):
    from store.layout import Home
    from store.owner import Owner

    owner = Owner(Home.locate(home))
    owner.refresh()
    make_run(home, metrics={"x": [1.0]})

    assert owner.ask("keys", max_age_s=60.0, project=None).num_rows == 0
    assert owner.ask("keys", project=None).num_rows == 1
    owner.close()


def test_opening_a_store_twice_in_one_process_shares_it(home):
    run_id = make_run(home, metrics={"x": [1.0] * 100})
    with store.open(home) as first, store.open(home) as second:
        make_run(home, metrics={"x": [1.0] * 100})
        assert (
            first.ask("totals")["points"][0].as_py()
            == second.ask("totals")["points"][0].as_py()
            == 200
        )
    with store.open(home) as again:
        assert again.points("x", [run_id]).num_rows == 100


def test_the_run_table_shows_columns_of_every_kind_beside_the_runs_they_belong_to(home):
    ids = [
        make_run(home, config={"lr": 0.1 * n, "kind": "x"}, metrics={"val/acc": [n / 10, n / 20]})
        for n in range(1, 4)
    ]
    bare = make_run(home)
    names = ['metrics."val/acc"', "params.lr", "params.kind", 'metrics."val/acc".last', "seed", "params.none"]  # fmt: skip
    with store.open(home) as opened:
        table = opened.runs(order_by='metrics."val/acc" desc', columns=names)
        page = opened.runs(order_by='metrics."val/acc" desc', limit=2, offset=1, columns=names)
    assert table["run_id"].to_pylist() == [*reversed(ids), bare]
    assert table[names[0]].to_pylist() == [0.3, 0.2, 0.1, None]
    assert table[names[1]].to_pylist() == pytest.approx([0.3, 0.2, 0.1, None])
    assert table[names[2]].to_pylist() == ["x", "x", "x", None]
    assert table[names[3]].to_pylist() == [0.15, 0.1, 0.05, None]
    assert table[names[5]].to_pylist() == [None] * 4
    assert page.to_pylist() == table.slice(1, 2).to_pylist()
