"""Turns what journals and sealed files hold, several metrics a call, into one row a point."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from operator import itemgetter
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from store.compaction import Points
from store.journal_reader import Block
from store.schema import key_of


class _Part(NamedTuple):
    """One metric of some calls of one run."""

    run_key: int
    metric_key: int
    times: Points
    value: NDArray[np.float64]


_KEYS = itemgetter(0, 1)
_TIMES = ("step", "epoch", "wall_us", "start_us")


def flatten(blocks: Iterable[tuple[int, Block]]) -> Points | None:
    """Return the points of blocks, each with its run's key, or None if there are none.

    By run and metric, so that most of them lie sorted already; a series in order of arrival.
    """
    parts: list[_Part] = []
    for run_key, pairs in groupby(sorted(blocks, key=itemgetter(0)), itemgetter(0)):
        parts += _parts(run_key, [block for _, block in pairs])
    parts = [part for part in sorted(parts, key=_KEYS) if len(part.value)]
    if not parts:
        return None
    lengths = [len(part.value) for part in parts]
    return {
        "run_key": np.repeat(np.array([part.run_key for part in parts]), lengths),
        "metric_key": np.repeat(np.array([part.metric_key for part in parts]), lengths),
        **{name: np.concatenate([part.times[name] for part in parts]) for name in _TIMES},
        "value": np.concatenate([part.value for part in parts]),
    }


def flatten_sealed(tables: Iterable[tuple[int, pa.Table]]) -> Points | None:
    """Return the points of sealed files, each with its run's key; None without any."""
    parts = [_of_sealed(run_key, table) for run_key, table in tables]
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


def _parts(run_key: int, blocks: Sequence[Block]) -> Iterator[_Part]:
    """Yield the metrics of a run's blocks; those of one metric in order of arrival."""
    for block in _joined(blocks):
        times = times_of(block)
        for place, name in enumerate(block.keys):
            yield _Part(run_key, key_of(name), times, block.values[:, place])


def _joined(blocks: Sequence[Block]) -> Iterable[Block]:
    """Return as few blocks as have the points of each metric in order of arrival."""
    by_keys: dict[tuple[str, ...], list[Block]] = {}
    for block in blocks:
        by_keys.setdefault(block.keys, []).append(block)
    if sum(map(len, by_keys)) > len(set().union(*by_keys)):  # a metric of several kinds of calls
        return blocks
    columns = ("step", "wall_us", "elapsed_s", "epoch", "values")
    return [
        Block(
            keys=keys,
            **{name: np.concatenate([getattr(block, name) for block in same]) for name in columns},
        )
        for keys, same in by_keys.items()
    ]


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
