"""What a gate is judged on: a candidate, the champion, and the evidence about both, read once."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from experiments.comparison import MAX_CANDIDATES, Comparison, ComparisonSpec, Verdict, compare
from experiments.evaluating.evidence import Candidate
from experiments.evaluating.findings import Examined
from experiments.releasing.measured import Model
from experiments.releasing.policy import Policy
from experiments.releasing.usual_metric import settled

NO_CHAMPION = "There is no champion yet, so there is nothing to compare with."
IS_CHAMPION = "This is the champion itself."


@dataclass(frozen=True, slots=True, kw_only=True)
class GateResult:
    """A gate and how a model stands to it."""

    gate: str
    """as the policy has it"""
    passed: bool | None
    """None: it cannot be told, and `reason` says why"""
    reason: str
    value: float | None = None
    low: float | None = None
    high: float | None = None

    @property
    def word(self) -> str:
        """``passed``, ``failed`` or ``cannot tell``."""
        return {True: "passed", False: "failed", None: "cannot tell"}[self.passed]


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What a gate says of a case."""

    passed: bool | None
    reason: str
    value: float | None = None
    low: float | None = None
    high: float | None = None


class Case:
    """A candidate before the gates.

    Parameters
    ----------
    store
        Where the runs are stored.
    run_ids
        The candidate; the first is the checkpoint that would be released, the rest its other seeds.
    policy
        Metric, margin, split and level where a gate does not say.
    champion
        The runs of the champion; empty if the line has none.
    considered
        The runs of each other candidate that could be released: verdicts allow for them.
    """

    def __init__(
        self,
        store: Examined,
        run_ids: Sequence[str],
        policy: Policy,
        champion: Sequence[str],
        considered: Sequence[Sequence[str]] = (),
    ) -> None:
        self.store = store
        self.run_ids = tuple(run_ids)
        self.champion_ids = tuple(champion)
        self.model = Model(store, self.run_ids[0])
        self.champion = Model(store, self.champion_ids[0]) if champion else None
        self.policy = settled(policy, self.champion or self.model)
        known = {*run_ids, *champion}
        self._considered = [runs for runs in considered if not known & {*runs}]
        self._verdicts: dict[tuple[str, str, float], Verdict | str] = {}

    @property
    def excuse(self) -> str:
        """Why there is nothing to compare with; empty if there is."""
        if self.champion is None:
            return NO_CHAMPION
        return IS_CHAMPION if self.champion.run_id == self.model.run_id else ""

    def know(self, spec: ComparisonSpec, verdict: Verdict | str) -> None:
        """Take over a verdict (or why there is none) from a comparison of all candidates."""
        self._verdicts[spec.metric, spec.split, spec.level] = verdict

    def verdict(self, metric: str, split: str, level: float) -> Verdict | str:
        """Return the verdict against the champion, or why there is none.

        Raises
        ------
        ValueError
            If the metric is not one of `experiments.statistics.METRICS`.
        """
        spec = ComparisonSpec(metric=metric, margin=self.policy.margin, split=split, level=level)
        key = (metric, split, level)
        if key not in self._verdicts:
            others = (Candidate(name=one[0], run_ids=tuple(one)) for one in self._considered)
            sides = [
                Candidate(name="the champion", run_ids=self.champion_ids),
                Candidate(name="the candidate", run_ids=self.run_ids),
                *others,
            ]
            found = compare(self.store, sides[:MAX_CANDIDATES], spec)
            self.know(spec, found.verdicts[0] if found.verdicts else _why_not(found))
        return self._verdicts[key]


def _why_not(found: Comparison) -> str:
    return " ".join(problem.text for problem in found.problems) or "There is no verdict."


def finite(value: float) -> float | None:
    """Return a number, None for NaN and infinity."""
    return value if math.isfinite(value) else None


def shown(value: float) -> str:
    """Return a value as a reason shows it: four digits that count, whole numbers whole."""
    if abs(value) >= 1000 and value == round(value):
        return f"{value:,.0f}"
    return f"{value:.4g}"
