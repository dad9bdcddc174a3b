"""A dimension of a search: one setting that varies, and what its values become in a run."""

import copy
import json
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from trainers.fields import Config, number, option
from trainers.spec import SpecError, load_spec

if TYPE_CHECKING:
    from optuna import Trial
    from optuna.distributions import BaseDistribution

KINDS = ("data.kind", "model.kind")


class Dimension(Config):
    """One setting that a search varies."""

    name: str = option(text="Name of the parameter in the study; the setting's, as a rule.")
    field: str = option(text="Setting of the run, such as training.lr.")
    kind: Literal["float", "int", "choice"] = option(text="A number, a whole number or a list.")
    low: float | None = number(None, ge=-1e18, le=1e18, text="Lowest value.")
    high: float | None = number(None, ge=-1e18, le=1e18, text="Highest value.")
    log: bool = option(False, text="Sample on a logarithmic scale.")
    step: float | None = number(None, ge=1e-12, le=1e18, text="Distance of two values.")
    choices: tuple[Any, ...] = option((), text="Values to try.")
    only: tuple[Any, ...] = option((), text="The values allowed for trials to come; one freezes.")
    when: tuple[tuple[str, tuple[Any, ...]], ...] = option(
        (), text="Other parameters and the values of theirs under which this one exists."
    )

    @property
    def frozen(self) -> Any:
        """The one value that trials to come will have, or None while the dimension is free."""
        return self.only[0] if len(self.only) == 1 else None

    @property
    def ends(self) -> tuple[float, float]:
        """Lowest and highest value of a range."""
        if self.low is None or self.high is None:
            raise TypeError(f"{self.name} has choices, not a range")
        return self.low, self.high

    def applies(self, values: Mapping[str, Any]) -> bool:
        """Tell whether the dimension exists, given the values of those it depends on."""
        return all(name in values and values[name] in allowed for name, allowed in self.when)

    def label(self, value: Any) -> Any:
        """Return a value as Optuna stores it: a list becomes its JSON text."""
        return json.dumps(value) if isinstance(value, list | tuple) else value

    def value(self, label: Any) -> Any:
        """Return the value that goes into a spec for what Optuna stores."""
        if self.kind != "choice":
            return label
        return next((v for v in self.choices if self.label(v) == label), label)

    def distribution(self) -> "BaseDistribution":
        """Return the dimension as Optuna knows it."""
        from optuna import distributions as d

        if self.kind == "choice":
            return d.CategoricalDistribution([self.label(value) for value in self.choices])
        low, high = self.ends
        if self.kind == "int":
            return d.IntDistribution(int(low), int(high), log=self.log, step=int(self.step or 1))
        return d.FloatDistribution(low, high, log=self.log, step=self.step)

    def contains(self, value: Any) -> bool:
        """Tell whether a value may be tried."""
        if self.kind == "choice":
            return any(value == choice for choice in map(as_list, self.choices)) or (
                value in self.choices
            )
        if isinstance(value, bool) or not isinstance(value, int | float):
            return False
        low, high = self.ends
        is_whole = self.kind == "float" or float(value).is_integer()
        return is_whole and low <= value <= high

    def grid(self) -> tuple[Any, ...] | None:
        """Return every value that can be tried, or None if there are too many to list."""
        if self.kind == "choice":
            return self.choices
        if self.low is None or self.high is None:
            return None
        step = self.step or (1.0 if self.kind == "int" and not self.log else None)
        if step is None or (self.high - self.low) / step > 1000:
            return None
        values = [self.low + i * step for i in range(int((self.high - self.low) / step + 1e-9) + 1)]
        return tuple(round(v) for v in values) if self.kind == "int" else tuple(values)


def apply(
    base: Mapping[str, Any], space: Sequence[Dimension], values: Mapping[str, Any]
) -> dict[str, Any]:
    """Return a run with a trial's values in it, not yet checked.

    A new kind of model or data keeps the settings of the old one that it knows too.
    """
    mapping = copy.deepcopy(dict(base))
    chosen = [one for one in space if one.name in values]
    for one in sorted(chosen, key=lambda d: d.field not in KINDS):
        section, _, leaf = one.field.rpartition(".")
        if one.field in KINDS:
            mapping[section] = _moved(mapping, section, values[one.name])
        target = mapping.setdefault(section, {}) if section else mapping
        target[leaf] = values[one.name]
    return mapping


def suggest(trial: "Trial", space: Sequence[Dimension]) -> dict[str, Any]:
    """Ask Optuna for a value of each dimension that applies."""
    values: dict[str, Any] = {}
    for one in space:
        if one.applies(values):
            label = trial._suggest(one.name, one.distribution())  # noqa: SLF001  # any distribution
            values[one.name] = one.value(label)
    return values


def labelled(space: Sequence[Dimension], values: Mapping[str, Any]) -> dict[str, Any]:
    """Return values as Optuna stores them."""
    by_name = {one.name: one for one in space}
    return {k: by_name[k].label(v) if k in by_name else v for k, v in values.items()}


def _moved(mapping: Mapping[str, Any], section: str, kind: str) -> dict[str, Any]:
    """Return a section of another kind, with those old settings that are valid in it."""
    old = mapping.get(section, {})
    if old.get("kind") == kind:
        return dict(old)
    kept = {"kind": kind}
    for key, value in old.items():
        try:
            load_spec({**mapping, section: {**kept, key: value, "kind": kind}})
        except SpecError as error:
            if any(f"{section}.{key}" in problem for problem in error.problems):
                continue
        kept[key] = value if key != "kind" else kind
    return kept


def as_list(value: Any) -> Any:
    """Return a tuple as a list, as YAML and JSON give them."""
    return list(value) if isinstance(value, tuple) else value


def as_number(value: Any) -> float | None:
    """Return a finite number as a float; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(value)
