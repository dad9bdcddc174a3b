"""The curves' wire format: what the browser asks for, and columns of float64 as the answer.

An answer is a little-endian uint32 (length of the header), a JSON header padded with spaces so
that what follows starts at a multiple of 8 bytes, then the columns of one line after the other, as
`store.line_questions` says them. The browser lays typed arrays over it: nothing is parsed,
nothing is copied.
"""

import json
import math
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Self, cast, get_args

import numpy as np
from numpy.typing import NDArray

from store.line_chart import LineView
from store.m4 import BandKind

MAX_RUNS = 100
MAX_METRICS = 8
BANDS: Final = get_args(BandKind)


class BadRequestError(ValueError):
    """The arguments of a curve request cannot be used."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CurveQuery:
    """One panel's question."""

    metrics: tuple[str, ...]
    runs: tuple[str, ...] = ()
    """Runs that are drawn alone."""
    groups: tuple[tuple[str, ...], ...] = ()
    """Runs of which the mean and a band are drawn."""
    view: LineView
    version: int | None = None
    """The store's version that the browser has drawn; no news, no answer."""
    cursor: str = ""
    """Up to where it has drawn these curves."""

    @property
    def everyone(self) -> tuple[str, ...]:
        """All runs in it."""
        return tuple(dict.fromkeys([*self.runs, *(one for group in self.groups for one in group)]))

    @classmethod
    def parse(cls, arguments: Mapping[str, str]) -> Self:
        """Read a query string.

        Raises
        ------
        BadRequestError
            If something is missing or out of range.
        """
        grouped = [part for part in (arguments.get("groups") or "").split(";") if part]
        version, _, cursor = (arguments.get("v") or "").partition(":")
        query = cls(
            metrics=_names(arguments, "metric", MAX_METRICS),
            runs=()
            if grouped and not arguments.get("runs")
            else _names(arguments, "runs", MAX_RUNS),
            groups=tuple(_names({"groups": part}, "groups", MAX_RUNS) for part in grouped),
            view=_view(arguments),
            version=int(version) if version.lstrip("-").isdigit() else None,
            cursor=cursor,
        )
        if len(query.everyone) > MAX_RUNS:
            raise BadRequestError(f"Expected at most {MAX_RUNS} runs; got {len(query.everyone)}.")
        return query


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """One line, as an answer has it; see `store.line_questions.lines`."""

    run: str
    metric: str
    kind: str
    since: float | None
    columns: tuple[NDArray[np.float64], ...]


def encode(facts: Mapping[str, Any], numbers: NDArray[np.float64]) -> bytes:
    """Return the answer's bytes.

    Parameters
    ----------
    facts
        The header; its ``lines`` say how many columns of how many points (n) each has.
    numbers
        These columns.
    """
    header = json.dumps(facts, separators=(",", ":")).encode()
    header += b" " * (-(4 + len(header)) % 8)
    body = np.ascontiguousarray(numbers, dtype="<f8")
    return b"".join((struct.pack("<I", len(header)), header, body.data))


def decode(answer: bytes) -> tuple[list[Series], dict[str, Any]]:
    """Return the lines and the other facts; tests and scripts read answers with it."""
    (length,) = struct.unpack_from("<I", answer)
    facts = json.loads(answer[4 : 4 + length])
    offset, series = 4 + length, []
    for item in facts.pop("lines"):
        count, length = item.pop("n"), item.pop("columns")
        columns = np.frombuffer(answer, "<f8", count * length, offset).reshape(length, count)
        offset += columns.nbytes
        series.append(Series(**item, columns=tuple(columns)))
    return series, facts


def _view(arguments: Mapping[str, str]) -> LineView:
    band = arguments.get("band") or "ci95"
    if band not in BANDS:
        raise BadRequestError(f"Expected band to be one of {', '.join(BANDS)}; got {band!r}.")
    low, high = _number(arguments, "lo"), _number(arguments, "hi")
    if low is not None and high is not None and low > high:
        raise BadRequestError(f"Expected lo to be at most hi; got {low:g} and {high:g}.")
    return LineView(
        x=arguments.get("x") or "step",
        lo=low,
        hi=high,
        width=int(_bounded(arguments, "px", 800, 50, 4000)),
        log_x=arguments.get("logx") == "1",
        weight=_bounded(arguments, "smooth", 0.0, 0.0, 0.9999),
        ghosts=arguments.get("ghosts") != "0",
        band=cast("BandKind", band),
        clip=arguments.get("clip") == "1",
    )


def _names(arguments: Mapping[str, str], key: str, most: int) -> tuple[str, ...]:
    getlist = getattr(arguments, "getlist", None)
    given = getlist(key) if getlist else [arguments.get(key, "")]
    names = tuple(dict.fromkeys(n for text in given for n in text.split(",") if n))
    if not names:
        raise BadRequestError(f"Expected at least one {key}; got none.")
    if len(names) > most:
        raise BadRequestError(f"Expected at most {most} values of {key}; got {len(names)}.")
    return names


def _number(arguments: Mapping[str, str], key: str) -> float | None:
    text = arguments.get(key)
    if not text:
        return None
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise BadRequestError(f"Expected {key} to be a number; got {text!r}.")
    return number


def _bounded(
    arguments: Mapping[str, str], key: str, default: float, low: float, high: float
) -> float:
    number = _number(arguments, key)
    if number is None:
        return default
    return max(low, min(high, number))
