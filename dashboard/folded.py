"""Groups of runs as rows of the run table: mean and spread over the seeds. Pure."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from dashboard import formats, tables, theme
from dashboard.tables import Column, KeyMetric


def frame(
    rows: Sequence[Mapping[str, Any]],
    metrics: Sequence[KeyMetric],
    baseline: Mapping[str, float | None],
) -> pd.DataFrame:
    """Return the table of groups from rows of the store's question `groups`.

    Parameters
    ----------
    baseline
        Values that the means are set against; empty without a baseline.
    """
    content: dict[str, Any] = {
        "name": [row["group"] or row["names"][0] or row["run_ids"][0] for row in rows],
        "runs": [row["num_runs"] for row in rows],
        "states": [_states(row["statuses"]) for row in rows],
        "model": [row["model"] for row in rows],
        "duration": [formats.duration(row["duration_s"]) for row in rows],
        "created_at": pd.to_datetime(pd.Series([row["created_at"] for row in rows]), utc=True),
    }
    for place, metric in enumerate(metrics):
        facts = [(row[f"mean.{place}"], row[f"std.{place}"], row[f"n.{place}"]) for row in rows]
        content[tables.metric_column(metric.name)] = [formats.spread(*fact) for fact in facts]
        value = baseline.get(metric.name)
        if value is not None:
            means = pd.Series([mean for mean, _, _ in facts], dtype="float64")
            content[tables.delta_column(metric.name)] = means - value
    return pd.DataFrame(content)


def columns(metrics: Sequence[KeyMetric], content: pd.DataFrame) -> list[Column]:
    """Return the columns of the table of groups, in order."""
    listed = [
        Column(key="name", label="Group", kind="open", help="Opens the group's first run."),
        Column(key="runs", label="Runs", kind="number", decimals=0),
        Column(key="states", label="Status", kind="text"),
        Column(key="model", label="Model", kind="text"),
    ]
    text = "Mean ± standard deviation over the runs (their number)."
    for metric in metrics:
        key = tables.metric_column(metric.name)
        listed.append(Column(key=key, label=metric.label, kind="text", help=text))
        delta = tables.delta_column(metric.name)
        if delta in content:
            listed.append(
                Column(
                    key=delta,
                    label="Δ",
                    kind="delta",
                    help="Difference of the mean to the baseline. Blue is better.",
                    decimals=formats.decimals(content[delta]),
                    goal=metric.goal,
                )
            )
    listed.append(Column(key="duration", label="Duration (mean)", kind="text"))
    listed.append(Column(key="created_at", label="Started (last)", kind="time"))
    return listed


def selection(
    rows: Sequence[int], shown: Sequence[Sequence[str]], before: Sequence[str]
) -> list[str]:
    """Return the selected runs: old ones in their order, then new ones; other pages' stay.

    Parameters
    ----------
    rows
        Places of the ticked rows.
    shown
        The runs of each row on this page.
    before
        Runs that were selected, on any page.
    """
    ticked = [run_id for row in sorted(rows) if row < len(shown) for run_id in shown[row]]
    here = {run_id for ids in shown for run_id in ids}
    kept = [run_id for run_id in before if run_id in set(ticked) or run_id not in here]
    return kept + [run_id for run_id in ticked if run_id not in set(kept)]


def _states(statuses: Sequence[str]) -> str:
    """Return how many runs are in which status: `3 ✓ 1 ✕`."""
    counts = Counter(statuses)
    ordered = [word for word in theme.STATUSES if word in counts]
    return "  ".join(f"{counts[word]} {theme.status(word).symbol}" for word in ordered)
