"""Conditions that pick examples: ``region = north and length > 40``, evaluated with NumPy.

Names are slice columns, ``label`` (the class's name, or the true value) and ``id``. Operators are
``= != < <= > >=`` and ``~`` (contains); conditions join with ``and``, ``or``, ``not`` and brackets.
A condition never looks at what a model said: that would choose the examples by their outcome.
"""

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from experiments.errors import UsageError
from experiments.evaluating.predicted import Predicted, codes_of

Mask = NDArray[np.bool_]

_TOKEN = re.compile(
    r"""\s*(?:(?P<quoted>"[^"]*"|'[^']*')|(?P<sign>!=|<=|>=|[=<>~()])|(?P<word>[^\s()=!<>~"']+))"""
)
_ORDER: Mapping[str, Callable[[Any, Any], Any]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_MAX_LENGTH = 1_000
_MAX_DEPTH = 30


class ConditionError(UsageError):
    """A condition that cannot be understood."""


def select(predicted: Predicted, text: str) -> Mask:
    """Return which examples fulfil a condition, shape (n,).

    Raises
    ------
    ConditionError
        If the condition cannot be understood; one sentence says where.
    """
    if len(text) > _MAX_LENGTH:
        raise ConditionError(f"Expected at most {_MAX_LENGTH} characters; got {len(text)}.")
    reader = _Reader(text, predicted)
    mask = reader.any_of(0)
    if reader.place < len(reader.tokens):
        reader.fail("and, or, or the end")
    return mask


@dataclass(frozen=True, slots=True, kw_only=True)
class _Token:
    kind: str
    text: str


class _Reader:
    def __init__(self, text: str, predicted: Predicted) -> None:
        self.tokens = _tokens(text)
        self.place = 0
        self._predicted = predicted

    def any_of(self, depth: int) -> Mask:
        mask = self._all_of(depth)
        while self._takes("or"):
            mask = mask | self._all_of(depth)
        return mask

    def _all_of(self, depth: int) -> Mask:
        mask = self._one(depth)
        while self._takes("and"):
            mask = mask & self._one(depth)
        return mask

    def _one(self, depth: int) -> Mask:
        if depth > _MAX_DEPTH:
            raise ConditionError(f"Expected at most {_MAX_DEPTH} brackets inside each other.")
        if self._takes("not"):
            return ~self._one(depth + 1)
        if self._takes("("):
            mask = self.any_of(depth + 1)
            if not self._takes(")"):
                self.fail("a closing bracket")
            return mask
        name = self._next("a column", ("word", "quoted"))
        sign = self._next("one of = != < <= > >= ~", ("sign",))
        if sign in "()":
            self.place -= 1
            self.fail("one of = != < <= > >= ~")
        value = self._next("a value", ("word", "quoted"))
        return _compare(self._predicted, name, sign, value)

    def _takes(self, word: str) -> bool:
        token = self._peek()
        if token is not None and token.kind != "quoted" and token.text.lower() == word:
            self.place += 1
            return True
        return False

    def _next(self, expected: str, kinds: tuple[str, ...]) -> str:
        token = self._peek()
        if token is None or token.kind not in kinds:
            self.fail(expected)
        self.place += 1
        return token.text

    def _peek(self) -> _Token | None:
        return self.tokens[self.place] if self.place < len(self.tokens) else None

    def fail(self, expected: str) -> NoReturn:
        token = self._peek()
        got = "the end" if token is None else repr(token.text)
        raise ConditionError(f"Expected {expected}; got {got}. For example: region = north.")


def _tokens(text: str) -> list[_Token]:
    tokens, place = [], 0
    text = text.rstrip()
    while place < len(text):
        found = _TOKEN.match(text, place)
        if found is None:
            raise ConditionError(f"Expected a condition; got {text[place : place + 20]!r}.")
        kind = str(found.lastgroup)
        told = found[kind]
        tokens.append(_Token(kind=kind, text=told[1:-1] if kind == "quoted" else told))
        place = found.end()
    if not tokens:
        raise ConditionError("Expected a condition, such as region = north; got nothing.")
    return tokens


def _compare(predicted: Predicted, name: str, sign: str, value: str) -> Mask:
    codes, values = _column(predicted, name)
    if sign in _ORDER:
        limit = _number(value)
        if limit is None or any(not _is_number(one) for one in values if one is not None):
            raise ConditionError(
                f"Expected numbers on both sides of {sign}; got {name} {sign} {value}."
            )
        compare = _ORDER[sign]
        wanted = [one is not None and bool(compare(one, limit)) for one in values]
    elif sign == "~":
        wanted = [value.lower() in str(one).lower() for one in values]
    else:
        wanted = [_equals(one, value) for one in values]
    # A missing value fulfils no condition, not even !=: its code -1 picks the last entry.
    table = np.array([*wanted, False], dtype=bool)
    if sign == "!=":
        table = np.append(~table[:-1], False)
    return table[codes]


def _column(predicted: Predicted, name: str) -> tuple[NDArray[np.int64], list[Any]]:
    if name in predicted.slices:
        return codes_of(predicted.slices[name])
    if name == "label":
        if predicted.task == "classification":
            return predicted.label.astype(np.int64), list(predicted.class_names)
        values, codes = np.unique(predicted.label, return_inverse=True)
        return codes.astype(np.int64), values.tolist()
    if name == "id":
        return codes_of(predicted.example_id)
    known = ", ".join([*predicted.slices, "label", "id"])
    raise ConditionError(f"Expected a column of {known}; got {name!r}.")


def _equals(one: Any, value: str) -> bool:
    if isinstance(one, bool):
        return str(one).lower() == value.lower()
    number = _number(value)
    if _is_number(one) and number is not None:
        return float(one) == number
    return str(one) == value


def _is_number(one: Any) -> bool:
    return isinstance(one, int | float) and not isinstance(one, bool)


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
