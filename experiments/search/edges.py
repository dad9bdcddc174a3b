"""Says when the best trials lie at the edge of a range: the search may have looked too narrowly."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from experiments.search.dimensions import Dimension

NEAR: Final = 0.03
"""A best value in the outer 3 % of a range lies at its edge."""
LEAST_TRIALS: Final = 8
"""Fewer finished trials say nothing about an edge."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EdgeWarning:
    """The best value of a parameter lies at an end of its range."""

    name: str
    value: float
    end: str
    """``low`` or ``high``."""
    limit: float
    agreeing: int
    """How many of the best trials lie in the same tenth of the range."""
    among: int

    @property
    def text(self) -> str:
        """Return the warning in words."""
        side = "upper" if self.end == "high" else "lower"
        return (
            f"The best {self.name} so far, {self.value:.4g}, is at the {side} edge of its range "
            f"({self.limit:.4g}); so are {self.agreeing} of the {self.among} best trials. "
            "Widen the range: the optimum may lie beyond it."
        )


def edge_warnings(
    space: Sequence[Dimension], best: Sequence[Mapping[str, Any]], num_complete: int
) -> tuple[EdgeWarning, ...]:
    """Return the parameters whose best values lie at an edge.

    Parameters
    ----------
    space
        What varies.
    best
        The parameters of the best trials, the very best first.
    num_complete
        Trials that came to their end.
    """
    if not best or num_complete < LEAST_TRIALS:
        return ()
    found = [_warning(one, best) for one in space if one.kind != "choice" and not one.only]
    return tuple(warning for warning in found if warning is not None)


def _warning(one: Dimension, best: Sequence[Mapping[str, Any]]) -> EdgeWarning | None:
    places = [_place(one, params[one.name]) for params in best if one.name in params]
    if not places or one.name not in best[0]:
        return None
    if NEAR < places[0] < 1 - NEAR:
        return None
    end = "high" if places[0] > 0.5 else "low"
    agreeing = sum(place >= 0.9 if end == "high" else place <= 0.1 for place in places)
    if agreeing < len(places) / 2:  # one lucky trial there is not a trend
        return None
    return EdgeWarning(
        name=one.name,
        value=float(best[0][one.name]),
        end=end,
        limit=one.ends[end == "high"],
        agreeing=agreeing,
        among=len(places),
    )


def _place(one: Dimension, value: float) -> float:
    """Return where in its range a value lies, from 0 to 1."""
    low, high = one.ends
    if one.log:
        low, high, value = math.log(low), math.log(high), math.log(max(value, 1e-300))
    return (value - low) / (high - low)
