"""Time series: windows of the past, and the next values; the last part in time is the test."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from trainers.configs import SeriesCsvConfig, WeatherConfig
from trainers.configs.arrays import SeriesDataConfig
from trainers.data.events import moment
from trainers.data.fetch import fetch
from trainers.data.hub import located
from trainers.data.raw import RawArrays
from trainers.data.rows import BadRows, number_in, read_rows, require_columns
from trainers.errors import DataError


def read_series(config: SeriesCsvConfig) -> RawArrays:
    """Return the windows of a file; gaps in the target are filled by the value before.

    Raises
    ------
    DataError
        If the file cannot be used, or is too short.
    """
    path = located(config.path)
    bad = BadRows(path, config.max_bad)
    rows: list[tuple[float, list[float]]] = []
    names: list[str] = []
    for place, (number, row) in enumerate(read_rows(path, bad)):
        if not place:
            needed = (config.time_column, config.target_column)
            require_columns(path, row, (*needed, *config.ignore_columns))
            others = [n for n in row if n not in needed and n not in config.ignore_columns]
            numeric = [n for n in others if not np.isnan(number_in(row[n]))]
            names = [config.target_column, *numeric]
        when, values = moment(row.get(config.time_column)), [number_in(row.get(n)) for n in names]
        if np.isnan(when) or np.isnan(values[0]):
            bad.add(number, "no time" if np.isnan(when) else "no number to predict")
            continue
        rows.append((when, values))
    facts = bad.close(len(rows), "rows with a time and a number")
    rows.sort(key=lambda row: row[0])
    values = np.array([values for _, values in rows], dtype=np.float64)
    return windows(values, tuple(names), config, {"source": str(path), **facts})


def read_weather(config: WeatherConfig) -> RawArrays:
    """Return Seattle's daily weather, 2012 to 2015.

    Raises
    ------
    DataError
        If the package that ships it cannot be had.
    """
    import csv

    with fetch("seattle_weather.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    names = ("temp_max", "temp_min", "precipitation", "wind")
    season = 2 * np.pi * np.arange(len(rows)) / 365.25
    values = np.array([[float(row[name]) for name in names] for row in rows])
    values = np.column_stack([values, np.sin(season), np.cos(season)])
    facts: dict[str, object] = {"source": "Seattle weather 2012-2015 (vega_datasets 0.9.0)"}
    return windows(values, (*names, "season sine", "season cosine"), config, facts)


def windows(
    values: NDArray[np.float64],
    names: tuple[str, ...],
    config: SeriesDataConfig,
    facts: dict[str, object],
) -> RawArrays:
    """Return all windows; no value to predict of one split is seen in another before it.

    Parameters
    ----------
    values : (time, columns)
        The first column is predicted.
    """
    count = len(values) - config.window - config.horizon + 1
    num_test, num_val = (round(share * count) for share in (config.test_share, config.val_share))
    num_train = count - num_test - num_val - 2 * (config.horizon - 1)
    if num_train < 1 or num_test < 1 or num_val < 1:
        raise DataError(
            f"Expected a series that is long enough for windows of {config.window} and {config.horizon} "
            f"steps ahead; got {len(values)} rows. Lower data.window or data.horizon."
        )
    starts = np.arange(count)
    first_val, first_test = num_train + config.horizon - 1, count - num_test
    split = np.where(starts < num_train, "train", np.where(starts >= first_test, "test", "val"))
    is_kept = (starts < num_train) | (starts >= first_test)
    is_kept |= (starts >= first_val) & (starts < first_test - config.horizon + 1)
    starts, split = starts[is_kept], split[is_kept]
    past = starts[:, None] + np.arange(config.window)
    future = starts[:, None] + config.window + np.arange(config.horizon)
    return RawArrays(
        shape="sequence",
        contents=values[past].astype(np.float32),
        labels=values[future, 0].astype(np.float32),
        ids=[f"step-{int(start) + config.window:07d}" for start in starts],
        names=names,
        target_names=tuple(f"+{step + 1}" for step in range(config.horizon)),
        given_split=split,
        has_duplicates=True,
        facts=facts,
    )
