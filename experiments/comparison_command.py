"""What `bakeoff compare` does: verdicts on finished runs in words or JSON, warnings before all."""

import getpass
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import store
from experiments.comparison import (
    MAX_CANDIDATES,
    Candidate,
    Comparison,
    ComparisonSpec,
    Gathered,
    gather_all,
    judge,
    suggested_margin,
)
from experiments.errors import UsageError
from experiments.evaluating import verdict
from experiments.evaluating.flips import flips
from experiments.evaluating.looks import Wear, look
from experiments.evaluating.overview import baseline_value, metrics_for
from experiments.release import champions_of, find
from experiments.releasing.choose import candidates_of
from experiments.releasing.release_commands import known_place
from experiments.releasing.release_evidence import rounded
from experiments.statistics import metric_goal
from experiments.terminal import say, say_json
from store.layout import Home
from store.reading import Store

_USUAL = ("val", "valid", "validation")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What is compared, as it was typed; None is left to Bakeoff."""

    runs: Sequence[str]
    baseline: str | None = None
    metric: str | None = None
    margin: float | None = None
    """in the metric's unit"""
    split: str | None = None


def compare_command(home: str | None, asked: Asked, *, as_json: bool) -> bool:
    """Print how runs stand against a baseline; return whether they could be compared.

    Raises
    ------
    UsageError
        If too few or too many runs, an unknown metric or a margin of nothing is asked for.
    store.RunNotFoundError
        If a run does not exist.
    """
    place = known_place(home)
    with store.open(home=place.path) as opened:
        candidates = _candidates(opened, place, asked)
        split = asked.split or _split(opened, candidates)
        ids = [run_id for one in candidates for run_id in one.run_ids]
        record = opened.run(ids[0])
        gathered = gather_all(opened, candidates, split)
        metric = _metric(asked, gathered)
        wear = look(place, record, split, ids, what=metric, where="bakeoff compare",
                    who=getpass.getuser())  # fmt: skip
    margin = asked.margin or _suggested(gathered, metric)
    spec = ComparisonSpec(metric=metric, margin=margin, split=split, unseen=wear.unseen(ids))
    found = judge(gathered, spec)
    fixes = _flips(gathered)
    if as_json:
        say_json(_facts(found, candidates, wear, fixes))
    else:
        _say(found, wear, fixes, is_suggested=asked.margin is None)
    return bool(found.verdicts)


def _candidates(opened: Store, place: Home, asked: Asked) -> tuple[Candidate, ...]:
    """Return the baseline, then the others as they were named."""
    if asked.margin is not None and not (asked.margin > 0 and math.isfinite(asked.margin)):
        raise UsageError(f"Expected a margin above 0; got {asked.margin:g}.")
    found = list(candidates_of(opened, asked.runs))
    base = _baseline(opened, place, found, asked.baseline)
    sides = [base, *(one for one in found if one.run_ids[0] != base.run_ids[0])]
    firsts = [one.run_ids[0] for one in found]
    if len(set(firsts)) < len(firsts):
        raise UsageError("Expected different runs; got one of them twice.")
    if not 2 <= len(sides) <= MAX_CANDIDATES:
        raise UsageError(
            f"Expected 2 to {MAX_CANDIDATES} runs, the baseline among them; got {len(sides)}."
        )
    return tuple(sides)


def _baseline(
    opened: Store, place: Home, found: Sequence[Candidate], text: str | None
) -> Candidate:
    """Return what is asked for: a run, a group or a release; else a champion, else the first."""
    if text is None:
        known = champions_of(place)
        return next((one for one in found if one.run_ids[0] in known), found[0])
    if "@" in text:
        release = find(place, text)
        return next(
            (one for one in found if one.run_ids[0] == release.runs[0]),
            Candidate(name=release.ref, run_ids=release.runs),
        )
    [base] = candidates_of(opened, [text])
    return next((one for one in found if one.run_ids[0] == base.run_ids[0]), base)


