"""What a search varies: dimensions over the settings of a run, prefilled from their declarations.

Settings suggest their own ranges; a study takes, narrows or replaces them. A range may hold under a
condition only (`when`), so that each kind of model brings its own settings.
"""

import json
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Any

from experiments.search.dimensions import KINDS, Dimension, apply, as_list, as_number
from trainers.fields import FieldCard
from trainers.spec import SpecError, describe_fields, load_spec

_NUMBERS = ("int", "float")
_OPTIONS = {"field", "kind", "low", "high", "log", "step", "choices", "only", "when"}


def load_space(raw: Any, base: Mapping[str, Any], problems: list[str]) -> tuple[Dimension, ...]:
    """Turn the ``space`` of a study file into dimensions; what is wrong goes into `problems`.

    Parameters
    ----------
    raw
        Names of settings, or a mapping of names to ranges; null or ``auto`` takes the range that
        the setting's declaration suggests.
    base
        The run that every trial starts from.
    """
    if isinstance(raw, Sequence) and not isinstance(raw, str):
        named = [_named(item) for item in raw]
    elif isinstance(raw, Mapping):
        named = list(raw.items())
    else:
        named = []
    if not named:
        problems.append(
            "Expected space to name at least one setting to vary; got nothing. "
            "Write, for example, `space: {training.lr: auto}`."
        )
        return ()
    cards = cards_of(base, named)
    found = [_dimension(str(name), body, cards, problems) for name, body in named]
    known = [one for one in found if one is not None]
    space = in_order(_for_their_kinds(known, base), problems)
    if not problems:
        problems += [problem for one in space for problem in _refused_ends(one, space, base)]
    return space


def suggested(card: FieldCard) -> dict[str, Any] | None:
    """Return the range that a setting's declaration suggests, or None where it suggests none."""
    if card.type in _NUMBERS and card.tunable is not None:
        return {"low": card.tunable[0], "high": card.tunable[-1], "log": card.log}
    if card.type == "bool":
        return {"choices": [False, True]}
    if card.tunable is not None:
        return {"choices": [list(v) if isinstance(v, tuple) else v for v in card.tunable]}
    if card.type == "choice":
        return {"choices": list(card.choices)}
    return None


def cards_of(
    base: Mapping[str, Any], named: Sequence[tuple[Any, Any]] = ()
) -> dict[str, list[FieldCard]]:
    """Return the settings of a run by name: one declaration for each kind that has it.

    Parameters
    ----------
    named
        The raw dimensions: kinds that they choose from bring their settings too.
    """
    kinds: dict[str, list[str]] = {}
    for section in ("data", "model"):
        kinds[section] = [str(_get(base, f"{section}.kind"))]
        for name, body in named:
            if isinstance(body, Mapping) and body.get("field", name) == f"{section}.kind":
                kinds[section] += [str(kind) for kind in _listed(body.get("choices"))]
    cards: dict[str, list[FieldCard]] = {}
    for data in kinds["data"]:
        for model in kinds["model"]:
            try:
                described = describe_fields(data, model)
            except SpecError:
                continue  # the choice itself is refused, with its reason, when it is tried
            for card in described:
                known = cards.setdefault(card.name, [])
                if card not in known:
                    known.append(card)
    return cards


def in_order(space: Sequence[Dimension], problems: list[str]) -> tuple[Dimension, ...]:
    """Put each dimension behind those that it depends on."""
    waiting, done = list(space), []
    while waiting:
        known = {one.name for one in done}
        ready = [one for one in waiting if {name for name, _ in one.when} <= known]
        if not ready:
            names = {one.name for one in space}
            for one in waiting:
                lost = [name for name, _ in one.when if name not in names]
                reason = f"unknown parameter {lost[0]!r}" if lost else "a circle"
                problems.append(
                    f"Expected {one.name}.when to name another parameter of the space; got {reason}."
                )
            return tuple(space)
        done += ready
        waiting = [one for one in waiting if one not in ready]
    return tuple(done)


