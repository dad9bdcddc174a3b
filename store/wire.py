"""How answers and errors travel between the hub and its clients."""

import json
from typing import Any, Final

import pyarrow as pa

from store import errors
from store.errors import FilterError, StoreError

HEADER: Final = "x-bakeoff-token"
_ERROR: Final = b"bakeoff-error"


def error_as_table(error: StoreError) -> pa.Table:
    """Return an empty table that carries an error."""
    return pa.table({}).replace_schema_metadata({_ERROR: json.dumps(_facts(error))})


def error_as_text(error: StoreError) -> bytes:
    """Return an action's answer that carries an error."""
    return json.dumps({_ERROR.decode(): _facts(error)}).encode()


def check_table(table: pa.Table) -> pa.Table:
    """Return the table, or raise the error that it carries.

    Raises
    ------
    StoreError
        What the owner raised.
    """
    metadata = table.schema.metadata or {}
    if _ERROR in metadata:
        raise _error(json.loads(metadata[_ERROR]))
    return table


def check_answer(text: bytes) -> dict[str, Any]:
    """Return an action's answer, or raise the error that it carries.

    Raises
    ------
    StoreError
        What the owner raised.
    """
    answer = json.loads(text)
    if _ERROR.decode() in answer:
        raise _error(answer[_ERROR.decode()])
    return answer


def _facts(error: StoreError) -> dict[str, Any]:
    return {
        "kind": type(error).__name__,
        "message": str(error),
        "position": getattr(error, "position", 0),
    }


def _error(facts: dict[str, Any]) -> StoreError:
    kind = getattr(errors, facts["kind"], StoreError)
    if kind is FilterError:
        return FilterError(facts["message"], facts["position"])
    return kind(facts["message"])
