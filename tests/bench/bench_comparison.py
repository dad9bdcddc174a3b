"""Measures what the README says about comparing: 10 models x 100,000 examples; `make bench` runs it.

CPU seconds of one process and one thread, best of three: the machine is shared. What must hold is
asserted with room to spare, because machines differ.
"""

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

import store
from experiments.evaluating.evidence import Candidate, Guard, gather
from experiments.statistics import bootstrap_metrics, could_be_best, difference_table

MODELS, EXAMPLES = 10, 100_000
METRICS = ("accuracy", "macro_f1", "mcc", "roc_auc", "average_precision", "brier")


def row(what: str, figure: str) -> None:
    print(f"| {what} | {figure} |", flush=True)


def cpu(work: Callable[[], object], rounds: int = 3) -> float:
    """Return the CPU seconds of the fastest of several rounds."""
    times = []
    for _ in range(rounds):
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return min(times)


def record(home: Path) -> list[Candidate]:
    """Record ten runs whose scores separate two classes better and better."""
    generator = np.random.default_rng(0)
    label = (generator.random(EXAMPLES) < 0.3).astype(np.int64)
    shared = generator.normal(size=EXAMPLES)
    ids = [f"example-{index:06d}" for index in range(EXAMPLES)]
    region = np.array(["north", "south", "east", "west"])[generator.integers(0, 4, EXAMPLES)]
    found = []
    for place in range(MODELS):
        noise = 0.6 * shared + 0.8 * generator.normal(size=EXAMPLES)
        positive = 1 / (1 + np.exp(-((1.5 + 0.05 * place) * (2 * label - 1) + noise - 0.8)))
        run = store.init("bench", name=f"model-{place}", home=home, capture=False, monitor=False)
        run.log_predictions(
            "val", ids, label, np.stack([1 - positive, positive], axis=1),
            slices={"region": region.tolist()},
        )  # fmt: skip
        run.describe(data_hash="b" * 16)
        run.finish()
        found.append(Candidate(name=f"model-{place}", run_ids=(run.id,)))
    return found


def bench_metrics(home: Path, candidates: list[Candidate]) -> None:
    """Everything on screen: read, align, six metrics with corrected paired intervals."""
    with store.open(home) as opened:

        def read() -> object:
            return gather(opened, candidates, "val", Guard())

        reading = cpu(read)
        evidence = gather(opened, candidates, "val", Guard())
    assert evidence is not None
    outputs = [evidence.scores[candidate.run_ids[0]] for candidate in candidates]
    row("read and align 10 x 100,000 predictions", f"{reading:.2f} CPU s")
    total = cpu(lambda: difference_table(METRICS, evidence.label, outputs))
    for metric in METRICS:
        alone = cpu(lambda m=metric: difference_table([m], evidence.label, outputs))
        row(f"{metric}, paired and corrected, alone", f"{alone:.2f} CPU s")
    row("six metrics together", f"{total:.2f} CPU s")
    row("everything on screen", f"{reading + total:.2f} CPU s")
    table = difference_table(["accuracy"], evidence.label, outputs)["accuracy"]
    best = cpu(lambda: could_be_best(table.values, table.covariance))
    row("which could be best, one metric", f"{best:.3f} CPU s")
    resamples = 20
    exact = cpu(
        lambda: bootstrap_metrics(METRICS, evidence.label, outputs, resamples=resamples), rounds=1
    )
    row("the exact bootstrap of all, 2,000 resamples", f"{exact * 2_000 / resamples:.0f} CPU s")
    assert reading + total < 3, "what is on screen costs three times what it should"


def main() -> None:
    """Print the table."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        candidates = record(home)
        bench_metrics(home, candidates)


if __name__ == "__main__":
    main()
