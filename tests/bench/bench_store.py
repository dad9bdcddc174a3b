"""Measures what the README says about the store; `make bench` runs it.

Every figure is printed as a row of a Markdown table; what must hold is asserted as a ratio
against a floor measured in the same run, because machines differ and are shared.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import store
from store.layout import Home
from store.owner import Owner

METRICS = {"train/loss": 0.5, "train/acc": 0.9, "lr": 1e-3, "grad_norm": 2.0}


def row(what: str, figure: str) -> None:
    print(f"| {what} | {figure} |", flush=True)


def percentiles(nanoseconds: list[int]) -> tuple[float, float]:
    """Return median and 99th percentile in microseconds."""
    ordered = sorted(nanoseconds)
    return statistics.median(ordered) / 1e3, ordered[int(len(ordered) * 0.99)] / 1e3


def bench_log(home: Path, calls: int = 600_000) -> None:
    """`log()` of four metrics against the floor: one write(2) of the same 80 bytes."""
    run = store.init("bench", home=home, capture=False)
    metrics = dict(METRICS)
    clock = time.perf_counter_ns
    ours: list[int] = []
    for step in range(calls):
        metrics["train/loss"] = 1.0 / (step + 1)
        start = clock()
        run.log(metrics, step=step)
        ours.append(clock() - start)
    run.finish()
    floor: list[int] = []
    content = bytes(80)
    with (home / "floor").open("wb", buffering=0) as file:
        for _ in range(calls // 3):
            start = clock()
            os.write(file.fileno(), content)
            floor.append(clock() - start)
    median, p99 = percentiles(ours)
    floor_median, floor_p99 = percentiles(floor)
    row("`log()` of 4 metrics, caller blocked: median / p99", f"{median:.1f} / {p99:.1f} us")
    row("floor: one `write(2)` of 80 bytes", f"{floor_median:.1f} / {floor_p99:.1f} us")
    assert median < 4 * floor_median, "log() costs more than four system calls"


def bench_ingest(home: Path) -> None:
    """Ingest of what `bench_log` wrote, compaction included."""
    owner = Owner(Home.locate(home))
    start, cpu = time.perf_counter(), time.process_time()
    owner.drain()
    owner.compact_if_due()
    wall, cpu = time.perf_counter() - start, time.process_time() - cpu
    points = owner.act("state")["points"]
    owner.close()
    row(
        "ingest",
        f"{points / wall / 1e6:.2f} M points/s ({cpu / points * 1e6:.2f} CPU s per million)",
    )


def bench_freshness(home: Path, rounds: int = 40) -> None:
    """From `log()` in one process to the answer in another."""
    store.ensure_hub(home)
    delays: list[float] = []
    with store.open(home) as opened, store.init("bench", home=home, capture=False) as run:
        for step in range(rounds):
            time.sleep(0.05)
            run.log({"x": float(step)}, step=step)
            start = time.perf_counter()
            while opened.curves("x", [run.id]).num_rows <= step:
                pass
            delays.append(time.perf_counter() - start)
    store.stop_hub(home)
    slowest = sorted(delays)[int(rounds * 0.95)] * 1e3
    row(
        "`log()` to readable in another process: median / p95",
        f"{statistics.median(delays) * 1e3:.0f} / {slowest:.0f} ms",
    )


def bench_import() -> None:
    """`import store` against an interpreter that imports nothing."""

    def seconds(code: str) -> float:
        times = []
        for _ in range(7):
            start = time.perf_counter()
            subprocess.run([sys.executable, "-c", code], check=True)
            times.append(time.perf_counter() - start)
        return min(times)

    row("`import store`", f"{(seconds('import store') - seconds('pass')) * 1e3:.0f} ms")


def main() -> None:
    """Print the table."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        bench_log(home)
        bench_ingest(home)
        bench_freshness(home)
    bench_import()


if __name__ == "__main__":
    main()
