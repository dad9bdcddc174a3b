"""What a training pays for `log()`: `make bench` runs it."""

import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from figures import best_peer, percentile, show

import store

METRICS = {"train/loss": 0.5, "train/acc": 0.9, "lr": 1e-3, "grad_norm": 2.0}
CALLS = 300_000
ROUNDS = 5
"""Of the CPU figure: the best counts, as what else the machine does only adds."""


def blocked(home: Path) -> tuple[list[float], float]:
    """Return the microseconds of each call, and CPU seconds a million points without a clock."""
    clock = time.perf_counter_ns
    metrics = dict(METRICS)
    spent: list[float] = []
    with store.init("bench", home=home, capture=False) as run:
        for step in range(CALLS):
            metrics["train/loss"] = 1.0 / (step + 1)
            start = clock()
            run.log(metrics, step=step)
            spent.append((clock() - start) / 1e3)
        cpu_s = min(
            spent_on(lambda step: run.log(metrics, step=step), metrics)
            - spent_on(lambda step: None, metrics)  # the loop is not ours
            for _ in range(ROUNDS)
        )
    return spent, cpu_s / (CALLS * len(METRICS)) * 1e6


def spent_on(act: Callable[[int], None], metrics: dict[str, float]) -> float:
    """Return the CPU seconds of a loop that computes a metric and does something with it."""
    start_s = time.process_time()
    for step in range(CALLS):
        metrics["train/loss"] = 1.0 / (step + 1)
        act(step)
    return time.process_time() - start_s


def system_call(folder: Path) -> list[float]:
    """Return the microseconds of one write(2) of as many bytes as a call of ours has."""
    clock, content = time.perf_counter_ns, bytes(64)
    spent: list[float] = []
    with (folder / "floor").open("wb", buffering=0) as file:
        for _ in range(CALLS // 3):
            start = clock()
            os.write(file.fileno(), content)
            spent.append((clock() - start) / 1e3)
    return spent


def main() -> None:
    """Print the rows."""
    with tempfile.TemporaryDirectory() as folder:
        ours, cpu_s = blocked(Path(folder))
        floor = system_call(Path(folder))
    median, p99 = statistics.median(ours), percentile(ours, 0.99)
    bottom = statistics.median(floor)
    show(
        "`log()` of 4 metrics, caller blocked: median / p99",
        f"{median:.1f} / {p99:.1f} us",
        goal="2 / 20 us",
        floor=f"one `write(2)`: {bottom:.1f} / {percentile(floor, 0.99):.1f} us",
        peer=best_peer("log_us", "{:.1f} us"),
        ratio=median / bottom,
    )
    show(
        "CPU per million points, writer",
        f"{cpu_s:.2f} s",
        goal="0.5 s",
        peer=best_peer("cpu_s", "{:.1f} s"),
    )
    assert median < 4 * bottom, "log() costs more than four system calls"


if __name__ == "__main__":
    main()
