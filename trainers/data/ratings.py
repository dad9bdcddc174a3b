"""Ratings: who rated what, how, and perhaps when."""

from __future__ import annotations

import numpy as np

from trainers.configs import DataConfig, MovieLensConfig, RatingsCsvConfig
from trainers.data.events import moment
from trainers.data.fetch import fetch
from trainers.data.hub import located
from trainers.data.raw import RawArrays
from trainers.data.rows import BadRows, number_in, read_rows, require_columns, tidy_cell


def read_ratings(config: RatingsCsvConfig) -> RawArrays:
    """Return the ratings of a file; the last one of a user and an item counts.

    Raises
    ------
    DataError
        If the file cannot be used.
    """
    path = located(config.path)
    bad = BadRows(path, config.max_bad)
    columns = (config.user_column, config.item_column, config.rating_column)
    found: dict[tuple[str, str], tuple[float, float]] = {}
    for place, (number, row) in enumerate(read_rows(path, bad)):
        if not place:
            require_columns(path, row, (*columns, *filter(None, [config.time_column])))
        user, item = (tidy_cell(row.get(name)) for name in columns[:2])
        rating = number_in(row.get(columns[2]))
        when = moment(row.get(config.time_column)) if config.time_column else 0.0
        if not user or not item or np.isnan(rating) or np.isnan(when):
            bad.add(number, "no user, item, rating or time")
            continue
        found[user, item] = (rating, when)
    facts = bad.close(len(found), "ratings")
    has_time = config.time_column is not None
    return _raw(found, config, has_time=has_time, facts={"source": str(path), **facts})


def read_movielens(config: MovieLensConfig) -> RawArrays:
    """Return 100,000 ratings of films, everybody's latest ones for the test.

    Raises
    ------
    DataError
        If the package that ships them cannot be had.
    """
    found: dict[tuple[str, str], tuple[float, float]] = {}
    lines = fetch("movielens_100k.tsv").read_text(encoding="utf-8").splitlines()
    for line in lines[1:]:
        user, item, rating, when = line.split("\t")
        found[user, item] = (float(rating), float(when))
    return _raw(found, config, has_time=True, facts={"source": "MovieLens 100k (recbole 1.2.1)"})


def _raw(
    found: dict[tuple[str, str], tuple[float, float]],
    config: DataConfig,
    *,
    has_time: bool,
    facts: dict[str, object],
) -> RawArrays:
    users = sorted({user for user, _ in found}, key=_natural)
    items = sorted({item for _, item in found}, key=_natural)
    user_index = {name: place for place, name in enumerate(users)}
    item_index = {name: place for place, name in enumerate(items)}
    pairs = np.array([(user_index[u], item_index[i]) for u, i in found], dtype=np.int64)
    ratings, times = (np.array(part) for part in zip(*found.values(), strict=True))
    return RawArrays(
        shape="ratings",
        contents=pairs,
        labels=ratings.astype(np.float32)[:, None],
        ids=[f"{user}/{item}" for user, item in found],
        names=("user", "item"),
        target_names=("rating",),
        categories={"user": tuple(users), "item": tuple(items)},
        sizes=(len(users), len(items)),
        given_split=_latest(pairs[:, 0], times, config) if has_time else None,
        has_duplicates=True,
        slices={"activity": _activity(pairs[:, 0])},
        facts={**facts, "users": len(users), "items": len(items)},
    )


def _latest(users: np.ndarray, times: np.ndarray, config: DataConfig) -> np.ndarray:
    """Return a split in which everybody's latest ratings are the test, those before validate."""
    order = np.lexsort((times, users))
    sizes = np.bincount(users)
    rank = np.empty(len(users))
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    rank[order] = np.arange(len(users)) - np.repeat(starts, sizes)
    share = (rank + 1) / sizes[users]
    train_share = 1 - config.test_share - config.val_share
    return np.where(
        share > 1 - config.test_share, "test", np.where(share > train_share, "val", "train")
    )


def _activity(users: np.ndarray) -> list[str]:
    counts = np.bincount(users)[users]
    return ["under 50 ratings" if count < 50 else "50 ratings or more" for count in counts]


def _natural(name: str) -> tuple[int, str]:
    return (int(name), "") if name.isdigit() else (2**62, name)
