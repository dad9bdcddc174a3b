"""The one process a store that starts jobs and writes what became of them."""

import os


def ensure_supervisor(home: str | os.PathLike[str] | None) -> None:
    """Start the supervisor of a store unless it runs; cheap when it does."""
