"""The right to a store's database: a lock of the operating system's, gone with its process.

DuckDB has a lock of its own on its file. This one also keeps a second owner out of the same
process, and holds while the file is replaced by a smaller one.
"""

import fcntl
import os

from store.errors import HomeNotWritableError, StoreBusyError
from store.layout import Home


class Claim:
    """One store's lock, held from the making of this object until `release`.

    Raises
    ------
    StoreBusyError
        If somebody else holds it, in this process or another.
    HomeNotWritableError
        If the folder cannot be written.
    """

    def __init__(self, home: Home) -> None:
        try:
            self._descriptor = os.open(home.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise HomeNotWritableError(
                f"Expected a folder that can be written; got {home.path} ({error.strerror}). "
                "Change its permissions, or choose another with BAKEOFF_HOME or --home."
            ) from error
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._descriptor)
            raise StoreBusyError(
                f"Expected the store {home.path} to be free; somebody else has its database open. "
                "Wait for them, or stop them."
            ) from error

    def release(self) -> None:
        """Let others have it; also where a fork of this process still has the file open."""
        if self._descriptor >= 0:
            fcntl.flock(self._descriptor, fcntl.LOCK_UN)
            os.close(self._descriptor)
            self._descriptor = -1
