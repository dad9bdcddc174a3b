"""What to run: one frozen, checked value that holds the data, the model, the training and the seed.

``load_spec(mapping)`` is the only way in for YAML, JSON and forms: it finds all problems at once
and says each in one sentence. Light: forms, CLI and searches import it; it loads no torch.
"""

from __future__ import annotations

import reprlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from difflib import get_close_matches
from typing import Any

from pydantic import SerializeAsAny, ValidationError
from pydantic_core import ErrorDetails

from trainers import catalog
from trainers.configs import DataConfig, ModelConfig, TrainingConfig
from trainers.errors import SpecError
from trainers.fields import Config, FieldCard, field_cards, number, option

__all__ = [
    "FieldCard",
    "RunSpec",
    "SpecError",
    "describe_fields",
    "load_spec",
    "number",
    "option",
]

_SECTIONS = ("data", "model", "training")
_CUSTOM_SENTENCES = "Expected "
_show = reprlib.Repr()
_show.maxstring = _show.maxother = 60


class RunSpec(Config):
    """One training, completely described."""

    project: str = option("default", text="Where the run is listed.", max_length=100, pattern=r"\S")
    name: str | None = option(None, text="Shown instead of the run's id.", max_length=200)
    group: str | None = option(
        None, text="Ties together runs that differ in the seed only.", max_length=200
    )
    tags: tuple[str, ...] = option((), text="Words to find the run by.")
    notes: str | None = option(None, text="What this run is meant to show.", max_length=10_000)
    seed: int = number(0, ge=0, le=2**32 - 1, text="Fixes weights and the order of examples.")
    data: SerializeAsAny[DataConfig] = option(text="What to learn from.")
    model: SerializeAsAny[ModelConfig] = option(text="What learns.")
    training: TrainingConfig = option(TrainingConfig(), text="How it learns.")

    def to_mapping(self) -> dict[str, Any]:
        """Return plain values (JSON, YAML) that :func:`load_spec` turns into an equal spec."""
        return self.model_dump(mode="json")


def load_spec(mapping: Any) -> RunSpec:
    """Check a mapping and turn it into a spec.

    Parameters
    ----------
    mapping
        Nested plain values, as YAML or JSON give them.

    Raises
    ------
    SpecError
        With every problem found, one sentence each.
    """
    if not isinstance(mapping, Mapping):
        raise SpecError([f"Expected a spec with the sections data and model; got {_cut(mapping)}."])
    catalog.load_plugins()
    problems: list[str] = []
    values = dict(mapping)
    values["data"] = _load_kind("data", catalog.DATA, values.get("data"), problems)
    values["model"] = _load_kind("model", catalog.MODELS, values.get("model"), problems)
    values["training"] = _load_section(
        "training.", TrainingConfig, values.get("training", {}), problems
    )
    top = {key: value for key, value in values.items() if key not in _SECTIONS}
    problems += _top_level_problems(top)
    if values["data"] is not None and values["model"] is not None:
        problems += _fit_problems(values["data"], values["model"])
    if problems:
        raise SpecError(problems)
    return RunSpec(**values)


def describe_fields(data_kind: str, model_kind: str) -> tuple[FieldCard, ...]:
    """List every setting of a spec with these kinds, top level first; sections are flattened.

    Raises
    ------
    SpecError
        If a kind is unknown.
    """
    catalog.load_plugins()
    problems: list[str] = []
    data = _find_kind("data", catalog.DATA, data_kind, problems)
    model = _find_kind("model", catalog.MODELS, model_kind, problems)
    if data is None or model is None:
        raise SpecError(problems)
    return (
        *(card for card in field_cards(RunSpec) if card.name not in _SECTIONS),
        *_with_all_kinds(field_cards(data.config, "data."), catalog.DATA),
        *_with_all_kinds(field_cards(model.config, "model."), catalog.MODELS),
        *field_cards(TrainingConfig, "training."),
    )


def _with_all_kinds(
    cards: tuple[FieldCard, ...], entries: Mapping[str, catalog.Entry]
) -> Iterator[FieldCard]:
    for card in cards:
        is_kind = card.name.endswith(".kind")
        yield replace(card, type="choice", choices=tuple(entries)) if is_kind else card


def _load_kind(
    section: str, entries: Mapping[str, catalog.Entry], value: Any, problems: list[str]
) -> Any:
    if isinstance(value, Config):
        value = value.model_dump()
    if not isinstance(value, Mapping):
        problems.append(
            f"Expected {section} to be a section with the key kind; got {_cut(value)}. "
            f"Give {section}.kind, one of {', '.join(entries)}."
        )
        return None
    entry = _find_kind(section, entries, value.get("kind"), problems)
    return None if entry is None else _load_section(f"{section}.", entry.config, value, problems)


