"""Rows over time for a network: sequences, windows of a series, events of a customer."""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from experiments.releasing.model_inputs import FileRow, cell, number, refusal


class SequencePreprocessing:
    """Rows of numbers over time; what is beyond the longest is cut, the rest is filled with NaN."""

    def __init__(self, facts: Mapping[str, Any]) -> None:
        self.length = int(facts["max_length"])
        self.names: list[str] = list(facts["names"])
        self.expectation = (
            f"1 to {self.length} rows of {len(self.names)} numbers ({', '.join(self.names)})"
        )

    def __call__(self, items: Sequence[Any]) -> NDArray[Any]:
        """Return float32 of shape (n, max_length, columns)."""
        found = np.full((len(items), self.length, len(self.names)), np.nan, dtype=np.float32)
        for place, item in enumerate(items):
            rows = self.rows(place, item)
            found[place, : len(rows)] = rows
        return found

    def rows(self, place: int, item: Any) -> list[list[float]]:
        """Return the rows that are read of one example."""
        if not isinstance(item, list | tuple) or not 1 <= len(item) <= self.length:
            raise refusal(place, self.expectation, item)
        return [self.row(place, row, self.names) for row in item]

    def row(self, place: int, row: Any, names: Sequence[str]) -> list[float]:
        """Return the numbers of one row; NaN is missing."""
        if isinstance(row, FileRow):
            return [cell(row.get(name)) for name in names]
        if isinstance(row, Mapping):
            unknown = [name for name in names if name not in row]
            if unknown:
                raise refusal(place, self.expectation, f"a row without {', '.join(unknown)}")
            row = [row[name] for name in names]
        if not isinstance(row, list | tuple) or len(row) != len(names):
            raise refusal(place, self.expectation, row)
        return [
            math.nan if value is None else number(place, name, value)
            for name, value in zip(names, row, strict=True)
        ]


class TimePreprocessing(SequencePreprocessing):
    """Rows of the user's own file: what each has to do with the others follows from their time."""

    def __init__(self, facts: Mapping[str, Any]) -> None:
        super().__init__(facts)
        self.time: str = facts["source"]["time"]

    def examples(self, rows: Iterable[tuple[str, FileRow]]) -> list[tuple[str, Any]]:
        """Return id and rows of each example of a file."""
        raise NotImplementedError


class SeriesPreprocessing(TimePreprocessing):
    """The latest rows of a series: what comes after them is forecast."""

    def __init__(self, facts: Mapping[str, Any]) -> None:
        super().__init__(facts)
        self.expectation = (
            f"at least {self.length} rows in the order of time, of which the last {self.length} "
            f"are read, each an object with {', '.join(self.names)}"
        )

    def rows(self, place: int, item: Any) -> list[list[float]]:
        """Return the last rows."""
        if not isinstance(item, list | tuple) or len(item) < self.length:
            raise refusal(place, self.expectation, item)
        return [self.row(place, row, self.names) for row in item[-self.length :]]

    def examples(self, rows: Iterable[tuple[str, FileRow]]) -> list[tuple[str, Any]]:
        """Return every window of a file, called by its last time; the last forecasts the future."""
        known = [
            (when, row)
            for _, row in rows
            if not math.isnan(when := moment(row.get(self.time)))
            and not math.isnan(cell(row.get(self.names[0])))
        ]
        known.sort(key=lambda pair: pair[0])
        ordered = [row for _, row in known]
        return [
            (str(ordered[end - 1][self.time]), ordered[end - self.length : end])
            for end in range(self.length, len(ordered) + 1)
        ]


class EventPreprocessing(TimePreprocessing):
    """A customer's events up to the one that is judged, in the order of time."""

    def __init__(self, facts: Mapping[str, Any]) -> None:
        super().__init__(facts)
        self._customer: str = facts["source"]["customer"]
        self._gap = self.names[-1]
        self._own = self.names[:-1]
        self.expectation = (
            f"a customer's events up to the one that is judged, in the order of time (the last "
            f"{self.length} are read), each an object with {', '.join([self.time, *self._own])}"
        )

    def rows(self, place: int, item: Any) -> list[list[float]]:
        """Return the last rows, each with the logarithm of the seconds since the one before."""
        if not isinstance(item, list | tuple) or not item:
            raise refusal(place, self.expectation, item)
        if not all(isinstance(row, Mapping) and self.time in row for row in item):
            return super().rows(place, item)
        times = np.array([moment(row[self.time]) for row in item])
        if np.isnan(times).any():
            raise refusal(place, f"a number or a date as {self.time}", item)
        gaps = np.log1p(np.diff(times, prepend=times[0]).clip(0)).tolist()
        numbers = [self.row(place, row, self._own) for row in item]
        return [[*row, gap] for row, gap in zip(numbers, gaps, strict=True)][-self.length :]

    def examples(self, rows: Iterable[tuple[str, FileRow]]) -> list[tuple[str, Any]]:
        """Return each event of a file with those before it, in the order of the file."""
        by_customer: dict[str, list[tuple[float, int, str, FileRow]]] = defaultdict(list)
        for number_, (name, row) in enumerate(rows):
            customer, when = str(row.get(self._customer) or "").strip(), moment(row.get(self.time))
            if customer and not math.isnan(when):
                by_customer[customer].append((when, number_, name, row))
        found: list[tuple[int, str, Any]] = []
        for events in by_customer.values():
            events.sort(key=lambda event: event[:2])
            before = [row for *_, row in events]
            for end, (_, number_, name, _) in enumerate(events, start=1):
                # one more than is read: the first one's gap is to the event before it
                found.append((number_, name, before[max(0, end - self.length - 1) : end]))
        return [(name, item) for _, name, item in sorted(found, key=lambda one: one[0])]


def moment(value: Any) -> float:
    """Return a time as a number that grows with it: a number itself, or a date in ISO form."""
    known = cell(value)
    if not math.isnan(known):
        return known
    try:
        found = datetime.fromisoformat(str(value).replace("/", "-").strip())
    except ValueError:
        return math.nan
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()


def make_time_preprocessing(facts: Mapping[str, Any]) -> SequencePreprocessing:
    """Return what reads the rows of a model, in the form that its own data have."""
    match (facts.get("source") or {}).get("kind"):
        case "series":
            return SeriesPreprocessing(facts)
        case "events":
            return EventPreprocessing(facts)
    return SequencePreprocessing(facts)
