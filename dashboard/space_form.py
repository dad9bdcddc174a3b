"""The search space as a form: each setting fixed at a value, or varied within a range.

Labels, limits and help are those of the launch form; ranges are prefilled from the settings.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import streamlit as st

from dashboard import formats, forms, state
from experiments.launching import entered, written
from experiments.search.search_space import suggested

if TYPE_CHECKING:
    from trainers.fields import FieldCard

_NUMBERS: Final = frozenset({"int", "float"})
_NOT_SEARCHED: Final = frozenset({"project", "name", "group", "tags", "notes", "seed"})
_FEW: Final = 2


def split(
    cards: "Sequence[FieldCard]",
) -> "dict[str, tuple[list[FieldCard], list[FieldCard]]]":
    """Return each section's settings: those worth searching, and the rest."""
    found: dict[str, tuple[list[FieldCard], list[FieldCard]]] = {
        section: ([], []) for section in ("model", "training", "data")
    }
    for card in cards:
        section = card.name.partition(".")[0]
        if card.name in _NOT_SEARCHED or card.name.endswith(".kind") or section not in found:
            continue
        found[section][0 if card.tunable is not None else 1].append(card)
    return found


def draw(card: "FieldCard", value: Any, *, varied: bool, scope: str) -> None:
    """Draw one setting as a row: varied or not, and its range or its value.

    Parameters
    ----------
    value
        What it is while it is not varied.
    varied
        Whether the form starts with it being varied.
    scope
        Start of the keys: another origin, another form.
    """
    switch, *places = st.columns([2.6, 2, 2, 1.1], vertical_alignment="bottom")
    key = f"{scope}:{card.name}"
    state.seed(f"{key}:vary", varied)
    with switch:
        is_varied = st.toggle(
            forms.label(card),
            key=f"{key}:vary",
            help=f"{forms.explanation(card)}  \nOn: the search varies it.",
        )
    if not is_varied:
        with places[0]:
            _fixed(card, value, f"{key}:value")
    elif card.type in _NUMBERS:
        _range(card, value, key, places)
    else:
        _choices(card, value, key, places)


def read(
    cards: "Sequence[FieldCard]", values: Mapping[str, Any], *, scope: str
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the fixed values and the space that the drawn rows hold, as a study file has them."""
    fixed, space = dict(values), {}
    for card in cards:
        key = f"{scope}:{card.name}"
        if f"{key}:vary" not in st.session_state:
            continue
        if st.session_state[f"{key}:vary"]:
            space[card.name] = _body(card, key)
        elif f"{key}:value" in st.session_state:
            fixed[card.name] = forms.read(card, f"{key}:value")
    return fixed, space


def _fixed(card: "FieldCard", value: Any, key: str) -> None:
    state.seed(key, forms.shown(card, value))
    hidden: dict[str, Any] = {"label_visibility": "collapsed", "key": key}
    if card.type == "bool":
        st.toggle("on", key=key)
    elif card.type == "choice":
        st.selectbox("Value", list(card.choices), **hidden)
    else:
        st.text_input("Value", placeholder="none" if card.nullable else None, **hidden)


def _range(card: "FieldCard", value: Any, key: str, places: Sequence[Any]) -> None:
    low, high, log = _prefill(card, value)
    state.seed(f"{key}:low", written(low))
    state.seed(f"{key}:high", written(high))
    state.seed(f"{key}:log", log)
    with places[0]:
        st.text_input("Lowest", key=f"{key}:low", help=forms.limits(card) or None)
    with places[1]:
        st.text_input("Highest", key=f"{key}:high")
    with places[2]:
        st.checkbox("Log", key=f"{key}:log", help="Sample on a logarithmic scale.")


def _prefill(card: "FieldCard", value: Any) -> tuple[Any, Any, bool]:
    """Return a range: the declared one, or one around the value, within the limits."""
    body = suggested(card)
    if body is not None and "low" in body:
        return body["low"], body["high"], body["log"]
    middle = value if isinstance(value, int | float) else (card.default or 0)
    low, high = middle / _FEW, middle * _FEW or card.le or 1.0
    low = max(low, card.ge) if card.ge is not None else low
    high = min(high, card.le) if card.le is not None else high
    return (int(low), int(high), card.log) if card.type == "int" else (low, high, card.log)


def _choices(card: "FieldCard", value: Any, key: str, places: Sequence[Any]) -> None:
    proposed = (suggested(card) or {"choices": [value]})["choices"]
    if card.type in {"bool", "choice"}:
        options = [False, True] if card.type == "bool" else list(card.choices)
        state.seed(f"{key}:choices", list(proposed))
        with places[0]:
            st.multiselect("Values", options, format_func=formats.value, key=f"{key}:choices")
        return
    state.seed(f"{key}:choices", " | ".join(written(item) for item in proposed))
    with places[0]:
        st.text_input("Values", key=f"{key}:choices", help="A bar between two values: 16, 32 | 64.")


def _body(card: "FieldCard", key: str) -> dict[str, Any]:
    held = st.session_state
    if f"{key}:low" in held:
        body: dict[str, Any] = {
            "low": entered(card, held[f"{key}:low"]),
            "high": entered(card, held[f"{key}:high"]),
        }
        return body | {"log": bool(held[f"{key}:log"])}
    choices = held.get(f"{key}:choices", [])
    if isinstance(choices, str):
        choices = [entered(card, part) for part in choices.split("|") if part.strip()]
    return {"choices": list(choices)}
