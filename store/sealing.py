"""A run that has ended is sealed: its points once, sorted, in one Parquet file of its folder.

The file names the journal segments that it holds, so that after a crash in the middle of sealing
nobody takes them in a second time. With it a run's folder is complete by itself, small, and can
be read by anything.
"""

import json
import os
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq

from store.layout import RunFolder

_SEGMENTS: Final = b"bakeoff.segments"
SEALED: Final = pa.schema(
    {
        "metric": pa.dictionary(pa.int32(), pa.string()),
        "step": pa.int64(),
        "epoch": pa.float64(),
        "wall_us": pa.int64(),
        "elapsed_s": pa.float64(),
        "value": pa.float64(),
    }
)
"""Columns of ``points.parquet``, sorted by metric, step and wall clock."""


def write_sealed(files: RunFolder, points: pa.Table, segments: list[str]) -> None:
    """Write all points of a run; when this returns, they are on the disk under their name.

    Parameters
    ----------
    files
        The run's folder.
    points
        Columns of `SEALED`, sorted.
    segments
        Names of the journal files that the points come from.

    Raises
    ------
    OSError
        If the disk refuses; nothing has changed then.
    """
    metadata = {_SEGMENTS: json.dumps(sorted(segments))}
    temporary = files.sealed.with_suffix(f".{os.getpid()}.tmp")
    try:
        pq.write_table(
            points.cast(SEALED).replace_schema_metadata(metadata),
            temporary,
            compression="zstd",
            use_dictionary=["metric"],  # pyright: ignore[reportArgumentType]  # stubs lag
            column_encoding={"step": "DELTA_BINARY_PACKED", "wall_us": "DELTA_BINARY_PACKED"},
        )
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        temporary.replace(files.sealed)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def read_sealed(files: RunFolder) -> pa.Table:
    """Return the points of a sealed run, with the columns of `SEALED`."""
    return pq.ParquetFile(files.sealed).read()


def sealed_segments(files: RunFolder) -> list[str]:
    """Return the journal files whose points a sealed run holds; none if it is not sealed."""
    if not files.sealed.exists():
        return []
    metadata = pq.read_schema(files.sealed).metadata or {}
    return json.loads(metadata.get(_SEGMENTS, b"[]"))


def last_sealed_step(files: RunFolder) -> int:
    """Return the highest step of a sealed run, or -1."""
    if not files.sealed.exists():
        return -1
    steps = pq.ParquetFile(files.sealed).read(columns=["step"])["step"]
    return max(steps.to_pylist(), default=-1)
