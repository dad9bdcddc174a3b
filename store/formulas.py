"""Formulae over metrics, such as ``val/loss - train/loss`` or ``log10(train/loss)``.

Numbers, names of metrics, ``+ - * / ^``, parentheses and a few functions; nothing else can be
written, so nothing else can happen. A ``/`` between letters belongs to a name; with blanks around
it, or beside a quoted name, it divides: ``"val/loss" / "train/loss"``.
"""

import difflib
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, NoReturn

import numpy as np
from numpy.typing import NDArray

from store.errors import FormulaError

Floats = NDArray[np.float64]

MARK: Final = "="
"""A metric's name that begins with it is a formula."""
MAX_LENGTH: Final = 300
_MAX_DEPTH: Final = 40
_LAST: Final = "last"

FUNCTIONS: Final[Mapping[str, tuple[int, Callable[..., Any]]]] = {
    "abs": (1, np.abs),
    "exp": (1, np.exp),
    "log": (1, np.log),
    "log10": (1, np.log10),
    "log2": (1, np.log2),
    "max": (2, np.maximum),
    "min": (2, np.minimum),
    "sqrt": (1, np.sqrt),
}
_OPERATORS: Final[Mapping[str, Callable[..., Any]]] = {
    "+": np.add,
    "-": np.subtract,
    "*": np.multiply,
    "/": np.divide,
    "^": np.float_power,
}
_TOKEN: Final = re.compile(
    r"""(?P<space>\s+)|(?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)"""
    r"""|(?P<name>[^\W\d][\w.:@]*(?:/[\w.:@]+)*)|(?P<quoted>"[^"]+")|(?P<sign>\*\*|[-+*/^(),;])""",
)


@dataclass(frozen=True, slots=True)
class Number:
    """A number as typed."""

    value: float


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric's value at a step; with `is_last` its last value at or before the step."""

    name: str
    is_last: bool = False


@dataclass(frozen=True, slots=True)
class Call:
    """A function or an operator on what it is given; a sign has one operand."""

    function: str
    operands: tuple["Node", ...]


Node = Number | Metric | Call


def parse(text: str) -> Node:
    """Return the tree of a formula.

    Raises
    ------
    FormulaError
        If it is none, or names no metric; in one sentence.
    """
    parser = _Parser(text)
    node = parser.sum()
    if parser.kind != "end":
        _fail("an operator or the end", parser.shown)
    if not metrics(node):
        _fail("a formula with a metric in it", repr(text))
    return node


def check(text: str, known: Iterable[str]) -> None:
    """Raise FormulaError unless the text is a formula over known metrics."""
    names = list(known)
    for metric in metrics(parse(text)):
        if metric.name not in names:
            near = difflib.get_close_matches(metric.name, names, n=1)
            hint = f" Did you mean {near[0]}?" if near else ""
            parts = metric.name.split("/")
            if len(parts) > 1 and (parts[-1].isdigit() or parts[0] in names):
                hint = " Put blanks around / to divide."
            _fail("a metric of these runs", repr(metric.name), hint)


def metrics(node: Node) -> list[Metric]:
    """Return the metrics in a tree, each once."""
    if isinstance(node, Metric):
        return [node]
    if isinstance(node, Number):
        return []
    return list(dict.fromkeys(metric for part in node.operands for metric in metrics(part)))


def evaluate(node: Node, values: Mapping[Metric, Floats]) -> Floats | float:
    """Return a formula's value for each step; what has none, such as log(-1), is NaN."""
    if isinstance(node, Number):
        return node.value
    if isinstance(node, Metric):
        return values[node]
    operands: list[Any] = [evaluate(operand, values) for operand in node.operands]
    with np.errstate(all="ignore"):
        if len(operands) == 1 and node.function == "-":
            return -operands[0]
        if node.function in _OPERATORS:
            return _OPERATORS[node.function](*operands)
        return FUNCTIONS[node.function][1](*operands)


def _fail(expected: str, got: str, hint: str = "") -> NoReturn:
    raise FormulaError(f"Expected {expected}; got {got}.{hint}")


class _Parser:
    """Recursive descent, one token ahead."""

    def __init__(self, text: str) -> None:
        if len(text) > MAX_LENGTH:
            _fail(f"at most {MAX_LENGTH} characters", str(len(text)))
        self.text, self.at, self.depth = text, 0, 0
        self.kind, self.token = "", ""
        self.next()

    @property
    def shown(self) -> str:
        return "the end" if self.kind == "end" else repr(self.token)

    def next(self) -> str:
        """Step to the next token; return the one before."""
        before, self.kind, self.token = self.token, "end", ""
        while self.at < len(self.text):
            match = _TOKEN.match(self.text, self.at)
            if match is None:
                _fail("numbers, metrics and operators", repr(self.text[self.at]))
            self.at = match.end()
            if match.lastgroup != "space":
                self.kind, self.token = str(match.lastgroup), match.group()
                break
        return before

    def accept(self, *signs: str) -> str:
        """Step over one of the signs and return it; return nothing if another token comes."""
        return self.next() if self.kind == "sign" and self.token in signs else ""

    def close(self) -> None:
        if not self.accept(")"):
            _fail("')'", self.shown)

    def sum(self) -> Node:
        node = self.product()
        while sign := self.accept("+", "-"):
            node = Call(sign, (node, self.product()))
        return node

    def product(self) -> Node:
        node = self.signed()
        while sign := self.accept("*", "/"):
            node = Call(sign, (node, self.signed()))
        return node

    def signed(self) -> Node:
        self.depth += 1
        if self.depth > _MAX_DEPTH:
            _fail(f"at most {_MAX_DEPTH} levels", "more")
        sign = self.accept("+", "-")
        node = self.signed() if sign else self.power()
        self.depth -= 1
        return Call("-", (node,)) if sign == "-" else node

    def power(self) -> Node:
        node = self.atom()
        return Call("^", (node, self.signed())) if self.accept("^", "**") else node

    def atom(self) -> Node:
        if self.accept("("):
            node = self.sum()
            self.close()
            return node
        match self.kind:
            case "number":
                return Number(float(self.next()))
            case "quoted":
                return Metric(self.next()[1:-1])
            case "name":
                name = self.next()
                return self.call(name) if self.accept("(") else Metric(name)
            case _:
                _fail("a metric, a number or '('", self.shown)

    def call(self, name: str) -> Node:
        if name != _LAST and name not in FUNCTIONS:
            _fail(f"one of the functions {', '.join([*FUNCTIONS, _LAST])}", repr(name))
        operands = [self.sum()]
        while self.accept(",", ";"):
            operands.append(self.sum())
        self.close()
        expected = 1 if name == _LAST else FUNCTIONS[name][0]
        if len(operands) != expected:
            _fail(f"{expected} value{'s' * (expected > 1)} for {name}", str(len(operands)))
        if name != _LAST:
            return Call(name, tuple(operands))
        if not isinstance(operands[0], Metric):
            _fail("a metric's name in last()", "something else")
        return Metric(operands[0].name, is_last=True)
