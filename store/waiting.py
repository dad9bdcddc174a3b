"""Points that were read and are not in the database yet: they go there many at once.

What is written point by point, in small transactions, is written again when it is sorted, and
costs three times as much. The journals keep what waits here, and how far they are taken in is
written with the points: a crash only has it read again.

Curves are made of what is in the database and of what waits; see `store.newest_series` for rows
of series.
"""

import time
from collections.abc import Collection, Iterable, Iterator
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

from store.batch import is_generation
from store.compaction import Points
from store.flattening import curve_columns, flatten
from store.journal_reader import Block, Position
from store.newest_series import NewestSeries
from store.schema import key_of

if TYPE_CHECKING:
    import duckdb


class Lot(NamedTuple):
    """Runs whose points are written together, and whether these are sorted at once."""

    run_keys: set[int]
    is_sorted: bool


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
        self.num_points += sum(block.values.size for block in blocks)

    def forget(self, run_keys: Collection[int]) -> None:
        """Let go of what waits of some runs."""
        gone = chain.from_iterable(self._blocks.pop(key, ()) for key in run_keys)
        self.num_points -= sum(block.values.size for block in gone)
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

    def points(self, run_keys: Iterable[int]) -> Points | None:
        """Return all that waits of some runs, as `flatten` does."""
        return flatten((key, block) for key in run_keys for block in self._blocks.get(key, ()))

    def lots(self, size: int) -> list[Lot]:
        """Return all that waits in lots of at least so many points, in the order of sorted ones."""
        is_sorted = is_generation(self.num_points)
        lots: list[Lot] = []
        num_points = size
        self._since = time.monotonic()  # what comes in meanwhile waits anew
        for key in sorted({key for key, _ in self.files.values()}):
            if num_points >= size:
                lots.append(Lot(set(), is_sorted))
                num_points = 0
            lots[-1].run_keys.add(key)
            num_points += sum(block.values.size for block in self._blocks.get(key, ()))
        return lots

    def count(self) -> None:
        """Have the rows of series count all points."""
        points = flatten(self._uncounted)
        if points is not None:
            self._series.add(points)
        self._uncounted.clear()
