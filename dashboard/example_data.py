"""The examples themselves: images, texts and series by their ids, read by a process of their own."""

import json
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

Kind = Literal["image", "text", "series", "table"]
MOST: Final = 24
"""Examples shown at once."""
_TIMEOUT_S: Final = 60
_MOST_KEPT: Final = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """What a model saw."""

    kind: Kind
    content: Any
    """PNG in base64, text, list of channels, or names with values"""


_known: dict[tuple[str, str], Example] = {}
_failed: dict[str, str] = {}
_lock = threading.Lock()


def examples(record: Mapping[str, Any], ids: Sequence[str]) -> dict[str, Example] | str:
    """Return examples of the data that a run saw, by id; or why they cannot be shown.

    The first call for a data set reads it, which can take some seconds; after that they are kept.
    """
    config = (record.get("config") or {}).get("data")
    if not isinstance(config, Mapping) or "kind" not in config:
        return "The run does not say which data it saw, so its examples cannot be read again."
    source = json.dumps(config, sort_keys=True)
    with _lock:
        if source in _failed:
            return _failed[source]
        missing = [example for example in ids[:MOST] if (source, example) not in _known]
        if missing:
            found = _read(config, missing)
            if isinstance(found, str):
                _failed[source] = found
                return found
            if len(_known) > _MOST_KEPT:
                _known.clear()
            _known.update({(source, one.pop("id")): Example(**_parts(one)) for one in found})
        return {
            example: _known[source, example]
            for example in ids[:MOST]
            if (source, example) in _known
        }


def _parts(one: Mapping[str, Any]) -> dict[str, Any]:
    return {"kind": one["kind"], "content": one["content"]}


def _read(config: Mapping[str, Any], ids: Sequence[str]) -> list[dict[str, Any]] | str:
    try:
        result = subprocess.run(
            [sys.executable, "-m", "trainers.showing"],
            input=json.dumps({"data": dict(config), "ids": list(ids)}),
            capture_output=True,
            text=True,
            timeout=_TIMEOUT_S,
            check=False,
        )
        answer = json.loads(result.stdout)
    except subprocess.TimeoutExpired:
        return f"The data could not be read within {_TIMEOUT_S} seconds."
    except (OSError, ValueError):
        return "The data of this run cannot be read on this machine."
    if isinstance(answer, dict):
        return f"The data cannot be read: {answer.get('error', 'no reason given')}"
    return answer
