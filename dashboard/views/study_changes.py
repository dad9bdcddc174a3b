"""What may be changed of a search: its budget, its ranges, a trial by hand; and its end."""

from typing import Any

import streamlit as st

import store
from dashboard import data, formats, markup, navigation, study_data, study_words
from experiments import studies
from experiments.errors import ExperimentError
from experiments.launching import written
from experiments.search import study_trash
from experiments.search.dimensions import Dimension
from experiments.studies import Study

_FREE = "free"


def draw(found: Study) -> None:
    """Draw the tab: every change holds for the trials to come."""
    _say()
    left, right = st.columns([2, 3], gap="large")
    with left:
        _budget(found)
        _trial(found)
    with right:
        _space(found)


def delete_button(found: Study) -> None:
    """Draw the way into the trash."""
    with st.popover("Delete", icon=":material/delete:"):
        st.markdown(
            "The study goes to the trash, from where `bakeoff search restore` brings it back."
        )
        with_runs = st.checkbox(
            "Its runs too",
            key="study_delete_runs",
            help="Otherwise they stay, and still say which study they came from.",
        )
        if st.button("Move to the trash", type="primary", key="study_delete"):
            try:
                data.ask(lambda s: study_trash.delete(s, found.id, with_runs=with_runs))
            except (ExperimentError, store.StoreError) as error:
                st.error(markup.plain(error))
            else:
                navigation.go("search", {})


def _say() -> None:
    kind, words = st.session_state.pop("study_change", ("", ""))
    if kind == "done":
        st.success(words, icon=":material/check:")
    elif kind:
        for sentence in words.splitlines():
            st.markdown(f":red[:material/error: {markup.plain(sentence)}]")


def _change(words: str, change: Any, *arguments: Any, **options: Any) -> None:
    try:
        change(data.home(), *arguments, **options)
    except (ExperimentError, store.StoreError) as error:
        st.session_state["study_change"] = ("error", str(error))
    else:
        st.session_state["study_change"] = ("done", words)


def _budget(found: Study) -> None:
    spec = found.spec
    with st.form("study_budget", border=True):
        st.subheader("Budget", anchor=False)
        trials = st.number_input(
            "Trials in all", min_value=1, value=spec.n_trials, step=10, key="budget_trials"
        )
        workers = st.number_input(
            "Workers",
            min_value=1,
            max_value=1000,
            value=spec.workers,
            key="budget_workers",
            help="Trials at the same time; the queue's slots limit them too. One less stops a "
            "worker after its trial.",
        )
        minutes = st.number_input(
            "Time limit (minutes)",
            min_value=0.0,
            value=spec.timeout_s / 60,
            step=30.0,
            format="%g",
            key="budget_minutes",
            help="No new trial after so much searching. 0: no limit.",
        )
        if st.form_submit_button("Apply", icon=":material/check:"):
            _change(
                "The new budget holds from now on.",
                studies.edit,
                found.id,
                n_trials=int(trials),
                workers=int(workers),
                timeout_s=float(minutes) * 60,
            )
            st.rerun()
    if found.state is studies.StudyState.FINISHED and found.spec.n_trials > 0:
        st.caption("The budget is used up. Raise it, then **Resume**.")


def _space(found: Study) -> None:
    with st.container(border=True, key="study_space_changes"):
        st.subheader("Ranges of trials to come", anchor=False)
        st.caption("Old trials keep their values, and still teach the sampler.")
        for one in found.spec.space:
            _dimension(found, one)


def _dimension(found: Study, one: Dimension) -> None:
    with st.container(horizontal=True, vertical_alignment="center", key=f"range_{one.name}"):
        st.markdown(f"**{markup.plain(one.name)}**", width=190)
        st.caption(markup.plain(study_words.range_text(one)), width="stretch")
        with st.popover("Change", icon=":material/tune:", key=f"change_{one.name}"):
            if one.kind == "choice":
                _choices(found, one)
            else:
                _range(found, one)


def _choices(found: Study, one: Dimension) -> None:
    now = list(one.only or one.choices)
    texts = {formats.value(value): value for value in one.choices}
    kept = st.multiselect(
        "Values to try",
        list(texts),
        default=[text for text, value in texts.items() if value in now],
        key=f"only_{one.name}",
    )
    if st.button("Apply", key=f"apply_{one.name}", disabled=not kept):
        chosen = [] if len(kept) == len(texts) else [texts[text] for text in kept]
        _change(f"{one.name} is changed.", studies.restrict, found.id, one.name, chosen)
        st.rerun()


def _range(found: Study, one: Dimension) -> None:
    low, high = one.ends
    first, second = st.columns(2)
    low_text = first.text_input("Lowest", written(low), key=f"low_{one.name}")
    high_text = second.text_input("Highest", written(high), key=f"high_{one.name}")
    if st.button("Search this range", key=f"apply_{one.name}"):
        ends = _number(low_text), _number(high_text)
        if ends[0] is None or ends[1] is None:
            st.session_state["study_change"] = (
                "error",
                f"Expected two numbers for {one.name}; got {low_text!r} and {high_text!r}.",
            )
        else:
            _change(
                f"{one.name} is searched from {low_text} to {high_text}.",
                studies.change_range,
                found.id,
                one.name,
                *ends,
            )
        st.rerun()
    st.divider()
    best = study_data.trials(found.id, state="complete", order="best", limit=1)
    proposal = best[0]["params"].get(one.name, low) if best else low
    text = st.text_input(
        "Freeze at", _short(one.frozen if one.only else proposal), key=f"freeze_{one.name}"
    )
    with st.container(horizontal=True):
        if st.button("Freeze", icon=":material/ac_unit:", key=f"do_freeze_{one.name}"):
            value = _number(text)
            typed = int(value) if one.kind == "int" and value is not None else value
            _change(
                f"{one.name} is frozen at {text}.", studies.restrict, found.id, one.name, [typed]
            )
            st.rerun()
        if one.only and st.button("Free it", key=f"free_{one.name}"):
            _change(f"{one.name} is free again.", studies.restrict, found.id, one.name, [])
            st.rerun()


def _trial(found: Study) -> None:
    best = study_data.trials(found.id, state="complete", order="best", limit=1)
    start = best[0]["params"] if best else {}
    with st.form("study_add", border=True):
        st.subheader("A trial by hand", anchor=False)
        st.caption("Tried next, on top of the budget. What is left free the sampler draws.")
        values = {one.name: _value_field(one, start.get(one.name)) for one in found.spec.space}
        if st.form_submit_button("Add", icon=":material/add:"):
            given = {name: value for name, value in values.items() if value is not None}
            _change("The trial is next in line.", studies.add_trial, found.id, given)
            st.rerun()


def _value_field(one: Dimension, value: Any) -> Any:
    label, key = one.name, f"add_{one.name}"
    if one.kind == "choice":
        texts: dict[str, Any] = {formats.value(choice): choice for choice in one.choices}
        options = [_FREE, *texts]
        shown = formats.value(value) if value is not None else _FREE
        place = options.index(shown) if shown in options else 0
        picked = str(st.selectbox(label, options, index=place, key=key))
        found = texts.get(picked)
        return list(found) if isinstance(found, tuple) else found
    text = st.text_input(label, _short(value), placeholder=_FREE, key=key)
    if not text.strip():
        return None
    number = _number(text)
    if number is None:
        return text  # refused in words
    return int(number) if one.kind == "int" and number.is_integer() else number


def _short(value: Any) -> str:
    """Return a value as somebody would type it."""
    return f"{value:.4g}" if isinstance(value, float) else written(value)


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
