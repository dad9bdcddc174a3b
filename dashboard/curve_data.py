"""Answer one panel's question with what the store says, in the browser's format."""

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from dashboard import data
from dashboard.wire import CurveQuery, Series, encode
from store.line_questions import FACTS

if TYPE_CHECKING:
    import pyarrow as pa

LIVE = frozenset({"running", "lost"})
"""Statuses of runs that may still grow."""


def answer(query: CurveQuery) -> bytes | None:
    """Return the encoded curves, or None when the browser has drawn the newest already.

    Raises
    ------
    store.StoreError
        If a formula cannot be understood or the store cannot be reached.
    """
    version = data.state().version
    if query.version == version:
        return None
    table = data.ask(
        lambda s: s.ask(
            "lines",
            metrics=query.metrics,
            run_ids=query.runs,
            groups=query.groups,
            view=asdict(query.view),
            known=query.mark,
        )
    )
    facts: dict[str, Any] = json.loads((table.schema.metadata or {})[FACTS])
    lines = _series(table, facts.pop("lines"), query.view.x)
    facts |= {
        "version": f"{version}:{facts['mark']}",
        "same": facts["mark"] == query.mark,
        "running": running(query.everyone),
    }
    return encode(lines, facts)


def running(run_ids: tuple[str, ...]) -> list[str]:
    """Return those of the runs that may still grow."""
    rows = data.named(run_ids).select(["run_id", "status"]).to_pylist()
    return [row["run_id"] for row in rows if row["status"] in LIVE]


def _series(table: "pa.Table", lines: list[dict[str, Any]], x: str) -> list[Series]:
    """Return the lines that lie one after the other in the table; nothing is copied."""
    of = {name: table.column(name).to_numpy() for name in table.column_names}
    plain = ("x", "value") if x == "step" else ("x", "value", "step")
    names = {"band": ("x", "value", "low", "high", "n")}
    found, start = [], 0
    for line in lines:
        end = start + line["n"]
        columns = tuple(of[name][start:end] for name in names.get(line["kind"], plain))
        found.append(
            Series(run=line["run"], metric=line["metric"], kind=line["kind"], columns=columns)
        )
        start = end
    return found
