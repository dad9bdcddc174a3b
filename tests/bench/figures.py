"""Prints one line for each figure, as a row of a Markdown table.

CPU seconds where a machine is shared; what is compared is ours with a floor of the same run.
"""

import json
import os
import statistics
import time
from collections.abc import Callable
from pathlib import Path

HEADER = "| what | ours | goal | floor | best peer | ours / floor |\n|---|---|---|---|---|---|"
PEER_FIGURES = Path(".venv-peers/figures.json")
"""What `make bench-peers` measured on this machine."""


def show(
    what: str,
    ours: str,
    *,
    goal: str = "",
    floor: str = "",
    peer: str = "",
    ratio: float | None = None,
) -> None:
    """Print a figure."""
    shown = "" if ratio is None else f"{ratio:.2f}"
    print(f"| {what} | {ours} | {goal} | {floor} | {peer} | {shown} |", flush=True)


def best_peer(figure: str, form: str) -> str:
    """Return the peer with the lowest value of a figure of `make bench-peers`, or nothing."""
    try:
        peers = json.loads(PEER_FIGURES.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return ""
    peers.pop("bakeoff", None)
    known = {name: row[figure] for name, row in peers.items() if row.get(figure) is not None}
    if not known:
        return ""
    name = min(known, key=lambda key: known[key])
    return f"{name} {form.format(known[name])}"


def percentile(values: list[float], share: float) -> float:
    """Return the value below which a share of all lies."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def cpu_ms(work: Callable[[], object], rounds: int = 9) -> float:
    """Return the median CPU milliseconds of this process for some work."""
    spent: list[float] = []
    for _ in range(rounds):
        start = time.process_time()
        work()
        spent.append(time.process_time() - start)
    return statistics.median(spent) * 1e3


def cpu_of(pid: int) -> float:
    """Return the CPU seconds that another process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident_mb(pid: int) -> float:
    """Return the memory that a process holds."""
    for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    return 0.0
