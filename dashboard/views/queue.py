"""Queue: what runs in which slot, what waits, what ended and why."""

import time
from collections.abc import Callable, Sequence
from typing import Any

import streamlit as st

from dashboard import (
    cards,
    data,
    doing,
    formats,
    frame,
    logs,
    markup,
    navigation,
    queue_rows,
    state,
)
from dashboard.picking import Picker
from dashboard.queue_rows import Board
from experiments import queue
from experiments.queueing.jobs import Job

_MOST_CARDS = 24
_PAGE = 100
_waiting = Picker("queue_waiting", "wait")
_ended = Picker("queue_ended", "job")


def page() -> None:
    """Draw the page."""
    board = queue_rows.board(data.home())
    frame.title("Queue", queue_rows.summary(board), by_project=False)
    doing.say()
    _controls(board)
    _say_new(board)
    if not (board.active or board.waiting or board.ended):
        _nothing_yet()
    _log(board)
    if board.active:
        _active(board)
    if board.waiting:
        _draw_waiting(board)
    if board.ended:
        _draw_ended(board)
    frame.pulse(
        lambda: queue_rows.look(queue_rows.board(data.home())),
        is_running=board.is_moving,
        drawn=queue_rows.look(board),
    )


def _do(action: Callable[..., object], *arguments: Any, **options: Any) -> None:
    doing.attempt(action, data.home(), *arguments, **options)


def _each(action: Callable[..., object], jobs: Sequence[Job], **options: Any) -> None:
    for job in jobs:
        _do(action, job.id, **options)


def _nothing_yet() -> None:
    cards.card(
        "Nothing in the queue",
        "Trainings that you start from the **Launch** page wait here for a free slot, and go on "
        "when this page or the dashboard is closed.",
        icon="playlist_add",
    )
    st.page_link(navigation.page("launch"), label="Launch a training", icon=":material/add:")


def _controls(board: Board) -> None:
    settings = board.settings
    with st.container(horizontal=True, vertical_alignment="bottom"):
        state.seed("queue_slots", settings.slots)
        st.number_input(
            "Slots",
            min_value=1,
            max_value=queue.MAX_SLOTS,
            key="queue_slots",
            on_change=lambda: _do(queue.set_slots, st.session_state["queue_slots"]),
            width=130,
            help="Trainings that run at the same time. One a GPU, or one, unless you choose.",
        )
        if settings.paused:
            label, icon = "Go on", ":material/play_arrow:"
        else:
            label, icon = "Pause", ":material/pause:"
        st.button(
            label,
            icon=icon,
            on_click=_do,
            args=(queue.pause, not settings.paused),
            help="While paused no job starts; what runs goes on.",
        )
        st.space("stretch")
        if st.button("Launch…", icon=":material/rocket_launch:"):
            navigation.go("launch", {})


def _say_new(board: Board) -> None:
    """Say what the launch form has just added, while it has not ended."""
    added = set(state.listed("new"))
    names = [job.name for job in (*board.active, *board.waiting) if job.id in added]
    if names:
        listed = ", ".join(f"**{markup.plain(name)}**" for name in names[:5])
        more = f" and {len(names) - 5} more" if len(names) > 5 else ""
        st.markdown(f":material/check: Added: {listed}{more}. This page may be closed.")


def _active(board: Board) -> None:
    st.subheader("Running", anchor=False)

    @st.fragment(run_every=2.0)
    def live() -> None:
        jobs = [
            job
            for job in queue_rows.board(data.home()).active
            if job.id in {one.id for one in board.active}
        ]
        runs = [job.run_id for job in jobs if job.run_id]
        series = data.series(runs).to_pylist() if runs else []
        for job in jobs[:_MOST_CARDS]:
            _card(job, [row for row in series if row["run_id"] == job.run_id])
        if len(jobs) > _MOST_CARDS:
            st.caption(f"And {len(jobs) - _MOST_CARDS} more.")

    live()


