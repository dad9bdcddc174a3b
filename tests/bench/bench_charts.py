"""A chart of 20 runs x 50,000 steps at 1,000 px out of a large store: cold, warm and zoomed.

``--points 100000000`` is the size of the goal; it takes some minutes and 2 GB of disk. The default
is 10 million.
"""

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np
from figures import cpu_ms, show

from store.layout import Home
from store.owner import Owner
from store.schema import key_of

STEPS, METRICS = 50_000, 10
CHART_RUNS = 20
SPIKE_AT = 31_234

_FILL = """
INSERT INTO points BY NAME
SELECT ? AS run_key, metric_key, step, 1700000000000000 + step * 10000 AS wall_us,
    1700000000000000 AS start_us, hash(step * 31 + metric_key + ?) / 1.8e19 AS value
FROM (SELECT unnest(?) AS metric_key), range(?) AS steps(step)
ORDER BY metric_key, step
"""


def fill(owner: Owner, first: int, runs: int) -> None:
    """Put sorted runs of ten noisy metrics into the database, without the journals."""
    connection = owner._ingest._connection
    metrics = [key_of(f"m{index}") for index in range(METRICS)]
    for number in range(first, first + runs):
        connection.execute(_FILL, [key_of(f"run{number}"), number, metrics, STEPS])
    connection.execute(
        "UPDATE points SET value = 1e6 WHERE metric_key = ? AND step = ?", [key_of("m0"), SPIKE_AT]
    )
    connection.execute("CHECKPOINT")


def chart(owner: Owner, lo: float | None = None, hi: float | None = None) -> float:
    """Ask for the chart; return its highest value."""
    ids = [f"run{number}" for number in range(CHART_RUNS)]
    table = owner.ask("curves", metric="m0", run_ids=ids, x="step", lo=lo, hi=hi, width=1_000)
    return float(np.max(table["value"].to_numpy()))


def cold_ms(owner: Owner) -> float:
    """Return the CPU of a chart of which nothing is in memory."""

    def work() -> None:
        owner._curves.clear()
        assert chart(owner) == 1e6

    return cpu_ms(work, rounds=5)


def spikes_are_kept(owner: Owner) -> bool:
    """Return whether the step that stands out is drawn at every zoom."""
    return all(
        chart(owner, lo, hi) == 1e6
        for lo, hi in ((0, STEPS - 1), (31_000, 32_000), (SPIKE_AT, SPIKE_AT))
    )


def filled(home: Path, num_runs: int) -> tuple[Owner, float | None]:
    """Return the owner of a store of that many runs, and the CPU of a cold chart before the rest.

    A folder that an earlier run has filled is taken as it is.
    """
    owner = Owner(Home.locate(home))
    if owner.cursor().execute("SELECT count(*) FROM points").fetchall()[0][0]:
        return owner, None
    fill(owner, 0, CHART_RUNS)
    small = cold_ms(owner)
    start = time.process_time()
    fill(owner, CHART_RUNS, num_runs - CHART_RUNS)
    print(f"filled in {time.process_time() - start:.0f} s of CPU", flush=True)
    return owner, small


def measure(owner: Owner, small: float | None) -> None:
    """Print the rows."""
    cursor, keys = owner.cursor(), [key_of(f"run{number}") for number in range(CHART_RUNS)]
    total = cursor.execute("SELECT count(*) FROM points").fetchall()[0][0]
    some = "FROM points WHERE metric_key = ? AND run_key IN (SELECT unnest(?))"
    question = [f"SELECT sum(value), sum(step) {some}", [key_of("m0"), keys]]
    cold = cold_ms(owner)
    floor = cpu_ms(lambda: cursor.execute(*question).fetchall(), rounds=5)
    show(
        f"chart of 20 runs x 50,000 steps, cold, out of {total / 1e6:.0f} M points",
        f"{cold:.0f} ms CPU", goal="120 ms", floor=f"sums of these points: {floor:.0f} ms",
        ratio=cold / floor,
    )  # fmt: skip
    if small is not None:
        times = f"{cold / small:.2f} x"
        show("the same: this store against one of 10 M points", times, goal="1.3 x")
    chart(owner)
    warm, zoomed = cpu_ms(lambda: chart(owner)), cpu_ms(lambda: chart(owner, 20_000, 40_000))
    values = np.random.default_rng(0).random(CHART_RUNS * STEPS)
    bare = cpu_ms(lambda: (np.isfinite(values).all(), values.argmin(), values.argmax()))
    show(
        "the same: warm / zoomed", f"{warm:.1f} / {zoomed:.1f} ms CPU", goal="15 ms",
        floor=f"lowest and highest of a million values: {bare:.1f} ms",
    )  # fmt: skip
    kept = "yes" if spikes_are_kept(owner) else "NO"
    show("the spike of one step is seen at every zoom", kept, goal="yes")


def main() -> None:
    """Fill a store and print the rows."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--points", type=int, default=10_000_000)
    parser.add_argument("--home", type=Path, default=None, help="keep the store there")
    options = parser.parse_args()
    num_runs = max(2 * CHART_RUNS, options.points // (STEPS * METRICS))
    with tempfile.TemporaryDirectory() as folder:
        owner, small = filled(options.home or Path(folder), num_runs)
        measure(owner, small)
        owner.close()


if __name__ == "__main__":
    main()