def _split(opened: Store, candidates: Sequence[Candidate]) -> str:
    """Return the split that all have predictions of: validation, since looks at test are counted."""
    firsts = [set(opened.splits(one.run_ids[0])) for one in candidates]
    shared = sorted(set.intersection(*firsts))
    usual = next((name for name in _USUAL if name in shared), None)
    return usual or (shared[0] if shared else _USUAL[0])


def _metric(asked: Asked, gathered: Gathered) -> str:
    if asked.metric is None:
        return "accuracy" if gathered.evidence is None else metrics_for(gathered.evidence.first)[0]
    try:
        metric_goal(asked.metric)
    except ValueError as error:
        raise UsageError(str(error)) from error
    return asked.metric


def _suggested(gathered: Gathered, metric: str) -> float:
    value = baseline_value(gathered, metric) if gathered.evidence is not None else math.nan
    return suggested_margin(metric, 0.9 if math.isnan(value) else value)


def _flips(gathered: Gathered) -> dict[str, dict[str, int]]:
    """Return how many answers of the baseline each candidate mends and breaks, of classes."""
    evidence = gathered.evidence
    if evidence is None or gathered.is_blocked or evidence.first.task != "classification":
        return {}
    base, *others = gathered.candidates
    told = {}
    for one in others:
        moved = flips(evidence.runs[one.run_ids[0]], evidence.runs[base.run_ids[0]])
        told[one.name] = {"fixed": moved.fixed, "broken": moved.broken}
    return told


def _say(
    found: Comparison, wear: Wear, fixes: dict[str, dict[str, int]], *, is_suggested: bool
) -> None:
    spec = found.spec
    for problem in found.problems:  # before anything that could be read as a ranking
        say(f"({problem.severity}) {problem.text}")
    if not found.verdicts:
        say("Not compared.")
        return
    own = " (suggested; say your own with --margin before you look)" if is_suggested else ""
    say(
        f"Against {found.baseline}, by {verdict.name_of(spec.metric)} on {spec.split}, "
        f"{found.num_examples:,} examples; {spec.margin:g} is what matters{own}."
    )
    if wear.count:
        say(wear.sentence(spec.split))
    for one in found.verdicts:
        say(f"\n{one.candidate}: {one.word}")
        say(f"  {one.sentence}")
        if moved := fixes.get(one.candidate):
            say(f"  It mends {moved['fixed']:,} answers of {one.baseline} and breaks "
                f"{moved['broken']:,}.")  # fmt: skip
        say(f"  {one.recipe_sentence}")
        if one.next_step:
            say(f"  {one.next_step}")
    if found.best is not None:
        say(f"\n{found.best.sentence}")


def _facts(
    found: Comparison,
    candidates: Sequence[Candidate],
    wear: Wear,
    fixes: dict[str, dict[str, int]],
) -> dict[str, Any]:
    spec, best = found.spec, found.best
    rows = found.frame().to_dict("records")
    told: list[dict[str, Any]] = [
        {**row, "sentence": one.sentence, "recipe_sentence": one.recipe_sentence,
         "flips": fixes.get(one.candidate)}
        for row, one in zip(rows, found.verdicts, strict=True)
    ]  # fmt: skip
    return rounded({
        "problems": [{"severity": str(p.severity), "text": p.text} for p in found.problems],
        "baseline": found.baseline,
        "metric": spec.metric,
        "goal": metric_goal(spec.metric),
        "margin": spec.margin,
        "split": spec.split,
        "level": spec.level,
        "examples": found.num_examples,
        "looks": wear.count,
        "runs": {one.name: list(one.run_ids) for one in candidates},
        "verdicts": told,
        "best": None if best is None else {
            "name": best.name, "value": best.value, "corrected": best.corrected,
            "could_be_best": list(best.could_be_best), "sentence": best.sentence,
        },
    })  # fmt: skip
