import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

import store
from experiments.errors import UsageError
from experiments.release import (
    ReleaseBlockedError,
    ReleaseError,
    ReleaseNotFoundError,
    aliases,
    champion,
    find,
    lines,
    release,
    releases,
    rollback,
    set_alias,
    verify_audit,
    verify_release,
)
from experiments.releasing import policy
from experiments.releasing.release_bundle import card_page, card_text, edit_card
from store import audit, doctor
from store.layout import Home
from store.releases import LineNameError, released_runs
from store.testing import make_run

OVERRIDE = "the export is not what is tested here"
KILLED = """
import os, signal, sys
from pathlib import Path
last, count, fsync = int(sys.argv[3]), 0, os.fsync
import store
from experiments.release import release
opened = store.open(sys.argv[1])
def counted(descriptor):
    global count
    count += 1
    if count == last:
        os.kill(os.getpid(), signal.SIGKILL)
    fsync(descriptor)
opened.run(sys.argv[2])
from experiments.releasing import policy
from store.layout import Home
policy.read(Home(Path(sys.argv[1])))
os.fsync = counted
release(opened, "digits", [sys.argv[2]], reason="r", override="o", export=False)
print(count)
"""


def predictions(accuracy, seed):
    label = np.random.default_rng(0).integers(0, 2, 400)
    right = np.random.default_rng(seed).random(400) < accuracy
    positive = np.where(right == (label == 1), 0.9, 0.1)
    return {"test": (label, np.stack([1 - positive, positive], axis=1))}


@pytest.fixture
def place(home: Path) -> Home:
    return Home(home).create()


@pytest.fixture
def runs(home: Path) -> list[str]:
    """Four runs, each better than the one before."""
    return [
        make_run(home, name=f"run-{seed}", predictions=predictions(accuracy, seed), seed=seed)
        for seed, accuracy in enumerate((0.7, 0.8, 0.9, 0.95))
    ]


def champion_version(place):
    found = champion(place, "digits")
    return None if found is None else found.version


def released(home, run_id, line="digits", **options):
    with store.open(home) as opened:
        return release(
            opened,
            line,
            [run_id],
            **{"reason": "it is better", "override": OVERRIDE, "export": False, **options},
        )


def test_a_release_is_a_folder_that_says_everything_and_cannot_be_written(home, place, runs):
    released(home, runs[0])
    made = released(home, runs[1], who="ann", considered=[[runs[2], runs[3]]])

    record = json.loads((made.folder / "release.json").read_text(encoding="utf-8"))
    assert made.ref == record["ref"] == "digits@v2"
    assert record["runs"] == [runs[1]]
    assert (made.who, made.reason, made.override) == ("ann", "it is better", OVERRIDE)
    assert record["champion_before"] == "digits@v1"
    assert record["evidence"]["figures"]["verdict"]["word"] in {"better", "clearly better"}
    assert record["evidence"]["figures"]["verdict"]["candidates"] == 2
    inputs = {one["run"]: one for one in record["evidence"]["inputs"]}
    assert {one["role"] for one in inputs.values()} == {"candidate", "champion", "considered"}
    assert all(len(one["predictions_sha256"]) == 64 for one in inputs.values())
    assert record["evidence"]["made_with"]["numpy"] == np.__version__
    assert [gate.gate for gate in made.gates][-1].startswith("export")
    assert {path.stat().st_mode & 0o777 for path in made.folder.iterdir()} == {0o444}
    assert released_runs(place) == {*runs}
    with store.open(home) as opened:
        assert verify_release(opened, place, made.ref) == []


def test_a_closed_gate_blocks_and_says_why(home, place, runs):
    policy.save(place, "gates: [accuracy >= 0.99, accuracy >= 0.5]", who="ann")

    with pytest.raises(ReleaseBlockedError, match=r"accuracy >= 0\.99") as caught:
        released(home, runs[0], override=None)

    assert [one.passed for one in caught.value.results] == [False, True]
    assert lines(place) == ()
    assert list(place.releases.glob("digits/*")) == []


