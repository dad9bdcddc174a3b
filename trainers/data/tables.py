"""Tables: numbers and categories by column, a class or a number to predict."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainers.configs import BreastCancerConfig, DiabetesConfig, TableCsvConfig
from trainers.data.hub import located
from trainers.data.labels import lacking, read_labels
from trainers.data.raw import RawArrays
from trainers.data.rows import BadRows, Row, number_in, read_rows, require_columns, tidy_cell
from trainers.errors import DataError

_MAX_CATEGORIES = 64
_NUMERIC = 0.9  # of the cells of a column must be numbers for it to be one of numbers


def read_table(config: TableCsvConfig) -> RawArrays:
    """Return the rows of a file; missing numbers stay missing, rows without a label are skipped.

    Raises
    ------
    DataError
        If the file cannot be used, or too many rows lack a label.
    """
    path = located(config.path)
    bad = BadRows(path, config.max_bad)
    rows: list[Row] = []
    numbers: list[int] = []
    for place, (number, row) in enumerate(read_rows(path, bad)):
        if not place:
            named = (config.id_column, config.group_column)
            needed = (*config.target_columns, *filter(None, named), *config.slice_columns)
            require_columns(path, row, (*needed, *config.ignore_columns))
        if reason := lacking(row, config):
            bad.add(number, reason)
            continue
        rows.append(row)
        numbers.append(number)
    labels = read_labels(rows, numbers, config, bad, task=config.task)
    facts = bad.close(len(rows), "rows with a label")
    left_out = {*config.target_columns, config.id_column, config.group_column}
    names = [n for n in rows[0] if n not in left_out and n not in config.ignore_columns]
    contents, kept, categories, missing = _columns(rows, names, path)
    id_column = config.id_column
    return RawArrays(
        shape="table",
        contents=contents,
        labels=labels.values,
        ids=[tidy_cell(row[id_column]) for row in rows]
        if id_column
        else [f"line-{n}" for n in numbers],
        names=tuple(kept),
        classes=labels.classes,
        target_names=() if labels.classes else config.target_columns,
        heads=labels.heads,
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
        cells = ["" if cell.lower() == "nan" else cell for cell in cells]  # a number, not a word
        values = np.array([number_in(cell) for cell in cells], dtype=np.float32)
        num_filled = sum(bool(cell) for cell in cells)
        if not num_filled:
            missing[name] = len(rows)  # and left out
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
