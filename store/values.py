"""Turns what people log and configure into plain numbers, flat keys and JSON text."""

import dataclasses
import enum
import json
import math
import os
from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from decimal import Decimal
from itertools import islice
from typing import Any, Final

MAX_DEPTH: Final = 20
"""Deeper levels of a configuration or a JSON text become short descriptions."""
MAX_TEXT: Final = 10_000
"""Longest value of a flattened configuration, in characters."""
_NOT_SIMPLE: Final = object()
_PLAIN_TYPES: Final = frozenset({bool, int, float, str, type(None)})
# Python's splitlines ends lines here too, JSON does not.
_LINE_ENDS: Final = {0x85: "\\u0085", 0x2028: "\\u2028", 0x2029: "\\u2029"}


def as_number(value: Any) -> float:
    """Return a logged value as a float; NaN and infinity stay what they are.

    Takes Python numbers, Decimal and Fraction, NumPy scalars, and arrays or tensors of one element
    (of any library, through ``.item()``). A number beyond the range of a float becomes infinity
    with its sign.

    Raises
    ------
    TypeError
        The value is anything else, such as text, None, a list, a complex number, a date or a
        larger array.
    """
    kind = type(value)
    if kind is float:
        return value
    if kind is int or kind is bool:
        return _float(value)
    if isinstance(value, str | bytes | bytearray | complex):
        raise _no_number(value)
    if hasattr(value, "item"):
        return _only_element(value)
    if hasattr(kind, "__float__") or hasattr(kind, "__index__"):
        return _float(value)
    raise _no_number(value)


def flatten(config: Any, sep: str = ".") -> dict[str, Any]:
    """Return a nested configuration as one level of dotted keys and plain values.

    Takes mappings, dataclasses, pydantic models, named tuples, namespaces and mixtures of them.
    Values become str, int, float, bool or None: paths and times as text, enum members as their
    values, scalars of NumPy and torch as numbers, classes and functions as their names, lists and
    other collections (and empty mappings) as JSON text, the rest as its ``repr``. Texts are cut at
    `MAX_TEXT`. Where two keys meet (``{"a.b": 1, "a": {"b": 2}}``) the later one wins.

    Raises
    ------
    TypeError
        The configuration has no keys at all.
    """
    fields = _fields(config)
    if fields is None:
        raise TypeError(f"Expected a configuration with named values; got {_described(config)}.")
    flat: dict[str, Any] = {}
    _flatten_into(flat, "", fields, sep, (id(config),))
    return flat


def to_json(value: Any, limit: int = 16_000_000) -> str:
    """Return any value as JSON text on one line; it never fails.

    NaN and infinity are written as ``NaN``, ``Infinity`` and ``-Infinity``, which Python's ``json``
    and DuckDB read back (strict JSON has no word for them). Values that JSON does not know are
    written as `flatten` writes them; circles and levels below `MAX_DEPTH` become short texts.

    Parameters
    ----------
    value
        Anything.
    limit
        About how many characters there may be; what comes later is shortened to ``…``.
    """
    return _dumped(_Plain(limit).of(value, ()))


def _float(value: Any) -> float:
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf
    except ValueError:
        if isinstance(value, Decimal):  # a signalling NaN
            return math.nan
        raise _no_number(value) from None


def _only_element(value: Any) -> float:
    count = getattr(value, "size", 1)
    if callable(count):  # as torch has it
        count = value.numel()
    kind = getattr(getattr(value, "dtype", None), "kind", "f")
    if count != 1 or kind in "cmMSU":
        raise _no_number(value)
    element = value.item()
    if isinstance(element, str | bytes | complex) or not hasattr(type(element), "__float__"):
        raise _no_number(element)
    return _float(element)


def _no_number(value: Any) -> TypeError:
    return TypeError(f"Expected a number; got {_described(value)}. Log one number under each name.")


def _described(value: Any) -> str:
    name, shape = type(value).__name__, getattr(value, "shape", ())
    return f"{name} of shape {tuple(shape)}" if isinstance(shape, tuple) and shape else name


def _dumped(plain: Any) -> str:
    text = json.dumps(plain, ensure_ascii=False)
    if text.isascii():
        return text
    return text.translate(_LINE_ENDS).encode("utf-8", "backslashreplace").decode()


def _flatten_into(
    flat: dict[str, Any], prefix: str, fields: dict[Any, Any], sep: str, parents: tuple[int, ...]
) -> None:
    for key, value in fields.items():
        name = f"{prefix}{_key(key)}"
        below = None if type(value) in _PLAIN_TYPES else _fields(value)
        if below and id(value) not in parents and len(parents) < MAX_DEPTH:
            _flatten_into(flat, f"{name}{sep}", below, sep, (*parents, id(value)))
        else:
            plain = _Plain(MAX_TEXT).of(value, parents)
            flat[name] = _dumped(plain) if isinstance(plain, dict | list) else plain


