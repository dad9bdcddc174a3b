"""What runs can be grouped by: the keys in which some of them are alike and some are not."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from dashboard import data

_FACTS: Final = (("group", "group (seeds)"), ("model", "model"), ("seed", "seed"), ("status", "status"),
                 ("project", "project"))  # fmt: skip
_MOST_PARAMS: Final = 80
_MOST_KEYS: Final = 24


@dataclass(frozen=True, slots=True, kw_only=True)
class Grouping:
    """A key, and each run's value of it; empty for a run that has none."""

    key: str
    label: str
    values: tuple[str, ...]


def groupings(runs: Sequence[Mapping[str, Any]]) -> list[Grouping]:
    """Return what the runs can be grouped by, the group first: runs that differ by their seed."""
    if len(runs) < 2:
        return []
    found = [_of(key, label, [run.get(key) for run in runs]) for key, label in _FACTS]
    params = _params([run["run_id"] for run in runs])
    found += [_of(f"params.{key}", key, values) for key, values in params.items()]
    return [one for one in found if _parts(one)][:_MOST_KEYS]


def _of(key: str, label: str, values: Sequence[object]) -> Grouping:
    texts = tuple("" if value is None else str(value) for value in values)
    return Grouping(key=key, label=label, values=texts)


def _parts(grouping: Grouping) -> bool:
    """Whether the key parts the runs, and not into single ones."""
    filled = [value for value in grouping.values if value]
    if grouping.key == "group":
        return bool(filled)
    return len(set(grouping.values)) >= 2 and len(set(filled)) < len(filled)


def _params(run_ids: Sequence[str]) -> dict[str, list[object]]:
    table = data.keys()
    kinds, names = table["kind"].to_pylist(), table["key"].to_pylist()
    keys = [name for kind, name in zip(kinds, names, strict=True) if kind == "param"][:_MOST_PARAMS]
    columns = [f"params.{data.quoted(key)}" for key in keys]
    rows = {row["run_id"]: row for row in data.named(run_ids, columns).to_pylist()}
    return {
        key: [rows.get(run_id, {}).get(column) for run_id in run_ids]
        for key, column in zip(keys, columns, strict=True)
    }
