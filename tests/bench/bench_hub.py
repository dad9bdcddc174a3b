"""The hub while nothing happens, and how fresh its answers are while many trainings write."""

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from figures import cpu_of, percentile, resident_mb, show

import store
from store.hub_address import hub_facts
from store.layout import Home
from store.testing import make_run

WRITER = """
import sys, time, store
name, seconds, rate = sys.argv[1], float(sys.argv[2]), float(sys.argv[3])
slowest, step, calls = 0.0, 0, rate / 4
with store.init("bench", id=name, capture=False) as run:
    start = time.perf_counter()
    while (now := time.perf_counter()) - start < seconds:
        while step < (now - start) * calls:
            before = time.perf_counter()
            run.log({"sent": time.time(), "b": 1.0, "c": 2.0, "d": 3.0}, step=step)
            slowest = max(slowest, time.perf_counter() - before)
            step += 1
        time.sleep(0.002)
print(slowest)
"""


def idle(home: Path, seconds: float) -> None:
    """Measure a hub that nobody asks."""
    for _ in range(3):
        make_run(home, metrics={"loss": [1.0, 0.5]})
    store.ensure_hub(home)
    with store.open(home) as opened:
        opened.runs()
    facts = hub_facts(Home.locate(home))
    assert facts is not None
    time.sleep(6)  # what has ended is sealed first
    before = cpu_of(facts["pid"])
    time.sleep(seconds)
    share = (cpu_of(facts["pid"]) - before) / seconds
    memory = resident_mb(facts["pid"])
    store.stop_hub(home)
    show("idle hub", f"{share * 100:.2f} % of a core, {memory:.0f} MB", goal="0.5 %, 150 MB")


def freshness(home: Path, writers: int, seconds: float) -> None:
    """Ask once a second, as a page does, how old the newest visible point of each run is."""
    ages, cores, slowest, cpu_s = watched(home, writers, seconds, asks=True)
    show(
        f"{writers} writers x 5,000 points/s: age of the newest visible point, median / p95",
        f"{statistics.median(ages):.2f} / {percentile(ages, 0.95):.2f} s",
        goal="- / 1.0 s",
    )
    show("the same: slowest of all log() calls", f"{slowest * 1e3:.0f} ms")
    show("the same: what the writers take", f"{cores:.2f} of {os.cpu_count()} cores")
    show("the same: the hub's CPU per million points", f"{cpu_s:.2f} s", goal="0.9 s")


def unwatched(home: Path, writers: int, seconds: float) -> None:
    """The same while nobody asks."""
    *_, cpu_s = watched(home, writers, seconds, asks=False)
    show("the same while nobody asks", f"{cpu_s:.2f} s", goal="0.9 s")


def watched(
    home: Path, writers: int, seconds: float, *, asks: bool
) -> tuple[list[float], float, float, float]:
    """Return ages, the writers' cores, the slowest call, and the hub's CPU s a million points."""
    store.ensure_hub(home)
    facts = hub_facts(Home.locate(home))
    assert facts is not None
    started = cpu_of(facts["pid"])
    before = children_cpu_s()
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, f"w{index}", str(seconds), "5000"],
            stdout=subprocess.PIPE, text=True, env={**os.environ, "BAKEOFF_HOME": str(home), "OMP_NUM_THREADS": "1"},
        )
        for index in range(writers)
    ]  # fmt: skip
    ages: list[float] = []
    with store.open(home) as opened:
        while all(process.poll() is None for process in processes):
            time.sleep(1)
            if not asks:
                continue
            rows = [row for row in opened.series().to_pylist() if row["metric"] == "sent"]
            if len(rows) == writers:  # the start of 32 interpreters is not what is measured
                now = time.time()
                ages += [now - row["last"] for row in rows]
        slowest = max(float(process.communicate()[0] or 0) for process in processes)
        points = opened.ask("totals")["points"][0].as_py()
        opened.sql("SELECT count(*) FROM points")  # what waited is written
    cpu_s = cpu_of(facts["pid"]) - started
    cores = (children_cpu_s() - before) / seconds
    store.stop_hub(home)
    return ages[: -2 * writers], cores, slowest, cpu_s / points * 1e6  # one has ended by then


def children_cpu_s() -> float:
    """Return the CPU seconds of the processes of ours that have ended."""
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    return spent.ru_utime + spent.ru_stime


def import_ms() -> None:
    """`import store` against an interpreter that imports nothing."""

    def seconds(code: str) -> float:
        times: list[float] = []
        for _ in range(7):
            start = time.perf_counter()
            subprocess.run([sys.executable, "-c", code], check=True)
            times.append(time.perf_counter() - start)
        return min(times)

    bare = seconds("pass")
    show(
        "`import store`",
        f"{(seconds('import store') - bare) * 1e3:.0f} ms",
        goal="150 ms",
        floor=f"an interpreter: {bare * 1e3:.0f} ms",
    )


def main() -> None:
    """Print the rows."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--writers", type=int, default=32)
    parser.add_argument("--seconds", type=float, default=20.0)
    options = parser.parse_args()
    import_ms()
    with tempfile.TemporaryDirectory() as folder:
        idle(Path(folder), options.seconds)
    with tempfile.TemporaryDirectory() as folder:
        freshness(Path(folder), options.writers, options.seconds)
    with tempfile.TemporaryDirectory() as folder:
        unwatched(Path(folder), options.writers, options.seconds)


if __name__ == "__main__":
    main()
