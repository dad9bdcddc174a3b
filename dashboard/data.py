"""The dashboard's only way to the store: one connection, cached reads, one retry."""

import os
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import store

if TYPE_CHECKING:
    import pyarrow as pa

PAGE_SIZE: Final = 100
STATE_TTL_S: Final = 0.2
AGE_S: Final = 0.5
"""The version was asked for a moment ago: what the store saw then need not be looked for again."""
LOOK_AGE_S: Final = 2.0
"""The store looks for news as often by itself: whoever waits for some need not have it look."""
_MOST_SEEDS: Final = 30

T = TypeVar("T")

_lock = threading.Lock()
_open: dict[str, store.Store] = {}
_states: dict[str, tuple[float, "State"]] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """What changed, in one glance."""

    version: int
    shape: int
    """Changes with anything but more points."""
    running: int
    runs: int
    trouble: str | None = None
    """Why new points wait, in the store's words; None when all is well."""


def home() -> str:
    """Return the folder of the store that is shown."""
    return str(Path(os.environ.get("BAKEOFF_HOME") or ".bakeoff").expanduser().absolute())


def start_hub() -> None:
    """Start the process that owns the store, unless one lives; it stays while we do."""
    store.ensure_hub(home(), parent=os.getpid())


def ask(read: Callable[[store.Store], T]) -> T:
    """Return what the store answers; a hub that went away is replaced, once.

    Raises
    ------
    store.StoreError
        If the question is wrong or the store cannot be reached.
    """
    return read(_connection(home()))


def change(write: Callable[[store.Store], T]) -> T:
    """Change something in the store; the next read sees it.

    Raises
    ------
    store.StoreError
        If it is refused or the store cannot be reached.
    """
    result = ask(write)
    _states.pop(home(), None)
    return result


def state(max_age_s: float = 0.0) -> State:
    """Return the store's version and counts, at most 0.2 s or `max_age_s` old."""
    key = home()
    known = _states.get(key)
    if known and time.monotonic() - known[0] < STATE_TTL_S:
        return known[1]
    facts = ask(lambda s: s.state(max_age_s=max_age_s))
    fresh = State(
        version=facts["version"],
        shape=facts["shape"],
        running=facts["running"],
        runs=facts["runs"],
        trouble=facts.get("trouble"),
    )
    _states[key] = (time.monotonic(), fresh)
    return fresh


def runs(
    text: str | None = None,
    order_by: str | None = None,
    *,
    page: int = 1,
    columns: Sequence[str] = (),
) -> "pa.Table":
    """Return one page of the run table; see `store.Store.runs`."""
    options = {"offset": (page - 1) * PAGE_SIZE, "columns": tuple(columns)}
    return _cached("runs", text, order_by, PAGE_SIZE, **options)


def count_runs(text: str | None = None) -> int:
    """Return how many runs a filter leaves."""
    return _cached("count_runs", text)


def count_groups(text: str | None = None) -> int:
    """Return how many rows `groups` has for a filter."""
    return _cached("ask", "count_groups", filter=text)["n"][0].as_py()


def groups(
    text: str | None,
    metrics: Sequence[str],
    *,
    order_by: str | None,
    descending: bool,
    page: int = 1,
) -> "pa.Table":
    """Return one page of the runs folded into groups; see `store.group_questions.groups`."""
    return _cached(
        "ask",
        "groups",
        filter=text,
        metrics=tuple(metrics),
        order_by=order_by,
        descending=descending,
        limit=PAGE_SIZE,
        offset=(page - 1) * PAGE_SIZE,
    )


def newest(project: str | None = None, limit: int = 200) -> "pa.Table":
    """Return the newest runs of a project, or of all."""
    return _cached("runs", within(project), "created_at desc", limit)


def named(run_ids: Sequence[str], columns: Sequence[str] = ()) -> "pa.Table":
    """Return the rows of some runs, in no particular order; unknown ones are missing."""
    listed = ", ".join(quoted(run_id) for run_id in run_ids)
    return _cached(
        "ask",
        "runs",
        filter=f"id in ({listed})",
        order_by=None,
        limit=len(run_ids),
        offset=0,
        columns=tuple(columns),
        max_age_s=AGE_S,
    )


def overview() -> "pa.Table":
    """Return the rows of the newest 5,000 runs: projects, kinds and statuses there are."""
    return _cached("runs", None, "created_at desc", 5_000)


