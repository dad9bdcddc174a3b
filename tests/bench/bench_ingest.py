"""What it costs to take journals into the database, and how large the points then are."""

import argparse
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
from figures import best_peer, show

import store
from store.asked import Reads
from store.layout import Home
from store.owner import Owner

RUNS = 8


@contextmanager
def clocked(spent: dict[str, float], what: str) -> Iterator[None]:
    """Add the CPU seconds that something takes."""
    start = time.process_time()
    yield
    spent[what] = spent.get(what, 0.0) + time.process_time() - start


def record(
    home: Path, points: int, *, single: bool, looks: int, asks: bool = False
) -> tuple[Owner, dict[str, float]]:
    """Record noisy curves of four metrics in several runs at once, and take them in meanwhile.

    As the hub does: it looks, somebody may ask for the table of series, and when enough points
    wait they go to the database. Returns the owner, and the CPU seconds of looks and of writing.
    """
    chance = np.random.default_rng(0)
    calls = points // (4 * RUNS)
    noise = [
        np.cumsum(chance.normal(0, 0.01, (calls, 4)), axis=0) + chance.normal(0, 1, (calls, 4))
        for _ in range(RUNS)
    ]
    rows = [(part.astype(np.float32) if single else part).tolist() for part in noise]
    owner, spent = Owner(Home.locate(home)), {"look": 0.0, "write": 0.0}
    with ExitStack() as stack:
        runs = [
            stack.enter_context(store.init("bench", home=home, capture=False, monitor=False))
            for _ in range(RUNS)
        ]
        for look in range(looks):
            for run, values in zip(runs, rows, strict=True):
                for step in range(calls * look // looks, calls * (look + 1) // looks):
                    a, b, c, d = values[step]
                    run.log({"a": a, "b": b, "c": c, "d": d}, step=step)
            if looks > 1:
                with clocked(spent, "look"):
                    owner.refresh(reads=Reads.SERIES if asks else Reads.CURVES)
                with clocked(spent, "write"):
                    owner.compact_if_due()
    with clocked(spent, "look"):
        while owner.refresh() and owner._ingest.is_behind:
            pass
    with clocked(spent, "write"):
        owner.refresh(reads=Reads.POINTS)
        owner._ingest._writer.compact()
    return owner, spent


def bytes_used(owner: Owner) -> int:
    """Return the bytes of the database's used blocks."""
    run = owner._ingest._connection.execute
    run("CHECKPOINT")
    size = (
        "SELECT used_blocks * block_size FROM pragma_database_size() WHERE database_name = 'store'"
    )
    return run(size).fetchall()[0][0]


def sealed_bytes(owner: Owner) -> int:
    """Seal all runs; return how large their files are together."""
    owner.refresh()
    while owner.seal_one():
        pass
    return sum(path.stat().st_size for path in owner.home.runs.glob("*/points.parquet"))


def floor_s(points: int) -> float:
    """Return the CPU seconds of one plain INSERT of as many points from Arrow."""
    chance = np.random.default_rng(0)
    number = np.arange(points)
    columns = {
        **dict.fromkeys(("run_key", "metric_key", "step", "wall_us"), number),
        **{name: chance.random(points) for name in ("epoch", "elapsed_s", "value")},
    }
    with tempfile.TemporaryDirectory() as folder:
        connection = duckdb.connect(f"{folder}/floor.duckdb", config={"threads": 1})
        connection.register("batch", pa.table(columns))
        start = time.process_time()
        connection.execute("CREATE TABLE points AS SELECT * FROM batch")
        connection.execute("CHECKPOINT")
        return time.process_time() - start


def show_cpu(points: int, looks: int, name: str, *, asks: bool = False) -> None:
    """Print what points cost that arrive in so many looks."""
    with tempfile.TemporaryDirectory() as folder:
        owner, spent = record(Path(folder), points, single=False, looks=looks, asks=asks)
        owner.close()
    floor = floor_s(points)
    look, write = (spent[what] / points * 1e6 for what in ("look", "write"))
    show(
        f"CPU per million points, ingest + compaction, {name}",
        f"{look:.2f} + {write:.2f} s",
        goal="0.9 s",
        floor=f"plain INSERT: {floor / points * 1e6:.2f} s",
        ratio=sum(spent.values()) / floor,
    )


def main() -> None:
    """Print the rows."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--points", type=int, default=2_000_000)
    points = parser.parse_args().points // (4 * RUNS) * 4 * RUNS
    show_cpu(points, 1, "all at once")
    show_cpu(points, points // 80_000, "80,000 a look")
    show_cpu(points, points // 80_000, "80,000 a look, series asked for each time", asks=True)
    for single in (False, True):
        kind = "float32 values" if single else "doubles"
        with tempfile.TemporaryDirectory() as folder:
            owner, _ = record(Path(folder), points, single=single, looks=1)
            used, sealed = bytes_used(owner), sealed_bytes(owner)
            owner.close()
        show(
            f"bytes per point, {kind}: database / sealed file",
            f"{used / points:.1f} / {sealed / points:.1f}",
            goal="6.5 / -" if single else "9 / 7.5",
            floor="the value alone: 4" if single else "the value alone: 8",
            peer=best_peer("bytes", "{:.0f}"),
        )


if __name__ == "__main__":
    main()
