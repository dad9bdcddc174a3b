"""What a search is: one frozen, checked value. YAML, the command line and the browser fill it in.

``load_study(mapping)`` finds all problems at once and says each in one sentence. Light: no torch,
no Optuna.
"""

import math
import re
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal

from pydantic import ValidationError

from experiments.errors import UsageError
from experiments.search.search_space import Dimension, load_space
from experiments.specs import apply_override, find_spec, read_mapping
from trainers.fields import Config, field_cards, number, option
from trainers.spec import SpecError, load_spec

STUDY_PRESETS = Path(__file__).parent.parent / "presets" / "studies"

SamplerKind = Literal["tpe", "gp", "cmaes", "nsga2", "nsga3", "qmc", "random", "grid"]
PrunerKind = Literal["none", "median", "percentile", "halving", "hyperband", "patient", "wilcoxon"]
_MINIMISED = re.compile(r"loss|error|perplexity|latency|seconds|bytes|flops|parameters|brier|ece")
_CONSTRAINT = re.compile(r"^\s*(?P<name>[\w./-]+)\s*(?P<op><=|>=)\s*(?P<limit>[-+.\deE]+)\s*$")
_TEST_SPLIT = re.compile(r"^test[/_]")


class StudySpecError(UsageError):
    """A study that cannot be searched; the message has one line a problem."""

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(self.problems))


class Objective(Config):
    """One number that the search makes large or small."""

    metric: str = option(text="A metric, such as val/f1, or a fact such as cost.latency_p95_ms.")
    goal: Literal["max", "min"] = option("max", text="Whether more or less of it is better.")
    take: Literal["best", "last"] = option(
        "best", text="Which value of a run counts: its best epoch, as its checkpoint, or its last."
    )


class Constraint(Config):
    """A limit that the chosen trial must keep."""

    metric: str = option(text="A metric, or a fact such as cost.latency_p95_ms or parameters.")
    op: Literal["<=", ">="] = option("<=", text="On which side of the limit it must stay.")
    limit: float = number(0.0, ge=-1e18, le=1e18, text="The limit.")

    @property
    def text(self) -> str:
        """The constraint as people write it."""
        return f"{self.metric} {self.op} {self.limit:g}"

    def excess(self, value: float) -> float:
        """Return by how much a value breaks the limit; zero or less keeps it."""
        return value - self.limit if self.op == "<=" else self.limit - value


class SamplerConfig(Config):
    """How the next values are chosen."""

    kind: SamplerKind = option("tpe", text="Method.")
    startup_trials: int = number(
        10, ge=1, le=10_000, text="Random trials before the model of TPE or GP has its say."
    )
    population: int = number(20, ge=2, le=10_000, text="Trials of a generation (NSGA, CMA-ES).")


class PrunerConfig(Config):
    """When a trial that does badly is stopped early."""

    kind: PrunerKind = option("none", text="Method.")
    startup_trials: int = number(
        5, ge=0, le=10_000, text="Trials that must have ended before any is stopped."
    )
    warmup_steps: int = number(
        0, ge=0, le=100_000, unit="epochs", text="A trial is left alone for so long."
    )
    percentile: float = number(
        25.0, ge=0.0, le=100.0, unit="%", text="The best share that goes on (percentile)."
    )
    min_resource: int = number(
        1, ge=1, le=100_000, unit="epochs", text="First look (halving, Hyperband)."
    )
    reduction: int = number(
        3, ge=2, le=100, text="One in so many goes on at each look (halving, Hyperband)."
    )
    patience: int = number(
        3, ge=0, le=100_000, unit="epochs", text="Epochs without a better value (patient)."
    )
    min_delta: float = number(0.0, ge=0.0, le=1e9, text="A gain below this is none (patient).")
    p_threshold: float = number(
        0.1, ge=1e-6, le=0.5, text="Stop when the chance of not being worse is below (Wilcoxon)."
    )


