"""Images, sounds, histograms, tables and files of a run: each becomes a file or a small event."""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from store import artifacts
from store.audio import write_wav
from store.layout import Home, RunFolder

_SAFE = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-")
_MAX_TABLE_ROWS = 10_000

Event = tuple[str, dict[str, Any]]
"""Kind and fields of an event."""


def image(files: RunFolder, name: str, picture: Any, step: int | None) -> Event:
    """Write a Pillow image or an array (height, width[, channels]) as PNG."""
    from PIL import Image

    if not isinstance(picture, Image.Image):
        pixels = np.asarray(picture)
        if pixels.ndim == 3 and pixels.shape[2] == 1:
            pixels = pixels[:, :, 0]
        if pixels.ndim not in {2, 3} or (pixels.ndim == 3 and pixels.shape[2] not in {3, 4}):
            raise ValueError(
                f"Expected an image of shape (height, width[, 1, 3 or 4]); got {pixels.shape}."
            )
        if pixels.dtype != np.uint8:
            pixels = np.nan_to_num(np.clip(pixels, 0.0, 1.0) * 255.0).astype(np.uint8)
        picture = Image.fromarray(pixels)
    suffix = "" if step is None else f"-{step:09d}"
    path = _inside(files.files / "images", f"{_file_name(name)}{suffix}.png")
    picture.save(path)
    return "image", {"name": name, "step": step, "path": _relative(files, path)}


def histogram(_files: RunFolder, name: str, values: Any, step: int | None, bins: int) -> Event:
    """Count finite values in equal bins; NaN and infinity are counted apart."""
    array = np.asarray(values, dtype=np.float64).ravel()
    finite = array[np.isfinite(array)]
    counts, edges = np.histogram(finite, bins=bins)
    return "histogram", {
        "name": name,
        "step": step,
        "counts": counts.tolist(),
        "edges": edges.tolist(),
        "not_finite": int(array.size - finite.size),
    }


def table(
    files: RunFolder, name: str, columns: Mapping[str, Iterable[Any]], step: int | None
) -> Event:
    """Write columns of one length as Parquet."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    content = pa.table({str(key): list(values) for key, values in columns.items()})
    if content.num_rows > _MAX_TABLE_ROWS:
        raise ValueError(
            f"Expected at most {_MAX_TABLE_ROWS} rows; got {content.num_rows}. "
            "Write the file yourself and keep it with log_artifact()."
        )
    suffix = "" if step is None else f"-{step:09d}"
    path = _inside(files.files / "tables", f"{_file_name(name)}{suffix}.parquet")
    pq.write_table(content, path)
    return "table", {
        "name": name,
        "step": step,
        "rows": content.num_rows,
        "path": _relative(files, path),
    }


def artifact(files: RunFolder, path: str | os.PathLike[str], name: str | None, kind: str) -> Event:
    """Register a file with its size and checksum; keep its content if it lies outside the run."""
    source = Path(path).resolve()
    if not source.is_file():
        raise FileNotFoundError(f"Expected a file; got {str(path)!r}.")
    name = name or source.name
    if source.is_relative_to(files.path.resolve()):
        checksum = artifacts.sha256(source)
    else:
        target = _inside(files.files, _file_name(name))
        checksum = artifacts.keep(Home(files.path.parents[1]), source, target)
        source = target.resolve()
    return "artifact", {
        "name": name,
        "artifact_kind": kind,
        "path": str(source.relative_to(files.path.resolve())),
        "bytes": source.stat().st_size,
        "sha256": checksum,
    }


def sound(files: RunFolder, name: str, samples: Any, rate: int, step: int | None) -> Event:
    """Write samples as a WAV file."""
    suffix = "" if step is None else f"-{step:09d}"
    path = _inside(files.files / "audio", f"{_file_name(name)}{suffix}.wav")
    seconds = write_wav(path, samples, rate)
    return "audio", {
        "name": name,
        "step": step,
        "path": _relative(files, path),
        "rate": rate,
        "seconds": seconds,
    }


def _file_name(name: str) -> str:
    """Return `name` with everything replaced that could lead out of a folder."""
    cleaned = "".join(letter if letter in _SAFE else "_" for letter in name).lstrip(".")
    return cleaned[:120] or "unnamed"


def _inside(folder: Path, name: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder / name


def _relative(files: RunFolder, path: Path) -> str:
    return str(path.relative_to(files.path))
