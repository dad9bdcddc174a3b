"""Rows of series as they are with points that wait, in a database in memory named ``newest``.

Its views show them in place of those on the disk: a table that is asked for each second must not
have small transactions written for it.
"""

from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from store.feeds import Feed
from store.schema import attach_newest
from store.series import Columns, merged, rows_of_series, summarise

if TYPE_CHECKING:
    import duckdb

_ON_DISK = """
SELECT s.* FROM series_base AS s SEMI JOIN newest_feed AS f USING (run_key, metric_key)
"""
_EMPTY = "CREATE OR REPLACE TABLE newest.changed AS SELECT * FROM newest.changed LIMIT 0"
_FILL = "CREATE OR REPLACE TABLE newest.changed AS SELECT * FROM newest_feed"
"""DELETE and INSERT would leave dead rows in memory."""


class NewestSeries:
    """The rows of series that points on their way change.

    Parameters
    ----------
    connection
        The owner's connection.

    Attributes
    ----------
    rows
        As columns of ``series_base``; replaced and never changed.
    """

    def __init__(self, connection: "duckdb.DuckDBPyConnection") -> None:
        self._connection = connection
        self._feed = Feed(connection, "newest_feed")
        attach_newest(connection)
        self.rows: Columns = {}

    def clear(self) -> None:
        """Show the rows on the disk again."""
        if self.rows:
            self._connection.execute(_EMPTY)
            self.rows = {}

    def forget(self, run_keys: Collection[int]) -> None:
        """Let go of the rows of some runs."""
        if self.rows:
            keep = ~np.isin(self.rows["run_key"], list(run_keys))
            if keep.any():
                self._show({name: column[keep] for name, column in self.rows.items()})
            else:
                self.clear()

    def add(self, points: Columns) -> None:
        """Count more points, in order of arrival; on an error nothing has changed."""
        new = summarise(points)
        rows = _joined(self.rows, self._on_disk(new))
        places = {key: place for place, key in enumerate(_keys(rows))}
        at = np.array([places.get(key, -1) for key in _keys(new)])
        known = at >= 0
        if known.any():
            old = {name: column[at[known]] for name, column in rows.items()}
            both = merged(old, {name: column[known] for name, column in new.items()})
            for name, column in rows.items():
                column[at[known]] = both[name]
        self._show(_joined(rows, {name: column[~known] for name, column in new.items()}))

    def _on_disk(self, new: Columns) -> Columns:
        """Return what the disk has of rows that change for the first time."""
        known = set(_keys(self.rows))
        is_first = np.array([key not in known for key in _keys(new)])
        if not is_first.any():
            return {}
        first = {name: new[name][is_first] for name in ("run_key", "metric_key")}
        self._feed.run(_ON_DISK, pa.table(first))
        found = self._connection.to_arrow_table()
        return {
            name: found[name].fill_null(np.nan if "value" in name else 0).to_numpy() for name in new
        }

    def _show(self, rows: Columns) -> None:
        self._feed.run(_FILL, rows_of_series(rows))
        self.rows = rows


def _keys(rows: Columns) -> Iterable[tuple[int, int]]:
    if not rows:
        return ()
    return zip(rows["run_key"].tolist(), rows["metric_key"].tolist(), strict=True)


def _joined(first: Columns, second: Columns) -> Columns:
    """Return the rows of both, in arrays of their own."""
    some = first or second
    parts = [part for part in (first, second) if part]
    return {name: np.concatenate([part[name] for part in parts]) for name in some}
