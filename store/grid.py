"""The columns of a chart that grows: they stay where they are until it has grown by a quarter."""

import math
import sys
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from store.m4 import FAR

_FINEST = 2.0**-50
"""Of a place on the axis: its columns' edges, whose numbers have 50 bits, are exact floats."""


@dataclass(frozen=True, slots=True)
class Grid:
    """Columns of equal size on an axis as it is drawn.

    Their edges are all multiples of one size, which is 4, 5, 6 or 7 times a power of two: the same
    chart some points later has the same edges, or other ones throughout.

    Attributes
    ----------
    size
        Of a column; on a logarithmic axis that of its logarithm.
    is_log
        Whether the axis is logarithmic; then its places are above 0.
    """

    size: float
    is_log: bool = False

    @classmethod
    def over(cls, low: float, high: float, columns: int, *, is_log: bool = False) -> Self:
        """Return the coarsest grid that cuts a range into that many columns, or 1.25 times them."""
        start, end = (math.log10(low), math.log10(high)) if is_log else (low, high)
        least = max(abs(start), abs(end), 1.0 if is_log else 0.0) * _FINEST
        size = max(end / columns - start / columns, least, 8 * sys.float_info.min)
        fraction, power = math.frexp(size)
        return cls(math.ldexp(math.floor(8 * fraction), power - 3), is_log)

    def start(self, x: float) -> float:
        """Return where the column begins in which x lies."""
        return self._edge(self._column(x))

    def edges(self, low: float, high: float, *, is_whole: bool) -> NDArray[Any]:
        """Return where columns begin after `low` up to `high`; the next whole number there."""
        numbers = np.arange(self._column(low) + 1, self._column(high) + 1)
        edges = numbers * self.size
        if self.is_log:  # NumPy's own power may differ by a bit from place to place
            edges = np.array([_power_of_ten(place) for place in edges.tolist()], np.float64)
        return np.ceil(np.clip(edges, -FAR, FAR)).astype(np.int64) if is_whole else edges

    def _edge(self, number: int) -> float:
        place = number * self.size
        return _power_of_ten(place) if self.is_log else place

    def _column(self, x: float) -> int:
        """Return the number of the column of x: edges, not a rounded quotient, decide."""
        number = math.floor((math.log10(x) if self.is_log else x) / self.size)
        while self._edge(number) > x:
            number -= 1
        while self._edge(number + 1) <= x:
            number += 1
        return number


def _power_of_ten(place: float) -> float:
    return 10.0**place if place < sys.float_info.max_10_exp else math.inf
