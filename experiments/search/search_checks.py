"""What does not go together in a study: methods and objectives, values and ranges."""

import math
import re
from collections.abc import Mapping
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from experiments.search.search_spec import StudySpec

_PASSWORD = re.compile(r"^[\w+.-]+://[^/@]*:[^/@]+@")


def at_odds(study: "StudySpec") -> list[str]:
    """Return everything in a study that does not go together, one sentence each."""
    problems = [*_sampler_problems(study), *_grid_problems(study)]
    if study.is_multi and study.pruner.kind != "none":
        problems.append(
            f"Expected no pruner with several objectives; got {study.pruner.kind}. No trial is "
            "worse before all of its values are known."
        )
    if study.pruner.kind == "wilcoxon":
        problems += _too_few_seeds(study.seeds, study.pruner.p_threshold)
    if study.storage and _PASSWORD.match(study.storage):
        problems.append(
            "Expected a storage URL without a password, since a study is shown to everybody; got "
            "one. Leave it to the driver's own place, such as ~/.pgpass or PGPASSWORD."
        )
    for start in study.starts:
        problems += check_values(study, start)
    return problems


def check_values(study: "StudySpec", values: Mapping[str, Any]) -> list[str]:
    """Return what is wrong with a trial that somebody asks for by hand."""
    names = [one.name for one in study.space]
    problems = []
    for name, value in values.items():
        one = study.dimension(str(name))
        if one is None:
            near = get_close_matches(str(name), names, n=1)
            hint = f" Did you mean {near[0]!r}?" if near else f" It has {', '.join(names)}."
            problems.append(f"Expected a parameter of the space; got {name!r}.{hint}")
        elif not one.contains(value):
            room = list(one.choices) if one.kind == "choice" else f"[{one.low:g}, {one.high:g}]"
            problems.append(f"Expected {name} in {room}; got {value!r}.")
    return problems


def _sampler_problems(study: "StudySpec") -> list[str]:
    if study.sampler.kind != "cmaes":
        return []
    problems = []
    if study.is_multi:
        problems.append(
            f"Expected one objective with CMA-ES; got {len(study.objectives)}. "
            "Use tpe, gp, nsga2 or nsga3 for several."
        )
    if all(one.kind == "choice" for one in study.space):
        problems.append("Expected a range to search with CMA-ES; got choices only. Use tpe.")
    return problems


def _grid_problems(study: "StudySpec") -> list[str]:
    if study.sampler.kind != "grid":
        return []
    problems = []
    for one in study.space:
        if one.grid() is None:
            problems.append(
                f"Expected a grid of {one.name} to be finite; got a range. Give it a step or "
                "choices."
            )
        if one.when:
            problems.append(
                f"Expected no conditions in a grid; got one on {one.name}. Use tpe or random."
            )
    return problems


def _too_few_seeds(seeds: int, p_threshold: float) -> list[str]:
    # A signed-rank test of n pairs never gives less than 2^-n.
    least = math.ceil(math.log2(1 / p_threshold)) + 1
    if seeds >= least:
        return []
    problem = (
        f"Expected at least {least} seeds per trial with the Wilcoxon pruner at p < "
        f"{p_threshold:g}; got {seeds}. With fewer it can never stop a trial early."
    )
    return [problem]
