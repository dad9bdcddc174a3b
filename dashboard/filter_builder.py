"""Build the store's filter language from clicks, and complete what is being typed. Pure."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

Kind = Literal["word", "text", "number", "span", "flag"]

_OPERATORS: Final[dict[Kind, dict[str, str]]] = {
    "word": {"=": "is", "!=": "is not"},
    "text": {"~": "contains", "!~": "does not contain", "=": "is", "!=": "is not"},
    "number": {">": "above", ">=": "at least", "<": "below", "<=": "at most", "=": "is"},
    "span": {"<": "less than", ">": "more than"},
    "flag": {"=": "is"},
}
_FIXED: Final[tuple[tuple[str, str, Kind], ...]] = (
    ("status", "Status", "word"),
    ("model", "Model", "word"),
    ("tag", "Tag", "word"),
    ("name", "Name", "text"),
    ("group", "Group", "text"),
    ("notes", "Notes", "text"),
    ("seed", "Seed", "number"),
    ("pinned", "Pinned", "flag"),
    ("age", "Age (such as 2h or 7d)", "span"),
    ("duration", "Duration (such as 90s or 10m)", "span"),
)
_KEYWORDS: Final = ("and", "or", "not")
_PLAIN: Final = re.compile(r"[\w-]+(\.[\w-]+)*")
_NUMBER: Final = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.IGNORECASE)
_SPAN: Final = re.compile(r"(\d+(\.\d+)?[smhdw])+")
_WORD_AT_END: Final = re.compile(r"(?:^|[\s(])([A-Za-z_][^\s()=<>!~,]*)$")
_MOST_COMPLETIONS: Final = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class FilterField:
    """Something that runs can be filtered by."""

    path: str
    """As the filter language writes it."""
    label: str
    kind: Kind
    values: tuple[str, ...] = ()
    """Values there are, to choose from."""

    @property
    def operators(self) -> Mapping[str, str]:
        """Operator -> what it is called."""
        return _OPERATORS[self.kind]


def fields(
    keys: Iterable[Mapping[str, Any]], values: Mapping[str, Iterable[str]]
) -> list[FilterField]:
    """Return what a project's runs can be filtered by.

    Parameters
    ----------
    keys
        Rows of `store.Store.keys`.
    values
        The values there are of some fixed fields: status, model, tag.
    """
    found = [
        FilterField(path=path, label=label, kind=kind, values=tuple(values.get(path, ())))
        for path, label, kind in _FIXED
    ]
    for row in keys:
        key = row["key"]
        if row["kind"] == "metric" and not key.startswith("system/"):
            path = f"metrics.{json.dumps(key, ensure_ascii=False)}"
            found.append(FilterField(path=path, label=f"{key} (best)", kind="number"))
        elif row["kind"] == "param":
            path = f"params.{key if _PLAIN.fullmatch(key) else json.dumps(key, ensure_ascii=False)}"
            found.append(FilterField(path=path, label=key, kind="text"))
    return found


def condition(field: FilterField, operator: str, value: str) -> str:
    """Return one condition in the filter language; empty if the value does not fit the field."""
    value = value.strip()
    if not value or operator not in field.operators:
        return ""
    if field.kind == "flag":
        return f"{field.path} = {'true' if value.casefold() in {'true', 'yes'} else 'false'}"
    if field.kind == "number" and not _NUMBER.fullmatch(value):
        return ""
    if field.kind == "span" and not _SPAN.fullmatch(value):
        return ""
    is_bare = field.kind in {"number", "span"} or (
        field.kind == "text" and operator in {"=", "!="} and _NUMBER.fullmatch(value)
    )
    return f"{field.path} {operator} {value if is_bare else _quoted(value)}"


def joined(text: str, added: str, joint: Literal["and", "or"]) -> str:
    """Return a filter with one more condition."""
    text = text.strip()
    if not text or not added:
        return text or added
    return f"({text}) or {added}" if joint == "or" else f"{_in_parentheses(text)} and {added}"


def completions(text: str, known: Sequence[FilterField]) -> list[str]:
    """Return fields that the word at the end of a filter may become, the likeliest first."""
    found = _WORD_AT_END.search(text)
    if not found or found[1].casefold() in _KEYWORDS or _is_in_quotes(text):
        return []
    word = found[1].casefold().replace('"', "")
    if len(word) < 2:
        return []

    def rank(path: str) -> tuple[int, int, str] | None:
        plain = path.casefold().replace('"', "")
        if plain == word:
            return None
        if plain.startswith(word):
            return (0, len(plain), plain)
        tail = plain.partition(".")[2]
        parts = re.split(r"[./_]", tail)
        return (1, len(plain), plain) if any(part.startswith(word) for part in parts) else None

    ranked = sorted((r, field.path) for field in known if (r := rank(field.path)))
    return [path for _, path in ranked[:_MOST_COMPLETIONS]]


def completed(text: str, path: str) -> str:
    """Return a filter whose last word has become a field."""
    found = _WORD_AT_END.search(text)
    return f"{text[: found.start(1)] if found else text}{path} "


def _in_parentheses(text: str) -> str:
    """Put parentheses around what an `and` would otherwise tear apart."""
    return f"({text})" if re.search(r"\bor\b", text, re.IGNORECASE) else text


def _is_in_quotes(text: str) -> bool:
    return text.count('"') % 2 == 1 and not re.search(r'(params|metrics|spark)\."[^"]*$', text)


def _quoted(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