class StudySpec(Config):
    """One search, completely described."""

    name: str = option("search", text="What the study is called.", max_length=100, pattern=r"\S")
    notes: str | None = option(None, text="What it is meant to find out.", max_length=10_000)
    base: dict[str, Any] = option(text="The run that every trial starts from.")
    space: tuple[Dimension, ...] = option(text="What varies.")
    objectives: tuple[Objective, ...] = option(text="What is to become large or small.")
    constraints: tuple[Constraint, ...] = option((), text="Limits of the chosen trial.")
    sampler: SamplerConfig = option(SamplerConfig(), text="How values are chosen.")
    pruner: PrunerConfig = option(PrunerConfig(), text="When a bad trial stops early.")
    n_trials: int = number(20, ge=1, le=1_000_000, text="Trials in all.")
    timeout_s: float = number(
        0.0, ge=0.0, le=31_536_000.0, unit="s", text="No new trial after so long; 0 never."
    )
    workers: int = number(1, ge=1, le=1000, text="Trials at the same time.")
    seeds: int = number(1, ge=1, le=100, text="Runs per trial, whose mean counts.")
    starts: tuple[dict[str, Any], ...] = option((), text="Known good values, tried first.")
    seed: int = number(0, ge=0, le=2**32 - 1, text="Fixes what the sampler draws.")
    storage: str | None = option(None, text="Optuna storage URL; null: a file in the store.")
    trial_budget_s: float = number(
        0.0, ge=0.0, le=31_536_000.0, unit="s", text="Longest time of one run; 0 no limit."
    )

    def to_mapping(self) -> dict[str, Any]:
        """Return plain values that :func:`load_study` turns into an equal study."""
        return self.model_dump(mode="json")

    @property
    def is_multi(self) -> bool:
        """Whether there are several objectives."""
        return len(self.objectives) > 1

    def dimension(self, name: str) -> Dimension | None:
        """Return a dimension by its name."""
        return next((one for one in self.space if one.name == name), None)


def preset_studies() -> list[str]:
    """Return the names of the studies that Bakeoff brings."""
    return sorted(path.stem for path in STUDY_PRESETS.glob("*.yaml"))


def read_study(source: str | Path, overrides: Sequence[str] = ()) -> StudySpec:
    """Read a study file or a preset study, apply overrides and check the result.

    Raises
    ------
    StudySpecError
        With every problem found.
    experiments.errors.SpecFileError
        If a file cannot be read.
    """
    is_preset = str(source) in preset_studies() and not Path(source).is_file()
    if not is_preset and not Path(source).suffix:
        near = get_close_matches(str(source), preset_studies(), n=1)
        hint = f"Did you mean {near[0]!r}?" if near else f"Presets: {', '.join(preset_studies())}."
        raise StudySpecError([f"Expected a study file or a preset study; got {source!r}. {hint}"])
    mapping = read_mapping(STUDY_PRESETS / f"{source}.yaml" if is_preset else find_spec(source))
    for override in overrides:
        apply_override(mapping, override)
    return load_study(mapping)


def load_study(mapping: Any) -> StudySpec:
    """Check a mapping and turn it into a study.

    Raises
    ------
    StudySpecError
        With every problem found, one sentence each.
    """
    if not isinstance(mapping, Mapping):
        raise StudySpecError([f"Expected a study with base, space and objective; got {mapping!r}."])
    problems: list[str] = []
    values = dict(mapping)
    base = _base(values.pop("base", None), values.pop("set", {}), problems)
    raw_objectives = values.pop("objectives", None) or values.pop("objective", None)
    values["objectives"] = _objectives(raw_objectives, problems)
    values["constraints"] = _constraints(values.get("constraints"), problems)
    for key in ("sampler", "pruner"):
        if isinstance(values.get(key), str):
            values[key] = {"kind": values[key]}
    raw_space, starts = values.pop("space", None), values.pop("starts", None) or ()
    space = load_space(raw_space, base, problems) if base is not None else ()
    fixed = {"base": base or {}, "space": (), "starts": starts}
    study = _part(StudySpec, {**values, **fixed}, "", problems)
    if study is not None:
        study = study.model_copy(update={"space": space})
        from experiments.search.search_checks import at_odds

        problems += at_odds(study)
    if problems or study is None:
        raise StudySpecError(problems)
    return study


