"""The training process: exit codes, one-line errors, and stopping in order."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import store
from trainers.__main__ import main
from trainers.checkpoints import read_checkpoint
from trainers.stopping import StopSwitch, TrainingStopped

LONG = {
    "data": {"kind": "digits"},
    "model": {"kind": "cnn"},
    "training": {"epochs": 10_000, "threads": 1},
}


def start(tmp_path: Path, spec: Any, home: Path, *more: str) -> subprocess.Popen[str]:
    path = tmp_path / "spec.json"
    path.write_text(json.dumps(spec), "utf-8")
    command = [sys.executable, "-m", "trainers", str(path), "--home", str(home), "--id", "theid"]
    command += more
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.fixture(autouse=True)
def own_signals() -> Iterator[None]:
    """Give back the signal handlers that a training replaces."""
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        (None, "No such file"),
        ("{", "to hold JSON"),
        ({"data": {"kind": "digitz"}, "model": {"kind": "cnn"}}, "Did you mean 'digits'?"),
        (
            {"data": {"kind": "text_csv", "path": "none.csv"}, "model": {"kind": "lstm"}},
            "Expected the file none.csv (data.path); it does not exist.",
        ),
    ],
)
def test_bad_input_exits_with_2_and_one_line(
    tmp_path: Path, home: Path, capsys: pytest.CaptureFixture[str], spec: Any, words: str
):
    path = tmp_path / "spec.json"
    if spec is not None:
        path.write_text(spec if isinstance(spec, str) else json.dumps(spec), "utf-8")
    code = main([str(path), "--home", str(home)])

    out, err = capsys.readouterr()
    assert (code, out) == (2, "")
    assert words in err
    assert err.count("\n") == 1
    assert not home.exists()


def test_a_store_that_cannot_be_written_exits_with_1_and_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    (tmp_path / "taken").write_text("a file", "utf-8")
    (tmp_path / "spec.json").write_text(json.dumps(LONG), "utf-8")

    assert main([str(tmp_path / "spec.json"), "--home", str(tmp_path / "taken")]) == 1
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize(
    "number", [signal.SIGTERM, pytest.param(signal.SIGINT, marks=pytest.mark.exhaustive)]
)
def test_a_signal_stops_after_the_step_with_a_last_checkpoint(
    tmp_path: Path, home: Path, number: signal.Signals
):
    process = start(tmp_path, LONG, home)
    assert process.stdout is not None
    line = ""
    while not line.startswith("epoch 2/"):
        line = process.stdout.readline()
        assert line, process.stderr and process.stderr.read()
    os.kill(process.pid, number)
    asked = time.monotonic()
    out, err = process.communicate(timeout=60)

    assert process.returncode == 128 + number, err
    assert out.splitlines()[-1] == f"stopped by {number.name}"
    assert time.monotonic() - asked < 20
    assert read_checkpoint(home / "runs" / "theid" / "checkpoints" / "last.ckpt")["global_step"] > 0
    with store.open(home) as opened:
        record = opened.run("theid")
    assert record["status"] == "stopped"
    assert record["error"] is None


@pytest.mark.exhaustive
def test_a_stopped_process_goes_on_with_resume(tmp_path: Path, home: Path):
    spec = {**LONG, "training": {**LONG["training"], "epochs": 4}}
    process = start(tmp_path, spec, home)
    assert process.stdout is not None
    while not process.stdout.readline().startswith("epoch 1/"):
        assert process.poll() is None
    process.terminate()
    process.communicate(timeout=60)
    assert process.returncode == 143
    process = start(tmp_path, spec, home, "--resume")
    out, err = process.communicate(timeout=60)

    assert process.returncode == 0, err
    assert out.splitlines()[-1].startswith("finished in ")
    with store.open(home) as opened:
        assert opened.run("theid")["status"] == "finished"
        epochs = opened.points("val/loss", ["theid"]).to_pylist()
    assert [round(point["epoch"]) for point in epochs] == [1, 2, 3, 4]


def test_resume_needs_an_id(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit) as caught:
        main([str(tmp_path / "spec.json"), "--resume"])

    assert caught.value.code == 2
    assert "--resume needs --id" in capsys.readouterr().err


def test_a_signal_before_the_training_ends_it_at_once():
    switch = StopSwitch()
    with pytest.raises(TrainingStopped) as caught:
        switch._on_signal(signal.SIGTERM, None)

    assert caught.value.exit_code == 143


def test_a_first_signal_waits_for_the_block_and_a_second_does_not():
    switch = StopSwitch()
    reached: list[str] = []

    def block() -> None:
        with switch.deferred():
            switch._on_signal(signal.SIGINT, None)
            reached.append("after the first")
            with pytest.raises(TrainingStopped):
                switch._on_signal(signal.SIGINT, None)
            reached.append("the end")

    with pytest.raises(TrainingStopped):
        block()

    assert reached == ["after the first", "the end"]