class _Plain:
    """Turns values into what JSON knows, within a budget of characters."""

    def __init__(self, limit: int) -> None:
        self.left = limit

    def of(self, value: Any, parents: tuple[int, ...]) -> Any:
        simple = _simple(value)
        if simple is not _NOT_SIMPLE:
            return self.scalar(simple)
        if id(value) in parents or len(parents) >= MAX_DEPTH:
            return self.text(f"<{type(value).__name__}>")
        below = (*parents, id(value))
        try:
            fields = _fields(value)
            if fields is not None:
                return self.mapping(fields, below)
            items = _items(value)
            return self.text(_shown(value)) if items is None else self.list(items, below)
        except Exception:  # noqa: BLE001  # users' objects may do anything when looked at
            return self.text(_shown(value))

    def scalar(self, value: Any) -> Any:
        if isinstance(value, str):
            return self.text(value)
        self.left -= 8
        if type(value) is int and value.bit_length() > 4_096:  # json refuses numbers this long
            return _float(value)
        return value

    def text(self, value: str) -> str:
        room = max(0, self.left)
        self.left -= len(value) + 4
        return value if len(value) <= room else f"{value[:room]}…"

    def mapping(self, fields: dict[Any, Any], below: tuple[int, ...]) -> dict[str, Any]:
        plain: dict[str, Any] = {}
        for key, value in fields.items():
            if self.left <= 0:
                plain["…"] = f"{len(fields) - len(plain)} more"
                break
            plain[self.text(_key(key))] = self.of(value, below)
        return plain

    def list(self, items: Any, below: tuple[int, ...]) -> list[Any]:
        plain: list[Any] = []
        for item in islice(items, max(0, self.left)):
            if self.left <= 0:
                break
            plain.append(self.of(item, below))
        if len(plain) < len(items):
            plain.append(f"… {len(items) - len(plain)} more")
        return plain


def _fields(value: Any) -> dict[Any, Any] | None:
    """Return the named values of anything that has names for them, else None."""
    try:
        if isinstance(value, Mapping):
            return dict(value)
        if isinstance(value, type):
            return None
        if dataclasses.is_dataclass(value):
            return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
        for name in ("model_dump", "_asdict"):  # pydantic models, named tuples
            if hasattr(value, name):
                return dict(getattr(value, name)())
        return dict(vars(value)) if type(value).__name__.endswith("Namespace") else None
    except Exception:  # noqa: BLE001  # users' objects may do anything when looked at
        return None


def _items(value: Any) -> Any:
    """Return the elements of a collection, sets in a stable order, else None."""
    if isinstance(value, list | tuple | range):
        return value
    if isinstance(value, AbstractSet):
        return sorted(value, key=repr)
    if hasattr(value, "tolist") and hasattr(value, "shape"):
        return value.tolist() if math.prod(value.shape) <= MAX_TEXT else None
    return None


def _key(key: Any) -> str:
    simple = _simple(key)
    return _shown(key) if simple is _NOT_SIMPLE else str(simple)


def _shown(value: Any) -> str:
    try:
        return repr(value)[:500]
    except Exception:  # noqa: BLE001  # users' objects may do anything when looked at
        return f"<{type(value).__name__}>"


def _simple(value: Any) -> Any:
    """Return the str, int, float, bool or None that stands for a value, else _NOT_SIMPLE."""
    if type(value) in _PLAIN_TYPES:
        return value
    if type(value) in {dict, list}:
        return _NOT_SIMPLE
    try:
        for fits, convert in _CONVERSIONS:
            if fits(value):
                return convert(value)
    except Exception:  # noqa: BLE001  # users' objects may do anything when looked at
        return _shown(value)
    return _NOT_SIMPLE


def _is_scalar_array(value: Any) -> bool:
    return hasattr(value, "item") and getattr(value, "shape", None) == ()


def _is_named(value: Any) -> bool:
    return callable(value) and hasattr(value, "__qualname__")


def _is_number(value: Any) -> bool:
    return hasattr(type(value), "__float__") and not hasattr(value, "shape")


def _element(value: Any) -> Any:
    element = value.item()
    return _simple(element) if type(element) is not type(value) else as_number(element)


_CONVERSIONS: tuple[tuple[Callable[[Any], bool], Callable[[Any], Any]], ...] = (
    (lambda value: isinstance(value, enum.Enum), lambda value: _simple(value.value)),
    (lambda value: isinstance(value, str), str.__str__),
    (lambda value: isinstance(value, int), int),
    (lambda value: isinstance(value, float), float),
    (lambda value: isinstance(value, bytes), lambda value: value.decode("utf-8", "replace")),
    (lambda value: isinstance(value, os.PathLike), os.fsdecode),
    (_is_named, lambda value: f"{value.__module__}.{value.__qualname__}"),
    (lambda value: hasattr(value, "isoformat"), lambda value: value.isoformat()),
    (_is_scalar_array, _element),
    (_is_number, as_number),
)
