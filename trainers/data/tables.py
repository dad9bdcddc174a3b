"""Tables: numbers and categories by column, a class or a number to predict."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainers.configs import BreastCancerConfig, DiabetesConfig, TableCsvConfig
from trainers.data.raw import RawArrays
from trainers.data.rows import BadRows, Row, number_in, read_rows, require_columns
from trainers.data.texts import tidy_cell
from trainers.errors import DataError

_MAX_CATEGORIES = 64
_MANY_NUMBERS = 20  # different ones: more are taken for numbers to predict, not for classes
_NUMERIC = 0.9  # of the cells of a column must be numbers for it to be one of numbers


def read_table(config: TableCsvConfig) -> RawArrays:
    """Return the rows of a file; missing numbers stay missing, rows without a label are skipped.

    Raises
    ------
    DataError
        If the file cannot be used, or too many rows lack a label.
    """
    path = Path(config.path)
    bad = BadRows(path, config.max_bad)
    rows: list[Row] = []
    numbers: list[int] = []
    for place, (number, row) in enumerate(read_rows(path, bad)):
        if not place:
            named = (config.label_column, config.id_column, config.group_column)
            needed = (*(name for name in named if name), *config.slice_columns)
            require_columns(path, row, (*needed, *config.ignore_columns))
        if not tidy_cell(row.get(config.label_column)):
            bad.add(number, "no label")
            continue
        rows.append(row)
        numbers.append(number)
    words = [tidy_cell(row[config.label_column]) for row in rows]
    if rows and _is_number_task(words, config):
        for place in reversed([i for i, word in enumerate(words) if np.isnan(number_in(word))]):
            bad.add(numbers[place], f"{words[place]!r} is no number")
            del rows[place], numbers[place], words[place]
    facts = bad.close(len(rows), "rows with a label")
    left_out = {config.label_column, config.id_column, config.group_column}
    names = [n for n in rows[0] if n not in left_out and n not in config.ignore_columns]
    contents, kept, categories, missing = _columns(rows, names, path)
    labels, classes = _labels(words, is_number=_is_number_task(words, config))
    id_column = config.id_column
    return RawArrays(
        shape="table",
        contents=contents,
        labels=labels,
        ids=[tidy_cell(row[id_column]) for row in rows]
        if id_column
        else [f"line-{n}" for n in numbers],
        names=tuple(kept),
        classes=classes,
        target_names=() if classes else (config.label_column,),
        categories=categories,
        groups=[tidy_cell(row[config.group_column]) for row in rows]
        if config.group_column
        else None,
        has_duplicates=id_column is not None,
        slices={
            n: [tidy_cell(row.get(n)) or "(none)" for row in rows] for n in config.slice_columns
        },
        facts={"source": str(path), "missing_values": missing, **facts},
    )


def _columns(
    rows: list[Row], names: list[str], path: Path
) -> tuple[NDArray[np.float32], list[str], dict[str, tuple[str, ...]], dict[str, int]]:
    """Return the values, the names of the columns kept, their categories, and what is missing."""
    columns: list[NDArray[np.float32]] = []
    kept: list[str] = []
    categories: dict[str, tuple[str, ...]] = {}
    missing: dict[str, int] = {}
    for name in names:
        cells = [tidy_cell(row.get(name)) for row in rows]
        values = np.array([number_in(cell) for cell in cells], dtype=np.float32)
        num_filled = sum(bool(cell) for cell in cells)
        if not num_filled:
            continue
        if np.isfinite(values).sum() < _NUMERIC * num_filled:
            words = tuple(sorted({cell for cell in cells if cell}))
            if len(words) > _MAX_CATEGORIES:
                continue  # a name, a comment: nothing to learn from
            index = {word: float(place) for place, word in enumerate(words)}
            values = np.array([index.get(cell, np.nan) for cell in cells], dtype=np.float32)
            categories[name] = words
        if num_missing := int(np.isnan(values).sum()):
            missing[name] = num_missing
        columns.append(values)
        kept.append(name)
    if not columns:
        raise DataError(
            f"Expected columns of numbers or of at most {_MAX_CATEGORIES} words in {path}; got none "
            "beside the label. Add some."
        )
    return np.stack(columns, axis=1), kept, categories, missing


def _is_number_task(words: list[str], config: TableCsvConfig) -> bool:
    if config.task != "auto":
        return config.task == "numbers"
    different = set(words)
    return len(different) > _MANY_NUMBERS and not any(np.isnan(number_in(w)) for w in different)


def _labels(words: list[str], *, is_number: bool) -> tuple[NDArray[Any], tuple[str, ...]]:
    if is_number:
        return np.array([[float(word)] for word in words], dtype=np.float32), ()
    classes = tuple(sorted(set(words)))
    index = {word: label for label, word in enumerate(classes)}
    return np.array([index[word] for word in words], dtype=np.int64), classes


def read_breast_cancer(_config: BreastCancerConfig) -> RawArrays:
    """Return scikit-learn's 569 tumours; the second class is malignant."""
    from sklearn.datasets import load_breast_cancer

    bunch: Any = load_breast_cancer()
    return RawArrays(
        shape="table",
        contents=bunch["data"].astype(np.float32),
        labels=1 - bunch["target"].astype(np.int64),
        ids=[f"tumour-{index:03d}" for index in range(len(bunch["data"]))],
        names=tuple(map(str, bunch["feature_names"])),
        classes=("benign", "malignant"),
        facts={"source": "scikit-learn breast_cancer"},
    )


def read_diabetes(_config: DiabetesConfig) -> RawArrays:
    """Return scikit-learn's 442 patients and the progress of their disease after a year."""
    from sklearn.datasets import load_diabetes

    bunch: Any = load_diabetes(scaled=False)
    sex = bunch["data"][:, list(bunch["feature_names"]).index("sex")]
    return RawArrays(
        shape="table",
        contents=bunch["data"].astype(np.float32),
        labels=bunch["target"].astype(np.float32)[:, None],
        ids=[f"patient-{index:03d}" for index in range(len(bunch["data"]))],
        names=tuple(map(str, bunch["feature_names"])),
        target_names=("progress",),
        slices={"sex": [f"{value:.0f}" for value in sex]},
        facts={"source": "scikit-learn diabetes"},
    )
