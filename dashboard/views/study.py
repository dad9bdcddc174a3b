"""Study: one search, live: how far it is, the best so far, what decides, and what may be changed."""

from typing import Any

import streamlit as st

import store
from dashboard import (
    cards,
    data,
    formats,
    frame,
    markup,
    navigation,
    study_data,
    study_words,
)
from dashboard.components import sheet
from dashboard.markup import Markup, element
from dashboard.views import study_changes, study_figures
from experiments import studies
from experiments.errors import ExperimentError
from experiments.search.edges import edge_warnings
from experiments.studies import Study, Wanted

_TABS = ("Charts", "Trials", "Change", "About")
_BEST = 5
_MOST_RUNNING = 8
_ORDERS = {"best": "Best first", "number": "Newest first", "longest": "Longest first"}


def page() -> None:
    """Draw the page."""
    asked = st.query_params.get("id", "")
    try:
        found = study_data.study(asked)
    except (studies.StudyNotFoundError, store.RunNotFoundError) as error:
        st.title("Study", anchor=False)
        said = (
            str(error) if isinstance(error, studies.StudyNotFoundError) else "No study goes by it."
        )
        cards.card("This study is not here", markup.plain(said), icon="search_off")
        st.page_link(navigation.page("search"), label="All studies", icon=":material/arrow_back:")
        return
    stand = study_words.stand(found, study_data.job(found.id))
    _header(found, stand)
    frame.show_trouble()
    _live(found, stand)
    _tabs(found)


def _header(found: Study, stand: study_words.Stand) -> None:
    with st.container(horizontal=True, vertical_alignment="center", key="page_head"):
        st.title(found.name, anchor=False, width="content")
        st.badge(stand.status.label, color=stand.status.colour, help=stand.status.meaning)
        st.space("stretch")
        _buttons(found, stand)
    goals = ", ".join(
        f"{o.metric} {'↑' if o.goal == 'max' else '↓'}" for o in found.spec.objectives
    )
    base = found.spec.base
    about = [
        goals,
        f"{base['model']['kind']} on {base['data']['kind']}",
        study_words.SAMPLERS[found.spec.sampler.kind],
        study_words.PRUNERS[found.spec.pruner.kind],
    ]
    about += [f"{found.spec.seeds} seeds a trial"] if found.spec.seeds > 1 else []
    about += [constraint.text for constraint in found.spec.constraints]
    st.caption(markup.plain(" · ".join(about)))
    if stand.note:
        st.markdown(f":red[:material/error: {markup.plain(stand.note)}]")
    problem = st.session_state.pop("study_problem", None)
    if problem:
        st.error(markup.plain(problem), icon=":material/error:")


def _buttons(found: Study, stand: study_words.Stand) -> None:
    if stand.is_active and found.wanted is Wanted.RUN:
        st.button(
            "Stop after these",
            icon=":material/hourglass_bottom:",
            on_click=_do,
            args=(studies.stop, found.id),
            help="The trials that run come to their end; no new one starts.",
        )
    if stand.is_active and found.wanted is not Wanted.HALT:
        st.button(
            "Stop now",
            icon=":material/stop:",
            on_click=_do,
            args=(studies.stop, found.id),
            kwargs={"now": True},
            help="Running trials save a checkpoint, and go on from it when the search goes on.",
        )
    if not stand.is_active:
        st.button(
            "Resume",
            type="primary",
            icon=":material/play_arrow:",
            on_click=_do,
            args=(studies.resume, found.id),
            help="Goes on where it was: paused trials first, then new ones.",
        )
        study_changes.delete_button(found)


def _do(change: Any, study_id: str, **options: Any) -> None:
    try:
        change(data.home(), study_id, **options)
    except (ExperimentError, store.StoreError) as error:
        st.session_state["study_problem"] = str(error)


def _live(found: Study, stand: study_words.Stand) -> None:
    """Draw what moves; the page is drawn anew when a trial has ended or the search has changed."""
    seen = _look(found.id)

    @st.fragment(run_every=2.0 if stand.is_active else 10.0)
    def live() -> None:
        now = _look(found.id)
        if now != seen:
            st.rerun()
        progress = study_data.progress(found.id)
        left = study_words.time_left(progress, found) if stand.is_active else ""
        words = " · ".join(filter(None, [study_words.counted(progress, found), left]))
        st.progress(study_words.share(progress, found), text=words)
        _tiles(found, progress)
        _running(found)

    live()


