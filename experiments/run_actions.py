"""What people do to several runs at once: tag, pin, stop, export."""

import csv
import io
import json
import os
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, Literal

from experiments import queue
from experiments.errors import UsageError

if TYPE_CHECKING:
    from store.reading import Store

_MOST_TAG: Final = 100
_FACTS: Final = (
    *("run_id", "project", "name", "group", "status", "created_at", "ended_at"),
    *("duration_s", "seed", "tags", "notes", "host", "model", "error"),
)


def check_tags(tags: Sequence[str]) -> tuple[str, ...]:
    """Return tags without blanks around them, each once.

    Raises
    ------
    UsageError
        If one is empty, too long, or holds a comma or a line break.
    """
    cleaned = tuple(dict.fromkeys(tag.strip() for tag in tags))
    for tag in cleaned:
        if not tag or len(tag) > _MOST_TAG or any(mark in tag for mark in ",\n\r"):
            raise UsageError(
                f"Expected a tag of 1 to {_MOST_TAG} characters without a comma; got {tag[:40]!r}."
            )
    return cleaned


def tag_runs(
    s: "Store", run_ids: Sequence[str], *, add: Sequence[str] = (), remove: Sequence[str] = ()
) -> None:
    """Give tags to runs and take tags away.

    Raises
    ------
    UsageError
        If a tag to add will not do.
    store.RunNotFoundError
        If there is no such run.
    """
    added = check_tags(add)
    for run_id in run_ids:
        s.edit_run(run_id, add_tags=added, remove_tags=list(remove))


def pin_runs(s: "Store", run_ids: Sequence[str], pinned: bool) -> None:
    """Pin runs, so that nothing deletes them, or let go of them."""
    for run_id in run_ids:
        s.edit_run(run_id, pinned=pinned)


def stop_runs(
    home: str | os.PathLike[str] | None, run_ids: Sequence[str], *, hard: bool = False
) -> tuple[str, ...]:
    """Ask the queue to stop the jobs of runs; return a sentence for each that it cannot stop."""
    jobs = {job.run_id: job for job in queue.jobs(home) if not job.state.is_final}
    refused = []
    for run_id in run_ids:
        job = jobs.get(run_id)
        if job is None:
            refused.append(
                f"Expected a run that the queue works on; got {run_id}. "
                "Stop it where it was started."
            )
        else:
            queue.stop(home, job.id, hard=hard)
    return tuple(refused)


def export_runs(s: "Store", run_ids: Sequence[str], form: Literal["csv", "json"]) -> str:
    """Return runs with their parameters and the best (else last) value of each metric.

    Parameters
    ----------
    form
        ``csv``: one row a run, ``params.…`` and ``metrics.…`` as columns; ``json``: a list.

    Raises
    ------
    store.RunNotFoundError
        If there is no such run.
    """
    values: dict[str, dict[str, float | None]] = {run_id: {} for run_id in run_ids}
    for row in s.series(list(run_ids)).to_pylist():
        best = row["last"] if row["best"] is None else row["best"]
        values[row["run_id"]][row["metric"]] = best
    rows = []
    for run_id in run_ids:
        record = s.run(run_id)
        facts = {name: record.get(name) for name in _FACTS} | {"run_id": record["run_id"]}
        rows.append({**facts, "params": record["params"], "metrics": values[run_id]})
    if form == "json":
        return json.dumps(rows, indent=1, ensure_ascii=False, default=_plain)
    return _csv(rows)


def _csv(rows: Sequence[dict[str, Any]]) -> str:
    flat = []
    for row in rows:
        one = {name: value for name, value in row.items() if name not in {"params", "metrics"}}
        for part in ("params", "metrics"):
            one |= {f"{part}.{key}": value for key, value in row[part].items()}
        flat.append({key: _cell(value) for key, value in one.items()})
    names = dict.fromkeys(name for row in flat for name in row)
    text = io.StringIO()
    writer = csv.DictWriter(text, list(names), restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(flat)
    return text.getvalue()


def _cell(value: Any) -> Any:
    """Return a value for a spreadsheet; what one would take for a formula is kept a text."""
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, (list, tuple)):
        value = ", ".join(map(str, value))
    if isinstance(value, dict):
        value = json.dumps(value, ensure_ascii=False, default=_plain)
    if isinstance(value, str) and value[:1] in {"=", "+", "-", "@", "\t", "\r"}:
        return f"'{value}"
    return "" if value is None else value


def _plain(value: Any) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)
