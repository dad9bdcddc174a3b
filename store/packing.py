"""Turns the values of one `log()` call into bytes; the hot path of every training ends here.

One closure a set of names: looking names up one by one is a third cheaper than what any number
of values needs, a list of them and a call with a star.
"""

import struct
from collections.abc import Callable
from operator import itemgetter
from typing import Any, Final

MARK: Final = struct.Struct("<qdd")
"""Step, seconds since the run's start, epoch: what stands in front of the values."""

Pack = Callable[[dict[str, Any], int, float, float], bytes]
"""Metrics, step, seconds and epoch of a call, as bytes; a KeyError if a name is missing."""


def packer(names: tuple[str, ...]) -> Pack:
    """Return what packs calls of exactly these metrics, each value as a double."""
    pack = struct.Struct(f"{MARK.format}{'d' * len(names)}").pack
    if len(names) in _BY_WIDTH:
        return _BY_WIDTH[len(names)](pack, *names)
    values_of = itemgetter(*names)
    return lambda m, step, at, epoch: pack(step, at, epoch, *values_of(m))


def _none(pack: Any) -> Pack:
    return lambda _, step, at, epoch: pack(step, at, epoch)


def _one(pack: Any, a: str) -> Pack:
    return lambda m, step, at, epoch: pack(step, at, epoch, m[a])


def _two(pack: Any, a: str, b: str) -> Pack:
    return lambda m, step, at, epoch: pack(step, at, epoch, m[a], m[b])


def _three(pack: Any, a: str, b: str, c: str) -> Pack:
    return lambda m, step, at, epoch: pack(step, at, epoch, m[a], m[b], m[c])


def _four(pack: Any, a: str, b: str, c: str, d: str) -> Pack:
    return lambda m, step, at, epoch: pack(step, at, epoch, m[a], m[b], m[c], m[d])


def _five(pack: Any, a: str, b: str, c: str, d: str, e: str) -> Pack:  # noqa: PLR0917
    return lambda m, step, at, epoch: pack(step, at, epoch, m[a], m[b], m[c], m[d], m[e])


def _six(pack: Any, a: str, b: str, c: str, d: str, e: str, f: str) -> Pack:  # noqa: PLR0917
    return lambda m, step, at, epoch: pack(step, at, epoch, m[a], m[b], m[c], m[d], m[e], m[f])


_BY_WIDTH: Final = dict(enumerate((_none, _one, _two, _three, _four, _five, _six)))
