"""Is the difference between candidates real? From their predictions on the same examples.

Two questions are kept apart. Is this checkpoint better than that one? Only the examples make that
uncertain. Is this recipe better, would it win again with other seeds? Seeds and examples do.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from experiments.evaluating import verdict
from experiments.evaluating.evidence import (
    Candidate,
    Evidence,
    Guard,
    Problem,
    Readable,
    Severity,
    check_records,
    gather,
)
from experiments.evaluating.verdict import Word
from experiments.evaluating.wording import best_sentence, next_step, recipe_sentence, sentence
from experiments.statistics import (
    Interval,
    ManyDifferences,
    PairedDifference,
    SeedsAndExamples,
    best_without_optimism,
    contributions,
    could_be_best,
    difference_table,
    metric_goal,
    seeds_and_examples,
)

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
    unseen: int = 0
    """Other candidates that were looked at on these examples before: allowed for as well."""


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
class Best:
    """The best of several candidates, and what having picked it is worth."""

    name: str
    value: float
    corrected: float
    """its value without the optimism of having picked the best of many"""
    could_be_best: tuple[str, ...]
    """candidates that the examples cannot exclude as the best, the best among them"""
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Gathered:
    """The predictions of candidates on the same examples, and what speaks against comparing."""

    candidates: tuple[Candidate, ...]
    """the first is the baseline"""
    split: str
    evidence: Evidence | None
    problems: tuple[Problem, ...]

    @classmethod
    def of(
        cls, store: Readable, candidates: Sequence[Candidate], split: str, guard: Guard
    ) -> "Gathered":
        """Read the predictions of one candidate or several; `guard` may know problems already."""
        evidence = gather(store, candidates, split, guard)
        problems = tuple(guard.problems)
        return cls(candidates=tuple(candidates), split=split, evidence=evidence, problems=problems)

    @property
    def is_blocked(self) -> bool:
        """Whether the candidates cannot be compared."""
        return self.evidence is None or _any_blocks(self.problems)


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Everything that a comparison found."""

    spec: ComparisonSpec
    baseline: str
    num_examples: int
    problems: tuple[Problem, ...]
    verdicts: tuple[Verdict, ...]
    best: Best | None = None
    """None where there are no verdicts, or the metric is not defined for some candidate."""

    @property
    def is_blocked(self) -> bool:
        """Whether the candidates cannot be compared."""
        return _any_blocks(self.problems)

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
    metric_goal(spec.metric)
    _check_margin(spec)
    return judge(gather_all(store, candidates, spec.split), spec)


def gather_all(store: Readable, candidates: Sequence[Candidate], split: str) -> Gathered:
    """Read what a comparison needs, once for every metric and margin.

    Raises
    ------
    ValueError
        If the number of candidates is out of range.
    store.RunNotFoundError
        If a candidate's run does not exist.
    """
    if not 2 <= len(candidates) <= MAX_CANDIDATES:
        raise ValueError(f"Expected 2 to {MAX_CANDIDATES} candidates; got {len(candidates)}.")
    guard = Guard()
    check_records(store, candidates, guard)
    return Gathered.of(store, candidates, split, guard)


def judge(gathered: Gathered, spec: ComparisonSpec) -> Comparison:
    """Judge candidates whose predictions were gathered; see `compare`."""
    _check_margin(spec)
    goal = metric_goal(spec.metric)
    evidence, candidates = gathered.evidence, gathered.candidates
    problems = list(gathered.problems)
    verdicts: tuple[Verdict, ...] = ()
    best = None
    if evidence is not None and not gathered.is_blocked:
        sign = 1.0 if goal == "max" else -1.0
        try:
            evidence.first.check_metric(spec.metric)
            found = _differences(evidence, candidates, spec)
        except ValueError as error:
            text = f"{verdict.name_of(spec.metric)} cannot be computed: {error}"
            problems.append(Problem(severity=Severity.BLOCKS, text=text))
        else:
            verdicts = tuple(
                _judge(evidence, candidate, candidates, difference, spec, sign)
                for candidate, difference in zip(candidates[1:], found.differences, strict=True)
            )
            best = _best(candidates, found, spec)
    return Comparison(
        spec=spec,
        baseline=candidates[0].name,
        num_examples=len(evidence.label) if evidence is not None else 0,
        problems=tuple(problems),
        verdicts=verdicts,
        best=best,
    )


