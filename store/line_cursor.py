"""What somebody has drawn of a chart: with it the next answer holds what came since."""

import hashlib
from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True, slots=True, kw_only=True)
class Cursor:
    """The place up to which a chart was answered.

    Attributes
    ----------
    chart
        What was asked, and in which columns it was answered; another chart shares nothing.
    clock
        That of the curves.
    counts
        How many points each curve had.
    """

    chart: str
    clock: int
    counts: tuple[int, ...]

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """Read what `str` wrote; None if it is something else."""
        chart, *numbers = text.split("-")
        try:
            clock, *counts = (int(number, 16) for number in numbers)
        except ValueError:
            return None
        return cls(chart=chart, clock=clock, counts=tuple(counts))

    def __str__(self) -> str:
        """Return it as letters, digits and dashes, for an address."""
        return "-".join([self.chart, *(f"{number:x}" for number in (self.clock, *self.counts))])

    def is_of(self, now: Self) -> bool:
        """Whether this is of the same chart."""
        return self.chart == now.chart and len(self.counts) == len(now.counts)


def fingerprint(*parts: object) -> str:
    """Return letters and digits that differ when any of the parts does."""
    return hashlib.blake2b(repr(parts).encode(), digest_size=8).hexdigest()
