"""Optuna's samplers and pruners as a study names them, and how trials to come are narrowed.

Heavy: imports Optuna. Only the process that searches needs it.
"""

import warnings
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import optuna
from optuna import pruners, samplers

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution
    from optuna.trial import FrozenTrial, TrialState

    from experiments.search.search_spec import PrunerConfig, StudySpec

optuna.logging.set_verbosity(optuna.logging.ERROR)


class NarrowedSampler(samplers.BaseSampler):
    """Draws some parameters from a few allowed values only, and leaves the rest to another sampler.

    The range of the study stays as it was, so old trials still teach the other sampler.

    Parameters
    ----------
    inner
        Draws what is free.
    allowed
        Parameter to the values, as Optuna stores them, of trials to come.
    seed
        Fixes the choice among several allowed values.
    """

    def __init__(
        self, inner: samplers.BaseSampler, allowed: Mapping[str, Sequence[Any]], *, seed: int
    ) -> None:
        self._inner = inner
        self._allowed = dict(allowed)
        self._seed = seed

    def infer_relative_search_space(
        self, study: optuna.Study, trial: "FrozenTrial"
    ) -> dict[str, "BaseDistribution"]:
        """Return the inner sampler's parameters without those that are narrowed."""
        space = self._inner.infer_relative_search_space(study, trial)
        return {name: found for name, found in space.items() if name not in self._allowed}

    def sample_relative(
        self, study: optuna.Study, trial: "FrozenTrial", search_space: dict[str, Any]
    ) -> dict[str, Any]:
        """Return what the inner sampler draws."""
        return self._inner.sample_relative(study, trial, search_space)

    def sample_independent(
        self,
        study: optuna.Study,
        trial: "FrozenTrial",
        param_name: str,
        param_distribution: "BaseDistribution",
    ) -> Any:
        """Return one of the allowed values, or what the inner sampler draws."""
        values = self._allowed.get(param_name)
        if values is None:
            return self._inner.sample_independent(study, trial, param_name, param_distribution)
        return values[(self._seed + trial.number) % len(values)]

    def before_trial(self, study: optuna.Study, trial: "FrozenTrial") -> None:
        """Let the inner sampler prepare."""
        self._inner.before_trial(study, trial)

    def after_trial(
        self,
        study: optuna.Study,
        trial: "FrozenTrial",
        state: "TrialState",
        values: Sequence[float] | None,
    ) -> None:
        """Let the inner sampler learn."""
        self._inner.after_trial(study, trial, state, values)

    def reseed_rng(self) -> None:
        """Draw anew."""
        self._inner.reseed_rng()


class _FiniteGrid(samplers.GridSampler):
    """A grid that is told each trial from outside: nothing is there that it could stop."""

    def after_trial(
        self,
        study: optuna.Study,
        trial: "FrozenTrial",
        state: "TrialState",
        values: Sequence[float] | None,
    ) -> None:
        """Do nothing: the search itself ends when the grid has been tried."""


def make_sampler(spec: "StudySpec", num_trials: int) -> samplers.BaseSampler:
    """Return the sampler of a study.

    Parameters
    ----------
    num_trials
        Trials made so far: a search that starts again does not draw the same values again.
    """
    seed = (spec.seed + 7919 * num_trials) % 2**32
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        inner = _sampler(spec, seed)
    narrowed = {d.name: [d.label(v) for v in d.only] for d in spec.space if d.only}
    return NarrowedSampler(inner, narrowed, seed=seed) if narrowed else inner


def make_pruner(spec: "StudySpec") -> pruners.BasePruner:
    """Return the pruner of a study."""
    config = spec.pruner
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        return _PRUNERS[config.kind](config, spec)


def grid_size(spec: "StudySpec") -> int | None:
    """Return how many trials a grid has, or None for any other sampler."""
    if spec.sampler.kind != "grid":
        return None
    size = 1
    for one in spec.space:
        size *= len(one.grid() or ())
    return size


def _sampler(spec: "StudySpec", seed: int) -> samplers.BaseSampler:
    config = spec.sampler
    kinds: dict[str, Any] = {
        "tpe": lambda: samplers.TPESampler(
            seed=seed,
            n_startup_trials=config.startup_trials,
            multivariate=True,
            group=any(one.when for one in spec.space),
        ),
        "gp": lambda: samplers.GPSampler(
            seed=seed, n_startup_trials=config.startup_trials, warn_independent_sampling=False
        ),
        "cmaes": lambda: samplers.CmaEsSampler(
            seed=seed, popsize=config.population, warn_independent_sampling=False
        ),
        "nsga2": lambda: samplers.NSGAIISampler(seed=seed, population_size=config.population),
        "nsga3": lambda: samplers.NSGAIIISampler(seed=seed, population_size=config.population),
        # A sequence goes on by the trial's number, so its seed must stay.
        "qmc": lambda: samplers.QMCSampler(
            seed=spec.seed, scramble=True, warn_independent_sampling=False
        ),
        "random": lambda: samplers.RandomSampler(seed=seed),
        "grid": lambda: _FiniteGrid(
            {d.name: [d.label(v) for v in d.grid() or ()] for d in spec.space}, seed=spec.seed
        ),
    }
    return kinds[config.kind]()


def _halving(config: "PrunerConfig", _: "StudySpec") -> pruners.BasePruner:
    return pruners.SuccessiveHalvingPruner(
        min_resource=config.min_resource, reduction_factor=config.reduction
    )


def _hyperband(config: "PrunerConfig", spec: "StudySpec") -> pruners.BasePruner:
    most = spec.seeds if spec.seeds > 1 else int(spec.base["training"]["epochs"])
    return pruners.HyperbandPruner(
        min_resource=config.min_resource,
        max_resource=max(most, config.min_resource),
        reduction_factor=config.reduction,
    )


_PRUNERS: dict[str, Any] = {
    "none": lambda *_: pruners.NopPruner(),
    "median": lambda c, _: pruners.MedianPruner(
        n_startup_trials=c.startup_trials, n_warmup_steps=c.warmup_steps
    ),
    "percentile": lambda c, _: pruners.PercentilePruner(
        c.percentile, n_startup_trials=c.startup_trials, n_warmup_steps=c.warmup_steps
    ),
    "halving": _halving,
    "hyperband": _hyperband,
    "patient": lambda c, _: pruners.PatientPruner(None, patience=c.patience, min_delta=c.min_delta),
    "wilcoxon": lambda c, _: pruners.WilcoxonPruner(p_threshold=c.p_threshold, n_startup_steps=2),
}
