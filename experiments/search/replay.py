"""A study as Optuna knows it, made again from the store's rows: for its charts and importances.

The rows may be a sample of the study: trial `i` of the replayed study is row `i`, and its own
number is in its attribute ``number``. Heavy: imports Optuna.
"""

import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import optuna
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.trial import FrozenTrial, TrialState

from experiments.search.dimensions import Dimension

if TYPE_CHECKING:
    from experiments.search.search_spec import StudySpec

optuna.logging.set_verbosity(optuna.logging.ERROR)

Rows = Sequence[Mapping[str, Any]]
Method = Literal["fanova", "ped_anova"]
_TREES, _DEPTH = 32, 8
"""A smaller forest than Optuna's (64, 64): on 600 trials 1.7 s instead of 22, shares within 0.03."""
_STATES = {
    "complete": TrialState.COMPLETE,
    "pruned": TrialState.PRUNED,
    "failed": TrialState.FAIL,
    "stopped": TrialState.FAIL,
    "running": TrialState.RUNNING,
    "paused": TrialState.RUNNING,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Importance:
    """How much a parameter decides."""

    name: str
    share: float
    """Of all; the shares sum to 1."""


def replayed(spec: "StudySpec", rows: Rows) -> optuna.Study:
    """Return a study in memory with a trial for each row.

    Parameters
    ----------
    spec
        The study.
    rows
        As the store's ``study_trials`` gives them, with ``params``, ``excess`` and ``course`` read.
    """
    ways = optuna.study.StudyDirection
    directions = [ways.MAXIMIZE if o.goal == "max" else ways.MINIMIZE for o in spec.objectives]
    study = optuna.create_study(directions=directions)
    known = _distributions(spec.space, rows)
    storage, study_id = study._storage, study._study_id  # noqa: SLF001  # add_trial copies deeply
    for place, row in enumerate(rows):
        storage.create_new_trial(study_id, template_trial=_trial(place, row, spec, known))
    return study


def importances(
    study: optuna.Study, method: Method, *, objective: int = 0, seed: int = 0
) -> tuple[Importance, ...]:
    """Return how much each parameter decides the objective, the most important first.

    Nothing where there are too few trials, or they do not differ.
    """
    evaluator = (
        optuna.importance.FanovaImportanceEvaluator(n_trees=_TREES, max_depth=_DEPTH, seed=seed)
        if method == "fanova"
        else optuna.importance.PedAnovaImportanceEvaluator()
    )
    target = None
    if len(study.directions) > 1:  # PED-ANOVA takes less for better where it is given a target
        is_max = study.directions[objective] is optuna.study.StudyDirection.MAXIMIZE
        sign = -1 if is_max else 1
        target = lambda trial: sign * trial.values[objective]  # noqa: E731
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it says so whatever the sign
            shares = optuna.importance.get_param_importances(
                study, evaluator=evaluator, target=target
            )
    except (ValueError, RuntimeError):  # Optuna's words for "too little to say"
        return ()
    return tuple(Importance(name=name, share=share) for name, share in shares.items())


def sampled(rows: Rows, most: int, sign: int, *, seed: int = 0) -> list[Mapping[str, Any]]:
    """Return at most so many rows, in their order: the best half, the rest by chance.

    Parameters
    ----------
    sign
        1 where more is better, -1 where less is; 0 gives every row the same chance.
    """
    if len(rows) <= most:
        return list(rows)
    if sign == 0:
        fair = np.random.default_rng(seed).choice(len(rows), most, replace=False)
        return [rows[int(place)] for place in np.sort(fair)]
    value = np.array([_value(row) * sign for row in rows])
    best = np.argsort(-np.nan_to_num(value, nan=-np.inf), kind="stable")[: most // 2]
    rest = np.setdiff1d(np.arange(len(rows)), best)
    chance = np.random.default_rng(seed).choice(rest, most - len(best), replace=False)
    return [rows[int(place)] for place in np.sort(np.concatenate([best, chance]))]


def _trial(
    place: int, row: Mapping[str, Any], spec: "StudySpec", known: Mapping[str, BaseDistribution]
) -> FrozenTrial:
    dimensions = {one.name: one for one in spec.space}
    params = {k: dimensions[k].label(v) for k, v in row["params"].items() if k in dimensions}
    state = _STATES.get(row["state"], TrialState.FAIL)
    values = [float(v) for v in row["values"] or ()]
    if state is not TrialState.COMPLETE:
        values = (
            values if state is TrialState.PRUNED and len(values) == len(spec.objectives) else []
        )
    return FrozenTrial(
        number=place,
        trial_id=place,
        state=state,
        value=None,
        values=values or None,
        datetime_start=_moment(row["started"]),
        datetime_complete=_moment(row["ended"]),
        params=params,
        distributions={name: known[name] for name in params},
        user_attrs={"number": row["number"]},
        system_attrs={f"constraints:{k}": v for k, v in (row["excess"] or {}).items()},
        intermediate_values={int(step): value for step, value in row["course"] or ()},
    )


def _distributions(space: Sequence[Dimension], rows: Rows) -> dict[str, BaseDistribution]:
    """Return each parameter's range, wide enough for trials from before it was narrowed."""
    found: dict[str, BaseDistribution] = {}
    for one in space:
        tried = [row["params"][one.name] for row in rows if one.name in row["params"]]
        if one.kind == "choice":
            labels = [one.label(value) for value in (*one.choices, *tried)]
            found[one.name] = CategoricalDistribution(list(dict.fromkeys(labels)))
            continue
        low, high = min([one.ends[0], *tried]), max([one.ends[1], *tried])
        if one.kind == "int":
            found[one.name] = IntDistribution(int(low), int(high), log=one.log)
        else:
            found[one.name] = FloatDistribution(low, high, log=one.log)
    return found


def _value(row: Mapping[str, Any]) -> float:
    values = row["values"]
    return float(values[0]) if values and row["state"] == "complete" else math.nan


def _moment(seconds: float | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds)  # noqa: DTZ006  # as Optuna
