"""Form fields drawn from the settings of a configuration: label, limits, help, one widget each.

The launch form and the search space describe a setting in the same words.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

import streamlit as st

from dashboard import formats, markup
from experiments.launching import entered, written

if TYPE_CHECKING:
    from trainers.fields import FieldCard

_LONG: Final = frozenset({"notes"})
_WORDS: Final = {"lr": "learning rate", "acc": "accuracy"}


def label(card: "FieldCard") -> str:
    """Return what a setting is called: its last name in words, with the unit."""
    word = card.name.rpartition(".")[2]
    name = _WORDS.get(word, word.replace("_", " "))
    name = name[:1].upper() + name[1:]
    return f"{name} ({card.unit})" if card.unit else name


def limits(card: "FieldCard") -> str:
    """Return which values a number may have: `1 to 512`; empty for what has no limits."""
    if card.ge is None or card.le is None:
        return ""
    return f"{formats.value(card.ge)} to {formats.value(card.le)}"


def explanation(card: "FieldCard") -> str:
    """Return the help text: what the setting does, its limits, its default, its full name."""
    parts = [markup.plain(card.help)]
    if limits(card):
        parts.append(f"{limits(card)}.")
    if card.type in {"int list", "float list", "str list"}:
        parts.append("Commas between the values.")
    if card.nullable:
        parts.append("May be left empty.")
    if not card.is_required and card.default not in (None, "", ()):
        parts.append(f"Default: {markup.plain(formats.value(card.default))}.")
    return f"{' '.join(parts)}  \n`{card.name}`"


def draw(
    card: "FieldCard",
    value: Any,
    *,
    key: str,
    on_change: Callable[[], None],
    problem: str = "",
    note: str = "",
) -> None:
    """Draw one setting as the widget that fits it, and below it what is wrong or was changed.

    Parameters
    ----------
    card
        The setting.
    value
        What the field shows, unless the widget has been fed already; see `read`.
    key
        The widget's key.
    on_change
        Called when the value changed.
    problem
        The sentence about a value that will not do.
    note
        What it was before.
    """
    with st.container(gap="xxsmall"):
        _widget(card, value, key, on_change)
        if problem:
            st.markdown(f":small[:red[:material/error: {markup.plain(problem)}]]")
        elif note:
            st.markdown(f":small[{note}]")


def read(card: "FieldCard", key: str) -> Any:
    """Return the plain value that a widget of `draw` holds."""
    held = st.session_state.get(key)
    if card.type in {"bool", "choice"} or (card.type == "str list" and isinstance(held, list)):
        return held
    return entered(card, str(held or ""))


def shown(card: "FieldCard", value: Any) -> Any:
    """Return a value as the widget of a setting holds it."""
    if card.type == "bool":
        return bool(value)
    if card.type == "choice":
        return value
    if card.type == "str list":
        return [str(part) for part in value or ()]
    return written(value)


def _widget(card: "FieldCard", value: Any, key: str, on_change: Callable[[], None]) -> None:
    common: dict[str, Any] = {
        "label": label(card),
        "help": explanation(card),
        "key": key,
        "on_change": on_change,
    }
    if card.type == "bool":
        st.toggle(**common)
    elif card.type == "choice":
        choices = list(card.choices)
        if value not in choices:
            choices.append(value)
        st.selectbox(options=choices, format_func=str, **common)
    elif card.type == "str list":
        st.multiselect(
            options=list(dict.fromkeys(map(str, value or ()))),
            accept_new_options=True,
            placeholder="Type and press Enter",
            **common,
        )
    elif card.name in _LONG:
        st.text_area(height=80, **common)
    else:
        st.text_input(placeholder="none" if card.nullable else None, **common)
