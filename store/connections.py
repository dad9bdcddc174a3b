"""The owner's connection, a cursor of it for each thread, and a gate that shuts to replace it."""

import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import duckdb


class Connections:
    """A connection and its cursors: DuckDB lets go of a file when all of them are closed."""

    def __init__(self, connection: "duckdb.DuckDBPyConnection") -> None:
        self.main = connection
        self._of_thread = threading.local()
        self._all: weakref.WeakSet[duckdb.DuckDBPyConnection] = weakref.WeakSet()

    def cursor(self) -> "duckdb.DuckDBPyConnection":
        """Return this thread's cursor."""
        if not hasattr(self._of_thread, "cursor"):
            self._of_thread.cursor = self.main.cursor()
            self._all.add(self._of_thread.cursor)
        return self._of_thread.cursor

    def extra(self) -> "duckdb.DuckDBPyConnection":
        """Return a new cursor, for one purpose."""
        cursor = self.main.cursor()
        self._all.add(cursor)
        return cursor

    def close(self) -> None:
        """Close all of them; nobody may be using one."""
        for cursor in list(self._all):
            cursor.close()
        self.main.close()


class Gate:
    """Lets everybody through, except while it is shut."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._num_inside = 0
        self._is_shut = False

    @contextmanager
    def inside(self) -> Iterator[None]:
        """Wait until the gate is open; it does not shut before the end."""
        with self._changed:
            self._changed.wait_for(lambda: not self._is_shut)
            self._num_inside += 1
        try:
            yield
        finally:
            with self._changed:
                self._num_inside -= 1
                self._changed.notify_all()

    @contextmanager
    def shut(self) -> Iterator[None]:
        """Let nobody in, and wait until those inside have left."""
        with self._changed:
            self._changed.wait_for(lambda: not self._is_shut)
            self._is_shut = True
            self._changed.wait_for(lambda: self._num_inside == 0)
        try:
            yield
        finally:
            with self._changed:
                self._is_shut = False
                self._changed.notify_all()