def _find_kind(
    section: str, entries: Mapping[str, catalog.Entry], kind: Any, problems: list[str]
) -> catalog.Entry | None:
    entry = entries.get(kind) if isinstance(kind, str) else None
    if entry is None:
        problems.append(
            f"Expected {section}.kind to be one of {', '.join(entries)}; got {_cut(kind)}.{_nearest(kind, entries)}"
        )
    return entry


def _load_section(prefix: str, config: type[Config], value: Any, problems: list[str]) -> Any:
    if isinstance(value, config):
        return value
    if not isinstance(value, Mapping):
        problems.append(f"Expected {prefix[:-1]} to be a section; got {_cut(value)}.")
        return None
    try:
        return config.model_validate(dict(value))
    except ValidationError as error:
        problems.extend(_sentences(error, field_cards(config, prefix), prefix))
        return None


def _top_level_problems(values: Mapping[Any, Any]) -> Iterator[str]:
    """Check everything beside the sections by validating it next to harmless sections."""
    sections = {"data": DataConfig(kind="-"), "model": ModelConfig(kind="-")}
    try:
        RunSpec.model_validate({**values, **sections})
    except ValidationError as error:
        yield from _sentences(error, field_cards(RunSpec), "")


def _sentences(error: ValidationError, cards: tuple[FieldCard, ...], prefix: str) -> Iterator[str]:
    by_name = {card.name: card for card in cards}
    for detail in error.errors(include_url=False):
        yield _sentence(detail, by_name, prefix)


def _sentence(detail: ErrorDetails, cards: Mapping[str, FieldCard], prefix: str) -> str:
    place = detail["loc"]
    if detail["msg"].startswith(_CUSTOM_SENTENCES):  # a configuration's own check across settings
        return detail["msg"]
    name = prefix + (str(place[0]) if place else "")
    card = cards.get(name)
    if detail["type"] == "missing" and card is not None:
        return f"Expected {name} to be {card.expectation}; it is missing. {card.help}"
    if card is None:
        return f"Expected a known setting; got {_cut(name)}.{_nearest_setting(name, cards)}"
    item = "".join(f"[{index}]" for index in place[1:] if isinstance(index, int))
    expected = card.item_expectation if item else _expectation(detail, card)
    sentence = f"Expected {name}{item} to be {expected}; got {_cut(detail['input'])}."
    return sentence + _nearest(detail["input"], [str(choice) for choice in card.choices])


def _expectation(detail: ErrorDetails, card: FieldCard) -> str:
    context = detail.get("ctx", {})
    if detail["type"] == "string_too_long":
        return f"a text of at most {context['max_length']} characters"
    if detail["type"] == "string_pattern_mismatch":
        return "a text that is not blank"
    return card.expectation


def _fit_problems(data: DataConfig, model: ModelConfig) -> Iterator[str]:
    reads = catalog.MODELS[model.kind].modalities
    given = catalog.DATA[data.kind].modalities
    if not set(reads) & set(given):
        yield (
            f"Expected a model that reads {given[0]} data (data.kind {data.kind!r}); got model.kind "
            f"{model.kind!r}, which reads {' or '.join(reads)}. "
            f"Choose model.kind from {', '.join(catalog.models_for(data.kind)) or 'your own'}."
        )


def _nearest(word: Any, known: Iterable[str]) -> str:
    """Return " Did you mean ...?" for the nearest known word, or nothing."""
    matches = get_close_matches(word, list(known), n=1) if isinstance(word, str) else ()
    return f" Did you mean {matches[0]!r}?" if matches else ""


def _nearest_setting(name: str, cards: Mapping[str, FieldCard]) -> str:
    """Look for the setting in its own section, then in the training, where most are sought."""
    training = [card.name for card in field_cards(TrainingConfig, "training.")]
    full_names = {_leaf(known): known for known in [*training, *cards]}
    for leaves in ([_leaf(known) for known in cards], full_names):
        matches = get_close_matches(_leaf(name), list(leaves), n=1)
        if matches:
            return f" Did you mean {full_names[matches[0]]!r}?"
    return ""


def _leaf(name: str) -> str:
    return name.rpartition(".")[2]


def _cut(value: Any) -> str:
    """Show a value, however large, in a few words."""
    return _show.repr(value)
