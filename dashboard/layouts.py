"""Layouts of the curves page: panels and how they are drawn, under a name, for everybody."""

from collections.abc import Mapping
from typing import Final

from dashboard import settings
from dashboard.state import CURVE_VIEW
from experiments.errors import UsageError

KEYS: Final = ("metrics", *(key for key in CURVE_VIEW if key not in {"zoom", "hide", "pin"}))
"""What a layout keeps: everything but which runs there are, and what was done to single ones."""
MOST: Final = 100
_SETTING: Final = "curve_layouts"
_MOST_NAME, _MOST_VALUE = 60, 4_000


def names() -> list[str]:
    """Return the layouts in alphabetical order."""
    return sorted(_all(), key=str.casefold)


def read(name: str) -> dict[str, str] | None:
    """Return a layout's parameters of the address; None if there is no such layout."""
    values = _all().get(name)
    if not isinstance(values, dict):
        return None
    return {key: str(values.get(key, ""))[:_MOST_VALUE] for key in KEYS}


def save(name: str, view: Mapping[str, str]) -> None:
    """Keep a view under a name; one of that name is replaced.

    Raises
    ------
    UsageError
        If the name will not do, or there are too many layouts.
    store.HomeNotWritableError
        If the disk refuses it.
    """
    kept = {key: view[key][:_MOST_VALUE] for key in KEYS if view.get(key)}
    layouts = {**_all(), _checked(name): kept}
    if len(layouts) > MOST:
        raise UsageError(f"Expected at most {MOST} layouts; got one more. Delete one first.")
    settings.write(_SETTING, layouts)


def rename(name: str, new: str) -> None:
    """Give a layout another name.

    Raises
    ------
    UsageError
        If the new name will not do or is taken, or the layout is gone.
    store.HomeNotWritableError
        If the disk refuses it.
    """
    layouts = _all()
    if name not in layouts:
        raise UsageError(f"Expected a layout; got {name!r}, which is gone. Choose another.")
    if _checked(new) in layouts:
        raise UsageError(f"Expected a new name; got {new!r}, which is taken. Choose another.")
    layouts[new.strip()] = layouts.pop(name)
    settings.write(_SETTING, layouts)


def delete(name: str) -> None:
    """Forget a layout; one that is gone already is no error."""
    settings.write(_SETTING, {key: value for key, value in _all().items() if key != name})


def _checked(name: str) -> str:
    name = name.strip()
    if not name or len(name) > _MOST_NAME or not name.isprintable():
        raise UsageError(
            f"Expected a name of 1 to {_MOST_NAME} characters; got {name[:_MOST_NAME]!r}. "
            "Choose another."
        )
    return name


def _all() -> dict[str, object]:
    return settings.read(_SETTING, {})
