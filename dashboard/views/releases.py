"""Releases: model lines with their versions, the champion, the audit log, and the policy."""

import getpass
import re
from collections.abc import Callable, Sequence
from datetime import datetime

import streamlit as st

from dashboard import (
    cards,
    choice_tables,
    components,
    doing,
    formats,
    frame,
    markup,
    navigation,
    release_data,
    state,
)
from dashboard.evaluation_data import place
from dashboard.markup import element
from experiments import release as releasing
from experiments.release import Release
from experiments.releasing import exact_record, release_bundle
from experiments.releasing import policy as policies
from experiments.releasing.policy import PolicyError
from store import audit

_CHART = re.compile(r"!\[[^\]]*\]\((chart_[a-z]+\.svg)\)")
_SECTIONS = ("Versions", "Policy", "Audit log")


def page() -> None:
    """Draw the page."""
    frame.title("Releases", by_project=False)
    doing.say()
    _chain()
    known = release_data.lines()
    section = st.segmented_control(
        "Section", _SECTIONS, default="Versions", key="section", bind="query-params",
        label_visibility="collapsed", required=True,
    )  # fmt: skip
    if section == "Policy":
        _policy()
    elif section == "Audit log":
        _audit()
    elif not known:
        cards.card(
            "Nothing is released yet",
            "A release is an immutable record of a model with the evidence for it. Compare runs on "
            "the **Choose** page and release one there, or in a terminal: "
            "`bakeoff release LINE RUN --reason ...`.",
            icon="verified",
        )
        st.page_link(
            navigation.page("choose"), label="Choose a model", icon=":material/how_to_vote:"
        )
    else:
        _line(known)
    frame.pulse(frame.version, is_running=False)


def _chain() -> None:
    """Say whether the audit log and the releases are as they were written."""
    found = releasing.verify_audit(place())
    if found:
        st.error(
            "**The record is not whole.** " + " ".join(markup.plain(one) for one in found[:3]),
            icon=":material/gpp_bad:",
        )
    elif audit.entries(place()):
        count = len(audit.entries(place()))
        entries = "1 entry" if count == 1 else f"{count} entries"
        st.caption(f":material/verified_user: Audit log whole: {entries}, hashes in order.")


def _line(known: Sequence[str]) -> None:
    asked = st.query_params.get("line", "")
    state.seed("releases_line", asked if asked in known else known[0])
    line = known[0]
    if len(known) > 1:
        line = st.segmented_control(
            "Model line", known, key="releases_line", required=True,
            on_change=lambda: state.put("line", st.session_state["releases_line"]),
        )  # fmt: skip
    line = str(line or known[0])
    found = release_data.releases(line)
    points = release_data.aliases(line)
    champion = release_data.champion(line)
    if champion is not None:
        _champion(line, champion, found)
    components.sheet(_versions(found, points), key="versions", on_open=_open)
    names = {one.version: f"v{one.version}" for one in found}
    asked_version = st.query_params.get("v", "").removeprefix("v")
    first = champion.version if champion else found[0].version
    wanted = int(asked_version) if asked_version.isdecimal() else first
    state.seed("release_version", wanted if wanted in names else first)
    version = st.selectbox(
        "Version", list(names), format_func=lambda v: names[v], key="release_version", width=140,
        on_change=lambda: state.put("v", f"v{st.session_state['release_version']}"),
    )  # fmt: skip
    _details(next(one for one in found if one.version == version), points)


def _champion(line: str, champion: Release, found: tuple[Release, ...]) -> None:
    with st.container(border=True):
        st.subheader(f":material/trophy: {line} · champion v{champion.version}", anchor=False)
        st.markdown(
            f"Since {_words(champion.at)}, by {markup.plain(champion.who)}: "
            f"{markup.plain(champion.reason)}",
            help=f"Exactly {champion.at[:19].replace('T', ' ')} UTC",
        )
        if champion.override:
            st.warning(
                f"Released in spite of its gates: {markup.plain(champion.override)}",
                icon=":material/warning:",
            )
        with st.container(horizontal=True, vertical_alignment="bottom"):
            if st.button(
                "Compare with …", icon=":material/compare_arrows:", key="compare_champion"
            ):
                navigation.go("choose", {"line": line})
            if len(found) > 1:
                st.button(
                    "Roll back", icon=":material/undo:", key="roll_back",
                    help="The champion before this one is the champion again; nothing is deleted.",
                    on_click=_roll_back, args=(line,),
                )  # fmt: skip


