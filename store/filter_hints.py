"""Helps to write the filter language: how a key is spelled, what may come next."""

import re
from collections.abc import Iterable

from store.filter_syntax import FIELDS, STATISTICS, STATUSES, fragment_start

_PLAIN_KEY = re.compile(r"[^\s()\"',=<>!~.]+(?:\.[^\s()\"',=<>!~.]+)*")


def spell(kind: str, key: str) -> str:
    """Return how the language names a param or metric, with quotes where they are needed."""
    plain = _PLAIN_KEY.fullmatch(key) and key.rpartition(".")[2] not in STATISTICS
    name = key if plain else '"' + key.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return f"{kind.removesuffix('s')}s.{name}"


def completions(text: str, cursor: int, keys: Iterable[tuple[str, str]] = ()) -> list[str]:
    """Return what may stand in place of the unfinished word before the cursor, likeliest first.

    Parameters
    ----------
    text
        The filter so far.
    cursor
        Where the user types, counted from 0.
    keys
        Kind (``param`` or ``metric``) and key of what the runs have.
    """
    head = text[: max(0, cursor)]
    start = fragment_start(head)
    typed, before = head[start:].lower(), head[:start].rstrip().lower()
    if re.search(r"\bstatus\s*(?:[=!]=|=|(?:not\s+)?in\s*\([^()]*)$", before):
        known = list(STATUSES)
    elif before.endswith(("=", "~", "<", ">")) or typed[:1] in {'"', "'"}:
        return []
    else:
        known = [*FIELDS, *sorted({spell(kind, key) for kind, key in keys}), "and", "or", "not"]
    fitting = [word for word in known if typed in word.lower()]
    return sorted(fitting, key=lambda word: not word.lower().startswith(typed))[:50]
