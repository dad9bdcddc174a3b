"""The curves' wire format: what the browser asks for, and columns of float64 as the answer.

An answer is a little-endian uint32 (length of the header), a JSON header padded with spaces so
that what follows starts at a multiple of 8 bytes, then for each series its columns one after the
other: x, value and, where the header says so, step. The browser lays typed arrays over it: nothing
is parsed, nothing is copied.
"""

import json
import math
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

AXES = ("step", "epoch", "elapsed", "wall")
MAX_RUNS = 20
MAX_METRICS = 8


class BadRequestError(ValueError):
    """The arguments of a curve request cannot be used."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CurveQuery:
    """One panel's question."""

    metrics: tuple[str, ...]
    runs: tuple[str, ...]
    x: str = "step"
    low: float | None = None
    high: float | None = None
    pixels: int = 800
    weight: float = 0.0
    """Of the moving average, in [0, 1); 0 asks for none."""
    version: int | None = None
    """The store's version that the browser has drawn; no news, no answer."""

    @classmethod
    def parse(cls, arguments: Mapping[str, str]) -> Self:
        """Read a query string.

        Raises
        ------
        BadRequestError
            If something is missing or out of range.
        """
        metrics = _names(arguments, "metric", MAX_METRICS)
        runs = _names(arguments, "runs", MAX_RUNS)
        x = arguments.get("x") or "step"
        if x not in AXES:
            raise BadRequestError(f"Expected x to be one of {', '.join(AXES)}; got {x!r}.")
        version = arguments.get("v") or ""
        return cls(
            metrics=metrics,
            runs=runs,
            x=x,
            low=_number(arguments, "lo"),
            high=_number(arguments, "hi"),
            pixels=int(_bounded(arguments, "px", 800, 50, 4000)),
            weight=_bounded(arguments, "smooth", 0.0, 0.0, 0.9999),
            version=int(version) if version.lstrip("-").isdigit() else None,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """One line to draw."""

    run: str
    metric: str
    x: NDArray[np.float64]
    value: NDArray[np.float64]
    step: NDArray[np.float64] | None = None
    """None where x is the step."""
    is_smooth: bool = False


def encode(series: Sequence[Series], facts: Mapping[str, Any]) -> bytes:
    """Return the answer's bytes; `facts` join the header (version, who is running, ...)."""
    listed = [
        {
            "run": s.run,
            "metric": s.metric,
            "n": len(s.x),
            "steps": s.step is not None,
            "smooth": s.is_smooth,
        }
        for s in series
    ]
    header = json.dumps({**facts, "series": listed}, separators=(",", ":")).encode()
    header += b" " * (-(4 + len(header)) % 8)
    columns = [c for s in series for c in (s.x, s.value, s.step) if c is not None]
    body = b"".join(np.ascontiguousarray(c, dtype="<f8").tobytes() for c in columns)
    return struct.pack("<I", len(header)) + header + body


def decode(answer: bytes) -> tuple[list[Series], dict[str, Any]]:
    """Return what `encode` was given; tests and scripts read answers with it."""
    (length,) = struct.unpack_from("<I", answer)
    header = json.loads(answer[4 : 4 + length])
    offset, series = 4 + length, []
    for item in header.pop("series"):
        columns = []
        for _ in range(3 if item["steps"] else 2):
            columns.append(np.frombuffer(answer, "<f8", item["n"], offset))
            offset += 8 * item["n"]
        x, value, *step = columns
        series.append(
            Series(
                run=item["run"],
                metric=item["metric"],
                x=x,
                value=value,
                step=step[0] if step else None,
                is_smooth=item["smooth"],
            )
        )
    return series, header


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