def test_without_an_export_a_release_needs_a_reason_as_well(home, place, runs):
    policy.save(place, "gates: []", who="ann")

    with pytest.raises(ReleaseBlockedError, match="export"):
        released(home, runs[0], override=None)


@pytest.mark.exhaustive
def test_a_run_without_a_checkpoint_cannot_be_exported_and_says_so(home, place, runs):
    policy.save(place, "gates: []", who="ann")

    with pytest.raises(ReleaseBlockedError, match="checkpoint"):
        released(home, runs[0], override=None, export=True)
    assert list(place.releases.glob("digits/*")) == []


@pytest.mark.parametrize("options", [{"reason": " "}, {"override": ""}, {"aliases": ["v3"]}])
def test_reasons_and_names_have_to_be_given(home, runs, options):
    with pytest.raises((ReleaseError, UsageError)):
        released(home, runs[0], **options)
    assert list(Home(home).releases.glob("digits/*")) == []


@pytest.mark.parametrize("line", ["../x", "a/b", "", ".hidden", "policy", "x" * 61, "a b"])
def test_a_line_cannot_lead_out_of_its_folder(home, runs, line):
    with pytest.raises(LineNameError):
        released(home, runs[0], line=line)


def test_aliases_follow_releases_and_can_be_set_and_removed(home, place, runs):
    released(home, runs[0])
    released(home, runs[1], aliases=["challenger"])

    assert aliases(place, "digits") == {"challenger": 2, "champion": 1}
    assert set_alias(place, "digits", "shadow", 2, reason="try")["shadow"] == 2
    assert "shadow" not in set_alias(place, "digits", "shadow", None, reason="done")
    assert find(place, "digits").version == 1
    assert find(place, "digits@challenger").version == find(place, "digits@v2").version == 2
    with pytest.raises(ReleaseNotFoundError, match="digits@v1"):
        find(place, "digits@nobody")
    with pytest.raises(ReleaseError):
        set_alias(place, "digits", "shadow", 9, reason="try")
    with store.open(home) as opened:
        found = {row["id"] for row in opened.ask("items", kind="alias").to_pylist()}
    assert found == {"digits@champion", "digits@challenger", "digits@shadow"}


def test_a_rollback_goes_back_one_champion_at_a_time(home, place, runs):
    for run_id in runs:
        released(home, run_id)

    assert rollback(place, "digits", reason="bad").version == 3
    assert rollback(place, "digits", reason="bad").version == 2
    assert rollback(place, "digits", reason="no, this one", to=4).version == 4
    assert rollback(place, "digits", reason="bad").version == 2
    assert champion_version(place) == 2
    assert [one.version for one in releases(place, "digits")] == [4, 3, 2, 1]
    assert [entry.action for entry in audit.entries(place)].count("rollback") == 4
    rollback(place, "digits", reason="bad")
    with pytest.raises(ReleaseError, match="before the present one"):
        rollback(place, "digits", reason="bad")
    with pytest.raises(UsageError, match="reason"):
        rollback(place, "digits", reason="")


def test_the_evidence_of_a_release_computes_again_to_the_same_hash(home, place, runs):
    for run_id in runs[:2]:
        released(home, run_id)
    with store.open(home) as opened:
        assert verify_release(opened, place, "digits@v2") == []


def test_changed_predictions_are_found(home, place, runs):
    for run_id in runs[:2]:
        released(home, run_id)
    run = store.init(id=runs[0], resume="must", home=home, capture=False, monitor=False)
    label, scores = predictions(0.75, 9)["test"]
    run.log_predictions("test", [f"test-{index}" for index in range(400)], label, scores)
    run.finish()

    with store.open(home) as opened:
        [problem] = verify_release(opened, place, "digits@v2")
    assert f"predictions sha256 of run {runs[0]}" in problem
    assert "verdict" in problem


@pytest.mark.parametrize("name", ["release.json", "card.md", "card.html"])
def test_a_changed_file_is_found_and_never_used(home, place, runs, name):
    released(home, runs[0])
    made = released(home, runs[1])
    path = find(place, "digits@v1").folder / name
    path.chmod(0o644)
    path.write_bytes(path.read_bytes().replace(b"better", b"worse!"))

    assert any("digits@v1" in problem and "changed" in problem for problem in verify_audit(place))
    assert any(one.code == "L01" for one in doctor.examine(place))
    with pytest.raises(ReleaseError, match="as it was released"):
        rollback(place, "digits", reason="bad")
    assert champion_version(place) == made.version


