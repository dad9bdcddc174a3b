import os
import shutil
import time
from unittest.mock import patch

import pytest

import store
from store import artifacts, doctor
from store.journal_reader import read_segment
from store.layout import Home
from store.ledger import LEDGER_NAME, Ledger
from store.testing import filled_store, make_run


def codes(home):
    return {(finding.code, finding.subject) for finding in doctor.examine(Home.locate(home))}


def test_a_healthy_store_has_no_findings(home):
    filled_store(home, num_runs=3)
    make_run(home, status="crashed", metrics={"x": [1.0]})

    assert codes(home) == set()


def test_damage_is_found_and_named(home):
    good = make_run(home, metrics={"x": [1.0]})
    flipped = make_run(home, metrics={"x": [float(step) for step in range(100)]})
    headless = make_run(home)
    gone = make_run(home, metrics={"x": [1.0]})
    with store.open(home):
        pass
    [journal] = (home / "runs" / flipped).glob("points-*.bin")
    content = bytearray(journal.read_bytes())
    content[1_000] ^= 1
    journal.write_bytes(content)
    (home / "runs" / headless / "run.json").write_text("{")
    shutil.rmtree(home / "runs" / gone)
    (home / "runs" / "stray").mkdir()

    found = codes(home)

    assert ("F03", flipped) in found
    assert ("D03", flipped) in found
    assert ("F01", headless) in found
    assert ("D02", gone) in found
    assert ("F02", "stray") in found
    assert good not in {subject for _, subject in found}


def test_a_broken_database_is_made_anew_from_the_runs(home):
    filled_store(home, num_runs=3)
    with store.open(home) as opened:
        before = (opened.runs().to_pylist(), opened.series().to_pylist())
    (home / "store.duckdb").write_bytes(b"this is no database" * 1_000)

    assert {code for code, _ in codes(home)} == {"D01"}
    with pytest.raises(store.StoreError, match="doctor --rebuild"):
        store.open(home)
    kept = doctor.rebuild(Home.locate(home))
    with store.open(home) as opened:
        after = (opened.runs().to_pylist(), opened.series().to_pylist())

    assert kept is not None
    assert kept.exists()
    assert after == before


def test_a_store_in_use_is_not_touched(home):
    filled_store(home, num_runs=1)
    with store.open(home), pytest.raises(store.StoreBusyError):
        doctor.rebuild(Home.locate(home))


def put_right(home):
    return {f.code for f in doctor.repair(Home(home), doctor.examine(Home(home)))}


def test_the_doctor_says_what_it_would_do_and_does_it_only_when_asked(home):
    lost = make_run(home, metrics={"x": [1.0]})
    kept = make_run(home, metrics={"x": [1.0, 2.0]})
    with store.open(home):
        pass
    shutil.rmtree(home / "runs" / lost)
    (home / "runs" / "stray").mkdir()
    (home / "hub.json").write_text("{}")
    before = {f.code: f.fix for f in doctor.examine(Home(home))}
    assert before == {"D02": before["D02"], "F02": before["F02"], "H01": before["H01"]}
    assert all(before.values())
    assert (home / "runs" / "stray").exists()
    assert put_right(home) == {"D02", "F02", "H01"}

    assert codes(home) == set()
    with store.open(home) as opened:
        assert opened.runs()["run_id"].to_pylist() == [kept]


def test_a_run_whose_points_differ_is_taken_in_anew(home, tmp_path):
    run_id = make_run(home, metrics={"x": [1.0]})
    with store.open(home):
        pass
    shutil.rmtree(home / "runs" / run_id)
    make_run(home, metrics={"x": [1.0, 2.0]}, id=run_id)
    longer = codes(home)
    put_right(home)

    assert longer == {("D03", run_id)}
    assert codes(home) == set()
    with store.open(home) as opened:
        assert opened.points("x", [run_id]).num_rows == 2


