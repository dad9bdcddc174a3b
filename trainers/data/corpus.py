"""Plain texts without labels, cut into blocks: for models that learn to write."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from trainers.configs import TextFilesConfig
from trainers.data.encoding import tokens_of
from trainers.data.hub import located
from trainers.data.raw import RawTexts
from trainers.data.rows import BadRows, not_utf8, read_text
from trainers.errors import DataError


def read_text_files(config: TextFilesConfig) -> RawTexts:
    """Return blocks of at most `max_length` tokens, in order; lines stay lines.

    Lines that are not UTF-8 are skipped and counted.

    Raises
    ------
    DataError
        If there are no text files, or too many lines are not UTF-8.
    """
    root = located(config.path)
    paths = sorted(root.glob("**/*.txt")) if root.is_dir() else [root]
    if not paths:
        raise DataError(f"Expected .txt files in {root} (data.path); got none. Add some.")
    bad = BadRows(root, config.max_bad)
    blocks: list[str] = []
    ids: list[str] = []
    for path in paths:
        name = path.relative_to(root).as_posix() if root.is_dir() else path.name
        for number, block in enumerate(_blocks(_readable(path, bad), config)):
            blocks.append(block)
            ids.append(f"{name}/{number:06d}")
    facts = bad.close(len(blocks), "text in UTF-8")
    return RawTexts(
        contents=blocks,
        labels=np.zeros(len(blocks), dtype=np.int64),
        ids=ids,
        classes=(),
        facts={"source": str(root), "files": len(paths), **facts},
    )


def _readable(path: Path, bad: BadRows) -> str:
    kept: list[str] = []
    for number, line in enumerate(read_text(path).split("\n"), start=1):
        if foreign := not_utf8(line):
            bad.add(number, f"{foreign} ({path.name})")
        else:
            kept.append(line)
    return "\n".join(kept)


def _blocks(text: str, config: TextFilesConfig) -> list[str]:
    tokens = tokens_of(text, config.tokens)
    glue = "" if config.tokens == "characters" else " "
    starts = range(0, len(tokens), config.max_length)
    blocks = [glue.join(tokens[start : start + config.max_length]) for start in starts]
    return [block for block in blocks if block.strip()]