def test_a_release_that_nobody_made_or_that_is_gone_is_found(home, place, runs):
    made = released(home, runs[0])
    made.folder.rename(made.folder.with_name("v7"))

    problems = " ".join(verify_audit(place))
    assert "digits@v7 is not in the audit log" in problems
    assert "digits@v1 is in the audit log, but its folder is gone" in problems


def test_a_changed_audit_log_is_found(home, place, runs):
    released(home, runs[0], reason="it is better")
    path = place.releases / "audit.jsonl"
    path.write_bytes(path.read_bytes().replace(b"it is better", b"it is cheaper"))

    assert any("was changed" in problem for problem in verify_audit(place))
    with pytest.raises(audit.AuditError):
        released(home, runs[1])
    assert [one.version for one in releases(place, "digits")] == [1]


def test_two_people_who_release_at_once_get_two_versions(home, place, runs):
    failures: list[BaseException] = []

    def release_some(mine):
        try:
            for run_id in mine:
                released(home, run_id)
        except BaseException as error:  # noqa: BLE001  told below
            failures.append(error)

    with store.open(home):  # so that both ask the same owner
        threads = [
            threading.Thread(target=release_some, args=(mine,)) for mine in (runs[:2], runs[2:])
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert failures == []
    found = releases(place, "digits")
    assert [one.version for one in found] == [4, 3, 2, 1]
    assert {one.runs[0] for one in found} == set(runs)
    assert verify_audit(place) == []


@pytest.mark.parametrize(
    "step", [pytest.param(5, marks=pytest.mark.slow), pytest.param(1, marks=pytest.mark.exhaustive)]
)
def test_a_kill_at_any_write_leaves_no_release_or_a_whole_one(home, place, runs, step):
    with store.open(home) as opened:
        opened.run(runs[0])
    policy.read(place)
    store.stop_hub(home)
    outcomes: list[int] = []
    for last in range(1, 60, step):
        before = len(releases(place, "digits"))
        done = subprocess.run(
            [sys.executable, "-c", KILLED, str(home), runs[0], str(last)],
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        )
        assert verify_audit(place) == []
        after = releases(place, "digits")
        outcomes.append(len(after) - before)
        assert [one.version for one in after] == list(range(len(after), 0, -1))
        assert not list(place.releases.glob("digits/.staging-*"))
        if after:
            assert champion_version(place) == after[0].version
        if done.returncode == 0:
            break
        assert done.returncode == -signal.SIGKILL, done.stderr
    assert outcomes[0] == 0
    assert outcomes[-1] == 1
    assert outcomes == sorted(outcomes)


def test_a_card_can_be_edited_beside_the_one_that_was_released(home, place, runs):
    made = released(home, runs[0])
    released_card = card_text(made.folder)
    edit_card(place, "digits", 1, "# Mine\n\n<script>alert(1)</script>\n", who="bob")

    assert card_text(made.folder).startswith("# Mine")
    assert "<script>" not in card_page(made.folder, title="t")
    assert (made.folder / "card.md").read_text(encoding="utf-8") == released_card
    assert audit.entries(place)[-1].action == "card"
    assert verify_audit(place) == []


def test_a_card_has_what_the_store_knows_and_asks_for_the_rest(home, place, runs):
    made = released(home, runs[0])
    text = card_text(made.folder)

    for section in (
        *("Intended use", "Data", "Metrics on test", "Slices", "Calibration", "Cost", "Gates"),
        *("Limits", "Environment", "Licence", "Lineage"),
    ):
        assert f"## {section}" in text
    assert "To be written by a person" in text
    assert f"Released in spite of its gates:** {OVERRIDE}" in text
    page = (made.folder / "card.html").read_text(encoding="utf-8")
    assert page.count("<svg") >= 3
    assert "<img" not in page
