import json

import pytest

import store
from experiments.cli import main
from store.testing import make_run


@pytest.fixture
def runs(home):
    return [make_run(home, id=f"r{i}", metrics={"val/acc": [i / 10]}) for i in range(4)]


def said(capsys):
    return json.loads(capsys.readouterr().out)


def test_a_dry_run_tells_bytes_and_fates_and_changes_nothing(home, runs, capsys):
    assert main(["gc", "--dry-run", "--keep-best", "2", "val/acc", "--json"]) == 0
    answer = said(capsys)

    assert [row["run_id"] for row in answer["runs"] if row["goes"]] == ["r0", "r1"]
    assert all(row["sizes"]["points"] > 0 for row in answer["runs"])
    assert answer["goes"]["runs"] == 2
    assert answer["store"]["total"] > answer["goes"]["bytes"] > 0
    assert "done" not in answer
    assert len(list((home / "runs").iterdir())) == 4


def test_gc_moves_runs_to_the_trash_and_the_trash_gives_them_back(home, runs, capsys):
    assert main(["gc", "--keep-last", "1"]) == 0
    text = capsys.readouterr().out
    assert "Moved 3 runs to the trash" in text
    assert "The database took" in text
    assert main(["trash", "ls", "--json"]) == 0
    assert {row["run_id"] for row in said(capsys)} == {"r0", "r1", "r2"}
    assert main(["trash", "restore", "r0", "r1"]) == 0
    assert main(["trash", "empty", "--json"]) == 0
    capsys.readouterr()
    assert main(["trash", "ls"]) == 0

    assert "is empty" in capsys.readouterr().out
    with store.open(home) as opened:
        assert sorted(opened.runs()["run_id"].to_pylist()) == ["r0", "r1", "r3"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["gc", "--keep-best", "x", "val/acc"], "Expected --keep-best K METRIC"),
        (["gc", "--keep-last", "0"], "Expected --keep-last from 1 on"),
        (["trash", "restore", "zz"], "Expected the id of one run in the trash"),
        (["trash", "put", "zz"], "Expected a run's id"),
    ],
)
def test_what_makes_no_sense_is_said_in_one_sentence(home, runs, capsys, arguments, message):
    assert main(arguments) == 2
    error = capsys.readouterr().err

    assert message in error
    assert error.count("\n") == 1


def test_a_pinned_run_is_refused(home, runs, capsys):
    assert main(["pin", "r0", "r1"]) == 0
    assert "2 runs pinned" in capsys.readouterr().out
    assert main(["trash", "put", "r0"]) == 1
    assert "Unpin it first" in capsys.readouterr().err
    assert main(["pin", "--off", "r0"]) == 0
    assert main(["trash", "put", "r0"]) == 0

    with store.open(home) as opened:
        assert opened.runs("pinned = true")["run_id"].to_pylist() == ["r1"]


def test_nothing_is_made_where_no_store_is(home, capsys):
    assert main(["gc"]) == 1
    assert main(["trash", "ls"]) == 0
    assert not home.exists()


def test_the_doctor_fixes_what_it_said_it_would(home, runs, capsys):
    (home / "runs" / "stray").mkdir()
    assert main(["doctor"]) == 0
    assert "bakeoff doctor --fix would remove the empty folder" in capsys.readouterr().out
    assert main(["doctor", "--fix"]) == 0
    assert "F02 done: stray: remove the empty folder." in capsys.readouterr().out

    assert not (home / "runs" / "stray").exists()
