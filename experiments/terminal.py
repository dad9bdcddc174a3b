"""Words and tables for the terminal: data on stdout, nothing but text."""

import json
import math
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any


def say(text: str = "") -> None:
    """Print one line at once, also into a pipe."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def say_json(value: Any) -> None:
    """Print a value as JSON: times in ISO 8601 with zone, NaN and infinity as texts."""
    say(json.dumps(_plain(value), ensure_ascii=False, indent=2, allow_nan=False))


def say_table(rows: Sequence[Mapping[str, Any]], headings: Mapping[str, str]) -> None:
    """Print rows as aligned columns.

    Parameters
    ----------
    rows
        One mapping a line.
    headings
        Key of a column to its heading, in order.
    """
    texts = [[cell(row.get(key)) for key in headings] for row in rows]
    lines = [list(headings.values()), *texts]
    widths = [max(len(line[column]) for line in lines) for column in range(len(headings))]
    for line in lines:
        say("  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip())


def cell(value: Any) -> str:
    """Return a value as it stands in a table: short, and '-' for nothing."""
    if value is None or (isinstance(value, str | list) and not value):
        return "-"
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M:%S")
    if isinstance(value, list | tuple):
        return ",".join(cell(item) for item in value)
    return " ".join(str(value).split())


def duration(seconds: float | None) -> str:
    """Return a duration as people say it: '8 s', '2 min 5 s', '3 h 20 min'."""
    if seconds is None or not math.isfinite(seconds):
        return "-"
    whole = max(0, round(seconds))
    minutes, rest = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, datetime):
        aware = value if value.tzinfo else value.replace(tzinfo=UTC)
        return aware.isoformat()
    if isinstance(value, date):
        return value.isoformat()
    return value if isinstance(value, str | int | float | bool | None) else str(value)
