"""Which finished runs lead: the best ones that saw the same data."""

from collections.abc import Sequence
from typing import Any

from dashboard import data, next_step, tables

_MOST_JUDGED = 30
_MOST_ASKED = 100


def best(
    project: str | None, rows: Sequence[dict[str, Any]]
) -> tuple[list[dict[str, Any]], tables.KeyMetric | None]:
    """Return the best finished runs on the same data, of the project used last, and by what.

    Parameters
    ----------
    project
        Only of this one; None for the one that was used last.
    rows
        The newest runs.
    """
    current = project or next((r["project"] for r in rows if r["status"] == "finished"), None)
    if current is None:
        return [], None
    mine = [row["run_id"] for row in rows if row["project"] == current][:_MOST_ASKED]
    series = data.series(mine).to_pylist()
    metric = next(iter(tables.key_metrics(series, most=1)), None)
    if metric is None or metric.goal is None:
        return [], None
    text = data.within(current, "status = finished")
    columns = [tables.metric_column(metric.name)]
    found = data.runs(text, metric.order, columns=columns).to_pylist()[:_MOST_JUDGED]
    hashes = {row["run_id"]: data.data_hash(row["run_id"]) for row in found}
    return next_step.on_same_data(found, hashes)[: next_step.MOST_COMPARED], metric