def _card(job: Job, series: Sequence[dict[str, Any]]) -> None:
    how = queue_rows.status(job)
    with st.container(border=True, key=f"job_{job.id}"):
        with st.container(horizontal=True, vertical_alignment="center"):
            _name(job)
            st.badge(how.label, color=how.colour, help=how.meaning)
            st.caption(_place(job), width="content")
            st.space("stretch")
            _log_button(job, "active")
            _stop_button(job)
        done = queue_rows.progress(job, series, time.time())
        st.progress(done.share, text=done.words)


def _place(job: Job) -> str:
    parts = [] if job.slot is None else [f"slot {job.slot}"]
    parts += [f"GPU {', '.join(job.gpus)}"] if job.gpus else []
    parts += [] if job.executor == "local" else [job.executor]
    parts += [f"at most {formats.duration(job.budget_s)}"] if job.budget_s else []
    return " · ".join(parts)


def _name(job: Job) -> None:
    if job.study_id and job.kind == "search":
        st.markdown(f"**{markup.plain(job.name)}**", width="content")
        return
    st.page_link(
        navigation.page("run"),
        label=f"**{markup.plain(job.name)}**",
        query_params={"id": job.run_id or ""},
        width="content",
    )


def _log_button(job: Job, place: str) -> None:
    st.button(
        "Log",
        icon=":material/terminal:",
        key=f"log_{place}_{job.id}",
        on_click=state.put,
        args=("log", job.id),
    )


def _stop_button(job: Job) -> None:
    if not job.is_stopping:
        st.button(
            "Stop",
            icon=":material/stop:",
            key=f"stop_{job.id}",
            on_click=_do,
            args=(queue.stop, job.id),
            help="Saves a checkpoint and ends.",
        )
        return
    st.button(
        "Stop now",
        icon=":material/dangerous:",
        key=f"kill_{job.id}",
        on_click=_do,
        args=(queue.stop, job.id),
        kwargs={"hard": True},
        disabled=job.wanted == "kill",
        help="Ends it at once, without a last checkpoint.",
    )


def _draw_waiting(board: Board) -> None:
    st.subheader(f"Waiting ({len(board.waiting):,})", anchor=False)
    jobs = board.waiting[: _PAGE * 10]
    picked = _waiting.place([job.id for job in jobs])
    st.dataframe(
        queue_rows.waiting_frame(jobs, queue_rows.starts(board, time.time())),
        key=_waiting.table,
        on_select=_waiting.keep,
        selection_mode="multi-row",
        hide_index=True,
        height="content" if len(jobs) <= 10 else 400,
        column_config=_waiting_columns(),
        alt=f"{len(jobs)} jobs that wait",
    )
    chosen = [job for job in jobs if job.id in set(picked)]
    if not chosen:
        st.caption("Tick jobs to move them, to change their priority or to take them out.")
        return
    _waiting_actions(jobs, chosen)


def _waiting_columns() -> dict[str, Any]:
    config = st.column_config
    return {
        "place": config.NumberColumn("#", width=50),
        "name": config.TextColumn("Job"),
        "model": config.TextColumn("Model"),
        "priority": config.NumberColumn("Priority", width=80),
        "since": config.DatetimeColumn(
            "Added", format="D MMM, HH:mm", timezone=st.context.timezone, width=120
        ),
        "starts": config.TextColumn(
            "Starts", help="By what the latest trainings like those in front of it took."
        ),
        "for": config.TextColumn("Waits for", width="large"),
    }


def _waiting_actions(jobs: Sequence[Job], chosen: list[Job]) -> None:
    first = min(jobs.index(job) for job in chosen)
    last = max(jobs.index(job) for job in chosen)
    with st.container(horizontal=True, vertical_alignment="center", key="waiting_actions"):
        st.markdown(f"**{len(chosen)} selected**", width="content")
        for label, icon, target in (
            ("Start next", "vertical_align_top", 0),
            ("Up", "arrow_upward", max(0, first - 1)),
            ("Down", "arrow_downward", last + 2 - len(chosen)),
        ):
            st.button(
                label,
                icon=f":material/{icon}:",
                on_click=_move,
                args=(chosen, target),
                disabled=first == 0 if label == "Up" else False,
            )
        with st.popover("Priority", icon=":material/low_priority:"):
            wanted = st.number_input("Priority", value=chosen[0].priority, key="queue_priority")
            st.button(
                "Set",
                on_click=_each,
                args=(queue.set_priority, chosen),
                kwargs={"priority": wanted},
            )
        st.button("Cancel", icon=":material/close:", on_click=_each, args=(queue.cancel, chosen))


