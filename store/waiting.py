"""Points that were read and are not in the database yet: they go there many at once.

What is written point by point, in small transactions, is written again when it is sorted, and
costs three times as much. The journals keep what waits here, and how far they are taken in is
written with the points: a crash only has it read again.

Curves are made of what is in the database and of what waits; see `store.newest_series` for rows
of series.
"""

import math
import time
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from itertools import accumulate, chain, takewhile
from typing import TYPE_CHECKING

from store.compaction import Points
from store.flattening import curve_columns, flatten
from store.journal_reader import Block, Position
from store.newest_series import NewestSeries
from store.point_writer import LedgerRow, is_generation
from store.schema import key_of
from store.series import Columns

if TYPE_CHECKING:
    import duckdb


@dataclass(slots=True)
class Portion:
    """All that waited at a moment, on its way to the database in one transaction."""

    files: dict[str, tuple[int, Position]]
    blocks: dict[int, list[Block]]
    series: Columns
    """Rows that count these points."""
    num_points: int
    is_sorted: bool
    """Whether the points are sorted at once."""
    is_void: bool = False
    """They are read again from the journals: nothing of this may be committed."""

    def lots(self, size: int) -> Iterator[Points]:
        """Yield the points in the order of sorted ones, runs with at least so many at a time."""
        lot: list[tuple[int, Block]] = []
        num_points = 0
        for key in sorted(self.blocks):
            lot += [(key, block) for block in self.blocks[key]]
            num_points += _size(self.blocks[key])
            if num_points >= size:
                yield from filter(None, [flatten(lot)])
                lot, num_points = [], 0
        yield from filter(None, [flatten(lot)])

    def ledger(self) -> Iterator[LedgerRow]:
        """Yield how far each file was read."""
        for file, (key, at) in self.files.items():
            yield file, key, at.offset, at.vocabulary(), at.damaged, at.closed


class Waiting:
    """Blocks of journals that wait, and how far these were read.

    Parameters
    ----------
    connection
        The owner's connection.

    Attributes
    ----------
    num_points
        How many points wait.
    files
        Journal segment, as the ledger names it -> its run's key, and how far it was read.
    """

    def __init__(self, connection: "duckdb.DuckDBPyConnection") -> None:
        self._series = NewestSeries(connection)
        self.clear()

    def clear(self) -> None:
        """Let go of all: it is in the database, or is to be read again."""
        self.num_points = 0
        self.files: dict[str, tuple[int, Position]] = {}
        self._since = 0.0
        self._blocks: dict[int, list[Block]] = {}
        self._uncounted: list[tuple[int, Block]] = []
        self._series.clear()

    @property
    def age_s(self) -> float:
        """For how long the oldest has been waiting."""
        return time.monotonic() - self._since if self.files else 0.0

    def add(self, run_key: int, file: str, blocks: Collection[Block], after: Position) -> None:
        """Keep what was read of a run's segment, up to a position."""
        if not self.files:
            self._since = time.monotonic()
        self.files[file] = (run_key, after)
        self._blocks.setdefault(run_key, []).extend(blocks)
        self._uncounted.extend((run_key, block) for block in blocks)
        self.num_points += _size(blocks)

    def forget(self, run_keys: Collection[int]) -> None:
        """Let go of what waits of some runs."""
        gone = chain.from_iterable(self._blocks.pop(key, ()) for key in run_keys)
        self.num_points -= _size(gone)
        self._uncounted = [pair for pair in self._uncounted if pair[0] not in run_keys]
        self.files = {file: read for file, read in self.files.items() if read[0] not in run_keys}
        self._series.forget(run_keys)

    def of_curve(self, run_key: int, metric_key: int) -> Iterator[Points]:
        """Yield the points of a curve, in order of arrival, with the columns of `curve_columns`."""
        for block in self._blocks.get(run_key, ()):
            for place, name in enumerate(block.keys):
                if key_of(name) == metric_key:
                    yield curve_columns(block, place)

    def names(self, run_keys: Iterable[int]) -> set[str]:
        """Return the metrics of some runs that have points here; any thread may ask."""
        blocks = [tuple(self._blocks.get(key, ())) for key in run_keys]
        return {name for block in chain.from_iterable(blocks) for name in block.keys}

    def take(self) -> Portion:
        """Return all that waits; it goes on waiting until `let_go`."""
        self.count()
        self._since = time.monotonic()  # what comes in meanwhile waits anew
        return Portion(
            files=dict(self.files),
            blocks={key: list(blocks) for key, blocks in self._blocks.items()},
            series=self._series.rows,
            num_points=self.num_points,
            is_sorted=is_generation(self.num_points),
        )

    def let_go(self, portion: Portion) -> None:
        """Let go of what is in the database now."""
        for key, blocks in portion.blocks.items():
            del self._blocks[key][: len(blocks)]
            if not self._blocks[key]:
                del self._blocks[key]
        self.files = {
            file: read for file, read in self.files.items() if portion.files.get(file) != read
        }
        self.num_points -= portion.num_points
        self._series.forget(portion.blocks.keys() - self._blocks.keys())

    def count(self, most: float = math.inf) -> bool:
        """Have the rows of series count about so many points more; return whether they have all."""
        sizes = accumulate(block.values.size for _, block in self._uncounted)
        part = self._uncounted[: 1 + sum(1 for _ in takewhile(lambda size: size < most, sizes))]
        points = flatten(part)
        if points is not None:
            self._series.add(points)
        del self._uncounted[: len(part)]
        return not self._uncounted


def _size(blocks: Iterable[Block]) -> int:
    return sum(block.values.size for block in blocks)