def _roll_back(line: str) -> None:
    doing.attempt(
        releasing.rollback,
        place(),
        line,
        reason="Rolled back on the Releases page.",
        done=f"The champion of {line} before this one is the champion again.",
    )


def _versions(found: tuple[Release, ...], points: dict[str, int]) -> markup.Markup:
    heads = [
        element("th", name, scope="col")
        for name in ("Version", "Aliases", "Run", "When", "Who", "Gates", "Reason")
    ]
    rows = []
    for one in found:
        names = [name for name, version in points.items() if version == one.version]
        chips = [element("span", name, cls="chip good" if name == "champion" else "chip neutral")
                 for name in names]  # fmt: skip
        override = [element("span", "overridden", cls="chip bad")] if one.override else []
        rows.append(
            element(
                "tr",
                element("th", f"v{one.version}", scope="row"),
                element("td", *(chips or [formats.DASH])),
                element("td", markup.run_link(one.runs[0], _name(one))),
                element("td", _moment(one.at)),
                element("td", one.who),
                element("td", choice_tables.ticks(one.gates), " ", *override),
                element("td", one.reason[:160], cls="wrap"),
            )
        )
    return markup.table(heads, rows, label="Versions")


def _name(one: Release) -> str:
    """Return the name that the released run had then."""
    inputs = one.record["evidence"]["inputs"]
    return next((str(i["name"]) for i in inputs if i["run"] == one.runs[0]), one.runs[0])


def _details(one: Release, points: dict[str, int]) -> None:
    st.caption(markup.plain(exact_record.read(place(), one).sentence))
    parts: dict[str, Callable[[Release, dict[str, int]], None]] = {
        "Gates then": _gates,
        "Evidence": _evidence,
        "Model card": _card,
        "Bundle": _bundle,
        "Aliases": _aliases,
    }
    chosen = st.segmented_control(
        "Of this version", list(parts), default="Gates then", key="release_part",
        bind="query-params", required=True,
    )  # fmt: skip
    parts[str(chosen) if chosen in parts else "Gates then"](one, points)


def _gates(one: Release, _points: dict[str, int]) -> None:
    if one.override:
        st.warning(f"Overridden: {markup.plain(one.override)}", icon=":material/warning:")
    components.sheet(choice_tables.gates([(one.ref, one.gates)]), key="gates_then")


def _evidence(one: Release, _points: dict[str, int]) -> None:
    evidence = one.record["evidence"]
    st.markdown(f"Evidence hash `{evidence['hash']}`, recomputable from the same predictions.")
    if st.button("Compute it again", icon=":material/refresh:", key="verify_release"):
        with st.spinner("Computing the evidence again …", show_time=False):
            from dashboard import data

            found = data.ask(lambda s: releasing.verify_release(s, place(), one.ref))
        if found:
            st.error(" ".join(markup.plain(text) for text in found), icon=":material/gpp_bad:")
        else:
            st.success("The files are as released, and the evidence has the same hash.")
    st.json(dict(evidence), expanded=2)
    exact = exact_record.read(place(), one)
    if exact.record is not None:
        st.markdown("The exact bootstrap of every metric, computed after the release.")
        st.json(dict(exact.record), expanded=1)


def _card(one: Release, _points: dict[str, int]) -> None:
    try:
        text = release_bundle.card_text(one.folder)
    except OSError:
        st.caption("This release has no model card.")
        return
    with st.container(horizontal=True):
        st.download_button(
            "Markdown", text, file_name=f"{one.line}-v{one.version}-card.md", key="card_md"
        )
        st.download_button(
            "HTML", release_bundle.card_page(one.folder, title=one.ref),
            file_name=f"{one.line}-v{one.version}-card.html", key="card_html",
        )  # fmt: skip
    edits = st.toggle("Edit", key="card_edit")
    if edits:
        st.text_area("Model card, Markdown", value=text, height=480, key=f"card_{one.ref}")
        st.button("Save the card", key="card_save", on_click=_save_card, args=(one,))
    else:
        with st.container(border=True):
            _draw_card(one, text)


def _draw_card(one: Release, text: str) -> None:
    """Draw a card; its charts lie beside it, where a browser cannot fetch them."""
    for number, part in enumerate(_CHART.split(text)):
        if number % 2 == 0:
            st.markdown(part)
        elif (one.folder / part).is_file():
            st.image((one.folder / part).read_text(encoding="utf-8"))