def test_a_folder_that_lost_points_does_not_replace_the_database(home):
    run_id = make_run(home, metrics={"x": [float(step) for step in range(100)]})
    with store.open(home):
        pass
    [journal] = (home / "runs" / run_id).glob("points-*.bin")
    content = bytearray(journal.read_bytes())
    content[1_000] ^= 1
    journal.write_bytes(content)
    assert put_right(home) == set()

    with store.open(home) as opened:
        assert opened.points("x", [run_id]).num_rows == 100


def test_a_damaged_artifact_is_told_from_one_that_was_written_again(home, tmp_path):
    path = tmp_path / "model.bin"
    path.write_bytes(b"weights" * 100)
    with store.init("p", capture=False, monitor=False) as run:
        run.log_artifact(path, name="rotten.bin")
        (run.files / "mine.bin").write_bytes(b"one")
        run.log_artifact(run.files / "mine.bin")
        (run.files / "gone.bin").write_bytes(b"two")
        run.log_artifact(run.files / "gone.bin")
    rotten = run.files / "rotten.bin"
    facts = rotten.stat()
    rotten.chmod(0o644)
    rotten.write_bytes(b"weighty" * 100)
    os.utime(rotten, ns=(facts.st_atime_ns, facts.st_mtime_ns))
    (run.files / "mine.bin").write_bytes(b"three")
    later = time.time() + 10
    os.utime(run.files / "mine.bin", (later, later))
    (run.files / "gone.bin").unlink()
    found = {(f.code, str(f.severity), f.message) for f in doctor.examine(Home(home))}

    assert found == {
        ("A01", "error", "The artifact files/rotten.bin is damaged."),
        (
            "A01",
            "warning",
            "The artifact files/mine.bin was written again after it was registered.",
        ),
        ("A02", "warning", "The artifact files/gone.bin is gone."),
    }


def test_content_without_a_run_and_damaged_ledgers_are_found(home, tmp_path):
    path = tmp_path / "model.bin"
    path.write_bytes(b"weights")
    with store.init("p", capture=False, monitor=False) as run:
        run.log_artifact(path)
    shutil.rmtree(run.folder)
    ledger = Home(home).queue / LEDGER_NAME
    Ledger(ledger).write("job", "a", state="queued")
    with ledger.open("a") as file:
        file.write("garbled\n")
    assert {code for code, _ in codes(home)} == {"A03", "F03"}
    put_right(home)

    assert artifacts.orphans(Home(home)) == []


def test_a_broken_audit_log_is_an_error(home):
    make_run(home)
    (home / "releases").mkdir(parents=True)
    (home / "releases" / "audit.jsonl").write_text("{}\n")

    assert {code for code, _ in codes(home)} == {"L01"}


def test_each_journal_is_read_once(home):
    make_run(home, metrics={"x": [float(step) for step in range(100)]})
    with store.open(home):
        pass
    with patch("store.journal_reader.read_segment", wraps=read_segment) as reading:
        assert codes(home) == set()

    assert reading.call_count == 2  # the frames, and that nothing follows them


def test_a_database_with_a_flipped_bit_is_found_and_made_anew(home):
    filled_store(home, num_runs=3)
    Ledger(Home(home).queue / LEDGER_NAME).write("job", "a", state="queued")
    with store.open(home) as opened:
        before = (opened.series().to_pylist(), opened.ask("items", kind="job").to_pylist())
    database = home / "store.duckdb"
    content = bytearray(database.read_bytes())
    for place in range(4_096 * 3, len(content), 40_000):
        content[place] ^= 255
    database.write_bytes(content)

    assert "D01" in {code for code, _ in codes(home)}
    doctor.rebuild(Home(home))
    with store.open(home) as opened:
        after = (opened.series().to_pylist(), opened.ask("items", kind="job").to_pylist())
    assert after == before
    assert {code for code, _ in codes(home)} == {"V02"}
