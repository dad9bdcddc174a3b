"""Is the difference between candidates real? From their predictions on the same examples.

Two questions are kept apart. Is this checkpoint better than that one? Only the examples make that
uncertain. Is this recipe better, would it win again with other seeds? Seeds and examples do.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from experiments import verdict
from experiments.evidence import (
    Candidate,
    Evidence,
    Guard,
    Problem,
    Readable,
    Severity,
    check_records,
    gather,
)
from experiments.statistics import (
    Interval,
    PairedDifference,
    SeedsAndExamples,
    contributions,
    difference_table,
    metric_goal,
    seeds_and_examples,
)
from experiments.verdict import Word
from experiments.wording import next_step, recipe_sentence, sentence

if TYPE_CHECKING:
    import pandas as pd

MAX_CANDIDATES = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparisonSpec:
    """What is asked, fixed before looking."""

    metric: str
    """One of `experiments.statistics.METRICS`."""
    margin: float
    """The smallest difference that matters, in the metric's unit."""
    split: str = "val"
    level: float = 0.95


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """A candidate against the baseline."""

    candidate: str
    baseline: str
    metric: str
    difference: PairedDifference
    """Candidate minus baseline, on the same examples, corrected for the number of candidates."""
    word: Word
    """About the checkpoints."""
    sentence: str
    recipe: SeedsAndExamples | None
    """The same over seeds; None when either side has one seed."""
    recipe_word: Word
    recipe_sentence: str
    next_step: str
    """What would settle it; empty when it is settled."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Everything that a comparison found."""

    spec: ComparisonSpec
    baseline: str
    num_examples: int
    problems: tuple[Problem, ...]
    verdicts: tuple[Verdict, ...]

    @property
    def is_blocked(self) -> bool:
        """Whether the candidates cannot be compared."""
        return any(problem.severity is Severity.BLOCKS for problem in self.problems)

    def frame(self) -> "pd.DataFrame":
        """Return one row a verdict: candidate, difference, low, high, word, recipe word, ..."""
        import pandas as pd

        rows = [
            {
                "candidate": verdict.candidate,
                "baseline": verdict.baseline,
                "metric": verdict.metric,
                "value": verdict.difference.value_a,
                "baseline_value": verdict.difference.value_b,
                "difference": verdict.difference.estimate,
                "low": verdict.difference.low,
                "high": verdict.difference.high,
                "verdict": str(verdict.word),
                "recipe_verdict": str(verdict.recipe_word),
                "next_step": verdict.next_step,
            }
            for verdict in self.verdicts
        ]
        return pd.DataFrame(rows)


def compare(store: Readable, candidates: Sequence[Candidate], spec: ComparisonSpec) -> Comparison:
    """Compare candidates with the first of them, the baseline.

    Parameters
    ----------
    store
        Where predictions are read from.
    candidates
        2 to 10; the first is the baseline.
    spec
        Metric, margin and split.

    Returns
    -------
    Comparison
        Without verdicts when something blocks; its problems say what.

    Raises
    ------
    ValueError
        If the metric is unknown, the margin not above 0, or the number of candidates out of range.
    store.RunNotFoundError
        If a candidate's run does not exist.
    """
    goal = metric_goal(spec.metric)
    if not 2 <= len(candidates) <= MAX_CANDIDATES:
        raise ValueError(f"Expected 2 to {MAX_CANDIDATES} candidates; got {len(candidates)}.")
    if not spec.margin > 0:
        raise ValueError(f"Expected a margin above 0; got {spec.margin}.")
    guard = Guard()
    check_records(store, candidates, guard)
    evidence = gather(store, candidates, spec.split, guard)
    baseline = candidates[0]
    verdicts: tuple[Verdict, ...] = ()
    if evidence is not None and not guard.is_blocked:
        sign = 1.0 if goal == "max" else -1.0
        try:
            verdicts = _judge_all(evidence, candidates, spec, sign)
        except ValueError as error:
            guard.block(f"{verdict.name_of(spec.metric)} cannot be computed: {error}")
    return Comparison(
        spec=spec,
        baseline=baseline.name,
        num_examples=len(evidence.label) if evidence is not None else 0,
        problems=tuple(guard.problems),
        verdicts=verdicts,
    )


def suggested_margin(metric: str, value: float) -> float:
    """Return a margin to start from: a tenth of the baseline's error, at least 0.2 points.

    A judgement, not a law: what matters is for the user to say.
    """
    if metric in verdict.POINTS_METRICS:
        return max(0.002, round(0.1 * (1 - value), 3))
    return max(1e-4, float(f"{0.05 * abs(value):.1g}"))


def _judge_all(
    evidence: Evidence, candidates: Sequence[Candidate], spec: ComparisonSpec, sign: float
) -> tuple[Verdict, ...]:
    outputs = [evidence.scores[candidate.run_ids[0]] for candidate in candidates]
    table = difference_table(
        [spec.metric], evidence.label, outputs, group=evidence.group, level=spec.level
    )
    [found] = table.values()
    return tuple(
        _judge(evidence, candidate, candidates, difference, spec, sign)
        for candidate, difference in zip(candidates[1:], found.differences, strict=True)
    )


def _judge(  # noqa: PLR0917  # one call, right above
    evidence: Evidence,
    candidate: Candidate,
    candidates: Sequence[Candidate],
    difference: PairedDifference,
    spec: ComparisonSpec,
    sign: float,
) -> Verdict:
    baseline = candidates[0]
    word = verdict.judge(_gain(difference, sign), spec.margin)
    recipe = _over_seeds(evidence, candidate, baseline, spec, sign)
    recipe_word = Word.NOT_JUDGED
    if recipe is not None:
        recipe_word = verdict.judge(recipe, spec.margin)
    return Verdict(
        candidate=candidate.name,
        baseline=baseline.name,
        metric=difference.metric,
        difference=difference,
        word=word,
        sentence=sentence(
            candidate,
            baseline,
            difference,
            word,
            level=spec.level,
            num_candidates=len(candidates),
        ),
        recipe=recipe,
        recipe_word=recipe_word,
        recipe_sentence=recipe_sentence(
            candidate, baseline, recipe, recipe_word, metric=difference.metric, sign=sign
        ),
        next_step=next_step(
            difference, recipe, word, recipe_word, margin=spec.margin, level=spec.level
        ),
    )


def _over_seeds(
    evidence: Evidence,
    candidate: Candidate,
    baseline: Candidate,
    spec: ComparisonSpec,
    sign: float,
) -> SeedsAndExamples | None:
    """Compare the recipes: the gain with the uncertainty of seeds and examples together."""
    if min(len(candidate.run_ids), len(baseline.run_ids)) < 2:
        return None
    a, b = (
        sign
        * contributions(
            spec.metric, evidence.label, [evidence.scores[run_id] for run_id in side.run_ids]
        )
        for side in (candidate, baseline)
    )
    return seeds_and_examples(a, b, group=evidence.group, level=spec.level)


def _gain(difference: Interval, sign: float) -> Interval:
    """Return the difference turned so that above 0 is better."""
    low, high = sorted((sign * difference.low, sign * difference.high))
    if math.isnan(difference.low) or math.isnan(difference.high):
        low = high = math.nan
    return Interval(estimate=sign * difference.estimate, low=low, high=high)
