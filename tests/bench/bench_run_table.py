"""The run table and the opening of a store with many runs, 20 parameters and 20 metrics each."""

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from figures import best_peer, cpu_ms, cpu_of, resident_mb, show
from stores import write_runs

import store
from store.hub_address import hub_facts
from store.layout import Home
from store.owner import Owner

FILTER = 'metrics."val/acc" > 0.5 and params.training.lr < 0.01'
ORDER = 'metrics."val/acc" desc'
COLUMNS = ["params.training.lr", "params.model.dropout", "params.training.setting_0", "params.data",
           'metrics."val/acc"', 'metrics."val/loss"', 'metrics."train/loss".last', 'metrics."val/f1"']  # fmt: skip


def table(home: Path, runs: int) -> None:
    """Ask the owner in this process, so that its CPU is ours."""
    owner = Owner(Home.locate(home))
    start = time.process_time()
    owner.drain()
    owner.refresh()
    first_s = time.process_time() - start
    page = {"limit": 50, "offset": 0}

    def ask(columns: list[str]) -> None:
        owner.ask("runs", filter=FILTER, order_by=ORDER, columns=columns, **page)

    floor = cpu_ms(lambda: owner.ask("totals"))
    plain = cpu_ms(lambda: ask([]))
    show(
        f"run table of {runs:,}: filter + sort + first page",
        f"{plain:.0f} ms CPU",
        goal="30 ms",
        floor=f"count(*): {floor:.0f} ms",
        peer=best_peer("table_ms", "{:.0f} ms (2,000 runs)"),
        ratio=plain / floor,
    )
    wide = cpu_ms(lambda: ask(COLUMNS))
    show("the same with 4 parameters and 4 metrics shown", f"{wide:.0f} ms CPU")
    show("first ingest of that many runs", f"{first_s:.1f} s CPU")
    owner.close()


def opening(home: Path, runs: int) -> None:
    """Start a hub on the store and get the first page from it."""
    start = time.perf_counter()
    store.ensure_hub(home)
    with store.open(home) as opened:
        opened.runs(limit=50)
    wall_s = time.perf_counter() - start
    facts = hub_facts(Home.locate(home))
    assert facts is not None
    cpu_s = cpu_of(facts["pid"])
    floor_s = libraries_cpu_s()
    show(
        f"opening a store of {runs:,} runs, hub start included",
        f"{wall_s:.2f} s, {cpu_s:.2f} s CPU",
        goal="1 s",
        floor=f"loading DuckDB and Arrow Flight: {floor_s:.2f} s CPU",
        ratio=cpu_s / floor_s,
    )
    memory = resident_mb(facts["pid"])
    store.stop_hub(home)
    show(f"the hub's memory with {runs:,} runs", f"{memory:.0f} MB", goal="150 MB (idle)")


def libraries_cpu_s() -> float:
    """Return the CPU of an interpreter that loads what a hub consists of, and nothing of ours."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-c", "import duckdb; from pyarrow import flight"], check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    """Print the rows."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=10_000)
    runs = parser.parse_args().runs
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        write_runs(home, runs)
        table(home, runs)
        opening(home, runs)


if __name__ == "__main__":
    main()
