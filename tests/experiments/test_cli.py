import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

import store
from experiments.cli import ExitCode, main
from store.testing import make_run

TINY = """
project: tries
name: tiny
seed: 1
data: {kind: digits, max_examples: 200}
model: {kind: cnn, channels: [4], dense: 8}
training: {epochs: 1, threads: 1}
"""


@pytest.fixture
def tiny_spec(tmp_path: Path) -> Path:
    path = tmp_path / "tiny.yaml"
    path.write_text(TINY, encoding="utf-8")
    return path


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    """Return exit code and the one line that a command says before it refuses."""
    try:
        code = main(arguments)
    except SystemExit as left:
        code = int(str(left.code))
    said = capsys.readouterr()
    assert said.out == ""
    assert "Traceback" not in said.err
    assert said.err.count("\n") == 1
    return code, said.err


def test_version_tells_what_it_stands_on(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["version", "--json"]) == ExitCode.OK

    told = json.loads(capsys.readouterr().out)
    assert told["packages"]["torch"].startswith("2.")


def test_version_is_fast() -> None:
    start = time.monotonic()
    subprocess.run(
        [sys.executable, "-m", "experiments", "version"], check=True, capture_output=True
    )

    assert time.monotonic() - start < 3.0


def test_ls_of_nothing_says_how_to_start_and_creates_nothing(
    capsys: pytest.CaptureFixture[str], home: Path
) -> None:
    assert main(["ls"]) == ExitCode.OK

    assert "No run yet" in capsys.readouterr().out
    assert not home.exists()


def test_ls_lists_runs_that_match(capsys: pytest.CaptureFixture[str], home: Path) -> None:
    good = make_run(home, project="p", name="good", config={}, metrics={"val/acc": [0.5, 0.9]})
    make_run(home, project="p", name="bad", config={}, metrics={"val/acc": [0.2, 0.1]})

    assert main(["ls", 'metrics."val/acc" > 0.8', "--json"]) == ExitCode.OK
    rows = json.loads(capsys.readouterr().out)
    assert [row["run_id"] for row in rows] == [good]

    assert main(["ls", "--sort", "name", "--limit", "1"]) == ExitCode.OK
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("RUN")
    assert "bad" in lines[1]
    assert lines[2].startswith("1 of 2 runs")


def test_show_knows_a_run_by_the_beginning_of_its_id(
    capsys: pytest.CaptureFixture[str], home: Path
) -> None:
    config = {"model": {"kind": "cnn", "lr": 0.01}}
    run_id = make_run(home, project="p", name="one", config=config, metrics={"val/acc": [0.5]})

    assert main(["show", run_id[:12], "--json"]) == ExitCode.OK
    told = json.loads(capsys.readouterr().out)
    assert told["run"]["run_id"] == run_id
    assert told["run"]["config"] == config
    assert [row["metric"] for row in told["metrics"] if row["metric"] == "val/acc"] == ["val/acc"]

    assert main(["show", run_id]) == ExitCode.OK
    assert "val/acc" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "COMMAND"),
        (("fly",), "fly"),
        (("ls", "--limit", "0"), "from 1 on; got 0"),
        (("ls", "--limit", "x"), "x"),
        (("up", "--port", "99999"), "1 to 65535; got 99999"),
        (("train",), "SPEC"),
        (("train", "nowhere.yaml"), "nowhere.yaml"),
        (("train", "cnn_mnist", "--set", "trainin.lr=1"), "trainin"),
        (("train", "cnn_mnist", "--set", "training.lr=fast"), "training.lr"),
        (("train", "cnn_mnist", "--set", "training.lr=30"), "30"),
        (("train", "cnn_mnist", "--set", "model.kind=cnnn"), "cnnn"),
        (("train", "cnn_mnist", "--set", "training.lr=.nan"), "training.lr"),
        (("demo", "--only", "nothing"), "nothing"),
        (("show", "nothing"), "nothing"),
    ],
)
def test_wrong_usage_is_one_sentence_and_exit_code_2(
    capsys: pytest.CaptureFixture[str], home: Path, arguments: tuple[str, ...], words: str
) -> None:
    code, sentence = refused(capsys, *arguments)

    assert code == ExitCode.USAGE
    assert words in sentence
    assert not home.exists()


