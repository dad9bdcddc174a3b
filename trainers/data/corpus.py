"""Plain texts without labels, cut into blocks: for models that learn to write."""

from __future__ import annotations

import numpy as np

from trainers.configs import TextFilesConfig
from trainers.data.encoding import tokens_of
from trainers.data.hub import located
from trainers.data.raw import RawTexts
from trainers.data.rows import read_text
from trainers.errors import DataError


def read_text_files(config: TextFilesConfig) -> RawTexts:
    """Return blocks of at most `max_length` tokens, in order; lines stay lines.

    Raises
    ------
    DataError
        If there are no text files, or one is not UTF-8.
    """
    root = located(config.path)
    paths = sorted(root.glob("**/*.txt")) if root.is_dir() else [root]
    if not paths:
        raise DataError(f"Expected .txt files in {root} (data.path); got none. Add some.")
    blocks: list[str] = []
    ids: list[str] = []
    for path in paths:
        name = path.relative_to(root).as_posix() if root.is_dir() else path.name
        for number, block in enumerate(_blocks(read_text(path), config)):
            blocks.append(block)
            ids.append(f"{name}/{number:06d}")
    return RawTexts(
        contents=blocks,
        labels=np.zeros(len(blocks), dtype=np.int64),
        ids=ids,
        classes=(),
        facts={"source": str(root), "files": len(paths)},
    )


def _blocks(text: str, config: TextFilesConfig) -> list[str]:
    tokens = tokens_of(text, config.tokens)
    glue = "" if config.tokens == "characters" else " "
    starts = range(0, len(tokens), config.max_length)
    blocks = [glue.join(tokens[start : start + config.max_length]) for start in starts]
    return [block for block in blocks if block.strip()]