def _look(study_id: str) -> tuple[Any, ...]:
    found, job = study_data.study(study_id), study_data.job(study_id)
    progress = study_data.progress(study_id)
    ended = progress["complete"] + progress["pruned"] + progress["failed"]
    return found.spec, found.state, found.wanted, job and job.state, ended


def _tiles(found: Study, progress: dict[str, Any]) -> None:
    best = study_data.trials(found.id, state="complete", order="best", limit=_BEST)
    shown: list[Markup] = []
    if best and best[0]["values"]:
        row = best[0]
        note = f"trial {row['number']}" + ("" if row["is_feasible"] else ", breaks a limit")
        for place, objective in enumerate(found.spec.objectives[:2]):
            arrow = "↑" if objective.goal == "max" else "↓"
            title = f"best {objective.metric} {arrow}" if place == 0 else objective.metric
            shown.append(markup.tile(title, formats.number(row["values"][place]), note))
    shown += [
        markup.tile("Median trial", formats.duration(progress["median_s"]), "complete ones"),
        markup.tile("Searched for", formats.duration(found.used_s or None), _limit(found)),
        markup.tile("Workers", str(found.spec.workers), "trials at the same time"),
    ]
    sheet(element("div", *shown, cls="tiles"), key="study_tiles")
    if best and best[0]["values"]:
        row = best[0]
        with st.container(horizontal=True, vertical_alignment="center"):
            st.page_link(
                navigation.page("run"),
                label=f"Best run: trial {row['number']}",
                query_params={"id": row["run_ids"][0] if row["run_ids"] else ""},
                icon=":material/trophy:",
                width="content",
            )
            st.caption(markup.plain(study_words.parameters(row["params"])))
    params = [row["params"] for row in best]
    for warning in edge_warnings(found.spec.space, params, progress["complete"]):
        st.markdown(f":orange[:material/align_horizontal_right: {markup.plain(warning.text)}]")


def _limit(found: Study) -> str:
    limit = found.spec.timeout_s
    return f"of {formats.duration(limit)}" if limit else "no time limit"


def _running(found: Study) -> None:
    rows = study_data.trials(found.id, state="running", order="oldest", limit=_MOST_RUNNING)
    epochs = int(found.spec.base["training"]["epochs"])
    for row in rows:
        done = len(row["course"])
        last = f" · {formats.number(row['course'][-1][1])}" if row["course"] else ""
        with st.container(
            horizontal=True, vertical_alignment="center", key=f"trial_{row['number']}"
        ):
            st.page_link(
                navigation.page("run"),
                label=f"Trial {row['number']}",
                query_params={"id": row["run_ids"][0]},
                icon=":material/play_circle:",
                width="content",
            )
            how_far = f"epoch {min(done, epochs)} of {epochs}{last}" if done else "under way"
            st.caption(
                f"{how_far} · {markup.plain(study_words.parameters(row['params']))}",
                width="stretch",
            )
            st.button(
                "Stop",
                key=f"stop_trial_{row['number']}",
                icon=":material/stop:",
                on_click=_do,
                args=(studies.stop_trial, found.id),
                kwargs={"number": row["number"]},
                help="Ends this trial; the search learns nothing from it and starts the next.",
            )


def _tabs(found: Study) -> None:
    tabs = st.tabs(_TABS, key="tab", bind="query-params")
    for tab, draw in zip(
        tabs, (study_figures.draw, _trials, study_changes.draw, _about), strict=True
    ):
        if tab.open:
            with tab:
                draw(found)