def test_several_problems_of_a_spec_are_told_together(capsys: pytest.CaptureFixture[str]) -> None:
    code = main(["train", "cnn_mnist", "--set", "training.lr=30", "--set", "seed=-1"])

    lines = capsys.readouterr().err.splitlines()
    assert code == ExitCode.USAGE
    assert len(lines) == 2


def test_an_empty_spec_file_is_refused(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    empty = tmp_path / "empty.yaml"
    empty.touch()

    assert refused(capsys, "train", str(empty))[0] == ExitCode.USAGE


def test_a_wrong_filter_is_refused(capsys: pytest.CaptureFixture[str], home: Path) -> None:
    make_run(home, project="p", name="one", config={}, metrics={})

    assert refused(capsys, "ls", "status = ")[0] == ExitCode.USAGE


@pytest.mark.parametrize("command", [("train", "cnn_mnist"), ("up",), ("demo", "--no-dashboard")])
def test_a_home_that_cannot_be_written_is_named(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, command: tuple[str, ...]
) -> None:
    blocked = tmp_path / "file"
    blocked.touch()
    code, sentence = refused(capsys, *command, "--home", str(blocked / "home"))

    assert code == ExitCode.FAILED
    assert "Expected a folder that can be written" in sentence


def test_a_port_in_use_is_named_with_the_option(
    capsys: pytest.CaptureFixture[str], home: Path
) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        code, sentence = refused(capsys, "up", "--port", str(port))

    assert code == ExitCode.USAGE
    assert f"got {port}, which is in use. Choose another with --port." in sentence
    assert not home.exists()


def test_an_unexpected_error_is_one_line_too(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(**_: object) -> None:
        raise RuntimeError("the\nsky falls")

    monkeypatch.setattr("experiments.commands.show_version", fail)

    code, sentence = refused(capsys, "version")
    assert code == ExitCode.FAILED
    assert "RuntimeError: the sky falls" in sentence


@pytest.mark.slow
def test_train_prints_the_lines_of_the_training_and_leaves_a_finished_run(
    tiny_spec: Path, home: Path
) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "experiments", "train", str(tiny_spec), "--set", "seed=3"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stderr) == (0, "")
    with store.open(home=home) as opened:
        (run,) = opened.runs().to_pylist()
    assert (run["status"], run["seed"], run["name"]) == ("finished", 3, "tiny")
    printed = (home / "runs" / run["run_id"] / "output.log").read_text(encoding="utf-8")
    assert printed in done.stdout
    assert run["run_id"] in done.stdout.splitlines()[-1]


@pytest.mark.exhaustive
def test_a_training_on_missing_data_leaves_no_trace(
    capfd: pytest.CaptureFixture[str], tmp_path: Path, home: Path
) -> None:
    spec = tmp_path / "spec.yaml"
    missing = tmp_path / "no_such_folder"
    data = f"{{kind: fashion_mnist, path: {missing}}}"
    spec.write_text(f"data: {data}\nmodel: {{kind: cnn}}\n", encoding="utf-8")

    code = main(["train", str(spec)])

    said = capfd.readouterr()
    assert code == ExitCode.USAGE
    assert str(missing) in said.out + said.err
    assert "Traceback" not in said.out + said.err
    assert [path for path in (home / "runs").iterdir() if not (path / "run.json").exists()] == []


@pytest.mark.slow
@pytest.mark.exhaustive
def test_ctrl_c_stops_a_training_gracefully(tiny_spec: Path, home: Path) -> None:
    command = [sys.executable, "-m", "experiments", "train", str(tiny_spec)]
    process = subprocess.Popen(
        [*command, "--set", "training.epochs=10000"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    deadline = time.monotonic() + 60
    while not list(home.glob("runs/*/points-*.bin")) and time.monotonic() < deadline:
        time.sleep(0.1)
    time.sleep(1.0)
    os.kill(process.pid, signal.SIGINT)
    process.communicate(timeout=60)

    assert process.returncode in {ExitCode.INTERRUPTED, ExitCode.TERMINATED}
    with store.open(home=home) as opened:
        (run,) = opened.runs().to_pylist()
    assert run["status"] == "stopped"
