"""What it costs to take journals into the database, and how large the points then are."""

import argparse
import tempfile
import time
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
from figures import best_peer, show

import store
from store.layout import Home
from store.owner import Owner

RUNS = 8


def write(home: Path, points: int, *, single: bool) -> list[str]:
    """Record noisy curves of four metrics in several runs; single precision if asked."""
    chance = np.random.default_rng(0)
    ids: list[str] = []
    calls = points // (4 * RUNS)
    for _ in range(RUNS):
        noise = np.cumsum(chance.normal(0, 0.01, (calls, 4)), axis=0) + chance.normal(
            0, 1, (calls, 4)
        )
        rows = (noise.astype(np.float32) if single else noise).tolist()
        with store.init("bench", home=home, capture=False, monitor=False) as run:
            for step, (a, b, c, d) in enumerate(rows):
                run.log({"a": a, "b": b, "c": c, "d": d}, step=step)
        ids.append(run.id)
    return ids


def ingest(home: Path) -> tuple[float, float, float]:
    """Return CPU seconds of ingest and compaction, and bytes of the database's used blocks."""
    owner = Owner(Home.locate(home))
    start = time.process_time()
    while owner.refresh() and owner._ingest.is_behind:
        pass
    taken_in = time.process_time()
    owner._ingest._writer.compact()
    compacted = time.process_time()
    connection = owner._ingest._connection
    connection.execute("CHECKPOINT")
    [(used,)] = connection.execute(
        "SELECT used_blocks * block_size FROM pragma_database_size()"
    ).fetchall()
    owner.refresh()
    while owner.seal_one():
        pass
    owner.close()
    return taken_in - start, compacted - taken_in, used


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


def sealed_bytes(home: Path, ids: list[str]) -> int:
    """Return how large the runs' sealed files are together."""
    return sum((home / "runs" / run_id / "points.parquet").stat().st_size for run_id in ids)


def main() -> None:
    """Print the rows."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--points", type=int, default=2_000_000)
    points = parser.parse_args().points // (4 * RUNS) * 4 * RUNS
    for single in (False, True):
        kind = "float32 values" if single else "doubles"
        with tempfile.TemporaryDirectory() as folder:
            home = Path(folder)
            ids = write(home, points, single=single)
            taken_in, compacted, used = ingest(home)
            sealed = sealed_bytes(home, ids)
        if not single:
            floor = floor_s(points)
            show(
                "CPU per million points, ingest + compaction",
                f"{taken_in / points * 1e6:.2f} + {compacted / points * 1e6:.2f} s",
                goal="0.9 s",
                floor=f"plain INSERT: {floor / points * 1e6:.2f} s",
                ratio=(taken_in + compacted) / floor,
            )
        show(
            f"bytes per point, {kind}: database / sealed file",
            f"{used / points:.1f} / {sealed / points:.1f}",
            goal="6.5 / -" if single else "9 / 7.5",
            floor="the value alone: 4" if single else "the value alone: 8",
            peer=best_peer("bytes", "{:.0f}"),
        )


if __name__ == "__main__":
    main()