def run(run_id: str) -> Mapping[str, Any]:
    """Return everything of one run's record."""
    return _cached("run", run_id)


def data_hash(run_id: str) -> str:
    """Return the hash of the data that a finished run saw; it never changes, so it is asked once."""
    return _data_hash(home(), run_id)


def series(run_ids: Sequence[str]) -> "pa.Table":
    """Return one row per run and metric: goal, last, best, ..."""
    return _cached("series", tuple(run_ids))


def metric_names(run_ids: Sequence[str]) -> list[str]:
    """Return the names of the metrics that some runs logged."""
    found = _cached("ask", "metric_names", run_ids=tuple(run_ids), max_age_s=AGE_S)
    return found["metric"].to_pylist()


def outline(run_ids: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return the statuses and metrics of some runs, at most 2 s old; cheap where none is new."""
    return _outline(home(), state(LOOK_AGE_S).shape, tuple(run_ids))


def keys(project: str | None = None) -> "pa.Table":
    """Return the parameters and metrics that a project's runs have."""
    return _cached("keys", project=project)


def projects() -> list[str]:
    """Return the projects, the most recently used first."""
    return _cached("projects").column("project").to_pylist()


def splits(run_id: str) -> Sequence[str]:
    """Return the splits for which a run stored predictions."""
    return _cached("splits", run_id)


def predictions(run_id: str, split: str) -> "pa.Table":
    """Return a run's predictions, one row per example."""
    return _cached("predictions", run_id, split)


def other_seeds(run: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the finished runs of the same project and group: the recipe with other seeds."""
    if not run["group"]:
        return ()
    text = f"group = {quoted(run['group'])} and status = finished"
    found = _cached("runs", within(run["project"], text), "created_at", _MOST_SEEDS)
    return tuple(i for i in found["run_id"].to_pylist() if i != run["run_id"])


def curves(metric: str, run_ids: Sequence[str], *, x: str, width: int) -> "pa.Table":
    """Return what is needed to draw a metric's curves once; see `store.Store.curves`."""
    return _cached("curves", metric, tuple(run_ids), x=x, width=width)


def sql(query: str, *, max_rows: int = 10_000) -> "pa.Table":
    """Return what a read-only query gives."""
    return _answered(home(), state().version, query, max_rows)


def events(run_id: str) -> "pa.Table":
    """Return what a run noted besides numbers."""
    return _cached("events", run_id)


def folder(run_id: str) -> Path:
    """Return the folder in which a run lives."""
    return ask(lambda s: s.folder(run_id))


def within(project: str | None, text: str = "") -> str | None:
    """Return a filter that also keeps to a project."""
    parts = [f"({text})"] if text.strip() else []
    if project:
        parts.append(f"project = {quoted(project)}")
    return " and ".join(parts) or None


def quoted(text: str) -> str:
    """Return a text as a string of the filter language."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def close() -> None:
    """Close the connection when the server stops."""
    for key in list(_open):
        _forget(key)


def _connection(key: str) -> store.Store:
    with _lock:
        if key not in _open:
            _open[key] = store.open_through_hub(key)
        return _open[key]


def _forget(key: str) -> None:
    with _lock:
        gone = _open.pop(key, None)
    if gone is not None:
        gone.close()


def _cached(name: str, *arguments: Any, **options: Any) -> Any:
    return _read(home(), state().version, name, arguments, tuple(options.items()))


@lru_cache(maxsize=5_000)
def _data_hash(_home: str, run_id: str) -> str:
    return str(run(run_id).get("data_hash"))


@lru_cache(maxsize=128)
def _read(
    _home: str,
    _version: int,
    name: str,
    arguments: tuple[Any, ...],
    options: tuple[tuple[str, Any], ...],
) -> Any:
    """Return a method's answer; the version in the key makes it new when anything changed."""
    return ask(lambda s: getattr(s, name)(*arguments, **dict(options)))


@lru_cache(maxsize=64)
def _outline(_home: str, _shape: int, run_ids: tuple[str, ...]) -> tuple[list[str], list[str]]:
    rows = sorted(named(run_ids).to_pylist(), key=lambda row: row["run_id"])
    return [row["status"] for row in rows], metric_names(run_ids)


@lru_cache(maxsize=8)  # few: an answer may be large, and a store that grows makes new ones
def _answered(_home: str, _version: int, query: str, max_rows: int) -> Any:
    return ask(lambda s: s.sql(query, max_rows=max_rows))
