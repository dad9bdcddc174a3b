"""What a process printed: its last lines, and the lines that hold some words."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_TAIL_BYTES: Final = 64_000
_TAIL_LINES: Final = 400
_SEARCH_BYTES: Final = 64_000_000
_MOST_FOUND: Final = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """Lines of a log that hold what was looked for."""

    lines: tuple[tuple[int, str], ...]
    """Line numbers from 1 on, and the lines; the last ones if there are many."""
    total: int
    is_cut: bool = False
    """Whether the log is so large that only its end was searched."""


def tail(path: Path, lines: int = _TAIL_LINES) -> str:
    """Return the last lines of a text file; empty if there is none.

    Of a line that a progress bar wrote over and over, the last state is kept.
    """
    text, is_cut = _end(path, _TAIL_BYTES)
    written = _lines(text)
    return "\n".join(written[1 if is_cut else 0 :][-lines - 1 :]).strip("\n")


def search(path: Path, words: str) -> Found:
    """Return the lines of a text file that hold `words`, upper and lower case alike."""
    text, is_cut = _end(path, _SEARCH_BYTES)
    wanted = words.strip().casefold()
    if not wanted:
        return Found(lines=(), total=0)
    found = [
        (number, line)
        for number, line in enumerate(_lines(text), start=1)
        if wanted in line.casefold()
    ]
    return Found(lines=tuple(found[-_MOST_FOUND:]), total=len(found), is_cut=is_cut)


def _end(path: Path, most: int) -> tuple[str, bool]:
    """Return the end of a text file, and whether something is missing before it."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - most))
            return file.read().decode("utf-8", errors="replace"), size > most
    except OSError:
        return "", False


def _lines(text: str) -> list[str]:
    return [line.rpartition("\r")[2] for line in text.replace("\r\n", "\n").split("\n")]
