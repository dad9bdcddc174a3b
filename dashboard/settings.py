"""What everybody who opens this store's dashboard shares: kept in the store's folder.

Small choices only, such as the columns of the run table. The address always wins over them.
"""

import json
from pathlib import Path
from typing import Any, Final

from dashboard import data
from store.errors import HomeNotWritableError
from store.layout import write_json

_FILE: Final = "dashboard.json"
_MOST_BYTES: Final = 1_000_000


def read(name: str, default: Any) -> Any:
    """Return a setting; `default` if nobody chose it or the file cannot be read."""
    value = _all().get(name, default)
    return value if isinstance(value, type(default)) else default


def write(name: str, value: Any) -> None:
    """Keep a setting for everybody; None forgets it.

    Raises
    ------
    store.HomeNotWritableError
        If the disk refuses it.
    """
    values = _all()
    if value is None:
        values.pop(name, None)
    else:
        values[name] = value
    path = _path()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_json(path, values)
    except OSError as error:
        raise HomeNotWritableError(
            f"Expected a file that can be written; got {path} ({error.strerror}). "
            "Is the disk full, or the folder read-only?"
        ) from error


def _path() -> Path:
    return Path(data.home()) / _FILE


def _all() -> dict[str, Any]:
    try:
        with _path().open("rb") as file:
            values = json.loads(file.read(_MOST_BYTES))
    except (OSError, ValueError):
        return {}
    return values if isinstance(values, dict) else {}
