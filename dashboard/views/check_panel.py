"""What the automatic checks found, and which of them are not to count in a project."""

from collections.abc import Mapping, Sequence

import streamlit as st

from dashboard import components, data, doing, evaluation_data, figures, markup
from experiments import checks
from experiments.checks import CHECKS, Finding


def draw(found: Sequence[Finding], names: Mapping[str, str], *, key: str) -> None:
    """Show findings, and mute or unmute their checks.

    Parameters
    ----------
    found
        At least one.
    names
        Of the runs that were checked, by id.
    key
        Begins the keys of the widgets.
    """
    doing.say()
    components.sheet(figures.findings(found, names), key=key)
    loud = _projects([one for one in found if not one.muted], names)
    quiet = _projects([one for one in found if one.muted], names)
    with st.container(horizontal=True):
        if loud:
            with st.popover("Mute a check …", icon=":material/notifications_off:"):
                _mute(loud, key)
        for code, projects in quiet.items():
            st.button(
                f"Unmute {code}",
                icon=":material/notifications_active:",
                key=f"{key}_unmute_{code}",
                help=f"It counts again in {', '.join(projects)}.",
                on_click=_unmute_all,
                args=(code, projects),
            )


def _projects(found: Sequence[Finding], names: Mapping[str, str]) -> dict[str, list[str]]:
    """Return for each check the projects in which it found something."""
    where: dict[str, set[str]] = {}
    for one in found:
        runs = [one.run_id] if one.run_id else names
        where.setdefault(one.code, set()).update(str(data.run(run)["project"]) for run in runs)
    return {code: sorted(where[code]) for code in sorted(where)}


def _mute(loud: Mapping[str, list[str]], key: str) -> None:
    code = st.selectbox(
        "Check",
        list(loud),
        format_func=lambda code: f"{code} · {CHECKS[code].title}",
        key=f"{key}_mute_code",
    )
    st.text_input(
        "Why its findings do not matter here",
        key=f"{key}_mute_reason",
        help="It is kept in the audit log, and shown with what is muted.",
    )
    projects = loud[code]
    st.caption(
        f"For all runs of {markup.plain(', '.join(projects))}, also in the gates of a release."
    )
    st.button("Mute", key=f"{key}_mute", on_click=_mute_all, args=(code, projects, key))


def _mute_all(code: str, projects: Sequence[str], key: str) -> None:
    reason = st.session_state[f"{key}_mute_reason"]
    for project in projects:
        done = f"{code} is muted in {project}."
        doing.attempt(checks.mute, evaluation_data.place(), project, code, reason=reason, done=done)
    st.session_state[f"{key}_mute_reason"] = ""


def _unmute_all(code: str, projects: Sequence[str]) -> None:
    for project in projects:
        done = f"{code} counts again in {project}."
        doing.attempt(checks.unmute, evaluation_data.place(), project, code, done=done)
