"""The state of the launch form: where it starts from, what was changed, what that amounts to.

The address holds all of it: ``from=preset:cnn_mnist`` or ``from=run:ID``, and one ``set=key=value``
for each change, as the command line writes it.
"""

import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from dashboard import data
from experiments import launching, specs
from experiments.errors import UsageError
from experiments.launching import Change, Checked

if TYPE_CHECKING:
    from trainers.fields import FieldCard

ABOUT: Final = "about"
SECTIONS: Final = (ABOUT, "data", "model", "training")
_FIRST: Final = frozenset(
    {"project", "name", "seed", "tags", "training.epochs", "training.patience"}
)
_MOST_CHANGES: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where the form starts from."""

    source: str
    """As in the address: ``preset:NAME``, ``run:ID``, or empty for the defaults."""
    title: str
    values: Mapping[str, Any]
    group: str | None = None
    """The group of the run that is cloned."""

    @property
    def run_id(self) -> str | None:
        """The run that is cloned, if one is."""
        kind, _, name = self.source.partition(":")
        return name if kind == "run" else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """A launch form, filled in."""

    origin: Origin
    cards: "tuple[FieldCard, ...]"
    before: Mapping[str, Any]
    """The origin's values, defaults filled in."""
    values: Mapping[str, Any]
    checked: Checked
    changes: tuple[Change, ...]

    @property
    def changed(self) -> dict[str, Change]:
        """The changes by setting."""
        return {change.name: change for change in self.changes}

    @property
    def left_out(self) -> tuple[str, ...]:
        """The origin's settings that its kinds of data and model do not have."""
        return tuple(name for name in self.origin.values if name not in self.before)

    def group_to_join(self) -> str | None:
        """Return the group of the cloned run, while the recipe is still the same."""
        is_same = self.origin.group and not launching.changes_recipe(self.changes)
        return self.origin.group if is_same else None


def read_origin(source: str, project: str | None = None) -> Origin:
    """Return what the address names as the start of the form.

    Raises
    ------
    UsageError
        If there is no such preset.
    store.RunNotFoundError
        If there is no such run.
    """
    kind, _, name = source.partition(":")
    if kind == "run" and name:
        record = data.run(name)
        return Origin(
            source=f"run:{record['run_id']}",
            title=f"run {record['name'] or record['run_id']}",
            values=launching.cloned(record["config"] or {}),
            group=record.get("group"),
        )
    if kind == "preset" and name:
        if name not in preset_names():
            raise UsageError(f"Expected a preset of this store or of Bakeoff; got {name[:80]!r}.")
        mapping = specs.read_mapping(specs.find_spec(name, data.home()))
        return Origin(
            source=source,
            title=f"preset {name}",
            values={"name": name, **launching.flat(mapping)},
        )
    return Origin(source="", title="defaults", values={"project": project or "default"})


def preset_names() -> list[str]:
    """Return the presets to start from, those of the store first."""
    return list(dict.fromkeys([*specs.own_preset_names(data.home()), *specs.preset_names()]))


def fill(origin: Origin, changes: Sequence[str]) -> Form:
    """Return the form that starts from `origin` with `changes`, each ``key=value``."""
    wanted = dict(_pairs(changes))
    kinds = {name: wanted[name] for name in launching.KINDS if name in wanted}
    values = launching.completed({**origin.values, **kinds})
    cards = launching.cards(str(values["data.kind"]), str(values["model.kind"]))
    for card in cards:
        if card.name in wanted and card.name not in launching.KINDS:
            values[card.name] = _plain(card, wanted[card.name])
    before = launching.completed(origin.values)
    return Form(
        origin=origin,
        cards=cards,
        before=before,
        values=values,
        checked=launching.check(values),
        changes=launching.differences(before, values),
    )


def changed(form: Form, name: str, value: Any) -> list[str]:
    """Return the changes to keep in the address once a field holds another value."""
    values = {**form.values, name: value}
    if name in launching.KINDS:
        values = launching.completed(values)
    kept = launching.differences(form.before, values)
    return [f"{c.name}={launching.written(c.after)}" for c in kept if c.name in values]


def sections(cards: "Iterable[FieldCard]") -> "dict[str, tuple[list[FieldCard], list[FieldCard]]]":
    """Return each section's settings: those that people change often, and the rest."""
    found: dict[str, tuple[list[FieldCard], list[FieldCard]]] = {s: ([], []) for s in SECTIONS}
    for card in cards:
        if card.name in launching.KINDS:
            continue
        section = card.name.partition(".")[0] if "." in card.name else ABOUT
        is_common = card.name in _FIRST or card.tunable is not None or card.is_required
        found[section][0 if is_common else 1].append(card)
    return found


def command(form: Form, *, seeds: int = 1) -> str:
    """Return the command line that starts the same."""
    kind, _, name = form.origin.source.partition(":")
    source = {"preset": name, "run": form.origin.source}.get(kind, "SPEC.yaml")
    words = ["bakeoff", "train", source]
    for change in form.changes:
        if change.name in form.values:
            words += ["--set", f"{change.name}={_yaml(change.after)}"]
    words += ["--seeds", str(seeds)] if seeds > 1 else []
    return " ".join(shlex.quote(word) for word in words)


def _pairs(changes: Sequence[str]) -> Iterable[tuple[str, str]]:
    for change in changes[:_MOST_CHANGES]:
        name, equals, text = change.partition("=")
        if equals:
            yield name, text


def _plain(card: "FieldCard", text: str) -> Any:
    if card.type == "bool":
        return text == "true"
    if card.type == "choice":
        return next((choice for choice in card.choices if str(choice) == text), text)
    return launching.entered(card, text)


def _yaml(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        return f"[{launching.written(value)}]"
    return "null" if value is None else launching.written(value)