def _for_their_kinds(space: Sequence[Dimension], base: Mapping[str, Any]) -> list[Dimension]:
    """Let a setting that only some of the searched kinds have depend on the kind."""
    by_field = {one.field: one for one in space}
    found = []
    for one in space:
        section = one.field.partition(".")[0]
        chooser = by_field.get(f"{section}.kind")
        is_settled = chooser is None or chooser is one or one.when
        having = [] if is_settled else _kinds_having(one.field, chooser, base)
        if chooser is not None and 0 < len(having) < len(chooser.choices):
            condition = ((chooser.name, tuple(having)),)
            found.append(one.model_copy(update={"when": condition}))
        else:
            found.append(one)
    return found


def _kinds_having(field: str, chooser: Dimension | None, base: Mapping[str, Any]) -> list[Any]:
    having = []
    for kind in chooser.choices if chooser is not None else ():
        kinds = {name: _get(base, name) for name in KINDS} | {
            f"{field.partition('.')[0]}.kind": kind
        }
        try:
            cards = describe_fields(str(kinds["data.kind"]), str(kinds["model.kind"]))
        except SpecError:
            continue
        having += [kind] if any(card.name == field for card in cards) else []
    return having


def _dimension(
    name: str, body: Any, cards: Mapping[str, list[FieldCard]], problems: list[str]
) -> Dimension | None:
    body = {} if body is None or body == "auto" else body
    if not isinstance(body, Mapping):
        body = {"choices": body} if isinstance(body, list) else {"?": body}
    unknown = [str(key) for key in body if key not in _OPTIONS]
    if unknown:
        problems.append(
            f"Expected space.{name} to have some of {', '.join(sorted(_OPTIONS))}; "
            f"got {unknown[0]!r}. Write auto, a list of choices, or low and high."
        )
        return None
    field = str(body.get("field", name))
    known = cards.get(field)
    if not known or field.rpartition(".")[0] not in {"data", "model", "training", ""}:
        near = get_close_matches(field, list(cards), n=1)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        problems.append(f"Expected space to name settings of the run; got {field!r}.{hint}")
        return None
    return _filled(name, field, dict(body), _widest(known), problems)


def _widest(cards: Sequence[FieldCard]) -> FieldCard:
    """Return the declaration to prefill from: the first that suggests a range."""
    return next((card for card in cards if card.tunable is not None), cards[0])


def _filled(
    name: str, field: str, body: dict[str, Any], card: FieldCard, problems: list[str]
) -> Dimension | None:
    given = {"choices"} & set(body) or {"low", "high"} & set(body)
    if not given:
        prefill = suggested(card)
        if prefill is None:
            problems.append(
                f"Expected a range for space.{name}, since {field} suggests none; got nothing. "
                "Give low and high, or choices."
            )
            return None
        body = prefill | body
    elif "low" in body or "high" in body:
        body = _completed(body, card)
    kind = "choice" if "choices" in body else "int" if card.type == "int" else "float"
    wrong = _wrong_range(name, body, card, kind)
    if wrong:
        problems.extend(wrong)
        return None
    return Dimension(
        name=name,
        field=field,
        kind=kind,
        low=as_number(body.get("low")),
        high=as_number(body.get("high")),
        log=bool(body.get("log", False)),
        step=as_number(body.get("step")),
        choices=tuple(map(as_list, body.get("choices", ()))),
        only=tuple(map(as_list, _listed(body.get("only")))),
        when=_conditions(body.get("when")),
    )


def _completed(body: dict[str, Any], card: FieldCard) -> dict[str, Any]:
    """Take the end that was left out, and the scale, from the declaration."""
    prefill = suggested(card) or {}
    ends = {"low": prefill.get("low", card.ge), "high": prefill.get("high", card.le)}
    log = card.log and (as_number(body.get("low", ends["low"])) or 0) > 0 and "step" not in body
    return {**ends, "log": log, **body}


