import shutil

import pytest

import store
from store import doctor
from store.layout import Home
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
