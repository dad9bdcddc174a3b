"""Release: which model, why, and in spite of what; then watch it being made."""

import streamlit as st

from dashboard import background, choice_tables, components, markup, navigation, release_data
from experiments.release import Release
from experiments.releasing.choose import Choice, Decision, Option


def button(line: str, choice: Choice, present: Release | None) -> None:
    """Draw the button that opens the dialog, and how a release that was started goes."""
    made = release_data.making(line)
    if made is not None:
        _progress(line)
        if not made.is_done:
            return
    name = choice.recommendation.candidate
    options = [one for one in choice.options if not _is_champion(one, present)]
    if not options:
        return
    with st.container(horizontal=True):
        label = f"Release {name} …" if name else "Release in spite of this …"
        if st.button(
            label, type="primary" if name else "secondary", icon=":material/verified:",
            key="open_release",
        ):  # fmt: skip
            _dialog(line, choice, options, name)


@st.dialog("Release a model", width="large")
def _dialog(line: str, choice: Choice, options: list[Option], recommended: str | None) -> None:
    names = [one.candidate.name for one in options]
    chosen = st.selectbox(
        "Model", names, index=names.index(recommended) if recommended in names else 0,
        key="release_model",
    )  # fmt: skip
    option = next(one for one in options if one.candidate.name == chosen)
    closed = [gate for gate in option.gates if gate.passed is not True]
    components.sheet(choice_tables.gates([(str(chosen), option.gates)]), key="release_gates")
    reason = st.text_area(
        "Why this model", value=_reason(choice, option), key=f"release_reason_{chosen}", height=100,
        max_chars=5_000,
    )  # fmt: skip
    override = ""
    made = release_data.making(line)
    was_refused = made is not None and made.is_done and not made.succeeded
    if closed or was_refused:
        told = f"{len(closed)} of {len(option.gates)} gates are not passed."
        override = st.text_area(
            "Why the gates do not matter", key=f"release_override_{chosen}", height=80,
            max_chars=5_000,
            placeholder="Stays on the release for ever.",
            help=f"{told} An override needs a written reason.",
        )  # fmt: skip
    alias = st.segmented_control(
        "It becomes", ["champion", "challenger"], default="champion", key="release_alias",
        required=True,
    )  # fmt: skip
    lacking = missing(reason, override, is_closed=bool(closed))
    if lacking:
        st.markdown(f":material/warning: {lacking}")
    if st.button(
        f"Release {chosen} to {line}", type="primary", disabled=bool(lacking), key="release_now"
    ):
        others = [one.candidate.run_ids for one in options if one is not option]
        release_data.start(
            line,
            list(option.candidate.run_ids),
            reason=reason,
            override=override,
            aliases=[str(alias or "champion")],
            considered=others,
        )
        st.rerun()


def missing(reason: str, override: str, *, is_closed: bool) -> str:
    """Return what keeps a release from being made; empty when nothing does."""
    if not reason.strip():
        return "Write why this model is released."
    if is_closed and not override.strip():
        return "Not all gates are passed: write why that does not matter, or settle them."
    return ""


def _reason(choice: Choice, option: Option) -> str:
    """Return a reason to start from: what speaks for the model; nothing where nothing does."""
    if option.candidate.name == choice.recommendation.candidate:
        return choice.recommendation.sentence
    return option.reason if option.decision in {Decision.RELEASE, Decision.COST} else ""


def _is_champion(option: Option, present: Release | None) -> bool:
    return present is not None and option.candidate.run_ids[0] == present.runs[0]


def _progress(line: str) -> None:
    made = release_data.making(line)
    if made is None:
        return
    if made.is_done:
        said = made.said()
        if made.succeeded:
            told = said[-1].partition(". ")[0] if said else "It is released"
            st.success(f"{markup.plain(told)}.", icon=":material/verified:")
        elif made.is_cancelled:
            st.info("Stopped; nothing was released.", icon=":material/cancel:")
        else:
            told = " ".join(said[-release_data.FAILED_LINES :]) or "It gave no reason."
            st.error(f"Not released. {markup.plain(told)}", icon=":material/error:")
        with st.container(horizontal=True, vertical_alignment="center"):
            if made.succeeded and st.button(
                "See it on Releases", icon=":material/gavel:", key="release_see"
            ):
                navigation.go("releases", {"line": line})
            if st.button("Close", key="release_close"):
                release_data.forget(line)
                st.rerun()
        return
    background.watch(
        made,
        lambda said: f"Releasing to {line}: {markup.plain(said[-1] if said else 'starting …')}",
    )