def _trials(found: Study) -> None:
    progress = study_data.progress(found.id)
    if not progress["started"]:
        st.caption("No trial has started yet.")
        return
    with st.container(horizontal=True, vertical_alignment="bottom"):
        order = st.selectbox(
            "Order",
            list(_ORDERS),
            format_func=lambda o: _ORDERS[str(o)],
            key="study_order",
            label_visibility="collapsed",
            width=180,
        )
        words = ["all", *study_words.TRIAL_STATES]
        word = st.selectbox(
            "State", words, key="study_state", label_visibility="collapsed", width=150
        )
    only = None if word == "all" else str(word)
    total = progress["started"] if only is None else _counted(progress, only)
    last_page = max(1, -(-total // study_data.PAGE_SIZE))
    page_number = 1
    if last_page > 1:
        page_number = st.pagination(last_page, key="study_page") or 1
    rows = study_data.trials(
        found.id,
        state=only,
        order=str(order),
        offset=(min(page_number, last_page) - 1) * study_data.PAGE_SIZE,
    )
    if not rows:
        st.caption(f"No trial is {only}.")
        return
    _table(found, rows)
    _note(found, rows)


def _note(found: Study, rows: list[dict[str, Any]]) -> None:
    with st.popover("Note on a trial", icon=":material/edit_note:"):
        notes = {row["number"]: row["note"] or "" for row in rows}
        number = st.selectbox("Trial", list(notes), key="study_note_trial")
        if number is None:
            return
        text = st.text_area("Note", notes[number], key=f"study_note_{number}")
        st.button(
            "Keep",
            on_click=_do,
            args=(studies.note_trial, found.id),
            kwargs={"number": number, "note": text},
        )


def _counted(progress: dict[str, Any], word: str) -> int:
    if word in {"failed", "stopped"}:
        return progress["failed"]
    return progress[word]


def _table(found: Study, rows: list[dict[str, Any]]) -> None:
    opened = st.session_state.pop("study_opened", None)
    if opened is not None and opened < len(rows) and rows[opened]["run_ids"]:
        navigation.go("run", {"id": rows[opened]["run_ids"][0]})
    table = study_words.trial_frame(rows, found)
    config = st.column_config
    labels = [how.label for how in study_words.TRIAL_STATES.values()] + ["✕ breaks a limit"]
    colours = [how.colour for how in study_words.TRIAL_STATES.values()] + ["orange"]
    columns: dict[str, Any] = {
        "number": config.ButtonColumn(
            "Trial",
            type="tertiary",
            pinned=True,
            key="study_open",
            on_click=lambda: st.session_state.update(
                study_opened=st.session_state["study_open"]["row"]
            ),
            width=80,
            help="Opens its run.",
        ),
        "state": config.MultiselectColumn("State", options=labels, color=colours, width=125),
        "took": config.TextColumn("Took", width=90),
        "from": config.TextColumn("From", width=100),
        "why": config.TextColumn("Note"),
    }
    for one in found.spec.space:
        short = one.name.rpartition(".")[2]
        is_text = one.kind == "choice"
        columns[one.name] = (
            config.TextColumn(short, help=one.name)
            if is_text
            else config.NumberColumn(short, help=one.name, format="%.4g")
        )
    for objective in found.spec.objectives:
        columns[objective.metric] = config.NumberColumn(objective.metric, format="%.4f")
    st.dataframe(
        table,
        key="study_trials",
        hide_index=True,
        height="content" if len(rows) <= 16 else 620,
        placeholder=formats.DASH,
        column_config=columns,
        alt=f"{len(rows)} trials of {found.name}",
    )


def _about(found: Study) -> None:
    left, right = st.columns(2, gap="medium")
    with left:
        st.subheader("Space", anchor=False)
        rows = [
            element(
                "tr",
                element("th", one.name, scope="row"),
                element("td", study_words.range_text(one), cls="wrap"),
                element("td", _when(one.when), cls="wrap"),
            )
            for one in found.spec.space
        ]
        heads = [element("th", name, scope="col") for name in ("Parameter", "Range", "When")]
        sheet(markup.table(heads, rows, label="Space"), key="study_space")
    with right:
        st.subheader("As a file", anchor=False)
        text = study_words.as_yaml(found.spec)
        st.caption("`bakeoff search FILE.yaml` starts the same search again.")
        st.download_button(
            "Download", text, file_name=f"{found.id}.yaml", icon=":material/download:"
        )
        st.code(text, language="yaml", height=320)
    if found.spec.notes:
        st.markdown(markup.plain(found.spec.notes))
    st.caption(
        f"Id `{found.id}` · Optuna storage: {markup.plain(found.spec.storage or found.journal)}"
    )


def _when(conditions: tuple[tuple[str, tuple[Any, ...]], ...]) -> str:
    return " and ".join(
        f"{name} is {' or '.join(formats.value(v) for v in allowed)}"
        for name, allowed in conditions
    )
