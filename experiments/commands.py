"""What the commands that read the store do: `ls`, `show`, `version`."""

import os
import platform
import sys
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from experiments.terminal import cell, duration, say, say_json, say_table

_PACKAGES = ("duckdb", "lightning", "numpy", "optuna", "plotly", "pyarrow", "streamlit", "torch")
_LS_METRIC = 'metrics."val/acc"'


def list_runs(
    home: str | None, *, query: str | None, sort: str | None, limit: int, as_json: bool
) -> None:
    """Print the runs of a store that match a filter.

    Raises
    ------
    store.StoreError
        If the filter is wrong or the store cannot be read.
    """
    import store
    from store.layout import Home

    place = Home.locate(home)
    rows: list[dict[str, Any]] = []
    total = 0
    if place.runs.is_dir():  # looking at nothing creates nothing
        with store.open(home=place.path) as opened:
            rows = opened.runs(query, sort, limit, columns=(_LS_METRIC,)).to_pylist()
            total = opened.count_runs(query)
    if as_json:
        say_json(rows)
    elif not rows:
        what = f"No run matches {query!r}" if query else "No run yet"
        say(f"{what} in {place.path}. Start one: bakeoff train cnn_mnist")
    else:
        _say_runs(rows, total)


def _say_runs(rows: list[dict[str, Any]], total: int) -> None:
    for row in rows:
        row["duration"] = duration(row["duration_s"])
    headings = {"run_id": "RUN", "project": "PROJECT", "name": "NAME", "model": "MODEL"}
    headings |= {"status": "STATUS", _LS_METRIC: "VAL/ACC", "duration": "TIME"}
    headings |= {"created_at": "STARTED (UTC)", "tags": "TAGS"}
    say_table(rows, headings)
    if total > len(rows):
        say(f"{len(rows)} of {total} runs; --limit shows more.")


def show_run(home: str | None, *, run_id: str, as_json: bool) -> None:
    """Print everything about one run.

    Raises
    ------
    store.StoreError
        If there is no such run or the store cannot be read.
    """
    import store
    from store.layout import Home

    place = Home.locate(home)
    if not place.runs.is_dir():
        raise store.RunNotFoundError(
            f"Expected a run in {place.path}; got {run_id!r}, but no run is stored there. "
            "Name the store's folder with --home."
        )
    with store.open(home=place.path) as opened:
        record = opened.run(run_id)
        metrics = opened.series([record["run_id"]]).to_pylist()
        splits = opened.splits(record["run_id"])
    if as_json:
        say_json({"run": record, "metrics": metrics, "predictions": splits})
        return
    _say_record(record)
    if metrics:
        say("\nmetrics")
        names = ("metric", "last", "best", "min", "max", "n", "last_step")
        say_table(metrics, {name: name.upper() for name in names})
    if splits:
        say(f"\npredictions: {', '.join(splits)}")


def _say_record(record: dict[str, Any]) -> None:
    facts = ("project", "name", "group", "status", "error", "created_at", "ended_at", "model")
    facts += ("seed", "tags", "notes", "host", "device", "python", "data_hash", "folder")
    say(record["run_id"])
    for name in facts:
        if record.get(name) not in (None, "", []):
            say(f"  {name:<11} {cell(record[name])}")
    say(f"  {'duration':<11} {duration(record.get('duration_s'))}")
    git = record.get("git") or {}
    if git.get("commit"):
        say(f"  {'commit':<11} {git['commit'][:12]}{' with changes' if git.get('dirty') else ''}")
    command = record.get("command")
    if command:
        say(f"  {'command':<11} {command if isinstance(command, str) else ' '.join(command)}")
    if record.get("params"):
        say("\nparameters")
        width = max(map(len, record["params"]))
        for key, value in sorted(record["params"].items()):
            say(f"  {key:<{width}}  {cell(value)}")


def show_version(*, as_json: bool) -> None:
    """Print the versions of Bakeoff and of what it stands on, without importing any of it."""
    versions = {"bakeoff": _version("bakeoff"), "python": platform.python_version()}
    packages = {name: _version(name) for name in _PACKAGES}
    if as_json:
        home = os.path.abspath(os.environ.get("BAKEOFF_HOME") or ".bakeoff")  # noqa: PTH100
        say_json({**versions, "packages": packages, "executable": sys.executable, "home": home})
        return
    say(f"bakeoff {versions['bakeoff']}, Python {versions['python']}")
    say(", ".join(f"{name} {number or 'missing'}" for name, number in packages.items()))


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
