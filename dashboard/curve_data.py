"""Answer one panel's question with what the store says, in the browser's format."""

import json
import os
import threading
from dataclasses import asdict
from typing import Any

from dashboard import data
from dashboard.wire import CurveQuery, encode
from store.line_questions import FACTS, NUMBERS

_TURN = threading.BoundedSemaphore(max(1, (os.cpu_count() or 1) // 2))
"""Panels asked for together are computed in turn: one is drawn while the next is computed."""


def answer(query: CurveQuery) -> bytes | None:
    """Return the encoded curves or what of them is new; None when the store has no news at all.

    Raises
    ------
    store.StoreError
        If a formula cannot be understood or the store cannot be reached.
    """
    version = data.state(data.AGE_S).version
    if query.version == version:
        return None
    with _TURN:
        table = data.ask(
            lambda s: s.ask(
                "lines",
                max_age_s=data.AGE_S,
                metrics=query.metrics,
                run_ids=query.runs,
                groups=query.groups,
                view=asdict(query.view),
                known=query.cursor,
            )
        )
    facts: dict[str, Any] = json.loads((table.schema.metadata or {})[FACTS])
    facts["version"] = f"{version}:{facts.pop('cursor')}"
    return encode(facts, table.column(NUMBERS).to_numpy())
