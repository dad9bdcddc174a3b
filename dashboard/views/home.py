"""Home: what runs, what finished, what failed, what is released, and the next step."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import streamlit as st

from dashboard import cards, data, frame, markup, navigation, next_step, queue_rows, tables
from dashboard.components import sheet
from dashboard.next_step import Champion, Facts
from experiments import release
from experiments.errors import ExperimentError
from store.layout import Home

_MANY = 400
_MOST_RUNNING = 8
_MOST_JUDGED = 30


def page() -> None:
    """Draw the page."""
    now = data.state()
    if not now.runs:
        frame.title("Home")
        _welcome()
        frame.pulse(frame.version, is_running=True)
        return
    project = frame.title("Home", "What happened in the last 24 hours, and what to do next.")
    rows, metric = _rows(project)
    good, bad = next_step.lately(rows, datetime.now(UTC))
    running = [row for row in rows if row["status"] == "running"]
    champions = _champions()
    board = queue_rows.board(data.home())
    facts = Facts(
        running=len(running),
        waiting=len(board.waiting),
        is_paused=board.settings.paused,
        finished=good,
        failed=bad,
        best=_best(project, rows, metric),
        metric=metric,
        champions=champions,
    )
    _next(next_step.next_step(facts))
    _running(running, board)
    _finished(good, metric)
    if bad:
        st.subheader("Failed", anchor=False)
        _table(next_step.failed_table(bad, datetime.now(UTC)), "home_failed")
    if champions:
        st.subheader("Released", anchor=False)
        _table(next_step.champions_table(champions, datetime.now(UTC)), "home_champions")
    frame.pulse(frame.version, is_running=bool(running) or board.is_moving)


def _welcome() -> None:
    cards.first_run()
    st.page_link(
        navigation.page("launch"),
        label="**Or start one from a form**",
        icon=":material/rocket_launch:",
    )


def _rows(project: str | None) -> tuple[list[dict[str, Any]], tables.KeyMetric | None]:
    """Return the newest runs with the value of the metric that matters most."""
    newest = data.newest(project)
    series = data.series(newest.column("run_id").to_pylist()).to_pylist()
    metric = next(iter(tables.key_metrics(series, most=1)), None)
    if metric is None or metric.goal is None:
        return newest.to_pylist(), None
    return data.newest_with(project, tables.metric_column(metric.name), _MANY).to_pylist(), metric


def _champions() -> list[Champion]:
    home = Home.locate(data.home())
    found = []
    try:
        for line in release.lines(home):
            current = release.champion(home, line)
            if current is not None:
                found.append(
                    Champion(
                        line=line,
                        version=current.version,
                        run_id=current.runs[0],
                        reason=current.reason,
                        who=current.who,
                        at=datetime.fromisoformat(current.at),
                    )
                )
    except ExperimentError as error:
        st.markdown(f":orange[:material/warning: {markup.plain(error)}]")
    return found


def _best(
    project: str | None, rows: Sequence[dict[str, Any]], metric: tables.KeyMetric | None
) -> list[dict[str, Any]]:
    """Return the best finished runs on the same data, of the project used last."""
    current = project or next((r["project"] for r in rows if r["status"] == "finished"), None)
    if metric is None or current is None:
        return []
    text = data.within(current, "status = finished")
    columns = [tables.metric_column(metric.name)]
    found = data.runs(text, metric.order, columns=columns).to_pylist()[:_MOST_JUDGED]
    hashes = {row["run_id"]: data.run(row["run_id"]).get("data_hash") for row in found}
    return next_step.on_same_data(found, hashes)[: next_step.MOST_COMPARED]


def _next(step: next_step.Step) -> None:
    with (
        st.container(border=True, key="home_next"),
        st.container(horizontal=True, vertical_alignment="center"),
    ):
        st.markdown(f"**{markup.plain(step.sentence)}**")
        st.space("stretch")
        if st.button(step.label, type="primary", icon=":material/arrow_forward:"):
            navigation.go(step.page, step.parameters)


def _running(running: Sequence[dict[str, Any]], board: queue_rows.Board) -> None:
    st.subheader("Running", anchor=False)
    if not running:
        waiting = len(board.waiting)
        st.caption(f"Nothing trains; {waiting} waiting." if waiting else "Nothing trains.")
        return
    jobs = {job.run_id: job for job in board.active}
    ids = tuple(row["run_id"] for row in running[:_MOST_RUNNING])

    @st.fragment(run_every=2.0)
    def live() -> None:
        series = data.series(ids).to_pylist()
        for row in running[:_MOST_RUNNING]:
            mine = [one for one in series if one["run_id"] == row["run_id"]]
            _progress(row, jobs.get(row["run_id"]), mine)

    live()
    with st.container(horizontal=True):
        if len(running) > _MOST_RUNNING:
            st.caption(f"And {len(running) - _MOST_RUNNING} more.")
        st.page_link(
            navigation.page("curves"),
            label="Curves of what runs",
            icon=":material/show_chart:",
            query_params={"runs": ",".join(ids)},
        )
        st.page_link(navigation.page("queue"), label="Queue", icon=":material/playlist_play:")


def _progress(row: dict[str, Any], job: Any, series: Sequence[dict[str, Any]]) -> None:
    name = markup.plain(row["name"] or row["run_id"])
    with st.container(horizontal=True, vertical_alignment="center"):
        st.page_link(
            navigation.page("run"),
            label=f"**{name}**",
            query_params={"id": row["run_id"]},
            width=220,
        )
        if job is not None:
            done = queue_rows.progress(job, series, datetime.now(UTC).timestamp())
            st.progress(done.share, text=done.words)
        else:
            step = max((one["last_step"] for one in series), default=None)
            st.caption("no step yet" if step is None else f"step {step:,}")


def _finished(good: Sequence[Mapping[str, Any]], metric: tables.KeyMetric | None) -> None:
    st.subheader("Finished", anchor=False)
    if not good:
        st.caption("No run came to its end in the last 24 hours.")
        return
    _table(next_step.finished_table(good, metric, datetime.now(UTC)), "home_finished")
    rest = len(good) - next_step.MOST_ROWS
    if rest > 0:
        st.page_link(
            navigation.page("runs"),
            label=f"{rest} more on the Runs page",
            icon=":material/arrow_forward:",
        )


def _table(content: markup.Markup, key: str) -> None:
    sheet(content, key=key, on_open=lambda run_id: navigation.go("run", {"id": run_id}))
