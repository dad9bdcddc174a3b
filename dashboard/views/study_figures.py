"""The charts of a study: one at a time, drawn on demand; a click on a point opens its run."""

from typing import Any

import streamlit as st

from dashboard import data, navigation, state, study_charts, study_data
from experiments import studies
from experiments.studies import Study


def draw(found: Study) -> None:
    """Draw the tab: the chart that was chosen, and no other."""
    kinds = [
        kind for kind in study_charts.CHARTS if kind != "pareto" or len(found.spec.objectives) > 1
    ]
    asked = st.query_params.get("chart", "")
    state.seed("study_chart", asked if asked in kinds else kinds[0])
    kind = st.segmented_control(
        "Chart",
        kinds,
        format_func=lambda k: study_charts.CHARTS[k].title,
        key="study_chart",
        on_change=lambda: state.put("chart", st.session_state["study_chart"] or ""),
        label_visibility="collapsed",
        required=True,
    )
    kind = str(kind)
    st.caption(study_charts.CHARTS[kind].help)
    params, objective = _chosen(found, kind)
    mode = "dark" if st.context.theme.type == "dark" else "light"
    if kind == "history":
        figure, note = study_data.history(found, mode=mode)
    else:
        figure, note = _on_demand(found, kind, mode, params, objective)
    if note:
        st.caption(note)
    if figure is not None:
        _show(found, kind, figure)


def _on_demand(
    found: Study, kind: str, mode: str, params: tuple[str, ...], objective: int
) -> tuple[Any, str]:
    """Draw a chart as it was when it was asked for: a newer one replaces it on demand only."""
    now = int(study_data.progress(found.id)["changed_us"])
    memory = f"study_drawn:{found.id}:{kind}"
    drawn = st.session_state.setdefault(memory, now)
    if drawn != now:
        st.button(
            "Draw with the newest trials",
            icon=":material/refresh:",
            on_click=st.session_state.__setitem__,
            args=(memory, now),
            key="study_redraw",
        )
    with st.spinner("Drawing…", show_time=False):
        return study_data.chart(
            found, kind, version=drawn, mode=mode, params=params, objective=objective
        )


def _chosen(found: Study, kind: str) -> tuple[tuple[str, ...], int]:
    names = [one.name for one in found.spec.space]
    params: tuple[str, ...] = ()
    objective = 0
    takes_two = kind in {"contour", "rank"}
    goals = [o.metric for o in found.spec.objectives]
    has_objective = len(goals) > 1 and kind not in {"history", "timeline", "pareto", "intermediate"}
    if not (takes_two or has_objective):
        return params, objective
    with st.container(horizontal=True):
        if takes_two and len(names) > 1:
            first = st.selectbox("Parameter", names, key="study_across", width=240)
            others = [name for name in names if name != first]
            second = st.selectbox("and", others, key="study_up", width=240)
            params = (str(first), str(second))
        if has_objective:
            goal = st.selectbox("Objective", goals, key="study_objective", width=240)
            objective = goals.index(str(goal))
    return params, objective


def _show(found: Study, kind: str, figure: Any) -> None:
    key = f"study_figure_{kind}"
    event = st.plotly_chart(
        figure,
        key=key,
        theme=None,
        on_select="rerun",
        selection_mode="points",
        config={"displayModeBar": False},
        alt=f"{study_charts.CHARTS[kind].title} of {found.name}",
    )
    points = event["selection"]["points"] if event else []
    number = study_charts.trial_of(points[0]) if points else None
    if number is not None:
        _open_trial(found, number)


def _open_trial(found: Study, number: int) -> None:
    row = next((r for r in studies.trials(data.home(), found.id) if r["number"] == number), None)
    if row and row.get("run_ids"):
        navigation.go("run", {"id": row["run_ids"][0]})
