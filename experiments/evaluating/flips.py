"""What changed from one model to the other, example by example: fixed, broken, both wrong."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from experiments.evaluating.mistakes import described
from experiments.evaluating.predicted import Predicted
from experiments.statistics import Interval, McNemar, mcnemar, tango_interval

Kind = Literal["fixed", "broken", "both wrong", "both right"]
KINDS: tuple[Kind, ...] = ("fixed", "broken", "both wrong", "both right")


@dataclass(frozen=True, slots=True, kw_only=True)
class Flips:
    """Two classifiers on the same examples, by who is right."""

    kind: NDArray[np.int8]
    """shape (n,), index into `KINDS`"""
    surprise: NDArray[np.float64]
    """shape (n,), how much less the candidate believes in the true class than the baseline does"""
    fixed: int
    """examples that only the candidate has right"""
    broken: int
    """examples that only the baseline has right"""
    both_wrong: int
    both_right: int
    difference: Interval
    """accuracy, candidate minus baseline (Tango)"""
    test: McNemar

    def rows(self, kind: Kind, most: int = 200) -> NDArray[np.int64]:
        """Return the examples of a kind, those that moved most first."""
        at = np.flatnonzero(self.kind == KINDS.index(kind))
        strength = self.surprise[at] if kind == "broken" else -self.surprise[at]
        if kind.startswith("both"):
            strength = np.abs(self.surprise[at])
        return at[np.argsort(-strength, kind="stable")[:most]]

    def sentence(self, candidate: str, baseline: str) -> str:
        """Say what the flips amount to."""
        moved = self.fixed + self.broken
        if not moved:
            return f"{candidate} and {baseline} are right and wrong on the same examples."
        net = self.fixed - self.broken
        balance = f"{net:,} more right" if net > 0 else f"{-net:,} fewer right" if net else "a draw"
        return (
            f"{candidate} gets {self.fixed:,} examples right that {baseline} gets wrong, and breaks "
            f"{self.broken:,}: {balance} of {len(self.kind):,}."
        )


def flips(candidate: Predicted, baseline: Predicted) -> Flips:
    """Compare two models' answers, example by example: right or wrong classes or texts.

    Parameters
    ----------
    candidate, baseline
        Predictions of the same examples in the same order.

    Raises
    ------
    ValueError
        If they are not of the same examples, or no answer of theirs is right or wrong.
    """
    if candidate.task != baseline.task or candidate.task not in {"classification", "texts"}:
        raise ValueError(
            "Flips are of right and wrong answers; these predictions are numbers, not answers."
        )
    if len(candidate) != len(baseline) or not np.array_equal(candidate.label, baseline.label):
        raise ValueError("Expected predictions of the same examples in the same order.")
    own, other = candidate.is_right, baseline.is_right
    kind = np.select([own & ~other, ~own & other, ~own & ~other], [0, 1, 2], default=3)
    counts = np.bincount(kind, minlength=4)
    fixed, broken, both_wrong, both_right = (int(count) for count in counts)
    return Flips(
        kind=kind.astype(np.int8),
        surprise=baseline.quality - candidate.quality,
        fixed=fixed,
        broken=broken,
        both_wrong=both_wrong,
        both_right=both_right,
        difference=tango_interval(fixed, broken, len(own)),
        test=mcnemar(fixed, broken),
    )


def between(
    candidate: Predicted,
    baseline: Predicted,
    rows: Sequence[int] | NDArray[Any],
) -> list[dict[str, Any]]:
    """Return examples as plain rows: id, label, what each says and how sure (or near) it is."""
    picked = np.asarray(rows, dtype=np.int64)
    return [
        {
            "id": own["id"],
            "label": own["label"],
            "candidate": own["said"],
            "candidate_score": own["score"],
            "baseline": other["said"],
            "baseline_score": other["score"],
        }
        for own, other in zip(
            described(candidate, picked), described(baseline, picked), strict=True
        )
    ]


def agreement(runs: Sequence[Predicted]) -> NDArray[np.float64]:
    """Return for each pair of classifiers the share of examples on which they say the same."""
    said: list[ArrayLike] = [one.predicted for one in runs]
    return np.array([[float(np.mean(np.equal(a, b))) for b in said] for a in said])
