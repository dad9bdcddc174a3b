import os
import sys
import time
from pathlib import Path

import psutil

from experiments import processes

STUBBORN = """
import signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
print(child.pid, flush=True)
time.sleep(60)
"""


def wait_for_text(path: Path) -> str:
    deadline = time.monotonic() + 20
    while not (text := path.read_text(encoding="utf-8")) and time.monotonic() < deadline:
        time.sleep(0.02)
    return text


def test_what_a_process_prints_is_appended_to_its_file(tmp_path: Path) -> None:
    log = tmp_path / "out.log"
    log.write_text("before\n", encoding="utf-8")
    code = "import os, sys; print('one', flush=True); os.system('echo two'); sys.exit(3)"
    process = processes.start([sys.executable, "-c", code], output=log)

    assert processes.exit_code(process) == 3
    assert log.read_text(encoding="utf-8").split() == ["before", "one", "two"]


def test_no_argument_is_read_by_a_shell(tmp_path: Path) -> None:
    log = tmp_path / "out.log"
    evil = f"$(touch {tmp_path}/bad); touch {tmp_path}/bad"
    process = processes.start(
        [sys.executable, "-c", "import sys; print(sys.argv[1])", evil], output=log
    )
    processes.exit_code(process)

    assert log.read_text(encoding="utf-8").strip() == evil
    assert not (tmp_path / "bad").exists()


def test_a_process_lives_in_a_session_of_its_own(tmp_path: Path) -> None:
    process = processes.start(
        [sys.executable, "-c", "import time; time.sleep(60)"], output=tmp_path / "o"
    )
    session = os.getsid(process.pid)
    code = processes.stop(process)

    assert session == process.pid
    assert code == 143


def test_stopping_a_stubborn_process_ends_its_whole_group(tmp_path: Path) -> None:
    log = tmp_path / "out.log"
    process = processes.start([sys.executable, "-c", STUBBORN], output=log)
    child = int(wait_for_text(log))

    assert processes.stop(process, grace_s=0.2) == 137
    deadline = time.monotonic() + 10
    while psutil.pid_exists(child) and time.monotonic() < deadline:
        if psutil.Process(child).status() == psutil.STATUS_ZOMBIE:
            break
        time.sleep(0.02)
    assert not psutil.pid_exists(child) or psutil.Process(child).status() == psutil.STATUS_ZOMBIE


def test_stopping_what_has_ended_tells_its_exit_code(tmp_path: Path) -> None:
    process = processes.start([sys.executable, "-c", "raise SystemExit(5)"], output=tmp_path / "o")
    process.wait()

    assert processes.stop(process) == 5
