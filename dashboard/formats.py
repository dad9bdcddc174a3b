"""Numbers, durations and times as people read them."""

import math
from collections.abc import Iterable
from datetime import UTC, datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from store.disk_usage import as_text

DASH = "\N{EN DASH}"
MINUS = "\N{MINUS SIGN}"
_UNITS = ((86_400, "d", 3_600, "h"), (3_600, "h", 60, "min"), (60, "min", 1, "s"))


def number(value: float | None, digits: int = 4) -> str:
    """Return a value with `digits` significant digits, thousands grouped; NaN and inf as such."""
    if value is None:
        return DASH
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "∞" if value > 0 else f"{MINUS}∞"
    size = abs(value)
    if float(value).is_integer() and size < 1e9:
        text = f"{value:,.0f}"
    elif size >= 1e6 or size < 1e-4:
        text = f"{value:.{digits - 1}e}".replace("e-0", "e-").replace("e+0", "e+")
    else:
        decimals = max(0, digits - 1 - math.floor(math.log10(size)))
        text = f"{value:,.{min(decimals, digits)}f}"
    return text.replace("-", MINUS) if "e" not in text else text


def fixed(value: float, digits: int = 4) -> str:
    """Return a value with so many decimals, as a column of figures wants it; a dash for NaN."""
    return DASH if math.isnan(value) else f"{value:.{digits}f}"


def signed(value: float, digits: int = 4) -> str:
    """Return a difference with its sign; a true minus, not a hyphen."""
    text = number(value, digits)
    return text if value <= 0 or not math.isfinite(value) else f"+{text}"


def spread(mean: float | None, std: float | None, count: int) -> str:
    """Return a mean over runs with its standard deviation: `0.912 ± 0.004 (5)`.

    The deviation keeps one significant digit, two if it begins with a 1; the mean as many decimals.
    """
    if mean is None or not math.isfinite(mean):
        return DASH
    if std is None or not math.isfinite(std) or count < 2:
        return f"{number(mean)} ({count})"
    if std == 0:
        return f"{number(mean)} ± 0 ({count})"
    exponent = math.floor(math.log10(std))
    places = -exponent + (std / 10.0**exponent < 2)
    if not 0 <= places <= 8:
        return f"{number(mean)} ± {number(std, 2)} ({count})"
    text = f"{mean:,.{places}f} ± {std:,.{places}f} ({count})"
    return text.replace("-", MINUS)


def decimals(values: Iterable[float | None], digits: int = 4) -> int | None:
    """Return how many decimals give a column `digits` significant ones; None if sizes differ a lot.

    A column with the same number of decimals in each row can be compared at a glance.
    """
    sizes = [abs(v) for v in values if v is not None and math.isfinite(v) and v != 0]
    if not sizes:
        return 0
    high, low = max(sizes), min(sizes)
    if high >= 1e6 or low < 1e-4 or high / low > 1e4:
        return None
    return max(0, min(digits, digits - 1 - math.floor(math.log10(high))))


def ordinal(place: int) -> str:
    """Return a place in a row: `1st`, `2nd`, `11th`."""
    ending = "th" if place % 100 in {11, 12, 13} else {1: "st", 2: "nd", 3: "rd"}.get(place % 10)
    return f"{place:,}{ending or 'th'}"


def duration(seconds: float | None) -> str:
    """Return a time span in its two largest units, such as `2 h 05 min`."""
    if seconds is None or not math.isfinite(seconds):
        return DASH
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 60:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    for size, name, minor, minor_name in _UNITS:
        if seconds >= size:
            whole, rest = divmod(int(seconds), size)
            return f"{whole} {name} {rest // minor:02d} {minor_name}"
    return DASH


def zone(name: str | None) -> ZoneInfo:
    """Return the viewer's time zone; UTC where the browser's is unknown here."""
    try:
        return ZoneInfo(name or "UTC")
    except (ZoneInfoNotFoundError, ValueError):
        return ZoneInfo("UTC")


def moment(at: datetime | None, timezone: str | None, *, now: datetime | None = None) -> str:
    """Return a UTC time in the viewer's zone: `14:03` today, `22 Nov, 14:03`, or with the year."""
    if at is None:
        return DASH
    here = zone(timezone)
    local = (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(here)
    today = (now or datetime.now(UTC)).astimezone(here)
    if local.date() == today.date():
        return f"today {local:%H:%M}"
    return f"{local.day} {local:%b, %H:%M}" if local.year == today.year else f"{local:%d %b %Y}"


def ago(at: datetime | None, *, now: datetime | None = None) -> str:
    """Return how long ago a UTC time was, roughly."""
    if at is None:
        return DASH
    past = (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)
    seconds = ((now or datetime.now(UTC)) - past).total_seconds()
    if seconds < 45:
        return "just now"
    for size, name in ((86_400, "day"), (3_600, "hour"), (60, "minute")):
        if seconds >= size * 0.95:
            count = round(seconds / size)
            return f"{count} {name}{'s' if count != 1 else ''} ago"
    return "a minute ago"


def measure(name: str, item: object) -> str:
    """Return a recorded value with the unit that its name ends in: `latency_p95_ms`, `size_bytes`."""
    if isinstance(item, bool) or not isinstance(item, int | float):
        return value(item)
    if name.endswith("_bytes") and math.isfinite(item):
        return as_text(int(item))
    unit = next((unit for unit in ("ms", "s") if name.endswith(f"_{unit}")), "")
    return f"{number(item)} {unit}".rstrip()


def value(item: object) -> str:
    """Return a parameter's value as it is written in a table."""
    if item is None:
        return DASH
    if isinstance(item, bool):
        return "yes" if item else "no"
    if isinstance(item, int):
        return f"{item:,}" if abs(item) >= 10_000 else str(item)
    if isinstance(item, float):
        return f"{item:.6g}".replace("e-0", "e-").replace("e+0", "e+")
    if isinstance(item, (list, tuple)):
        return ", ".join(value(part) for part in item)
    return str(item)
