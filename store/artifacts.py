"""Content of artifacts, stored once: each run that has it holds a hard link.

``artifacts/ab/ab12…`` is named by its SHA-256. A run's folder stays complete by itself: copied
away, it has the content. Where the file system knows no hard links, each run has a copy.
"""

import hashlib
import os
import shutil
import stat
from contextlib import suppress
from pathlib import Path

from store.layout import Home

_READ_ONLY = stat.S_IRUSR | stat.S_IRGRP | stat.S_IROTH


def keep(home: Home, source: Path, target: Path) -> str:
    """Make `target` a file with the content of `source`, stored once; return its SHA-256.

    What `target` was before stays whole for other runs that have it.

    Raises
    ------
    OSError
        If it cannot be read or written; `target` is then as before.
    """
    partial = target.with_name(f".{target.name}.{os.getpid()}.{os.urandom(4).hex()}")
    try:
        checksum = sha256(source)
        pooled = pool_path(home, checksum)
        if not _link(pooled, partial):
            checksum = _copy(source, partial)
            pooled = pool_path(home, checksum)
            pooled.parent.mkdir(parents=True, exist_ok=True)
            if not _link(partial, pooled) and pooled.exists():  # another run was faster
                partial.unlink()
                if not _link(pooled, partial):
                    _copy(source, partial)
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)  # renaming a link onto itself leaves it
    return checksum


def pool_path(home: Home, checksum: str) -> Path:
    """Return where content lies."""
    return home.artifacts / checksum[:2] / checksum


def orphans(home: Home) -> list[Path]:
    """Return content that no run has any more, and copies that a crash cut short."""
    found = sorted(home.artifacts.glob("*/*"))
    return [path for path in found if path.lstat().st_nlink == 1]


def sweep(home: Home) -> int:
    """Delete content that no run has any more; return how many bytes became free.

    A run that just now wants it copies it again.
    """
    freed = 0
    for path in orphans(home):
        with suppress(OSError):
            size = path.lstat().st_blocks * 512
            path.unlink()
            freed += size
    return freed


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _link(source: Path, target: Path) -> bool:
    """Make a hard link; False where that cannot be."""
    try:
        os.link(source, target)
    except OSError:
        return False
    return True


def _copy(source: Path, target: Path) -> str:
    """Copy a file and push it to the disk; return the SHA-256 of what was written."""
    shutil.copyfile(source, target)
    with target.open("rb") as file:
        os.fsync(file.fileno())
        checksum = hashlib.file_digest(file, "sha256").hexdigest()
    target.chmod(_READ_ONLY)
    return checksum
