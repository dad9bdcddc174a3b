"""A run's record: its header with all its events folded in, and the row that the table shows."""

import re
import time
from typing import Any, Final

from store.liveness import Status
from store.values import flatten, to_json

_REQUIRED: Final = {"id": str, "project": str, "name": str, "created_us": int, "config": dict}

_TO_MIN = re.compile(
    r"(^|[/_.-])(loss|error|err|mae|mse|rmse|nll|perplexity|ppl|brier|ece|cer|wer)([/_.-]|\d|$)",
    re.IGNORECASE,
)
_TO_MAX = re.compile(
    r"(^|[/_.-])(acc|accuracy|f1|auc|auroc|ap|map|precision|recall|r2|mcc|kappa|ndcg|iou|dice|bleu|rouge|score)([/_.-]|\d|$)",
    re.IGNORECASE,
)


def guess_goal(metric: str) -> str | None:
    """Return ``"min"`` or ``"max"`` where a metric's name leaves no doubt, else None."""
    if metric.startswith("system/"):
        return None
    if _TO_MIN.search(metric):
        return "min"
    return "max" if _TO_MAX.search(metric) else None


def new_record(header: dict[str, Any]) -> dict[str, Any]:
    """Return the record of a run of which only the header is known."""
    return {**header, "claimed": None, "status": Status.CRASHED, "summary": {}, "seen_us": None}


def fold(record: dict[str, Any], event: dict[str, Any]) -> dict[str, Any]:
    """Return the record after an event; events of other kinds leave it as it is."""
    match event["kind"]:
        case "status":
            return _with_status(record, event)
        case "describe":
            return {**record, **_protected(event.get("facts"))}
        case "config":
            return {**record, "config": {**record["config"], **(event.get("config") or {})}}
        case "summary":
            return {**record, "summary": {**record["summary"], **(event.get("values") or {})}}
        case "edit":
            return _edited(record, event)
        case _:
            return record


def is_header(header: Any) -> bool:
    """Whether something read from a ``run.json`` says who a run is."""
    return isinstance(header, dict) and all(
        isinstance(header.get(name), kind) for name, kind in _REQUIRED.items()
    )


def run_row(record: dict[str, Any], run_key: int) -> tuple[Any, ...]:
    """Return the values of ``run_base`` for a record, in the order of its columns."""
    model = record["config"].get("model")
    seed = record.get("seed")
    return (
        run_key,
        record["id"],
        record["project"],
        record["name"],
        _text(record.get("group")),
        str(record["status"]),
        _text(record["claimed"]),
        _text(model.get("kind") if isinstance(model, dict) else model),
        _text(record.get("host")),
        seed if isinstance(seed, int) and -(2**63) <= seed < 2**63 else None,
        _text(record.get("notes")),
        [str(tag) for tag in record.get("tags") or []],
        _text(record.get("error")),
        record["created_us"],
        record.get("ended_us"),
        record.get("seen_us"),
        to_json(record),
        record.get("pinned") is True,
    )


def _text(value: Any) -> str | None:
    return None if value is None else str(value)


def param_rows(record: dict[str, Any], run_key: int) -> list[tuple[int, str, float | None, str]]:
    """Return the flattened configuration as rows of ``param``."""
    rows: list[tuple[int, str, float | None, str]] = []
    for key, value in flatten(record["config"]).items():
        text = value if isinstance(value, str) else to_json(value)
        rows.append((run_key, key, _as_double(value), text))
    return rows


def _with_status(record: dict[str, Any], event: dict[str, Any]) -> dict[str, Any]:
    claimed = event.get("status")
    if claimed == Status.RUNNING:
        fresh = {"status": Status.RUNNING, "ended_us": None, "error": None}
        return {**record, **fresh, "claimed": claimed, "process": event.get("process")}
    if claimed not in set(Status):
        return record
    ended = {"ended_us": event.get("at_us") or time.time_ns() // 1000, "error": event.get("error")}
    return {**record, **ended, "claimed": claimed, "status": Status(claimed)}


def _edited(record: dict[str, Any], event: dict[str, Any]) -> dict[str, Any]:
    changes = {key: event[key] for key in ("name", "notes") if event.get(key) is not None}
    if isinstance(event.get("pinned"), bool):
        changes["pinned"] = event["pinned"]
    removed = set(event.get("remove_tags") or ())
    kept = [tag for tag in record.get("tags") or [] if tag not in removed]
    added = [tag for tag in event.get("add_tags") or () if tag not in kept]
    return {**record, **changes, "tags": kept + added}


_IDENTITY: Final = frozenset(
    {"id", "format", "project", "created_us", "config", "claimed", "status", "summary", "process"}
)


def _protected(facts: Any) -> dict[str, Any]:
    """Return facts without those that would overwrite who the run is."""
    if not isinstance(facts, dict):
        return {}
    return {key: value for key, value in facts.items() if key not in _IDENTITY}


def _as_double(value: Any) -> float | None:
    """Return a number as a double; None for anything else, and for integers beyond it."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return float(value)
    except OverflowError:
        return None
