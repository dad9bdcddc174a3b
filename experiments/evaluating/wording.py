"""Sentences for a verdict: generated from the figures, for every word."""

import math
from collections.abc import Sequence

from experiments.evaluating.evidence import Candidate
from experiments.evaluating.verdict import POINTS_METRICS, Word, amount, name_of, span
from experiments.statistics import (
    Interval,
    PairedDifference,
    SeedsAndExamples,
    examples_needed,
    seeds_needed,
    smallest_detectable,
)


def sentence(
    candidate: Candidate,
    baseline: Candidate,
    difference: PairedDifference,
    word: Word,
    *,
    level: float,
    num_candidates: int,
) -> str:
    """Say what the examples show of a candidate's checkpoint against the baseline's."""
    metric = name_of(difference.metric)
    gap = amount(difference.estimate, difference.metric)
    if word is Word.NOT_JUDGED:
        known = f": {gap}, but" if math.isfinite(difference.estimate) else " is"
        return (
            f"{candidate.name} against {baseline.name} on {metric}{known} not judged: "
            f"{difference.note or 'there is no interval'}."
        )
    claim = _CLAIMS[word].format(candidate=candidate.name, baseline=baseline.name, metric=metric)
    allowing = f", allowing for {num_candidates - 1} candidates" if num_candidates > 2 else ""
    note = difference.note
    rough = f" {note[0].upper()}{note[1:]}." if note else ""
    return (
        f"{claim}: {gap} ({level:.0%} interval "
        f"{span(difference, difference.metric)}, {difference.n:,} examples{allowing})."
        f"{rough}"
    )


_CLAIMS = {
    Word.CLEARLY_BETTER: "{candidate} is clearly better than {baseline} on {metric}",
    Word.BETTER_BUT_LITTLE: "{candidate} is better than {baseline} on {metric}, but by less than matters",
    Word.BETTER: "{candidate} is better than {baseline} on {metric}",
    Word.CLEARLY_WORSE: "{candidate} is clearly worse than {baseline} on {metric}",
    Word.PRACTICALLY_EQUAL: "{candidate} and {baseline} are practically equal on {metric}",
    Word.WORSE: "{candidate} is worse than {baseline} on {metric}",
    Word.NOT_WORSE: "{candidate} is not worse than {baseline} on {metric}, and a gain is not shown",
    Word.CANNOT_TELL: "{candidate} and {baseline} cannot be told apart on {metric} yet",
}


def recipe_sentence(
    candidate: Candidate,
    baseline: Candidate,
    recipe: SeedsAndExamples | None,
    word: Word,
    *,
    metric: str,
    sign: float,
    why_not: str = "",
) -> str:
    """Say whether the recipe would win again with other seeds."""
    if why_not:
        return f"Over seeds: not judged, {why_not}."
    if recipe is None:
        alone = [side.name for side in (candidate, baseline) if len(side.run_ids) < 2]
        return (
            f"Whether the recipe would win again is not assessed: {' and '.join(alone)} "
            f"{'has' if len(alone) == 1 else 'have'} one seed. Train 3 to 5."
        )
    if word is Word.NOT_JUDGED:
        return f"Over seeds: not judged, {recipe.note or 'there is no interval'}."
    told = Interval(
        estimate=sign * recipe.estimate,
        low=min(sign * recipe.low, sign * recipe.high),
        high=max(sign * recipe.low, sign * recipe.high),
    )
    return (
        f"As recipes, over {recipe.seeds_a} and {recipe.seeds_b} seeds: {word}, "
        f"{amount(told.estimate, metric)} ({span(told, metric)})."
    )


def best_sentence(
    name: str,
    names: Sequence[str],
    *,
    metric: str,
    value: float,
    corrected: float,
    num_candidates: int,
) -> str:
    """Say which candidate leads, who else may be the best, and how much the choice flatters it."""
    others = [other for other in names if other != name]
    rivals = (
        f"{name} has the best {name_of(metric)}"
        if not others
        else f"{name} has the best {name_of(metric)}, but {_listed(others)} could be the best too"
    )
    flattery = abs(value - corrected)
    if metric in POINTS_METRICS:
        is_small, told = flattery < 0.0005, f"{flattery * 100:.1f} points"
        figure = f"{corrected:.3f} instead of {value:.3f}"
    else:
        is_small, told = flattery < 0.01 * abs(value), f"{flattery:.4f}"
        figure = f"{corrected:.4f} instead of {value:.4f}"
    if is_small:
        return f"{rivals}."
    return (
        f"{rivals}. Picking the best of {num_candidates} flatters it by about {told}: "
        f"expect {figure} on new examples."
    )


def _listed(names: Sequence[str]) -> str:
    if len(names) > 3:
        return f"{len(names)} others"
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def next_step(
    difference: PairedDifference,
    recipe: SeedsAndExamples | None,
    word: Word,
    recipe_word: Word,
    *,
    margin: float,
    level: float,
) -> str:
    """Say what would settle an open question: examples for checkpoints, seeds for recipes."""
    parts: list[str] = []
    if not word.is_settled and difference.se > 0:
        needed = examples_needed(margin, difference.se * math.sqrt(difference.n), level=level)
        seen = amount(smallest_detectable(difference.se, level=level), difference.metric)
        parts.append(
            f"With {difference.n:,} examples a difference below {seen.lstrip('+')} cannot be seen; "
            f"about {_round_up(max(needed, difference.n + 1)):,} would show one of the margin."
        )
    elif not word.is_settled and difference.method != "identical":
        parts.append(
            f"{_counted(difference.n, 'example')} on which the two hardly differ cannot settle it, "
            "nor say how many would: evaluate both on more."
        )
    if recipe is not None and not recipe_word.is_settled:
        seeds = seeds_needed(
            margin,
            math.hypot(recipe.seed_spread_a, recipe.seed_spread_b),
            fixed_variance=max(
                0.0, recipe.variance_examples - recipe.interaction_a - recipe.interaction_b
            ),
            noise_variance=recipe.interaction_a * recipe.seeds_a
            + recipe.interaction_b * recipe.seeds_b,
            level=level,
        )
        parts.append(
            "More seeds would not settle the recipes; more examples might."
            if seeds is None
            else f"About {seeds} seeds of each would settle the recipes."
        )
    return " ".join(parts)


def _counted(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def _round_up(count: int) -> int:
    """Return a number with two significant digits: a plan, not a measurement."""
    unit = 10 ** max(0, len(str(count)) - 2)
    return -(-count // unit) * unit
