import json
import signal
import time
from pathlib import Path

import pytest

import store
from experiments import launch
from trainers.spec import RunSpec, load_spec


@pytest.fixture
def spec() -> RunSpec:
    return load_spec(
        {
            "project": "tries",
            "data": {"kind": "digits", "max_examples": 200},
            "model": {"kind": "cnn", "channels": [4], "dense": 8},
            "training": {"epochs": 10_000, "threads": 1},
        }
    )


@pytest.mark.slow
@pytest.mark.exhaustive
def test_a_launched_training_becomes_a_run_and_stops_when_asked(spec: RunSpec, home: Path) -> None:
    started = launch.launch(spec, home=home, threads=1)
    try:
        deadline = time.monotonic() + 60
        while not list(started.folder.glob("points-*.bin")) and time.monotonic() < deadline:
            assert started.is_running, started.output.read_text(encoding="utf-8")
            time.sleep(0.1)
        time.sleep(1.0)
    finally:
        code = launch.stop(started, grace_s=30)

    with store.open(home=home) as opened:
        record = opened.run(started.run_id)
    assert record["status"] == "stopped"
    assert code == 128 + signal.SIGTERM
    assert load_spec(json.loads((started.folder / "spec.json").read_bytes())) == spec


def test_a_training_stopped_before_it_became_a_run_leaves_nothing(
    spec: RunSpec, home: Path
) -> None:
    started = launch.launch(spec, home=home)
    launch.stop(started, grace_s=0)
    launch.discard_if_unborn(started)

    assert list((home / "runs").iterdir()) == []


def test_an_id_is_used_once(spec: RunSpec, home: Path) -> None:
    (home / "runs" / "mine").mkdir(parents=True)

    with pytest.raises(store.RunExistsError, match="'mine'"):
        launch.launch(spec, home=home, run_id="mine")


def test_an_id_cannot_leave_the_store(spec: RunSpec, home: Path) -> None:
    with pytest.raises(store.StoreError):
        launch.launch(spec, home=home, run_id="../../elsewhere")
