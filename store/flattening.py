"""Turns what journals and sealed files hold, several metrics a call, into one row a point."""

from collections.abc import Iterable

import numpy as np
import pyarrow as pa

from store.compaction import Points
from store.journal_reader import Block
from store.schema import key_of


def flatten(
    blocks: Iterable[tuple[int, Block]], sealed: Iterable[tuple[int, pa.Table]] = ()
) -> Points | None:
    """Return the points of blocks and sealed files, each with its run's key; None without any."""
    parts = [_of_block(run_key, block) for run_key, block in blocks]
    parts += [_of_sealed(run_key, table) for run_key, table in sealed]
    if not any(len(part["step"]) for part in parts):
        return None
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def times_of(block: Block) -> Points:
    """Return what the metrics of a block share, one row a call."""
    elapsed_us = np.floor(block.elapsed_s * 1e6)  # as fine as the wall clock; packs better
    return {
        "step": block.step,
        "epoch": block.epoch,
        "wall_us": block.wall_us,
        "elapsed_s": elapsed_us / 1e6,
        "start_us": block.wall_us - elapsed_us.astype(np.int64),
    }


def curve_columns(block: Block, place: int) -> Points:
    """Return one metric of a block, with the names that curves have for the axes."""
    times = times_of(block)
    return {
        "step": block.step,
        "epoch": block.epoch,
        "wall": block.wall_us / 1e6,
        "elapsed": times["elapsed_s"],
        "value": block.values[:, place],
    }


def _of_block(run_key: int, block: Block) -> Points:
    """Return the points of a block, one metric after the other."""
    count, width = block.values.shape
    keys = np.array([key_of(name) for name in block.keys], dtype=np.int64)
    return {
        "run_key": np.full(count * width, run_key, dtype=np.int64),
        "metric_key": np.repeat(keys, count),
        **{name: np.tile(column, width) for name, column in times_of(block).items()},
        "value": block.values.T.ravel(),
    }


def _of_sealed(run_key: int, table: pa.Table) -> Points:
    metric = table["metric"].combine_chunks()
    if isinstance(metric, pa.ChunkedArray):
        metric = metric.unify_dictionaries().combine_chunks()
    keys = np.array([key_of(name) for name in metric.dictionary.to_pylist()], dtype=np.int64)
    names = ("step", "epoch", "wall_us", "elapsed_s", "value")
    columns = {name: table[name].to_numpy() for name in names}
    elapsed_us = np.rint(columns["elapsed_s"] * 1e6).astype(np.int64)
    return {
        "run_key": np.full(table.num_rows, run_key, dtype=np.int64),
        "metric_key": keys[metric.indices.to_numpy()] if table.num_rows else np.empty(0, np.int64),
        **columns,
        "start_us": columns["wall_us"] - elapsed_us,
    }
