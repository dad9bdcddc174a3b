"""A run that has ended is sealed: its points once, sorted, in one Parquet file of its folder.

The file names the journal segments that it holds, so that after a crash in the middle of sealing
nobody takes them in a second time. With it a run's folder is complete by itself, small, and can
be read by anything.
"""

import json
import os
from typing import Final

import numpy as np
import pyarrow as pa

from store.layout import RunFolder
from store.releases import sync_folder

_SEGMENTS: Final = b"bakeoff.segments"
POINTS: Final = pa.schema(
    {
        "metric": pa.dictionary(pa.int32(), pa.string()),
        "step": pa.int64(),
        "epoch": pa.float64(),
        "wall_us": pa.int64(),
        "elapsed_s": pa.float64(),
        "value": pa.float64(),
    }
)
"""Points as they go into a sealed file and come out of it, sorted by metric, step and clock."""

_PLANES: Final = "BYTE_STREAM_SPLIT"
_ENCODINGS: Final = {
    "step": _PLANES,
    "epoch": _PLANES,
    "elapsed_us": _PLANES,
    "start_us": "DELTA_BINARY_PACKED",
    "value": _PLANES,
}
"""Columns of ``points.parquet`` beside metric. A point's wall clock is start_us + elapsed_us.

In planes of bytes the times that metrics of one `log()` call share compress to nothing, if a page
holds all of them: 7.5 bytes a point for pure noise of doubles, 3.9 for floats (18 and 15 before).
"""
_PAGE_ROWS: Final = 1 << 20


def write_sealed(files: RunFolder, points: pa.Table, segments: list[str]) -> None:
    """Write all points of a run; when this returns, they are on the disk under their name.

    Parameters
    ----------
    files
        The run's folder.
    points
        Columns of `POINTS`, sorted.
    segments
        Names of the journal files that the points come from.

    Raises
    ------
    OSError
        If the disk refuses; nothing has changed then.
    """
    from pyarrow import parquet  # here and below: half a hub's starts need none of it

    metadata = {_SEGMENTS: json.dumps(sorted(segments))}
    temporary = files.sealed.with_suffix(f".{os.getpid()}.tmp")
    try:
        parquet.write_table(
            _packed(points.cast(POINTS)).replace_schema_metadata(metadata),
            temporary,
            compression="zstd",
            use_dictionary=["metric"],  # pyright: ignore[reportArgumentType]  # stubs lag
            column_encoding=_ENCODINGS,
            data_page_size=_PAGE_ROWS * 8,
            max_rows_per_page=_PAGE_ROWS,
        )
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        temporary.replace(files.sealed)
        sync_folder(files.path)  # before the journals go
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def read_sealed(files: RunFolder) -> pa.Table:
    """Return the points of a sealed run, with the columns of `POINTS`."""
    from pyarrow import parquet

    table = parquet.ParquetFile(files.sealed).read()
    if "start_us" not in table.column_names:  # as they were sealed at first
        return table
    elapsed = table["elapsed_us"].to_numpy()
    return pa.table(
        {
            "metric": table["metric"],
            "step": table["step"],
            "epoch": table["epoch"],
            "wall_us": table["start_us"].to_numpy() + elapsed,
            "elapsed_s": elapsed / 1e6,
            "value": table["value"],
        }
    )


def _packed(points: pa.Table) -> pa.Table:
    elapsed_us = np.rint(points["elapsed_s"].to_numpy() * 1e6).astype(np.int64)
    return pa.table(
        {
            "metric": points["metric"],
            "step": points["step"],
            "epoch": points["epoch"],
            "elapsed_us": elapsed_us,
            "start_us": points["wall_us"].to_numpy() - elapsed_us,
            "value": points["value"],
        }
    )


def sealed_segments(files: RunFolder) -> list[str]:
    """Return the journal files whose points a sealed run holds; none if it is not sealed."""
    if not files.sealed.exists():
        return []
    from pyarrow import parquet

    metadata = parquet.read_schema(files.sealed).metadata or {}
    return json.loads(metadata.get(_SEGMENTS, b"[]"))


def last_sealed_step(files: RunFolder) -> int:
    """Return the highest step of a sealed run, or -1."""
    if not files.sealed.exists():
        return -1
    from pyarrow import parquet

    steps = parquet.ParquetFile(files.sealed).read(columns=["step"])["step"]
    return int(steps.to_numpy().max()) if len(steps) else -1
