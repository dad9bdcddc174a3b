"""Home: what runs, what finished, what failed, what is released, and the next step."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import streamlit as st

from dashboard import (
    cards,
    data,
    frame,
    home_tables,
    leading,
    markup,
    navigation,
    next_step,
    queue_rows,
    tables,
)
from dashboard.components import sheet
from dashboard.home_tables import Pace, Telling
from dashboard.next_step import Champion, Facts
from experiments import release
from experiments.errors import ExperimentError
from store.layout import Home

_MANY = 400
_MOST_RUNNING = 8


def page() -> None:
    """Draw the page."""
    now = data.state()
    if not now.runs:
        frame.title("Home")
        _welcome()
        frame.pulse(frame.version, is_running=True)
        return
    project = frame.title("Home", "What happened in the last 24 hours, and what to do next.")
    rows = data.newest(project, _MANY).to_pylist()
    good, bad = next_step.lately(rows, datetime.now(UTC))
    running = [row for row in rows if row["status"] == "running"]
    champions = _champions()
    board = queue_rows.board(data.home())
    best, metric = leading.best(project, rows)
    facts = Facts(
        running=len(running),
        waiting=len(board.waiting),
        is_paused=board.settings.paused,
        finished=good,
        failed=bad,
        best=best,
        metric=metric,
        champions=_rivals(champions, best) if champions else [],
    )
    _next(next_step.next_step(facts))
    head = home_tables.tiles(
        running=len(running),
        waiting=len(board.waiting),
        finished=len(good),
        failed=len(bad),
        champions=champions,
    )
    sheet(head, key="home_tiles")
    _running(running, board)
    if bad:
        _failed(bad)
    _finished(good)
    if champions:
        st.subheader("Released", anchor=False)
        _table(home_tables.champions_table(champions, datetime.now(UTC)), "home_champions")
    frame.pulse(
        lambda: _look(data.state(data.LOOK_AGE_S), queue_rows.board(data.home())),
        is_running=bool(running) or board.is_moving,
        drawn=_look(now, board),
    )


def _look(now: data.State, board: queue_rows.Board) -> object:
    """Return what redraws the page when it differs; how far runs are moves by itself."""
    return now.runs, now.running, queue_rows.look(board)


def _welcome() -> None:
    cards.first_run()
    st.page_link(
        navigation.page("launch"),
        label="**Or start one from a form**",
        icon=":material/rocket_launch:",
    )


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


def _rivals(champions: Sequence[Champion], best: Sequence[Mapping[str, Any]]) -> list[Champion]:
    """Return the champions that saw the same data as the best runs."""
    if not best:
        return list(champions)
    seen = data.data_hash(best[0]["run_id"])
    there = {row["run_id"] for row in data.named([one.run_id for one in champions]).to_pylist()}
    return [one for one in champions if one.run_id in there and data.data_hash(one.run_id) == seen]


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
    shown = running[:_MOST_RUNNING]
    ids = tuple(row["run_id"] for row in shown)

    @st.fragment(run_every=2.0)
    def live() -> None:
        now = datetime.now(UTC)
        series = data.series(ids).to_pylist()
        paces = {
            run_id: _pace(jobs.get(run_id), [o for o in series if o["run_id"] == run_id], now)
            for run_id in ids
        }
        telling = _telling(shown, series, with_course=True)
        _table(home_tables.running_table(shown, paces, telling, now), "home_running")

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


def _pace(job: Any, series: Sequence[dict[str, Any]], now: datetime) -> Pace:
    if job is not None:
        done = queue_rows.progress(job, series, now.timestamp())
        return Pace(words=done.words, share=done.share)
    step = max((one["last_step"] for one in series), default=None)
    return Pace(words="no step yet" if step is None else f"step {step:,}")


def _telling(
    rows: Sequence[Mapping[str, Any]],
    series: Sequence[dict[str, Any]],
    *,
    with_course: bool = False,
) -> dict[str, Telling]:
    """Return for each run its project's first metric, and how it went."""
    metrics = home_tables.key_metrics(rows, series)
    values = {(one["run_id"], one["metric"]): one for one in series}
    courses = _courses([row["run_id"] for row in rows], metrics.values()) if with_course else {}
    found = {}
    for row in rows:
        metric = metrics.get(row["project"])
        one = values.get((row["run_id"], metric.name)) if metric else None
        if metric is not None and one is not None:
            found[row["run_id"]] = Telling(
                metric=metric,
                value=one["last"] if one["best"] is None else one["best"],
                course=courses.get((row["run_id"], metric.name), ()),
            )
    return found


def _courses(
    ids: Sequence[str], metrics: Iterable[tables.KeyMetric]
) -> dict[tuple[str, str], Sequence[float]]:
    found = {}
    for name in {metric.name for metric in metrics}:
        column = tables.spark_column(name)
        for row in data.named(ids, columns=(column,)).to_pylist():
            found[row["run_id"], name] = row[column] or ()
    return found


def _finished(good: Sequence[Mapping[str, Any]]) -> None:
    st.subheader("Finished", anchor=False)
    if not good:
        st.caption("No run came to its end in the last 24 hours.")
        return
    shown = good[: home_tables.MOST_ROWS]
    telling = _telling(shown, data.series([row["run_id"] for row in shown]).to_pylist())
    _table(home_tables.finished_table(shown, telling, datetime.now(UTC)), "home_finished")
    _more(len(good))


def _failed(bad: Sequence[Mapping[str, Any]]) -> None:
    st.subheader("Failed", anchor=False)
    _table(home_tables.failed_table(bad, datetime.now(UTC)), "home_failed")
    _more(len(bad), {"status": "failed,crashed,lost"})


def _more(count: int, query: Mapping[str, str] | None = None) -> None:
    rest = count - home_tables.MOST_ROWS
    if rest > 0:
        st.page_link(
            navigation.page("runs"),
            label=f"{rest} more on the Runs page",
            icon=":material/arrow_forward:",
            query_params=query,
        )


def _table(content: markup.Markup, key: str) -> None:
    sheet(content, key=key, on_open=lambda run_id: navigation.go("run", {"id": run_id}))