def _move(chosen: Sequence[Job], target: int) -> None:
    for offset, job in enumerate(chosen):
        _do(queue.move, job.id, target + offset)


def _draw_ended(board: Board) -> None:
    st.subheader("Ended", anchor=False)
    jobs = board.ended[:_PAGE]
    picked = _ended.place([job.id for job in jobs])
    st.dataframe(
        queue_rows.ended_frame(jobs),
        key=_ended.table,
        on_select=_ended.keep,
        selection_mode="multi-row",
        hide_index=True,
        height="content" if len(jobs) <= 12 else 460,
        placeholder=formats.DASH,
        column_config=_ended_columns(),
        alt=f"{len(jobs)} jobs that ended",
    )
    if len(board.ended) > _PAGE:
        st.caption(f"The latest {_PAGE} of {len(board.ended):,}; all runs are on the Runs page.")
    chosen = [job for job in jobs if job.id in set(picked)]
    if len(chosen) == 1:
        _details(chosen[0])
    elif chosen:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f"**{len(chosen)} selected**", width="content")
            _again_buttons(chosen)
    else:
        st.caption("Tick a job to see why it ended, its log, and to run it again.")


def _ended_columns() -> dict[str, Any]:
    config = st.column_config
    labels = [how.label for how in queue_rows.STATES.values()]
    colours = [how.colour for how in queue_rows.STATES.values()]
    return {
        "state": config.MultiselectColumn("State", options=labels, color=colours, width=112),
        "name": config.TextColumn("Job"),
        "ended": config.DatetimeColumn(
            "Ended", format="D MMM, HH:mm", timezone=st.context.timezone, width=120
        ),
        "took": config.TextColumn("Took", width=100),
        "exit": config.NumberColumn("Exit code", width=80),
        "why": config.TextColumn("Why", width="large"),
    }


def _details(job: Job) -> None:
    how = queue_rows.status(job)
    with st.container(border=True, key="job_details"):
        with st.container(horizontal=True, vertical_alignment="center"):
            _name(job)
            st.badge(how.label, color=how.colour, help=how.meaning)
            st.space("stretch")
            _log_button(job, "ended")
            _again_buttons([job])
        why = queue_rows.outcome(job)
        if why:
            st.markdown(f"**{markup.plain(why)}**")
        elif job.state.value == "finished":
            st.caption("It came to its end.")
        if job.last_lines and job.state in queue_rows.FAILED:
            st.caption("The last lines of its log")
            st.code("\n".join(job.last_lines[-12:]), language=None, wrap_lines=True)


def _again_buttons(jobs: Sequence[Job]) -> None:
    st.button(
        "Retry",
        icon=":material/replay:",
        on_click=_each,
        args=(queue.retry, jobs),
        help="The same again from the beginning, as a new run.",
    )
    can_resume = [job for job in jobs if job.state.value != "finished"]
    st.button(
        "Resume",
        icon=":material/resume:",
        on_click=_each,
        args=(queue.resume, can_resume),
        disabled=not can_resume,
        help="Goes on with the same run from its last checkpoint.",
    )


def _log(board: Board) -> None:
    asked = st.query_params.get("log", "")
    job = next((j for j in (*board.active, *board.waiting, *board.ended) if j.id == asked), None)
    if job is None:
        return
    is_live = job.state.is_active
    with st.container(border=True, key="job_log"):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f"**Log of {markup.plain(job.name)}**")
            st.space("stretch")
            st.button("Close", icon=":material/close:", on_click=state.put, args=("log", ""))

        @st.fragment(run_every=2.0 if is_live else None)
        def show() -> None:
            text = logs.tail(job.output, lines=200)
            if not text:
                st.caption("Nothing was printed so far." if is_live else "Nothing was printed.")
                return
            with st.container(height=360, autoscroll=True):
                st.code(text, language=None, wrap_lines=True)

        show()