def goal_of(metric: str) -> Literal["max", "min"]:
    """Return what is better of a metric, judged by its name."""
    return "min" if _MINIMISED.search(metric.lower()) else "max"


def _base(raw: Any, changes: Any, problems: list[str]) -> dict[str, Any] | None:
    """Return the run to start from: a preset's name, a file or the settings themselves."""
    if isinstance(raw, str):
        raw = read_mapping(find_spec(raw))
    if not isinstance(raw, Mapping):
        problems.append(
            f"Expected base to be a preset, a spec file or a run's settings; got {raw!r}. "
            "Write, for example, `base: cnn_mnist`."
        )
        return None
    mapping = dict(raw)
    try:
        for key, value in changes.items() if isinstance(changes, Mapping) else ():
            _put(mapping, str(key), value)
        return load_spec(mapping).to_mapping()
    except SpecError as error:
        problems += [f"base: {problem}" for problem in error.problems]
        return None


def _put(mapping: dict[str, Any], dotted: str, value: Any) -> None:
    section, _, leaf = dotted.rpartition(".")
    if section:
        mapping[section] = {**mapping.get(section, {}), leaf: value}
    else:
        mapping[leaf] = value


def _objectives(raw: Any, problems: list[str]) -> tuple[Objective, ...]:
    found = []
    items = _items(raw)
    for item in items:
        body = {"metric": item} if isinstance(item, str) else item
        if not isinstance(body, Mapping):
            problems.append(f"Expected objective to name a metric, such as val/f1; got {item!r}.")
            continue
        metric = str(body.get("metric"))
        found.append(_part(Objective, {"goal": goal_of(metric), **body}, "objective", problems))
        if _TEST_SPLIT.match(metric):
            problems.append(
                f"Expected an objective on the validation data; got {metric!r}. The test "
                "data may be looked at once, for the model that was chosen: use val/ instead."
            )
    if not items:
        problems.append("Expected objective to name a metric, such as val/f1; got nothing.")
    return tuple(one for one in found if one is not None)


def _constraints(raw: Any, problems: list[str]) -> tuple[Constraint, ...]:
    found = []
    for item in _items(raw):
        body = _parsed_constraint(item) if isinstance(item, str) else item
        if isinstance(body, Mapping):
            found.append(_part(Constraint, body, "constraint", problems))
        else:
            problems.append(
                f"Expected a constraint such as 'cost.latency_p95_ms <= 20'; got {item!r}."
            )
    return tuple(one for one in found if one is not None)


def _parsed_constraint(text: str) -> dict[str, Any] | None:
    match = _CONSTRAINT.match(text)
    limit = _number(match["limit"]) if match else None
    if match is None or limit is None:
        return None
    return {"metric": match["name"], "op": match["op"], "limit": limit}


def _items(raw: Any) -> list[Any]:
    """Return one or several things as a list."""
    if raw is None:
        return []
    return list(raw) if isinstance(raw, list | tuple) else [raw]


def _part(config: type[Any], values: Any, where: str, problems: list[str]) -> Any:
    """Validate one part, turning what is wrong into sentences."""
    try:
        return config.model_validate(values)
    except ValidationError as error:
        prefix = f"{where}." if where else ""
        problems += [_sentence(detail, config, prefix) for detail in error.errors()]
        return None


def _sentence(detail: Any, config: type[Any], prefix: str) -> str:
    cards = {card.name: card for card in field_cards(config, prefix)}
    place = [str(part) for part in detail["loc"]]
    name = prefix + ".".join(place)
    for section, part in (("sampler", SamplerConfig), ("pruner", PrunerConfig)):
        cards |= {card.name: card for card in field_cards(part, f"{prefix}{section}.")}
    card = cards.get(name) or (cards.get(prefix + place[0]) if place else None)
    if card is None:
        near = get_close_matches(name, list(cards), n=1)
        return f"Expected a known setting of a study; got {name!r}." + (
            f" Did you mean {near[0]!r}?" if near else ""
        )
    if detail["type"] == "missing":
        return f"Expected {name} to be {card.expectation}; it is missing. {card.help}"
    return f"Expected {name} to be {card.expectation}; got {detail['input']!r}."


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None
