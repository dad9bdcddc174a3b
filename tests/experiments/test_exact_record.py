import json
import time

import numpy as np
import pytest

import store
from experiments.cli import main as cli
from experiments.release import release, verify_audit, verify_release
from experiments.releasing import exact_record
from store import audit, doctor
from store.layout import Home
from store.releases import released_runs
from store.testing import make_run


def predictions(accuracy, seed):
    label = np.random.default_rng(0).integers(0, 2, 300)
    right = np.random.default_rng(seed).random(300) < accuracy
    positive = np.where(right == (label == 1), 0.9, 0.1)
    return {"test": (label, np.stack([1 - positive, positive], axis=1))}


@pytest.fixture
def runs(home):
    return [
        make_run(home, name=f"run-{seed}", predictions=predictions(accuracy, seed), seed=seed)
        for seed, accuracy in enumerate((0.7, 0.9))
    ]


def released(home, run_id):
    with store.open(home) as opened:
        return release(
            opened, "digits", [run_id], reason="r", override="not exported", export=False
        )


def computed(home, made, seconds=90):
    """Wait for the process behind a release."""
    until = time.monotonic() + seconds
    while (found := exact_record.read(home, made)).is_running and time.monotonic() < until:
        time.sleep(0.1)
    return found


def test_a_release_computes_its_exact_interval_behind_itself(home, runs, monkeypatch, capsys):
    place = Home(home)
    released(home, runs[0])
    monkeypatch.setenv(exact_record.ON_DEMAND, "1")
    made = released(home, runs[1])
    began = exact_record.read(place, made)
    found = computed(place, made)
    path = made.folder.with_name("v2.exact.json")
    assert cli(["release", "show", made.ref, "--home", str(home)]) == 0
    said = capsys.readouterr().out
    with store.open(home) as opened:
        whole = verify_release(opened, place, made.ref)

    assert (began.is_running, "being computed" in began.sentence) == (True, True)
    assert found.record is not None, found.sentence
    assert "bootstrap, 2,000 resamples, seed 0" in found.sentence
    assert "difference from the champion then" in found.sentence
    assert found.sentence in said
    assert (found.record["resamples"], found.record["runs"]) == (2_000, runs)
    low, high = (found.record["metrics"][0]["values"][1][end] for end in ("low", "high"))
    assert low < found.record["metrics"][0]["values"][1]["estimate"] < high
    assert path.stat().st_mode & 0o777 == 0o444
    assert [(e.action, e.subject) for e in audit.entries(place)][-1] == ("exact", "digits@v2")
    assert whole == verify_audit(place) == []
    assert doctor.examine(place) == []
    assert released_runs(place) == set(runs)
    assert not exact_record.start(place, made)


def test_the_first_release_of_a_line_has_an_interval_of_its_own(home, runs):
    made = released(home, runs[0])
    place = Home(home)

    assert exact_record.main(["digits", "1", "--home", str(home), "--resamples", "50"]) == 0
    found = exact_record.read(place, made)
    assert found.record is not None
    assert found.record["metrics"][0]["differences"] == []


def test_what_crashed_is_said_harms_nothing_and_starts_again(home, runs, monkeypatch, capsys):
    made = released(home, runs[0])
    place = Home(home)
    monkeypatch.setenv(exact_record.ON_DEMAND, "1")
    log = made.folder.with_name(".v1.exact.log")
    log.write_text("Killed\n", encoding="utf-8")
    crashed = exact_record.read(place, made)
    assert verify_audit(place) == []

    assert cli(["release", "verify", made.ref, "--home", str(home)]) == 0
    assert "being computed" in capsys.readouterr().out
    assert crashed.sentence == (
        "Exact interval (bootstrap): not computed: Killed. "
        "Start it again: bakeoff release verify digits@v1."
    )
    assert computed(place, made).record is not None


def test_a_changed_exact_interval_is_not_shown_and_the_release_stays_whole(home, runs):
    made = released(home, runs[0])
    place = Home(home)
    exact_record.main(["digits", "1", "--home", str(home), "--resamples", "20"])
    path = made.folder.with_name("v1.exact.json")
    path.chmod(0o644)
    path.write_text(json.dumps({"resamples": 1}), encoding="utf-8")

    found = exact_record.read(place, made)
    assert found.record is None
    assert "is not what was computed" in found.sentence
    assert verify_audit(place) == []
