"""Keeps a copy of what a process prints in its run's ``output.log``."""

import contextlib
import os
import sys
from pathlib import Path
from typing import Any, TextIO


class Tee:
    """Stands in for a text stream: passes everything on and appends it to a file."""

    def __init__(self, stream: TextIO, descriptor: int) -> None:
        self._stream = stream
        self._descriptor = descriptor

    def write(self, text: str) -> int:
        """Write to both; a full disk costs the copy, never the training."""
        with contextlib.suppress(OSError, ValueError):
            os.write(self._descriptor, text.encode("utf-8", "replace"))
        return self._stream.write(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


class Capture:
    """Copies stdout and stderr of this process into a file until `stop`."""

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(
            path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644
        )
        self._original = (sys.stdout, sys.stderr)
        self._mine = (Tee(sys.stdout, self._descriptor), Tee(sys.stderr, self._descriptor))
        sys.stdout, sys.stderr = self._mine

    def stop(self) -> None:
        """Give the streams back, unless somebody else has replaced them since."""
        if sys.stdout is self._mine[0]:
            sys.stdout = self._original[0]
        if sys.stderr is self._mine[1]:
            sys.stderr = self._original[1]
        with contextlib.suppress(OSError):
            os.close(self._descriptor)
