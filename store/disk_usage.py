"""How many bytes of the disk things take, by kind."""

import os
from pathlib import Path

_LINKS_OF_ONE_OWNER = 2
"""An artifact that one run has: a link in its folder, and one among the store's artifacts."""


def tree_bytes(folder: Path) -> int:
    """Return how much deleting a folder would free: content that others share does not count."""
    total = 0
    for path, _, names in os.walk(folder):
        for name in names:
            total += _own_bytes(os.path.join(path, name))  # noqa: PTH118  # many files
    return total


def _own_bytes(path: str) -> int:
    try:
        facts = os.lstat(path)
    except FileNotFoundError:
        return 0
    return 0 if facts.st_nlink > _LINKS_OF_ONE_OWNER else facts.st_blocks * 512
