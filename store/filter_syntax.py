"""Reads the filter language of `store.filters` into a small tree; knows no SQL but column names."""

import difflib
import re
from dataclasses import dataclass
from typing import Literal, NoReturn

from store.errors import FilterError

MAX_LENGTH = 4_000
MAX_DEPTH = 50
MAX_CONDITIONS = 100
STATUSES = ("running", "finished", "failed", "stopped", "crashed", "lost")
STATISTICS = ("last", "min", "max", "best", "best_step", "n")

COLUMNS = {
    "id": ("r.run_id", "text"),
    "name": ("r.name", "text"),
    "project": ("r.project", "text"),
    "group": ("r.group_name", "text"),
    "status": ("r.status", "text"),
    "model": ("r.model", "text"),
    "host": ("r.host", "text"),
    "seed": ("r.seed", "number"),
    "notes": ("r.notes", "text"),
    "tag": ("r.tags", "tags"),
    "created": ("r.created_us", "time"),
    "ended": ("r.ended_us", "time"),
    "age": ("r.created_us", "age"),
    "duration": ("r.duration_s", "seconds"),
    "pinned": ("r.pinned", "flag"),
}
FIELDS = tuple(COLUMNS)
ALIASES = {
    "run_id": "id",
    "group_name": "group",
    "tags": "tag",
    "created_at": "created",
    "ended_at": "ended",
    "duration_s": "duration",
}
_STATISTIC_COLUMNS = {
    "": "coalesce({0}.best_value, {0}.last_value)",
    "last": "{0}.last_value",
    "min": "{0}.min_value",
    "max": "{0}.max_value",
    "best": "{0}.best_value",
    "best_step": "{0}.best_step",
    "n": "{0}.n",
}
_OPERATORS = {
    "=": "in",
    "==": "in",
    "!=": "in",
    "~": "~",
    "!~": "~",
    "<": "<",
    "<=": "<=",
    ">": ">",
    ">=": ">=",
}
_KEYWORDS = ("and", "or", "not")
_TOKEN = re.compile(
    r"""(?P<space>\s+)|(?P<string>"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*')"""
    r"""|(?P<sign>[=!<>]=|!~|[=<>~(),])|(?P<word>[^\s()"',=<>!~]+)""",
    re.DOTALL,
)
_NUMBER = re.compile(
    r"[+-]?(?:(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?|inf(?:inity)?|nan)", re.IGNORECASE | re.ASCII
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Field:
    """What a comparison looks at; ``kind`` decides which values and operators fit.

    ``column`` of a metric has a place for the table's name.
    """

    text: str
    position: int
    kind: str
    column: str
    key: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Value:
    """A value as typed: ``value`` is a number, a bool, None or (quoted, or anything else) text."""

    value: float | str | None
    text: str
    position: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Comparison:
    """``operator`` is ``in`` (also for =), ``~`` or one of ``< <= > >=``."""

    field: Field
    operator: str
    values: tuple[Value, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Search:
    """A free word or phrase."""

    text: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Not:
    """The opposite of a condition."""

    item: "Node"


@dataclass(frozen=True, kw_only=True, slots=True)
class Group:
    """Conditions joined by one of ``AND`` and ``OR``."""

    joint: Literal["AND", "OR"]
    items: tuple["Node", ...]


Node = Comparison | Search | Not | Group


@dataclass(frozen=True, kw_only=True, slots=True)
class _Token:
    kind: str  # word | string | sign | end
    text: str  # a string's text is without its quotes
    start: int
    end: int

    def __str__(self) -> str:
        return "the end" if self.kind == "end" else repr(self.text)


def fail(expected: str, got: object, position: int) -> NoReturn:
    """Raise the FilterError that says what was expected, what stood there, and where."""
    raise FilterError(f"Expected {expected}; got {got} at position {position}.", position)


def _tokens(text: str) -> list[_Token]:
    if len(text) > MAX_LENGTH:
        fail(f"at most {MAX_LENGTH} characters", len(text), MAX_LENGTH)
    found: list[_Token] = []
    at = 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            wanted = "a closing quote" if text[at] in "\"'" else "!= or !~"
            fail(wanted, repr(text[at : at + 20]), at)
        piece, kind, end = match[0], str(match.lastgroup), match.end()
        if any("\ud800" <= character <= "\udfff" for character in piece):
            fail("valid Unicode", ascii(piece), at)
        if kind == "string":
            piece = re.sub(r"""\\(["'\\])""", r"\1", piece[1:-1])
        if kind != "space":
            found.append(_Token(kind=kind, text=piece, start=at, end=end))
        at = end
    return [*found, _Token(kind="end", text="", start=at, end=at)]


class _Parser:
    def __init__(self, text: str) -> None:
        self.tokens = _tokens(text)
        self.at = 0
        self.depth = 0
        self.conditions = 0

    @property
    def token(self) -> _Token:
        return self.tokens[self.at]

    def take(self) -> _Token:
        token = self.token
        self.at += token.kind != "end"
        return token

    def word(self, ahead: int = 0) -> str:
        """Return the word ``ahead`` tokens on in lower case; "" when there is none."""
        token = self.tokens[min(self.at + ahead, len(self.tokens) - 1)]
        return token.text.lower() if token.kind == "word" else ""

    def sign(self, ahead: int = 0) -> str:
        token = self.tokens[min(self.at + ahead, len(self.tokens) - 1)]
        return token.text if token.kind == "sign" else ""

    def accept(self, text: str) -> bool:
        found = text in {self.word(), self.sign()}
        self.at += found
        return found

    def expect(self, text: str, where: str) -> None:
        if not self.accept(text):
            fail(f"'{text}' {where}", self.token, self.token.start)

    def end(self, allowed: str) -> None:
        if self.token.kind != "end":
            fail(f"{allowed} or the end", self.token, self.token.start)

    def any_of(self) -> Node:
        items = [self.all_of()]
        while self.accept("or"):
            items.append(self.all_of())
        return items[0] if len(items) == 1 else Group(joint="OR", items=tuple(items))

    def all_of(self) -> Node:
        items = [self.one()]
        while self.accept("and") or self.sign() == "(" or self.starts_condition():
            items.append(self.one())
        return items[0] if len(items) == 1 else Group(joint="AND", items=tuple(items))

    def starts_condition(self) -> bool:
        return self.token.kind == "string" or self.word() not in {"", "or"}

    def one(self) -> Node:
        opposite = False
        while self.accept("not"):
            opposite = not opposite
        item = self.parenthesis() if self.accept("(") else self.condition()
        return Not(item=item) if opposite else item

    def parenthesis(self) -> Node:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            fail(f"at most {MAX_DEPTH} nested parentheses", "more", self.token.start)
        node = self.any_of()
        self.expect(")", "to close the parenthesis")
        self.depth -= 1
        return node

    def condition(self) -> Node:
        self.conditions += 1
        if self.conditions > MAX_CONDITIONS:
            fail(f"at most {MAX_CONDITIONS} conditions", "more", self.token.start)
        if not self.starts_condition() or self.word() == "and":
            fail("a field, a word or '('", self.token, self.token.start)
        if self.is_path() or (self.token.kind == "word" and self.operator_follows()):
            return self.comparison(self.field())
        return Search(text=self.take().text)

    def is_path(self) -> bool:
        return self.word().startswith(("params.", "metrics.", "spark."))

    def operator_follows(self) -> bool:
        known = self.word() in COLUMNS or self.word() in ALIASES
        next_word = self.word(1)
        if next_word == "in":
            return known or self.sign(2) == "("
        if next_word == "not" and self.word(2) == "in":
            return known or self.sign(3) == "("
        return self.sign(1) in _OPERATORS or (next_word == "is" and known)

    def field(self) -> Field:
        if self.is_path():
            return self.path()
        token = self.take()
        name = ALIASES.get(token.text.lower(), token.text.lower())
        if token.kind != "word" or name not in COLUMNS:
            near = difflib.get_close_matches(name, [*FIELDS, "params.", "metrics."], n=1)
            hint = f" (did you mean {near[0]}?)" if near else ""
            allowed = f"one of {', '.join(FIELDS)}, params.<key>, metrics.<name>"
            fail(allowed, f"{token}{hint}", token.start)
        column, kind = COLUMNS[name]
        return Field(text=name, position=token.start, kind=kind, column=column)

    def path(self) -> Field:
        """Read ``params.a."b c"``, ``metrics.loss.min``, ``metrics."val/acc".last``, ``spark.x``."""
        first = self.take()
        prefix, key = first.text.split(".", 1)
        kind = prefix.lower().rstrip("s")
        tail = first
        if (
            first.text.endswith(".")
            and self.token.kind == "string"
            and self.token.start == first.end
        ):
            tail = self.take()
            key += tail.text
        suffix = ""
        if tail.kind == "string" and self.token.start == tail.end and self.word().startswith("."):
            suffix = self.take().text[1:]
        if kind == "param" and suffix:
            key, suffix = f"{key}.{suffix}", ""
        elif kind == "metric" and tail.kind == "word" and key.rpartition(".")[2] in STATISTICS:
            key, _, suffix = key.rpartition(".")
        if not key or (key.endswith(".") and tail.kind == "word"):
            fail(f"a name after {first.text!r}", self.token, self.token.start)
        if suffix and (kind != "metric" or suffix not in STATISTICS):
            near = difflib.get_close_matches(suffix, STATISTICS, n=1)
            hint = f" (did you mean .{near[0]}?)" if near else ""
            fail(f"one of .{', .'.join(STATISTICS)}", f"'.{suffix}'{hint}", tail.end)
        column = _STATISTIC_COLUMNS[suffix] if kind == "metric" else ""
        return Field(text=prefix, position=first.start, kind=kind, column=column, key=key)

    def comparison(self, field: Field) -> Node:
        if field.kind == "spark":
            fail("a field that can be compared", "'spark'", field.position)
        sign = self.sign()
        if sign in _OPERATORS:
            self.take()
            node = Comparison(field=field, operator=_OPERATORS[sign], values=(self.value(),))
            return Not(item=node) if sign.startswith("!") else node
        if self.accept("is"):
            opposite = self.accept("not")
            nothing = Value(value=None, text="null", position=self.token.start)
            self.expect("null", "after 'is'")
            node = Comparison(field=field, operator="in", values=(nothing,))
            return Not(item=node) if opposite else node
        opposite = self.accept("not")
        if not self.accept("in"):
            fail(f"one of {', '.join(_OPERATORS)}, in, is", self.token, self.token.start)
        self.expect("(", "after 'in'")
        values = [self.value()]
        while self.accept(","):
            values.append(self.value())
        self.expect(")", "or ',' in the list")
        node = Comparison(field=field, operator="in", values=tuple(values))
        return Not(item=node) if opposite else node

    def value(self) -> Value:
        token = self.take()
        if token.kind not in {"word", "string"} or (
            token.kind == "word" and token.text.lower() in _KEYWORDS
        ):
            fail("a value (quote a text with spaces)", token, token.start)
        value: float | str | None = token.text
        if token.kind == "word":
            value = _plain_value(token.text)
        return Value(value=value, text=token.text, position=token.start)


def _plain_value(text: str) -> float | str | None:
    constants = {"true": True, "false": False, "null": None}
    if text.lower() in constants:
        return constants[text.lower()]
    if not _NUMBER.fullmatch(text):
        return text
    if text.lstrip("+-").isdigit() and abs(int(text)) < 2**63:
        return int(text)
    return float(text)


def parse(text: str) -> Node | None:
    """Return the tree of a filter; None when the text is blank.

    Raises
    ------
    FilterError
        The text is no filter, or is too long or too deep.
    """
    parser = _Parser(text)
    if parser.token.kind == "end":
        return None
    node = parser.any_of()
    parser.end("'and', 'or'")
    return node


def parse_field(text: str) -> Field:
    """Return the one field that the text names, or raise FilterError."""
    parser = _Parser(text)
    field = parser.field()
    parser.end("nothing more")
    return field


def parse_order(text: str) -> list[tuple[Field, bool]]:
    """Return ``name, created desc`` as fields and whether each goes down, or raise FilterError."""
    parser = _Parser(text)
    if parser.token.kind == "end":
        return []
    order: list[tuple[Field, bool]] = []
    while not order or parser.accept(","):
        field = parser.field()
        down = parser.accept("desc")
        if not down:
            parser.accept("asc")
        order.append((field, down))
    parser.end("',', asc, desc")
    return order


def fragment_start(text: str) -> int:
    """Return where the unfinished word, path or quoted name at the end of the text begins."""
    start = at = 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            return start
        at = match.end()
        if match.lastgroup not in {"word", "string"}:
            start = at
    return start
