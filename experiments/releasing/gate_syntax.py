"""The language of gates: one line of text says what a model has to fulfil to be released.

::

    val/f1 >= 0.90                                        the interval's bound, where examples exist
    val/f1 >= 0.90 (plain)                                the bare value
    latency_p95_ms <= 20
    ECE <= 0.05
    val/acc not worse than champion by > 0.01             non-inferiority
    latency_p95_ms not worse than champion by > 10 %
    no slice worse than champion by > 0.02 (95 % CI)
    no slice of length worse than champion by > 0.02 on macro_f1
    no slice shown worse than champion by > 5 %           closed by evidence only
    checks: none failing
    checks: none failing except P03, G01
    verdict vs champion in {better, equivalent}
"""

import math
import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final, Literal, NoReturn

from experiments.errors import UsageError
from experiments.evaluating.findings import CHECKS

Operator = Literal[">=", "<=", ">", "<"]
OPERATORS: Final[tuple[Operator, ...]] = (">=", "<=", ">", "<")
VERDICTS: Final = ("better", "equivalent", "not worse", "worse", "cannot tell")
"""What a verdict gate may allow, the best first."""

_TOKEN = re.compile(
    r"""\s*(?:(?P<number>[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)(?![\w/])
    |(?P<op>>=|<=|>|<)
    |(?P<mark>[{}(),:%])
    |"(?P<quoted>[^"\n]+)"
    |(?P<word>[A-Za-z_][\w./@-]*))""",
    re.VERBOSE,
)
_KEYWORDS: Final = frozenset({"no", "checks", "verdict", "champion", "not", "worse", "than", "by"})
_PLAIN_NAME = re.compile(r"[A-Za-z_][\w./@-]*")


class GateError(UsageError):
    """A gate that cannot be understood.

    Attributes
    ----------
    position : int
        Where in the text the trouble starts, counted from 0.
    """

    def __init__(self, message: str, position: int) -> None:
        super().__init__(message)
        self.position = position