def _save_card(one: Release) -> None:
    doing.attempt(
        release_bundle.edit_card,
        place(),
        one.line,
        one.version,
        st.session_state[f"card_{one.ref}"],
        who=getpass.getuser(),
        done="The card is saved; the released text is kept beside it.",
    )


def _bundle(one: Release, _points: dict[str, int]) -> None:
    path = one.bundle
    if path is None:
        st.caption("This release was made without a bundle.")
        return
    export = one.record.get("export") or {}
    if export.get("reason"):
        st.markdown(markup.plain(str(export["reason"])))
    st.download_button(
        f"Download the bundle ({path.stat().st_size / 1e6:.1f} MB)",
        data=path.read_bytes,
        file_name=f"{one.line}-v{one.version}.zip",
        mime="application/zip",
        icon=":material/download:",
        key="bundle",
    )
    st.caption("It works outside the training code:")
    st.code(f"bakeoff serve {one.ref}\nbakeoff predict {one.ref} FILE", language="bash")


def _aliases(one: Release, points: dict[str, int]) -> None:
    mine = [name for name, version in points.items() if version == one.version]
    st.markdown(f"Points here: {', '.join(mine) or 'nothing'}.")
    with (
        st.form("alias_form", border=False),
        st.container(horizontal=True, vertical_alignment="bottom"),
    ):
        st.text_input("Alias", placeholder="challenger", key="alias_name", width=200)
        st.text_input("Why", key="alias_reason", width=320)
        st.form_submit_button(f"Point it to v{one.version}", on_click=_set_alias, args=(one,))


def _set_alias(one: Release) -> None:
    name = st.session_state["alias_name"].strip()
    doing.attempt(
        releasing.set_alias,
        place(),
        one.line,
        name,
        one.version,
        reason=st.session_state["alias_reason"].strip() or "Set on the Releases page.",
        done=f"{one.line}@{name} is v{one.version} now.",
    )


def _policy() -> None:
    try:
        text = policies.read_text(place())
    except (PolicyError, OSError) as error:
        st.error(markup.plain(str(error)), icon=":material/error:")
        return
    left, right = st.columns([3, 2], gap="medium")
    with left:
        st.text_area(
            "release.yaml: what a model has to fulfil", value=text, height=460, key="policy_text"
        )
        st.text_input("Why it changes", key="policy_reason")
        st.button(
            "Save the policy", type="primary", key="policy_save", on_click=_save_policy,
            icon=":material/save:",
        )  # fmt: skip
    with right:
        _history()


def _save_policy() -> None:
    doing.attempt(
        policies.save,
        place(),
        st.session_state["policy_text"],
        who=getpass.getuser(),
        reason=st.session_state["policy_reason"].strip(),
        done="The policy is saved; every version before it is kept.",
    )


def _history() -> None:
    st.markdown("**History**")
    found = policies.history(place())[::-1]
    if not found:
        st.caption("This is the policy that came with the store.")
        return
    for one in found[:20]:
        told = f"{one.number} · {_words(one.at)} · {one.who}"
        with st.expander(f"{told}{f' · {one.reason}' if one.reason else ''}"):
            try:
                text = policies.difference(place(), one.number - 1, one.number)
            except PolicyError:
                text = ""
            st.code(text or "The first version.", language="diff")


def _audit() -> None:
    entries = audit.entries(place())[::-1]
    if not entries:
        st.caption("Nothing was done yet.")
        return
    heads = [
        element("th", name, scope="col")
        for name in ("No.", "When", "Who", "What", "On", "Details", "Hash")
    ]
    rows = [
        element(
            "tr",
            element("th", str(one.n), scope="row"),
            element("td", _moment(one.at)),
            element("td", one.who),
            element("td", one.action),
            element("td", one.subject),
            element("td", _told(dict(one.details)), cls="wrap"),
            element("td", element("code", one.hash[:10])),
        )
        for one in entries[:200]
    ]
    components.sheet(markup.table(heads, rows, label="Audit log, newest first"), key="audit")


def _words(at: str) -> str:
    """Return a time of the records, which are in UTC, in the reader's zone."""
    return formats.moment(datetime.fromisoformat(at), st.context.timezone)


def _moment(at: str) -> markup.Markup:
    return markup.moment(_words(at), datetime.fromisoformat(at))


def _told(details: dict[str, object]) -> str:
    return "; ".join(f"{key}: {formats.value(value)}" for key, value in details.items())[:300]


def _open(run_id: str) -> None:
    navigation.go("run", {"id": run_id})
