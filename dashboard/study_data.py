"""What the pages of studies read: cached by the store's version, charts by the study's own."""

import json
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from dashboard import data, study_charts
from experiments import studies
from experiments.studies import Study

if TYPE_CHECKING:
    import plotly.graph_objects as go
    import pyarrow as pa

    from experiments.queueing.jobs import Job

PAGE_SIZE = 50


def listed() -> list[dict[str, Any]]:
    """Return one row a study, the newest first."""
    return _asked("studies").to_pylist()


def study(study_id: str) -> Study:
    """Return a study by its id.

    Raises
    ------
    experiments.studies.StudyNotFoundError
        If there is none.
    """
    return studies.study(data.home(), study_id)


def job(study_id: str) -> "Job | None":
    """Return the job that searches a study, or None."""
    return studies.search_job(data.home(), study_id)


def progress(study_id: str) -> dict[str, Any]:
    """Return counts by state and times."""
    return _asked("study_progress", study=study_id).to_pylist()[0]


def trials(
    study_id: str,
    *,
    state: str | None = None,
    order: str = "number",
    limit: int | None = PAGE_SIZE,
    offset: int = 0,
) -> list[dict[str, Any]]:
    """Return a page of trials, their parameters read."""
    found = _asked(
        "study_trials", study=study_id, state=state, order=order, limit=limit, offset=offset
    )
    return _read(found)


def history(found: Study, *, mode: str) -> "tuple[go.Figure | None, str]":
    """Return the chart of the values and the best so far, and what is to be said about it."""
    version = int(progress(found.id)["changed_us"])
    return _drawn_history(data.home(), found.id, version, found.spec.objectives[0].metric, mode)


def chart(
    found: Study, kind: str, *, version: int, mode: str, params: tuple[str, ...], objective: int
) -> "tuple[go.Figure | None, str]":
    """Return a chart of a study as it was at a version, and what is to be said about it."""
    return _drawn(data.home(), found.id, kind, version, mode, params, objective)


def _asked(question: str, **arguments: Any) -> "pa.Table":
    return _ask(data.home(), data.state().version, question, tuple(arguments.items()))


@lru_cache(maxsize=64)
def _ask(
    _home: str, _version: int, question: str, arguments: tuple[tuple[str, Any], ...]
) -> "pa.Table":
    return data.ask(lambda s: s.ask(question, **dict(arguments)))


def _rows(study_id: str, version: int) -> list[dict[str, Any]]:
    return _all_rows(data.home(), study_id, version)


@lru_cache(maxsize=4)
def _all_rows(_home: str, study_id: str, _version: int) -> list[dict[str, Any]]:
    return trials(study_id, order="oldest", limit=None)


@lru_cache(maxsize=8)
def _drawn_history(
    _home: str, study_id: str, _version: int, label: str, mode: str
) -> "tuple[go.Figure | None, str]":
    most = study_charts.CHARTS["history"].most
    points = data.ask(lambda s: s.ask("study_history", study=study_id, most=most))
    if not points.num_rows:
        return None, "No trial has a value yet."
    total, note = points["n"][0].as_py(), ""
    if total > points.num_rows:
        note = f"Of {total:,} trials the best and the worst of each part are drawn."
    return study_charts.history(points, label, mode=mode), note


@lru_cache(maxsize=32)
def _drawn(  # noqa: PLR0917  # the key of the cache
    _home: str,
    study_id: str,
    kind: str,
    version: int,
    mode: str,
    params: tuple[str, ...],
    objective: int,
) -> "tuple[go.Figure | None, str]":
    spec = study(study_id).spec
    return study_charts.chart(
        kind, spec, _rows(study_id, version), mode=mode, params=params, objective=objective
    )


def _read(found: "pa.Table") -> list[dict[str, Any]]:
    rows = found.to_pylist()
    for row in rows:
        for key in ("params", "excess", "course"):
            row[key] = json.loads(row[key]) if row[key] else {}
        row["course"] = row["course"] or []
    return rows