def suggested_margin(metric: str, value: float) -> float:
    """Return a margin to start from: a tenth of the baseline's error, at least 0.2 points.

    Below one half a tenth of the value itself, which is the smaller of the two. A judgement, not a
    law: what matters is for the user to say.
    """
    if metric in verdict.POINTS_METRICS:
        return max(0.002, round(0.1 * min(value, 1 - value), 3))
    return max(1e-4, float(f"{0.05 * abs(value):.1g}"))


def _check_margin(spec: ComparisonSpec) -> None:
    if not spec.margin > 0:
        raise ValueError(f"Expected a margin above 0; got {spec.margin}.")


def _any_blocks(problems: Sequence[Problem]) -> bool:
    return any(problem.severity is Severity.BLOCKS for problem in problems)


def checkpoint(evidence: Evidence, candidate: Candidate) -> np.ndarray:
    """Return what the candidate's checkpoint, its first run, gave."""
    return evidence.runs[candidate.run_ids[0]].output


def _differences(
    evidence: Evidence, candidates: Sequence[Candidate], spec: ComparisonSpec
) -> ManyDifferences:
    [found] = difference_table(
        [spec.metric],
        evidence.label,
        [checkpoint(evidence, candidate) for candidate in candidates],
        group=evidence.group,
        level=spec.level,
        unseen=spec.unseen,
    ).values()
    return found


def _best(
    candidates: Sequence[Candidate], found: ManyDifferences, spec: ComparisonSpec
) -> Best | None:
    if not (np.isfinite(found.values).all() and np.isfinite(found.covariance).all()):
        return None
    goal = metric_goal(spec.metric)
    place = int(found.values.argmax() if goal == "max" else found.values.argmin())
    member = could_be_best(found.values, found.covariance, goal=goal, level=spec.level).member
    names = tuple(c.name for c, may in zip(candidates, member, strict=True) if may)
    value = float(found.values[place])
    corrected = best_without_optimism(found.values, found.covariance, goal=goal)
    told = best_sentence(
        candidates[place].name,
        names,
        metric=spec.metric,
        value=value,
        corrected=corrected,
        num_candidates=len(candidates),
    )
    return Best(
        name=candidates[place].name,
        value=value,
        corrected=corrected,
        could_be_best=names,
        sentence=told,
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
    recipe, why_not = _over_seeds(evidence, candidate, baseline, spec, sign)
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
            num_candidates=len(candidates) + spec.unseen,
        ),
        recipe=recipe,
        recipe_word=recipe_word,
        recipe_sentence=recipe_sentence(
            candidate,
            baseline,
            recipe,
            recipe_word,
            metric=difference.metric,
            sign=sign,
            why_not=why_not,
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
) -> tuple[SeedsAndExamples | None, str]:
    """Compare the recipes: the gain with the uncertainty of seeds and examples; or why not."""
    if min(len(candidate.run_ids), len(baseline.run_ids)) < 2:
        return None, ""
    if set(candidate.run_ids) & set(baseline.run_ids):
        return None, f"{candidate.name} and {baseline.name} are seeds of one recipe"
    sides = []
    for side in (candidate, baseline):
        outputs = [evidence.runs[run_id].output for run_id in side.run_ids]
        parts = sign * contributions(spec.metric, evidence.label, outputs)
        if undefined := int(np.isnan(parts).any(axis=1).sum()):
            name = verdict.name_of(spec.metric)
            return None, f"{name} is not defined for {undefined} of {side.name}'s seeds"
        sides.append(parts)
    return seeds_and_examples(sides[0], sides[1], group=evidence.group, level=spec.level), ""


def _gain(difference: Interval, sign: float) -> Interval:
    """Return the difference turned so that above 0 is better."""
    low, high = sorted((sign * difference.low, sign * difference.high))
    if math.isnan(difference.low) or math.isnan(difference.high):
        low = high = math.nan
    return Interval(estimate=sign * difference.estimate, low=low, high=high)
