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


def main() -> None:
    """Print the rows."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--points", type=int, default=10_000_000)
    num_runs = max(2 * CHART_RUNS, parser.parse_args().points // (STEPS * METRICS))
    with tempfile.TemporaryDirectory() as folder:
        owner = Owner(Home.locate(Path(folder)))
        fill(owner, 0, CHART_RUNS)
        small = cold_ms(owner)
        start = time.process_time()
        fill(owner, CHART_RUNS, num_runs - CHART_RUNS)
        print(f"filled in {time.process_time() - start:.0f} s of CPU", flush=True)
        cold = cold_ms(owner)
        floor = cpu_ms(
            lambda: (
                owner.cursor()
                .execute(
                    "SELECT sum(value) FROM points WHERE metric_key = ? AND run_key IN (SELECT unnest(?))",
                    [key_of("m0"), [key_of(f"run{number}") for number in range(CHART_RUNS)]],
                )
                .fetchall()
            ),
            rounds=5,
        )
        show(
            f"chart of 20 runs x 50,000 steps, cold, out of {num_runs * STEPS * METRICS / 1e6:.0f} M points",
            f"{cold:.0f} ms CPU", goal="120 ms", floor=f"sum of these points: {floor:.0f} ms",
            ratio=cold / floor,
        )  # fmt: skip
        show(
            "the same: this store against one of 10 M points", f"{cold / small:.2f} x", goal="1.3 x"
        )
        chart(owner)
        warm, zoomed = cpu_ms(lambda: chart(owner)), cpu_ms(lambda: chart(owner, 20_000, 40_000))
        spikes = [
            chart(owner, lo, hi) == 1e6
            for lo, hi in ((0, 49_999), (31_000, 32_000), (31_234, 31_234))
        ]
        show("the same: warm / zoomed", f"{warm:.0f} / {zoomed:.0f} ms CPU", goal="15 ms")
        show(
            "the spike of one step is seen at every zoom",
            "yes" if all(spikes) else "NO",
            goal="yes",
        )
        owner.close()


if __name__ == "__main__":
    main()
