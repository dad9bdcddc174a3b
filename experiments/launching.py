"""What a launch form works on: values that came from somewhere, were changed, and become specs.

A form holds a flat mapping: the dotted name of each setting (``training.lr``) to its plain value.
Everything here is pure and light; the CLI's ``--set`` and the form's fields end in the same spec.
"""

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import store
from experiments.errors import UsageError

if TYPE_CHECKING:
    from experiments.queueing.jobs import Job
    from trainers.fields import FieldCard
    from trainers.spec import RunSpec

SECTIONS: Final = ("data", "model", "training")
KINDS: Final = ("data.kind", "model.kind")
MOST_SEEDS: Final = 100
DEFAULT_KINDS: Final = ("digits", "cnn")
ABOUT: Final = frozenset({"project", "name", "group", "tags", "notes", "seed"})
"""Settings that say nothing about what is trained, or only which dice are thrown."""

_NAMES_FIELD: Final = re.compile(r"^Expected ([a-z_]+(?:\.[a-z_0-9]+)?)(?:\[\d+\])? to be ")
_NUMBERS: Final = frozenset({"int", "float"})
_LISTS: Final = frozenset({"int list", "float list", "str list"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One setting that differs; None on a side stands for "has no such setting"."""

    name: str
    before: Any
    after: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What a form's values amount to: a spec, or what is wrong with them."""

    spec: "RunSpec | None" = None
    problems: Mapping[str, str] = field(default_factory=dict)
    """Setting -> the sentence to show beside it."""
    general: tuple[str, ...] = ()
    """Sentences that belong to no single setting."""

    @property
    def sentences(self) -> tuple[str, ...]:
        """Return everything that is wrong."""
        return tuple(dict.fromkeys([*self.problems.values(), *self.general]))


def data_kinds() -> dict[str, str]:
    """Return the kinds of data there are, with their titles."""
    from trainers import catalog

    catalog.load_plugins()
    return {kind: entry.title for kind, entry in catalog.DATA.items()}


def model_kinds(data_kind: str) -> dict[str, str]:
    """Return the kinds of models that can learn from a kind of data, with their titles."""
    from trainers import catalog

    catalog.load_plugins()
    if data_kind not in catalog.DATA:
        return {}
    return {kind: catalog.MODELS[kind].title for kind in catalog.models_for(data_kind)}


def cards(data_kind: str, model_kind: str) -> "tuple[FieldCard, ...]":
    """Return the settings of a spec with these kinds; see `trainers.spec.describe_fields`."""
    from trainers.spec import describe_fields

    return describe_fields(data_kind, model_kind)


def flat(mapping: Mapping[str, Any]) -> dict[str, Any]:
    """Return a spec's mapping with its sections opened: dotted names, plain values."""
    values: dict[str, Any] = {}
    for name, value in mapping.items():
        if name in SECTIONS and isinstance(value, Mapping):
            values |= {f"{name}.{key}": item for key, item in value.items()}
        else:
            values[name] = list(value) if isinstance(value, tuple) else value
    return values


def nested(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return flat values as the mapping that `trainers.spec.load_spec` reads."""
    mapping: dict[str, Any] = {}
    for name, value in values.items():
        section, dot, key = name.partition(".")
        if dot and section in SECTIONS:
            mapping.setdefault(section, {})[key] = value
        else:
            mapping[name] = value
    return mapping


def completed(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return values for every setting of the kinds they name: given ones, else the defaults.

    A kind that does not exist (any more), or a model that cannot read the data, gives way to the
    first that can; settings that the kinds do not have are left out.
    """
    wanted_data, wanted_model = (values.get(name) for name in KINDS)
    data = wanted_data if wanted_data in data_kinds() else DEFAULT_KINDS[0]
    models = model_kinds(str(data))
    model = wanted_model if wanted_model in models else next(iter(models), DEFAULT_KINDS[1])
    filled: dict[str, Any] = {}
    for card in cards(str(data), str(model)):
        default = "" if card.is_required else card.default
        default = list(default) if isinstance(default, tuple) else default
        filled[card.name] = values.get(card.name, default)
    return filled | {"data.kind": data, "model.kind": model}


def entered(card: "FieldCard", text: str) -> Any:
    """Return the plain value of what was typed into a field; nonsense stays text, to be refused."""
    text = text.strip()
    if not text and card.nullable:
        return None
    if card.type in _NUMBERS:
        return _number(text)
    if card.type in _LISTS:
        parts = [part.strip() for part in text.strip("[]()").split(",") if part.strip()]
        return parts if card.type == "str list" else [_number(part) for part in parts]
    return text


def written(value: Any) -> str:
    """Return a value as it stands in a text field; `entered` reads it back."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (list, tuple)):
        return ", ".join(written(part) for part in value)
    return f"{value:.12g}" if isinstance(value, float) else str(value)


def check(values: Mapping[str, Any]) -> Checked:
    """Turn a form's values into a spec, or say beside which setting what is wrong."""
    from trainers.spec import SpecError, load_spec

    given = _without_blanks(values)
    try:
        spec = load_spec(nested(given))
    except SpecError as error:
        sentences = [*error.problems, *_missing_files(given)]
    else:
        sentences = list(_missing_files(given))
        if not sentences:
            return Checked(spec=spec)
    problems: dict[str, str] = {}
    general: list[str] = []
    for sentence in sentences:
        names = _fields_of(sentence, values)
        for name in names:
            problems.setdefault(name, sentence)
        if not names:
            general.append(sentence)
    return Checked(problems=problems, general=tuple(general))


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[Change, ...]:
    """Return the settings that differ, in the order of `after`; both are flat."""
    names = dict.fromkeys(chain(after, before))
    return tuple(
        Change(name=name, before=before.get(name), after=after.get(name))
        for name in names
        if _plain(before.get(name)) != _plain(after.get(name))
    )


def changes_recipe(changes: Sequence[Change]) -> bool:
    """Whether changes touch what is trained, not only who is told and which dice are thrown."""
    return any(change.name not in ABOUT for change in changes)


def seeded(spec: "RunSpec", count: int, *, group: str | None = None) -> "tuple[RunSpec, ...]":
    """Return a spec `count` times, with seeds that follow its own, tied together as one group.

    Parameters
    ----------
    count
        1 leaves the spec alone, unless a group is named.
    group
        The group's name; the spec's own, or a new one, if None.

    Raises
    ------
    UsageError
        If `count` is not from 1 to `MOST_SEEDS`, or the seeds would leave their range.
    """
    if not 1 <= count <= MOST_SEEDS:
        raise UsageError(f"Expected 1 to {MOST_SEEDS} seeds; got {count}. Choose fewer.")
    if spec.seed + count > 2**32:
        raise UsageError(f"Expected seeds below 2**32; got {spec.seed} and on. Lower the seed.")
    named = group or spec.group
    if count == 1:
        return (spec.model_copy(update={"group": named}),)
    base = spec.name or spec.model.kind
    named = named or f"{base[:180]}-{store.new_run_id()[-5:]}"
    return tuple(
        spec.model_copy(update={"seed": seed, "group": named, "name": f"{base[:180]}-seed{seed}"})
        for seed in range(spec.seed, spec.seed + count)
    )


def cloned(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of a form that starts from a run's recorded configuration.

    Its notes say what that run was meant to show, so they stay behind; so does its group, which
    `seeded` takes up again when nothing but the seed has changed.
    """
    return flat({**config, "group": None, "notes": None})


def submit(
    home: str | os.PathLike[str],
    specs: "Sequence[RunSpec]",
    *,
    priority: int = 0,
    budget_s: float | None = None,
    gpus: int | None = None,
    cloned_from: str | None = None,
) -> "tuple[Job, ...]":
    """Put specs into the queue, one job each.

    Parameters
    ----------
    priority
        Higher goes first.
    budget_s : seconds
        After which a run is stopped; None for no limit.
    gpus
        GPUs for each run; None leaves it to the queue.
    cloned_from
        The run whose configuration these grew from; their records name it.

    Raises
    ------
    UsageError
        If the queue refuses one.
    store.StoreError
        If the store cannot be written.
    """
    from experiments import queue

    labels = {"cloned_from": cloned_from} if cloned_from else {}
    return tuple(
        queue.submit(
            home,
            spec,
            priority=priority,
            labels=labels,
            budget_s=budget_s,
            gpus=gpus,
            threads=spec.training.threads or None,
        )
        for spec in specs
    )


def _without_blanks(values: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out empty fields that need a value: then the check asks for them."""
    needed = {card.name for card in _known_cards(values) if card.is_required}
    return {name: value for name, value in values.items() if value != "" or name not in needed}


def _missing_files(values: Mapping[str, Any]) -> Iterator[str]:
    """Say which path of the user's own leads nowhere: sooner than the training would."""
    for card in _known_cards(values):
        value = values.get(card.name)
        if not card.name.endswith(".path") or not isinstance(value, str) or value == card.default:
            continue
        if not value or "\0" in value or not Path(value).expanduser().exists():
            yield (
                f"Expected {card.name} to be a file or folder of this machine; got {value[:80]!r}. "
                "Check the path."
            )


def _known_cards(values: Mapping[str, Any]) -> "tuple[FieldCard, ...]":
    data, model = (values.get(name) for name in KINDS)
    return cards(str(data), str(model)) if model in model_kinds(str(data)) else ()


def _fields_of(sentence: str, values: Mapping[str, Any]) -> list[str]:
    """Return the settings that a problem is about."""
    found = _NAMES_FIELD.match(sentence)
    if found and found[1] in values:
        return [found[1]]
    words = set(re.findall(r"[a-z_]+\.[a-z_0-9]+", sentence))
    return [name for name in values if name in words]


def _number(text: str) -> Any:
    for read in (int, float):
        try:
            return read(text)
        except ValueError:
            continue
    return text


def _plain(value: Any) -> Any:
    """Return a value such that equal settings are equal: 1 and 1.0, lists and tuples; not True."""
    if isinstance(value, (list, tuple)):
        return [_plain(part) for part in value]
    return ("yes or no", value) if isinstance(value, bool) else value
