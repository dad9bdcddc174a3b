import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

import store

pytestmark = pytest.mark.slow

# Small and bundled: the demo's own data sets are fetched by the demo itself.
TINY = [
    *("--only", "cnn_mnist", "--set", "data={kind: digits, max_examples: 200}"),
    *("--set", "model={kind: cnn, channels: [4], dense: 8}", "--no-browser"),
]
DEMO = [sys.executable, "-m", "experiments", "demo", *TINY]


def ours(home: Path) -> list[str]:
    """Return the command lines of living processes that work on a home."""
    found = []
    for process in psutil.process_iter():
        try:
            command = process.cmdline()
            knows = str(home) in " ".join(command) or process.environ().get("BAKEOFF_HOME") == str(
                home
            )
            if process.pid != os.getpid() and knows and process.status() != psutil.STATUS_ZOMBIE:
                found.append(" ".join(command))
        except (psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess):
            continue
    return found


def wait_until_gone(home: Path) -> list[str]:
    deadline = time.monotonic() + 15
    while (left := ours(home)) and time.monotonic() < deadline:
        time.sleep(0.2)
    return left


@pytest.fixture
def demo_home(home: Path) -> Iterator[Path]:
    yield home
    for process in psutil.process_iter():
        try:
            if process.environ().get("BAKEOFF_HOME") == str(home) and process.pid != os.getpid():
                process.kill()
        except (psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess):
            continue


@contextmanager
def started(home: Path, *arguments: str) -> Iterator[tuple[subprocess.Popen[str], Path]]:
    log = home.parent / "demo.log"
    with (
        log.open("w", encoding="utf-8") as output,
        subprocess.Popen([*DEMO, *arguments], stdout=output, stderr=output, text=True) as process,
    ):
        try:
            yield process, log
        finally:
            process.kill()


def wait_for_word(process: subprocess.Popen[str], log: Path, word: str) -> str:
    deadline = time.monotonic() + 120
    while word not in (said := log.read_text(encoding="utf-8")):
        assert process.poll() is None, said
        assert time.monotonic() < deadline, said
        time.sleep(0.1)
    return said


@pytest.mark.exhaustive
def test_ctrl_c_while_training_leaves_no_process_and_a_stopped_run(demo_home: Path) -> None:
    endless = ("--no-dashboard", "--set", "training.epochs=10000")
    with started(demo_home, *endless) as (process, log):
        wait_for_word(process, log, "val/acc")
        process.send_signal(signal.SIGINT)
        code = process.wait(timeout=60)

    assert code == 128 + signal.SIGINT
    assert wait_until_gone(demo_home) == []
    assert "Traceback" not in log.read_text(encoding="utf-8")
    with store.open(home=demo_home) as opened:
        assert [run["status"] for run in opened.runs().to_pylist()] == ["stopped"]


def test_the_demo_shows_its_run_until_a_signal_and_knows_it_the_second_time(
    demo_home: Path,
) -> None:
    with started(demo_home, "--set", "training.epochs=2") as (process, log):
        said = wait_for_word(process, log, "Ctrl-C stops the dashboard")
        running = ours(demo_home)
        process.send_signal(signal.SIGTERM)
        code = process.wait(timeout=60)

    assert "finished in" in said
    assert "http://127.0.0.1:" in said
    assert any("streamlit" in command for command in running)
    assert code == 0
    assert wait_until_gone(demo_home) == []

    command = [*DEMO, "--no-dashboard", "--once", "--set", "training.epochs=2"]
    second = subprocess.run(command, capture_output=True, text=True, check=False)

    assert (second.returncode, second.stderr) == (0, "")
    assert "here already" in second.stdout
    with store.open(home=demo_home) as opened:
        assert opened.count_runs('project = "demo"') == 1
    store.stop_hub(demo_home)
    assert wait_until_gone(demo_home) == []