@dataclass(frozen=True, slots=True, kw_only=True)
class ThresholdGate:
    """A metric against a number."""

    metric: str
    op: Operator
    bound: float
    is_plain: bool = False
    """judge the value itself, not its interval"""
    level: float | None = None
    """confidence level; the policy's if None"""

    def __str__(self) -> str:
        return f"{_name(self.metric)} {self.op} {_number(self.bound)}{_options(self)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class RegressionGate:
    """A metric that must not be worse than the champion's by more than a margin."""

    metric: str
    margin: float
    is_share: bool = False
    """the margin is a share of the champion's value"""
    is_plain: bool = False
    level: float | None = None

    def __str__(self) -> str:
        margin = f"{_percent(self.margin)} %" if self.is_share else _number(self.margin)
        return f"{_name(self.metric)} not worse than champion by > {margin}{_options(self)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class SliceGate:
    """No part of the data on which the model is worse than the champion by more than a margin."""

    margin: float
    is_share: bool = False
    """the margin is a share of the champion's value"""
    is_shown: bool = False
    """only a slice that is shown to be worse closes it; else each has to be shown not to be"""
    column: str | None = None
    """one slicing of the data; all if None"""
    metric: str | None = None
    """the policy's if None"""
    level: float | None = None

    def __str__(self) -> str:
        column = "" if self.column is None else f" of {_name(self.column)}"
        metric = "" if self.metric is None else f" on {_name(self.metric)}"
        level = "" if self.level is None else f" ({_percent(self.level)} % CI)"
        margin = f"{_percent(self.margin)} %" if self.is_share else _number(self.margin)
        shown = " shown" if self.is_shown else ""
        return f"no slice{column}{shown} worse than champion by > {margin}{metric}{level}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChecksGate:
    """No automatic check that fails."""

    exceptions: tuple[str, ...] = ()

    def __str__(self) -> str:
        return "checks: none failing" + (
            f" except {', '.join(self.exceptions)}" if self.exceptions else ""
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class VerdictGate:
    """The verdict of the comparison with the champion."""

    allowed: tuple[str, ...]
    metric: str | None = None

    def __str__(self) -> str:
        metric = "" if self.metric is None else f" on {_name(self.metric)}"
        return f"verdict vs champion{metric} in {{{', '.join(self.allowed)}}}"


Gate = ThresholdGate | RegressionGate | SliceGate | ChecksGate | VerdictGate


def parse_gate(text: str) -> Gate:
    """Return the meaning of a gate's text; ``str`` of the result is the text in its plain form.

    Raises
    ------
    GateError
        If it cannot be understood; it names the place.
    """
    reader = _Reader(text)
    if reader.takes("checks"):
        gate: Gate = _checks(reader)
    elif reader.takes("verdict"):
        gate = _verdict(reader)
    elif reader.takes("no"):
        gate = _slices(reader)
    else:
        gate = _metric(reader)
    if not reader.is_at_end:
        reader.refuse("the end of the gate")
    return gate


def _checks(reader: "_Reader") -> ChecksGate:
    for word in (":", "none", "failing"):
        reader.expect(word)
    exceptions: list[str] = []
    if reader.takes("except"):
        exceptions.append(reader.one_of(CHECKS, "a check's code"))
        while reader.takes(","):
            exceptions.append(reader.one_of(CHECKS, "a check's code"))
    return ChecksGate(exceptions=tuple(exceptions))


def _verdict(reader: "_Reader") -> VerdictGate:
    reader.expect("vs")
    reader.expect("champion")
    metric = reader.name("a metric") if reader.takes("on") else None
    reader.expect("in")
    reader.expect("{")
    allowed = {_verdict_word(reader)}
    while reader.takes(","):
        allowed.add(_verdict_word(reader))
    reader.expect("}")
    return VerdictGate(allowed=tuple(word for word in VERDICTS if word in allowed), metric=metric)


def _verdict_word(reader: "_Reader") -> str:
    for word in VERDICTS:
        first, _, second = word.partition(" ")
        if reader.takes(first):
            if second:
                reader.expect(second)
            return word
    return reader.refuse(f"one of {', '.join(VERDICTS)}")


def _slices(reader: "_Reader") -> SliceGate:
    reader.expect("slice")
    column = reader.name("a slice's name") if reader.takes("of") else None
    is_shown = reader.takes("shown")
    for word in ("worse", "than", "champion", "by", ">"):
        reader.expect(word)
    margin = reader.amount("a margin from 0 on", least=0.0)
    is_share = reader.takes("%")
    metric = reader.name("a metric") if reader.takes("on") else None
    _, level = reader.options(may_be_plain=False)
    return SliceGate(
        margin=margin / 100 if is_share else margin,
        is_share=is_share,
        is_shown=is_shown,
        column=column,
        metric=metric,
        level=level,
    )


def _metric(reader: "_Reader") -> ThresholdGate | RegressionGate:
    metric = reader.name("a metric, 'no slice', 'checks' or 'verdict'")
    if reader.takes("not"):
        for word in ("worse", "than", "champion", "by", ">"):
            reader.expect(word)
        margin = reader.amount("a margin from 0 on", least=0.0)
        is_share = reader.takes("%")
        is_plain, level = reader.options()
        return RegressionGate(
            metric=metric,
            margin=margin / 100 if is_share else margin,
            is_share=is_share,
            is_plain=is_plain,
            level=level,
        )
    for op in OPERATORS:
        if reader.takes(op):
            bound = reader.amount("a number")
            is_plain, level = reader.options()
            return ThresholdGate(metric=metric, op=op, bound=bound, is_plain=is_plain, level=level)
    return reader.refuse("one of >= <= > < or 'not worse than champion by > ...'")


class _Reader:
    """Walks through the tokens of a gate and says in words where it stumbles."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens: list[tuple[str, str, int]] = []
        at, end = 0, len(text.rstrip())
        while at < end:
            match = _TOKEN.match(text, at)
            if match is None:
                at += len(text[at:]) - len(text[at:].lstrip())
                raise GateError(_told("a gate", text, at), at)
            kind = str(match.lastgroup)
            self._tokens.append((kind, match[kind], match.start(kind)))
            at = match.end()
        self._next = 0

    @property
    def is_at_end(self) -> bool:
        """Whether everything was read."""
        return self._next >= len(self._tokens)

    def takes(self, word: str) -> bool:
        """Go on if the next token is `word`."""
        if not self.is_at_end:
            kind, text, _ = self._tokens[self._next]
            if kind != "quoted" and text == word:
                self._next += 1
                return True
        return False

    def expect(self, word: str) -> None:
        """Go on behind `word`, which has to come."""
        if not self.takes(word):
            self.refuse(repr(word))

    def name(self, what: str) -> str:
        """Take a name."""
        if not self.is_at_end:
            kind, text, _ = self._tokens[self._next]
            if kind == "quoted" or (kind == "word" and text not in _KEYWORDS):
                self._next += 1
                return text
        return self.refuse(what)

    def one_of(self, words: Collection[str], what: str) -> str:
        """Take one of some words."""
        if self.is_at_end or self._tokens[self._next][1] not in words:
            self.refuse(f"{what} ({', '.join(words)})")
        return self.name(what)

    def amount(self, what: str, least: float = -math.inf) -> float:
        """Take a number."""
        if not self.is_at_end:
            kind, text, _ = self._tokens[self._next]
            if kind == "number" and least <= float(text) < math.inf:
                self._next += 1
                return float(text)
        return self.refuse(what)

    def options(self, *, may_be_plain: bool = True) -> tuple[bool, float | None]:
        """Take ``(plain)`` or ``(95 % CI)``, if there is one."""
        if not self.takes("("):
            return False, None
        if may_be_plain and self.takes("plain"):
            self.expect(")")
            return True, None
        start = self._next
        level = self.amount("a confidence level such as 95 % CI", least=0.0)
        if not 50 <= level < 100:
            self._next = start
            self.refuse("a confidence level from 50 to below 100")
        for word in ("%", "CI", ")"):
            self.expect(word)
        return False, level / 100

    def refuse(self, expected: str) -> NoReturn:
        """Say what was expected here instead."""
        at = len(self._text.rstrip()) if self.is_at_end else self._tokens[self._next][2]
        raise GateError(_told(expected, self._text, at), at)


def _told(expected: str, text: str, at: int) -> str:
    got = repr(text[at : at + 20]) if text[at:].strip() else "nothing more"
    return f"Expected {expected} at character {at + 1} of the gate {text!r}; got {got}."


def _options(gate: ThresholdGate | RegressionGate) -> str:
    if gate.is_plain:
        return " (plain)"
    return "" if gate.level is None else f" ({_percent(gate.level)} % CI)"


def _number(value: float) -> str:
    short = f"{value:.12g}"
    return short if float(short) == value else repr(value)


def _percent(share: float) -> str:
    texts = (f"{share * 100:.{digits}g}" for digits in (12, 15, 16, 17))
    return next((text for text in texts if float(text) / 100 == share), repr(share * 100))


def _name(text: str) -> str:
    is_plain = _PLAIN_NAME.fullmatch(text) and text not in _KEYWORDS
    return text if is_plain else f'"{text}"'
