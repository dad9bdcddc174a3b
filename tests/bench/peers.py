"""Gives the same tasks to us, TensorBoard, MLflow, Trackio and wandb, and prints one table.

`make bench-peers` installs them into ``.venv-peers`` and runs this; nothing of ours needs them.
Names of peers as arguments measure these alone.
"""

import json
import mmap
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

PYTHON = Path(".venv-peers/bin/python").absolute()
OURS = "bakeoff"
TASKS = Path(__file__).with_name("peer_tasks.py")
FIGURES = Path(".venv-peers/figures.json")
CALLS = {
    OURS: 100_000,
    "tensorboard": 3_000,
    "tensorboardX": 3_000,
    "mlflow": 200,
    "trackio": 3_000,
    "wandb": 3_000,
}
SECONDS = 5.0


def command(name: str, task: str, folder: Path, *more: str) -> list[str]:
    """Return what runs a task, in the environment of whoever has to do it."""
    python = sys.executable if name == OURS else str(PYTHON)
    return [python, str(TASKS), name, task, str(folder), *more]


def ask(name: str, task: str, folder: Path, *more: str) -> Any:
    """Run a task of a peer and return its answer; None if it failed."""
    done = subprocess.run(
        command(name, task, folder, *more), capture_output=True, text=True, check=False
    )
    try:
        return json.loads(done.stdout.strip().rpartition("\n")[2])
    except ValueError:
        print(f"{name} {task}: {done.stderr.strip().rpartition(chr(10))[2]}", flush=True)
        return None


def lost_when_killed(name: str) -> dict[str, int | None]:
    """Kill a peer's process while it logs; return accepted points and those not found again."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as text:
        folder = Path(text)
        (folder / "accepted").write_bytes(bytes(8))
        process = subprocess.Popen(
            command(name, "forever", folder),
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        with (folder / "accepted").open("r+b") as file:
            shared = mmap.mmap(file.fileno(), 8)
        deadline = time.monotonic() + 60
        while not any(shared[:8]) and time.monotonic() < deadline:
            time.sleep(0.05)
        time.sleep(SECONDS)
        process.kill()
        process.wait()
        accepted = struct.unpack("<q", shared[:8])[0]
        time.sleep(3)  # a process of its own may still write
        found = ask(name, "count", folder)
    return {"accepted": accepted, "lost": None if found is None else max(0, accepted - found)}


def main() -> None:
    """Print the table and keep the figures for `make bench`."""
    figures: dict[str, dict[str, Any]] = (
        json.loads(FIGURES.read_text(encoding="utf-8")) if FIGURES.exists() else {}
    )
    print(
        "| peer | `log()` of 4 metrics: median / p99 us | CPU s per million points | bytes per point | lost of accepted after kill -9 | spike of one step kept |"
    )
    print("|---|---|---|---|---|---|")
    for name in sys.argv[1:] or CALLS:
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
            row = ask(name, "log", Path(folder), str(CALLS[name])) or {}
        row |= lost_when_killed(name)
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
            row |= ask(name, "spike", Path(folder)) or {}
        figures[name] = figures.get(name, {}) | row
        spike = {True: "yes", False: "no", None: "not read"}[row.get("spike")]
        print(
            f"| {name} | {row.get('log_us', 0):,.3g} / {row.get('log_p99_us', 0):,.3g} "
            f"| {row.get('cpu_s', 0):,.3g} | {row.get('bytes', 0):,.3g} "
            f"| {row['lost']} of {row['accepted']} | {spike} |",
            flush=True,
        )
    FIGURES.write_text(json.dumps(figures, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