def _wrong_range(name: str, body: Mapping[str, Any], card: FieldCard, kind: str) -> list[str]:
    where = f"space.{name}"
    if kind == "choice":
        return _wrong_choices(where, body["choices"])
    if card.type not in _NUMBERS:
        return [f"Expected choices for {where}, which is {card.expectation}; got a range."]
    low, high = as_number(body.get("low")), as_number(body.get("high"))
    if low is None or high is None:
        ends = f"{body.get('low')!r} and {body.get('high')!r}"
        return [f"Expected {where} to have low and high, both numbers; got {ends}."]
    if not low < high:
        return [f"Expected {where}.low to be below high; got {low:g} and {high:g}."]
    problems = []
    if card.ge is not None and card.le is not None and not card.ge <= low < high <= card.le:
        problems.append(
            f"Expected {where} inside the limits of {card.name}, [{card.ge:g}, {card.le:g}]; "
            f"got [{low:g}, {high:g}]."
        )
    return problems + _wrong_scale(where, body, kind)


def _wrong_choices(where: str, choices: Any) -> list[str]:
    if not isinstance(choices, list | tuple) or not choices:
        return [f"Expected {where}.choices to be a list of values; got {choices!r}."]
    if len({json.dumps(as_list(v), default=str) for v in choices}) < len(choices):
        return [f"Expected {where}.choices to differ; got one twice."]
    return []


def _wrong_scale(where: str, body: Mapping[str, Any], kind: str) -> list[str]:
    low, high, step = (as_number(body.get(key)) for key in ("low", "high", "step"))
    problems = []
    if body.get("log") and (low is None or low <= 0):
        problems.append(f"Expected {where}.low above 0 on a logarithmic scale; got {low}.")
    if body.get("log") and step is not None and not (kind == "int" and step == 1):
        problems.append(f"Expected {where} to have log or step; got both. Leave one out.")
    if step is not None and step <= 0:
        problems.append(f"Expected {where}.step above 0; got {step:g}.")
    if kind == "int" and not all(v is None or v.is_integer() for v in (low, high, step)):
        problems.append(f"Expected whole numbers in {where}; got {low} and {high}.")
    return problems


def _refused_ends(one: Dimension, space: Sequence[Dimension], base: Mapping[str, Any]) -> list[str]:
    """Try each choice, or both ends of a range, in a run: what no run accepts cannot be searched."""
    given = {name: allowed[0] for name, allowed in one.when if allowed}
    ends = one.choices if one.kind == "choice" else (one.low, one.high)
    problems = []
    for value in (*ends, *one.only):
        tried = int(value) if one.kind == "int" and value is not None else value
        if value in one.only and not one.contains(value):
            problems.append(f"Expected {one.name}.only inside its range; got {value!r}.")
            continue
        try:
            load_spec(apply(base, space, {**given, one.name: tried}))
        except SpecError as error:
            own = [p for p in error.problems if one.field in p or one.field in KINDS]
            problems += [f"space.{one.name}: {problem}" for problem in own[:1]]
    return list(dict.fromkeys(problems))


def _named(item: Any) -> tuple[Any, Any]:
    """Return name and body of an item of a list: a name, or a mapping with its name in it."""
    if isinstance(item, Mapping):
        body = {k: v for k, v in item.items() if k != "name" and v not in (None, [], ())}
        return item.get("name", item.get("field", "?")), body
    return item, None


def _conditions(raw: Any) -> tuple[tuple[str, tuple[Any, ...]], ...]:
    pairs = raw.items() if isinstance(raw, Mapping) else raw or ()
    return tuple((str(name), tuple(_listed(allowed))) for name, allowed in pairs)


def _listed(value: Any) -> list[Any]:
    if value is None:
        return []
    return list(value) if isinstance(value, list | tuple) else [value]


def _get(mapping: Mapping[str, Any], dotted: str) -> Any:
    section, _, leaf = dotted.partition(".")
    inner = mapping.get(section)
    return inner.get(leaf) if isinstance(inner, Mapping) else None
