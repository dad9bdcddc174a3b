"""How many bytes of the disk a store takes, by run and kind."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

from store.layout import Home, RunFolder

if TYPE_CHECKING:
    import pyarrow as pa

    from store.reading import Store

KINDS: Final = ("points", "checkpoints", "predictions", "files", "log", "record")
"""What a run's bytes are: curves, weights, predictions, artifacts and media, output, the rest."""

HEAVY_KINDS: Final = ("checkpoints", "predictions", "files")
"""Folders of a run that can be deleted while the run stays."""

_LINKS_OF_ONE_OWNER: Final = 2
"""An artifact that one run has: a link in its folder, and one among the store's artifacts."""


def usage(s: "Store") -> "pa.Table":
    """Return one row a run: run_id, project, name, status, pinned, created_at, `KINDS`, total.

    Bytes are what deleting the run would free: an artifact that other runs have too is not in it.
    """
    import pyarrow as pa

    home = Home(s.home)
    rows = s.runs(order_by="created").select(
        ["run_id", "project", "name", "status", "pinned", "created_at"]
    )
    sizes = [run_bytes(home.run(run_id)) for run_id in rows["run_id"].to_pylist()]
    for kind in KINDS:
        rows = rows.append_column(kind, pa.array([size[kind] for size in sizes], pa.int64()))
    totals = pa.array([sum(size.values()) for size in sizes], pa.int64())
    return rows.append_column("total", totals)


def store_bytes(home: Home) -> dict[str, int]:
    """Return the bytes of each part of a store, ``runs`` among them; ``total`` is all of it.

    Content that several runs share is ``shared artifacts``, once.
    """
    parts = {
        "runs": tree_bytes(home.runs),
        "database": _sum(home.database, home.database.with_name("store.duckdb.wal")),
        "backups": _sum(*home.path.glob("store*.bak*")),
        "trash": tree_bytes(home.trash),
        "shared artifacts": _pool_bytes(home.artifacts),
        "releases": tree_bytes(home.releases),
        "queue and studies": tree_bytes(home.queue) + tree_bytes(home.studies),
    }
    return {**parts, "total": sum(parts.values())}


def run_bytes(files: RunFolder) -> dict[str, int]:
    """Return the bytes of a run by kind."""
    sizes: dict[str, int] = dict.fromkeys(KINDS, 0)
    try:
        entries = list(os.scandir(files.path))
    except FileNotFoundError:
        return sizes
    for entry in entries:
        size = tree_bytes(Path(entry.path)) if entry.is_dir() else _own_bytes(entry.path)
        sizes[_kind(entry.name)] += size
    return sizes


def tree_bytes(folder: Path) -> int:
    """Return how much deleting a folder would free: content that others share does not count."""
    total = 0
    for path, _, names in os.walk(folder):
        for name in names:
            total += _own_bytes(os.path.join(path, name))  # noqa: PTH118  # many files
    return total


def as_text(size: int) -> str:
    """Return a size for people, such as ``1.4 GB``; powers of ten, as disks are sold."""
    value = float(size)
    for unit in ("B", "kB", "MB", "GB"):
        if abs(value) < 999.5:
            return f"{value:.0f} {unit}" if unit == "B" or value >= 99.5 else f"{value:.3g} {unit}"
        value /= 1000
    return f"{value:.3g} TB"


def _kind(name: str) -> str:
    if name in HEAVY_KINDS:
        return name
    if name.startswith("points"):
        return "points"
    return "log" if name == "output.log" else "record"


def _own_bytes(path: str) -> int:
    try:
        facts = os.lstat(path)
    except FileNotFoundError:
        return 0
    return 0 if facts.st_nlink > _LINKS_OF_ONE_OWNER else facts.st_blocks * 512


def _pool_bytes(folder: Path) -> int:
    """Return the bytes of artifacts that no run or several runs have."""
    found = [path.lstat() for path in folder.glob("*/*")]
    shared = (facts for facts in found if facts.st_nlink != _LINKS_OF_ONE_OWNER)
    return sum(facts.st_blocks * 512 for facts in shared)


def _sum(*paths: Path) -> int:
    return sum(_own_bytes(str(path)) for path in paths)
